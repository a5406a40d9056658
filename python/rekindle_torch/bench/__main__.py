"""python -m rekindle_torch.bench: PyTorch's own convolutions against ours."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from math import exp, log
from pathlib import Path
from typing import Any

import torch

from .layer_times import FORMATS, layer_times
from .layers import LAYERS


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m rekindle_torch.bench",
        description="Times PyTorch's own convolutions and ours, layer by layer.",
        epilog="example: python -m rekindle_torch.bench --device cuda --json layers.json",
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=32, help="images (default 32)")
    parser.add_argument("--network", choices=("resnet50", "vgg16"), help="only its layers")
    parser.add_argument("--format", choices=tuple(FORMATS), help="only this memory format")
    parser.add_argument("--json", metavar="FILE", help="writes all results")
    return parser.parse_args()


def geometric_mean(values: Sequence[float]) -> float:
    return exp(sum(log(v) for v in values) / len(values))


def _show(row: dict[str, Any]) -> None:
    native, tuned, chosen = row["native"], row["tuned"], row["chosen"]
    best = ", ".join(min(m["times"], key=m["times"].get) for m in row["methods"])
    print(
        f"{row['network']:9}{row['layer']:24}{row['format']:14}"
        f"{native['forward']:9.3f}{chosen['forward']:9.3f}{tuned['forward']:9.3f}"
        f"{native['forward'] / tuned['forward']:7.2f}"
        f"{native['training']:9.3f}{chosen['training']:9.3f}{tuned['training']:9.3f}"
        f"{native['training'] / tuned['training']:7.2f}  {best}",
        flush=True,
    )


def _summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Geometric means over the layers of native time by ours, where more than 1 is faster."""
    result: dict[str, float] = {}
    for form in FORMATS:
        for ours in ("chosen", "tuned"):
            for kind in ("forward", "training"):
                ratios = [r["native"][kind] / r[ours][kind] for r in rows if r["format"] == form]
                if ratios:
                    result[f"{form}, {ours}, {kind}"] = geometric_mean(ratios)
    by_layer: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        by_layer.setdefault((row["network"], row["layer"]), []).append(row)
    for kind in ("forward", "training"):
        best = [
            min(r["native"][kind] for r in both) / min(r["tuned"][kind] for r in both)
            for both in by_layer.values()
        ]
        result[f"best format of each, tuned, {kind}"] = geometric_mean(best)
    return result


def main() -> int:
    options = _options()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("this PyTorch reaches no GPU: --device cpu measures the CPU", file=sys.stderr)
        return 2
    # float32 as the target cards have it: without tensor cores.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"{name}, PyTorch {torch.__version__}, batch {options.batch}, float32, milliseconds")
    print(
        f"{'network':9}{'layer':24}{'format':14}{'native':>9}{'chosen':>9}{'tuned':>9}{'ratio':>7}"
        f"{'train':>9}{'chosen':>9}{'tuned':>9}{'ratio':>7}  fastest of each part"
    )
    rows: list[dict[str, Any]] = []
    start = time.perf_counter()
    for layer in LAYERS:
        if options.network not in (None, layer.network):
            continue
        for form in FORMATS:
            if options.format in (None, form):
                rows.append(layer_times(layer, options.batch, device, form))
                _show(rows[-1])
    summary = _summary(rows)
    for text, ratio in summary.items():
        print(f"native time by ours, geometric mean, {text}: {ratio:.3f}")
    print(f"in {time.perf_counter() - start:.0f} s")
    if options.json:
        result = {
            "device": name, "torch": torch.__version__, "batch": options.batch,
            "summary": summary, "layers": rows,
        }  # fmt: skip
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
