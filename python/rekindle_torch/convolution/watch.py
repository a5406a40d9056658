"""Who watches convolutions run: the report and the tuner."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Callable

import torch
from torch import Tensor

from .method import Method
from .problem import Problem


@dataclass(frozen=True)
class Run:
    """One convolution, or one of its gradients, as it was computed."""

    operation: str  # "forward" or "weight_gradient"; gradients for inputs are convolutions too
    problem: Problem
    method: str
    like: Tensor  # the input: its type, device and layout
    time_ms: float


Watcher = Callable[[Run], None]
_watchers: list[Watcher] = []


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Calls `watcher` after every convolution; each then waits for the device, which takes time."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def is_watched() -> bool:
    return bool(_watchers)


def watched(
    operation: str, problem: Problem, method: Method, x: Tensor, work: Callable[[], None]
) -> None:
    """Does the work, and tells those who watch."""
    wait_for(x.device)
    start = time.perf_counter()
    work()
    wait_for(x.device)
    time_ms = (time.perf_counter() - start) * 1000
    for watcher in list(_watchers):
        watcher(Run(operation, problem, method.name, x, time_ms))


def wait_for(device: torch.device) -> None:
    """Until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
