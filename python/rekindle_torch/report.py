"""Which convolutions ran, by which method, and how long they took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .convolution.problem import Problem
from .convolution.watch import Run, watching


@dataclass
class Line:
    calls: int = 0
    time_ms: float = 0.0


@dataclass
class Report:
    """The convolutions that ran while `reporting` was on; printed as a table."""

    lines: dict[tuple[str, Problem, str, str], Line] = field(default_factory=dict)

    def add(self, run: Run) -> None:
        dtype = str(run.like.dtype).replace("torch.", "")
        line = self.lines.setdefault((run.operation, run.problem, dtype, run.method), Line())
        line.calls += 1
        line.time_ms += run.time_ms

    def rows(self) -> list[dict[str, Any]]:
        """One entry per kind of convolution, the slowest first."""
        entries = sorted(self.lines.items(), key=lambda item: -item[1].time_ms)
        return [
            {
                "operation": operation.replace("_", " "),
                "convolution": describe(problem),
                "dtype": dtype,
                "method": method,
                "calls": line.calls,
                "time_ms": line.time_ms,
            }
            for (operation, problem, dtype, method), line in entries
        ]

    def __str__(self) -> str:
        rows = self.rows()
        if not rows:
            return "no convolution ran"
        width = max(len(r["convolution"]) for r in rows)
        total = sum(r["time_ms"] for r in rows)
        head = f"{'operation':16}{'convolution':{width + 2}}{'type':10}{'method':11}"
        lines = [head + f"{'calls':>6}{'total ms':>10}{'share':>7}"]
        for r in rows:
            share = r["time_ms"] / total if total else 0.0
            lines.append(
                f"{r['operation']:16}{r['convolution']:{width + 2}}{r['dtype']:10}{r['method']:11}"
                f"{r['calls']:6}{r['time_ms']:10.2f}{share:7.1%}"
            )
        calls = sum(r["calls"] for r in rows)
        return "\n".join([*lines, f"{calls} convolutions, {total:.1f} ms"])


def describe(problem: Problem) -> str:
    """ "8x64x56x56 > 128, 3x3, stride 2": input, filters, kernel, and what is not usual."""
    geometry = problem.geometry

    def sizes(numbers: tuple[int, ...]) -> str:
        return "x".join(str(n) for n in numbers)

    text = f"{sizes((problem.batch, problem.channels, *problem.size))} > {problem.filters}"
    text += f", {sizes(problem.kernel)}"
    if set(geometry.stride) != {1}:
        text += f", stride {sizes(geometry.stride)}"
    if set(geometry.dilation) != {1}:
        text += f", dilation {sizes(geometry.dilation)}"
    if geometry.groups != 1:
        text += f", {geometry.groups} groups"
    return text


@contextmanager
def reporting() -> Iterator[Report]:
    """Collects every convolution inside; each waits for the device to be timed.

    >>> import torch
    >>> with reporting() as report:
    ...     _ = Conv2dGFX1010(3, 8, 3)(torch.ones(1, 3, 8, 8))
    >>> [row["convolution"] for row in report.rows()]
    ['1x3x8x8 > 8, 3x3']
    """
    report = Report()
    with watching(report.add):
        yield report
