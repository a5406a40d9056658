"""The layers as drop-in replacements: options, formats, types, copies, recording."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

import rekindle_torch as rk
from rekindle_torch.convolution import winograd

PAIRS = [
    (nn.Conv1d, rk.Conv1dGFX1010, 1),
    (nn.Conv2d, rk.Conv2dGFX1010, 2),
    (nn.Conv3d, rk.Conv3dGFX1010, 3),
    (nn.ConvTranspose1d, rk.ConvTranspose1dGFX1010, 1),
    (nn.ConvTranspose2d, rk.ConvTranspose2dGFX1010, 2),
    (nn.ConvTranspose3d, rk.ConvTranspose3dGFX1010, 3),
]
by_name = {"ids": lambda value: getattr(value, "__name__", str(value))}


def close(a: torch.Tensor, b: torch.Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("native, own, rank", PAIRS, **by_name)
def test_same_arguments_state_and_result(native, own, rank: int) -> None:
    for options in (
        {}, {"stride": 2, "padding": 1, "bias": False}, {"groups": 2, "dilation": 2},
    ):  # fmt: skip
        expected, actual = native(4, 6, 3, **options), own(4, 6, 3, **options)
        assert isinstance(actual, native)
        assert repr(actual).split("(", 1)[1] == repr(expected).split("(", 1)[1]
        actual.load_state_dict(expected.state_dict())
        x = torch.randn(2, 4, *(7,) * rank)
        close(actual(x), expected(x))
        close(actual(x[0]), expected(x[0]))  # no batch
        expected.load_state_dict(actual.state_dict())


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", ["same", "valid", (2, 1)], ids=str)
def test_padding_modes(mode: str, padding) -> None:
    expected = nn.Conv2d(3, 4, (4, 3), padding=padding, padding_mode=mode, dilation=(1, 2))
    actual = copy.deepcopy(expected)
    rk.make_safe(actual)
    x = torch.randn(2, 3, 8, 9)
    close(actual(x), expected(x))


@pytest.mark.parametrize("size", [(15, 15), (16, 15)], ids=str)
def test_output_size_of_transposed(size: tuple[int, int]) -> None:
    expected = nn.ConvTranspose2d(3, 4, 3, stride=2)
    actual = rk.ConvTranspose2dGFX1010(3, 4, 3, stride=2)
    actual.load_state_dict(expected.state_dict())
    x = torch.randn(1, 3, 7, 7)
    close(actual(x, output_size=size), expected(x, output_size=size))


@pytest.mark.parametrize("native, own, rank", PAIRS, **by_name)
def test_empty_batch(native, own, rank: int) -> None:
    layer = own(4, 6, 3)
    x = torch.randn(0, 4, *(7,) * rank, requires_grad=True)
    y = layer(x)
    assert y.shape == native(4, 6, 3)(x).shape
    y.sum().backward()
    assert x.grad is not None and x.grad.shape == x.shape
    assert layer.weight.grad.abs().max() == 0


@pytest.mark.parametrize("kernel, groups", [(1, 1), (3, 1), (3, 4), (2, 2)])
def test_memory_formats(kernel: int, groups: int) -> None:
    """The result has the format that PyTorch's own has, for inputs of any strides."""
    layer = nn.Conv2d(4, 8, kernel, groups=groups)
    safe = copy.deepcopy(layer)
    rk.make_safe(safe)
    x = torch.randn(2, 4, 6, 6)
    inputs = {
        "contiguous": x,
        "channels last": x.contiguous(memory_format=torch.channels_last),
        "transposed": x.transpose(2, 3),
        "sliced": torch.randn(2, 8, 12, 13)[:, 1::2, ::2, 1::2][..., :6],
        "expanded": x[:1].expand(3, -1, -1, -1),
    }
    for name, value in inputs.items():
        y = safe(value)
        close(y, layer(value))
        is_last = y.is_contiguous(memory_format=torch.channels_last)
        assert is_last if name == "channels last" else y.is_contiguous(), name
    safe.to(memory_format=torch.channels_last)
    y = safe(x)
    is_both = safe.weight.is_contiguous()  # with one element or one channel per filter
    assert is_both or y.is_contiguous(memory_format=torch.channels_last)
    y.sum().backward()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("method", ["rows", "shifted", "columns", None], ids=str)
