"""The implicit form: a sum of products of shifted views of the padded input, without im2col.

The input is laid out as [outer dimensions..., N, last dimension, C]. There an offset of the kernel
is a constant distance in memory, for all images and positions at once, so that each kernel element
is one product of a view with its weights, added to the output. Where the last dimension is not
dilated, S neighbouring columns are one contiguous window and need one product (see rows.py for the
phases). Strides of outer dimensions are taken out by sorting rows by their remainder first.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from math import prod
from typing import NamedTuple, Optional

from torch import Tensor

from .copies import copy
from .method import Cost, Method
from .padding import channels_last, padded, store
from .problem import Problem
from .product import accumulator_type, multiply_batches, splits_for, transposed_product
from .rows import layout_of


class Plan(NamedTuple):
    """How positions lie in memory, and how the kernel's elements are grouped into products."""

    heights: tuple[int, ...]  # rows of each outer dimension, per remainder of its stride
    period: int  # input columns of one row
    wide: int  # output positions of one row
    extents: tuple[int, ...]  # output rows of each outer dimension, those thrown away included
    window: int  # columns that one product reads: S, or 1
    phases: int
    steps: int

    @property
    def rows(self) -> int:
        return prod(self.extents)


@lru_cache(maxsize=4096)
def _plan(problem: Problem, splits: int = 1) -> Plan:
    geometry, kernel, out = problem.geometry, problem.kernel, problem.out_size
    reach = geometry.reach(kernel)
    heights = tuple(
        -(-((p - 1) * s + r) // s) for p, s, r in zip(out[:-1], geometry.stride, reach[:-1])
    )
    extents = (*out[:1], *heights[1:]) if len(out) > 1 else ()
    count = problem.batch * prod(extents)
    if problem.groups == 1 and (geometry.dilation[-1] == 1 or kernel[-1] == 1):
        row = layout_of(problem, count, splits)
        return Plan(heights, row.period, row.wide, extents, kernel[-1], row.phases, row.steps)
    stride = geometry.stride[-1]
    wide = -(-((out[-1] - 1) * stride + reach[-1]) // stride)
    steps = -(-count * wide // splits) * splits
    return Plan(heights, wide * stride, wide, extents, 1, 1, steps)


def _source(problem: Problem, x: Tensor, plan: Plan) -> Tensor:
    """One flat buffer: [remainders of outer strides, outer rows, N, period, C], then zeros."""
    geometry, batch, channels = problem.geometry, problem.batch, problem.channels
    outer = len(plan.heights)
    stride = geometry.stride[:-1]
    sizes = [h * s for h, s in zip(plan.heights, stride)]
    inner = batch * plan.period * channels
    used = prod(sizes) * inner
    slack = _slack(problem, plan) * channels
    buffer = x.new_zeros((used + slack,))
    target = buffer[:used].view(*stride, *plan.heights, batch, plan.period, channels)
    last = channels_last(x)
    ordered = last.movedim(0, -3) if outer else last
    if all(s == 1 for s in stride):
        whole = target.view(*sizes, batch, plan.period, channels)
        _place_rows(whole, ordered, geometry.pads)
        return buffer
    # Every remainder of the strides has its own region.
    spread = padded(last, problem.befores, [*sizes, plan.period])
    split = spread.movedim(0, -3)
    for dim in range(outer - 1, -1, -1):
        split = split.unflatten(dim, (plan.heights[dim], stride[dim]))
    order = [2 * d + 1 for d in range(outer)] + [2 * d for d in range(outer)]
    copy(target, split.permute(*order, *range(2 * outer, split.dim())))
    return buffer


def _place_rows(target: Tensor, x: Tensor, pads: tuple[tuple[int, int], ...]) -> None:
    """Copies [*outer, N, W, C] into zeros, behind the zeros before each spatial dimension."""
    dims = [*range(len(pads) - 1), len(pads)]
    for dim, (lo, _) in zip(dims, pads):
        room = min(x.shape[dim], target.shape[dim] - lo)
        if room <= 0:
            return
        target, x = target.narrow(dim, lo, room), x.narrow(dim, 0, room)
    copy(target, x)


def _slack(problem: Problem, plan: Plan) -> int:
    """Columns behind the buffer that products of positions that are thrown away read."""
    stride, batch = problem.geometry.stride[-1], problem.batch
    rounding = plan.phases * plan.steps - plan.rows * batch * plan.wide
    shifts = 0
    below = batch * plan.period
    for dim in range(len(plan.heights) - 1, 0, -1):
        shifts += (plan.heights[dim] - 1) * below
        below *= plan.heights[dim]
    reach = problem.geometry.reach(problem.kernel)[-1]
    return shifts + (rounding + plan.phases) * stride + reach


def _offsets(problem: Problem, plan: Plan) -> Iterator[tuple[tuple[int, ...], int, int]]:
    """For each product: outer kernel indices, first kernel column, distance in input columns."""
    geometry, kernel = problem.geometry, problem.kernel
    outer = len(plan.heights)
    columns = range(0, kernel[-1], plan.window)
    for index in product(*(range(k) for k in kernel[:-1])):
        at = [i * d for i, d in zip(index, geometry.dilation)]
        row = 0
        for dim in range(outer):
            row = row * geometry.stride[dim] + at[dim] % geometry.stride[dim]
        for dim in range(outer):
            row = row * plan.heights[dim] + at[dim] // geometry.stride[dim]
        for s in columns:
            yield index, s, row * problem.batch * plan.period + s * geometry.dilation[-1]


def _view(problem: Problem, plan: Plan, buffer: Tensor, distance: int) -> Tensor:
    """[phases, steps, window * C], or [G, steps, C / G]: what one product reads."""
    stride, channels, groups = problem.geometry.stride[-1], problem.channels, problem.groups
    if groups == 1:
        size = (plan.phases, plan.steps, plan.window * channels)
        step = (stride * channels, plan.phases * stride * channels, 1)
    else:
        size = (groups, plan.steps, channels // groups)
        step = (channels // groups, stride * channels, 1)
    return buffer.as_strided(size, step, distance * channels)


def _batches(problem: Problem, plan: Plan, flat: Tensor) -> Tensor:
    """[phases * steps, K] as [phases, steps, K], or as [G, steps, K / G]."""
    if problem.groups == 1:
        return flat.view(plan.steps, plan.phases, -1).transpose(0, 1)
    return flat.view(plan.steps, problem.groups, -1).transpose(0, 1)


def _valid(problem: Problem, plan: Plan, flat: Tensor) -> Tensor:
    """The positions that are results: [N, *out, K]."""
    rows = flat[: plan.rows * problem.batch * plan.wide]
    view = rows.view(*plan.extents, problem.batch, plan.wide, problem.filters)
    for dim, size in enumerate(problem.out_size[:-1]):
        view = view.narrow(dim, 0, size)
    view = view.narrow(-2, 0, problem.out_size[-1])
    return view.movedim(-3, 0)


def _weights(problem: Problem, plan: Plan, w: Tensor) -> Tensor:
    """[*outer, products per row, batches, window * C / G, K / G]."""
    groups, k = problem.groups, problem.filters // problem.groups
    products = problem.kernel[-1] // plan.window
    # [G, K / G, C / G, *outer, S] -> [*outer, S, G, C / G, K / G]
    ordered = w.unflatten(0, (groups, k)).movedim((0, 2, 1), (-3, -2, -1))
    outer = problem.kernel[:-1]
    if groups == 1:
        matrix = ordered.reshape(*outer, products, 1, -1, k)
        return matrix.expand(*outer, products, plan.phases, -1, k)
    return ordered.reshape(*outer, products, groups, -1, k)


def _forward(problem: Problem, x: Tensor, w: Tensor, bias: Optional[Tensor], out: Tensor) -> None:
    plan = _plan(problem)
    buffer, weights = _source(problem, x, plan), _weights(problem, plan, w)
    total = plan.phases * plan.steps
    flat = x.new_empty((total, problem.filters), dtype=accumulator_type(x.dtype))
    target = _batches(problem, plan, flat)
    for i, (index, s, distance) in enumerate(_offsets(problem, plan)):
        part = weights[(*index, s // plan.window)]
        multiply_batches(target, _view(problem, plan, buffer, distance), part, add=i > 0)
    store(channels_last(out), _valid(problem, plan, flat), bias)


def _weight_gradient(problem: Problem, x: Tensor, g: Tensor) -> Tensor:
    groups, k, d = problem.groups, problem.filters // problem.groups, problem.channels
    splits = splits_for(problem.positions, k, d) if groups == 1 else 1
    plan = _plan(problem, splits)
    buffer = _source(problem, x, plan)
    flat = g.new_zeros((plan.phases * plan.steps, problem.filters))
    copy(_valid(problem, plan, flat), channels_last(g))
    gradients = _batches(problem, plan, flat)
    # [*kernel, K, C / G]
    result = x.new_empty((*problem.kernel, problem.filters, d // groups))
    for index, s, distance in _offsets(problem, plan):
        view = _view(problem, plan, buffer, distance)
        if groups == 1:
            part = transposed_product(gradients, view, splits).unflatten(1, (plan.window, d))
            result[index][s : s + plan.window].copy_(part.transpose(0, 1))
        else:
            part = (gradients.transpose(1, 2) @ view).view(problem.filters, d // groups)
            result[index][s].copy_(part)
    return result.movedim((-2, -1), (0, 1))


def _workspace(problem: Problem) -> int:
    plan = _plan(problem)
    rows = prod(h * s for h, s in zip(plan.heights, problem.geometry.stride))
    source = rows * problem.batch * plan.period + _slack(problem, plan)
    copies = 1 if all(s == 1 for s in problem.geometry.stride[:-1]) else 2
    return source * problem.channels * copies + 2 * plan.phases * plan.steps * problem.filters


def _cost(problem: Problem, operation: str) -> Cost:
    plan = _plan(problem)
    positions = plan.phases * plan.steps
    products = prod(problem.kernel) // plan.window
    strides = problem.geometry.stride[:-1]
    # Zeros, and a copy; rows that are sorted by their remainder are copied once more before.
    passes = 3 if all(s == 1 for s in strides) else 6
    rows = prod(h * s for h, s in zip(plan.heights, strides))
    source = rows * problem.batch * plan.period * problem.channels * passes
    touched = 2 * problem.filters + plan.phases * problem.channels
    accumulated = products * positions * touched * problem.group_waste
    flops = positions * problem.tiled_flops
    moved = source + accumulated + 2 * positions * problem.filters
    alternates = operation == "forward" and plan.phases > 1
    return Cost(flops, moved, 4 + products, alternates=alternates)


shifted = Method("shifted", lambda _: True, _forward, _weight_gradient, _workspace, _cost)
