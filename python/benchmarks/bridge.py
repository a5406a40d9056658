"""Whole networks through the bridge, against PyTorch on the CPU and, where there is one, on CUDA.

    python python/benchmarks/bridge.py --json bridge.json

For each network: how far the results are from PyTorch's on the CPU, and the milliseconds of a call
(median, and the 10th and 90th of 100): PyTorch eager on the CPU, on CUDA (float32 without TF32,
input and output staying on the card; and with both transfers), and through the bridge, of which the
engine's own part (`session.run`: upload, compute, read back) is listed apart. Then the bridge's
overhead: calls of a network of one operator, minus the engine's part.

Networks have seeded random weights, because time does not depend on them. ResNet-50, VGG-16 and
MobileNetV2 are torchvision's; without it they are left out.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from frame import WARM_UP, Results, benchmark, relative_error, summary, times_of
from torch import nn

from rekindle_torch.bridge import Accelerated, accelerate
from rekindle_torch.bridge.engine import engine


class UNet(nn.Module):
    """Four levels of two 3x3 convolutions each, 32 to 256 channels, transposed convolutions up."""

    def __init__(self, channels: tuple[int, ...] = (32, 64, 128, 256), classes: int = 2):
        super().__init__()
        before = (3, *channels[:-1])
        self.down = nn.ModuleList(_double(i, o) for i, o in zip(before, channels))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(i, o, 2, stride=2) for i, o in zip(channels[:0:-1], channels[-2::-1])
        )
        self.join = nn.ModuleList(_double(2 * o, o) for o in channels[-2::-1])
        self.head = nn.Conv2d(channels[0], classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = []
        for i, level in enumerate(self.down):
            x = level(x if i == 0 else nn.functional.max_pool2d(x, 2))
            kept.append(x)
        for up, join, skip in zip(self.up, self.join, kept[-2::-1]):
            x = join(torch.cat([skip, up(x)], 1))
        return self.head(x)


def _double(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in (inputs, outputs):
        layers += [nn.Conv2d(i, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class OneOperator(nn.Module):
    """As little work as a network can be, with a small output."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.adaptive_avg_pool2d(x, 1)


class Doubled(nn.Module):
    """One operator whose output is as large as its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2


def networks() -> dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]]:
    picture = (1, 3, 224, 224)
    found: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {}
    try:
        from torchvision import models

        found["resnet50"] = (models.resnet50, picture)
        found["vgg16"] = (models.vgg16, picture)
        found["mobilenet_v2"] = (models.mobilenet_v2, picture)
    except (ImportError, RuntimeError) as error:
        print(f"torchvision does not load, U-Net only: {error}", file=sys.stderr)
    found["unet"] = (UNet, (1, 3, 256, 256))
    return found


def through_bridge(fast: Accelerated, x: torch.Tensor) -> dict[str, Any]:
    """Calls, the engine's part of them, and what is left: the bridge's overhead."""
    engine_ms: list[float] = []
    overhead: list[float] = []
    copies: list[float] = []

    def call() -> None:
        start = time.perf_counter()
        fast(x)
        total = (time.perf_counter() - start) * 1e3
        engine_ms.append(fast.last_session_ms)
        overhead.append(total - fast.last_session_ms)
        copies.append(fast.last_copy_ms)

    call_times = times_of(call)
    return {
        "call": call_times,
        "session": summary(engine_ms[WARM_UP:]),
        "overhead": summary(overhead[WARM_UP:]),
        "enginesCopies": summary(copies[WARM_UP:]),
    }


def on_cuda(model: nn.Module, x: torch.Tensor, expected: torch.Tensor) -> dict[str, Any]:
    card_model, card_x = model.cuda(), x.cuda()

    def stay() -> None:
        card_model(card_x)
        torch.cuda.synchronize()

    result = {
        "relativeError": relative_error(card_model(card_x), expected),
        "eager": times_of(stay),
        "eagerWithTransfers": times_of(lambda: card_model(x.cuda()).cpu()),
    }
    model.cpu()
    return result


def measure(name: str, make: Callable[[], nn.Module], shape: tuple[int, ...]) -> dict[str, Any]:
    torch.manual_seed(1)
    model = make().eval()
    x = torch.randn(shape)
    expected = model(x)
    start = time.perf_counter()
    fast = accelerate(model, x, fallback=False)
    load_ms = (time.perf_counter() - start) * 1e3
    result: dict[str, Any] = {
        "model": name,
        "input": list(shape),
        "device": fast.engine_device,
        "loadMs": round(load_ms, 1),
        "relativeError": relative_error(fast(x), expected),
        "bridge": through_bridge(fast, x),
        "cpu": times_of(lambda: model(x)),
    }
    fast.unload()
    if torch.cuda.is_available():
        result["cuda"] = on_cuda(model, x, expected)
    return result


def overheads() -> dict[str, Any]:
    x = torch.randn(1, 3, 224, 224)
    message = times_of(lambda: engine().request({"do": "hello"}, 10))
    print(f"an empty message there and back: {message['timeMsMedian']:.3f} ms", flush=True)
    results: dict[str, Any] = {"message": message}
    for module in (OneOperator(), Doubled()):
        fast = accelerate(module.eval(), x, fallback=False)
        results[type(module).__name__] = through_bridge(fast, x)
        fast.unload()
    return results


def show(result: dict[str, Any]) -> None:
    def ms(times: dict[str, float]) -> str:
        return f"{times['timeMsMedian']:8.2f} ms"

    bridge = result["bridge"]
    print(f"{result['model']} {'x'.join(map(str, result['input']))} on {result['device']['name']}")
    print(f"  bridge        {ms(bridge['call'])}  of which the engine {ms(bridge['session'])}")
    print(f"  PyTorch, CPU  {ms(result['cpu'])}")
    if "cuda" in result:
        cuda = result["cuda"]
        print(
            f"  PyTorch, CUDA {ms(cuda['eager'])}  with transfers {ms(cuda['eagerWithTransfers'])}"
        )
        print(f"  relative error of CUDA {cuda['relativeError']:.1e}")
    print(f"  relative error of the bridge {result['relativeError']:.1e}", flush=True)


def measure_all(results: Results, names: list[str]) -> None:
    with torch.no_grad():
        overhead = results["overhead"] = overheads()
        for name in ("OneOperator", "Doubled"):
            o, copies = overhead[name]["overhead"], overhead[name]["enginesCopies"]
            print(
                f"overhead of a call, {name} of 1x3x224x224: {o['timeMsMedian']:.3f} ms "
                f"(10 % to 90 %: {o['timeMsP10']:.3f} to {o['timeMsP90']:.3f}), "
                f"of which the engine's copies {copies['timeMsMedian']:.3f} ms",
                flush=True,
            )
        done = []
        for name in names:
            done.append(measure(name, *NETWORKS[name]))
            results["models"] = done
            show(done[-1])


NETWORKS = networks()

if __name__ == "__main__":
    benchmark(__doc__, "models", list(NETWORKS), measure_all)
