"""What a convolution asks of the device: operations, bytes, products, and the GPU's own kernels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Callable, Optional

import torch
from torch import Tensor
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

Work = Callable[[], object]

#: Where the two factors are among the arguments.
_FACTORS = {"mm": (0, 1), "bmm": (0, 1), "addmm": (1, 2), "baddbmm": (1, 2)}
_FACTORS.update({f"{name}_": at for name, at in _FACTORS.items()})
#: These read what they write.
_ACCUMULATE = ("add_", "addmm_", "baddbmm_", "addcmul_")
#: These start nothing on the device, though their schemas do not call them views.
_IDLE = ("empty", "new_empty", "empty_like", "empty_strided", "new_empty_strided", "_unsafe_view")
#: Parts of kernels' names that tell nothing.
_USUAL = re.compile(r"void |at::native::|\(anonymous namespace\)::")


def counted(work: Work) -> dict[str, Any]:
    """The operations of PyTorch that `work` calls, views and allocations left out.

    `products` are [batches, M, N, depth, how often]. Bytes are those of the elements that are read
    and written, each once per operation; `moved_bytes` are those of all that is no product.
    """
    counter = _Counter()
    with torch.no_grad():
        work()  # what is computed once and kept shall not count
        with counter:
            work()
    products = [[*shape, times] for shape, times in counter.products.items()]
    return {
        "operations": counter.operations,
        "flop": sum(2 * b * m * n * d * times for b, m, n, d, times in products),
        "product_bytes": counter.product_bytes,
        "moved_bytes": counter.moved_bytes,
        "products": products,
    }


class _Counter(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.operations = self.product_bytes = self.moved_bytes = 0
        self.products: Counter[tuple[int, ...]] = Counter()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func._schema.name.split("::")[1]
        if name not in _IDLE and not _is_view(func):
            self.operations += 1
            self._note(name, args, result)
        return result

    def _note(self, name: str, args: tuple[Any, ...], result: Any) -> None:
        first = 1 if name.endswith("_") and name not in _ACCUMULATE else 0
        read = [t for t in args[first:] if isinstance(t, Tensor)]
        written = result if isinstance(result, (tuple, list)) else [result]
        moved = sum(_bytes(t) for t in (*read, *written) if isinstance(t, Tensor))
        if name not in _FACTORS:
            self.moved_bytes += moved
            return
        a, b = (args[i] for i in _FACTORS[name])
        batches = a.shape[0] if a.dim() == 3 else 1
        self.products[batches, a.shape[-2], b.shape[-1], a.shape[-1]] += 1
        self.product_bytes += moved


def _is_view(func: Any) -> bool:
    aliases = [r.alias_info for r in func._schema.returns]
    return any(alias is not None and not alias.is_write for alias in aliases)


def _bytes(x: Tensor) -> int:
    """Of distinct elements: windows overlap, and what is expanded repeats."""
    extent = 1 + sum((n - 1) * step for n, step in zip(x.shape, x.stride()))
    return min(x.numel(), extent) * x.element_size()


def gpu_kernels(works: Mapping[str, Work], device: torch.device) -> dict[str, list[list[Any]]]:
    """The kernels of each, as [name, how often, milliseconds of all]; none without a profiler."""
    if device.type != "cuda":
        return {}
    with torch.no_grad():
        for work in works.values():
            work()
        torch.cuda.synchronize(device)
        with profile(activities=[ProfilerActivity.CUDA]) as profiler:
            for work in works.values():
                torch.cuda._sleep(1)  # a kernel that tells where the next one begins
                work()
            torch.cuda.synchronize(device)
    parts = list(_between_markers(profiler.events() or ()))
    return dict(zip(works, parts)) if len(parts) == len(works) else {}


def _between_markers(events: Any) -> Iterator[list[list[Any]]]:
    on_gpu = [event for event in events if event.device_type == DeviceType.CUDA]
    part: Optional[dict[str, list[float]]] = None
    for event in sorted(on_gpu, key=lambda event: event.time_range.start):
        if "spin_kernel" in event.name:
            if part is not None:
                yield _rows(part)
            part = {}
        elif part is not None:
            name = _USUAL.sub("", event.name)[:60]
            part.setdefault(name, []).append(event.time_range.elapsed_us() / 1000)
    if part is not None:
        yield _rows(part)


def _rows(kernels: dict[str, list[float]]) -> list[list[Any]]:
    return [[name, len(times), sum(times)] for name, times in kernels.items()]
