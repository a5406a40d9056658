"""Trains a small classifier of drawn shapes and exports it to ONNX.

The pictures are generated: one shape of random colour, size, rotation and position, on a
background with a gradient, texture, lines and noise. The script writes shapes.onnx, labels.txt
and samples/ into --out and prints the accuracy on pictures made with another seed.

Took 9 minutes on two CPU cores with the default options.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from PIL import Image, ImageDraw
from torch import nn

from common import (
    EXAMPLES,
    SUPERSAMPLE,
    average_down,
    check_onnx,
    export_onnx,
    gradient,
    make_deterministic,
    mix,
    parse_arguments,
    ramp,
    random_colour,
    render_all,
    smooth_noise,
    to_bytes,
    train,
    write_record,
)

SIDE = 64
HELD_OUT_SEED = 1_000_003
SAMPLE_SEED = 2_000_010

# The usual ImageNet statistics: the default preprocessing of the rekindle command.
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)

# Name and size of each sample picture; some are larger than the network's input.
SAMPLES = {
    "arrow": (64, 64),
    "bolt": (64, 64),
    "circle": (64, 64),
    "crescent": (192, 256),
    "cross": (64, 64),
    "heart": (256, 192),
    "ring": (64, 64),
    "star": (256, 192),
}


# Shapes. Each is a list of outlines in the unit disc, y down: the first is filled, the others
# are holes. Some proportions vary from picture to picture.

Outline = np.ndarray
TURN = np.linspace(0, 2 * np.pi, 96, endpoint=False)


def disc(radius: float, x: float = 0.0, y: float = 0.0) -> Outline:
    return np.stack([x + radius * np.cos(TURN), y + radius * np.sin(TURN)], axis=1)


def regular(corners: int, inner: float | None = None) -> Outline:
    """A regular polygon, or a star if the radius of its inner corners is given."""
    radii = np.array([1.0] if inner is None else [1.0, inner])
    count = corners * len(radii)
    angles = np.arange(count) * 2 * np.pi / count - np.pi / 2
    return np.resize(radii, count)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def arrow(rng: Generator) -> list[Outline]:
    neck, shaft, head = rng.uniform(0.0, 0.2), rng.uniform(0.17, 0.27), rng.uniform(0.6, 0.75)
    upper = [(-1, -shaft), (neck, -shaft), (neck, -head), (1, 0)]
    return [np.array(upper + [(x, -y) for x, y in upper[-2::-1]])]


def bolt(rng: Generator) -> list[Outline]:
    lean = rng.uniform(0.1, 0.25)
    half = [(lean + 0.25, -1), (lean - 0.2, -1), (-0.6, 0.15), (-0.08, 0.15)]
    return [np.array(half + [(-0.3, 1), (0.6, -0.2), (0.08, -0.2)])]


def crescent(rng: Generator) -> list[Outline]:
    return [disc(1), disc(rng.uniform(0.76, 0.86), x=rng.uniform(0.42, 0.55))]


def cross(rng: Generator) -> list[Outline]:
    a = rng.uniform(0.2, 0.34)
    arm = np.array([(-a, -1), (a, -1), (a, -a)])
    quarter = np.array([(0, 1), (-1, 0)])
    return [np.concatenate([arm @ np.linalg.matrix_power(quarter, turn) for turn in range(4)])]


def drop(rng: Generator) -> list[Outline]:
    width = 0.75 * np.sin(TURN) * np.abs(np.sin(TURN / 2)) ** rng.uniform(1.2, 1.8)
    return [np.stack([width, -np.cos(TURN)], axis=1)]


def heart(rng: Generator) -> list[Outline]:
    x = 16 * np.sin(TURN) ** 3
    y = 13 * np.cos(TURN) - 5 * np.cos(2 * TURN) - 2 * np.cos(3 * TURN) - np.cos(4 * TURN)
    return [np.stack([x, -y], axis=1) / 17]


SHAPES = {
    "arrow": arrow,
    "bolt": bolt,
    "circle": lambda rng: [disc(0.9)],
    "crescent": crescent,
    "cross": cross,
    "drop": drop,
    "heart": heart,
    "hexagon": lambda rng: [regular(6)],
    "ring": lambda rng: [disc(1), disc(rng.uniform(0.45, 0.7))],
    "square": lambda rng: [regular(4)],
    "star": lambda rng: [regular(5, inner=rng.uniform(0.36, 0.5))],
    "triangle": lambda rng: [regular(3)],
}
LABELS = list(SHAPES)


# Pictures.


def shape_mask(rng: Generator, label: str, height: int, width: int) -> np.ndarray:
    """Draws the shape at a random place inside the centre square, as coverage in 0..1."""
    side = min(height, width)
    radius = side * rng.uniform(0.2, 0.44)
    shift = rng.uniform(-1, 1, size=2) * (side / 2 - radius)
    centre = np.array([width, height]) / 2 + shift
    angle = rng.uniform(0, 2 * np.pi)
    stretch = np.diag([rng.uniform(0.88, 1.0), 1.0])
    rotation = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])

    image = Image.new("L", (width * SUPERSAMPLE, height * SUPERSAMPLE))
    draw = ImageDraw.Draw(image)
    for number, outline in enumerate(SHAPES[label](rng)):
        points = (outline @ stretch @ rotation * radius + centre) * SUPERSAMPLE
        draw.polygon([tuple(point) for point in points], fill=0 if number else 255)
    return average_down(image)


def line_mask(rng: Generator, height: int, width: int) -> np.ndarray:
    """A thin straight line through the picture, as coverage in 0..1."""
    size = np.array([width, height]) * SUPERSAMPLE
    image = Image.new("L", tuple(size.tolist()))
    thickness = max(1, round(size.min() * rng.uniform(0.008, 0.03)))
    ends = rng.uniform(-0.2, 1.2, size=(2, 2)) * size
    ImageDraw.Draw(image).line([tuple(end) for end in ends], fill=255, width=thickness)
    return average_down(image)


def add_texture(rng: Generator, picture: np.ndarray, strength: float) -> np.ndarray:
    """Adds blotches of a random size, coarse or fine, with a random tint."""
    height, width, _ = picture.shape
    noise = smooth_noise(rng, height, width, min(height, width) * rng.uniform(0.05, 0.4))
    tint = rng.uniform(0.5, 1, size=3).astype(np.float32)
    return picture + noise[..., None] * tint * np.float32(strength)


def background(rng: Generator, height: int, width: int) -> np.ndarray:
    picture = gradient(rng, height, width)
    picture = add_texture(rng, picture, rng.uniform(0, 0.12))
    for _ in range(rng.integers(0, 4)):
        picture = mix(picture, random_colour(rng), line_mask(rng, height, width))
    return picture


def contrasting_colour(rng: Generator, behind: np.ndarray) -> np.ndarray:
    """A colour that differs clearly from nearly all the given pixels [count, 3]."""
    while True:
        colour = random_colour(rng)
        if np.quantile(np.linalg.norm(behind - colour, axis=1), 0.1) > 0.35:
            return colour


def draw_picture(rng: Generator, label: str, height: int, width: int) -> np.ndarray:
    """Draws one picture of the shape as bytes [height, width, 3]."""
    picture = background(rng, height, width)
    mask = shape_mask(rng, label, height, width)
    colour = contrasting_colour(rng, picture[mask > 0.5])
    shade = mix(colour, colour * rng.uniform(0.75, 1), ramp(rng, height, width))
    picture = mix(picture, shade, mask)
    if rng.random() < 0.3:
        line = line_mask(rng, height, width)
        picture = mix(picture, random_colour(rng), line * rng.uniform(0.3, 1))
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    return to_bytes(picture + noise * np.float32(rng.uniform(0, 0.06)))


def render(job: tuple[int, int]) -> np.ndarray:
    """Renders the picture of a seed and an index; the labels take turns."""
    return draw_picture(np.random.default_rng(job), LABELS[job[1] % len(LABELS)], SIDE, SIDE)


def make_set(seed: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Bytes [count, 3, SIDE, SIDE] and labels [count]."""
    pictures = torch.from_numpy(np.stack(render_all(render, seed, count)))
    return pictures.permute(0, 3, 1, 2).contiguous(), torch.arange(count) % len(LABELS)