def test_sixteen_bits(dtype: torch.dtype, method: str | None) -> None:
    if torch.__version__.startswith("1.") and dtype == torch.float16:
        pytest.skip("this PyTorch multiplies no float16 matrices on the CPU")
    x, w = torch.randn(1, 32, 6, 6).to(dtype), torch.randn(8, 32, 3, 3).to(dtype)
    y = rk.functional.conv2d(x, w, padding=1, method=method)
    exact = torch.nn.functional.conv2d(x.double(), w.double(), padding=1)
    assert y.dtype == dtype
    # One rounding of the result, however many products were summed; PyTorch 1.13's own products
    # round more often.
    roundings = 4 if torch.__version__.startswith("1.") else 1
    error = float((y.double() - exact).abs().max() / exact.abs().max())
    assert error < roundings * torch.finfo(dtype).eps


def test_autocast() -> None:
    layer, x = rk.Conv2dGFX1010(3, 4, 3), torch.randn(1, 3, 5, 5)
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        y = layer(x)
        up = rk.ConvTranspose2dGFX1010(3, 4, 2)(x)
    assert y.dtype == up.dtype == torch.bfloat16
    y.float().sum().backward()
    assert layer.weight.grad.dtype == torch.float32


def test_copies_and_pickles() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LSTM(6, 2))
    rk.make_safe(model, method="columns")
    again = pickle.loads(pickle.dumps(copy.deepcopy(model)))
    assert [type(m) for m in again] == [rk.Conv2dGFX1010, rk.SafeBatchNorm2d, rk.SafeLSTM]
    assert again[0].method == "columns"
    x = torch.randn(1, 3, 8, 8)
    assert torch.equal(again[0](x), model[0](x))


def test_trace_holds_for_other_sizes_and_forbids_miopen() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 4, padding="same"), nn.ConvTranspose2d(4, 4, 2, 2), nn.Conv2d(4, 4, 3)
    )
    rk.make_safe(model)
    traced = torch.jit.trace(model, torch.randn(1, 3, 8, 8))
    file = io.BytesIO()
    torch.jit.save(traced, file)
    file.seek(0)
    loaded = torch.jit.load(file)
    x = torch.randn(2, 3, 11, 9)
    close(loaded(x), model(x))
    graph = loaded.inlined_graph
    found = [node for node in graph.nodes() if "conv" in node.kind()]
    assert [node.kind() for node in found] == ["aten::_convolution"] * 3
    # benchmark, deterministic, cudnn_enabled, allow_tf32
    assert all(list(node.inputs())[11].toIValue() is False for node in found)


def test_fx_records_one_call_per_layer() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()
    rk.make_safe(model)
    graph = torch.fx.symbolic_trace(model)
    x = torch.randn(1, 3, 6, 6)
    close(graph(x), model(x))
    calls = [node for node in graph.graph.nodes if node.op == "call_function"]
    assert [node.target.__name__ for node in calls] == ["convolution", "batch_norm"]


@pytest.mark.skipif(
    not hasattr(torch.library, "custom_op"), reason="this PyTorch has no custom operations"
)
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compile(backend: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(4, 4, 3, groups=4),
    )  # fmt: skip
    safe = copy.deepcopy(model)
    rk.make_safe(safe)
    compiled = torch.compile(safe, backend=backend, fullgraph=True)
    x = torch.randn(2, 3, 8, 8)
    close(compiled(x), model(x))
    parts = zip(
        torch.autograd.grad(compiled(x).square().mean(), list(safe.parameters())),
        torch.autograd.grad(model(x).square().mean(), list(model.parameters())),
    )
    for actual, expected in parts:
        close(actual, expected)
    other = torch.randn(3, 3, 10, 9)
    close(compiled(other), model(other))


@pytest.mark.skipif(
    not hasattr(torch.library, "custom_op"), reason="this PyTorch has no custom operations"
)
def test_export_keeps_each_as_one_operation() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.ConvTranspose2d(4, 2, 2))
    rk.make_safe(model)
    x = torch.randn(1, 3, 8, 8)
    exported = torch.export.export(model, (x,))
    close(exported.module()(x), model(x))
    calls = [str(n.target) for n in exported.graph.nodes if n.op == "call_function"]
    assert "rekindle_torch.convolution.default" in calls
    assert "rekindle_torch.input_gradient.default" in calls
    assert not any(call.startswith("aten.conv") for call in calls)


