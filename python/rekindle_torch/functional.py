"""`conv1d` to `conv_transpose3d` with the arguments of `torch.nn.functional`, without MIOpen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, Optional, Union

import torch
from torch import Tensor
from torch.autograd import forward_ad

from . import compiled
from .autocast import cast_for_autocast
from .checks import check_sizes, check_tensors, transposed_size
from .convolution import operations
from .convolution.autograd import Forward, InputGradient, transforms_are_active
from .convolution.problem import Geometry, Pads, Sizes
from .tracing import is_compiled, is_traced, recorded

Size = Union[int, Sequence[int]]


def _each(value: Size, rank: int, name: str) -> Sizes:
    """One number per spatial dimension."""
    if isinstance(value, int):
        return (value,) * rank
    values = tuple(int(v) for v in value)
    if len(values) == 1:
        return values * rank
    if len(values) != rank:
        raise RuntimeError(f"{name} has {len(values)} entries, and {rank} dimensions need {rank}")
    return values


def _pads(padding: Union[Size, str], kernel: Sizes, stride: Sizes, dilation: Sizes) -> Pads:
    rank = len(stride)
    if padding == "valid":
        return ((0, 0),) * rank
    if padding == "same":
        if any(s != 1 for s in stride):
            raise RuntimeError("padding='same' is not supported for strided convolutions")
        totals = [(k - 1) * d for k, d in zip(kernel, dilation)]
        return tuple((n // 2, n - n // 2) for n in totals)
    if isinstance(padding, str):
        raise RuntimeError(f"padding must be 'same', 'valid' or numbers, and is {padding!r}")
    return tuple((p, p) for p in _each(padding, rank, "padding"))


def _geometry(
    kernel: Sizes, stride: Size, padding: Union[Size, str], dilation: Size, groups: int
) -> Geometry:
    rank = len(kernel)
    strides, dilations = _each(stride, rank, "stride"), _each(dilation, rank, "dilation")
    return Geometry(strides, _pads(padding, kernel, strides, dilations), dilations, groups)


_checked: dict[object, Geometry] = {}
_MOST = 10_000


def _checked_geometry(
    x: Tensor, w: Tensor, bias: Optional[Tensor], stride: Size, padding: Union[Size, str],
    dilation: Size, groups: int,
) -> Geometry:  # fmt: skip
    """The geometry, with all arguments checked: once for each combination of them."""
    kind = None if bias is None else (bias.shape, bias.dtype, bias.device)
    key = (
        x.shape, x.dtype, x.device, w.shape, w.dtype, w.device, kind, stride, padding, dilation,
        groups,
    )  # fmt: skip
    try:
        found = _checked.get(key)
    except TypeError:  # lists cannot be keys
        return geometry_of(x, w, bias, stride, padding, dilation, groups)
    if found is None:
        if len(_checked) >= _MOST:
            _checked.clear()
        found = _checked[key] = geometry_of(x, w, bias, stride, padding, dilation, groups)
    return found


def geometry_of(
    x: Tensor, w: Tensor, bias: Optional[Tensor], stride: Size, padding: Union[Size, str],
    dilation: Size, groups: int,
) -> Geometry:  # fmt: skip
    """The geometry. Raises RuntimeError for arguments that do not fit together."""
    check_tensors(x, w, bias, groups)
    geometry = _geometry(tuple(w.shape[2:]), stride, padding, dilation, groups)
    check_sizes(x.shape, w.shape, bias, geometry)
    return geometry


def _with_batch(x: Tensor, rank: int) -> Tensor:
    """[N, C, *size], also for an input without N."""
    if x.dim() == rank + 2:
        return x
    if x.dim() == rank + 1:
        return x.unsqueeze(0)
    raise RuntimeError(
        f"conv{rank}d expects an input of {rank + 1} or {rank + 2} dimensions, and it has "
        f"{x.dim()}: {list(x.shape)}"
    )


def _needs_no_derivative() -> bool:
    """Whether neither autograd nor a transform of torch.func looks on."""
    return (
        not torch.is_grad_enabled()
        and not transforms_are_active()
        and forward_ad._current_level < 0  # type: ignore[attr-defined]
    )


def convolution(
    rank: int,
    input: Tensor,
    weight: Tensor,
    bias: Optional[Tensor] = None,
    stride: Size = 1,
    padding: Union[Size, str] = 0,
    dilation: Size = 1,
    groups: int = 1,
    method: Optional[str] = None,
) -> Tensor:
    """The convolution over `rank` spatial dimensions; see `conv2d`."""
    input, weight, bias = cast_for_autocast(input, weight, bias)
    batched = _with_batch(input, rank)
    if is_compiled():
        geometry = geometry_of(batched, weight, bias, stride, padding, dilation, groups)
        output = compiled.convolution(batched, weight, bias, geometry, method)
    elif is_traced():
        # Sizes are tensors while a trace is taken; only "same" has to know the kernel's.
        kernel = tuple(int(n) for n in weight.shape[2:]) if padding == "same" else (1,) * rank
        geometry = _geometry(kernel, stride, padding, dilation, groups)
        output = recorded(batched, weight, bias, geometry)
    else:
        geometry = _checked_geometry(batched, weight, bias, stride, padding, dilation, groups)
        if _needs_no_derivative():
            output = operations.forward(batched, weight, bias, geometry, method)
        else:
            output = Forward.apply(batched, weight, bias, geometry, method)
    return output if batched is input else output.squeeze(0)


def transposed_convolution(
    rank: int,
    input: Tensor,
    weight: Tensor,
    bias: Optional[Tensor] = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
    method: Optional[str] = None,
) -> Tensor:
    """The transposed convolution over `rank` spatial dimensions; see `conv_transpose2d`."""
    input, weight, bias = cast_for_autocast(input, weight, bias)
    batched = _with_batch(input, rank)
    extra = _each(output_padding, rank, "output_padding")
    geometry = _geometry((1,) * rank, stride, padding, dilation, groups)
    if is_traced():
        output = recorded(batched, weight, bias, geometry, extra)
    else:
        check_tensors(batched, weight, bias, groups)
        size = transposed_size(batched.shape, weight.shape, bias, geometry, extra)
        # So that the convolution of that size gives the input's size again.
        pads = tuple((p, p - e) for (p, _), e in zip(geometry.pads, extra))
        geometry = Geometry(geometry.stride, pads, geometry.dilation, groups)
        apply: Callable[..., Tensor] = (
            compiled.input_gradient if is_compiled() else InputGradient.apply
        )
        output = apply(batched, weight, size, geometry, method)
        if bias is not None:
            output = output + bias.view(-1, *(1,) * rank)
    return output if batched is input else output.squeeze(0)


def conv1d(
    input: Tensor, weight: Tensor, bias: Optional[Tensor] = None, stride: Size = 1,
    padding: Union[Size, str] = 0, dilation: Size = 1, groups: int = 1,
    *, method: Optional[str] = None,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.conv1d` without MIOpen: [N, C, W] gives [N, K, Q]; see `conv2d`."""
    return convolution(1, input, weight, bias, stride, padding, dilation, groups, method)


