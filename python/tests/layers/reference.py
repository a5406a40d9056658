"""PyTorch's own convolutions, which the tests hold ours against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from rekindle_torch.convolution import operations
from rekindle_torch.convolution.method import Method
from rekindle_torch.convolution.methods import supported
from rekindle_torch.convolution.plan import problem_of
from rekindle_torch.convolution.problem import Geometry

NATIVE: dict[int, Any] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
NATIVE_TRANSPOSED: dict[int, Any] = {
    1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d,
}  # fmt: skip
FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}

# The largest error, by the largest value: Winograd's transforms lose digits.
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-6}
WINOGRAD_TOLERANCE = {torch.float64: 1e-11, torch.float32: 5e-5}


@contextmanager
def made_on_the_cpu() -> Iterator[torch.device]:
    """Inside, tensors are made on the CPU, whose random numbers are the same on every machine.

    Gives the device that the tests use.
    """
    device = torch.empty(0).device
    if device.type == "cpu":
        yield device
        return
    torch.set_default_device("cpu")
    try:
        yield device
    finally:
        torch.set_default_device(device)


class Case(NamedTuple):
    """One convolution with symmetric padding."""

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    channels: int
    filters: int
    batch: int = 2

    @property
    def geometry(self) -> Geometry:
        pads = tuple((p, p) for p in self.padding)
        return Geometry(self.stride, pads, self.dilation, self.groups)

    @property
    def is_possible(self) -> bool:
        return min(self.geometry.out_size(self.size, self.kernel)) >= 1


class Tensors(NamedTuple):
    """The tensors of a case, and what PyTorch makes of them."""

    x: Tensor
    w: Tensor
    bias: Tensor
    g: Tensor
    y: Tensor
    gx: Tensor
    gw: Tensor


def tensors_of(case: Case, dtype: torch.dtype, is_channels_last: bool) -> Tensors:
    rank = len(case.size)
    x = torch.randn(case.batch, case.channels, *case.size, dtype=dtype)
    w = torch.randn(case.filters, case.channels // case.groups, *case.kernel, dtype=dtype)
    if is_channels_last and rank in FORMATS:
        x, w = (t.contiguous(memory_format=FORMATS[rank]) for t in (x, w))
    bias = torch.randn(case.filters, dtype=dtype)
    x, w = x.requires_grad_(), w.requires_grad_()
    y = NATIVE[rank](x, w, bias, case.stride, case.padding, case.dilation, case.groups)
    g = torch.randn_like(y)
    gx, gw = torch.autograd.grad(y, (x, w), g)
    return Tensors(x.detach(), w.detach(), bias, g, y.detach(), gx, gw)


def assert_near(actual: Tensor, expected: Tensor, method: str, what: object) -> None:
    assert actual.shape == expected.shape, what
    assert actual.dtype == expected.dtype, what
    table = WINOGRAD_TOLERANCE if method.startswith("winograd") else TOLERANCE
    scale = max(float(expected.detach().abs().max()), 1.0) if expected.numel() else 1.0
    actual, expected = actual.detach(), expected.detach()
    error = float((actual - expected).abs().max()) / scale if expected.numel() else 0.0
    assert error <= table[expected.dtype], f"{what}: error {error:.2e}"


def check_every_method(case: Case, tensors: Tensors) -> int:
    """Holds each method that supports the case against PyTorch; returns how many there are."""
    geometry = case.geometry
    problem = problem_of(tuple(tensors.x.shape), tuple(tensors.w.shape), geometry)
    methods: list[Method] = supported(problem)
    with torch.no_grad():
        for method in methods:
            name = method.name
            what = (name, case)
            y = operations.forward(tensors.x, tensors.w, tensors.bias, geometry, name)
            assert_near(y, tensors.y, name, ("forward", *what))
            gx = operations.input_gradient(tensors.g, tensors.w, case.size, geometry, name)
            assert_near(gx, tensors.gx, name, ("input gradient", *what))
            gw = operations.weight_gradient(tensors.x, tensors.g, case.kernel, geometry, name)
            assert_near(gw, tensors.gw, name, ("weight gradient", *what))
    return len(methods)


def grid(
    sizes: list[tuple[int, ...]], kernels: list[tuple[int, ...]], strides: list[tuple[int, ...]],
    paddings: list[tuple[int, ...]], dilations: list[tuple[int, ...]],
    groupings: list[tuple[int, int, int]],
) -> Iterator[Case]:  # fmt: skip
    """All combinations that have an output; a grouping is (groups, channels, filters)."""
    for entries in product(sizes, kernels, strides, paddings, dilations, groupings):
        *first, (groups, channels, filters) = entries
        case = Case(*first, groups, channels, filters)  # type: ignore[arg-type]
        if case.is_possible:
            yield case