# Network.


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1):
    """A convolution followed by batch normalisation, which makes a bias superfluous."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )


class Residual(nn.Module):
    """Two convolutions whose result is added to their input."""

    def __init__(self, channels: int):
        super().__init__()
        self.body = nn.Sequential(conv(channels, channels), nn.ReLU(), conv(channels, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.body(x))


def classifier() -> nn.Sequential:
    return nn.Sequential(
        conv(3, 16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        Residual(16),
        conv(16, 32, stride=2),
        nn.ReLU(),
        Residual(32),
        # A depthwise-separable block: one filter for each channel, then a mix of the channels.
        conv(32, 32, stride=2, groups=32),
        nn.ReLU(),
        conv(32, 64, kernel=1),
        nn.ReLU(),
        Residual(64),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, len(LABELS)),
    )


def normalise(pictures: torch.Tensor) -> torch.Tensor:
    return (pictures / 255 - MEAN) / STD


def batches(
    pictures: torch.Tensor, labels: torch.Tensor, size: int, seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless random batches. No label depends on orientation, so batches are turned freely."""
    random = torch.Generator().manual_seed(seed)
    while True:
        for chosen in torch.randperm(len(pictures), generator=random).split(size):
            turns, flip = torch.randint(4, (2,), generator=random).tolist()
            batch = pictures[chosen].rot90(turns, (2, 3))
            yield normalise(batch.flip(3) if flip % 2 else batch), labels[chosen]


