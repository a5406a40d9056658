"""The package as a whole: what importing it does, types and lint."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).parents[1]


def test_importing_changes_nothing() -> None:
    program = """
import sys, threading
import torch, torch.nn.functional as F
threads = threading.active_count()
before = F.conv2d, torch.conv2d, torch.nn.Conv2d.forward, torch.backends.cudnn.enabled
import rekindle_torch
assert before == (
    F.conv2d, torch.conv2d, torch.nn.Conv2d.forward, torch.backends.cudnn.enabled
)
assert threading.active_count() == threads and not torch.cuda.is_initialized()
assert "rekindle_torch.bridge" not in sys.modules
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
