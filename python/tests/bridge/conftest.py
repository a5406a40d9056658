"""The engine, bundled from this checkout's sources, on software Vulkan."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ICD_FOLDERS = ("/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d")


def _problem() -> str | None:
    """Why there is no engine to test with."""
    if shutil.which("node") is None:
        return "Node is not installed"
    if not (ROOT / "node_modules" / "rolldown").is_dir():
        return "the npm packages are missing: npm ci"
    return None if _lavapipe() else "software Vulkan is missing: apt install mesa-vulkan-drivers"


def _lavapipe() -> str | None:
    for folder in ICD_FOLDERS:
        for file in sorted(Path(folder).glob("lvp_icd*.json")):
            return str(file)
    return None


@pytest.fixture(scope="session", autouse=True)
def engine_under_test(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    problem = _problem()
    if problem:
        pytest.skip(problem)
    # Below the checkout, so that the bundle finds Dawn in its node_modules.
    folder = ROOT / ".cache" / f"engine-{os.getpid()}"
    script = ROOT / "scripts" / "bundle-engine.mjs"
    command = ["node", str(script), "--out", str(folder), "--platform", "none"]
    subprocess.run(command, check=True, capture_output=True)
    settings = {
        "REKINDLE_ENGINE": str(folder / "rekindle.mjs"),
        "REKINDLE_DEVICE": "software",
        "VK_DRIVER_FILES": _lavapipe() or "",
        # Narrower vectors compile sooner, and compiling is most of what these tests wait for.
        "LP_NATIVE_VECTOR_WIDTH": "128",
        "XDG_RUNTIME_DIR": os.environ.get(
            "XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime"))
        ),
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    yield
    from rekindle_torch.bridge import close_engine

    close_engine()
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
    shutil.rmtree(folder, ignore_errors=True)
