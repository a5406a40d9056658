"""Where measurements run: on a GPU, in a process that no failed one has spoilt.

After a CUDA graph that could not be recorded, PyTorch's random numbers and its allocator fail in
whatever follows; after an illegal address or a crash, nothing works any more.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any, Callable, Optional

import torch

from ..tune import Times

Runner = Callable[..., Any]

_known: Times = {}


def measured(times: Callable[..., Any], *arguments: Any) -> Any:
    """What `times` gives; convolutions that this process has measured before it knows."""
    return times(*arguments, _known)


@contextmanager
def process_for(device: torch.device) -> Iterator[Runner]:
    """A function that runs functions: for a GPU in another process, else in this one."""
    if device.type != "cuda":
        _prepare()
        yield lambda function, *arguments: function(*arguments)
        return
    process = OtherProcess()
    try:
        yield process.run
    finally:
        process.end()


class OtherProcess:
    """Another process, and a fresh one after an error."""

    def __init__(self) -> None:
        self._pool: Optional[ProcessPoolExecutor] = None

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The function's result. Raises its error, and RuntimeError where the process died."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), _prepare)
        try:
            return self._pool.submit(_plainly, function, *arguments).result()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
        self._pool = None


def _plainly(function: Callable[..., Any], *arguments: Any) -> Any:
    """Errors of PyTorch's own classes may not survive the way between processes."""
    try:
        return function(*arguments)
    except RuntimeError as error:
        raise RuntimeError(str(error)) from None


def _prepare() -> None:
    # float32 as the target cards have it: without tensor cores.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    # A CUDA graph may begin with a look for garbage, which need not look at PyTorch itself.
    gc.freeze()
