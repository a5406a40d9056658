"""Channels-last copies with zeros around, on which products run without further copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import torch
from torch import Tensor

from .copies import copy

#: From so many elements on, filling all with zeros takes longer than a few more calls.
_LARGE = 2**22


def channels_last(x: Tensor) -> Tensor:
    """A view of [N, C, *spatial] as [N, *spatial, C]."""
    return x.movedim(1, -1)


def place(target: Tensor, x: Tensor, starts: Sequence[int]) -> None:
    """Copies `x` into `target` from `starts` on, leaving out what lies beyond it."""
    for dim, start in enumerate(starts):
        room = min(x.shape[dim], target.shape[dim] - start)
        if room <= 0:
            return
        if start != 0 or room != target.shape[dim]:
            target = target.narrow(dim, start, room)
        if room != x.shape[dim]:
            x = x.narrow(dim, 0, room)
    copy(target, x)


def padded(x: Tensor, befores: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """[N, *spatial, C] with zeros around to [N, *sizes, C]: `x` itself where nothing is added."""
    if not any(befores) and tuple(x.shape[1:-1]) == tuple(sizes):
        return x
    if not any(befores) and all(n >= m for n, m in zip(x.shape[1:-1], sizes)):
        for dim, size in enumerate(sizes, 1):
            x = x.narrow(dim, 0, size)
        return x
    target = x.new_empty((x.shape[0], *sizes, x.shape[-1]))
    if target.numel() < _LARGE:
        target.zero_()
    else:
        _zero_around(target, x.shape, befores)
    place(target, x, (0, *befores, 0))
    return target


def _zero_around(target: Tensor, shape: Sequence[int], befores: Sequence[int]) -> None:
    """Zeros where `padded` puts none of `x`: a few calls, and hardly any memory is written."""
    for dim, before in enumerate(befores, 1):
        end = min(before + shape[dim], target.shape[dim])
        for first, last in ((0, before), (end, target.shape[dim])):
            if last > first:
                target.narrow(dim, first, last - first).zero_()


def windows(
    x: Tensor, out: Sequence[int], kernel: Sequence[int], stride: Sequence[int],
    dilation: Sequence[int],
) -> Tensor:  # fmt: skip
    """A view of [N, *spatial, C] as [N, *out, *kernel, C]: what each output position reads.

    Windows may cover a leading part of the spatial dimensions; the others stay as they are, behind
    `out`.
    """
    strides = x.stride()
    rank = len(kernel)
    spatial = strides[1 : 1 + rank]
    rest = range(1 + rank, x.dim() - 1)
    size = (x.shape[0], *out, *(x.shape[d] for d in rest), *kernel, x.shape[-1])
    steps = (
        strides[0],
        *(a * s for a, s in zip(spatial, stride)),
        *(strides[d] for d in rest),
        *(a * d for a, d in zip(spatial, dilation)),
        strides[-1],
    )
    return x.as_strided(size, steps, x.storage_offset())


def aligned(length: int, x: Tensor) -> int:
    """`length` rounded up so that rows of this many elements begin at multiples of 16 bytes."""
    step = max(1, 16 // x.element_size())
    return -(-length // step) * step


def store(out: Tensor, value: Tensor, bias: Optional[Tensor]) -> None:
    """Writes [..., K], plus a bias of [K], into a view of the result."""
    if bias is None:
        copy(out, value)
    elif torch.is_grad_enabled() or value.dtype != out.dtype:
        out.copy_(value + bias)
    else:
        torch.add(value, bias, out=out)


def as_planes(out: Tensor) -> Optional[Tensor]:
    """[N, K, *spatial] as [N, K, positions] without a copy, or None where its memory forbids it."""
    return out.view(*out.shape[:2], -1) if out[0, 0].is_contiguous() else None


def as_rows(out: Tensor) -> Optional[Tensor]:
    """[N, K, *spatial] as [positions, K] without a copy, or None where its memory forbids it."""
    last = channels_last(out)
    shape: tuple[int, int] = (out.numel() // out.shape[1], out.shape[1])
    return last.view(shape) if last.is_contiguous() else None
