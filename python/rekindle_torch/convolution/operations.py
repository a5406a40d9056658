"""Convolution and its two gradients on plain tensors: blocks, special sizes, and the method.

All three are bilinear, and the derivatives of each are the other two: see autograd.py.
"""

from __future__ import annotations

from math import prod
from typing import Optional

from torch import Tensor

from .blocks import blocks
from .choice import choose
from .layout import empty_result
from .problem import Geometry, Problem, Sizes
from .transposed import input_gradient_parts
from .watch import watched


def problem_of(x: Tensor, w_shape: Sizes, geometry: Geometry) -> Problem:
    size, kernel = tuple(x.shape[2:]), tuple(w_shape[2:])
    return Problem(x.shape[0], x.shape[1], w_shape[0], size, kernel, geometry)


def forward(
    x: Tensor, w: Tensor, bias: Optional[Tensor], geometry: Geometry, name: Optional[str] = None
) -> Tensor:
    """[N, C, *size] and [K, C / groups, *kernel] give [N, K, *out_size]."""
    x, geometry = _without_negative_pads(x, geometry)
    problem = problem_of(x, tuple(w.shape), geometry)
    out = empty_result(problem.out_shape, x, w)
    _forward_into(problem, x, w, bias, out, name)
    return out


def _forward_into(
    problem: Problem,
    x: Tensor,
    w: Tensor,
    bias: Optional[Tensor],
    out: Tensor,
    name: Optional[str],
) -> None:
    if out.numel() == 0:
        return
    if x.numel() == 0:
        out.zero_()
        if bias is not None:
            out.add_(bias.view(-1, *(1,) * problem.rank))
        return
    method = choose("forward", problem, x, name)

    def work() -> None:
        for block in blocks(problem, method.workspace, x.element_size()):
            part = x[block.images, :, block.in_rows]
            method.forward(block.problem, part, w, bias, out[block.images, :, block.out_rows])

    watched("forward", problem, method, x, work)


def input_gradient(
    g: Tensor, w: Tensor, size: Sizes, geometry: Geometry, name: Optional[str] = None
) -> Tensor:
    """The gradient for an input of [N, C, *size], given that for the output."""
    shape = (g.shape[0], w.shape[1] * geometry.groups, *size)
    result = empty_result(shape, g, w)
    parts = list(input_gradient_parts(g, w, size, geometry))
    if sum(prod(part.target_size) for part in parts) != prod(size) or g.numel() == 0:
        result.zero_()
    if g.numel() == 0 or result.numel() == 0:
        return result
    for part in parts:
        out = result[(slice(None), slice(None), *part.target)]
        source, inner = _without_negative_pads(g, part.geometry)
        problem = problem_of(source, tuple(part.weights.shape), inner)
        _forward_into(problem, source, part.weights, None, out, name)
    return result


def weight_gradient(
    x: Tensor, g: Tensor, kernel: Sizes, geometry: Geometry, name: Optional[str] = None
) -> Tensor:
    """The gradient for weights of [K, C / groups, *kernel], given that for the output."""
    x, geometry = _without_negative_pads(x, geometry)
    shape = (g.shape[1], x.shape[1] // geometry.groups, *kernel)
    problem = problem_of(x, shape, geometry)
    if g.numel() == 0 or x.numel() == 0:
        return x.new_zeros(shape)
    method = choose("weight_gradient", problem, x, name)
    parts: list[Tensor] = []

    def work() -> None:
        for block in blocks(problem, method.workspace, x.element_size()):
            part = x[block.images, :, block.in_rows]
            gradients = g[block.images, :, block.out_rows]
            result = method.weight_gradient(block.problem, part, gradients)
            parts[:] = [result + parts[0]] if parts else [result]

    watched("weight_gradient", problem, method, x, work)
    return parts[0]


def _without_negative_pads(x: Tensor, geometry: Geometry) -> tuple[Tensor, Geometry]:
    """Cuts off what negative pads cut off, so that methods need not know of them."""
    if all(lo >= 0 and hi >= 0 for lo, hi in geometry.pads):
        return x, geometry
    for dim, (lo, hi) in enumerate(geometry.pads, 2):
        first, end = max(-lo, 0), x.shape[dim] - max(-hi, 0)
        x = x.narrow(dim, min(first, x.shape[dim]), max(end - first, 0))
    pads = tuple((max(lo, 0), max(hi, 0)) for lo, hi in geometry.pads)
    return x, Geometry(geometry.stride, pads, geometry.dilation, geometry.groups)
