"""How long something takes, on the CPU or on a GPU."""

from __future__ import annotations

import time
from statistics import median
from typing import Callable

import torch

from .convolution.watch import wait_for


def time_ms(
    work: Callable[[], object], device: torch.device, runs: int = 7, least_ms: float = 2.0
) -> float:
    """The median time of one call in milliseconds, after warming up.

    Each of `runs` measurements repeats the work for about `least_ms`, so that a GPU is kept busy
    and what is measured is its time rather than that of starting it.
    """
    work()
    wait_for(device)
    start = time.perf_counter()
    work()
    wait_for(device)
    once_ms = (time.perf_counter() - start) * 1000
    repeats = max(1, min(50, round(least_ms / max(once_ms, 1e-3))))
    return median(_repeat_ms(work, device, repeats) for _ in range(runs))


def _repeat_ms(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    if device.type != "cuda":
        start = time.perf_counter()
        for _ in range(repeats):
            work()
        return (time.perf_counter() - start) * 1000 / repeats
    first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    first.record()
    for _ in range(repeats):
        work()
    last.record()
    last.synchronize()
    return float(first.elapsed_time(last)) / repeats


def graph_ms(
    work: Callable[[], object], device: torch.device, runs: int = 7, least_ms: float = 2.0
) -> float:
    """The median time of one call on the GPU alone, in milliseconds.

    The call is recorded as a CUDA graph and played back, so that the time in which Python starts
    kernels does not count. On the CPU this is `time_ms`.
    """
    if device.type != "cuda":
        return time_ms(work, device, runs, least_ms)
    side = torch.cuda.Stream(device)
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream(device).wait_stream(side)
    torch.cuda.synchronize(device)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return time_ms(graph.replay, device, runs, least_ms)
