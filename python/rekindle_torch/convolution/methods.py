"""All methods, by name, and which of them a problem allows."""

from __future__ import annotations

from .columns import columns
from .depthwise import depthwise
from .method import Method
from .pointwise import pointwise
from .problem import Problem
from .rows import rows
from .shifted import shifted
from .winograd import winograd2, winograd4

METHODS: dict[str, Method] = {
    m.name: m for m in (pointwise, depthwise, rows, shifted, columns, winograd2, winograd4)
}


def supported(problem: Problem) -> list[Method]:
    """The methods that compute this problem; there is always one."""
    return [m for m in METHODS.values() if m.supports(problem)]