# Evaluation and samples.


@torch.no_grad()
def classify(model: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    return torch.cat([model(normalise(part)).argmax(1) for part in pictures.split(256)])


def report_accuracy(model: nn.Module, pictures: torch.Tensor, labels: torch.Tensor) -> float:
    right = (classify(model, pictures) == labels).float()
    print(f"held-out accuracy: {right.mean():.2%} of {len(labels)} pictures")
    for index, label in enumerate(LABELS):
        print(f"  {label:9s} {right[labels == index].mean():.2%}")
    return right.mean().item()


def resize_and_crop(image: Image.Image, resampling: Image.Resampling) -> torch.Tensor:
    """Scales the shorter side to SIDE and cuts out the centre: a batch of one, in bytes."""
    scale = SIDE / min(image.size)
    width, height = (round(length * scale) for length in image.size)
    left, top = (width - SIDE) // 2, (height - SIDE) // 2
    image = image.resize((width, height), resampling).crop((left, top, left + SIDE, top + SIDE))
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]


def write_samples(model: nn.Module, folder: Path) -> None:
    """Draws the sample pictures and says how the network classifies each."""
    folder.mkdir(parents=True, exist_ok=True)
    for label, (width, height) in SAMPLES.items():
        rng = np.random.default_rng((SAMPLE_SEED, LABELS.index(label)))
        image = Image.fromarray(draw_picture(rng, label, height, width))
        image.save(folder / f"{label}.png", optimize=True)
        answers = []
        for resampling in (Image.Resampling.BILINEAR, Image.Resampling.LANCZOS):
            scores = model(normalise(resize_and_crop(image, resampling)))[0].softmax(0)
            answers.append(f"{LABELS[scores.argmax()]} {scores.max().item():.1%}")
        print(f"sample {label} {width}x{height}: bilinear {answers[0]}, Lanczos {answers[1]}")


def main() -> None:
    options = parse_arguments(
        "Train the shape classifier.",
        out=EXAMPLES / "shapes",
        steps=4000,
        batch=64,
        pictures=24_000,
        held_out=6000,
        seed=1,
        threads=2,
    )
    start = time.monotonic()
    make_deterministic(options.seed, options.threads)
    pictures, labels = make_set(options.seed, options.pictures)
    print(f"{len(pictures)} pictures rendered in {time.monotonic() - start:.0f} s", flush=True)

    model = classifier()
    loss = partial(nn.functional.cross_entropy, label_smoothing=0.02)
    feed = batches(pictures, labels, options.batch, options.seed)
    training = train(model, feed, loss, options.steps, peak_rate=4e-3, vulkan=options.vulkan)
    accuracy = report_accuracy(model, *make_set(HELD_OUT_SEED, options.held_out))
    write_record(options.json, training, {"heldOutAccuracy": accuracy})

    path = options.out / "shapes.onnx"
    example = torch.zeros(1, 3, SIDE, SIDE)
    export_onnx(model, path, example, "logits", {"image": {0: "N"}, "logits": {0: "N"}})
    check_onnx(model, path, [(1, 3, SIDE, SIDE), (5, 3, SIDE, SIDE)])
    (options.out / "labels.txt").write_text("\n".join(LABELS) + "\n")
    with torch.no_grad():
        write_samples(model, options.out / "samples")
    print(f"total time: {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
