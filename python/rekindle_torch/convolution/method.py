"""What every way of computing a convolution offers."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Callable, Optional

from torch import Tensor

from .problem import Problem


@dataclass(frozen=True)
class Cost:
    """What a method spends on a problem: an estimate, for choosing among methods.

    `flops` of its products, `elements` read and written beside them, `calls` of GPU kernels.
    `tiles` is the number of tiles of 64x64 that its products write at a time, where that is small:
    each keeps one core busy, however long its sums are. `alternates` where rows of the result come
    from the phases of a batch in turn (see rows.py).
    """

    flops: float
    elements: float
    calls: float
    tiles: float = inf
    alternates: bool = False


@dataclass(frozen=True)
class Method:
    """A way of computing convolutions from products, copies and elementwise operations.

    `forward(problem, x, w, bias, out)` writes into `out`, any view of [N, K, *out_size].
    `weight_gradient(problem, x, g)` returns [K, C / groups, *kernel].
    `workspace(problem)` is the number of elements that either of them allocates beside its result.
    `cost(problem, operation)` is that of one of them: "forward" or "weight_gradient".
    """

    name: str
    supports: Callable[[Problem], bool]
    forward: Callable[[Problem, Tensor, Tensor, Optional[Tensor], Tensor], None]
    weight_gradient: Callable[[Problem, Tensor, Tensor], Tensor]
    workspace: Callable[[Problem], int]
    cost: Callable[[Problem, str], Cost]
