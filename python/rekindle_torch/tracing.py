"""Whether PyTorch is recording operations rather than running them."""

from __future__ import annotations

import torch


def is_traced() -> bool:
    """Whether `torch.jit.trace`, `torch.compile` or `torch.export` is at work.

    They record plain operations better than functions with a backward of their own, and
    differentiate those themselves.
    """
    if torch.jit.is_tracing():
        return True
    compiler = getattr(torch, "compiler", None)
    is_compiling = getattr(compiler, "is_compiling", None)
    return bool(is_compiling and is_compiling())
