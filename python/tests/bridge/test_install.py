"""The wheel, as pip builds and installs it, with the engine that it carries."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

SOURCES = Path(__file__).resolve().parents[2]

PROGRAM = """
import rekindle_torch, torch
report = rekindle_torch.doctor()
assert report.is_ok and "the engine in this package" in str(report), report
fast = rekindle_torch.accelerate(torch.nn.ReLU().eval(), torch.randn(2, 2), fallback=False)
from importlib.metadata import distribution
(found,) = (e for e in distribution("rekindle-torch").entry_points if e.name == "rekindle")
from rekindle_torch.bridge.backend import rekindle
assert found.group == "torch_dynamo_backends" and found.load() is rekindle
print(fast(torch.tensor([[-1.0, 2.0]])).tolist(), rekindle_torch.__file__)
"""


@pytest.mark.skipif(
    torch.__version__.startswith("1."), reason="the wheel is tested with the newest PyTorch"
)
def test_a_wheel_needs_nothing_of_the_checkout(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(SOURCES)]
    subprocess.run([*pip, *build], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "rekindle_torch/engine/rekindle.mjs" in names
    assert any(name.endswith("dawn.node") for name in names)
    assert not wheel.stem.endswith("-any")
    site = tmp_path / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True)
    environment = {k: v for k, v in os.environ.items() if k != "REKINDLE_ENGINE"}
    environment["PYTHONPATH"] = str(site)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["[[0.0,", "2.0]]", str(site / "rekindle_torch" / "__init__.py")]
