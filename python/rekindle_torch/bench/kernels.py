"""Which GPU kernels a method runs on a layer, and how long each takes."""

from __future__ import annotations

from functools import partial
from typing import Callable

import torch
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from ..convolution.choice import candidates
from ..convolution.plan import plan_of
from ..convolution.problem import Geometry
from ..convolution.watch import wait_for
from ..functional import conv2d
from .layer_times import Case
from .layers import Layer


def print_kernels(layer: Layer, batch: int, device: torch.device, form: str) -> None:
    """Prints, for PyTorch's own convolution and every method, the kernels of one forward."""
    case = Case(layer, batch, device, form)
    geometry = Geometry((layer.stride,) * 2, ((layer.padding,) * 2,) * 2, (1, 1), 1)
    problem = plan_of("forward", case.x, case.w.shape, geometry, None).problem
    print(f"\n{layer.network} {layer.name}, {form}, {problem.flops / 1e9:.1f} GFLOP")
    _print("native", lambda: case.run(torch.nn.functional.conv2d), device)
    for method in candidates(problem, case.x.dtype):
        _print(method.name, partial(case.run, conv2d, method=method.name), device)


def _print(title: str, work: Callable[[], object], device: torch.device) -> None:
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with torch.no_grad():
        for _ in range(3):
            work()
        wait_for(device)
        with profile(activities=activities) as profiler:
            work()
            wait_for(device)
    times: dict[str, tuple[int, float]] = {}
    for event in profiler.events() or ():
        if device.type == "cuda" and event.device_type != DeviceType.CUDA:
            continue
        took = event.time_range.elapsed_us() / 1000
        count, total = times.get(event.name, (0, 0.0))
        times[event.name] = count + 1, total + took
    whole = sum(total for _, total in times.values())
    print(f"  {title}: {whole:.3f} ms")
    for name, (count, total) in sorted(times.items(), key=lambda item: -item[1][1])[:8]:
        print(f"    {total:8.3f} ms {count:4} x {name[:110]}")
