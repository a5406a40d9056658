"""Under autocast, PyTorch's convolutions take their tensors in 16 bits: so do ours."""

from __future__ import annotations

from typing import Any, Optional, cast

import torch
from torch import Tensor


def _type_for(device: str) -> Optional[torch.dtype]:
    """The type that autocast asks for on a device, or None where it is off."""
    if device == "cuda":
        return torch.get_autocast_gpu_dtype() if torch.is_autocast_enabled() else None
    if device == "cpu":
        # PyTorch marks these as deprecated from 2.4 on, and has nothing else before.
        if hasattr(torch, "get_autocast_dtype"):
            enabled = cast(Any, torch.is_autocast_enabled)(device)
            return torch.get_autocast_dtype(device) if enabled else None
        return torch.get_autocast_cpu_dtype() if torch.is_autocast_cpu_enabled() else None
    return None


def cast_for_autocast(
    x: Tensor, w: Tensor, bias: Optional[Tensor]
) -> tuple[Tensor, Tensor, Optional[Tensor]]:
    """The tensors in the type that autocast asks for; those in float64 stay as they are."""
    dtype = _type_for(x.device.type)
    if dtype is None:
        return x, w, bias

    def cast_one(t: Tensor) -> Tensor:
        return t.to(dtype) if t.is_floating_point() and t.dtype != torch.float64 else t

    return cast_one(x), cast_one(w), None if bias is None else cast_one(bias)
