"""What was measured so far, in a file from the first row on, and its geometric means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import exp, log
from pathlib import Path
from typing import Any, Optional

import torch

from .layer_times import FORMATS

KINDS = {
    "forward_gpu": "forward, GPU time",
    "training_gpu": "forward and backward, GPU time",
    "forward": "forward, as called",
    "training": "forward and backward, as called",
}


class Results:
    """Rows of layers and models. A run that is cut off loses none that it had."""

    def __init__(self, file: Optional[Path], device: torch.device, batch: int) -> None:
        self._file = file
        is_gpu = device.type == "cuda"
        name = torch.cuda.get_device_name(device) if is_gpu else "CPU"
        cores = torch.cuda.get_device_properties(device).multi_processor_count if is_gpu else 1
        self.title = f"{name}, PyTorch {torch.__version__}, batch {batch}"
        self._data: dict[str, Any] = {
            "device": name,
            "cores": cores,
            "torch": torch.__version__,
            "batch": batch,
            "layers": [],
            "models": [],
        }
        self._save()

    def add(self, what: str, row: dict[str, Any]) -> None:
        """`what` is "layers" or "models"."""
        self._data[what].append(row)
        self._save()

    def fail(self, title: str, why: str) -> None:
        self._data.setdefault("failed", {})[title] = why
        self._save()

    def leave_out(self, titles: list[str]) -> None:
        self._data["left_out"] = titles
        self._save()

    @property
    def failed(self) -> bool:
        return "failed" in self._data

    def summary(self) -> dict[str, float]:
        return summary(self._data["layers"])

    def _save(self) -> None:
        if self._file is None:
            return
        scratch = self._file.with_suffix(".part")
        data = {**self._data, "summary": self.summary()}
        scratch.write_text(as_text(data) + "\n")
        scratch.replace(self._file)


def as_text(data: dict[str, Any]) -> str:
    """JSON with a line for each row, and six digits of each number."""
    fields = []
    for name, value in data.items():
        lines = [json.dumps(_rounded(row), separators=(",", ":")) for row in _rows(value)]
        text = "[\n" + ",\n".join(lines) + "\n]" if lines else json.dumps(_rounded(value))
        fields.append(f"{json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(fields) + "\n}"


def _rows(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def geometric_mean(values: Sequence[float]) -> float:
    return exp(sum(log(v) for v in values) / len(values))


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Geometric means over the layers of native time by ours, where more than 1 is faster."""
    by_layer: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        by_layer.setdefault((row["network"], row["layer"]), []).append(row)
    result: dict[str, float] = {}
    for kind, text in KINDS.items():
        for form in FORMATS:
            chosen = [row for row in rows if row["format"] == form]
            for ours in ("chosen", "tuned"):
                ratios = [r["native"][kind] / r[ours][kind] for r in chosen if kind in r[ours]]
                if ratios:
                    result[f"{text}, {form}, {ours}"] = geometric_mean(ratios)
        best = [
            min(r["native"][kind] for r in both) / min(r["tuned"][kind] for r in both)
            for both in by_layer.values()
        ]
        if best:
            result[f"{text}, best format of each, tuned"] = geometric_mean(best)
        fallback = [r["fallback"][kind] / r["tuned"][kind] for r in rows if kind in r["fallback"]]
        if fallback:
            result[f"{text}, PyTorch's own im2col by ours tuned"] = geometric_mean(fallback)
    return result
