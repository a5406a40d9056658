"""Measured choices of methods in a file, by kind of device and version of PyTorch."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import torch

from .key import Key
from .problem import Geometry, Problem


def path() -> Path:
    """The file: REKINDLE_TORCH_TUNING, or torch-tuning.json in the user's cache."""
    named = os.environ.get("REKINDLE_TORCH_TUNING")
    if named:
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "rekindle" / "torch-tuning.json"


@cache
def _kind(device: torch.device) -> str:
    """Devices of one kind have the same times under one version of PyTorch."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return f"{name}, PyTorch {torch.__version__}"


def save(choices: dict[Key, str]) -> None:
    """Adds choices to the file, which is replaced as a whole."""
    entries = {_text(entry["key"]): entry for entry in _read()}
    for key, method in choices.items():
        entry = {"key": _as_data(key), "method": method}
        entries[_text(entry["key"])] = entry
    file = path()
    file.parent.mkdir(parents=True, exist_ok=True)
    scratch = file.with_suffix(f".{os.getpid()}")
    scratch.write_text(json.dumps(list(entries.values()), indent=1) + "\n")
    scratch.replace(file)


def load(device: torch.device) -> dict[Key, str]:
    """The choices for a device; none where there is no file or it cannot be understood."""
    found: dict[Key, str] = {}
    for entry in _read():
        data = entry["key"]
        if data["device"] == _kind(device):
            found[_from_data(data, device)] = entry["method"]
    return found


def _read() -> Any:
    try:
        return json.loads(path().read_text())
    except (OSError, ValueError):
        return []


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True)


def _as_data(key: Key) -> dict[str, Any]:
    return {
        "operation": key.operation,
        "problem": asdict(key.problem),
        "dtype": str(key.dtype).replace("torch.", ""),
        "device": _kind(key.device),
        "is_channels_last": key.is_channels_last,
    }


def _from_data(data: dict[str, Any], device: torch.device) -> Key:
    problem = dict(data["problem"])
    geometry = problem.pop("geometry")
    pads = tuple((int(lo), int(hi)) for lo, hi in geometry["pads"])
    return Key(
        data["operation"],
        Problem(
            problem["batch"],
            problem["channels"],
            problem["filters"],
            tuple(problem["size"]),
            tuple(problem["kernel"]),
            Geometry(
                tuple(geometry["stride"]), pads, tuple(geometry["dilation"]), geometry["groups"]
            ),
        ),
        getattr(torch, data["dtype"]),
        device,
        data["is_channels_last"],
    )
