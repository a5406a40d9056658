"""`conv1d` to `conv_transpose3d` with the arguments of `torch.nn.functional`, without MIOpen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, Optional, Union

from torch import Tensor

from .autocast import cast_for_autocast
from .convolution import operations
from .convolution.autograd import Forward, InputGradient
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


def _pads(padding: Union[Size, str], w: Tensor, stride: Sizes, dilation: Sizes) -> Pads:
    rank = len(stride)
    if padding == "valid":
        return ((0, 0),) * rank
    if padding == "same":
        if any(s != 1 for s in stride):
            raise RuntimeError("padding='same' is not supported for strided convolutions")
        totals = [(k - 1) * d for k, d in zip(w.shape[2:], dilation)]
        return tuple((n // 2, n - n // 2) for n in totals)
    if isinstance(padding, str):
        raise RuntimeError(f"padding must be 'same', 'valid' or numbers, and is {padding!r}")
    return tuple((p, p) for p in _each(padding, rank, "padding"))


def _check(x: Tensor, w: Tensor, bias: Optional[Tensor], rank: int, groups: int) -> None:
    if x.dim() not in (rank + 1, rank + 2):
        raise RuntimeError(
            f"conv{rank}d expects an input of {rank + 1} or {rank + 2} dimensions, "
            f"and it has {x.dim()}: {list(x.shape)}"
        )
    if w.dim() != rank + 2:
        raise RuntimeError(
            f"conv{rank}d expects weights of {rank + 2} dimensions, and they have {w.dim()}"
        )
    tensors = [w] if bias is None else [w, bias]
    if any(t.dtype != x.dtype for t in tensors):
        types = ", ".join(str(t.dtype) for t in [x, *tensors])
        raise RuntimeError(f"input, weights and bias must have one type, and have {types}")
    if any(t.device != x.device for t in tensors):
        devices = ", ".join(str(t.device) for t in [x, *tensors])
        raise RuntimeError(f"input, weights and bias must be on one device, and are on {devices}")
    if groups < 1:
        raise RuntimeError(f"groups must be positive, and is {groups}")


def _check_sizes(x: Tensor, w: Tensor, bias: Optional[Tensor], geometry: Geometry) -> None:
    channels = w.shape[1] * geometry.groups
    if x.shape[1] != channels:
        raise RuntimeError(
            f"weights of {list(w.shape)} with groups={geometry.groups} expect {channels} input "
            f"channels, and the input {list(x.shape)} has {x.shape[1]}"
        )
    if w.shape[0] % geometry.groups != 0:
        raise RuntimeError(
            f"the number of filters, {w.shape[0]}, is not a multiple of groups={geometry.groups}"
        )
    if bias is not None and tuple(bias.shape) != (w.shape[0],):
        raise RuntimeError(
            f"the bias has shape {list(bias.shape)}, and {w.shape[0]} filters need [{w.shape[0]}]"
        )
    _check_steps(geometry)
    out = geometry.out_size(tuple(x.shape[2:]), tuple(w.shape[2:]))
    if any(n < 1 for n in out):
        raise RuntimeError(
            f"a kernel of {list(w.shape[2:])} is larger than the padded input of {list(x.shape)}: "
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
    _check(input, weight, bias, rank, groups)
    strides, dilations = _each(stride, rank, "stride"), _each(dilation, rank, "dilation")
    pads = _pads(padding, weight, strides, dilations)
    geometry = Geometry(strides, pads, dilations, groups)
    batched = input if input.dim() == rank + 2 else input.unsqueeze(0)
    if is_traced():
        output = recorded(batched, weight, bias, geometry)
    else:
        _check_sizes(batched, weight, bias, geometry)
        run: Callable[..., Tensor] = operations.forward if is_compiled() else Forward.apply
        output = run(batched, weight, bias, geometry, method)
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
    _check(input, weight, bias, rank, groups)
    strides, dilations = _each(stride, rank, "stride"), _each(dilation, rank, "dilation")
    extra = _each(output_padding, rank, "output_padding")
    pads = tuple((p, p) for p in _each(padding, rank, "padding"))
    geometry = Geometry(strides, pads, dilations, groups)
    batched = input if input.dim() == rank + 2 else input.unsqueeze(0)
    if is_traced():
        output = recorded(batched, weight, bias, geometry, extra)
    else:
        size = _transposed_size(batched, weight, bias, geometry, extra)
        run: Callable[..., Tensor] = (
            operations.input_gradient if is_compiled() else InputGradient.apply
        )
        output = run(batched, weight, size, geometry, method)
        if bias is not None:
            output = output + bias.view(-1, *(1,) * rank)
    return output if batched is input else output.squeeze(0)


def _transposed_size(
    x: Tensor, w: Tensor, bias: Optional[Tensor], geometry: Geometry, extra: Sizes
) -> Sizes:
    if x.shape[1] != w.shape[0]:
        raise RuntimeError(
            f"transposed weights of {list(w.shape)} expect {w.shape[0]} input channels, and the "
            f"input {list(x.shape)} has {x.shape[1]}"
        )
    if x.shape[1] % geometry.groups != 0:
        raise RuntimeError(
            f"the number of channels, {x.shape[1]}, is not a multiple of groups={geometry.groups}"
        )
    filters = w.shape[1] * geometry.groups
    if bias is not None and tuple(bias.shape) != (filters,):
        raise RuntimeError(f"the bias has shape {list(bias.shape)}, and should have [{filters}]")
    _check_steps(geometry)
    if any(e < 0 or e >= max(s, d) for e, s, d in zip(extra, geometry.stride, geometry.dilation)):
        raise RuntimeError(
            f"output_padding {list(extra)} must be smaller than stride {list(geometry.stride)} or "
            f"dilation {list(geometry.dilation)}"
        )
    reach = geometry.reach(tuple(w.shape[2:]))
    size = tuple(
        (n - 1) * s - 2 * lo + r + e
        for n, s, (lo, _), r, e in zip(x.shape[2:], geometry.stride, geometry.pads, reach, extra)
    )
    if any(n < 1 for n in size):
        raise RuntimeError(f"the output of the input {list(x.shape)} would be {list(size)}")
    return size


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
