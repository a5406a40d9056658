"""The gradient for the input as convolutions of stride 1, and so the transposed convolution.

An input element i and a kernel element r meet in the output o where o * stride + r * dilation
equals i + pad. With a stride, the inputs of each remainder meet kernel elements of their own, so
that every remainder is one convolution of the gradient with a part of the kernel, turned round.
No products with inserted zeros are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import gcd, prod
from typing import NamedTuple, Optional

from .problem import Geometry, Sizes


class Line(NamedTuple):
    """One dimension of one remainder."""

    target: slice  # the input elements
    length: int
    taps: slice  # the kernel elements that they meet
    pads: tuple[int, int]
    dilation: int


class Piece(NamedTuple):
    """A convolution of the output's gradient whose result is a regular part of the input's."""

    target: Optional[tuple[slice, ...]]  # of [N, C, *size]; None stands for all of it
    elements: int  # of the spatial dimensions
    taps: Optional[tuple[slice, ...]]  # of the turned weights; None stands for all of them
    is_flipped: bool
    geometry: Geometry


def _lines(
    size: int, out: int, kernel: int, stride: int, pad: int, dilation: int
) -> Iterator[Line]:
    common = gcd(stride, dilation)
    step = stride // common
    for remainder in range(min(stride, size)):
        taps = [r for r in range(kernel) if (remainder + pad - r * dilation) % stride == 0]
        if not taps:
            continue
        first, last = taps[0], taps[-1]
        count = -(-(size - remainder) // stride)
        # Input element `remainder` meets the last tap in this output, and the first one in the
        # highest; the convolution runs from the lowest on.
        low = (remainder + pad - last * dilation) // stride
        reach = (len(taps) - 1) * (dilation // common) + 1
        after = low + count - 1 + reach - out
        slots = slice(first, last + 1, step)
        yield Line(slice(remainder, None, stride), count, slots, (-low, after), dilation // common)


def input_gradient_pieces(
    size: Sizes, out: Sizes, kernel: Sizes, geometry: Geometry
) -> Iterator[Piece]:
    """The parts of the input that some output depends on; the gradient of all others is zero."""
    lines_of = [
        list(_lines(n, p, r, stride, pad[0], dilation))
        for n, p, r, stride, pad, dilation in zip(
            size, out, kernel, geometry.stride, geometry.pads, geometry.dilation
        )
    ]
    every = (slice(None), slice(None))
    is_whole = all(s == 1 for s in geometry.stride)
    for lines in product(*lines_of):
        counts = [len(range(*line.taps.indices(k))) for line, k in zip(lines, kernel)]
        inner = Geometry(
            (1,) * len(size),
            tuple(line.pads for line in lines),
            tuple(line.dilation for line in lines),
            geometry.groups,
        )
        yield Piece(
            None if is_whole else (*every, *(line.target for line in lines)),
            prod(line.length for line in lines),
            None if is_whole else (*every, *(line.taps for line in lines)),
            prod(counts) > 1,
            inner,
        )
