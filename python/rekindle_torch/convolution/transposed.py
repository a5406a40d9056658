"""The gradient for the input as convolutions of stride 1, and so the transposed convolution.

An input element i and a kernel element r meet in the output o where o * stride + r * dilation
equals i + pad. With a stride, the inputs of each remainder meet kernel elements of their own, so
that every remainder is one convolution of the gradient with a part of the kernel, turned round.
No products with inserted zeros are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import gcd
from typing import NamedTuple

from torch import Tensor

from .problem import Geometry, Sizes


class Line(NamedTuple):
    """One dimension of one remainder."""

    target: slice  # the input elements
    length: int
    taps: slice  # the kernel elements that they meet
    pads: tuple[int, int]
    dilation: int


class Part(NamedTuple):
    """A convolution of the output's gradient whose result is a regular part of the input's."""

    target: tuple[slice, ...]
    target_size: Sizes
    weights: Tensor  # [C, K / groups, *taps]
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


def input_gradient_parts(g: Tensor, w: Tensor, size: Sizes, geometry: Geometry) -> Iterator[Part]:
    """The parts of the input that some output depends on; the gradient of all others is zero."""
    groups = geometry.groups
    per_dim = [
        list(_lines(n, out, kernel, stride, pad[0], dilation))
        for n, out, kernel, stride, pad, dilation in zip(
            size, g.shape[2:], w.shape[2:], geometry.stride, geometry.pads, geometry.dilation
        )
    ]
    # [G, K / G, C / G, ...] -> [C, K / G, ...]
    turned = w.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1) if w.numel() else w
    for lines in product(*per_dim):
        taps = turned[(slice(None), slice(None), *(line.taps for line in lines))]
        inner = Geometry(
            (1,) * len(size),
            tuple(line.pads for line in lines),
            tuple(line.dilation for line in lines),
            groups,
        )
        flipped = taps.flip(tuple(range(2, taps.dim()))) if taps[0, 0].numel() > 1 else taps
        targets = tuple(line.target for line in lines)
        yield Part(targets, tuple(line.length for line in lines), flipped, inner)
