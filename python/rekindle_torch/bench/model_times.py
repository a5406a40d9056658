"""Times and memory of whole networks: PyTorch's own layers, and ours."""

from __future__ import annotations

from typing import Any, Optional

import torch
from torch import Tensor, nn

from ..convolution.choice import forget
from ..measure import graph_ms, time_ms
from ..replace import make_safe, restore
from ..tune import Times, methods_of, tune_calls
from .layer_times import FORMATS, part_row, without_library
from .networks import NETWORKS

MODELS = ("resnet50", "vgg16", "mobilenet_v2")


class Case:
    """A network with its input, on a device, in a memory format."""

    def __init__(self, name: str, batch: int, device: torch.device, form: str) -> None:
        torch.manual_seed(0)
        self.device = device
        model: Any = NETWORKS[name]().to(device)
        self.model = model.to(memory_format=FORMATS[form])
        size = 32 if name == "vgg16" and device.type == "cpu" else 224
        if name == "vgg16" and size == 224:
            self.model[-1] = nn.Linear(512 * 7 * 7, 10).to(device)
        x = torch.randn(batch, 3, size, size, device=device)
        self.x = x.contiguous(memory_format=FORMATS[form])

    def infer(self) -> Tensor:
        with torch.no_grad():
            result: Tensor = self.model(self.x)
        return result

    def train(self) -> None:
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        torch.autograd.grad(self.model(self.x).square().mean(), parameters)

    def times(self) -> dict[str, Optional[float]]:
        """Milliseconds of inference and of a training step without its update; memory in MB."""
        self.model.eval()
        result: dict[str, Optional[float]] = {
            "forward": time_ms(self.infer, self.device, 5),
            "forward_gpu": graph_ms(self.infer, self.device, 5),
        }
        self.model.train()
        result["training"] = time_ms(self.train, self.device, 5)
        result["training_gpu"] = graph_ms(self.train, self.device, 5)
        result["peak_mb"] = self._peak_mb()
        return result

    def _peak_mb(self) -> Optional[float]:
        if self.device.type != "cuda":
            return None
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        self.train()
        torch.cuda.synchronize()
        return (torch.cuda.max_memory_allocated() - before) / 2**20


def model_times(
    name: str, batch: int, device: torch.device, form: str, known: Times
) -> dict[str, Any]:
    """One row of the results: native, PyTorch's own fallback, ours as chosen and as measured.

    `known` are times of convolutions that need not be measured again.
    """
    case = Case(name, batch, device, form)
    forget()
    row: dict[str, Any] = {"model": name, "format": form, "native": case.times()}
    with without_library():
        row["fallback"] = case.times()
    make_safe(case.model)
    row["chosen"] = case.times()
    case.model.train()
    methods = methods_of(case.train)
    known.update(tune_calls(case.train, graph_ms, known))
    case.model.eval()
    methods.update(methods_of(case.infer))
    known.update(tune_calls(case.infer, graph_ms, known))
    row["tuned"] = case.times()
    row["parts"] = [
        part_row(key.operation, key, method, known[key], {}) for key, method in methods.items()
    ]
    restore(case.model)
    return row
