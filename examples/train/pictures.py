"""Generated pictures for the upscaler: random ones to train on and two scenes as samples."""

from __future__ import annotations

import string
from collections.abc import Callable
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from common import (
    SUPERSAMPLE,
    average_down,
    gradient,
    mix,
    ramp,
    random_colour,
    smooth_noise,
    to_bytes,
)

# These fonts come with matplotlib, so every machine draws the same text.
FONTS = [
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSansMono"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "cmr10", "cmss10", "cmtt10"),
]
LETTERS = list(string.ascii_lowercase * 3 + string.ascii_uppercase + string.digits + ".,:;!?-&%")

Ink = tuple[int, int, int]


@cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf", f"{name}.ttf"), size)


def random_ink(rng: Generator) -> Ink:
    return tuple(rng.integers(0, 256, size=3).tolist())


def log_uniform(rng: Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def fractal(rng: Generator, height: int, width: int, decay: float) -> np.ndarray:
    """Noise in 0..1 with bumps of all sizes; those half as wide are `decay` times as strong."""
    total = np.zeros((height, width), dtype=np.float32)
    cell, strength = max(height, width) / 2, 1.0
    while cell >= 1.5:
        total += np.float32(strength) * smooth_noise(rng, height, width, cell)
        cell, strength = cell / 2, strength * decay
    return (total - total.min()) / np.ptp(total)


def enlarged(picture: np.ndarray) -> Image.Image:
    """A canvas at SUPERSAMPLE times the size of the picture, to draw on."""
    height, width, _ = picture.shape
    size = (width * SUPERSAMPLE, height * SUPERSAMPLE)
    return Image.fromarray(to_bytes(picture)).resize(size, Image.Resampling.BILINEAR)


def random_outline(rng: Generator, centre: np.ndarray, radius: float) -> list[tuple]:
    """A polygon around the centre: smooth like an ellipse, or with three to seven corners."""
    corners = 48 if rng.random() < 0.4 else rng.integers(3, 8)
    angles = np.arange(corners) * 2 * np.pi / corners
    reach = 1.0 if corners == 48 else rng.uniform(0.6, 1.2, size=(corners, 1))
    points = reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))])
    points = points * (1, rng.uniform(0.35, 1)) @ rotation * radius + centre
    return [tuple(point) for point in points]


# Random pictures. Each painter returns a square float32 picture [size, size, 3].


def paint_text(rng: Generator, size: int) -> np.ndarray:
    """Lines of random letters in several fonts, sizes and colours, sometimes askew."""
    paper = random_colour(rng) if rng.random() < 0.6 else gradient(rng, size, size)
    canvas = enlarged(np.broadcast_to(paper, (size, size, 3)))
    draw = ImageDraw.Draw(canvas)
    y, ink = 0.0, random_ink(rng)
    while y < canvas.height:
        points = log_uniform(rng, 8, 48)
        if rng.random() < 0.3:
            ink = random_ink(rng)
        words = "".join(rng.choice(LETTERS + [" "] * 20, size=int(2 * size / points) + 3))
        face = font(str(rng.choice(FONTS)), round(points * SUPERSAMPLE))
        draw.text((-rng.uniform(0, 40), y), words, fill=ink, font=face)
        y += points * SUPERSAMPLE * rng.uniform(1.0, 1.4)
    if rng.random() < 0.3:
        paper_ink = canvas.getpixel((0, 0))
        canvas = canvas.rotate(rng.uniform(-45, 45), Image.Resampling.BICUBIC, fillcolor=paper_ink)
    return average_down(canvas)


def paint_shapes(rng: Generator, size: int) -> np.ndarray:
    """Polygons, ellipses, outlines and lines on a gradient."""
    canvas = enlarged(gradient(rng, size, size))
    draw = ImageDraw.Draw(canvas)
    for _ in range(rng.integers(8, 30)):
        centre = rng.uniform(0, canvas.width, size=2)
        outline = random_outline(rng, centre, canvas.width * log_uniform(rng, 0.04, 0.3))
        thickness = round(log_uniform(rng, 1, 6) * SUPERSAMPLE)
        kind = rng.random()
        if kind < 0.5:
            draw.polygon(outline, fill=random_ink(rng))
        elif kind < 0.75:
            draw.line([*outline, outline[0]], random_ink(rng), thickness, joint="curve")
        else:
            ends = [tuple(end) for end in rng.uniform(0, canvas.width, size=(2, 2))]
            draw.line(ends, random_ink(rng), thickness)
    return average_down(canvas)


