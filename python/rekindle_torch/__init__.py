"""PyTorch's convolutions on AMD GPUs that MIOpen leaves behind.

Importing this package changes nothing. `make_safe(model)` replaces a model's layers, `patched()`
reaches all code inside it, `accelerate(model, example)` runs a model on Vulkan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .convolution.blocks import set_workspace_limit
from .layers import (
    Conv1dGFX1010,
    Conv2dGFX1010,
    Conv3dGFX1010,
    ConvTranspose1dGFX1010,
    ConvTranspose2dGFX1010,
    ConvTranspose3dGFX1010,
)
from .norm import (
    SafeBatchNorm1d,
    SafeBatchNorm2d,
    SafeBatchNorm3d,
    SafeInstanceNorm1d,
    SafeInstanceNorm2d,
    SafeInstanceNorm3d,
)
from .patch import patched
from .recurrent import SafeGRU, SafeLSTM, SafeRNN, without_miopen
from .replace import Replacements, make_safe, restore
from .report import Report, reporting
from .tune import tune

if TYPE_CHECKING:
    from .bridge import accelerate as accelerate
    from .bridge import doctor as doctor

__version__ = "0.1.0"

# What needs the engine is imported when it is first asked for.
_BRIDGE = ("accelerate", "doctor")


def __getattr__(name: str) -> Any:
    if name in _BRIDGE:
        from . import bridge

        return getattr(bridge, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_BRIDGE])


__all__ = [
    "Conv1dGFX1010",
    "Conv2dGFX1010",
    "Conv3dGFX1010",
    "ConvTranspose1dGFX1010",
    "ConvTranspose2dGFX1010",
    "ConvTranspose3dGFX1010",
    "Replacements",
    "Report",
    "SafeBatchNorm1d",
    "SafeBatchNorm2d",
    "SafeBatchNorm3d",
    "SafeGRU",
    "SafeInstanceNorm1d",
    "SafeInstanceNorm2d",
    "SafeInstanceNorm3d",
    "SafeLSTM",
    "SafeRNN",
    "accelerate",
    "doctor",
    "make_safe",
    "patched",
    "reporting",
    "restore",
    "set_workspace_limit",
    "tune",
    "without_miopen",
]
