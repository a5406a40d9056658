"""Convolution and its two gradients on plain tensors.

All three are bilinear, and the derivatives of each are the other two: see autograd.py.
"""

from __future__ import annotations

from typing import Optional

import torch
from torch import Tensor

from .layout import empty_result
from .plan import Plan, input_plan_of, plan_of
from .problem import Geometry, Sizes
from .watch import is_watched, watched


def forward(
    x: Tensor, w: Tensor, bias: Optional[Tensor], geometry: Geometry, name: Optional[str] = None
) -> Tensor:
    """[N, C, *size] and [K, C / groups, *kernel] give [N, K, *out_size]."""
    plan = plan_of("forward", x, w.shape, geometry, name)
    out = empty_result(plan.problem.out_shape, x, w)
    _forward_into(plan, x, w, bias, out)
    return out


def _forward_into(plan: Plan, x: Tensor, w: Tensor, bias: Optional[Tensor], out: Tensor) -> None:
    if plan.is_empty:
        out.zero_()
        if bias is not None:
            out.add_(bias.view(-1, *(1,) * plan.problem.rank))
        return
    if plan.cut is not None:
        x = x[plan.cut]
    if is_watched():
        watched("forward", plan.problem, plan.method, x, lambda: _run(plan, x, w, bias, out))
    else:
        _run(plan, x, w, bias, out)


def _run(plan: Plan, x: Tensor, w: Tensor, bias: Optional[Tensor], out: Tensor) -> None:
    if not plan.blocks:
        plan.method.forward(plan.problem, x, w, bias, out)
    for block in plan.blocks:
        part = x[block.images, :, block.in_rows]
        plan.method.forward(block.problem, part, w, bias, out[block.images, :, block.out_rows])


def input_gradient(
    g: Tensor, w: Tensor, size: Sizes, geometry: Geometry, name: Optional[str] = None
) -> Tensor:
    """The gradient for an input of [N, C, *size], given that for the output."""
    result = empty_result((g.shape[0], w.shape[1] * geometry.groups, *size), g, w)
    if g.numel() == 0 or result.numel() == 0:
        return result.zero_()
    plan = input_plan_of(g.shape, w.shape, size, geometry)
    if not plan.covers_all:
        result.zero_()
    turned = _turned(w, geometry.groups)
    for piece in plan.pieces:
        weights = turned if piece.taps is None else turned[piece.taps]
        if piece.is_flipped:
            weights = weights.flip(tuple(range(2, weights.dim())))
        out = result if piece.target is None else result[piece.target]
        inner = plan_of("forward", g, weights.shape, piece.geometry, name)
        _forward_into(inner, g, weights, None, out)
    return result


def _turned(w: Tensor, groups: int) -> Tensor:
    """[G * K, C, ...] as [G * C, K, ...]: a transposed convolution's weights."""
    if groups == 1:
        return w.transpose(0, 1)
    return w.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)


def weight_gradient(
    x: Tensor, g: Tensor, kernel: Sizes, geometry: Geometry, name: Optional[str] = None
) -> Tensor:
    """The gradient for weights of [K, C / groups, *kernel], given that for the output."""
    shape = (g.shape[1], x.shape[1] // geometry.groups, *kernel)
    plan = plan_of("weight_gradient", x, torch.Size(shape), geometry, name)
    if plan.is_empty or g.numel() == 0:
        return x.new_zeros(shape)
    source = x if plan.cut is None else x[plan.cut]
    if not is_watched():
        return _sum(plan, source, g)
    result: list[Tensor] = []
    watched(
        "weight_gradient", plan.problem, plan.method, source,
        lambda: result.append(_sum(plan, source, g)),
    )  # fmt: skip
    return result[0]


def _sum(plan: Plan, x: Tensor, g: Tensor) -> Tensor:
    if not plan.blocks:
        return plan.method.weight_gradient(plan.problem, x, g)
    total: Optional[Tensor] = None
    for block in plan.blocks:
        part, gradients = x[block.images, :, block.in_rows], g[block.images, :, block.out_rows]
        result = plan.method.weight_gradient(block.problem, part, gradients)
        total = result if total is None else total.add_(result)
    assert total is not None
    return total
