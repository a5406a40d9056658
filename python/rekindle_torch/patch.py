"""`patched`: convolutions everywhere without MIOpen, in code that is left as it is."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Callable, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import functional, norm
from .recurrent import without_miopen

_Function = Callable[..., Any]


@contextmanager
def patched(devices: Optional[Container[str]] = None) -> Iterator[None]:
    """Inside, PyTorch's convolutions run without MIOpen, wherever they are called.

    Replaces `conv1d` to `conv_transpose3d`, `batch_norm` and `instance_norm` of
    `torch.nn.functional` in every module that has imported them, and the forward of `nn.RNN`,
    `nn.LSTM` and `nn.GRU`. So `nn.Conv2d`, its subclasses and direct calls are all reached, but for
    what TorchScript compiled before. Tensors on other devices than `devices` (by default "cuda",
    which ROCm is called too; all devices on a machine without a GPU) are computed as before.

    >>> import torch
    >>> with patched():
    ...     torch.nn.Conv2d(3, 8, 3)(torch.ones(1, 3, 8, 8)).shape
    torch.Size([1, 8, 6, 6])
    """
    chosen = devices or _devices()
    undo: list[tuple[dict[str, Any], str, Any]] = []
    replacements = {id(native): (native, safe) for native, safe in _replacements(chosen)}
    recurrent = [(kind, kind.forward) for kind in (nn.RNN, nn.LSTM, nn.GRU)]
    try:
        for space, name, native, safe in _places(replacements):
            undo.append((space, name, native))
            space[name] = safe
        for kind, forward in recurrent:
            kind.forward = _recurrent(forward, chosen)  # type: ignore[method-assign]
        yield
    finally:
        for kind, forward in recurrent:
            kind.forward = forward  # type: ignore[method-assign]
        for space, name, native in undo:
            space[name] = native


def _devices() -> Container[str]:
    class _Any:
        def __contains__(self, _: object) -> bool:
            return True

    return ("cuda",) if torch.cuda.is_available() else _Any()


def _places(
    replacements: dict[int, tuple[_Function, _Function]],
) -> Iterator[tuple[dict[str, Any], str, _Function, _Function]]:
    """Every name in every loaded module that stands for one of the functions."""
    for title, module in list(sys.modules.items()):
        if title.split(".")[0] == "rekindle_torch":
            continue
        space = getattr(module, "__dict__", None)
        if not isinstance(space, dict):
            continue
        for name, value in list(space.items()):
            native, safe = replacements.get(id(value), (None, None))
            if native is not None and safe is not None and value is native:
                yield space, name, native, safe


def _replacements(devices: Container[str]) -> Iterator[tuple[_Function, _Function]]:
    for name in (
        "conv1d", "conv2d", "conv3d",
        "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    ):  # fmt: skip
        native = getattr(F, name)
        yield native, _only_on(devices, native, getattr(functional, name))
    for name in ("batch_norm", "instance_norm"):
        native = getattr(F, name)
        yield native, _only_on(devices, native, getattr(norm, name))


def _only_on(devices: Container[str], native: _Function, safe: _Function) -> _Function:
    """Ours for floating-point tensors on the devices, PyTorch's own for all others."""

    @wraps(native)
    def call(input: Tensor, *args: Any, **options: Any) -> Any:
        is_ours = input.device.type in devices and input.layout == torch.strided
        is_number = input.is_floating_point() or input.is_complex()
        return (safe if is_ours and is_number else native)(input, *args, **options)

    return call


def _recurrent(forward: _Function, devices: Container[str]) -> _Function:
    @wraps(forward)
    def call(self: nn.Module, input: Any, *args: Any, **options: Any) -> Any:
        # A packed sequence is a tuple of tensors.
        tensor = input if isinstance(input, Tensor) else input[0]
        if tensor.device.type not in devices:
            return forward(self, input, *args, **options)
        with without_miopen():
            return forward(self, input, *args, **options)

    return call
