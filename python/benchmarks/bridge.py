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

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

try:
    import rekindle_torch
except ModuleNotFoundError:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import rekindle_torch

from rekindle_torch.bridge import Accelerated, BridgeError, accelerate, close_engine
from rekindle_torch.bridge.engine import engine

WARM_UP = 5
#: A measurement takes so many calls, or as many as fit into so many seconds.
CALLS_MAX = 100
CALLS_MIN = 5
SECONDS = 8.0


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


def times_of(work: Callable[[], Any]) -> dict[str, float]:
    """Milliseconds of a call: median, and the range of the middle 80 %."""
    for _ in range(WARM_UP):
        work()
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < CALLS_MAX:
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
        if len(times) >= CALLS_MIN and time.perf_counter() - begin > SECONDS:
            break
    return summary(times)


def summary(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    at = lambda part: ordered[min(len(ordered) - 1, int(part * len(ordered)))]  # noqa: E731
    return {
        "timeMsMedian": round(statistics.median(ordered), 4),
        "timeMsP10": round(at(0.1), 4),
        "timeMsP90": round(at(0.9), 4),
        "calls": len(ordered),
    }


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    a, e = actual.double().cpu(), expected.double().cpu()
    return float((a - e).norm() / e.norm())


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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="also write the results there")
    parser.add_argument("--models", help="only these, with commas between them: resnet50,unet")
    options = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    chosen = networks()
    if options.models is not None:
        chosen = {name: chosen[name] for name in options.models.split(",") if name}
    with torch.no_grad():
        overhead = overheads()
        for name in ("OneOperator", "Doubled"):
            o, copies = overhead[name]["overhead"], overhead[name]["enginesCopies"]
            print(
                f"overhead of a call, {name} of 1x3x224x224: {o['timeMsMedian']:.3f} ms "
                f"(10 % to 90 %: {o['timeMsP10']:.3f} to {o['timeMsP90']:.3f}), "
                f"of which the engine's copies {copies['timeMsMedian']:.3f} ms",
                flush=True,
            )
        results = []
        for name, (make, shape) in chosen.items():
            results.append(measure(name, make, shape))
            show(results[-1])
    close_engine()
    report = {
        "rekindle": rekindle_torch.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "cpu": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "overhead": overhead,
        "models": results,
    }
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    try:
        main()
    except BridgeError as error:
        sys.exit(f"error: {error}")
