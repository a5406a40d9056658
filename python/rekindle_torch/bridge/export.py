"""Writes a PyTorch module as an ONNX file for the engine."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from .errors import BridgeError

OPSET = 17
DynamicAxes = dict[int, dict[int, str]]


@contextlib.contextmanager
def exported(
    module: nn.Module, inputs: Sequence[torch.Tensor], dynamic_axes: DynamicAxes | None
) -> Iterator[tuple[str, list[str], list[str]]]:
    """The path of the module as ONNX, with the names of its inputs and outputs.

    `module` takes flat tensors and returns a tuple of them. The file holds all weights and is gone
    after the block. Shapes are those of `inputs`, but for axes that `dynamic_axes` names.
    """
    names = [f"in{i}" for i in range(len(inputs))]
    file, path = tempfile.mkstemp(prefix="rekindle-", suffix=".onnx")
    os.close(file)
    try:
        outputs = _export(module, tuple(inputs), path, names, dynamic_axes or {})
        yield path, names, outputs
    finally:
        os.unlink(path)


def _export(
    module: nn.Module,
    inputs: tuple[torch.Tensor, ...],
    path: str,
    names: list[str],
    dynamic_axes: DynamicAxes,
) -> list[str]:
    with torch.no_grad():
        outputs = [f"out{i}" for i in range(len(module(*inputs)))]
    # The exporter that traces; before PyTorch 2.1 there was no other.
    choices = inspect.signature(torch.onnx.export).parameters
    options: dict[str, Any] = {"dynamo": False} if "dynamo" in choices else {}
    axes = {names[i]: named for i, named in dynamic_axes.items()}
    noise = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(noise), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module,
                inputs,
                path,
                input_names=names,
                output_names=outputs,
                dynamic_axes=axes,
                opset_version=OPSET,
                **options,
            )
    except Exception as error:
        raise _explained(error) from error
    return outputs


def _explained(error: Exception) -> BridgeError:
    text = str(error)
    if "onnx is not installed" in text or isinstance(error, ModuleNotFoundError):
        return BridgeError(
            "export", "PyTorch's ONNX exporter needs the Python package onnx", "pip install onnx"
        )
    first = next((line for line in text.splitlines() if line.strip()), type(error).__name__)
    return BridgeError("export", f"PyTorch cannot export it to ONNX: {first.strip()}")
