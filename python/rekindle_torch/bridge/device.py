"""Which device the engine computes on."""

from __future__ import annotations

import os
from typing import Any

from .engine import LOAD_SECONDS, engine


def chosen_device(device: str | None) -> str:
    """The device asked for: an argument, else the variable REKINDLE_DEVICE, else a GPU."""
    return device or os.environ.get("REKINDLE_DEVICE") or "gpu"


def open_device(device: str | None = None) -> dict[str, Any]:
    """Opens a device, named as in `accelerate`: its kind, its name, and why it was chosen.

    Raises BridgeError where there is no engine or no such device.

    Example:
        >>> open_device("software")["name"]
        'llvmpipe (LLVM 19.1.7, 256 bits)'
    """
    request = {"do": "device", "device": chosen_device(device)}
    return engine().request(request, LOAD_SECONDS)
