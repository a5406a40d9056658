"""The sizes of one convolution, which is all that a choice of method needs to know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

# The narrowest tile of output columns that libraries compute at once.
_TILE = 32

# Memory is read and written in pieces of 32 bytes at least: 8 elements of 4 bytes.
_PIECE = 8

Sizes = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class _Key:
    """Compared by its fields, whose hash is computed once: these are keys of every call."""

    @cached_property
    def _fields(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)

    @cached_property
    def _hash(self) -> int:
        return hash(self._fields)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, _Key) and self._fields == other._fields


@dataclass(frozen=True, eq=False)
class Geometry(_Key):
    """How a kernel moves over its input: one entry per spatial dimension.

    `pads` are the zeros before and after; a negative number cuts elements off.
    """

    stride: Sizes
    pads: Pads
    dilation: Sizes
    groups: int

    def reach(self, kernel: Sizes) -> Sizes:
        """How many elements a dilated kernel covers in each dimension."""
        return tuple((k - 1) * d + 1 for k, d in zip(kernel, self.dilation))

    def out_size(self, size: Sizes, kernel: Sizes) -> Sizes:
        """The spatial output size; below 1 where the kernel is too large."""
        return tuple(
            (n + lo + hi - reach) // s + 1
            for n, (lo, hi), reach, s in zip(size, self.pads, self.reach(kernel), self.stride)
        )


@dataclass(frozen=True, eq=False)
class Problem(_Key):
    """A convolution of [batch, channels, *size] with [filters, channels / groups, *kernel]."""

    batch: int
    channels: int
    filters: int
    size: Sizes
    kernel: Sizes
    geometry: Geometry

    @property
    def rank(self) -> int:
        return len(self.size)

    @property
    def groups(self) -> int:
        return self.geometry.groups

    @cached_property
    def out_size(self) -> Sizes:
        return self.geometry.out_size(self.size, self.kernel)

    @cached_property
    def read_size(self) -> Sizes:
        """How much of the padded input is read."""
        reach = self.geometry.reach(self.kernel)
        return tuple((p - 1) * s + r for p, s, r in zip(self.out_size, self.geometry.stride, reach))

    @cached_property
    def befores(self) -> Sizes:
        """The zeros before each spatial dimension."""
        return tuple(lo for lo, _ in self.geometry.pads)

    @cached_property
    def out_shape(self) -> Sizes:
        return (self.batch, self.filters, *self.out_size)

    @cached_property
    def depth(self) -> int:
        """The number of products that each output element sums."""
        return self.channels // self.groups * prod(self.kernel)

    @cached_property
    def positions(self) -> int:
        """The number of output positions of all images together."""
        return self.batch * prod(self.out_size)

    @property
    def flops(self) -> float:
        """Multiplications and additions of the direct method."""
        return 2.0 * self.positions * self.filters * self.depth

    @property
    def tiled_flops(self) -> float:
        """Operations per output position that matrix products spend: filters come in tiles."""
        filters = -(-(self.filters // self.groups) // _TILE) * _TILE
        return 2.0 * self.groups * filters * self.depth

    @property
    def group_waste(self) -> float:
        """How many times as much memory as they use products of single groups touch.

        Of each pixel a group has a few channels, which lie together; those around them belong to
        other groups.
        """
        narrowest = min(self.channels, self.filters) // self.groups
        return 1.0 if self.groups == 1 else max(1.0, _PIECE / max(narrowest, 1))

    @property
    def is_depthwise(self) -> bool:
        """Whether each filter reads one channel."""
        return self.groups == self.channels

    @cached_property
    def is_unit_stride(self) -> bool:
        return all(s == 1 for s in self.geometry.stride)

    @cached_property
    def is_undilated(self) -> bool:
        return all(d == 1 or k == 1 for d, k in zip(self.geometry.dilation, self.kernel))

    def images(self, count: int) -> Problem:
        """The same convolution of `count` images."""
        return replace(self, batch=count)

    def output_rows(self, first: int, count: int) -> tuple[Problem, slice]:
        """The part that computes `count` output rows from `first` on, and the input rows it reads.

        Rows are along the first spatial dimension.
        """
        (stride, *_), ((lo, _), *others) = self.geometry.stride, self.geometry.pads
        begin = first * stride - lo
        end = begin + (count - 1) * stride + self.geometry.reach(self.kernel)[0]
        rows = slice(min(max(begin, 0), self.size[0]), max(min(end, self.size[0]), 0))
        held = max(rows.stop - rows.start, 0)
        before = max(min(0, end) - begin, 0) if held == 0 else rows.start - begin
        after = end - begin - before - held
        geometry = replace(self.geometry, pads=((before, after), *others))
        return replace(self, size=(held, *self.size[1:]), geometry=geometry), rows
