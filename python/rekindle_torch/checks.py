"""Errors for arguments that do not fit together, before anything is computed."""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor

from .convolution.problem import Geometry, Sizes


def check_tensors(x: Tensor, w: Tensor, bias: Optional[Tensor], groups: int) -> None:
    if w.dim() != x.dim():
        raise RuntimeError(
            f"conv{x.dim() - 2}d expects weights of {x.dim()} dimensions, and they have {w.dim()}"
        )
    tensors = (w,) if bias is None else (w, bias)
    if any(t.dtype != x.dtype for t in tensors):
        types = ", ".join(str(t.dtype) for t in [x, *tensors])
        raise RuntimeError(f"input, weights and bias must have one type, and have {types}")
    if any(t.device != x.device for t in tensors):
        devices = ", ".join(str(t.device) for t in [x, *tensors])
        raise RuntimeError(f"input, weights and bias must be on one device, and are on {devices}")
    if groups < 1:
        raise RuntimeError(f"groups must be positive, and is {groups}")


def check_sizes(x: torch.Size, w: torch.Size, bias: Optional[Tensor], geometry: Geometry) -> None:
    channels = w[1] * geometry.groups
    if x[1] != channels:
        raise RuntimeError(
            f"weights of {list(w)} with groups={geometry.groups} expect {channels} input "
            f"channels, and the input {list(x)} has {x[1]}"
        )
    if w[0] % geometry.groups != 0:
        raise RuntimeError(
            f"the number of filters, {w[0]}, is not a multiple of groups={geometry.groups}"
        )
    if bias is not None and tuple(bias.shape) != (w[0],):
        raise RuntimeError(
            f"the bias has shape {list(bias.shape)}, and {w[0]} filters need [{w[0]}]"
        )
    _check_steps(geometry)
    out = geometry.out_size(tuple(x[2:]), tuple(w[2:]))
    if any(n < 1 for n in out):
        raise RuntimeError(
            f"a kernel of {list(w[2:])} is larger than the padded input of {list(x)}: "
            f"the output would be {list(out)}"
        )


def _check_steps(geometry: Geometry) -> None:
    if any(s < 1 for s in geometry.stride) or any(d < 1 for d in geometry.dilation):
        raise RuntimeError(
            f"stride and dilation must be positive, and are {list(geometry.stride)} and "
            f"{list(geometry.dilation)}"
        )
    if any(lo < 0 for lo, _ in geometry.pads):
        raise RuntimeError(f"padding must not be negative, and is {geometry.pads}")


def transposed_size(
    x: torch.Size, w: torch.Size, bias: Optional[Tensor], geometry: Geometry, extra: Sizes
) -> Sizes:
    if x[1] != w[0]:
        raise RuntimeError(
            f"transposed weights of {list(w)} expect {w[0]} input channels, and the "
            f"input {list(x)} has {x[1]}"
        )
    if x[1] % geometry.groups != 0:
        raise RuntimeError(
            f"the number of channels, {x[1]}, is not a multiple of groups={geometry.groups}"
        )
    filters = w[1] * geometry.groups
    if bias is not None and tuple(bias.shape) != (filters,):
        raise RuntimeError(f"the bias has shape {list(bias.shape)}, and should have [{filters}]")
    _check_steps(geometry)
    if any(e < 0 or e >= max(s, d) for e, s, d in zip(extra, geometry.stride, geometry.dilation)):
        raise RuntimeError(
            f"output_padding {list(extra)} must be smaller than stride {list(geometry.stride)} or "
            f"dilation {list(geometry.dilation)}"
        )
    reach = geometry.reach(tuple(w[2:]))
    size = tuple(
        (n - 1) * s - 2 * lo + r + e
        for n, s, (lo, _), r, e in zip(x[2:], geometry.stride, geometry.pads, reach, extra)
    )
    if any(n < 1 for n in size):
        raise RuntimeError(f"the output of the input {list(x)} would be {list(size)}")
    return size
