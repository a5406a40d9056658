"""im2col: every input window as one row of a matrix, then one product.

K. Chellapilla, S. Puri and P. Simard, "High performance convolutional neural networks for document
processing", 2006. The matrix has R*S times the input's elements, so it is built for as many images
or rows of images at a time as the workspace allows.
"""

from __future__ import annotations

from math import prod
from typing import Optional

from torch import Tensor

from .copies import gathered
from .method import Cost, Method
from .padding import aligned, as_planes, as_rows, channels_last, padded, store, windows
from .pointwise import divisor
from .problem import Problem
from .product import multiply, multiply_batches, multiply_planes, splits_for, transposed_product

#: Products of images one by one are worth it from so many positions on: each product comes in tiles
#: of 128. They write an output that is not channels last without another copy.
_PLANE = 512


def _depths(problem: Problem, x: Tensor) -> tuple[int, int]:
    """The length of a window, and the length of the row that holds it."""
    depth = problem.depth
    return depth, aligned(depth, x) if problem.groups == 1 else depth


def _columns(problem: Problem, x: Tensor) -> Tensor:
    """[groups, positions, depth], where depth runs over (*kernel, channels of the group)."""
    geometry, kernel, groups = problem.geometry, problem.kernel, problem.groups
    out = problem.out_size
    source = padded(channels_last(x), problem.befores, problem.read_size)
    view = windows(source, out, kernel, geometry.stride, geometry.dilation)
    view = view.unflatten(-1, (groups, problem.channels // groups))
    # [N, *out, *kernel, G, C / G] -> [G, N, *out, *kernel, C / G]
    view = view.movedim(-2, 0)
    depth, row = _depths(problem, x)
    if row == depth:
        return gathered(view).view(groups, problem.positions, depth)
    matrix = x.new_empty((1, problem.positions, row))
    matrix[..., depth:].zero_()
    matrix[..., :depth].unflatten(1, view.shape[1 : 2 + problem.rank]).flatten(-1).unflatten(
        -1, (*problem.kernel, problem.channels)
    ).copy_(view)
    return matrix


def _weights(problem: Problem, w: Tensor, row: int) -> Tensor:
    """[groups, depth, filters of the group], as `_columns` orders depth."""
    groups = problem.groups
    matrix = channels_last(w).reshape(groups, problem.filters // groups, problem.depth)
    if row != problem.depth:
        wide = matrix.new_zeros((groups, matrix.shape[1], row))
        wide[..., : problem.depth] = matrix
        matrix = wide
    return matrix.transpose(1, 2)


def _forward(problem: Problem, x: Tensor, w: Tensor, bias: Optional[Tensor], out: Tensor) -> None:
    columns = _columns(problem, x)
    weights = _weights(problem, w, columns.shape[2])
    last = channels_last(out)
    rows = as_rows(out)
    if problem.groups == 1 and rows is not None:
        multiply(rows, columns[0], weights[0], bias)
        return
    planes = as_planes(out)
    if problem.groups == 1 and planes is not None and planes.shape[2] >= _PLANE:
        pictures = columns.view(problem.batch, -1, columns.shape[2]).transpose(1, 2)
        multiply_planes(planes, weights[0].t(), pictures, bias)
        return
    result = x.new_empty((problem.positions, problem.groups, problem.filters // problem.groups))
    multiply_batches(result.transpose(0, 1), columns, weights)
    store(last, result.view(last.shape), bias)


def _weight_gradient(problem: Problem, x: Tensor, g: Tensor) -> Tensor:
    columns = _columns(problem, x)
    groups, k, depth = problem.groups, problem.filters // problem.groups, problem.depth
    rows = channels_last(g).reshape(-1, groups, k).transpose(0, 1)
    if groups > 1:
        result = rows.transpose(1, 2) @ columns
    else:
        splits = divisor(rows.shape[1], splits_for(rows.shape[1], k, columns.shape[2]))
        result = transposed_product(rows, columns, splits)[None, :, :depth]
    shape = (problem.filters, *problem.kernel, problem.channels // groups)
    return result.reshape(shape).movedim(-1, 1)


def _workspace(problem: Problem) -> int:
    source = problem.batch * problem.channels * prod(problem.size) * 2
    depth = problem.depth * problem.groups + 8
    return source + problem.positions * (depth + problem.filters)


def _cost(problem: Problem, _: str) -> Cost:
    source = problem.batch * problem.channels * prod(problem.size) * 3
    depth, waste = problem.depth * problem.groups, problem.group_waste
    moved = problem.positions * (depth * (1.5 + waste) + problem.filters * waste)
    return Cost(problem.positions * problem.tiled_flops, source + moved, 5)


columns = Method("columns", lambda _: True, _forward, _weight_gradient, _workspace, _cost)
