"""Every method on a grid of small shapes, forward and both gradients, against PyTorch."""

from __future__ import annotations

import pytest
import torch

from rekindle_torch.convolution import blocks, columns, padding, product

from .reference import check_every_method, grid, tensors_of

GROUPINGS = [(1, 3, 4), (1, 4, 8), (2, 4, 6), (3, 3, 3), (2, 2, 4)]


def each(rank: int, *values: int) -> list[tuple[int, ...]]:
    return [(v,) * rank for v in values]


@pytest.mark.parametrize("is_channels_last", [False, True], ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("groups, channels, filters", GROUPINGS)
@pytest.mark.parametrize(
    "kernel", [(1, 1), (2, 2), (3, 3), (3, 1), (1, 4), (5, 2)], ids=lambda k: f"{k[0]}x{k[1]}"
)
def test_grid_2d(
    kernel: tuple[int, int], groups: int, channels: int, filters: int, dtype: torch.dtype,
    is_channels_last: bool,
) -> None:  # fmt: skip
    torch.manual_seed(0)
    strides = [(1, 1), (2, 2), (3, 1)]
    paddings, dilations = [(0, 0), (1, 1), (2, 3)], [(1, 1), (2, 1), (1, 2)]
    cases = list(
        grid([(6, 7)], [kernel], strides, paddings, dilations, [(groups, channels, filters)])
    )
    checked = sum(check_every_method(c, tensors_of(c, dtype, is_channels_last)) for c in cases)
    assert checked >= 2 * len(cases) >= 2 * 18


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 4), (5, 9), (8, 6)], ids=str)
def test_sizes_of_3x3(size: tuple[int, int], dtype: torch.dtype) -> None:
    """Winograd's tiles meet every remainder."""
    torch.manual_seed(0)
    paddings = [(1, 1), (2, 0), (0, 2)]
    cases = list(grid([size], [(3, 3)], [(1, 1)], paddings, [(1, 1)], [(1, 5, 2), (1, 1, 1)]))
    checked = sum(check_every_method(c, tensors_of(c, dtype, True)) for c in cases)
    assert checked >= 5 * len(cases) > 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_grid_1d(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    cases = list(
        grid([(9,)], each(1, 1, 2, 3, 5), each(1, 1, 2, 3), each(1, 0, 1, 2), each(1, 1, 3),
             GROUPINGS)
    )  # fmt: skip
    checked = sum(check_every_method(c, tensors_of(c, dtype, False)) for c in cases)
    assert checked > 600


@pytest.mark.parametrize("is_channels_last", [False, True], ids=["contiguous", "channels_last"])
def test_grid_3d(is_channels_last: bool) -> None:
    torch.manual_seed(0)
    kernels = [(1, 1, 1), (2, 2, 2), (3, 3, 3), (3, 1, 2)]
    strides, paddings = [(1, 1, 1), (2, 2, 2), (1, 2, 3)], [(0, 0, 0), (1, 1, 1)]
    dilations = [(1, 1, 1), (2, 1, 2)]
    cases = list(grid([(5, 6, 5)], kernels, strides, paddings, dilations, GROUPINGS))
    checked = sum(
        check_every_method(c, tensors_of(c, torch.float64, is_channels_last)) for c in cases
    )
    assert checked > 300


@pytest.mark.parametrize("is_channels_last", [False, True], ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("limit_kb", [16, 256 * 1024], ids=["in parts", "at once"])
def test_as_large_pictures_are_computed(
    limit_kb: int, is_channels_last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ways that only large pictures are worth, on small ones: in parts of images, and at once."""
    monkeypatch.setattr(padding, "_LARGE", 1)
    monkeypatch.setattr(columns, "_PLANE", 1)
    monkeypatch.setattr(product, "_ROWS_PER_SPLIT", 4)
    monkeypatch.setattr(blocks, "_limit_bytes", limit_kb * 1024)
    torch.manual_seed(0)
    kernels, strides, dilations = [(1, 1), (3, 3), (2, 3)], [(1, 1), (2, 1)], [(1, 1), (1, 2)]
    paddings, groupings = [(0, 0), (1, 2)], [(1, 4, 8), (2, 4, 6)]
    cases = list(grid([(12, 9)], kernels, strides, paddings, dilations, groupings))
    checked = sum(
        check_every_method(c, tensors_of(c, torch.float64, is_channels_last)) for c in cases
    )
    assert checked >= 2 * len(cases) >= 2 * 40
