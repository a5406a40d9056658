"""Depthwise convolutions: each kernel element is one multiply-add of whole pictures.

A matrix product has nothing to sum over here: each filter reads one channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Optional

import torch
from torch import Tensor

from .method import Cost, Method
from .problem import Problem
from .product import accumulator_type


def _source(problem: Problem, x: Tensor) -> Tensor:
    """The padded input in the type of the sums, in the memory format of `x`."""
    sizes, befores = problem.read_size, problem.befores
    dtype = accumulator_type(x.dtype)
    if not any(befores) and all(n >= m for n, m in zip(x.shape[2:], sizes)):
        return x.to(dtype)
    last = x.dim() > 2 and x.stride(1) == 1 and not x.is_contiguous()
    shape = (problem.batch, *sizes, problem.channels) if last else (*x.shape[:2], *sizes)
    target = x.new_zeros(shape, dtype=dtype)
    whole = target.movedim(-1, 1) if last else target
    inner = whole
    for dim, (lo, size) in enumerate(zip(befores, sizes), 2):
        room = min(x.shape[dim], size - lo)
        if room <= 0:
            return whole
        inner, x = inner.narrow(dim, lo, room), x.narrow(dim, 0, room)
    inner.copy_(x)
    return whole


def _views(problem: Problem, source: Tensor) -> Iterator[tuple[tuple[int, ...], Tensor]]:
    """For each kernel element: its index, and the elements that it meets, [N, C, 1, *out]."""
    geometry = problem.geometry
    for index in product(*(range(k) for k in problem.kernel)):
        view = source
        for dim, (i, d, s, size) in enumerate(
            zip(index, geometry.dilation, geometry.stride, problem.out_size), 2
        ):
            view = view.narrow(dim, i * d, (size - 1) * s + 1)
            if s != 1:
                view = view[(slice(None),) * dim + (slice(0, None, s),)]
        yield index, view.unsqueeze(2)


def _element(kernels: Tensor, index: tuple[int, ...]) -> Tensor:
    """One element of every kernel: a view of [C, filters per channel, *kernel]."""
    for i in index:
        kernels = kernels.select(2, i)
    return kernels


def _forward(problem: Problem, x: Tensor, w: Tensor, bias: Optional[Tensor], out: Tensor) -> None:
    source = _source(problem, x)
    per_channel = problem.filters // problem.channels
    weights = w.to(source.dtype).view(problem.channels, per_channel, *problem.kernel)
    ones = (1,) * problem.rank
    shape = (problem.channels, per_channel, *ones)
    target = out.unflatten(1, (problem.channels, per_channel))
    is_wider = source.dtype != out.dtype
    total = target.to(source.dtype) if is_wider else target
    for i, (index, view) in enumerate(_views(problem, source)):
        element = _element(weights, index).reshape(shape)
        if i > 0:
            total.addcmul_(view, element)
        else:
            _begin(total, view, element, None if bias is None else bias.to(total.dtype).view(shape))
    if is_wider:
        target.copy_(total)


def _begin(total: Tensor, view: Tensor, element: Tensor, bias: Optional[Tensor]) -> None:
    """total = view * element + bias, in one pass."""
    if torch.is_grad_enabled():
        total.copy_(view * element if bias is None else torch.addcmul(bias, view, element))
    elif bias is None:
        torch.mul(view, element, out=total)
    else:
        torch.addcmul(bias, view, element, out=total)


def _weight_gradient(problem: Problem, x: Tensor, g: Tensor) -> Tensor:
    source = _source(problem, x)
    per_channel = problem.filters // problem.channels
    gradients = g.to(source.dtype).unflatten(1, (problem.channels, per_channel))
    result = source.new_empty((problem.channels, per_channel, *problem.kernel))
    over = (0, *range(3, 3 + problem.rank))
    for index, view in _views(problem, source):
        _element(result, index).copy_((view * gradients).sum(over))
    return result.view(problem.filters, 1, *problem.kernel).to(x.dtype)


def _workspace(problem: Problem) -> int:
    source = 2 * problem.batch * problem.channels * prod(problem.size)
    return 2 * (source + 2 * problem.positions * problem.filters)


def _cost(problem: Problem, _: str) -> Cost:
    products = prod(problem.kernel)
    moved = problem.positions * problem.filters * (3 * products + 1)
    return Cost(problem.flops, 3 * problem.batch * problem.channels * prod(problem.size) + moved,
                3 + products)  # fmt: skip


depthwise = Method(
    "depthwise",
    lambda problem: problem.is_depthwise,
    _forward,
    _weight_gradient,
    _workspace,
    _cost,
)
