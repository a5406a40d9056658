"""Convolutions that train on Vulkan: forward and both gradients run in the engine."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..convolution.plan import problem_of
from ..convolution.problem import Problem
from ..functional import Size, geometry_of
from .device import chosen_device, open_device
from .errors import BridgeError
from .graphs import backward_graph, forward_graph
from .loaded import LoadedModel

#: So many programs stay in the engine; the one that was used least recently goes first.
PROGRAMS_MAX = 512


class _Programs:
    """Forward and backward passes that the engine holds, by their sizes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Any, LoadedModel] = OrderedDict()
        self.session_ms = 0.0

    def _get(self, key: Any, graph: Callable[[], dict[str, Any]], device: str) -> LoadedModel:
        with self._lock:
            known = self._known.pop((device, key), None)
            if known is None or not known.is_usable:
                described = graph()
                names = [value["name"] for value in described["inputs"]]
                source = {"graph": described}
                known = LoadedModel(source, names, described["outputs"], device, "f32")
            self._known[device, key] = known
            if len(self._known) > PROGRAMS_MAX:
                self._known.popitem(last=False)[1].unload()
            return known

    def run(
        self, key: Any, graph: Callable[[], dict[str, Any]], device: str, inputs: list[Tensor]
    ) -> list[Tensor]:
        program = self._get(key, graph, device)
        outputs = program(inputs)
        self.session_ms += program.session_ms
        return outputs


_programs = _Programs()


def programs_ms() -> float:
    """Milliseconds of the engine in all convolutions so far: upload, compute, read back."""
    return _programs.session_ms


class _ConvFunction(torch.autograd.Function):
    """A convolution by the engine. Gradients of gradients are not offered."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, problem: Problem, device: str
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.problem = problem
        ctx.device = device
        has_bias = bias is not None
        tensors = [x, weight] if bias is None else [x, weight, bias]
        return _programs.run(
            (problem, has_bias), lambda: forward_graph(problem, has_bias), device, tensors
        )[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        wants_x, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        gradients: list[Tensor] = []
        if wants_x or wants_weight:
            problem = ctx.problem
            inputs = [dy, *([weight] if wants_x else []), *([x] if wants_weight else [])]
            gradients = _programs.run(
                (problem, wants_x, wants_weight),
                lambda: backward_graph(problem, wants_x, wants_weight),
                ctx.device,
                inputs,
            )
        dx = gradients[0] if wants_x else None
        dw = gradients[-1] if wants_weight else None
        db = dy.sum([0, *range(2, dy.dim())]) if wants_bias else None
        return dx, dw, db, None, None


def vulkan_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
    *,
    device: str | None = None,
) -> Tensor:
    """As `torch.nn.functional.conv1d`, `conv2d` or `conv3d` (by the axes of `weight`), on Vulkan.

    Tensors are float32 and stay with PyTorch on the CPU: they travel to the engine and back at
    every call, with `weight`, which training changes. Gradients for `x`, `weight` and `bias` are
    computed the same way.

    Raises:
        BridgeError: for other types, sizes that do not fit, or an engine that fails.

    Example:
        >>> y = vulkan_conv(torch.randn(8, 16, 32, 32), torch.randn(32, 16, 3, 3), padding=1)
        >>> y.shape
        torch.Size([8, 32, 32, 32])
    """
    rank = weight.dim() - 2
    _check_type(x, weight, bias)
    if x.dim() == rank + 1:
        one = vulkan_conv(x[None], weight, bias, stride, padding, dilation, groups, device=device)
        return one[0]
    try:
        geometry = geometry_of(x, weight, bias, stride, padding, dilation, groups)
    except RuntimeError as error:
        raise BridgeError("input-shape", str(error)) from error
    problem = problem_of(tuple(x.shape), tuple(weight.shape), geometry)
    if x.numel() == 0:
        plain = (nn.functional.conv1d, nn.functional.conv2d, nn.functional.conv3d)[rank - 1]
        empty: Tensor = plain(x, weight, bias, stride, padding, dilation, groups)
        return empty
    apply: Callable[..., Tensor] = _ConvFunction.apply
    return apply(x, weight, bias, problem, chosen_device(device))


def _check_type(*tensors: Tensor | None) -> None:
    for name, tensor in zip(("x", "weight", "bias"), tensors):
        if tensor is not None and (tensor.dtype != torch.float32 or tensor.device.type != "cpu"):
            raise BridgeError(
                "input-dtype",
                f"{name} is {tensor.dtype} on {tensor.device}, convolutions on Vulkan take float32 "
                "tensors of the CPU",
                "keep the model in float32 on the CPU, without autocast",
            )


class _OnVulkan:
    """What the layers share: PyTorch's convolution layers call `_conv_forward`."""

    rekindle_device: str

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        layer: Any = self
        padding = layer.padding
        if layer.padding_mode != "zeros":
            around = layer._reversed_padding_repeated_twice
            x = nn.functional.pad(x, around, mode=layer.padding_mode)
            padding = 0
        options = (layer.stride, padding, layer.dilation, layer.groups)
        return vulkan_conv(x, weight, bias, *options, device=layer.rekindle_device)


class VulkanConv1d(_OnVulkan, nn.Conv1d):
    """`nn.Conv1d` that computes on Vulkan; made by `make_vulkan`."""


class VulkanConv2d(_OnVulkan, nn.Conv2d):
    """`nn.Conv2d` that computes on Vulkan; made by `make_vulkan`."""


class VulkanConv3d(_OnVulkan, nn.Conv3d):
    """`nn.Conv3d` that computes on Vulkan; made by `make_vulkan`."""


_LAYERS: dict[type, type] = {
    nn.Conv1d: VulkanConv1d,
    nn.Conv2d: VulkanConv2d,
    nn.Conv3d: VulkanConv3d,
}
_PLAIN = {made: plain for plain, made in _LAYERS.items()}


def make_vulkan(model: nn.Module, device: str | None = None) -> list[str]:
    """Lets the convolutions of a model compute on Vulkan, forward and backward; in place.

    Parameters, state and hooks stay as they are; subclasses of PyTorch's layers are left alone.
    Returns the names of the layers. `make_plain` undoes it.

    Raises:
        BridgeError: where there is no engine or no such device.

    Example:
        >>> rekindle_torch.bridge.make_vulkan(model)
        ['0', '2.body.0']
        >>> loss_of(model(x)).backward()
    """
    chosen = chosen_device(device)
    open_device(chosen)
    names = []
    for name, layer in model.named_modules():
        made = _LAYERS.get(type(layer))
        if made:
            layer.__class__ = made
            layer.rekindle_device = chosen
            names.append(name)
    return names


def make_plain(model: nn.Module) -> None:
    """Undoes `make_vulkan`."""
    for layer in model.modules():
        plain = _PLAIN.get(type(layer))
        if plain:
            layer.__class__ = plain
