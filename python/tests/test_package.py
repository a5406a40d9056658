"""The package as a whole: what importing it does, types and lint."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[1]


def test_importing_changes_nothing() -> None:
    program = """
import torch, torch.nn.functional as F
before = F.conv2d, torch.conv2d, torch.nn.Conv2d.forward, torch.backends.cudnn.enabled
import rekindle_torch
assert before == (
    F.conv2d, torch.conv2d, torch.nn.Conv2d.forward, torch.backends.cudnn.enabled
)
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=FOLDER)


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]],
    ids=" ".join,
)
def test_sources_are_clean(command: list) -> None:
    if torch.__version__.startswith("1."):
        pytest.skip("lint and types are checked with the newest PyTorch")
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=FOLDER, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