@pytest.mark.parametrize("method", ["rows", "shifted", "columns", "winograd4"])
def test_shapes_without_memory(method: str, recwarn: pytest.WarningsRecorder) -> None:
    """Fake tensors, with which tools work out shapes, and tensors of the meta device."""
    x, w = torch.randn(2, 16, 20, 20), torch.randn(8, 16, 3, 3)
    last = x.contiguous(memory_format=torch.channels_last)
    winograd._kept_transforms.cache_clear()
    with FakeTensorMode() as mode:
        fake = [mode.from_tensor(t) for t in (last, w)]
        y = rk.functional.conv2d(*fake, padding=1, method=method)
    meta = rk.functional.conv2d(last.to("meta"), w.to("meta"), padding=1, method=method)
    assert y.shape == meta.shape == (2, 8, 20, 20)
    assert [str(w.message) for w in recwarn] == []
    # And nothing of that is left behind.
    real = rk.functional.conv2d(last, w, padding=1, method=method)
    expected = torch.nn.functional.conv2d(x, w, padding=1)
    torch.testing.assert_close(real, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    "x, w, options, message",
    [
        ((1, 3, 5, 5), (4, 2, 3, 3), {}, "expect 2 input channels, and the input .* has 3"),
        ((1, 4, 5, 5), (3, 2, 3, 3), {"groups": 2}, "filters, 3, is not a multiple of groups=2"),
        ((1, 3, 2, 2), (4, 3, 3, 3), {}, "larger than the padded input"),
        ((3, 5), (4, 3, 3, 3), {}, "expects an input of 3 or 4 dimensions, and it has 2"),
        ((1, 3, 5, 5), (4, 3, 3), {}, "expects weights of 4 dimensions, and they have 3"),
        ((1, 3, 5, 5), (4, 3, 3, 3), {"padding": -1}, "padding must not be negative"),
        ((1, 3, 5, 5), (4, 3, 3, 3), {"stride": 0}, "stride and dilation must be positive"),
        ((1, 3, 5, 5), (4, 3, 3, 3), {"stride": (1, 1, 1)}, "stride has 3 entries"),
        ((1, 3, 5, 5), (4, 3, 3, 3), {"padding": "full"}, "must be 'same', 'valid' or numbers"),
        ((1, 3, 5, 5), (4, 3, 3, 3), {"padding": "same", "stride": 2}, "not supported for strided"),
        ((1, 3, 5, 5), (4, 3, 3, 3), {"bias": torch.zeros(3)}, r"4 filters need \[4\]"),
        ((1, 3, 5, 5), (4, 3, 3, 3), {"groups": 0}, "groups must be positive"),
    ],
)
def test_errors_say_what_does_not_fit(x, w, options: dict, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        rk.functional.conv2d(torch.zeros(x), torch.zeros(w), **options)
    with pytest.raises(RuntimeError):
        torch.nn.functional.conv2d(torch.zeros(x), torch.zeros(w), **options)


def test_types_must_agree() -> None:
    with pytest.raises(RuntimeError, match="must have one type"):
        rk.functional.conv2d(torch.zeros(1, 3, 5, 5), torch.zeros(4, 3, 3, 3).double())


def test_lazy_conjugates_and_negatives() -> None:
    x = torch.randn(1, 4, 5, 5, dtype=torch.complex128).contiguous(
        memory_format=torch.channels_last
    )
    w = torch.randn(4, 4, 3, 3, dtype=torch.complex128)
    for value in (
        x.conj(),
        x.conj().imag + 0j,
        torch.view_as_real(x.conj().resolve_conj())[..., 0],
    ):
        weights = w if value.is_complex() else w.real
        expected = torch.nn.functional.conv2d(value, weights, padding=1)
        close(rk.functional.conv2d(value, weights, padding=1), expected)
    negative = x.conj().imag
    assert negative.is_neg()
    expected = torch.nn.functional.conv2d(negative, w.real, padding=1)
    close(rk.functional.conv2d(negative, w.real, padding=1), expected)
