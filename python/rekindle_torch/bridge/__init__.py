"""PyTorch models on Vulkan: the engine runs in a process of its own, without ROCm."""

from .accelerated import Accelerated, accelerate
from .device import open_device
from .doctor import doctor
from .engine import close_engine
from .errors import BridgeError, BridgeWarning
from .training import make_plain, make_vulkan, vulkan_conv

__all__ = [
    "Accelerated",
    "BridgeError",
    "BridgeWarning",
    "accelerate",
    "close_engine",
    "doctor",
    "make_plain",
    "make_vulkan",
    "open_device",
    "vulkan_conv",
]
