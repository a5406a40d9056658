"""Convolution with derivatives of every order, for autograd and for torch.func.

y(x, w), its gradient for x, and its gradient for w are bilinear, and the derivatives of each are
the other two. So three functions that name each other in their backward are differentiable without
end. A vmap over inputs alone is a larger batch; over anything else, it is more groups.
"""

from __future__ import annotations

from typing import Any, Callable, Optional

import torch
from torch import Tensor

from . import operations
from .problem import Geometry, Sizes

_HAS_SETUP_CONTEXT = hasattr(torch.autograd.Function, "setup_context")
transforms_are_active: Callable[[], bool] = getattr(
    torch._C, "_are_functorch_transforms_active", lambda: True
)


class _Bilinear(torch.autograd.Function):
    """A function with `setup_context`, also for PyTorch before 2.0, which does not call it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if _HAS_SETUP_CONTEXT:
            return
        compute: Callable[..., Tensor] = cls.forward

        def forward(ctx: Any, *args: Any) -> Tensor:
            output = compute(*args)
            cls.setup_context(ctx, args, output)
            return output

        cls.forward = staticmethod(forward)  # type: ignore[method-assign]

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Without transforms of torch.func, past PyTorch's look at the signature of `forward`.

        That look takes longer than a small convolution.
        """
        if transforms_are_active():
            return super().apply(*args)  # type: ignore[misc]
        return super(torch.autograd.Function, cls).apply(*args)  # type: ignore[misc]

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keeps the two tensors, and all other arguments as they are."""
        a, b, *rest = inputs
        ctx.save_for_backward(a, b)
        if _HAS_SETUP_CONTEXT:
            ctx.save_for_forward(a, b)
        ctx.rest = rest


def _conjugate(x: Tensor) -> Tensor:
    return x.conj().resolve_conj() if x.is_complex() else x


def _plus(a: Optional[Tensor], b: Optional[Tensor]) -> Optional[Tensor]:
    return b if a is None else a if b is None else a + b


class Forward(_Bilinear):
    """y = forward(x, w) + bias."""

    @staticmethod
    def forward(
        x: Tensor, w: Tensor, bias: Optional[Tensor], geometry: Geometry, name: Optional[str]
    ) -> Tensor:
        return operations.forward(x, w, bias, geometry, name)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        x, w = ctx.saved_tensors
        _, geometry, name = ctx.rest
        wants_x, wants_w, wants_bias, *_ = ctx.needs_input_grad
        gx = gw = gb = None
        if wants_x:
            gx = InputGradient.apply(g, _conjugate(w), tuple(x.shape[2:]), geometry, name)
        if wants_w:
            gw = WeightGradient.apply(_conjugate(x), g, tuple(w.shape[2:]), geometry, name)
        if wants_bias:
            gb = g.sum((0, *range(2, g.dim())))
        return gx, gw, gb, None, None

    @staticmethod
    def jvp(ctx: Any, dx: Any, dw: Any, db: Any, *_: Any) -> Any:
        x, w = ctx.saved_tensors
        _, geometry, name = ctx.rest
        a = None if dx is None else Forward.apply(dx, w, db, geometry, name)
        if dw is None:
            return a
        return _plus(a, Forward.apply(x, dw, db if dx is None else None, geometry, name))

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, x: Tensor, w: Tensor, bias: Optional[Tensor], geometry: Geometry,
        name: Optional[str],
    ) -> Any:  # fmt: skip
        x_dim, w_dim, bias_dim, *_ = in_dims
        plain = bias if bias_dim is None else None
        if w_dim is None:
            y = Forward.apply(_fold(x, x_dim, 0), w, plain, geometry, name)
            y = y.unflatten(0, (info.batch_size, -1))
        else:
            x, w = _spread(x, x_dim, info), _spread(w, w_dim, info)
            grouped = _with_groups(geometry, info.batch_size)
            y = Forward.apply(_fold(x, 0, 1), _fold(w, 0, 0), None, grouped, name)
            y = y.unflatten(1, (info.batch_size, -1)).movedim(1, 0)
            if plain is not None:
                y = y + _over_channels(plain, y)
        if bias is not None and bias_dim is not None:
            y = y + _over_channels(bias.movedim(bias_dim, 0), y)
        return y, 0


class InputGradient(_Bilinear):
    """gx = input_gradient(g, w), which is also the transposed convolution."""

    @staticmethod
    def forward(
        g: Tensor, w: Tensor, size: Sizes, geometry: Geometry, name: Optional[str]
    ) -> Tensor:
        return operations.input_gradient(g, w, size, geometry, name)

    @staticmethod
    def backward(ctx: Any, gg: Tensor) -> Any:
        g, w = ctx.saved_tensors
        _, geometry, name = ctx.rest
        dg = dw = None
        if ctx.needs_input_grad[0]:
            dg = Forward.apply(gg, _conjugate(w), None, geometry, name)
        if ctx.needs_input_grad[1]:
            dw = WeightGradient.apply(gg, _conjugate(g), tuple(w.shape[2:]), geometry, name)
        return dg, dw, None, None, None

    @staticmethod
    def jvp(ctx: Any, dg: Any, dw: Any, *_: Any) -> Any:
        g, w = ctx.saved_tensors
        a = None if dg is None else InputGradient.apply(dg, w, *ctx.rest)
        b = None if dw is None else InputGradient.apply(g, dw, *ctx.rest)
        return _plus(a, b)

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, g: Tensor, w: Tensor, size: Sizes, geometry: Geometry,
        name: Optional[str],
    ) -> Any:  # fmt: skip
        g_dim, w_dim, *_ = in_dims
        if w_dim is None:
            gx = InputGradient.apply(_fold(g, g_dim, 0), w, size, geometry, name)
            return gx.unflatten(0, (info.batch_size, -1)), 0
        g, w = _spread(g, g_dim, info), _spread(w, w_dim, info)
        grouped = _with_groups(geometry, info.batch_size)
        gx = InputGradient.apply(_fold(g, 0, 1), _fold(w, 0, 0), size, grouped, name)
        return gx.unflatten(1, (info.batch_size, -1)).movedim(1, 0), 0


class WeightGradient(_Bilinear):
    """gw = weight_gradient(x, g)."""

    @staticmethod
    def forward(
        x: Tensor, g: Tensor, kernel: Sizes, geometry: Geometry, name: Optional[str]
    ) -> Tensor:
        return operations.weight_gradient(x, g, kernel, geometry, name)

    @staticmethod
    def backward(ctx: Any, gw: Tensor) -> Any:
        x, g = ctx.saved_tensors
        _, geometry, name = ctx.rest
        dx = dg = None
        if ctx.needs_input_grad[0]:
            dx = InputGradient.apply(_conjugate(g), gw, tuple(x.shape[2:]), geometry, name)
        if ctx.needs_input_grad[1]:
            dg = Forward.apply(_conjugate(x), gw, None, geometry, name)
        return dx, dg, None, None, None

    @staticmethod
    def jvp(ctx: Any, dx: Any, dg: Any, *_: Any) -> Any:
        x, g = ctx.saved_tensors
        a = None if dx is None else WeightGradient.apply(dx, g, *ctx.rest)
        b = None if dg is None else WeightGradient.apply(x, dg, *ctx.rest)
        return _plus(a, b)

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, x: Tensor, g: Tensor, kernel: Sizes, geometry: Geometry,
        name: Optional[str],
    ) -> Any:  # fmt: skip
        x, g = _spread(x, in_dims[0], info), _spread(g, in_dims[1], info)
        grouped = _with_groups(geometry, info.batch_size)
        gw = WeightGradient.apply(_fold(x, 0, 1), _fold(g, 0, 1), kernel, grouped, name)
        return gw.unflatten(0, (info.batch_size, -1)), 0


def _fold(x: Tensor, dim: int, into: int) -> Tensor:
    """Takes the mapped dimension into the one that follows it in front of `into`."""
    return x.movedim(dim, into).flatten(into, into + 1)


def _spread(x: Tensor, dim: Optional[int], info: Any) -> Tensor:
    """The mapped dimension in front, repeated where there is none."""
    if dim is None:
        return x.unsqueeze(0).expand(info.batch_size, *x.shape)
    return x.movedim(dim, 0)


def _with_groups(geometry: Geometry, times: int) -> Geometry:
    return Geometry(geometry.stride, geometry.pads, geometry.dilation, geometry.groups * times)


def _over_channels(bias: Tensor, y: Tensor) -> Tensor:
    """[K] or [B, K] so that it adds to [B, N, K, *spatial]."""
    front = (bias.shape[0], 1) if bias.dim() == 2 else (1, 1)
    return bias.reshape(*front, bias.shape[-1], *(1,) * (y.dim() - 3))
