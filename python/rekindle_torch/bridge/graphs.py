"""A convolution and its gradients, described to the engine as graphs of one or two operators."""

from __future__ import annotations

from typing import Any

from ..convolution.problem import Problem


def _value(problem: Problem, name: str) -> dict[str, Any]:
    """A graph input of one of the tensors."""
    p = problem
    dims = {
        "x": (p.batch, p.channels, *p.size),
        "w": (p.filters, p.channels // p.groups, *p.kernel),
        "b": (p.filters,),
        "dy": p.out_shape,
    }[name]
    return {"name": name, "dtype": "float32", "dims": dims}


def _attributes(problem: Problem) -> dict[str, Any]:
    geometry = problem.geometry
    befores, afters = zip(*geometry.pads)
    return {
        "strides": geometry.stride,
        "pads": (*befores, *afters),
        "dilations": geometry.dilation,
        "group": geometry.groups,
    }


def _node(op: str, inputs: list[str], output: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"op": op, "inputs": inputs, "outputs": [output], "attributes": attributes}


def forward_graph(problem: Problem, has_bias: bool) -> dict[str, Any]:
    inputs = ["x", "w", "b"] if has_bias else ["x", "w"]
    return {
        "inputs": [_value(problem, name) for name in inputs],
        "outputs": ["y"],
        "nodes": [_node("Conv", inputs, "y", _attributes(problem))],
    }


def backward_graph(problem: Problem, wants_x: bool, wants_weight: bool) -> dict[str, Any]:
    """Gradients for input and weight, from the gradient `dy` of the output.

    The gradient for the input is the transposed convolution; what the last window left over at the
    end of an axis is its output padding.
    """
    geometry = problem.geometry
    nodes = []
    inputs = ["dy"]
    if wants_x:
        inputs.append("w")
        left_over = tuple(
            (size + lo + hi - reach) % step
            for size, (lo, hi), reach, step in zip(
                problem.size, geometry.pads, geometry.reach(problem.kernel), geometry.stride
            )
        )
        attributes = {**_attributes(problem), "output_padding": left_over}
        nodes.append(_node("ConvTranspose", ["dy", "w"], "dx", attributes))
    if wants_weight:
        inputs.append("x")
        attributes = {**_attributes(problem), "kernel_shape": problem.kernel}
        nodes.append(_node("ConvGradWeight", ["x", "dy"], "dw", attributes))
    return {
        "inputs": [_value(problem, name) for name in inputs],
        "outputs": [n["outputs"][0] for n in nodes],
        "nodes": nodes,
    }
