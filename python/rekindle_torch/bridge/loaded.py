"""A model in the engine, as something that takes tensors and gives tensors."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Sequence
from typing import Any

import torch

from .engine import LOAD_SECONDS, current_engine, engine, run_seconds
from .errors import BridgeError
from .memory import SharedMemory, aligned

DTYPES = {
    torch.float32: "float32",
    torch.float16: "float16",
    torch.float64: "float64",
    torch.int64: "int64",
    torch.int32: "int32",
    torch.int16: "int16",
    torch.int8: "int8",
    torch.uint8: "uint8",
    torch.bool: "bool",
}
FROM_NAME = {name: dtype for dtype, name in DTYPES.items()}

_numbers = itertools.count(1)


def name_of(dtype: torch.dtype) -> str:
    if dtype in DTYPES:
        return DTYPES[dtype]
    raise BridgeError(
        "input-dtype", f"the engine takes no {dtype} tensors", "convert them to float32 or float16"
    )


class LoadedModel:
    """A model that the engine holds, under a number of its own. Usable from several threads."""

    def __init__(
        self,
        source: dict[str, Any],
        inputs: Sequence[str],
        outputs: Sequence[str],
        device: str,
        precision: str,
    ):
        """`source` is `{"path": ...}` of an ONNX file or `{"graph": ...}`; names are in order."""
        self._engine = engine()
        self._number = next(_numbers)
        self._outputs = list(outputs)
        self._lock = threading.Lock()
        self._memory = SharedMemory()
        #: Milliseconds of the last run inside the engine, and of its copies of inputs and outputs.
        self.session_ms = 0.0
        self.copy_ms = 0.0
        request = {"source": source, "memory": self._memory.path, "device": device}
        try:
            self.info = self._engine.request(
                {"do": "load", "model": self._number, "precision": precision, **request},
                LOAD_SECONDS,
            )
        finally:
            self._memory.unlink()
        # The exporter leaves out inputs that nothing reads.
        declared = {value["name"] for value in self.info["inputs"]}
        self._read = [(i, name) for i, name in enumerate(inputs) if name in declared]

    @property
    def is_usable(self) -> bool:
        """False once the engine that holds it has ended, or this process is another one."""
        return self._engine is current_engine()

    def __call__(self, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Runs the model: dense copies go in, new tensors come out, all on the CPU."""
        with self._lock:
            at = 0
            placed = []
            for i, name in self._read:
                tensor = tensors[i]
                shape = tuple(tensor.shape)
                where = {"name": name, "dtype": name_of(tensor.dtype), "dims": shape, "at": at}
                placed.append(where)
                self._memory.write(tensor.detach(), at)
                at = aligned(at + tensor.numel() * tensor.element_size())
            reply = self._engine.request(
                {"do": "run", "model": self._number, "inputs": placed, "outputsAt": at},
                run_seconds(),
            )
            self.session_ms = reply["sessionMs"]
            self.copy_ms = reply["copyMs"]
            results = {
                o["name"]: self._memory.read(FROM_NAME[o["dtype"]], tuple(o["dims"]), o["at"])
                for o in reply["outputs"]
            }
            return [results[name] for name in self._outputs]

    def unload(self) -> None:
        """Frees the model in the engine; a model of an engine that has ended is gone already."""
        if self._engine.is_alive:
            # The engine may have ended meanwhile, and the model with it.
            with contextlib.suppress(BridgeError):
                self._engine.request({"do": "unload", "model": self._number}, run_seconds())
        self._memory.close()
