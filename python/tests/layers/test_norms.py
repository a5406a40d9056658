"""Batch and instance normalisation and recurrent layers without MIOpen."""

from __future__ import annotations

import inspect
import io

import pytest
import torch
from torch import nn

import rekindle_torch as rk
from rekindle_torch import norm

NORMS = [
    (nn.BatchNorm1d, rk.SafeBatchNorm1d, 1),
    (nn.BatchNorm2d, rk.SafeBatchNorm2d, 2),
    (nn.BatchNorm3d, rk.SafeBatchNorm3d, 3),
    (nn.InstanceNorm1d, rk.SafeInstanceNorm1d, 1),
    (nn.InstanceNorm2d, rk.SafeInstanceNorm2d, 2),
    (nn.InstanceNorm3d, rk.SafeInstanceNorm3d, 3),
]
training_of = {norm.batch_norm: "training", norm.instance_norm: "use_input_stats"}
by_name = {"ids": lambda value: getattr(value, "__name__", str(value))}


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("native, own, rank", NORMS, **by_name)
def test_norms(native, own, rank: int) -> None:
    options = {"affine": True, "track_running_stats": True, "momentum": 0.3}
    expected, actual = native(4, **options), own(4, **options)
    for step in range(4):
        if step == 3:
            expected.eval()
            actual.eval()
        x = torch.randn(3, 4, *(5,) * rank, requires_grad=True)
        y, z = actual(x), expected(x)
        close(y, z)
        (a,), (b,) = (torch.autograd.grad(t.pow(3).sum(), x) for t in (y, z))
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)
    for key, value in expected.state_dict().items():
        torch.testing.assert_close(actual.state_dict()[key], value)


@pytest.mark.parametrize("options", [{"momentum": None}, {"track_running_stats": False}], ids=str)
def test_unusual_norms(options: dict) -> None:
    expected, actual = nn.BatchNorm2d(3, **options), rk.SafeBatchNorm2d(3, **options)
    for _ in range(2):
        x = torch.randn(2, 3, 4, 4)
        close(actual(x), expected(x))
    close(actual.eval()(x), expected.eval()(x))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        actual.train()(torch.randn(1, 3, 1, 1))


@pytest.mark.parametrize("_, own, rank", NORMS, **by_name)
@pytest.mark.parametrize("is_training", [True, False], ids=["training", "inference"])
def test_norms_ask_for_kernels_that_are_not_miopens(_, own, rank: int, is_training: bool) -> None:
    """By name: whatever runs elsewhere, this operation has no other kernels on a GPU."""
    layer = own(4, affine=True, track_running_stats=True).train(is_training)
    traced = torch.jit.trace(layer, torch.randn(3, 4, *(5,) * rank), check_trace=False)
    found = {node.kind() for node in traced.inlined_graph.nodes() if "norm" in node.kind()}
    assert found == {"aten::native_batch_norm"}
    x = torch.randn(2, 4, *(3,) * rank)  # and a trace holds for other sizes
    close(traced(x), layer(x))


def test_norms_are_exported_to_onnx() -> None:
    pytest.importorskip("onnx.checker")
    from onnx import load_model_from_string

    model, file = torch.nn.Sequential(nn.BatchNorm2d(3), nn.InstanceNorm2d(3)).eval(), io.BytesIO()
    rk.make_safe(model)
    choices = inspect.signature(torch.onnx.export).parameters
    options = {"dynamo": False} if "dynamo" in choices else {}
    torch.onnx.export(model, (torch.randn(2, 3, 4, 4),), file, **options)
    graph = load_model_from_string(file.getvalue()).graph
    kinds = [node.op_type for node in graph.node if "Normalization" in node.op_type]
    assert kinds == ["BatchNormalization", "InstanceNormalization"]
    assert torch.backends.cudnn.enabled


@pytest.mark.parametrize("own", [norm.batch_norm, norm.instance_norm], **by_name)
def test_norms_of_other_channels_and_of_nothing(own) -> None:
    mean, var = torch.zeros(3), torch.ones(3)
    for values in ((mean, var), (mean, None), (None, None, mean), (None, None, None, mean)):
        with pytest.raises(RuntimeError, match=r"(running_mean|weight|bias) has [36] elements"):
            own(torch.randn(2, 4, 5, 5), *values, **{training_of[own]: True})
    for values in ((), (mean,), (None, var)):
        with pytest.raises(RuntimeError, match="needs running_mean and running_var"):
            own(torch.randn(2, 3, 5, 5), *(*values, None, None)[:2], **{training_of[own]: False})
    assert own(torch.randn(2, 3, 0, 5), mean, var).shape == (2, 3, 0, 5)


@pytest.mark.parametrize(
    "native, own",
    [(nn.RNN, rk.SafeRNN), (nn.LSTM, rk.SafeLSTM), (nn.GRU, rk.SafeGRU)],
    **by_name,
)
def test_recurrent(native, own) -> None:
    options = {"num_layers": 2, "bidirectional": True, "batch_first": True}
    expected, actual = native(3, 5, **options), own(3, 5, **options)
    actual.load_state_dict(expected.state_dict())
    x = torch.randn(2, 4, 3)
    seen = []
    actual.register_forward_pre_hook(lambda *_: seen.append(torch.backends.cudnn.enabled))
    before = torch.backends.cudnn.enabled
    close(actual(x)[0], expected(x)[0])
    assert torch.backends.cudnn.enabled == before == seen[0]
    packed = nn.utils.rnn.pack_padded_sequence(x, [4, 2], batch_first=True)
    close(actual(packed)[0].data, expected(packed)[0].data)


def test_recurrent_runs_with_the_switch_off(monkeypatch) -> None:
    layer, seen = rk.SafeGRU(3, 5), []
    native = nn.GRU.forward
    monkeypatch.setattr(
        nn.GRU,
        "forward",
        lambda self, *a: (seen.append(torch.backends.cudnn.enabled), native(self, *a))[1],
    )
    layer(torch.randn(4, 2, 3))
    assert seen == [False] and torch.backends.cudnn.enabled


def test_instance_norm_keeps_statistics_of_another_type() -> None:
    x = torch.randn(2, 3, 5, 5)
    mean, var, weight, bias = torch.zeros(3), torch.ones(3), torch.rand(3), torch.randn(3)
    expected = norm.instance_norm(x, mean.clone(), var.clone(), weight, bias)
    kept = mean.double(), var.double()
    close(norm.instance_norm(x, *kept, weight, bias), expected)
    close(kept[0].float(), 0.1 * x.mean((0, 2, 3)))
    close(norm.instance_norm(x, *kept), nn.functional.instance_norm(x))


def test_instance_norm_of_single_elements_is_an_error() -> None:
    with pytest.raises(ValueError, match="more than 1 element in a picture"):
        rk.SafeInstanceNorm2d(3)(torch.randn(2, 3, 1, 1))


def test_fx_records_each_norm_as_one_call() -> None:
    class Both(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return norm.instance_norm(norm.batch_norm(x, None, None, training=True))

    traced = torch.fx.symbolic_trace(Both())
    calls = [node.target for node in traced.graph.nodes if node.op == "call_function"]
    assert calls == [norm.batch_norm, norm.instance_norm]
