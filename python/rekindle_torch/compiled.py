"""Convolution and its gradients as operations that `torch.compile` and `torch.export` keep whole.

So the compiler generates no code for what is inside: Triton's is reported wrong on gfx1010. Needs
PyTorch 2.4; before, `torch.compile` breaks its graph at each convolution.
"""

# The types of the functions below become the schemas of the operations: no postponed annotations.
from typing import Any, Callable, Optional

import torch
from torch import Tensor

from .convolution import operations
from .convolution.layout import empty_result
from .convolution.problem import Geometry, Sizes

IS_SUPPORTED = hasattr(torch.library, "custom_op")


def _geometry(stride: list[int], pads: list[int], dilation: list[int], groups: int) -> Geometry:
    """`pads` are before and after, dimension by dimension."""
    pairs = tuple((pads[i], pads[i + 1]) for i in range(0, len(pads), 2))
    return Geometry(tuple(stride), pairs, tuple(dilation), groups)


def _flat(geometry: Geometry) -> "tuple[list[int], list[int], list[int], int]":
    pads = [n for pair in geometry.pads for n in pair]
    return list(geometry.stride), pads, list(geometry.dilation), geometry.groups


def _convolution(
    x: Tensor, w: Tensor, bias: Optional[Tensor], stride: list[int], pads: list[int],
    dilation: list[int], groups: int, method: Optional[str],
) -> Tensor:  # fmt: skip
    geometry = _geometry(stride, pads, dilation, groups)
    return operations.forward(x, w, bias, geometry, method)


def _convolution_shape(
    x: Tensor, w: Tensor, bias: Optional[Tensor], stride: list[int], pads: list[int],
    dilation: list[int], groups: int, method: Optional[str],
) -> Tensor:  # fmt: skip
    size = _geometry(stride, pads, dilation, groups).out_size(x.shape[2:], w.shape[2:])
    return empty_result((x.shape[0], w.shape[0], *size), x, w)


def _input_gradient(
    g: Tensor, w: Tensor, size: list[int], stride: list[int], pads: list[int],
    dilation: list[int], groups: int, method: Optional[str],
) -> Tensor:  # fmt: skip
    geometry = _geometry(stride, pads, dilation, groups)
    return operations.input_gradient(g, w, tuple(size), geometry, method)


def _input_gradient_shape(
    g: Tensor, w: Tensor, size: list[int], stride: list[int], pads: list[int],
    dilation: list[int], groups: int, method: Optional[str],
) -> Tensor:  # fmt: skip
    return empty_result((g.shape[0], w.shape[1] * groups, *size), g, w)


def _weight_gradient(
    x: Tensor, g: Tensor, kernel: list[int], stride: list[int], pads: list[int],
    dilation: list[int], groups: int, method: Optional[str],
) -> Tensor:  # fmt: skip
    geometry = _geometry(stride, pads, dilation, groups)
    # Contiguous, as the shape below promises, whatever the method's natural order is.
    return operations.weight_gradient(x, g, tuple(kernel), geometry, method).contiguous()


def _weight_gradient_shape(
    x: Tensor, g: Tensor, kernel: list[int], stride: list[int], pads: list[int],
    dilation: list[int], groups: int, method: Optional[str],
) -> Tensor:  # fmt: skip
    return x.new_empty((g.shape[1], x.shape[1] // groups, *kernel))


def _keep(ctx: Any, inputs: "tuple[Any, ...]", output: Tensor) -> None:
    a, b, _, *rest = inputs
    ctx.save_for_backward(a, b)
    ctx.rest = rest


def _convolution_backward(ctx: Any, g: Tensor) -> Any:
    x, w = ctx.saved_tensors
    wants_x, wants_w, wants_bias, *_ = ctx.needs_input_grad
    gx = _OPS["input_gradient"](g, w, x.shape[2:], *ctx.rest) if wants_x else None
    gw = _OPS["weight_gradient"](x, g, w.shape[2:], *ctx.rest) if wants_w else None
    gb = g.sum((0, *range(2, g.dim()))) if wants_bias else None
    return gx, gw, gb, None, None, None, None, None


def _input_gradient_backward(ctx: Any, gg: Tensor) -> Any:
    g, w = ctx.saved_tensors
    dg = _OPS["convolution"](gg, w, None, *ctx.rest) if ctx.needs_input_grad[0] else None
    dw = None
    if ctx.needs_input_grad[1]:
        dw = _OPS["weight_gradient"](gg, g, w.shape[2:], *ctx.rest)
    return dg, dw, None, None, None, None, None, None


def _weight_gradient_backward(ctx: Any, gw: Tensor) -> Any:
    x, g = ctx.saved_tensors
    dx = dg = None
    if ctx.needs_input_grad[0]:
        dx = _OPS["input_gradient"](g, gw, x.shape[2:], *ctx.rest)
    if ctx.needs_input_grad[1]:
        dg = _OPS["convolution"](x, gw, None, *ctx.rest)
    return dx, dg, None, None, None, None, None, None


def _operation(
    name: str, compute: Callable[..., Any], shape: Callable[..., Any], backward: Callable[..., Any]
) -> Callable[..., Tensor]:
    custom_op: Any = torch.library.custom_op
    operation = custom_op(f"rekindle_torch::{name}", mutates_args=())(compute)
    operation.register_fake(shape)
    operation.register_autograd(backward, setup_context=_keep)
    result: Callable[..., Tensor] = operation
    return result


_OPS: "dict[str, Callable[..., Tensor]]" = {}
if IS_SUPPORTED:
    _OPS = {
        "convolution": _operation(
            "convolution", _convolution, _convolution_shape, _convolution_backward
        ),
        "input_gradient": _operation(
            "input_gradient", _input_gradient, _input_gradient_shape, _input_gradient_backward
        ),
        "weight_gradient": _operation(
            "weight_gradient", _weight_gradient, _weight_gradient_shape, _weight_gradient_backward
        ),
    }


def convolution(
    x: Tensor, w: Tensor, bias: Optional[Tensor], geometry: Geometry, method: Optional[str]
) -> Tensor:
    """`operations.forward` as one operation; real tensors only."""
    return _OPS["convolution"](x, w, bias, *_flat(geometry), method)


def input_gradient(
    g: Tensor, w: Tensor, size: Sizes, geometry: Geometry, method: Optional[str]
) -> Tensor:
    """`operations.input_gradient` as one operation; real tensors only."""
    return _OPS["input_gradient"](g, w, list(size), *_flat(geometry), method)
