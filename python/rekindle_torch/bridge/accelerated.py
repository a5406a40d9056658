"""A module that runs in the engine, on Vulkan, with PyTorch on the CPU."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from .device import chosen_device
from .errors import BridgeError, notice
from .export import DynamicAxes, exported
from .loaded import LoadedModel

#: So many sets of input shapes stay loaded; the one that was used least recently goes first.
LOADED_MAX = 4

#: ||engine - PyTorch|| / ||PyTorch|| that the check of `accelerate` allows.
TOLERANCES = {"f32": 1e-3, "f16": 3e-2}


def accelerate(
    model: nn.Module,
    example: Any = None,
    *,
    device: str | None = None,
    precision: str = "f32",
    dynamic_axes: DynamicAxes | None = None,
    fallback: bool = True,
    check: bool = True,
) -> Accelerated:
    """Makes a module that computes what `model` does, in Rekindle's engine on WebGPU/Vulkan.

    The model stays with PyTorch, on the CPU; it needs no ROCm. It is exported to ONNX with its
    weights at the first call with new input shapes, and once more when a weight has changed since.

    Args:
        model: a module in eval mode. Its inputs and outputs are tensors, or tuples, lists and dicts
            of them; other arguments are taken as constants.
        example: an input, or a tuple of them, to load the model for now rather than at the first
            call. The results are then checked against PyTorch's, unless `check` is False.
        device: "gpu" (the default), "software", "cpu", or part of an adapter's name; left out: the
            variable REKINDLE_DEVICE.
        precision: "f32", or "f16" to hold float32 values as float16 inside.
        dynamic_axes: axes whose size may change without another export, by input:
            `{0: {0: "N"}}` for the batch of the first input. Only for models whose Python code does
            not depend on these sizes. Left out: each new shape is exported.
        fallback: run in PyTorch what the engine cannot run, and say so once (`BridgeWarning`).
            False: raise `BridgeError`.
        check: compare with PyTorch on the example.

    Raises:
        BridgeError: for inputs that require gradients (run under `torch.no_grad()`), when the
            engine crashes or hangs (the next call starts a new one), and with `fallback=False` for
            whatever the engine cannot run.

    Example:
        >>> fast = rekindle_torch.accelerate(resnet50().eval(), torch.zeros(1, 3, 224, 224))
        >>> with torch.no_grad():
        ...     logits = fast(images)
    """
    if precision not in TOLERANCES:
        raise ValueError(f'precision must be "f32" or "f16", not {precision!r}')
    if model.training:
        raise BridgeError(
            "gradient", "the model is in training mode", "call model.eval(); the engine infers only"
        )
    fast = Accelerated(model, device, precision, dynamic_axes, fallback)
    if example is not None:
        fast.load(*(example if isinstance(example, tuple) else (example,)), check=check)
    return fast


class Accelerated(nn.Module):
    """What `accelerate` returns. `model` is the module that it stands for."""

    def __init__(
        self,
        model: nn.Module,
        device: str | None = None,
        precision: str = "f32",
        dynamic_axes: DynamicAxes | None = None,
        fallback: bool = True,
    ):
        super().__init__()
        self.model = model
        self.device = chosen_device(device)
        self.precision = precision
        self.dynamic_axes = dynamic_axes or {}
        self.fallback = fallback
        #: Why PyTorch runs the model after all; None while the engine does.
        self.problem: str | None = None
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._loaded: dict[Any, _Prepared] = {}

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if self.problem is not None:
            return self.model(*args, **kwargs)
        call = _Call(args, kwargs, self.dynamic_axes)
        call.refuse_gradients()
        try:
            return self._prepared(call).run(call)
        except BridgeError as error:
            if not self._gives_up(error):
                raise
        return self.model(*args, **kwargs)

    def load(self, *args: Any, check: bool = True) -> None:
        """Prepares for inputs like these; `check` compares the results with PyTorch's."""
        call = _Call(args, {}, self.dynamic_axes)
        try:
            prepared = self._prepared(call)
            if check:
                self._check(prepared, call)
        except BridgeError as error:
            if not self._gives_up(error):
                raise

    def unload(self) -> None:
        """Frees the engine's copies; the next call loads the model again."""
        with self._lock:
            prepared = list(self._loaded.values())
            self._loaded.clear()
            self.problem = None
        for one in prepared:
            one.loaded.unload()

    @property
    def last_session_ms(self) -> float:
        """Milliseconds of the last call that the engine itself took: upload, compute, read back."""
        return self._newest().loaded.session_ms

    @property
    def last_copy_ms(self) -> float:
        """Milliseconds that the engine took to copy inputs and outputs; part of the overhead."""
        return self._newest().loaded.copy_ms

    @property
    def engine_device(self) -> dict[str, str]:
        """What the engine runs on: its kind, its name, and why it was chosen."""
        device: dict[str, str] = self._newest().loaded.info["device"]
        return device

    def _newest(self) -> _Prepared:
        with self._lock:
            if not self._loaded:
                raise BridgeError("usage", "nothing is loaded yet", "call the model once")
            return next(reversed(self._loaded.values()))

    def train(self, mode: bool = True) -> Accelerated:
        """Stays in eval mode: the engine infers only, as a frozen part of a larger model does."""
        return super().train(False)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_lock", "_loaded")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._reset()

    def _prepared(self, call: _Call) -> _Prepared:
        with self._lock:
            known = self._loaded.pop(call.key, None)
            if known is not None and not known.is_current():
                known.loaded.unload()
                known = None
            made = known or _Prepared(self.model, call, self)
            self._loaded[call.key] = made
            if len(self._loaded) > LOADED_MAX:
                self._loaded.pop(next(iter(self._loaded))).loaded.unload()
            return made

    def _check(self, prepared: _Prepared, call: _Call) -> None:
        with torch.no_grad():
            expected, _ = tree_flatten(self.model(*call.args, **call.kwargs))
        actual, _ = tree_flatten(prepared.run(call))
        for a, e in zip(actual, expected):
            if not isinstance(e, torch.Tensor) or not e.is_floating_point():
                continue
            scale = e.double().norm().item()
            error = (a.double() - e.double()).norm().item() / (scale or 1.0)
            if not error <= TOLERANCES[self.precision]:
                raise BridgeError(
                    "verify-failed",
                    f"its result differs from PyTorch's by {error:.2g} (relative), "
                    f"{TOLERANCES[self.precision]:.2g} are allowed",
                    "please report it with the model; check=False skips this check",
                )

    def _gives_up(self, error: BridgeError) -> bool:
        """Whether PyTorch shall do it from now on; crashes and hangs are told every time."""
        if not self.fallback or error.code in ("engine-crashed", "engine-timeout", "device-lost"):
            return False
        self.problem = error.what
        name = self.model._get_name()
        # What the engine advises instead is what happens here: PyTorch's CPU.
        why = error.what if error.code == "model-unsupported" else str(error)
        notice(f"rekindle: {name} runs in PyTorch, because {why}")
        return True