def conv2d(
    input: Tensor, weight: Tensor, bias: Optional[Tensor] = None, stride: Size = 1,
    padding: Union[Size, str] = 0, dilation: Size = 1, groups: int = 1,
    *, method: Optional[str] = None,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.conv2d` without MIOpen: the same arguments and the same result.

    [N, C, H, W] and [K, C / groups, R, S] give [N, K, P, Q]; an input without N gives an output
    without. `method` asks for one of `pointwise`, `depthwise`, `rows`, `shifted`, `columns`,
    `winograd2`, `winograd4`; without it, or where it does not support the convolution, the method
    is chosen per shape. Differentiable any number of times. Raises RuntimeError for sizes that do
    not fit together.

    >>> import torch
    >>> conv2d(torch.ones(1, 2, 4, 4), torch.ones(3, 2, 3, 3), padding=1).shape
    torch.Size([1, 3, 4, 4])
    """
    return convolution(2, input, weight, bias, stride, padding, dilation, groups, method)


def conv3d(
    input: Tensor, weight: Tensor, bias: Optional[Tensor] = None, stride: Size = 1,
    padding: Union[Size, str] = 0, dilation: Size = 1, groups: int = 1,
    *, method: Optional[str] = None,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.conv3d` without MIOpen; see `conv2d`."""
    return convolution(3, input, weight, bias, stride, padding, dilation, groups, method)


def conv_transpose1d(
    input: Tensor, weight: Tensor, bias: Optional[Tensor] = None, stride: Size = 1,
    padding: Size = 0, output_padding: Size = 0, groups: int = 1, dilation: Size = 1,
    *, method: Optional[str] = None,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.conv_transpose1d` without MIOpen; see `conv_transpose2d`."""
    return transposed_convolution(
        1, input, weight, bias, stride, padding, output_padding, groups, dilation, method
    )


def conv_transpose2d(
    input: Tensor, weight: Tensor, bias: Optional[Tensor] = None, stride: Size = 1,
    padding: Size = 0, output_padding: Size = 0, groups: int = 1, dilation: Size = 1,
    *, method: Optional[str] = None,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.conv_transpose2d` without MIOpen: the same arguments and result.

    [N, C, H, W] and [C, K / groups, R, S] give [N, K, P, Q]. For `method` see `conv2d`.

    >>> import torch
    >>> conv_transpose2d(torch.ones(1, 3, 4, 4), torch.ones(3, 2, 2, 2), stride=2).shape
    torch.Size([1, 2, 8, 8])
    """
    return transposed_convolution(
        2, input, weight, bias, stride, padding, output_padding, groups, dilation, method
    )


def conv_transpose3d(
    input: Tensor, weight: Tensor, bias: Optional[Tensor] = None, stride: Size = 1,
    padding: Size = 0, output_padding: Size = 0, groups: int = 1, dilation: Size = 1,
    *, method: Optional[str] = None,
) -> Tensor:  # fmt: skip
    """`torch.nn.functional.conv_transpose3d` without MIOpen; see `conv_transpose2d`."""
    return transposed_convolution(
        3, input, weight, bias, stride, padding, output_padding, groups, dilation, method
    )
