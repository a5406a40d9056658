"""Memory that PyTorch and the engine share: a file that this side maps."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import tempfile
from pathlib import Path

import torch

from .errors import BridgeError

ALIGNMENT = 64
ONE_THREAD_BYTES = 4 << 20
SHARED_FOLDER = Path("/dev/shm")


def folder_for_sharing() -> str:
    """Where files live in memory, if the system has such a place; REKINDLE_SHARED_FOLDER."""
    named = os.environ.get("REKINDLE_SHARED_FOLDER")
    if named:
        return named
    usable = SHARED_FOLDER.is_dir() and os.access(SHARED_FOLDER, os.W_OK)
    return str(SHARED_FOLDER) if usable else tempfile.gettempdir()


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def copy(source: torch.Tensor, target: torch.Tensor) -> None:
    """As `target.copy_(source)`, but by this thread alone where the tensor is not large.

    PyTorch wakes its other threads for a copy; that costs more than it saves where they are not
    all free, and the engine needs a core.
    """
    size = source.numel() * source.element_size()
    if size > ONE_THREAD_BYTES or source.device.type != "cpu" or not source.is_contiguous():
        target.copy_(source)
    elif size > 0:
        ctypes.memmove(target.data_ptr(), source.data_ptr(), size)


class SharedMemory:
    """A file of which both sides hold a handle.

    It has a name only until the engine has opened it (`unlink`), so that nothing is left behind
    however the two processes end.
    """

    def __init__(self) -> None:
        self._file, self.path = tempfile.mkstemp(prefix="rekindle-", dir=folder_for_sharing())
        self._map: mmap.mmap | None = None
        self._size = 0

    def unlink(self) -> None:
        # Windows keeps the names of open files; `close` tries again.
        with contextlib.suppress(OSError):
            os.unlink(self.path)

    def reserve(self, size: int) -> None:
        """Makes sure that `size` bytes can be reached; views made before stay valid."""
        if size <= self._size:
            return
        known = os.fstat(self._file).st_size
        if known < size:
            self._grow(known, size)
        self._size = max(size, known)
        self._map = mmap.mmap(self._file, self._size)

    def _grow(self, known: int, size: int) -> None:
        # Taken at once where the system can: a write to memory that is not there kills us.
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._file, known, size - known)
            else:
                os.ftruncate(self._file, size)
        except OSError as error:
            folder = os.path.dirname(self.path)
            raise BridgeError(
                "bridge",
                f"{folder} has no room for the {size} bytes of a call's tensors: {error.strerror}",
                "make it larger (Docker: --shm-size=1g), or name another folder in the variable "
                "REKINDLE_SHARED_FOLDER",
            ) from error

    def view(self, dtype: torch.dtype, shape: tuple[int, ...], at: int) -> torch.Tensor:
        """The tensor that lies at byte `at`, without a copy."""
        count = 1
        for size in shape:
            count *= size
        if count == 0:
            return torch.empty(shape, dtype=dtype)
        self.reserve(at + count * torch.empty(0, dtype=dtype).element_size())
        assert self._map is not None
        return torch.frombuffer(self._map, dtype=dtype, count=count, offset=at).reshape(shape)

    def write(self, tensor: torch.Tensor, at: int) -> None:
        """Copies a tensor of the CPU or another device to byte `at`, dense and row-major."""
        copy(tensor, self.view(tensor.dtype, tuple(tensor.shape), at))

    def read(self, dtype: torch.dtype, shape: tuple[int, ...], at: int) -> torch.Tensor:
        """A new tensor with what lies at byte `at`."""
        result = torch.empty(shape, dtype=dtype)
        copy(self.view(dtype, shape, at), result)
        return result

    def close(self) -> None:
        self._map = None  # Unmapped once no view of it is left.
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self.unlink()

    def __del__(self) -> None:
        self.close()
