"""What goes wrong between PyTorch and the engine, and how it is told."""

from __future__ import annotations

import sys
import warnings


class BridgeError(RuntimeError):
    """What failed, why, and what to do.

    `code` is stable, for programs: those of the engine (docs/errors.md of the project), and
    "engine-missing", "engine-crashed", "engine-timeout", "export", "gradient", "verify-failed".
    """

    def __init__(self, code: str, message: str, fix: str | None = None):
        super().__init__(f"{message}\n  fix: {fix}" if fix else message)
        self.code = code
        self.what = message
        self.fix = fix

    def __reduce__(self) -> tuple[type[BridgeError], tuple[str, str, str | None]]:
        return BridgeError, (self.code, self.what, self.fix)


class BridgeWarning(UserWarning):
    """Said once for a model that runs in PyTorch after all, with the reason."""


def notice(message: str) -> None:
    """Warns, at the line outside of this package and of PyTorch that led here."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and _is_inner(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, BridgeWarning, stacklevel=level)


def _is_inner(module: str) -> bool:
    return module.split(".")[0] in ("rekindle_torch", "torch")
