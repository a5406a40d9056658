"""Times of one layer: PyTorch's own convolution, and ours by every method."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Callable, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from ..convolution import operations
from ..convolution.choice import forget, remember
from ..convolution.key import Key
from ..convolution.problem import Geometry
from ..functional import conv2d
from ..measure import graph_ms, time_ms
from ..report import describe
from ..tune import Times, fastest, measure, methods_of, works_of
from .counts import counted, gpu_kernels
from .layers import Layer

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
Conv = Callable[..., Tensor]


@contextmanager
def without_library() -> Iterator[None]:
    """PyTorch's own fallback (im2col and a matrix product) in place of cuDNN or MIOpen."""
    before = torch.backends.cudnn.enabled
    torch.backends.cudnn.enabled = False
    try:
        yield
    finally:
        torch.backends.cudnn.enabled = before


class Case:
    """Tensors of one layer in one memory format."""

    def __init__(self, layer: Layer, batch: int, device: torch.device, form: str) -> None:
        torch.manual_seed(0)
        kernel = (layer.kernel, layer.kernel)
        x = torch.randn(batch, layer.channels, layer.size, layer.size, device=device)
        w = torch.randn(layer.filters, layer.channels, *kernel, device=device)
        w /= (layer.channels * layer.kernel**2) ** 0.5
        self.layer, self.device = layer, device
        self.x = x.contiguous(memory_format=FORMATS[form])
        self.w = w.contiguous(memory_format=FORMATS[form])
        self.wants_input_gradient = layer.channels > 3
        with torch.no_grad():
            self.g = torch.randn_like(self.run(F.conv2d))

    def run(self, conv: Conv, **options: Any) -> Tensor:
        return conv(self.x, self.w, None, self.layer.stride, self.layer.padding, **options)

    def train(self, conv: Conv) -> tuple[Tensor, ...]:
        """One forward and one backward; a network's first layer needs no gradient for its input."""
        x = self.x.detach().requires_grad_(self.wants_input_gradient)
        w = self.w.detach().requires_grad_()
        y: Tensor = conv(x, w, None, self.layer.stride, self.layer.padding)
        return torch.autograd.grad(y, (x, w) if self.wants_input_gradient else (w,), self.g)

    def forward(self, conv: Conv) -> None:
        with torch.no_grad():
            self.run(conv)

    def gpu_times(self, conv: Conv) -> dict[str, float]:
        """Milliseconds of forward, and of forward with backward, on the GPU alone.

        That is what counts on a GPU that takes longer than Python to start its kernels.
        """
        return {
            "forward_gpu": graph_ms(lambda: self.forward(conv), self.device, 5, 1.0),
            "training_gpu": graph_ms(lambda: self.train(conv), self.device, 5, 1.0),
        }

    def times(self, conv: Conv) -> dict[str, float]:
        """As `gpu_times`, and as called from Python."""
        return {
            "forward": time_ms(lambda: self.forward(conv), self.device, 5, 1.0),
            "training": time_ms(lambda: self.train(conv), self.device, 5, 1.0),
            **self.gpu_times(conv),
        }

    def parts(self) -> Iterator[tuple[str, Callable[[], Tensor]]]:
        """Forward and the two gradients, each by itself."""
        layer, x, w, g = self.layer, self.x, self.w, self.g
        steps, pads = (layer.stride,) * 2, ((layer.padding,) * 2,) * 2
        geometry = Geometry(steps, pads, (1, 1), 1)
        size, kernel = tuple(x.shape[2:]), tuple(w.shape[2:])
        yield "forward", lambda: operations.forward(x, w, None, geometry)
        if self.wants_input_gradient:
            yield "input gradient", lambda: operations.input_gradient(g, w, size, geometry)
        yield "weight gradient", lambda: operations.weight_gradient(x, g, kernel, geometry)

    def error(self) -> float:
        """The largest difference to PyTorch's result, by its largest value."""
        with torch.no_grad():
            expected = self.run(F.conv2d)
            return float((self.run(conv2d) - expected).abs().max() / expected.abs().max())

    def peak_mb(self, conv: Conv) -> Optional[float]:
        """GPU memory that forward and backward take beyond what lies there, in MB."""
        if self.device.type != "cuda":
            return None
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        self.train(conv)
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before) / 2**20


def layer_times(
    layer: Layer, batch: int, device: torch.device, form: str, known: Times
) -> dict[str, Any]:
    """All times of a layer in milliseconds, as one row of the results; adds to `known`."""
    case = Case(layer, batch, device, form)
    forget()
    row: dict[str, Any] = {
        "network": layer.network,
        "layer": layer.name,
        "count": layer.times,
        "format": form,
        "native": case.times(F.conv2d),
        "chosen": case.gpu_times(conv2d),
    }
    with without_library():
        row["fallback"] = case.gpu_times(F.conv2d)
    row["parts"] = [
        _part_times(name, key, method, known)
        for name, work in case.parts()
        for key, method in methods_of(work).items()
    ]
    row["tuned"] = case.times(conv2d)
    row["relative_error"] = case.error()
    row["peak_mb"] = {"native": case.peak_mb(F.conv2d), "tuned": case.peak_mb(conv2d)}
    return row


def _part_times(name: str, key: Key, chosen: str, known: Times) -> dict[str, Any]:
    """Every method of one convolution: its time, and what it asks of the device.

    The fastest is used from now on.
    """
    works = works_of(key)
    times = known[key] = measure(works, key.device, graph_ms)
    kernels = gpu_kernels(works, key.device)
    remember(key, fastest(times))
    asked = {
        method: {**counted(work), **({"kernels": kernels[method]} if kernels else {})}
        for method, work in works.items()
    }
    return part_row(name, key, chosen, times, asked)


def part_row(
    name: str, key: Key, chosen: str, times: dict[str, float], asked: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """A convolution with its times by method, from which fit_cost.py can choose again."""
    return {
        "part": name,
        "convolution": describe(key.problem),
        "operation": key.operation,
        "problem": asdict(key.problem),
        "chosen": chosen,
        "methods": {
            method: {"time_ms": time_ms, **asked.get(method, {})}
            for method, time_ms in times.items()
        },
    }
