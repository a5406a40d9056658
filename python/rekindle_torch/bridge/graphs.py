"""A convolution and its gradients, described to the engine as graphs of one or two operators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Convolution:
    """Sizes of a convolution. `x` is (N, C, spatial...), `weight` (K, C / groups, kernel...)."""

    x: Shape
    weight: Shape
    stride: Shape
    #: Zeros before each axis, then behind each.
    pads: Shape
    dilation: Shape
    groups: int
    has_bias: bool

    @property
    def room(self) -> Shape:
        """How far the window can move along each axis; negative where it does not fit at all."""
        rank = len(self.stride)
        return tuple(
            size + self.pads[i] + self.pads[i + rank] - self.dilation[i] * (kernel - 1) - 1
            for i, (size, kernel) in enumerate(zip(self.x[2:], self.weight[2:]))
        )

    @property
    def y(self) -> Shape:
        pixels = tuple(room // step + 1 for room, step in zip(self.room, self.stride))
        return (self.x[0], self.weight[0], *pixels)

    def attributes(self) -> dict[str, Any]:
        return {
            "strides": self.stride,
            "pads": self.pads,
            "dilations": self.dilation,
            "group": self.groups,
        }

    def value(self, name: str) -> dict[str, Any]:
        """A graph input of one of the tensors."""
        dims = {"x": self.x, "w": self.weight, "b": self.weight[:1], "dy": self.y}[name]
        return {"name": name, "dtype": "float32", "dims": dims}


def node(op: str, inputs: list[str], output: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"op": op, "inputs": inputs, "outputs": [output], "attributes": attributes}


def forward_graph(c: Convolution) -> dict[str, Any]:
    inputs = ["x", "w", "b"] if c.has_bias else ["x", "w"]
    return {
        "inputs": [c.value(name) for name in inputs],
        "outputs": ["y"],
        "nodes": [node("Conv", inputs, "y", c.attributes())],
    }


def backward_graph(c: Convolution, wants_x: bool, wants_weight: bool) -> dict[str, Any]:
    """Gradients for input and weight, from the gradient `dy` of the output.

    The gradient for the input is the transposed convolution; what the last window left over at the
    end of an axis is its output padding.
    """
    nodes = []
    inputs = ["dy"]
    if wants_x:
        inputs.append("w")
        left_over = tuple(room % step for room, step in zip(c.room, c.stride))
        attributes = {**c.attributes(), "output_padding": left_over}
        nodes.append(node("ConvTranspose", ["dy", "w"], "dx", attributes))
    if wants_weight:
        inputs.append("x")
        attributes = {**c.attributes(), "kernel_shape": c.weight[2:]}
        nodes.append(node("ConvGradWeight", ["x", "dy"], "dw", attributes))
    return {
        "inputs": [c.value(name) for name in inputs],
        "outputs": [n["outputs"][0] for n in nodes],
        "nodes": nodes,
    }