class _Call:
    """The arguments of a call: tensors, and what they are part of."""

    def __init__(self, args: Any, kwargs: Any, dynamic_axes: DynamicAxes):
        self.args, self.kwargs = args, kwargs
        rest = None
        # Nearly all calls are of plain tensors; taking other arguments apart costs 0.05 ms.
        if not kwargs and all(isinstance(value, torch.Tensor) for value in args):
            self.tensors = list(args)
        else:
            leaves, spec = tree_flatten((args, kwargs))
            self.tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
            constants = [None if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
            rest = (repr(spec), repr(constants))
        shapes = tuple(
            (t.dtype, _fixed(t.shape, dynamic_axes.get(i))) for i, t in enumerate(self.tensors)
        )
        self.key = (shapes, rest)

    def rebuild(self, tensors: Sequence[torch.Tensor]) -> tuple[Any, Any]:
        """The arguments with other tensors in place of theirs."""
        rest = iter(tensors)
        leaves, spec = tree_flatten((self.args, self.kwargs))
        leaves = [next(rest) if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        args, kwargs = tree_unflatten(leaves, spec)
        return args, kwargs

    def refuse_gradients(self) -> None:
        if torch.is_grad_enabled() and any(t.requires_grad for t in self.tensors):
            raise BridgeError(
                "gradient",
                "an input requires gradients, and an accelerated model gives none",
                "call it under torch.no_grad(), or train with rekindle_torch.bridge.make_vulkan",
            )


def _fixed(shape: Sequence[int], dynamic: dict[int, str] | None) -> tuple[Any, ...]:
    if not dynamic:
        return tuple(shape)
    return tuple(dynamic.get(axis, size) for axis, size in enumerate(shape))


class _Flat(nn.Module):
    """The model for the exporter: flat tensors in, a tuple of flat tensors out."""

    def __init__(self, model: nn.Module, call: _Call):
        super().__init__()
        self.model = model
        self.call = call
        self.leaves: list[Any] = []
        self.spec: Any = None

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        args, kwargs = self.call.rebuild(tensors)
        leaves, self.spec = tree_flatten(self.model(*args, **kwargs))
        self.leaves = [None if isinstance(leaf, torch.Tensor) else leaf for leaf in leaves]
        self.is_tensor = [isinstance(leaf, torch.Tensor) for leaf in leaves]
        return tuple(leaf for leaf in leaves if isinstance(leaf, torch.Tensor))


class _Prepared:
    """The model in the engine for one set of shapes, as its weights were then."""

    def __init__(self, model: nn.Module, call: _Call, owner: Accelerated):
        # Those of inference mode cannot change, and have no count of changes.
        weights = [*model.parameters(), *model.buffers()]
        self._weights = [tensor for tensor in weights if not tensor.is_inference()]
        self._versions = self._now()
        flat = _Flat(model, call)
        flat.eval()
        inputs = [tensor.detach() for tensor in call.tensors]
        with exported(flat, inputs, owner.dynamic_axes) as (path, names, outputs):
            source = {"path": path}
            self.loaded = LoadedModel(source, names, outputs, owner.device, owner.precision)
        self._leaves, self._spec, self._is_tensor = flat.leaves, flat.spec, flat.is_tensor
        self._is_plain = self._spec == tree_flatten(torch.empty(0))[1]

    def is_current(self) -> bool:
        return self.loaded.is_usable and self._now() == self._versions

    def run(self, call: _Call) -> Any:
        tensors = self.loaded(call.tensors)
        device = call.tensors[0].device if call.tensors else torch.device("cpu")
        if self._is_plain and device.type == "cpu":
            return tensors[0]
        results = iter(tensors)
        leaves = [
            next(results).to(device) if is_tensor else leaf
            for leaf, is_tensor in zip(self._leaves, self._is_tensor)
        ]
        return tree_unflatten(leaves, self._spec)

    def _now(self) -> list[int]:
        """Grows with every change in place. Asked at every call, of hundreds of tensors."""
        return [tensor._version for tensor in self._weights]
