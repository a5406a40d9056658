"""What the choice of methods costs, and constants that choose better, from a measured file.

    python -m rekindle_torch.bench --device cuda --json layers.json
    python python/benchmarks/fit_cost.py layers.json

The times are the file's; the estimates are those of `rekindle_torch` as it is now, so that a better
estimate shows without a GPU. The time of a method is taken as a sum: its estimate's operations,
elements and calls, each by a constant that cannot be negative. These are fitted to all measured
times of layers by least squares of the relative error; `rekindle_torch/convolution/choice.py` holds
the ones in use. Then: what each choice loses against the fastest method, layer by layer, and native
time by ours in the geometric mean: as was chosen in that run, as is chosen now, with the fitted
constants, and with the fastest method always. Last, what was counted rather than estimated: seconds
of a launch, bandwidth of copies, rates of products by their size.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from math import exp, log, log2
from pathlib import Path
from typing import Any, NamedTuple

import torch

try:
    import rekindle_torch  # noqa: F401
except ModuleNotFoundError:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rekindle_torch.convolution.blocks import workspace_limit
from rekindle_torch.convolution.choice import busy_flops, estimate, price_on_gpu
from rekindle_torch.convolution.method import Cost
from rekindle_torch.convolution.methods import METHODS
from rekindle_torch.convolution.problem import Geometry, Problem

Row = dict[str, Any]
Method = dict[str, Any]
Choice = Callable[[Row], str]
FLOAT32_BYTES = 4


class Fit(NamedTuple):
    """Seconds of one operation, of one element, of one call."""

    flops: float
    elements: float
    calls: float


def problem_of(part: Row) -> Problem:
    """The convolution of a row, from its JSON."""
    p, g = part["problem"], part["problem"]["geometry"]
    pads = tuple((lo, hi) for lo, hi in g["pads"])
    geometry = Geometry(tuple(g["stride"]), pads, tuple(g["dilation"]), g["groups"])
    sizes = tuple(p["size"]), tuple(p["kernel"])
    return Problem(p["batch"], p["channels"], p["filters"], *sizes, geometry)


def add_estimates(rows: Sequence[Row], cores: int) -> None:
    """To every method its present cost, and that by the terms of `Fit`."""
    for part in (part for row in rows for part in row["parts"]):
        problem = problem_of(part)
        for name, method in part["methods"].items():
            cost = estimate(
                METHODS[name], part["operation"], problem, FLOAT32_BYTES, workspace_limit()
            )
            method["cost"] = cost
            method["terms"] = (busy_flops(cost, cores), cost.elements, cost.calls)


def methods_of(rows: Sequence[Row]) -> Iterator[Method]:
    for row in rows:
        for part in row["parts"]:
            yield from part["methods"].values()


def least_squares(samples: Sequence[Sequence[float]], seconds: Sequence[float]) -> list[float]:
    """Factors of the columns, none below zero, with the least sum of squared relative errors.

    With few columns, trying every set of those above zero is exact. On the CPU: PyTorch solves
    samples that depend on each other there alone.
    """
    numbers: dict[str, Any] = {"dtype": torch.float64, "device": "cpu"}
    matrix = torch.tensor(samples, **numbers) / torch.tensor(seconds, **numbers)[:, None]
    scale = matrix.abs().amax(0).clamp_min(1e-300)
    ones = torch.ones(len(seconds), 1, **numbers)
    width = matrix.shape[1]
    best, least = [0.0] * width, float("inf")
    for count in range(1, width + 1):
        for chosen in map(list, combinations(range(width), count)):
            part = (matrix / scale)[:, chosen]
            factors = torch.linalg.lstsq(part, ones, driver="gelsd").solution
            error = float((part @ factors - ones).square().sum())
            if error < least and float(factors.min()) >= 0:
                least, best = error, [0.0] * width
                for i, factor in zip(chosen, (factors[:, 0] / scale[chosen]).tolist()):
                    best[i] = factor
    return best


def fit_estimates(rows: Sequence[Row]) -> Fit:
    methods = list(methods_of(rows))
    seconds = [m["time_ms"] / 1000 for m in methods]
    return Fit(*least_squares([m["terms"] for m in methods], seconds))


def time_of(part: Row, name: str) -> float:
    time: float = part["methods"][name]["time_ms"]
    return time


def fastest(part: Row) -> str:
    return min(part["methods"], key=lambda name: time_of(part, name))


def chosen_then(part: Row) -> str:
    name: str = part["chosen"]
    return name


def choices(fit: Fit, cores: int) -> dict[str, Choice]:
    """By name, functions that choose a method for a part."""
    price: Callable[[Cost], float] = price_on_gpu(cores)

    def now(part: Row) -> str:
        return min(part["methods"], key=lambda name: price(part["methods"][name]["cost"]))

    def fitted(part: Row) -> str:
        def seconds(name: str) -> float:
            return sum(f * term for f, term in zip(fit, part["methods"][name]["terms"]))

        return min(part["methods"], key=seconds)

    return {"then": chosen_then, "now": now, "fitted": fitted, "fastest": fastest}


def own_ms(row: Row, choice: Choice, forward_only: bool) -> float:
    parts = [p for p in row["parts"] if not forward_only or p["part"] == "forward"]
    return sum(time_of(part, choice(part)) for part in parts)


def show_choices(rows: Sequence[Row], ways: dict[str, Choice]) -> None:
    print(f"{'layer':48}{'part':17}" + "".join(f"{way:18}" for way in ways))
    for row in rows:
        of_layer = f"{row['network']} {row['layer']} {row['format']}" if "layer" in row else ""
        for part in row["parts"]:
            best = time_of(part, fastest(part))
            cells = ""
            for choice in ways.values():
                name = choice(part)
                loss = time_of(part, name) / best
                cells += f"{name} {'' if loss == 1 else f'x{loss:.2f}'}".ljust(18)
            title = of_layer or f"{part['convolution']} {row['format']}"
            print(f"{title:48}{part['part']:17}{cells}{best:.3f} ms")


def geometric_mean(values: Sequence[float]) -> float:
    return exp(sum(map(log, values)) / len(values))


def show_means(rows: Sequence[Row], ways: dict[str, Choice]) -> None:
    print("\nnative time by ours, geometric mean over the layers (sums of parts, GPU time)")
    print(f"{'':34}" + "".join(f"{way:>10}" for way in ways))
    for kind, forward_only in (("forward_gpu", True), ("training_gpu", False)):
        for form in sorted({row["format"] for row in rows}):
            some = [row for row in rows if row["format"] == form]
            cells = ""
            for choice in ways.values():
                ratios = [r["native"][kind] / own_ms(r, choice, forward_only) for r in some]
                cells += f"{geometric_mean(ratios):10.3f}"
            print(f"{kind:16}{form:18}{cells}")


def show_constants(fit: Fit, cores: int) -> None:
    print("\nfitted to the estimates:")
    show_rate("products", fit.flops, 1e-12, "TFLOP/s")
    show_rate("an element moved", fit.elements / 4, 1e-9, "GB/s")
    print(f"  {'a call':26}{fit.calls * 1e6:.2f} microseconds")
    if fit.flops:
        print(
            f"  as in choice.py: an element costs {fit.elements / fit.flops:.1f} operations, a "
            f"call {fit.calls / fit.flops / cores:.3g} per core ({cores})"
        )


def show_rate(title: str, seconds: float, scale: float, unit: str) -> None:
    print(f"  {title:26}{f'{scale / seconds:.2f} {unit}' if seconds else 'no part of it'}")


def show_counted(rows: Sequence[Row]) -> None:
    """Launches, moved bytes, operations and bytes of products, as they were counted."""
    methods = list(methods_of(rows))
    samples = [
        [sum(times for _, times, _ in m.get("kernels", ())) or m["operations"], m["moved_bytes"],
         m["flop"], m["product_bytes"]]
        for m in methods
    ]  # fmt: skip
    launch, moved, flop, product = least_squares(samples, [m["time_ms"] / 1000 for m in methods])
    print("\nfitted to what was counted:")
    print(f"  {'a launch':26}{launch * 1e6:.2f} microseconds")
    show_rate("copies", moved, 1e-9, "GB/s")
    show_rate("products, by operations", flop, 1e-12, "TFLOP/s")
    show_rate("products, by bytes", product, 1e-9, "GB/s")
    errors = sorted(
        abs(log2(sum(f * s for f, s in zip((launch, moved, flop, product), sample)) * 1e3 / time))
        for sample, time in ((s, m["time_ms"]) for s, m in zip(samples, methods))
    )
    middle, most = errors[len(errors) // 2], errors[int(0.9 * len(errors))]
    print(f"  off by a factor of {2**middle:.2f} in the median, {2**most:.2f} in 9 of 10")
    show_products(methods)


def show_products(methods: Sequence[Method]) -> None:
    """Rates of the methods that are products for the most part, by the product's size."""
    rates: dict[tuple[int, int], list[float]] = defaultdict(list)
    for m in methods:
        # One kind of product, and little that is copied beside it.
        if len(m["products"]) != 1 or m["moved_bytes"] > m["product_bytes"] / 4:
            continue
        batches, rows, columns, depth, _ = m["products"][0]
        size = round(log2(max(1, batches * rows * columns * depth)))
        rates[size, min(rows, columns, depth)].append(m["flop"] / m["time_ms"] / 1e9)
    print("  products by multiplications (powers of 2) and their shortest side: TFLOP/s")
    for (size, side), found in sorted(rates.items()):
        print(f"    2^{size:<3} side {side:<6}{geometric_mean(found):7.2f}  ({len(found)})")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="what rekindle_torch.bench --json has written")
    data = json.loads(parser.parse_args().file.read_text())
    rows, cores = data["layers"], data["cores"]
    if not rows:
        print("no layer in this file", file=sys.stderr)
        return 2
    of_models = [row for row in data.get("models", ()) if "parts" in row]
    add_estimates([*rows, *of_models], cores)
    fit = fit_estimates(rows)
    ways = choices(fit, cores)
    print(f"{data['device']}, PyTorch {data['torch']}, batch {data['batch']}, {len(rows)} rows")
    show_choices([*rows, *of_models], ways)
    show_means(rows, ways)
    show_constants(fit, cores)
    show_counted(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