def paint_stripes(rng: Generator, size: int) -> np.ndarray:
    """Stripes, checks and concentric rings, sharp or smooth, cut out by polygons."""
    picture = gradient(rng, size, size)
    side = size * SUPERSAMPLE
    for layer in range(rng.integers(1, 4)):
        y, x = (np.mgrid[0:side, 0:side] - rng.uniform(0, side)).astype(np.float32)
        angle, rate = rng.uniform(0, np.pi), 2 * np.pi / SUPERSAMPLE / log_uniform(rng, 4.5, 40)
        along = (x * np.cos(angle) + y * np.sin(angle)) * rate
        across = (y * np.cos(angle) - x * np.sin(angle)) * rate
        kind = rng.integers(3)
        stripes, rings = np.sin(along), np.sin(np.hypot(along, across))
        wave = (stripes, stripes * np.sin(across), rings)[kind]
        contrast = 1 if rng.random() < 0.3 else 1000
        wave = average_down(Image.fromarray(to_bytes(0.5 + 0.5 * contrast * wave)))
        mask = Image.new("L", (side, side), 0 if layer else 255)
        outline = random_outline(rng, rng.uniform(0, side, size=2), side * rng.uniform(0.2, 0.6))
        ImageDraw.Draw(mask).polygon(outline, fill=255)
        pattern = mix(random_colour(rng), random_colour(rng), wave)
        picture = mix(picture, pattern, average_down(mask))
    return picture


def paint_leaves(rng: Generator, size: int) -> np.ndarray:
    """Many overlapping textured shapes of all sizes, which have the statistics of photographs."""
    palette = rng.integers(0, 256, size=(5, 3))
    canvas = enlarged(gradient(rng, size, size))
    draw = ImageDraw.Draw(canvas)
    for _ in range(500):
        radius = 0.012 / np.sqrt(rng.uniform(0.002, 1)) * canvas.width
        outline = random_outline(rng, rng.uniform(0, canvas.width, size=2), radius)
        ink = rng.choice(palette) + rng.normal(0, 25, size=3)
        draw.polygon(outline, fill=tuple(np.clip(ink, 0, 255).astype(int).tolist()))
    texture = fractal(rng, size, size, decay=rng.uniform(0.5, 0.9)) - np.float32(0.5)
    return average_down(canvas) * (1 + texture[..., None] * np.float32(rng.uniform(0, 0.5)))


def draw_hills(canvas: Image.Image, rng: Generator, top: float, ink: Ink, rough: float) -> None:
    """Fills everything below a ragged skyline; `top` is its mean height, from 0 to 1."""
    skyline = fractal(rng, 2, canvas.width, decay=rough)[0] - 0.5
    heights = (top + 0.3 * skyline) * canvas.height
    corners = [(canvas.width, canvas.height), (0, canvas.height)]
    ImageDraw.Draw(canvas).polygon([*enumerate(heights.tolist()), *corners], fill=ink)


def paint_nature(rng: Generator, size: int) -> np.ndarray:
    """Clouds, marble or bark from fractal noise, often with hills in front."""
    levels = fractal(rng, size, size, decay=rng.uniform(0.4, 0.8))
    colours = rng.random((4, 3))
    sky = [np.interp(levels, np.linspace(0, 1, 4), channel) for channel in colours.T]
    picture = np.stack(sky, axis=2).astype(np.float32)
    if rng.random() < 0.4:
        return picture
    canvas = enlarged(picture)
    for layer in range(rng.integers(1, 5)):
        top = 0.3 + 0.18 * layer
        draw_hills(canvas, rng, top, random_ink(rng), rough=rng.uniform(0.4, 0.7))
    shade = mix(np.ones(3, np.float32), random_colour(rng), ramp(rng, size, size) * 0.4)
    return average_down(canvas) * shade


