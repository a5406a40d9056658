"""Which method computes a problem: the one asked for, the measured one, or the cheapest."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Callable, Optional

import torch
from torch import Tensor

from . import stored
from .blocks import blocks, workspace_limit
from .key import Key, key_of
from .method import Cost, Method
from .methods import METHODS, supported
from .problem import Problem

# Winograd's transforms lose digits, which 16-bit floats cannot spare.
_WINOGRAD_TYPES = (torch.float32, torch.float64)

# An element moved costs as much as this many operations, a call of a GPU's kernel as much as this
# many for each core. Fitted to an H100 (132 cores; docs/pytorch.md) they are 47 and 1.2e6; a Radeon
# RX 5600 XT (36 cores, 7.2 TFLOP/s, 288 GB/s) has 100 by its data sheet. Anywhere from 41 to 100,
# the choices for the layers measured on the H100 lose equally little.
_FLOPS_PER_ELEMENT = 60.0
_FLOPS_PER_CALL_AND_CORE = 0.8e6
# Batches whose rows alternate in memory get slower kernels of the GPU's library: on the H100 they
# take twice the time of plain products in the median of 140 (0.9 to 4.2). Not so on a CPU.
_SLOWDOWN_WHERE_ROWS_ALTERNATE = 2.0
_CPU_FLOPS_PER_ELEMENT = 30.0
_CPU_FLOPS_PER_CALL = 2e5


_measured: dict[Key, Method] = {}
_devices_read: set[torch.device] = set()
_listeners: list[Callable[[], None]] = []


def on_change(notify: Callable[[], None]) -> None:
    """Calls `notify` whenever a choice may have changed."""
    _listeners.append(notify)


def remember(key: Key, name: str) -> None:
    """From now on this method is chosen for this key."""
    _measured[key] = METHODS[name]
    for notify in _listeners:
        notify()


def forget() -> None:
    """Forgets all measured choices of this process, and reads none from the file."""
    _measured.clear()
    for notify in _listeners:
        notify()
    _devices_read.update(_every_device())


def _every_device() -> list[torch.device]:
    count = torch.cuda.device_count()
    return [torch.device("cpu"), *(torch.device("cuda", i) for i in range(count))]


def _read_stored(device: torch.device) -> None:
    """The choices that were stored for a device, read at its first convolution."""
    if device in _devices_read:
        return
    _devices_read.add(device)
    for key, name in stored.load(device).items():
        if name in METHODS:
            _measured.setdefault(key, METHODS[name])


def choose(operation: str, problem: Problem, x: Tensor, name: Optional[str] = None) -> Method:
    """The method for an operation ("forward" or "weight_gradient") on tensors like `x`.

    `name` asks for a method, which is taken where it supports the problem.
    """
    asked = METHODS.get(name or "")
    if asked is not None and asked.supports(problem):
        return asked
    _read_stored(x.device)
    if _measured:
        measured = _measured.get(key_of(operation, problem, x))
        if measured is not None:
            return measured
    return _cheapest(operation, problem, x.dtype, x.device, workspace_limit())


def candidates(problem: Problem, dtype: torch.dtype) -> list[Method]:
    """The methods that may be chosen for tensors of a type."""
    return [
        m
        for m in supported(problem)
        if dtype in _WINOGRAD_TYPES or not m.name.startswith("winograd")
    ]


@lru_cache(maxsize=4096)
def _cheapest(
    operation: str, problem: Problem, dtype: torch.dtype, device: torch.device, limit: int
) -> Method:
    price = _price(device)
    size = torch.empty(0, dtype=dtype).element_size()
    return min(
        candidates(problem, dtype),
        key=lambda method: price(estimate(method, operation, problem, size, limit)),
    )


def estimate(
    method: Method, operation: str, problem: Problem, element_size: int, limit_bytes: int
) -> Cost:
    """What a method spends where its temporary memory is limited, and it works in parts."""
    cost = method.cost(problem, operation)
    parts = sum(1 for _ in blocks(problem, method.workspace, element_size, limit_bytes))
    return replace(cost, calls=cost.calls * max(1, parts))


def _price(device: torch.device) -> Callable[[Cost], float]:
    if device.type != "cuda":
        return lambda cost: (
            cost.flops + cost.elements * _CPU_FLOPS_PER_ELEMENT + cost.calls * _CPU_FLOPS_PER_CALL
        )
    return price_on_gpu(torch.cuda.get_device_properties(device).multi_processor_count)


def price_on_gpu(cores: int) -> Callable[[Cost], float]:
    """The price of a cost in operations: what is cheapest is chosen."""
    call = _FLOPS_PER_CALL_AND_CORE * cores
    return lambda cost: (
        busy_flops(cost, cores) + cost.elements * _FLOPS_PER_ELEMENT + cost.calls * call
    )


def busy_flops(cost: Cost, cores: int) -> float:
    """Operations, with those that a GPU could have done meanwhile."""
    slowdown = _SLOWDOWN_WHERE_ROWS_ALTERNATE if cost.alternates else 1.0
    return cost.flops * slowdown * max(1.0, cores / max(1.0, cost.tiles))
