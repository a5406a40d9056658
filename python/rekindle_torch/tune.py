"""Measures which method is fastest for the shapes of a model, and remembers it."""

from __future__ import annotations

from typing import Callable, Optional

import torch
from torch import Tensor

from .convolution.blocks import blocks
from .convolution.choice import Key, candidates, key_of, remember
from .convolution.layout import empty_result
from .convolution.method import Method
from .convolution.problem import Problem
from .convolution.watch import Run, watching
from .measure import time_ms


def tune_calls(work: Callable[[], object]) -> dict[Key, dict[str, float]]:
    """Runs `work`, then measures every method for each convolution that it ran.

    Returns the times in milliseconds; the fastest is used from now on.
    """
    seen: dict[Key, Run] = {}

    def note(run: Run) -> None:
        seen.setdefault(key_of(run.operation, run.problem, run.like), run)

    with watching(note):
        work()
    times = {key: measure(key) for key in seen}
    for key, by_method in times.items():
        remember(key, min(by_method, key=lambda name: by_method[name]))
    return times


def measure(key: Key) -> dict[str, float]:
    """The time of each method in milliseconds on random tensors."""
    problem = key.problem
    x = _random((problem.batch, problem.channels, *problem.size), key)
    weight_shape = (problem.filters, problem.channels // problem.groups, *problem.kernel)
    w = torch.randn(weight_shape, device=key.device).to(key.dtype)
    out = empty_result(problem.out_shape, x, w)
    result: dict[str, float] = {}
    for method in candidates(problem, key.dtype):
        work = _work(method, key.operation, problem, x, w, out)
        with torch.no_grad():
            result[method.name] = time_ms(work, key.device, runs=5, least_ms=1.0)
    return result


def _random(shape: tuple[int, ...], key: Key) -> Tensor:
    x = torch.randn(shape, device=key.device).to(key.dtype)
    if key.is_channels_last:
        last = torch.channels_last if x.dim() == 4 else torch.channels_last_3d
        x = x.contiguous(memory_format=last)
    return x


def _work(
    method: Method, operation: str, problem: Problem, x: Tensor, w: Tensor, out: Tensor
) -> Callable[[], object]:
    parts = list(blocks(problem, method.workspace, x.element_size()))
    if operation == "weight_gradient":
        return lambda: [
            method.weight_gradient(
                b.problem, x[b.images, :, b.in_rows], out[b.images, :, b.out_rows]
            )
            for b in parts
        ]
    nothing: Optional[Tensor] = None
    return lambda: [
        method.forward(
            b.problem, x[b.images, :, b.in_rows], w, nothing, out[b.images, :, b.out_rows]
        )
        for b in parts
    ]
