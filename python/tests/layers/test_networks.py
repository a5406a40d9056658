"""Whole networks: results, training, which operations run, memory, several processes."""

from __future__ import annotations

import copy
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

import rekindle_torch as rk
from rekindle_torch.bench.networks import NETWORKS, double
from rekindle_torch.convolution.blocks import workspace_limit
from rekindle_torch.convolution.methods import METHODS

from .reference import made_on_the_cpu


@pytest.mark.parametrize("name", NETWORKS)
def test_forward(name: str) -> None:
    torch.manual_seed(0)
    model = NETWORKS[name]().eval()
    x = torch.randn(2, 3, 36 if name == "unet" else 32, 32)
    with torch.no_grad():
        expected = model(x)
        replaced = rk.make_safe(model).replaced
        actual = model(x)
        last = model.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    assert len(replaced) >= 13
    for y in (actual, last):
        torch.testing.assert_close(y, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def losses(model: nn.Module, steps: int) -> list[float]:
    torch.manual_seed(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    result = []
    with made_on_the_cpu() as device:
        x, labels = torch.randn(8, 3, 32, 32).to(device), torch.randint(0, 10, (8,)).to(device)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        result.append(loss.item())
    return result


def test_training_stays_with_the_native_one() -> None:
    torch.manual_seed(0)
    with made_on_the_cpu() as device:
        native = nn.Sequential(
            double(3, 16), nn.MaxPool2d(2), double(16, 32),
            nn.Conv2d(32, 32, 3, stride=2, groups=8), nn.ReLU(), nn.ConvTranspose2d(32, 16, 2, 2),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
        ).to(device)  # fmt: skip
    safe = copy.deepcopy(native)
    rk.make_safe(safe)
    expected, actual = losses(native, 20), losses(safe, 20)
    assert expected[-1] < 0.8 * expected[0]
    assert actual == pytest.approx(expected, rel=1e-3)


class Watch(TorchDispatchMode):
    """Notes every operation, and the largest memory that lives beside what lived before."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.alive: dict[int, int] = {}
        self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.names.add(func.overloadpacket.__name__)
        given = {key_of(t) for t in args if isinstance(t, Tensor)}
        for t in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(t, Tensor) and key_of(t) not in given and key_of(t) not in self.alive:
                self.alive[key_of(t)] = size_of(t)
                weakref.finalize(storage_of(t), self.alive.pop, key_of(t), None)
        self.most = max(self.most, sum(self.alive.values()))
        return result


def storage_of(t: Tensor) -> Any:
    return t.untyped_storage() if hasattr(t, "untyped_storage") else t.storage()


def size_of(t: Tensor) -> int:
    return int(storage_of(t).nbytes())


def key_of(t: Tensor) -> int:
    return int(storage_of(t)._cdata)


@contextmanager
def limited(count: int) -> Iterator[None]:
    before = workspace_limit()
    rk.set_workspace_limit(count)
    try:
        yield
    finally:
        rk.set_workspace_limit(before)


LIBRARY_CALLS = ("conv", "cudnn", "miopen", "mkldnn", "unfold", "im2col", "col2im")


def test_only_operations_that_these_cards_do_well() -> None:
    model = nn.Sequential(
        double(3, 8), nn.Conv2d(8, 8, 3, 2, groups=8), nn.ConvTranspose2d(8, 4, 3, 2),
        nn.Conv2d(4, 8, 1), nn.InstanceNorm2d(8, affine=True, track_running_stats=True),
    )  # fmt: skip
    x = torch.randn(2, 3, 12, 12)
    with Watch() as native:
        model(x).sum().backward()
    assert any("conv" in name for name in native.names)
    rk.make_safe(model)
    with Watch() as safe:
        model(x).sum().backward()
    wrong = [n for n in safe.names if any(call in n for call in LIBRARY_CALLS)]
    assert wrong == [] and {"mm", "bmm"} & safe.names


@pytest.mark.skipif(
    not hasattr(Tensor, "untyped_storage"), reason="this PyTorch does not tell when memory is freed"
)
@pytest.mark.parametrize("limit_kb", [64, 256])
@pytest.mark.parametrize("name", ["rows", "shifted", "columns", "winograd2", "winograd4"])
@pytest.mark.parametrize("is_channels_last", [False, True], ids=["contiguous", "channels_last"])
def test_memory_stays_under_the_workspace(name: str, limit_kb: int, is_channels_last: bool) -> None:
    x, w, g = torch.randn(5, 8, 40, 40), torch.randn(8, 8, 3, 3), torch.randn(5, 8, 40, 40)
    if is_channels_last:
        x, g = (t.contiguous(memory_format=torch.channels_last) for t in (x, g))
    from rekindle_torch.convolution import operations
    from rekindle_torch.convolution.problem import Geometry

    geometry, result = Geometry((1, 1), ((1, 1), (1, 1)), (1, 1), 1), 4 * g.numel()
    with torch.no_grad(), limited(limit_kb * 1024):
        operations.forward(x, w, None, geometry, name)  # fills what is kept between calls
        for work, own in (
            (lambda: operations.forward(x, w, None, geometry, name), result),
            (lambda: operations.input_gradient(g, w, (40, 40), geometry, name), result),
            (lambda: operations.weight_gradient(x, g, (3, 3), geometry, name), 3 * 4 * w.numel()),
        ):
            with Watch() as watch:
                kept = work()
            assert watch.most <= limit_kb * 1024 + own
            assert watch.most > limit_kb * 1024 // 4  # and the limit is used
        del kept


@pytest.mark.skipif(
    not hasattr(Tensor, "untyped_storage"), reason="this PyTorch does not tell when memory is freed"
)
def test_pointwise_weight_gradient_takes_no_product_for_each_small_image() -> None:
    from rekindle_torch.convolution import operations
    from rekindle_torch.convolution.problem import Geometry

    x, g = torch.randn(16, 64, 4, 4), torch.randn(16, 96, 4, 4)
    geometry = Geometry((1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    with torch.no_grad(), Watch() as watch:
        kept = operations.weight_gradient(x, g, (1, 1), geometry, "pointwise")
    expected = torch.einsum("nkhw,nchw->kc", g, x)
    torch.testing.assert_close(kept[:, :, 0, 0], expected, rtol=1e-4, atol=1e-4)
    assert watch.most <= 4 * (x.numel() + g.numel() + 2 * kept.numel())


def test_the_limit_must_be_positive() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        rk.set_workspace_limit(0)
    assert workspace_limit() == 256 * 2**20


def test_distributed_data_parallel(tmp_path: Any) -> None:
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1
    )
    try:
        model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 3))
        rk.make_safe(model)
        parallel, x = nn.parallel.DistributedDataParallel(model), torch.randn(2, 3, 8, 8)
        parallel(x).square().sum().backward()
        wanted = [p.grad.clone() for p in model.parameters()]
        model.zero_grad()
        model(x).square().sum().backward()
        for p, gradient in zip(model.parameters(), wanted):
            torch.testing.assert_close(p.grad, gradient, rtol=1e-4, atol=1e-4)
    finally:
        torch.distributed.destroy_process_group()


def test_tuning_keeps_no_graph_of_autograd() -> None:
    """What is kept of one takes memory, and no later backward pass becomes a CUDA graph."""
    from rekindle_torch.convolution import choice
    from rekindle_torch.tune import tune_calls

    model, x = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3)), torch.randn(1, 3, 8, 8)
    rk.make_safe(model)
    first, alive = model[0].weight, []

    def node() -> Any:
        """Of the graph, where gradients of the first weights end; a new one where none lives."""
        with torch.enable_grad():
            return first.expand_as(first).grad_fn.next_functions[0][0]

    def work() -> None:
        y = model(x)
        node().metadata["from"] = "this work"
        assert node().metadata
        torch.autograd.grad(y.sum(), list(model.parameters()))

    def timer(*_: Any) -> float:
        alive.append(bool(node().metadata))
        return 1.0

    try:
        tune_calls(work, timer)
    finally:
        choice.forget()
    assert len(alive) > 4 and not any(alive)


def test_tuning_measures_remembers_and_is_read_again(tmp_path: Any, monkeypatch: Any) -> None:
    from rekindle_torch.convolution import choice, key
    from rekindle_torch.convolution.plan import plan_of
    from rekindle_torch.convolution.problem import Geometry

    file = tmp_path / "tuning" / "file.json"
    monkeypatch.setenv("REKINDLE_TORCH_TUNING", str(file))
    layer, x = nn.Conv2d(4, 4, 3, padding=1), torch.randn(1, 4, 6, 6)
    geometry = Geometry((1, 1), ((1, 1), (1, 1)), (1, 1), 1)
    try:
        times = rk.tune(layer, x, backward=True)
        found = key.key_of(
            "forward", plan_of("forward", x, layer.weight.shape, geometry, None).problem, x
        )
        assert set(times[found]) == set(METHODS) - {"pointwise", "depthwise"}
        best = min(times[found], key=lambda name: times[found][name])
        assert choice.choose("forward", found.problem, x).name == best
        # Another process reads the file: whatever it says is taken.
        text = file.read_text()
        assert f'"{best}"' in text
        for chosen in set(times[found]) - {best}:
            file.write_text(text.replace(f'"{best}"', f'"{chosen}"'))
            choice.forget()
            choice._devices_read.clear()
            assert choice.choose("forward", found.problem, x).name == chosen
        file.write_text("{ broken")
        choice.forget()
        choice._devices_read.clear()
        assert choice.choose("forward", found.problem, x).name in METHODS
    finally:
        choice.forget()
