"""python -m rekindle_torch.bench: PyTorch's own convolutions against ours."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from .layer_times import FORMATS, layer_times
from .layers import LAYERS, Layer
from .model_times import MODELS, model_times
from .process import Runner, measured, process_for
from .results import Results

KINDS = ("native", "fallback", "chosen", "tuned")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m rekindle_torch.bench",
        description="Times PyTorch's own convolutions and ours, layer by layer of ResNet-50 and "
        "VGG-16, then whole networks.",
        epilog="example: python -m rekindle_torch.bench --device cuda --json layers.json",
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=32, help="images (default 32)")
    parser.add_argument("--network", choices=("resnet50", "vgg16"), help="only its layers")
    parser.add_argument("--layer", metavar="TEXT", help="only layers whose name has this in it")
    parser.add_argument("--no-models", action="store_true", help="only single layers")
    parser.add_argument("--no-layers", action="store_true", help="only whole networks")
    parser.add_argument("--format", choices=tuple(FORMATS), help="only this memory format")
    parser.add_argument(
        "--seconds", type=float, default=270.0,
        help="begin nothing new after this time, and name what was left out (default 270)",
    )  # fmt: skip
    parser.add_argument("--json", metavar="FILE", type=Path, help="written after every layer")
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


_HEAD = (
    f"{'network':9}{'layer':24}{'format':14}"
    f"{'forward: native':>16}{'chosen':>8}{'tuned':>8}{'ratio':>7}"
    f"{'training: native':>18}{'chosen':>8}{'tuned':>8}{'ratio':>7}{'as called':>11}"
    "  chosen method, and the fastest where it is another"
)


def _show(row: dict[str, Any]) -> None:
    text = f"{row['network']:9}{row['layer']:24}{row['format']:14}"
    for kind, width in (("forward_gpu", 16), ("training_gpu", 18)):
        native, chosen, tuned = (row[who][kind] for who in ("native", "chosen", "tuned"))
        text += f"{native:{width}.3f}{chosen:8.3f}{tuned:8.3f}{native / tuned:7.2f}"
    called = row["native"]["training"] / row["tuned"]["training"]
    print(f"{text}{called:11.2f}  {', '.join(map(_choice, row['parts']))}", flush=True)


def _choice(part: dict[str, Any]) -> str:
    methods = part["methods"]
    best = min(methods, key=lambda name: methods[name]["time_ms"])
    return best if best == part["chosen"] else f"{part['chosen']} ({best})"


def _show_model(row: dict[str, Any]) -> None:
    for kind in ("forward", "forward_gpu", "training", "training_gpu", "peak_mb"):
        values = [row[who][kind] for who in KINDS]
        if None not in values:
            cells = "".join(f"{value:10.2f}" for value in values)
            print(f"{row['model']:14}{row['format']:14}{kind:20}{cells}", flush=True)


class _Deadline:
    """Says whether there is time for one thing more, and notes what there was none for."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self.left_out: list[str] = []

    def allows(self, title: str) -> bool:
        if time.monotonic() < self._end:
            return True
        self.left_out.append(title)
        return False


def _work(options: argparse.Namespace, layers: list[Layer]) -> Iterator[tuple[str, str, Any]]:
    """(what, title, the function and the arguments of its row) for all that is to be measured."""
    rest = options.batch, torch.device(options.device)
    forms = [form for form in FORMATS if options.format in (None, form)]
    if not options.no_layers:
        for layer in layers:
            for form in forms:
                title = f"{layer.network} {layer.name} {form}"
                yield "layers", title, (layer_times, layer, *rest, form)
    if not options.no_models:
        for name in MODELS:
            for form in forms:
                yield "models", f"{name} {form}", (model_times, name, *rest, form)


def _measure_all(
    options: argparse.Namespace, layers: list[Layer], results: Results, run: Runner
) -> None:
    deadline = _Deadline(options.seconds)
    head = {
        "layers": _HEAD,
        "models": f"\n{'model':34}{'':14}" + "".join(f"{kind:>10}" for kind in KINDS),
    }
    show = {"layers": _show, "models": _show_model}
    for what, title, work in _work(options, layers):
        if not deadline.allows(title):
            continue
        if what in head:
            print(head.pop(what))
        try:
            row = run(measured, *work)
        except RuntimeError as error:  # out of memory, a kernel that does not start: go on
            results.fail(title, str(error))
            reason = str(error).strip().partition("\n")[0]  # the file has all of it
            print(f"{title} failed: {reason}", file=sys.stderr)
            continue
        results.add(what, row)
        show[what](row)
    if deadline.left_out:
        results.leave_out(deadline.left_out)
        print(f"no time for {'; '.join(deadline.left_out)}: see --seconds", file=sys.stderr)


def main() -> int:
    options = _options()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("this PyTorch reaches no GPU: --device cpu measures the CPU", file=sys.stderr)
        return 2
    layers = _layers(options)
    results = Results(options.json, device, options.batch)
    print(f"{results.title}, float32, milliseconds")
    with process_for(device) as run:
        _measure_all(options, layers, results, run)
    for text, ratio in results.summary().items():
        print(f"native time by ours, geometric mean: {text}: {ratio:.3f}")
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
