"""im2col along all dimensions but the last: windows of the last one overlap in memory.

The kernel's outer dimensions are laid out beside the channels, so that a window of S neighbouring
columns is contiguous. Neighbouring windows overlap, which a matrix product does not allow for its
rows; but every J-th does not, where J columns are at least S: so J products, which are one batch,
take every J-th position each. The buffer has R times the input's elements rather than R*S times.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import NamedTuple, Optional

from torch import Tensor

from .copies import copy
from .method import Cost, Method
from .padding import aligned, as_rows, channels_last, padded, store, windows
from .problem import Problem
from .product import multiply, multiply_batches, splits_for, transposed_product


class Layout(NamedTuple):
    """How output positions lie in the buffers."""

    period: int  # input columns from one row of the buffer to the next
    wide: int  # output positions of one row, those that are thrown away included
    phases: int  # J: every J-th position is in the same product
    steps: int  # positions of one product


@lru_cache(maxsize=4096)
def layout_of(problem: Problem, rows: int, splits: int = 1) -> Layout:
    """The layout for `rows` rows of the last dimension, with steps a multiple of `splits`.

    Zeros at the end of a row serve as those at the beginning of the next.
    """
    (lo, _), stride = problem.geometry.pads[-1], problem.geometry.stride[-1]
    kernel, out = problem.kernel[-1], problem.out_size[-1]
    needed = (out - 1) * stride + kernel
    shared = min(lo, max(0, needed - lo - problem.size[-1]))
    wide = max(out, -(-(needed - shared) // stride))
    phases = -(-kernel // stride)
    steps = -(-rows * wide // (phases * splits)) * splits
    return Layout(wide * stride, wide, phases, steps)


def supports(problem: Problem) -> bool:
    last = problem.geometry.dilation[-1] == 1 or problem.kernel[-1] == 1
    return last and problem.groups == 1


def _rows(problem: Problem) -> int:
    return problem.batch * prod(problem.out_size[:-1])


def _vector(problem: Problem, x: Tensor) -> int:
    """How many elements each column of the buffer holds."""
    return aligned(problem.channels * prod(problem.kernel[:-1]), x)


def _patches(problem: Problem, x: Tensor, layout: Layout) -> Tensor:
    """[phases, steps, S * vector]: the input windows, a view into one buffer."""
    geometry, kernel, out = problem.geometry, problem.kernel, problem.out_size
    heights = problem.read_size[:-1]
    source = padded(channels_last(x), problem.befores, [*heights, layout.period])
    view = windows(source, out[:-1], kernel[:-1], geometry.stride[:-1], geometry.dilation[:-1])
    vector, filled = _vector(problem, x), problem.channels * prod(kernel[:-1])
    stride, window = geometry.stride[-1], kernel[-1] * vector
    length = (layout.phases * layout.steps - 1) * stride * vector + window
    used = _rows(problem) * layout.period * vector
    buffer = x.new_empty((max(length, used),))
    buffer[used:].zero_()
    # [N, *out, period, vector]: the shape in which windows are copied
    target = buffer[:used].view(x.shape[0], *out[:-1], layout.period, vector)
    if vector != filled:
        target[..., filled:].zero_()
        target = target[..., :filled]
    copy(target.unflatten(-1, (*kernel[:-1], problem.channels)), view)
    size = (layout.phases, layout.steps, window)
    return buffer.as_strided(size, (stride * vector, layout.phases * stride * vector, 1))


def _weights(problem: Problem, w: Tensor, vector: int) -> Tensor:
    """[S * vector, K], ordered as in the buffer."""
    filled = problem.channels * prod(problem.kernel[:-1])
    # [K, C, *outer, S] -> [K, S, *outer, C]
    matrix = w.movedim(-1, 1).movedim(2, -1)
    if vector == filled:
        return matrix.reshape(problem.filters, -1).t()
    wide = w.new_zeros((problem.filters, problem.kernel[-1], vector))
    wide[..., :filled] = matrix.reshape(problem.filters, problem.kernel[-1], filled)
    return wide.view(problem.filters, -1).t()


def _interleaved(flat: Tensor, layout: Layout) -> Tensor:
    """[phases * steps, K] as [phases, steps, K]."""
    return flat.view(layout.steps, layout.phases, -1).transpose(0, 1)


def _forward(problem: Problem, x: Tensor, w: Tensor, bias: Optional[Tensor], out: Tensor) -> None:
    rows, layout = _rows(problem), layout_of(problem, _rows(problem))
    patches = _patches(problem, x, layout)
    weights = _weights(problem, w, _vector(problem, x)).expand(layout.phases, -1, -1)
    last, direct = channels_last(out), as_rows(out)
    total = layout.phases * layout.steps
    if direct is not None and direct.shape[0] == total and layout.phases == 1:
        multiply(direct, patches[0], weights[0], bias)
        return
    result = x.new_empty((total, problem.filters))
    multiply_batches(_interleaved(result, layout), patches, weights)
    wide = result[: rows * layout.wide].view(*last.shape[:-2], layout.wide, problem.filters)
    store(last, wide[..., : problem.out_size[-1], :], bias)


def _weight_gradient(problem: Problem, x: Tensor, g: Tensor) -> Tensor:
    rows, vector = _rows(problem), _vector(problem, x)
    window = problem.kernel[-1] * vector
    splits = splits_for(problem.positions, problem.filters, window)
    layout = layout_of(problem, rows, splits if splits > 4 else 1)
    flat = g.new_zeros((layout.phases * layout.steps, problem.filters))
    last = channels_last(g)
    wide = flat[: rows * layout.wide].view(*last.shape[:-2], layout.wide, problem.filters)
    copy(wide[..., : problem.out_size[-1], :], last)
    patches = _patches(problem, x, layout)
    result = transposed_product(_interleaved(flat, layout), patches, splits if splits > 4 else 1)
    filled = problem.channels * prod(problem.kernel[:-1])
    result = result.view(problem.filters, problem.kernel[-1], vector)[..., :filled]
    shape = (problem.filters, problem.kernel[-1], *problem.kernel[:-1], problem.channels)
    return result.reshape(shape).movedim(-1, 1).movedim(2, -1)


def _workspace(problem: Problem) -> int:
    layout = layout_of(problem, _rows(problem))
    vector = problem.channels * prod(problem.kernel[:-1]) + 8
    source = problem.batch * problem.channels * prod(problem.size) * 2
    slack = layout.phases * problem.geometry.stride[-1] + problem.kernel[-1]
    buffer = (_rows(problem) * layout.period + slack) * vector
    return source + buffer + layout.phases * layout.steps * problem.filters


def _cost(problem: Problem, operation: str) -> Cost:
    rows = _rows(problem)
    layout = layout_of(problem, rows)
    positions = layout.phases * layout.steps
    vector = problem.channels * prod(problem.kernel[:-1])
    source = problem.batch * problem.channels * prod(problem.size) * 3
    moved = source + rows * layout.period * vector * 2 + 3 * positions * problem.filters
    alternates = operation == "forward" and layout.phases > 1
    return Cost(positions * problem.tiled_flops, moved, 6, alternates=alternates)


rows = Method("rows", supports, _forward, _weight_gradient, _workspace, _cost)