PAINTERS = [paint_text, paint_shapes, paint_stripes, paint_leaves, paint_nature]


def paint(size: int, job: tuple[int, int]) -> np.ndarray:
    """The picture of a seed and an index as bytes [size, size, 3]; the painters take turns."""
    painter: Callable[[Generator, int], np.ndarray] = PAINTERS[job[1] % len(PAINTERS)]
    return to_bytes(painter(np.random.default_rng(job), size))


# Scenes: the sample pictures. No training picture looks like them.


def vertical_gradient(height: int, width: int, top: Ink, bottom: Ink) -> np.ndarray:
    amount = np.linspace(0, 1, height, dtype=np.float32)[:, None].repeat(width, axis=1)
    return mix(np.float32(top) / 255, np.float32(bottom) / 255, amount)


def scene_lighthouse(height: int, width: int) -> np.ndarray:
    """A lighthouse on a hill in the evening, with clouds, a sailing boat and waves."""
    rng = np.random.default_rng(11)
    sky = vertical_gradient(height, width, (54, 72, 128), (250, 176, 120))
    clouds = np.clip(fractal(rng, height, width, decay=0.55) * 2.4 - 1.2, 0, 1)
    canvas = enlarged(mix(sky, np.float32((0.98, 0.86, 0.80)), clouds * 0.6))
    draw = ImageDraw.Draw(canvas)
    w, h = canvas.size

    def at(*pairs: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x * w, y * h) for x, y in pairs]

    def area(ink: Ink, *corners: tuple[float, float]) -> None:
        draw.polygon(at(*corners), fill=ink)

    def box(ink: Ink, *corners: tuple[float, float]) -> None:
        draw.rectangle(at(*corners), fill=ink)

    def line(ink: Ink, thickness: float, *ends: tuple[float, float]) -> None:
        draw.line(at(*ends), ink, round(h * thickness), joint="curve")

    # Sun, far hills and sea.
    draw.ellipse(at((0.13, 0.40), (0.25, 0.56)), fill=(255, 232, 170))
    draw_hills(canvas, rng, 0.60, (120, 104, 140), rough=0.55)
    box((46, 84, 116), (0, 0.72), (1, 1))
    for _ in range(220):
        x, depth = rng.uniform(-0.05, 1), rng.uniform(0, 1) ** 1.5
        y, length = 0.725 + 0.27 * depth, 0.01 + 0.07 * depth
        line((150, 176, 190), 0.002 + 0.004 * depth, (x, y), (x + length, y))

    # Lighthouse, which widens from 0.044 at the top to 0.076 at the foot.
    dark, red, white = (40, 40, 48), (196, 52, 44), (244, 240, 230)
    slope = [(0.5, 0.82), (0.6, 0.66), (0.72, 0.6), (0.86, 0.62), (1, 0.7), (1, 0.9)]
    area((52, 66, 52), *slope)
    for band in range(6):
        (y0, half0), (y1, half1) = (
            (0.24 + 0.38 * part, 0.022 + 0.016 * part) for part in (band / 6, (band + 1) / 6)
        )
        corners = [(0.76 - half0, y0), (0.76 + half0, y0), (0.76 + half1, y1), (0.76 - half1, y1)]
        area(white if band % 2 else red, *corners)
    box(dark, (0.728, 0.225), (0.792, 0.24))
    box((255, 240, 160), (0.744, 0.17), (0.776, 0.225))
    line(dark, 0.006, (0.76, 0.17), (0.76, 0.225))
    area(dark, (0.738, 0.17), (0.76, 0.12), (0.782, 0.17))

    # House.
    box((226, 214, 196), (0.82, 0.53), (0.93, 0.64))
    area((128, 60, 48), (0.805, 0.53), (0.875, 0.44), (0.945, 0.53))
    for x in (0.84, 0.888):
        box((255, 214, 120), (x, 0.555), (x + 0.024, 0.592))
        line((90, 60, 40), 0.005, (x + 0.012, 0.555), (x + 0.012, 0.592))

    # Boat and gulls.
    area((112, 62, 40), (0.2, 0.8), (0.38, 0.8), (0.35, 0.85), (0.23, 0.85))
    line((60, 44, 36), 0.008, (0.29, 0.8), (0.29, 0.5))
    area((250, 246, 236), (0.297, 0.52), (0.297, 0.78), (0.375, 0.78))
    area((232, 220, 204), (0.283, 0.55), (0.283, 0.78), (0.215, 0.78))
    for x, y in ((0.46, 0.2), (0.52, 0.26), (0.42, 0.3)):
        line((40, 40, 56), 0.007, (x - 0.025, y - 0.015), (x, y), (x + 0.025, y - 0.015))
    return average_down(canvas)


