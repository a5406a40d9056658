"""Winograd's minimal filtering for 3x3 kernels: F(2x2, 3x3) and F(4x4, 3x3).

A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", 2015. Each tile of the
output takes (m + 2)^2 products per channel instead of 9 m^2: 2.25 times fewer for m = 2, 4 times
for m = 4. The transforms of a tile are one matrix product with a Kronecker product of the
one-dimensional transform; the products over channels are one batch.
"""

from __future__ import annotations

from functools import cache, lru_cache
from math import inf
from typing import NamedTuple, Optional

import torch
from torch import Tensor

from .copies import gathered, is_plain
from .method import Cost, Method
from .padding import channels_last, padded, store, windows
from .problem import Problem

_Rows = dict[int, list[list[float]]]

# The tile of a product that one core of a GPU computes.
_TILE = 64

_INPUT: _Rows = {
    2: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
    4: [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
}
_WEIGHTS: _Rows = {
    2: [[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]],
    4: [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
}
_OUTPUT: _Rows = {
    2: [[1, 1, 1, 0], [0, 1, -1, -1]],
    4: [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
}


class Transforms(NamedTuple):
    """Two-dimensional transforms as matrices, with t = m + 2."""

    input: Tensor  # [t * t, t * t]
    weights: Tensor  # [t * t, 9]
    output: Tensor  # [m * m, t * t]


def _transforms(m: int, x: Tensor) -> Transforms:
    """For tensors like `x`; kept, unless `x` only stands for a tensor, as would the transforms."""
    make = _kept_transforms if is_plain(x) else _new_transforms
    return make(m, x.dtype, x.device)


def _new_transforms(m: int, dtype: torch.dtype, device: torch.device) -> Transforms:
    def both(rows: list[list[float]]) -> Tensor:
        matrix = torch.tensor(rows, dtype=torch.float64)
        return torch.kron(matrix, matrix).to(device=device, dtype=dtype)

    return Transforms(both(_INPUT[m]), both(_WEIGHTS[m]), both(_OUTPUT[m]))


_kept_transforms = cache(_new_transforms)


def supports(problem: Problem) -> bool:
    return (
        problem.kernel == (3, 3)
        and problem.groups == 1
        and problem.is_unit_stride
        and problem.is_undilated
    )


class Tiles(NamedTuple):
    rows: int
    columns: int
    total: int  # of all images


@lru_cache(maxsize=4096)
def _tiles(problem: Problem, m: int) -> Tiles:
    rows, columns = (-(-n // m) for n in problem.out_size)
    return Tiles(rows, columns, problem.batch * rows * columns)


def _input_tiles(problem: Problem, x: Tensor, m: int, tiles: Tiles, to: Transforms) -> Tensor:
    """The transformed input: [t * t, tiles, C]."""
    sizes = [tiles.rows * m + 2, tiles.columns * m + 2]
    source = padded(channels_last(x), problem.befores, sizes)
    t = m + 2
    view = windows(source, (tiles.rows, tiles.columns), (t, t), (m, m), (1, 1))
    # [N, rows, columns, t, t, C] -> [t, t, N, rows, columns, C]
    flat = gathered(view.permute(3, 4, 0, 1, 2, 5)).view(t * t, tiles.total * problem.channels)
    return (to.input @ flat).view(t * t, tiles.total, problem.channels)


def _forward(
    problem: Problem, x: Tensor, w: Tensor, bias: Optional[Tensor], out: Tensor, m: int
) -> None:
    tiles, to = _tiles(problem, m), _transforms(m, x)
    t, k = m + 2, problem.filters
    weights = to.weights @ w.permute(2, 3, 1, 0).reshape(9, -1)
    inputs = _input_tiles(problem, x, m, tiles, to)
    products = torch.bmm(inputs, weights.view(t * t, problem.channels, k))
    del inputs
    result = to.output @ products.view(t * t, -1)
    del products
    # [m, m, N, rows, columns, K] -> [N, rows, m, columns, m, K]
    blocks = result.view(m, m, problem.batch, tiles.rows, tiles.columns, k)
    _store_tiles(channels_last(out), blocks.permute(2, 3, 0, 4, 1, 5), bias, m)


def _store_tiles(out: Tensor, blocks: Tensor, bias: Optional[Tensor], m: int) -> None:
    """Writes [N, rows, m, columns, m, K]; the last tiles may reach beyond the output."""
    height, width = out.shape[1:3]
    rows, columns = height // m, width // m
    parts_h = [(slice(0, rows), m, 0), (slice(rows, rows + 1), height % m, rows * m)]
    rest_w = (slice(columns, columns + 1), width % m, columns * m)
    parts_w = [(slice(0, columns), m, 0), rest_w]
    for over_rows, h, top in parts_h:
        for over_columns, v, left in parts_w:
            part = blocks[:, over_rows, :h, over_columns, :v]
            if part.numel() == 0:
                continue
            size_h, size_w = part.shape[1] * h, part.shape[3] * v
            target = out[:, top : top + size_h, left : left + size_w]
            store(target.unflatten(2, (-1, v)).unflatten(1, (-1, h)), part, bias)


def _weight_gradient(problem: Problem, x: Tensor, g: Tensor, m: int) -> Tensor:
    tiles, to = _tiles(problem, m), _transforms(m, x)
    t, k = m + 2, problem.filters
    source = padded(channels_last(g), [0, 0], [tiles.rows * m, tiles.columns * m])
    blocks = source.unflatten(2, (tiles.columns, m)).unflatten(1, (tiles.rows, m))
    # [N, rows, m, columns, m, K] -> [m, m, N, rows, columns, K]
    flat = gathered(blocks.permute(2, 4, 0, 1, 3, 5)).view(m * m, tiles.total * k)
    gradients = (to.output.t() @ flat).view(t * t, tiles.total, k)
    inputs = _input_tiles(problem, x, m, tiles, to)
    products = torch.bmm(gradients.transpose(1, 2), inputs)
    result = to.weights.t() @ products.view(t * t, -1)
    return result.view(3, 3, k, problem.channels).permute(2, 3, 0, 1)


def _workspace(problem: Problem, m: int) -> int:
    tiles, t = _tiles(problem, m), m + 2
    source = tiles.total * m * m * problem.channels * 2
    weights = (t * t + 9) * problem.filters * problem.channels
    transformed = tiles.total * t * t * (2 * problem.channels + 2 * problem.filters)
    return source + weights + transformed


def _cost(problem: Problem, operation: str, m: int) -> Cost:
    tiles, t = _tiles(problem, m), m + 2
    c, k = problem.channels, problem.filters
    products = 2.0 * tiles.total * t * t * c * k
    transforms = 2.0 * tiles.total * t * t * (t * t * c + m * m * k)
    source = 3 * problem.batch * c * problem.size[0] * problem.size[1]
    moved = tiles.total * (t * t * (4 * c + 2 * k) + 3 * m * m * k) + (2 * t * t + 27) * c * k
    # The weights' gradient is one small product for each element of a tile, with long sums.
    small = t * t * -(-c // _TILE) * -(-k // _TILE) if operation == "weight_gradient" else inf
    return Cost(products + 0.5 * transforms, source + moved, 9, small)


def _winograd(m: int) -> Method:
    return Method(
        f"winograd{m}",
        supports,
        lambda problem, x, w, bias, out: _forward(problem, x, w, bias, out, m),
        lambda problem, x, g: _weight_gradient(problem, x, g, m),
        lambda problem: _workspace(problem, m),
        lambda problem, operation: _cost(problem, operation, m),
    )


winograd2 = _winograd(2)
winograd4 = _winograd(4)
