"""Random convolutions: whatever PyTorch computes, we compute too."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rekindle_torch import functional as ours
from rekindle_torch.convolution.blocks import set_workspace_limit

from .reference import NATIVE, NATIVE_TRANSPOSED, assert_near

settings.register_profile(
    "ours", deadline=None, max_examples=150, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
settings.load_profile("ours")

OURS = {1: ours.conv1d, 2: ours.conv2d, 3: ours.conv3d}
OURS_TRANSPOSED = {1: ours.conv_transpose1d, 2: ours.conv_transpose2d, 3: ours.conv_transpose3d}
METHODS = st.sampled_from(
    [None, "pointwise", "depthwise", "rows", "shifted", "columns", "winograd2", "winograd4"]
)


@st.composite
def arguments(draw: st.DrawFn) -> dict:
    rank = draw(st.integers(1, 3))
    numbers = {1: 12, 2: 8, 3: 5}[rank]

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    return {
        "rank": rank,
        "size": each(1, numbers),
        "kernel": each(1, 4),
        "stride": each(1, 3),
        "padding": each(0, 3),
        "dilation": each(1, 3),
        "groups": draw(st.integers(1, 3)),
        "channels": draw(st.integers(1, 3)),
        "filters": draw(st.integers(1, 3)),
        "batch": draw(st.integers(1, 3)),
        "has_bias": draw(st.booleans()),
        "method": draw(METHODS),
        "limit": draw(st.sampled_from([1, 2000, 2**28])),
    }


def tensors(a: dict, w_shape: tuple[int, ...], filters: int) -> list:
    torch.manual_seed(0)
    x = torch.randn(a["batch"], a["channels"] * a["groups"], *a["size"], dtype=torch.float64)
    w = torch.randn(*w_shape, *a["kernel"], dtype=torch.float64)
    bias = torch.randn(filters, dtype=torch.float64) if a["has_bias"] else None
    return [t if t is None else t.requires_grad_() for t in (x, w, bias)]


def compare(native, own, a: dict, inputs: list, **options) -> None:
    try:
        expected = native(*inputs, **options)
    except RuntimeError:
        return  # no output
    if expected.numel() == 0:
        # As cuDNN computes a transposed convolution; PyTorch's kernels for the CPU refuse it.
        with pytest.raises(RuntimeError, match="the output of the input"):
            own(*inputs, **options, method=a["method"])
        return
    set_workspace_limit(a["limit"])
    try:
        actual = own(*inputs, **options, method=a["method"])
        wanted = [t for t in inputs if t is not None]
        gradients = torch.autograd.grad(actual.sin().sum(), wanted)
    finally:
        set_workspace_limit()
    assert_near(actual, expected, a["method"] or "winograd", a)
    assert actual.is_contiguous() == expected.is_contiguous()
    for actual_part, part in zip(
        gradients, torch.autograd.grad(expected.sin().sum(), wanted), strict=True
    ):
        assert_near(actual_part, part, "winograd", a)


@given(arguments())
def test_convolution(a: dict) -> None:
    filters = a["filters"] * a["groups"]
    inputs = tensors(a, (filters, a["channels"]), filters)
    compare(
        NATIVE[a["rank"]], OURS[a["rank"]], a, inputs, stride=a["stride"], padding=a["padding"],
        dilation=a["dilation"], groups=a["groups"],
    )  # fmt: skip


def test_an_empty_output_is_an_error() -> None:
    x, w = torch.randn(1, 1, 1), torch.randn(1, 1, 1)
    with pytest.raises(RuntimeError, match=r"the output of the input \[1, 1, 1\] would be \[0\]"):
        ours.conv_transpose1d(x, w, stride=2, padding=1, output_padding=1)


@given(arguments(), st.integers(0, 2))
def test_transposed_convolution(a: dict, extra: int) -> None:
    filters = a["filters"] * a["groups"]
    inputs = tensors(a, (a["channels"] * a["groups"], a["filters"]), filters)
    output_padding = tuple(min(extra, max(s, d) - 1) for s, d in zip(a["stride"], a["dilation"]))
    compare(
        NATIVE_TRANSPOSED[a["rank"]], OURS_TRANSPOSED[a["rank"]], a, inputs, stride=a["stride"],
        padding=a["padding"], output_padding=output_padding, groups=a["groups"],
        dilation=a["dilation"],
    )  # fmt: skip
