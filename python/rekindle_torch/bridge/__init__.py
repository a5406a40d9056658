"""PyTorch models on Vulkan: the engine runs in a process of its own, without ROCm."""

from .accelerated import Accelerated, accelerate
from .engine import close_engine
from .errors import BridgeError, BridgeWarning

__all__ = ["Accelerated", "BridgeError", "BridgeWarning", "accelerate", "close_engine"]
