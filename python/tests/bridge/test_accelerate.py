"""Models through the bridge: results, shapes, weights, types, structures, refusals."""

from __future__ import annotations

import copy
import pickle
import threading
import warnings
from typing import Any

import pytest
import torch
from torch import nn

from rekindle_torch.bridge import Accelerated, BridgeError, BridgeWarning, accelerate


class Small(nn.Module):
    def __init__(self, channels: int = 4):
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.head = nn.Linear(channels, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.conv(x)))
        return self.head(x.mean((2, 3)))


def close(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


@pytest.fixture(autouse=True)
def no_gradients() -> Any:
    torch.manual_seed(0)
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def model() -> Small:
    torch.manual_seed(0)
    return Small().eval()


@pytest.fixture(scope="module")
def fast(model: Small) -> Accelerated:
    return accelerate(model, torch.randn(2, 3, 8, 8), fallback=False)


def test_computes_what_pytorch_computes(model: Small, fast: Accelerated) -> None:
    x = torch.randn(2, 3, 8, 8)
    close(fast(x), model(x))
    assert fast.engine_device["kind"] == "software"
    assert fast.last_session_ms > 0


def test_follows_shapes(model: Small, fast: Accelerated) -> None:
    for shape in ((1, 3, 8, 8), (2, 3, 9, 7), (2, 3, 8, 8)):
        x = torch.randn(shape)
        close(fast(x), model(x))


def test_takes_any_memory_order(model: Small, fast: Accelerated) -> None:
    x = torch.randn(2, 3, 8, 8)
    close(fast(x.to(memory_format=torch.channels_last)), model(x))
    wide = torch.randn(2, 3, 8, 16)[..., ::2]
    close(fast(wide), model(wide))


def test_results_are_the_callers_own(fast: Accelerated) -> None:
    x = torch.randn(2, 3, 8, 8)
    first = fast(x)
    kept = first.clone()
    fast(torch.randn(2, 3, 8, 8))
    assert torch.equal(first, kept)


def test_follows_weights(fast: Accelerated) -> None:
    model = copy.deepcopy(fast.model)
    fast = accelerate(model, torch.randn(2, 3, 8, 8), fallback=False)
    x = torch.randn(2, 3, 8, 8)
    before = fast(x)
    model.head.weight.mul_(2)
    assert not torch.allclose(fast(x), before)
    close(fast(x), model(x))


def test_a_named_axis_needs_no_second_export(model: Small, monkeypatch: Any) -> None:
    fast = accelerate(model, torch.randn(2, 3, 8, 8), dynamic_axes={0: {0: "N"}}, fallback=False)
    monkeypatch.setattr("rekindle_torch.bridge.accelerated.exported", None)
    x = torch.randn(3, 3, 8, 8)
    close(fast(x), model(x))


class Structured(nn.Module):
    def forward(
        self, pair: tuple[torch.Tensor, torch.Tensor], *, scale: float = 1.0, extra: Any = None
    ) -> dict[str, Any]:
        total = pair[0] + pair[1] * scale
        return {"total": total, "parts": [pair[0].relu(), (total * 2,)], "scale": scale, "no": None}


def test_keeps_the_structure_of_arguments_and_results() -> None:
    model = Structured().eval()
    fast = accelerate(model, fallback=False)
    for scale in (1.0, 3.0):
        pair = (torch.randn(2, 3), torch.randn(2, 3))
        actual, expected = fast(pair, scale=scale), model(pair, scale=scale)
        assert actual["scale"] == scale and actual["no"] is None
        close(actual["total"], expected["total"])
        close(actual["parts"][0], expected["parts"][0])
        close(actual["parts"][1][0], expected["parts"][1][0])


def test_an_input_that_nothing_reads_and_a_result_that_is_an_input() -> None:
    class Odd(nn.Module):
        def forward(self, x: torch.Tensor, unread: torch.Tensor) -> Any:
            return x, x + 1

    fast = accelerate(Odd().eval(), fallback=False)
    x = torch.randn(2, 2)
    same, more = fast(x, torch.randn(7))
    close(same, x)
    close(more, x + 1)


def test_float16_inside(model: Small) -> None:
    x = torch.randn(2, 3, 8, 8)
    fast = accelerate(model, x, precision="f16", fallback=False)
    torch.testing.assert_close(fast(x), model(x), rtol=2e-2, atol=5e-3)


def test_float16_inputs() -> None:
    class Doubled(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 2

    x = torch.randn(4, 4).half()
    fast = accelerate(Doubled().eval(), x, fallback=False)
    assert torch.equal(fast(x), x * 2)


class Unsupported(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cumsum(x, 0)


def test_what_is_unsupported_runs_in_pytorch_with_one_notice() -> None:
    x = torch.randn(3, 4)
    with pytest.warns(BridgeWarning, match=r"Unsupported runs in PyTorch(.|\n)*CumSum") as caught:
        fast = accelerate(Unsupported().eval(), x)
        for _ in range(3):
            assert torch.equal(fast(x), torch.cumsum(x, 0))
    assert len(caught) == 1
    assert caught[0].filename == __file__  # the caller's line, and none of the package's
    assert "CumSum" in str(fast.problem)


def test_without_fallback_it_is_an_error() -> None:
    with pytest.raises(BridgeError) as caught:
        accelerate(Unsupported().eval(), torch.randn(3, 4), fallback=False)
    assert caught.value.code == "model-unsupported"


def test_a_device_that_is_missing_is_told() -> None:
    x = torch.randn(1, 3, 8, 8)
    with pytest.warns(BridgeWarning, match="voodoo"):
        fast = accelerate(Small().eval(), x, device="voodoo")
    close(fast(x), fast.model(x))


def test_a_wrong_result_is_found() -> None:
    class Drawn(nn.Module):
        """Its results differ from call to call, as those of a wrong kernel would."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + float(torch.rand(()))

    with pytest.warns(BridgeWarning, match="differs from PyTorch's"):
        accelerate(Drawn().eval(), torch.zeros(2, 2))


def test_gradients_are_refused(fast: Accelerated) -> None:
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    with torch.enable_grad(), pytest.raises(BridgeError, match="requires gradients") as caught:
        fast(x)
    assert caught.value.code == "gradient"
    fast(x)  # Under no_grad it is a number like others.
    with pytest.raises(BridgeError, match="training mode"):
        accelerate(Small())
    assert not fast.train().model.training


def test_several_models_and_threads_at_once() -> None:
    models = [Small(channels).eval() for channels in (4, 8)]
    fast = [accelerate(m, torch.randn(1, 3, 8, 8), fallback=False) for m in models]
    failures: list[BaseException] = []

    def work(index: int) -> None:
        try:
            generator = torch.Generator().manual_seed(index)
            with torch.no_grad():
                for _ in range(10):
                    x = torch.randn(1, 3, 8, 8, generator=generator)
                    close(fast[index % 2](x), models[index % 2](x))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures, failures


def test_copies_and_pickles(model: Small, fast: Accelerated) -> None:
    x = torch.randn(2, 3, 8, 8)
    for other in (copy.deepcopy(fast), pickle.loads(pickle.dumps(fast))):
        close(other(x), model(x))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fast.unload()
        close(fast(x), model(x))
