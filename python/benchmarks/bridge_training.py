"""Convolutions that train on Vulkan, against PyTorch on the CPU and, where there is one, on CUDA.

    python python/benchmarks/bridge_training.py --json bridge-training.json

Layers of ResNet-50 at batch 8: milliseconds of forward and backward together (gradients for input
and weight), with the engine's own part apart from the transfers, and how far all results are from
float64's. Then training steps of a small residual network, whose losses must agree.
"""

from __future__ import annotations

import copy
import time
from typing import Any

import torch
import torch.nn.functional as F
from frame import Results, benchmark, relative_error, times_of
from torch import nn

from rekindle_torch.bridge import make_vulkan, vulkan_conv
from rekindle_torch.bridge.training import programs_ms

BATCH = 8
#: Channels in and out, size of the input, kernel, stride, groups.
LAYERS = {
    "conv1 7x7/2": (3, 64, 224, 7, 2, 1),
    "conv2 3x3": (64, 64, 56, 3, 1, 1),
    "conv2 1x1": (64, 256, 56, 1, 1, 1),
    "conv3 3x3/2": (128, 128, 56, 3, 2, 1),
    "conv4 3x3": (256, 256, 14, 3, 1, 1),
    "conv5 1x1": (512, 2048, 7, 1, 1, 1),
    "conv5 3x3": (512, 512, 7, 3, 1, 1),
    "depthwise 3x3": (144, 144, 56, 3, 1, 144),
}
STEPS = 10


def measure(name: str) -> dict[str, Any]:
    inputs, outputs, size, kernel, stride, groups = LAYERS[name]
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(BATCH, inputs, size, size, generator=generator).requires_grad_()
    scale = (inputs // groups * kernel * kernel) ** -0.5
    w = torch.randn(outputs, inputs // groups, kernel, kernel, generator=generator) * scale
    w.requires_grad_()
    options = {"stride": stride, "padding": kernel // 2, "groups": groups}
    dy = torch.randn(F.conv2d(x, w, **options).shape, generator=generator)

    def step(conv: Any, x: torch.Tensor, w: torch.Tensor, dy: torch.Tensor) -> list[torch.Tensor]:
        y = conv(x, w, **options)
        return [y.detach(), *torch.autograd.grad(y, (x, w), dy)]

    exact = step(F.conv2d, *[t.detach().double().requires_grad_() for t in (x, w)], dy.double())
    actual = step(vulkan_conv, x, w, dy)
    engine_ms: list[float] = []

    def on_vulkan() -> None:
        before = programs_ms()
        step(vulkan_conv, x, w, dy)
        engine_ms.append(programs_ms() - before)

    result: dict[str, Any] = {
        "layer": name,
        "relativeErrors": dict(zip(("y", "dx", "dw"), map(relative_error, actual, exact))),
        "vulkan": times_of(on_vulkan),
        "engineMsMedian": sorted(engine_ms)[len(engine_ms) // 2],
        "cpu": times_of(lambda: step(F.conv2d, x, w, dy)),
    }
    if torch.cuda.is_available():
        card = [t.detach().cuda().requires_grad_() for t in (x, w)]
        card_dy = dy.cuda()

        def on_cuda() -> None:
            step(F.conv2d, *card, card_dy)
            torch.cuda.synchronize()

        result["cuda"] = times_of(on_cuda)
    return result


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.short = nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(x) + self.short(x))


def network() -> nn.Module:
    blocks = [Block(32, 32, 1), Block(32, 64, 2), Block(64, 128, 2)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)]
    return nn.Sequential(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), *blocks, *head)


def train(model: nn.Module, device: str) -> tuple[list[float], list[float]]:
    """Losses and milliseconds of training steps on 64x64 pictures."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    generator = torch.Generator().manual_seed(2)
    losses, times = [], []
    for _ in range(STEPS):
        x = torch.randn(32, 3, 64, 64, generator=generator).to(device)
        labels = torch.randint(10, (32,), generator=generator).to(device)
        start = time.perf_counter()
        loss = F.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        times.append((time.perf_counter() - start) * 1e3)
    return losses, times


def train_everywhere() -> dict[str, Any]:
    torch.manual_seed(3)
    model = network()
    vulkan = copy.deepcopy(model)
    make_vulkan(vulkan)
    runs = {"vulkan": train(vulkan, "cpu"), "cpu": train(copy.deepcopy(model), "cpu")}
    if torch.cuda.is_available():
        runs["cuda"] = train(copy.deepcopy(model).cuda(), "cuda")
    middle = STEPS // 2
    return {
        where: {"losses": losses, "stepMsMedian": sorted(times[1:])[middle]}
        for where, (losses, times) in runs.items()
    }


def measure_all(results: Results, names: list[str]) -> None:
    layers = []
    for name in names:
        one = measure(name)
        layers.append(one)
        results["layers"] = layers
        shown = "  ".join(
            f"{where} {one[where]['timeMsMedian']:8.2f} ms"
            for where in ("vulkan", "cpu", "cuda")
            if where in one
        )
        worst = max(one["relativeErrors"].values())
        print(
            f"{name:14s} {shown}  engine {one['engineMsMedian']:.2f} ms  error {worst:.1e}",
            flush=True,
        )
    training = results["training"] = train_everywhere()
    for where, run in training.items():
        losses = " ".join(f"{loss:.4f}" for loss in run["losses"])
        print(f"{where:7s} {run['stepMsMedian']:8.1f} ms a step, losses {losses}")


if __name__ == "__main__":
    benchmark(__doc__, "layers", list(LAYERS), measure_all)
