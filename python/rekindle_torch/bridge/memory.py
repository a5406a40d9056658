"""Memory that PyTorch and the engine share: a file that this side maps."""

from __future__ import annotations

import contextlib
import ctypes
import math
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


class SharedMemory:
    """A file of which both sides hold a handle.

    It has a name only until the engine has opened it (`unlink`), so that nothing is left behind
    however the two processes end.
    """

    def __init__(self) -> None:
        self._file, self.path = tempfile.mkstemp(prefix="rekindle-", dir=folder_for_sharing())
        self._map: mmap.mmap | None = None
        self._address = 0
        self._size = 0

    def unlink(self) -> None:
        # Windows keeps the names of open files; `close` tries again.
        with contextlib.suppress(OSError):
            os.unlink(self.path)

    def reserve(self, size: int) -> None:
        """Makes sure that `size` bytes can be reached."""
        if size <= self._size:
            return
        known = os.fstat(self._file).st_size
        if known < size:
            self._grow(known, size)
        self._size = max(size, known)
        self._map = mmap.mmap(self._file, self._size)
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(self._map))

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

    def _view(self, dtype: torch.dtype, shape: tuple[int, ...], at: int) -> torch.Tensor:
        """The tensor that lies at byte `at`, without a copy."""
        assert self._map is not None
        count = math.prod(shape)
        return torch.frombuffer(self._map, dtype=dtype, count=count, offset=at).reshape(shape)

    def write(self, tensor: torch.Tensor, at: int) -> None:
        """Copies a tensor of the CPU or another device to byte `at`, dense and row-major.

        This thread copies alone where the tensor is not large: PyTorch wakes its other threads for
        a copy, which costs more than it saves where they are not all free.
        """
        size = tensor.numel() * tensor.element_size()
        if size == 0:
            return
        self.reserve(at + size)
        is_dense = tensor.device.type == "cpu" and tensor.is_contiguous() and not tensor.is_neg()
        if size > ONE_THREAD_BYTES or not is_dense:
            self._view(tensor.dtype, tuple(tensor.shape), at).copy_(tensor)
        else:
            ctypes.memmove(self._address + at, tensor.data_ptr(), size)

    def read(self, dtype: torch.dtype, shape: tuple[int, ...], at: int) -> torch.Tensor:
        """A new tensor with what lies at byte `at`."""
        result = torch.empty(shape, dtype=dtype)
        size = result.numel() * result.element_size()
        if size == 0:
            return result
        self.reserve(at + size)
        if size > ONE_THREAD_BYTES:
            result.copy_(self._view(dtype, shape, at))
        else:
            ctypes.memmove(result.data_ptr(), self._address + at, size)
        return result

    def close(self) -> None:
        self._map = None  # Unmapped once no view of it is left.
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self.unlink()

    def __del__(self) -> None:
        self.close()
