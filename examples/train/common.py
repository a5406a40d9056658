"""Helpers shared by the training scripts: drawing, rendering in parallel, training, export."""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import platform
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from PIL import Image

EXAMPLES = Path(__file__).resolve().parent.parent

# Edges are drawn this many times larger and averaged down, which antialiases them.
SUPERSAMPLE = 4

OPTIONS = {
    "steps": "number of training steps",
    "batch": "pictures in a batch",
    "pictures": "pictures to train on",
    "held_out": "pictures to measure the result on",
    "seed": "seed of the training pictures and of the training",
    "threads": "CPU threads to train with",
}


# Drawing. Pictures are float32 arrays [height, width, 3] with values in 0..1.


def mix(first: np.ndarray, second: np.ndarray, amount: np.ndarray | float) -> np.ndarray:
    """Blends two pictures or colours; `amount` is a number or a [height, width] mask."""
    amount = np.asarray(amount, dtype=np.float32)[..., None]
    return first * (1 - amount) + second * amount


def random_colour(rng: Generator) -> np.ndarray:
    return rng.random(3, dtype=np.float32)


def ramp(rng: Generator, height: int, width: int) -> np.ndarray:
    """A linear ramp from 0 to 1 across the picture in a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    values = x * np.cos(angle) + y * np.sin(angle)
    return (values - values.min()) / np.ptp(values)


def gradient(rng: Generator, height: int, width: int) -> np.ndarray:
    """A linear gradient between two random colours."""
    return mix(random_colour(rng), random_colour(rng), ramp(rng, height, width))


def smooth_noise(rng: Generator, height: int, width: int, cell: float) -> np.ndarray:
    """Noise around 0 whose bumps are about `cell` pixels wide, as a [height, width] array."""
    grid = (int(height / cell) + 2, int(width / cell) + 2)
    coarse = Image.fromarray(rng.standard_normal(grid, dtype=np.float32))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def average_down(image: Image.Image) -> np.ndarray:
    """Turns a supersampled drawing into values in 0..1 at the final size."""
    return np.asarray(image.reduce(SUPERSAMPLE), dtype=np.float32) / 255


def to_bytes(picture: np.ndarray) -> np.ndarray:
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def render_all(render: Callable[[tuple[int, int]], object], seed: int, count: int) -> list:
    """Calls `render((seed, index))` for every index, on all cores.

    Each picture has its own random generator, so the result does not depend on scheduling.
    """
    jobs = [(seed, index) for index in range(count)]
    # Forking a process in which PyTorch may have started threads can hang; spawning cannot.
    with multiprocessing.get_context("spawn").Pool() as pool:
        return pool.map(render, jobs, chunksize=16)


# Training.


def parse_arguments(description: str, out: Path, **defaults: int) -> argparse.Namespace:
    """Reads --out, --json, --vulkan, and those of OPTIONS that have a default here."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=out, help="folder to write to")
    parser.add_argument(
        "--vulkan",
        action="store_true",
        help="compute the convolutions and their gradients on Vulkan (needs rekindle_torch)",
    )
    parser.add_argument("--json", type=Path, help="file for the losses, the result and the times")
    for name, value in defaults.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=int, default=value, help=OPTIONS[name]
        )
    return parser.parse_args()


@contextlib.contextmanager
def convolutions_on_vulkan(model: torch.nn.Module, wanted: bool) -> Iterator[str | None]:
    """Within the block, the model's convolutions and their gradients are computed on Vulkan.

    Gives the name of the device.
    """
    if not wanted:
        yield None
        return
    # Needed for this alone: the scripts train on the CPU without it.
    from rekindle_torch.bridge import make_plain, make_vulkan, open_device

    device = open_device()["name"]
    print(f"{len(make_vulkan(model))} convolutions train on {device}", flush=True)
    yield device
    make_plain(model)


def make_deterministic(seed: int, threads: int) -> None:
    """Fixes every source of chance. Another thread count may change the last digits."""
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)


Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Batches = Iterator[tuple[torch.Tensor, torch.Tensor]]


def train(
    model: torch.nn.Module,
    batches: Batches,
    loss_of: Loss,
    steps: int,
    peak_rate: float,
    vulkan: bool,
) -> dict[str, object]:
    """Trains with AdamW and a one-cycle learning rate, and prints the progress.

    Returns the device of the convolutions, the loss of every step, and the seconds of all.
    """
    start = time.monotonic()
    with convolutions_on_vulkan(model, vulkan) as device:
        losses = train_here(model, batches, loss_of, steps, peak_rate)
    return {
        "convolutions": device or "PyTorch, CPU",
        "trainingSeconds": round(time.monotonic() - start, 1),
        "losses": [round(loss, 6) for loss in losses],
    }


def train_here(
    model: torch.nn.Module, batches: Batches, loss_of: Loss, steps: int, peak_rate: float
) -> list[float]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak_rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak_rate, total_steps=steps)
    start, losses = time.monotonic(), []
    interval = max(1, steps // 20)
    # On a CPU, convolutions are faster when the channels of a pixel lie next to each other.
    model.train().to(memory_format=torch.channels_last)
    for step, (inputs, targets) in zip(range(1, steps + 1), batches, strict=False):
        loss = loss_of(model(inputs.to(memory_format=torch.channels_last)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step % interval == 0:
            seconds = time.monotonic() - start
            mean = sum(losses[-interval:]) / interval
            print(f"step {step:5d}  loss {mean:.5f}  {seconds:4.0f} s", flush=True)
    model.eval().to(memory_format=torch.contiguous_format)
    return losses


def write_record(path: Path | None, training: dict[str, object], result: dict[str, float]) -> None:
    """Writes what was run, on what, and what came out, if there is a file for it."""
    if path is None:
        return
    record = {
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "torch": torch.__version__,
        **training,
        "processCpuSeconds": round(time.process_time(), 1),
        "result": result,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n")


# Export.


def export_onnx(
    model: torch.nn.Module,
    path: Path,
    example: torch.Tensor,
    output: str,
    dynamic_axes: dict[str, dict[int, str]],
) -> None:
    """Writes the model as ONNX, with one input named "image"."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model,
            (example,),
            path,
            input_names=["image"],
            output_names=[output],
            dynamic_axes=dynamic_axes,
            opset_version=17,
            dynamo=False,
        )


def check_onnx(model: torch.nn.Module, path: Path, shapes: Iterable[tuple[int, ...]]) -> None:
    """Prints the operators of the file and how far its results are from PyTorch's."""
    # Needed for this alone, and missing on many machines that train.
    import onnx
    import onnxruntime

    graph = onnx.load(path)
    onnx.checker.check_model(graph, full_check=True)
    counts = Counter(node.op_type for node in graph.graph.node)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB,", end=" ")
    print(", ".join(f"{name} x{count}" for name, count in sorted(counts.items())))

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    random = torch.Generator().manual_seed(0)
    largest = 0.0
    for shape in shapes:
        image = torch.rand(shape, generator=random)
        with torch.no_grad():
            expected = model(image).numpy()
        (actual,) = session.run(None, {"image": image.numpy()})
        largest = max(largest, float(np.abs(actual - expected).max()))
    print(f"largest difference between ONNX Runtime and PyTorch: {largest:.2e}")
