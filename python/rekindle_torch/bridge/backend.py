"""`torch.compile(model, backend="rekindle")`: graphs that Dynamo finds run in the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from .accelerated import Accelerated
from .errors import notice


def rekindle(graph: Any, example_inputs: Sequence[Any], **options: Any) -> Callable[..., Any]:
    """The backend. Named by the entry point "torch_dynamo_backends", so that no import is needed.

    `options` are those of `accelerate`: `torch.compile(model, backend="rekindle",
    options={"precision": "f16"})`. Weights, which Dynamo passes as inputs, stay in the engine until
    they change. Where gradients are needed, PyTorch runs the graph, and says so.
    """
    given = options.pop("options", None) or {}
    if torch.is_grad_enabled() and _needs_gradients(graph, example_inputs):
        notice(
            "rekindle: a compiled graph runs in PyTorch, because its result requires gradients\n"
            "  fix: call the model under torch.no_grad() or torch.inference_mode()"
        )
        forward: Callable[..., Any] = graph.forward
        return forward
    return _Compiled(graph, given).run


def _needs_gradients(graph: Any, inputs: Sequence[Any]) -> bool:
    tensors = [*inputs, *graph.parameters()]
    return any(isinstance(t, torch.Tensor) and t.requires_grad for t in tensors)


class _Compiled:
    """One graph of Dynamo's. Its weights come in with the inputs; they are told by their type."""

    def __init__(self, graph: Any, options: dict[str, Any]):
        self._graph = graph
        self._options = options
        #: By the identities of the weights: one graph may serve several models.
        self._bound: dict[tuple[int, ...], Accelerated] = {}

    def run(self, *inputs: Any) -> Any:
        weights = {i: t for i, t in enumerate(inputs) if _is_weight(t)}
        key = tuple(map(id, weights.values()))
        bound = self._bound.get(key)
        if bound is None:
            module = _Bound(self._graph, weights, len(inputs)).eval()
            bound = self._bound[key] = Accelerated(module, **self._options)
        return bound(*[value for i, value in enumerate(inputs) if i not in weights])


def _is_weight(value: Any) -> bool:
    """Parameters, and what Dynamo marks as unchanging: the buffers of modules."""
    if isinstance(value, nn.Parameter):
        return True
    return getattr(value, "_dynamo_static_input_type", None) is not None


class _Bound(nn.Module):
    """A graph whose weights are held, and whose other inputs are arguments."""

    def __init__(self, graph: Any, weights: dict[int, torch.Tensor], count: int):
        super().__init__()
        self.graph = graph
        self._count = count
        self._names = {i: f"weight{i}" for i in weights}
        for i, tensor in weights.items():
            self.register_buffer(self._names[i], tensor)

    def _get_name(self) -> str:
        return "a compiled graph"

    def forward(self, *inputs: Any) -> Any:
        rest = iter(inputs)
        return self.graph(
            *[
                getattr(self, self._names[i]) if i in self._names else next(rest)
                for i in range(self._count)
            ]
        )
