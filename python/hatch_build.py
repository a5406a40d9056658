"""Puts the engine into the wheel, for the platform that the wheel is built on."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
ENGINE = HERE / "rekindle_torch" / "engine"
SCRIPT = HERE.parent / "scripts" / "bundle-engine.mjs"


class EngineHook(BuildHookInterface):
    """Bundles the engine where this is a checkout with npm packages; else takes what is there.

    Without an engine the wheel is pure Python: the layers work, the bridge says what is missing.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return  # The checkout around the package is found by itself.
        node = shutil.which("node")
        if node and (SCRIPT.parent.parent / "node_modules" / "rolldown").is_dir():
            subprocess.run([node, str(SCRIPT), "--out", str(ENGINE)], check=True)
        if not (ENGINE / "rekindle.mjs").is_file():
            self.app.display_warning(
                "This wheel holds no engine: models will not run on Vulkan. "
                f"To include it: npm ci && node {SCRIPT.relative_to(HERE.parent)}"
            )
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
