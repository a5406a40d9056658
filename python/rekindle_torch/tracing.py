"""What PyTorch records when it traces or compiles a model."""

from __future__ import annotations

from typing import Any, Optional

import torch
from torch import Tensor

from . import compiled
from .convolution.problem import Geometry, Sizes


def is_traced() -> bool:
    """Whether `torch.jit.trace`, or an export built on it, is recording."""
    return torch.jit.is_tracing()  # type: ignore[attr-defined]


def is_exported_to_onnx() -> bool:
    """Whether the trace is to become ONNX, by the exporter that traces."""
    return is_traced() and torch.onnx.is_in_onnx_export()


def is_compiled() -> bool:
    """Whether `torch.compile` or `torch.export` is recording."""
    if not compiled.IS_SUPPORTED:
        return False
    compiler = getattr(torch, "compiler", None)
    is_compiling = getattr(compiler, "is_compiling", None)
    return bool(is_compiling and is_compiling())


def recorded(
    x: Tensor,
    w: Tensor,
    bias: Optional[Tensor],
    geometry: Geometry,
    output_padding: Optional[Sizes] = None,
) -> Tensor:
    """One convolution as one operation, which holds for all sizes, with MIOpen forbidden in it.

    A trace keeps that flag: wherever it is loaded, PyTorch's own im2col kernels compute it.
    `output_padding` makes it a transposed convolution.
    """
    extra = output_padding or (0,) * len(geometry.stride)
    pads = geometry.pads
    if any(lo != hi for lo, hi in pads):
        flat = [n for pair in reversed(pads) for n in pair]
        x = torch.nn.functional.pad(x, flat)
        pads = ((0, 0),) * len(pads)
    convolve: Any = torch._convolution
    flags = {"benchmark": False, "deterministic": False, "cudnn_enabled": False}
    result: Tensor = convolve(
        x, w, bias, geometry.stride, [lo for lo, _ in pads], geometry.dilation,
        output_padding is not None, extra, geometry.groups, allow_tf32=False, **flags,
    )  # fmt: skip
    return result
