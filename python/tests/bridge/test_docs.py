"""The code of the documentation, run as it stands there."""

from __future__ import annotations

import re
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import rekindle_torch
from rekindle_torch.bridge import BridgeWarning

ROOT = Path(__file__).resolve().parents[3]


def small(weights: str | None = None) -> nn.Module:
    """Takes the place of a large network: the same input and output."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 7, 8, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(4, 1000),
    )  # fmt: skip


@pytest.mark.parametrize("page, least", [("docs/pytorch.md", 4), ("python/README.md", 1)])
def test_code_blocks_run(
    page: str, least: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert len(blocks) >= least
    torchvision: Any = types.ModuleType("torchvision")
    torchvision.models = types.SimpleNamespace(resnet50=small)
    monkeypatch.setitem(sys.modules, "torchvision", torchvision)
    monkeypatch.setattr(nn.Module, "cuda", lambda self: self)
    monkeypatch.setenv("REKINDLE_TORCH_TUNING", str(tmp_path / "tuning.json"))
    names: dict[str, Any] = {
        "rekindle_torch": rekindle_torch,
        "images": torch.randn(1, 3, 224, 224),
        "x": torch.randn(2, 3, 32, 32),
        "y": torch.tensor([1, 2]),
        "loss_of": nn.functional.cross_entropy,
    }
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", BridgeWarning)  # what runs in PyTorch after all
            for block in blocks:
                exec(block, names)
    finally:
        rekindle_torch.convolution.choice.forget()
    if page == "docs/pytorch.md":
        assert names["logits"].shape == (1, 1000)
        assert names["model"][0].weight.grad is not None
