"""Derivatives of every order, and the transforms of torch.func."""

from __future__ import annotations

from typing import Any, Callable

import pytest
import torch
from torch import Tensor

from rekindle_torch import functional as ours

from .reference import NATIVE, NATIVE_TRANSPOSED, assert_near

needs_func = pytest.mark.skipif(
    not hasattr(torch, "func"), reason="this PyTorch has no torch.func with custom functions"
)


def random(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(*shape, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize(
    "method", ["rows", "shifted", "columns", "winograd2", "winograd4", None], ids=str
)
def test_gradcheck(method: str | None) -> None:
    inputs = random(1, 2, 3, 4), random(2, 2, 3, 3), random(2)

    def conv(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return ours.conv2d(x, w, b, padding=1, method=method)

    options = {"check_forward_ad": hasattr(torch, "func")}
    assert torch.autograd.gradcheck(conv, inputs, **options)
    assert torch.autograd.gradgradcheck(conv, inputs)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=str)
def test_gradcheck_strided_grouped(dtype: torch.dtype) -> None:
    inputs = random(1, 2, 4, 3, dtype=dtype), random(2, 1, 2, 2, dtype=dtype)

    def conv(x: Tensor, w: Tensor) -> Tensor:
        return ours.conv2d(x, w, None, (2, 1), (1, 0), (1, 2), 2)

    expected = NATIVE[2](*inputs, None, (2, 1), (1, 0), (1, 2), 2)
    torch.testing.assert_close(conv(*inputs), expected)
    assert torch.autograd.gradcheck(conv, inputs)
    assert torch.autograd.gradgradcheck(conv, inputs)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_gradcheck_transposed(rank: int) -> None:
    inputs = random(1, 2, *(2,) * rank), random(2, 1, *(2,) * rank), random(2)

    def conv(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        own = (ours.conv_transpose1d, ours.conv_transpose2d, ours.conv_transpose3d)[rank - 1]
        return own(x, w, b, stride=2, padding=1, output_padding=1, groups=2)

    expected = NATIVE_TRANSPOSED[rank](*inputs, stride=2, padding=1, output_padding=1, groups=2)
    torch.testing.assert_close(conv(*inputs), expected)
    assert torch.autograd.gradcheck(conv, inputs)
    assert torch.autograd.gradgradcheck(conv, inputs)


def test_gradient_penalty() -> None:
    """A loss on a gradient, as in WGAN-GP: the second derivative through several layers."""
    x, w = random(2, 3, 6, 6), random(3, 3, 3, 3)

    def penalty(conv: Callable[..., Tensor]) -> Tensor:
        y = conv(conv(x, w, None, 1, 1).tanh(), w, None, 2, 1)
        (gx,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        (gw,) = torch.autograd.grad(gx.square().sum(), w)
        return gw

    assert_near(penalty(ours.conv2d), penalty(NATIVE[2]), "winograd", "penalty")


def same(function: Callable[[Callable[..., Tensor]], Any]) -> None:
    """Whether a transform gives the same with our convolution as with PyTorch's."""
    assert_near(function(ours.conv2d), function(NATIVE[2]), "winograd", "transform")


@needs_func
@pytest.mark.parametrize("in_dims", [(0, None), (None, 0), (0, 0), (2, 1)], ids=str)
def test_vmap(in_dims: tuple[int | None, int | None]) -> None:
    from torch.func import vmap

    shapes = [[2, 4, 6, 5], [6, 2, 3, 2]]
    for shape, dim in zip(shapes, in_dims):
        if dim is not None:
            shape.insert(dim, 3)
    x, w = (random(*shape).detach() for shape in shapes)
    bias = random(3, 6).detach()

    def whole(conv: Callable[..., Tensor]) -> Tensor:
        return vmap(lambda x, w, b: conv(x, w, b, 2, 1, 1, 2), (*in_dims, 0))(x, w, bias)

    def plain_bias(conv: Callable[..., Tensor]) -> Tensor:
        return vmap(lambda x, w: conv(x, w, bias[0], 2, 1, 1, 2), in_dims)(x, w)

    same(whole)
    same(plain_bias)


@needs_func
def test_per_sample_gradients() -> None:
    from torch.func import grad, vmap

    x, w = random(3, 1, 2, 5, 5).detach(), random(2, 2, 3, 3).detach()
    same(lambda conv: vmap(grad(lambda w, x: conv(x, w).sin().sum()), (None, 0))(w, x))
    same(lambda conv: vmap(grad(lambda x, w: conv(x, w).sin().sum()), (0, None))(x, w))


@needs_func
def test_hessian_and_jacobians() -> None:
    from torch.func import hessian, jacfwd, jacrev

    x, w = random(1, 2, 3, 3).detach(), random(2, 1, 2, 2).detach()
    for transform in (hessian, jacfwd, jacrev):
        same(lambda conv, t=transform: t(lambda w: conv(x, w, None, 1, 1, 1, 2).pow(3).sum())(w))
        same(lambda conv, t=transform: t(lambda x: conv(x, w, None, 1, 1, 1, 2).pow(3).sum())(x))


@needs_func
def test_ensemble() -> None:
    """Several models at once: vmap over parameters and inputs of a layer."""
    from torch.func import functional_call, stack_module_state, vmap

    import rekindle_torch

    models = [rekindle_torch.Conv2dGFX1010(2, 3, 3) for _ in range(3)]
    parameters, buffers = stack_module_state(models)
    x = torch.randn(2, 2, 5, 5)

    def call(p: Any, b: Any, x: Tensor) -> Tensor:
        return functional_call(models[0], (p, b), (x,))

    together = vmap(call, (0, 0, None))(parameters, buffers, x)
    for model, y in zip(models, together):
        torch.testing.assert_close(y, model(x))
