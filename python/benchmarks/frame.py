"""What the benchmarks of the bridge share: times, errors, the machine, and the file of results."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

try:
    import rekindle_torch
except ModuleNotFoundError:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    import rekindle_torch

from rekindle_torch.bridge import BridgeError, close_engine, open_device

WARM_UP = 5
#: A measurement takes so many calls, or as many as fit into so many seconds.
CALLS_MAX = 100
CALLS_MIN = 5
SECONDS = 8.0


def times_of(work: Callable[[], Any]) -> dict[str, float]:
    """Milliseconds of a call: median, and the range of the middle 80 %."""
    for _ in range(WARM_UP):
        work()
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < CALLS_MAX:
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1e3)
        if len(times) >= CALLS_MIN and time.perf_counter() - begin > SECONDS:
            break
    return summary(times)


def summary(times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times)

    def at(part: float) -> float:
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]

    return {
        "timeMsMedian": round(statistics.median(ordered), 4),
        "timeMsP10": round(at(0.1), 4),
        "timeMsP90": round(at(0.9), 4),
        "calls": len(ordered),
    }


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    a, e = actual.double().cpu(), expected.double().cpu()
    return float((a - e).norm() / e.norm())


def _machine() -> dict[str, Any]:
    return {
        "rekindle": rekindle_torch.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "engine": open_device(),
    }


class Results:
    """What was measured so far: in the file after every part, so that no part is lost."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._data = _machine()

    def __setitem__(self, part: str, value: Any) -> None:
        self._data[part] = value
        if self._file:
            self._file.write_text(json.dumps(self._data, indent=2) + "\n")


def benchmark(
    description: str | None, choice: str, all_names: Sequence[str],
    measure: Callable[[Results, list[str]], None],
) -> None:  # fmt: skip
    """Reads --json and --`choice` (some of `all_names`), and measures with TensorFloat-32 off."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="also write the results there")
    parser.add_argument(
        f"--{choice}", dest="chosen", metavar="NAMES",
        help=f"only these, with commas between them: {', '.join(all_names)}",
    )  # fmt: skip
    options = parser.parse_args()
    names = list(all_names)
    if options.chosen is not None:
        names = [name for name in options.chosen.split(",") if name]
    unknown = [name for name in names if name not in all_names]
    if unknown:
        parser.error(f"--{choice}: there is no {', '.join(unknown)}; {', '.join(all_names)} are")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    try:
        measure(Results(options.json), names)
    except BridgeError as error:
        sys.exit(f"error: {error}")
    finally:
        close_engine()
