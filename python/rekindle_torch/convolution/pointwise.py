"""Kernels of one element: one matrix product, in whatever layout the tensors have."""

from __future__ import annotations

from math import prod
from typing import Optional

from torch import Tensor

from .method import Cost, Method
from .padding import as_planes, as_rows, channels_last, store
from .problem import Problem
from .product import multiply, multiply_batches, multiply_planes, splits_for, transposed_product


def supports(problem: Problem) -> bool:
    pads = problem.geometry.pads
    return prod(problem.kernel) == 1 and all(lo == 0 and hi <= 0 for lo, hi in pads)


def _sampled(problem: Problem, x: Tensor) -> Tensor:
    """The elements that the kernel meets: [N, C, *out]."""
    for dim, (step, size) in enumerate(zip(problem.geometry.stride, problem.out_size), 2):
        if step != 1 or x.shape[dim] != size:
            x = x.narrow(dim, 0, (size - 1) * step + 1)[
                (slice(None),) * dim + (slice(0, None, step),)
            ]
    return x


def _forward(problem: Problem, x: Tensor, w: Tensor, bias: Optional[Tensor], out: Tensor) -> None:
    x = _sampled(problem, x)
    rows = as_rows(out)
    if problem.groups > 1:
        _grouped(problem, x, w, bias, out)
    elif rows is not None:
        matrix = channels_last(x).reshape(rows.shape[0], problem.channels)
        multiply(rows, matrix, w.reshape(w.shape[:2]).t(), bias)
    else:
        planes, target = x.reshape(*x.shape[:2], -1), as_planes(out)
        is_in_place = target is not None
        if target is None:
            target = planes.new_empty((len(x), w.shape[0], planes.shape[2]))
        multiply_planes(target, w.reshape(w.shape[:2]), planes, bias)
        if not is_in_place:
            out.copy_(target.view(out.shape))


def _grouped(problem: Problem, x: Tensor, w: Tensor, bias: Optional[Tensor], out: Tensor) -> None:
    groups = problem.groups
    matrix = channels_last(x).reshape(-1, groups, problem.channels // groups)
    result = matrix.new_empty((matrix.shape[0], groups, problem.filters // groups))
    weights = w.reshape(groups, problem.filters // groups, -1).transpose(1, 2)
    multiply_batches(result.transpose(0, 1), matrix.transpose(0, 1), weights)
    store(channels_last(out), result.view(*channels_last(out).shape), bias)


def _weight_gradient(problem: Problem, x: Tensor, g: Tensor) -> Tensor:
    x = _sampled(problem, x)
    groups, k = problem.groups, problem.filters // problem.groups
    d = problem.channels // groups
    shape = (problem.filters, d, *problem.kernel)
    # One product for each image, unless they take more memory than channels-last copies.
    are_small = k * d <= (k + d) * prod(problem.out_size)
    if groups == 1 and are_small and as_rows(g) is None and as_rows(x) is None:
        planes, gradients = x.flatten(2), g.flatten(2)
        return (gradients @ planes.transpose(1, 2)).sum(0).view(shape)
    a = channels_last(x).reshape(-1, groups, d).transpose(0, 1)
    b = channels_last(g).reshape(-1, groups, k).transpose(0, 1)
    if groups > 1:
        return (b.transpose(1, 2) @ a).view(shape)
    rows = a.shape[1]
    return transposed_product(b, a, divisor(rows, splits_for(rows, k, d))).view(shape)


def divisor(number: int, wanted: int) -> int:
    """The largest divisor of `number` that is not above `wanted`."""
    return next((n for n in range(max(1, wanted), 0, -1) if number % n == 0), 1)


def _workspace(problem: Problem) -> int:
    return problem.positions * (problem.channels + problem.filters)


def _cost(problem: Problem, _: str) -> Cost:
    copied = 0 if problem.is_unit_stride else problem.channels * 2
    products = problem.positions * (problem.channels + problem.filters) * problem.group_waste
    return Cost(
        problem.positions * problem.tiled_flops,
        problem.positions * copied + products,
        2 if copied else 1,
    )


pointwise = Method("pointwise", supports, _forward, _weight_gradient, _workspace, _cost)
