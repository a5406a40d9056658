"""Trains a small 2x super-resolution network and exports it to ONNX.

The pictures are generated (see pictures.py). The small picture of each pair is made from the
large one with Pillow's bicubic filter, which averages over the pixels it merges. The script
writes upscale.onnx and samples/ into --out and prints the PSNR of the network and of bicubic
enlargement on pictures made with another seed and on the samples.

Took 7 minutes of CPU time with the default options, and 21 minutes on two CPU cores that other
programs were using as well.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from common import (
    EXAMPLES,
    check_onnx,
    export_onnx,
    make_deterministic,
    parse_arguments,
    render_all,
    to_bytes,
    train,
    write_record,
)
from pictures import PAINTERS, SCENES, paint

SIDE = 160
PATCH = 40
HELD_OUT_SEED = 1_000_003
SCENE_SIZE = (240, 320)


# Pictures. They are bytes [height, width, 3] here and float32 [N, 3, height, width] in 0..1 in
# the network.


def shrink(picture: np.ndarray) -> np.ndarray:
    """Halves the picture. This filter is what the network learns to undo."""
    height, width, _ = picture.shape
    size = (width // 2, height // 2)
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def enlarge_bicubic(picture: np.ndarray) -> np.ndarray:
    height, width, _ = picture.shape
    size = (width * 2, height * 2)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def to_tensor(pictures: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255


def batches(
    large: np.ndarray, small: np.ndarray, size: int, seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless random patches, turned and mirrored, with their colour channels exchanged."""
    rng = np.random.default_rng(seed)
    while True:
        inputs, targets = [], []
        for index in rng.integers(len(large), size=size):
            y, x = rng.integers(0, SIDE // 2 - PATCH + 1, size=2)
            turns, channels, mirror = rng.integers(4), rng.permutation(3), rng.choice((1, -1))
            for patches, picture, scale in ((inputs, small, 1), (targets, large, 2)):
                side = PATCH * scale
                rows = slice(y * scale, y * scale + side)
                columns = slice(x * scale, x * scale + side)
                patch = picture[index, rows, columns][:, ::mirror, channels]
                patches.append(np.rot90(patch, turns))
        yield to_tensor(np.stack(inputs)), to_tensor(np.stack(targets))


# Network.


class Residual(nn.Module):
    """Two convolutions whose result is added to their input."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(torch.relu(self.first(x)))


class Upscaler(nn.Module):
    """Works at the small size, and adds what it finds to a bilinear enlargement of the input.

    The last convolution gives the four pixels of each 2x2 block as channels (ESPCN).
    """

    def __init__(self, channels: int, blocks: int):
        super().__init__()
        self.head = nn.Conv2d(3, channels, 5, padding=2)
        self.body = nn.Sequential(*(Residual(channels) for _ in range(blocks)))
        self.tail = nn.Conv2d(channels, 3 * 2 * 2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        detail = self.shuffle(self.tail(self.body(torch.relu(self.head(image)))))
        base = nn.functional.interpolate(
            image, scale_factor=2, mode="bilinear", align_corners=False
        )
        upscaled = base + detail
        # Clamping while training would stop the gradient of values outside 0..1.
        return upscaled if self.training else upscaled.clamp(0, 1)


# Evaluation and samples.


@torch.no_grad()
def enlarge(model: nn.Module, picture: np.ndarray) -> np.ndarray:
    """The network's enlargement, rounded to bytes as when it is saved."""
    (upscaled,) = model(to_tensor(picture[None]))
    return to_bytes(upscaled.permute(1, 2, 0).numpy())


def psnr(picture: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels."""
    error = np.mean((picture.astype(np.float64) - truth) ** 2)
    return float(10 * np.log10(255**2 / error))


def compare(model: nn.Module, truth: np.ndarray) -> tuple[float, float]:
    """PSNR of bicubic enlargement and of the network."""
    small = shrink(truth)
    return psnr(enlarge_bicubic(small), truth), psnr(enlarge(model, small), truth)


def report(name: str, results: np.ndarray) -> tuple[float, float]:
    bicubic, network = results.mean(axis=0)
    print(f"{name:24s} bicubic {bicubic:.2f} dB, network {network:.2f} dB", end=" ")
    print(f"({network - bicubic:+.2f} dB)", flush=True)
    return float(bicubic), float(network)


def report_quality(model: nn.Module, truths: list[np.ndarray]) -> dict[str, float]:
    results = np.array([compare(model, truth) for truth in truths])
    for index, painter in enumerate(PAINTERS):
        report(painter.__name__, results[index :: len(PAINTERS)])
    bicubic, network = report(f"mean of {len(truths)} held-out", results)
    return {"heldOutBicubicDb": bicubic, "heldOutDb": network}


def write_samples(model: nn.Module, folder: Path) -> None:
    """Saves each scene small (NAME.png) and as it should become (NAME.truth.png)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, scene in SCENES.items():
        truth = to_bytes(scene(*SCENE_SIZE))
        Image.fromarray(truth).save(folder / f"{name}.truth.png", optimize=True)
        Image.fromarray(shrink(truth)).save(folder / f"{name}.png", optimize=True)
        report(f"sample {name}", np.array([compare(model, truth)]))


def main() -> None:
    options = parse_arguments(
        "Train the 2x upscaler.",
        out=EXAMPLES / "upscale",
        steps=3000,
        batch=8,
        pictures=2000,
        held_out=200,
        seed=1,
        threads=2,
    )
    start = time.monotonic()
    make_deterministic(options.seed, options.threads)
    large = np.stack(render_all(partial(paint, SIDE), options.seed, options.pictures))
    small = np.stack([shrink(picture) for picture in large])
    print(f"{len(large)} pictures painted in {time.monotonic() - start:.0f} s", flush=True)

    model = Upscaler(channels=32, blocks=3)
    feed = batches(large, small, options.batch, options.seed)
    loss = nn.functional.l1_loss
    training = train(model, feed, loss, options.steps, peak_rate=1.5e-3, vulkan=options.vulkan)
    held_out = render_all(partial(paint, SIDE), HELD_OUT_SEED, options.held_out)
    write_record(options.json, training, report_quality(model, held_out))

    path = options.out / "upscale.onnx"
    axes = {"image": {0: "N", 2: "H", 3: "W"}, "upscaled": {0: "N", 2: "H2", 3: "W2"}}
    export_onnx(model, path, torch.rand(1, 3, PATCH, PATCH), "upscaled", axes)
    check_onnx(model, path, [(1, 3, PATCH, PATCH), (2, 3, 33, 57), (1, 3, 120, 160)])
    write_samples(model, options.out / "samples")
    print(f"total time: {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
