"""Measures which method is fastest for the shapes of a model, and remembers it."""

from __future__ import annotations

from typing import Any, Callable, Optional

import torch
from torch import Tensor, nn

from .convolution import stored
from .convolution.blocks import blocks, workspace_limit
from .convolution.choice import candidates, remember
from .convolution.key import Key, key_of
from .convolution.layout import empty_result
from .convolution.method import Method
from .convolution.problem import Problem
from .convolution.watch import Run, watching
from .measure import time_ms
from .patch import patched

Timer = Callable[[Callable[[], object], torch.device, int, float], float]
Times = dict[Key, dict[str, float]]


def tune(model: nn.Module, *inputs: Any, backward: bool = False, store: bool = True) -> Times:
    """Measures every method for each convolution of a model, and uses the fastest from now on.

    Runs `model(*inputs)` once, with its backward if that is asked for, then each of its
    convolutions by every method on random tensors: seconds to minutes. The choice holds for these
    sizes, this type, memory format and device. With `store` it is kept in a file for this kind of
    device, which later processes read at their first convolution; the environment variable
    REKINDLE_TORCH_TUNING names another file than `~/.cache/rekindle/torch-tuning.json`.

    Returns the times in milliseconds by convolution and method.
    """

    def work() -> None:
        with patched():
            if not backward:
                with torch.no_grad():
                    model(*inputs)
                return
            output = model(*inputs)
            first = output if isinstance(output, Tensor) else next(iter(output))
            wanted = [p for p in model.parameters() if p.requires_grad]
            torch.autograd.grad(first.sum(), wanted, allow_unused=True)

    times = tune_calls(work)
    if store:
        stored.save({key: fastest(by) for key, by in times.items()})
    return times


def tune_calls(
    work: Callable[[], object], timer: Timer = time_ms, known: Optional[Times] = None
) -> Times:
    """Runs `work`, then measures every method for each convolution that it ran.

    Returns the times in milliseconds; the fastest is used from now on in this process. `known` are
    times that need not be measured again.
    """
    times = {
        key: (known or {}).get(key) or measure(works_of(key), key.device, timer)
        for key in methods_of(work)
    }
    for key, by_method in times.items():
        remember(key, fastest(by_method))
    return times


def fastest(by_method: dict[str, float]) -> str:
    """The method with the least time."""
    return min(by_method, key=lambda name: by_method[name])


def methods_of(work: Callable[[], object]) -> dict[Key, str]:
    """The convolutions that `work` runs, and by which method the first of each kind.

    No `Run` is kept: its tensor would keep the model's autograd graph, and with it all activations.
    A CUDA graph of a backward pass cannot be recorded while an older graph of autograd lives.
    """
    seen: dict[Key, str] = {}

    def note(run: Run) -> None:
        seen.setdefault(key_of(run.operation, run.problem, run.like), run.method)

    with watching(note):
        work()
    return seen


def measure(
    works: dict[str, Callable[[], None]], device: torch.device, timer: Timer = time_ms
) -> dict[str, float]:
    """The time of each in milliseconds, by `time_ms` or `graph_ms`."""
    with torch.no_grad():
        return {name: timer(work, device, 5, 1.0) for name, work in works.items()}


def works_of(key: Key) -> dict[str, Callable[[], None]]:
    """By method, a function that computes a convolution of this kind on random tensors."""
    problem = key.problem
    x = _random((problem.batch, problem.channels, *problem.size), key)
    weight_shape = (problem.filters, problem.channels // problem.groups, *problem.kernel)
    w = torch.randn(weight_shape, device=key.device).to(key.dtype)
    out = empty_result(problem.out_shape, x, w)
    return {
        method.name: _work(method, key.operation, problem, x, w, out)
        for method in candidates(problem, key.dtype)
    }


def _random(shape: tuple[int, ...], key: Key) -> Tensor:
    x = torch.randn(shape, device=key.device).to(key.dtype)
    if key.is_channels_last:
        last = torch.channels_last if x.dim() == 4 else torch.channels_last_3d
        x = x.contiguous(memory_format=last)
    return x


def _work(
    method: Method, operation: str, problem: Problem, x: Tensor, w: Tensor, out: Tensor
) -> Callable[[], None]:
    parts = list(blocks(problem, method.workspace, x.element_size(), workspace_limit()))
    nothing: Optional[Tensor] = None

    def work() -> None:
        for part in parts:
            source = x[part.images, :, part.in_rows]
            result = out[part.images, :, part.out_rows]
            if operation == "weight_gradient":
                method.weight_gradient(part.problem, source, result)
            else:
                method.forward(part.problem, source, w, nothing, result)

    return work
