"""The estimate's choices where they matter most."""

from __future__ import annotations

import pytest
import torch

from rekindle_torch.convolution.blocks import set_workspace_limit
from rekindle_torch.convolution.choice import candidates, choose, estimate, price_on_gpu
from rekindle_torch.convolution.plan import problem_of
from rekindle_torch.convolution.problem import Geometry


def chosen(
    x_shape: tuple[int, ...], w_shape: tuple[int, ...], groups: int = 1,
    dtype: torch.dtype = torch.float32, limit_kb: int = 256 * 1024,
) -> str:  # fmt: skip
    """The choice for the CPU, whichever device the other tests use."""
    pads = tuple((k // 2, k // 2) for k in w_shape[2:])
    geometry = Geometry((1,) * len(pads), pads, (1,) * len(pads), groups)
    problem = problem_of(x_shape, w_shape, geometry)
    set_workspace_limit(limit_kb * 1024)
    try:
        return choose("forward", problem, torch.empty(0, dtype=dtype, device="cpu")).name
    finally:
        set_workspace_limit()


def test_one_product_for_1x1() -> None:
    assert chosen((8, 64, 56, 56), (256, 64, 1, 1)) == "pointwise"


@pytest.mark.parametrize("channels", [16, 96, 576])
def test_no_products_where_there_is_nothing_to_sum(channels: int) -> None:
    assert chosen((2, channels, 32, 32), (channels, 1, 3, 3), groups=channels) == "depthwise"


def test_winograd_for_wide_3x3_but_not_in_sixteen_bits() -> None:
    shapes = (8, 256, 28, 28), (256, 256, 3, 3)
    assert chosen(*shapes) == "winograd4"
    assert chosen(*shapes, dtype=torch.bfloat16) in ("columns", "rows", "shifted")
    assert not chosen((8, 3, 224, 224), (64, 3, 3, 3)).startswith("winograd")


def on_a_gpu(
    x_shape: tuple[int, ...], w_shape: tuple[int, ...], stride: int = 1, groups: int = 1,
    operation: str = "forward", cores: int = 132,
) -> str:  # fmt: skip
    pads = tuple((k // 2, k // 2) for k in w_shape[2:])
    rank = len(pads)
    geometry = Geometry((stride,) * rank, pads, (1,) * rank, groups)
    problem = problem_of(x_shape, w_shape, geometry)
    price = price_on_gpu(cores)
    return min(
        candidates(problem, torch.float32),
        key=lambda method: price(estimate(method, operation, problem, 4, 256 * 2**20)),
    ).name


@pytest.mark.parametrize("cores", [36, 132])
def test_strides_on_a_gpu_do_not_take_products_whose_rows_alternate(cores: int) -> None:
    """What was fastest on an H100: see bench/results/h100-2026-11-22/torch-layers.json."""
    assert on_a_gpu((32, 3, 224, 224), (64, 3, 7, 7), stride=2, cores=cores) == "columns"
    assert on_a_gpu((32, 128, 56, 56), (128, 128, 3, 3), stride=2, cores=cores) == "columns"
    assert on_a_gpu((32, 256, 28, 28), (256, 256, 3, 3), stride=2, cores=cores) == "columns"


def test_winograd_for_weights_needs_as_many_tiles_as_cores() -> None:
    shapes = (32, 64, 56, 56), (64, 64, 3, 3)
    assert on_a_gpu(*shapes) == "winograd4"
    assert on_a_gpu(*shapes, operation="weight_gradient") == "rows"
    assert on_a_gpu(*shapes, operation="weight_gradient", cores=36) == "winograd4"


@pytest.mark.parametrize("channels, size", [(32, 112), (384, 14), (960, 7)])
def test_depthwise_on_a_gpu(channels: int, size: int) -> None:
    shapes = (32, channels, size, size), (channels, 1, 3, 3)
    assert on_a_gpu(*shapes, groups=channels) == "depthwise"


def test_work_in_many_parts_costs_more_calls() -> None:
    shapes = (8, 16, 32, 32), (16, 16, 3, 3)
    assert chosen(*shapes) == "winograd4"
    assert chosen(*shapes, limit_kb=256) == "rows"
