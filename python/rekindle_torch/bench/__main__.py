"""python -m rekindle_torch.bench: PyTorch's own convolutions against ours."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from math import exp, log
from pathlib import Path
from typing import Any

import torch

from .kernels import print_kernels
from .layer_times import FORMATS, layer_times
from .layers import LAYERS, Layer
from .model_times import MODELS, model_times


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m rekindle_torch.bench",
        description="Times PyTorch's own convolutions and ours, layer by layer.",
        epilog="example: python -m rekindle_torch.bench --device cuda --json layers.json",
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=32, help="images (default 32)")
    parser.add_argument("--network", choices=("resnet50", "vgg16"), help="only its layers")
    parser.add_argument("--layer", metavar="TEXT", help="only layers whose name has this in it")
    parser.add_argument("--no-models", action="store_true", help="only single layers")
    parser.add_argument("--no-layers", action="store_true", help="only whole networks")
    parser.add_argument("--kernels", action="store_true", help="list GPU kernels by method instead")
    parser.add_argument("--format", choices=tuple(FORMATS), help="only this memory format")
    parser.add_argument("--json", metavar="FILE", help="writes all results")
    return parser.parse_args()


def _layers(options: argparse.Namespace) -> list[Layer]:
    found = [
        layer
        for layer in LAYERS
        if options.network in (None, layer.network) and (options.layer or "") in layer.name
    ]
    if not found:
        names = ", ".join(layer.name for layer in LAYERS)
        raise SystemExit(f"no layer has {options.layer!r} in its name: {names}")
    return found


def geometric_mean(values: Sequence[float]) -> float:
    return exp(sum(log(v) for v in values) / len(values))


_HEAD = (
    f"{'network':9}{'layer':24}{'format':14}"
    f"{'forward: native':>16}{'chosen':>8}{'tuned':>8}{'ratio':>7}"
    f"{'training: native':>18}{'chosen':>8}{'tuned':>8}{'ratio':>7}{'as called':>11}  fastest"
)


def _show(row: dict[str, Any]) -> None:
    text = f"{row['network']:9}{row['layer']:24}{row['format']:14}"
    for kind, width in (("forward_gpu", 16), ("training_gpu", 18)):
        native, chosen, tuned = (row[who][kind] for who in ("native", "chosen", "tuned"))
        text += f"{native:{width}.3f}{chosen:8.3f}{tuned:8.3f}{native / tuned:7.2f}"
    called = row["native"]["training"] / row["tuned"]["training"]
    best = ", ".join(min(m["times"], key=m["times"].get) for m in row["methods"])
    print(f"{text}{called:11.2f}  {best}", flush=True)


KINDS = {
    "forward_gpu": "forward, GPU time",
    "training_gpu": "forward and backward, GPU time",
    "forward": "forward, as called",
    "training": "forward and backward, as called",
}


def _summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Geometric means over the layers of native time by ours, where more than 1 is faster."""
    by_layer: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        by_layer.setdefault((row["network"], row["layer"]), []).append(row)
    result: dict[str, float] = {}
    for kind, text in KINDS.items():
        for form in FORMATS:
            chosen = [row for row in rows if row["format"] == form]
            for ours in ("chosen", "tuned"):
                ratios = [row["native"][kind] / row[ours][kind] for row in chosen]
                if ratios:
                    result[f"{text}, {form}, {ours}"] = geometric_mean(ratios)
        best = [
            min(r["native"][kind] for r in both) / min(r["tuned"][kind] for r in both)
            for both in by_layer.values()
        ]
        result[f"{text}, best format of each, tuned"] = geometric_mean(best)
        fallback = [r["fallback"][kind] / r["tuned"][kind] for r in rows]
        result[f"{text}, PyTorch's own im2col by ours tuned"] = geometric_mean(fallback)
    return result


def _time_layers(
    layers: list[Layer], forms: list[str], batch: int, device: torch.device
) -> list[dict[str, Any]]:
    print(_HEAD)
    rows = []
    for layer in layers:
        for form in forms:
            rows.append(layer_times(layer, batch, device, form))
            _show(rows[-1])
    return rows


def _time_models(forms: list[str], batch: int, device: torch.device) -> list[dict[str, Any]]:
    kinds = ("native", "fallback", "chosen", "tuned")
    print(f"\n{'model':14}{'format':14}{'':20}" + "".join(f"{kind:>10}" for kind in kinds))
    rows = []
    for name in MODELS:
        for form in forms:
            row = model_times(name, batch, device, form)
            rows.append(row)
            for kind in ("forward", "forward_gpu", "training", "training_gpu", "peak_mb"):
                values = [row[who][kind] for who in kinds]
                if None not in values:
                    cells = "".join(f"{value:10.2f}" for value in values)
                    print(f"{name:14}{form:14}{kind:20}{cells}", flush=True)
    return rows


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
    chosen = _layers(options)
    forms = [form for form in FORMATS if options.format in (None, form)]
    if options.kernels:
        for layer in chosen:
            for form in forms:
                print_kernels(layer, options.batch, device, form)
        return 0
    rows = [] if options.no_layers else _time_layers(chosen, forms, options.batch, device)
    models = [] if options.no_models else _time_models(forms, options.batch, device)
    summary = _summary(rows) if rows else {}
    for text, ratio in summary.items():
        print(f"native time by ours, geometric mean: {text}: {ratio:.3f}")
    if options.json:
        result = {
            "device": name, "torch": torch.__version__, "batch": options.batch,
            "summary": summary, "layers": rows, "models": models,
        }  # fmt: skip
        Path(options.json).write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
