"""Times of one layer: PyTorch's own convolution, and ours by every method."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable, Optional

import torch
import torch.nn.functional as F
from torch import Tensor

from ..convolution.choice import forget
from ..functional import conv2d
from ..measure import graph_ms, time_ms
from ..tune import tune_calls
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

    def times(self, conv: Conv) -> dict[str, float]:
        """Milliseconds of forward, and of forward with backward: as called, and on the GPU alone.

        The second is what counts on a GPU that takes longer than Python to start its kernels.
        """

        def forward() -> None:
            with torch.no_grad():
                self.run(conv)

        return {
            "forward": time_ms(forward, self.device),
            "training": time_ms(lambda: self.train(conv), self.device),
            "forward_gpu": graph_ms(forward, self.device),
            "training_gpu": graph_ms(lambda: self.train(conv), self.device),
        }

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


def layer_times(layer: Layer, batch: int, device: torch.device, form: str) -> dict[str, Any]:
    """All times of a layer in milliseconds, as one row of the results."""
    case = Case(layer, batch, device, form)
    forget()
    row: dict[str, Any] = {
        "network": layer.network,
        "layer": layer.name,
        "count": layer.times,
        "format": form,
        "native": case.times(F.conv2d),
        "chosen": case.times(conv2d),
    }
    with without_library():
        row["fallback"] = case.times(F.conv2d)
    times = tune_calls(lambda: case.train(conv2d), graph_ms)
    row["tuned"] = case.times(conv2d)
    row["methods"] = [
        {
            "operation": key.operation,
            "channels": key.problem.channels,
            "size": list(key.problem.size),
            "kernel": list(key.problem.kernel),
            "times": by_method,
        }
        for key, by_method in times.items()
    ]
    row["relative_error"] = case.error()
    row["peak_mb"] = {"native": case.peak_mb(F.conv2d), "tuned": case.peak_mb(conv2d)}
    return row
