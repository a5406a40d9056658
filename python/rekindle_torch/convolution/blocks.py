"""Work in parts whose temporary memory stays under a limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable, NamedTuple

from .problem import Problem

_DEFAULT_LIMIT_BYTES = 256 * 2**20
_limit_bytes = _DEFAULT_LIMIT_BYTES


def workspace_limit() -> int:
    """The number of bytes of temporary memory that one convolution may take."""
    return _limit_bytes


def set_workspace_limit(count: int = _DEFAULT_LIMIT_BYTES) -> None:
    """Sets how many bytes of temporary memory one convolution may take (256 MB at first).

    Less memory means more and smaller products. A convolution always works: where even one output
    row needs more than this, it takes what that row needs.

    Raises ValueError where `count` is not positive.
    """
    global _limit_bytes
    if count <= 0:
        raise ValueError(f"the workspace limit must be positive, and is {count} bytes")
    _limit_bytes = count


class Block(NamedTuple):
    """A part of a problem: some images, or some output rows of one image."""

    problem: Problem
    images: slice
    in_rows: slice  # of the first spatial dimension
    out_rows: slice


def blocks(
    problem: Problem, workspace: Callable[[Problem], int], element_size: int, limit_bytes: int
) -> Iterator[Block]:
    """Parts of about equal size that take at most the limit, as many images as possible in each."""
    limit = limit_bytes // element_size
    images = _largest(problem.batch, lambda n: workspace(problem.images(n)) <= limit, problem.batch)
    every = slice(None)
    if images > 0:
        for first, count in _parts(problem.batch, images):
            yield Block(problem.images(count), slice(first, first + count), every, every)
        return
    one = problem.images(1)
    height = problem.out_size[0]
    rows = _largest(height, lambda n: workspace(one.output_rows(0, n)[0]) <= limit, height)
    for image in range(problem.batch):
        for first, count in _parts(height, max(rows, 1)):
            part, in_rows = one.output_rows(first, count)
            yield Block(part, slice(image, image + 1), in_rows, slice(first, first + count))


def _largest(count: int, fits: Callable[[int], bool], guess: int) -> int:
    """The largest number up to `count` that fits, where smaller ones fit too; 0 if none does."""
    if fits(guess):
        return guess
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _parts(count: int, largest: int) -> Iterator[tuple[int, int]]:
    """Splits `count` into parts of nearly equal size, `largest` at most: (first, size)."""
    parts = -(-count // largest)
    for i in range(parts):
        first, end = i * count // parts, (i + 1) * count // parts
        yield first, end - first
