"""How an operation on tensors of some shapes is computed: worked out once, then looked up."""

from __future__ import annotations

from typing import NamedTuple, Optional

import torch
from torch import Tensor

from .blocks import Block, blocks, workspace_limit
from .choice import choose, on_change
from .layout import is_channels_last
from .method import Method
from .problem import Geometry, Problem, Sizes
from .transposed import Piece, input_gradient_pieces


class Plan(NamedTuple):
    """For `forward` and the weights' gradient."""

    problem: Problem
    method: Method
    is_empty: bool  # there is no input element
    cut: Optional[tuple[slice, ...]]  # the part of the input that is read, where pads cut it
    blocks: tuple[Block, ...]  # none where all is done at once


class InputPlan(NamedTuple):
    """For the input's gradient: convolutions of the output's gradient."""

    pieces: tuple[Piece, ...]
    covers_all: bool  # every input element is in one of the pieces


_plans: dict[object, Plan] = {}
_input_plans: dict[object, InputPlan] = {}
_MOST = 10_000


on_change(_plans.clear)


def plan_of(
    operation: str, x: Tensor, w_shape: Sizes, geometry: Geometry, name: Optional[str]
) -> Plan:
    """The plan for [N, C, *size] and weights of [K, C / groups, *kernel]."""
    is_last = is_channels_last(x)
    key = (
        operation, x.shape, w_shape, geometry, name, x.dtype, x.device, is_last, workspace_limit(),
    )  # fmt: skip
    found = _plans.get(key)
    if found is None:
        if len(_plans) >= _MOST:
            _plans.clear()
        found = _plans[key] = _new_plan(operation, x, tuple(w_shape), geometry, name)
    return found


def problem_of(x_shape: Sizes, w_shape: Sizes, geometry: Geometry) -> Problem:
    """The problem for an input of [N, C, *size] and weights of [K, C / groups, *kernel]."""
    size, kernel = tuple(x_shape[2:]), tuple(w_shape[2:])
    return Problem(x_shape[0], x_shape[1], w_shape[0], size, kernel, geometry)


def _new_plan(
    operation: str, x: Tensor, w_shape: Sizes, geometry: Geometry, name: Optional[str]
) -> Plan:
    shape = tuple(x.shape)
    cut, size, geometry = _without_negative_pads(shape[2:], geometry)
    shape = (*shape[:2], *size)
    problem = problem_of(shape, w_shape, geometry)
    like = x if cut is None else x[cut]
    method = choose(operation, problem, like, name)
    is_empty = 0 in shape
    if is_empty or problem.positions == 0:
        return Plan(problem, method, True, cut, ())
    parts = tuple(blocks(problem, method.workspace, x.element_size(), workspace_limit()))
    return Plan(problem, method, False, cut, parts if len(parts) > 1 else ())


def _without_negative_pads(
    size: Sizes, geometry: Geometry
) -> tuple[Optional[tuple[slice, ...]], Sizes, Geometry]:
    """Cuts off what negative pads cut off, so that methods need not know of them."""
    if all(lo >= 0 and hi >= 0 for lo, hi in geometry.pads):
        return None, size, geometry
    kept = []
    for n, (lo, hi) in zip(size, geometry.pads):
        first = min(max(-lo, 0), n)
        kept.append(slice(first, max(n - max(-hi, 0), first)))
    pads = tuple((max(lo, 0), max(hi, 0)) for lo, hi in geometry.pads)
    rest = Geometry(geometry.stride, pads, geometry.dilation, geometry.groups)
    cut = (slice(None), slice(None), *kept)
    return cut, tuple(k.stop - k.start for k in kept), rest


def input_plan_of(
    g_shape: torch.Size, w_shape: torch.Size, size: Sizes, geometry: Geometry
) -> InputPlan:
    """The plan for the gradient of an input of `size`."""
    key = (g_shape[2:], w_shape[2:], size, geometry)
    found = _input_plans.get(key)
    if found is None:
        if len(_input_plans) >= _MOST:
            _input_plans.clear()
        pieces = tuple(
            input_gradient_pieces(size, tuple(g_shape[2:]), tuple(w_shape[2:]), geometry)
        )
        covered = sum(piece.elements for piece in pieces)
        elements = 1
        for n in size:
            elements *= n
        found = _input_plans[key] = InputPlan(pieces, covered == elements)
    return found
