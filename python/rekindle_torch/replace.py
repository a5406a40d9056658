"""`make_safe`: every layer of a model that MIOpen would compute, replaced in place; `restore`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Optional

from torch import nn

from . import layers, norm, recurrent

_Class = type[nn.Module]

CONVOLUTIONS: dict[_Class, _Class] = {
    nn.Conv1d: layers.Conv1dGFX1010,
    nn.Conv2d: layers.Conv2dGFX1010,
    nn.Conv3d: layers.Conv3dGFX1010,
    nn.ConvTranspose1d: layers.ConvTranspose1dGFX1010,
    nn.ConvTranspose2d: layers.ConvTranspose2dGFX1010,
    nn.ConvTranspose3d: layers.ConvTranspose3dGFX1010,
}
OTHERS: dict[_Class, _Class] = {
    nn.BatchNorm1d: norm.SafeBatchNorm1d,
    nn.BatchNorm2d: norm.SafeBatchNorm2d,
    nn.BatchNorm3d: norm.SafeBatchNorm3d,
    nn.InstanceNorm1d: norm.SafeInstanceNorm1d,
    nn.InstanceNorm2d: norm.SafeInstanceNorm2d,
    nn.InstanceNorm3d: norm.SafeInstanceNorm3d,
    nn.RNN: recurrent.SafeRNN,
    nn.LSTM: recurrent.SafeLSTM,
    nn.GRU: recurrent.SafeGRU,
}
SAFE_CLASSES: dict[_Class, _Class] = {**CONVOLUTIONS, **OTHERS}


@dataclass
class Replacements:
    """What `make_safe` did: names of modules, with the class before and after."""

    replaced: list[tuple[str, str, str]] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    lazy: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        counts: dict[tuple[str, str], int] = {}
        for _, before, after in self.replaced:
            counts[before, after] = counts.get((before, after), 0) + 1
        lines = [f"{n:5} {before} -> {after}" for (before, after), n in counts.items()]
        lines += [
            f"      {name} ({kind}) stays: it has a forward of its own; `patched()` reaches it"
            for name, kind in self.left
        ]
        lines += [
            f"      {name} ({kind}) stays: it has no sizes yet; call the model once, on the CPU, "
            "then make_safe again"
            for name, kind in self.lazy
        ]
        return "\n".join(lines) or "nothing to replace"


def make_safe(
    model: nn.Module, *, convolutions_only: bool = False, method: Optional[str] = None
) -> Replacements:
    """Replaces the layers of a model that MIOpen would compute, in place, and says which.

    Parameters, buffers, hooks and shared modules stay the same objects, so optimisers made before
    go on working. Batch and instance normalisation and recurrent layers are replaced too, because
    MIOpen fails in them on these cards; `convolutions_only` leaves them. `method` as in
    `rekindle_torch.functional.conv2d`.

    >>> print(make_safe(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))))
        1 Conv2d -> Conv2dGFX1010
        1 BatchNorm2d -> SafeBatchNorm2d
    """
    table = CONVOLUTIONS if convolutions_only else SAFE_CLASSES
    done = Replacements()
    for name, module in model.named_modules():
        before = type(module)
        if _original(before) is not None:
            continue
        if getattr(module, "cls_to_become", None) in table:
            done.lazy.append((name, before.__name__))
            continue
        base = next((base for base in table if isinstance(module, base)), None)
        if base is None:
            continue
        after = _safe_class(before, base)  # type: ignore[arg-type]
        if after is None:
            done.left.append((name, before.__name__))
            continue
        module.__class__ = after
        if method is not None and base in CONVOLUTIONS:
            module.method = method  # type: ignore[assignment]
        done.replaced.append((name, before.__name__, after.__name__))
    return done


def restore(model: nn.Module) -> int:
    """Undoes `make_safe`, in place; returns the number of layers.

    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3))
    >>> _ = make_safe(model)
    >>> restore(model), type(model[0]).__name__
    (1, 'Conv2d')
    """
    count = 0
    for module in model.modules():
        original = _original(type(module))
        if original is not None:
            module.__class__ = original
            module.__dict__.pop("method", None)
            count += 1
    return count


def _original(kind: _Class) -> Optional[_Class]:
    """The class that a safe class took the place of, or None for all others."""
    if "_replaced_class" in kind.__dict__:
        replaced: _Class = kind.__dict__["_replaced_class"]
        return replaced
    return next((before for before, after in SAFE_CLASSES.items() if after is kind), None)


@cache
def _safe_class(kind: _Class, base: _Class) -> Optional[_Class]:
    """The safe class for a class, or None where it computes its output in a way of its own.

    Subclasses that change something else, such as those of torch.nn.utils.parametrize, get a class
    made for them.
    """
    safe = SAFE_CLASSES[base]
    if kind is base:
        return safe
    ways = ("forward", "_conv_forward", "_apply_instance_norm")
    if any(getattr(kind, way, None) is not getattr(base, way, None) for way in ways):
        return None
    return type(f"{kind.__name__}GFX1010", (safe, kind), {"_replaced_class": kind})