def scene_poster(height: int, width: int) -> np.ndarray:
    """A printed page: headlines, small text, a chart with thin lines, a few flat shapes."""
    canvas = enlarged(vertical_gradient(height, width, (250, 244, 228), (238, 226, 200)))
    draw = ImageDraw.Draw(canvas)
    w, h = canvas.size

    def text(x: float, y: float, size: float, words: str, face: str, ink: Ink) -> None:
        draw.text((x * w, y * h), words, fill=ink, font=font(face, round(size * h)))

    dark, red, blue, green = (34, 36, 48), (200, 56, 40), (36, 96, 168), (52, 128, 84)
    draw.rectangle([0, 0, w, 0.235 * h], fill=dark)
    text(0.04, 0.015, 0.145, "Rekindle", "DejaVuSerif-Bold", (250, 200, 90))
    text(0.045, 0.165, 0.05, "A test page of 320 by 240 pixels", "DejaVuSans", (228, 228, 236))
    pangram = "The quick brown fox\njumps over the lazy\ndog; 0123456789\n& sphinx of quartz."
    for row, words in enumerate(pangram.split("\n")):
        text(0.04, 0.275 + 0.07 * row, 0.058, words, "DejaVuSerif", dark)
    for row, words in enumerate(["judge my vow, 7 + 8 = 15", "pack my box with five"]):
        text(0.04, 0.575 + 0.06 * row, 0.045, words, "DejaVuSans-Oblique", blue)

    left, top, right, bottom = 0.58 * w, 0.3 * h, 0.96 * w, 0.68 * h
    for row in range(6):
        y = top + (bottom - top) * row / 5
        draw.line([(left, y), (right, y)], (190, 180, 160), round(0.004 * h))
    x = np.linspace(0, 1, 200)
    curves = ((red, 0.5 - 0.4 * np.sin(7 * x)), (blue, 0.9 - 0.8 * x**2), (green, 0.2 + 0.6 * x))
    for ink, y in curves:
        line = np.stack([left + (right - left) * x, top + (bottom - top) * y], axis=1)
        draw.line([tuple(point) for point in line], ink, round(0.009 * h), joint="curve")
    draw.line([(left, top), (left, bottom), (right, bottom)], dark, round(0.009 * h))

    for number, ink in enumerate((red, blue, green, dark)):
        x, y, radius = (0.09 + 0.135 * number) * w, 0.84 * h, 0.075 * h
        if number % 2:
            draw.regular_polygon((x, y, radius), 3 + number, rotation=12, fill=ink)
        else:
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=ink)
            inner = radius * 0.55
            draw.ellipse([x - inner, y - inner, x + inner, y + inner], fill=(246, 236, 214))
    for spoke in range(24):
        angle = spoke * np.pi / 12
        x, y, reach = 0.78 * w, 0.84 * h, 0.12 * h
        end = (x + reach * np.cos(angle), y + reach * np.sin(angle))
        draw.line([(x, y), end], dark, round(0.005 * h))
    text(0.04, 0.94, 0.038, "Set in DejaVu, drawn by a script", "DejaVuSansMono", dark)
    return average_down(canvas)


SCENES = {"lighthouse": scene_lighthouse, "poster": scene_poster}
