"""make_safe and restore, patched, and scripts that know nothing of them."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import rekindle_torch as rk
from rekindle_torch.__main__ import main


class OwnForward(nn.Conv2d):
    """As in many model libraries: padding worked out in the forward pass."""

    def forward(self, input):
        return F.conv2d(F.pad(input, (1, 1, 1, 1)), self.weight, self.bias)


class Renamed(nn.Conv2d):
    """Changes nothing that is computed."""


def network() -> nn.Sequential:
    torch.manual_seed(0)
    shared = nn.Conv2d(4, 4, 3, padding=1)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), shared, nn.ReLU(), shared, OwnForward(4, 4, 3),
        Renamed(4, 4, 1), nn.InstanceNorm2d(4), nn.ConvTranspose2d(4, 2, 2),
    )  # fmt: skip


def test_make_safe_replaces_in_place_and_reports() -> None:
    model, x = network(), torch.randn(2, 3, 8, 8)
    expected, weights = copy.deepcopy(model)(x), [id(p) for p in model.parameters()]
    done = rk.make_safe(model)
    assert [(name, after) for name, _, after in done.replaced] == [
        ("0", "Conv2dGFX1010"), ("1", "SafeBatchNorm2d"), ("2", "Conv2dGFX1010"),
        ("6", "RenamedGFX1010"), ("7", "SafeInstanceNorm2d"), ("8", "ConvTranspose2dGFX1010"),
    ]  # fmt: skip
    assert done.left == [("5", "OwnForward")]
    assert "2 Conv2d -> Conv2dGFX1010" in str(done) and "5 (OwnForward) stays" in str(done)
    assert [id(p) for p in model.parameters()] == weights
    assert model[2] is model[4] and isinstance(model[6], Renamed)
    torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-5)
    assert rk.make_safe(model).replaced == []  # a second time
    assert rk.restore(model) == 6
    assert [type(m) for m in model] == [type(m) for m in network()]


def test_make_safe_of_a_single_layer_and_of_convolutions_only() -> None:
    layer = nn.Conv2d(3, 4, 3)
    rk.make_safe(layer, method="shifted")
    assert type(layer) is rk.Conv2dGFX1010 and layer.method == "shifted"
    rk.restore(layer)
    assert type(layer) is nn.Conv2d and "method" not in vars(layer)
    model = network()
    rk.make_safe(model, convolutions_only=True)
    assert type(model[1]) is nn.BatchNorm2d
    assert str(rk.make_safe(nn.Linear(2, 2))) == "nothing to replace"


def test_lazy_layers_wait_for_their_sizes() -> None:
    model, x = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d()), torch.randn(2, 3, 8, 8)
    done = rk.make_safe(model)
    assert done.replaced == []
    assert done.lazy == [("0", "LazyConv2d"), ("1", "LazyBatchNorm2d")]
    assert "0 (LazyConv2d) stays: it has no sizes yet" in str(done)
    model(x)
    assert len(rk.make_safe(model).replaced) == 2


def test_parametrized_layers_and_hooks_live_on() -> None:
    from torch.nn.utils.parametrizations import spectral_norm

    layer, calls = spectral_norm(nn.Conv2d(3, 4, 3)).eval(), []
    layer.register_forward_hook(lambda *_: calls.append(1))
    x = torch.randn(1, 3, 5, 5)
    expected = layer(x)
    assert len(rk.make_safe(layer).replaced) == 1
    with rk.reporting() as report:
        torch.testing.assert_close(layer(x), expected)
    assert len(report.lines) == 1 and len(calls) == 2
    rk.restore(layer)
    torch.testing.assert_close(layer(x), expected)


def test_patched_reaches_every_way_of_calling() -> None:
    model, x = network(), torch.randn(2, 3, 8, 8)
    native = F.conv2d, torch.conv2d, F.batch_norm, nn.LSTM.forward
    expected = model(x)
    with rk.reporting() as report, rk.patched():
        torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-5)
        torch.conv2d(x, model[0].weight)
        torch.nn.functional.conv2d(x, model[0].weight)
        nn.LSTM(3, 2)(torch.randn(4, 1, 3))
    assert sum(line.calls for line in report.lines.values()) == 8
    assert native == (F.conv2d, torch.conv2d, F.batch_norm, nn.LSTM.forward)


def test_patched_undoes_itself_after_an_error_and_can_be_nested() -> None:
    native = F.conv2d
    with pytest.raises(KeyError), rk.patched():
        with rk.patched():
            assert F.conv2d is not native
        assert F.conv2d is not native
        raise KeyError
    assert F.conv2d is native


def test_patched_leaves_other_devices_and_types_alone() -> None:
    x, w = torch.randn(1, 3, 5, 5), torch.randn(2, 3, 3, 3)
    other = "cuda" if x.device.type == "cpu" else "cpu"
    with rk.reporting() as report, rk.patched(devices=(other,)):
        F.conv2d(x, w)
    assert not report.lines
    with rk.reporting() as report, rk.patched():
        y = F.conv2d(x.to(memory_format=torch.channels_last), w)
        meta = F.conv2d(x.to("meta"), w.to("meta"))
    assert meta.shape == y.shape and len(report.lines) == 1


SCRIPT = """
import sys
from torch.nn.functional import conv2d
import torch, neighbour
x = torch.ones(1, 3, 6, 6)
print(float(conv2d(x, torch.ones(2, 3, 3, 3)).sum()), sys.argv[1:], neighbour.NAME, __name__)
"""


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "rekindle_torch", *arguments],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(folder), "PATH": "", "CUDA_VISIBLE_DEVICES": ""},
    )


def test_an_unchanged_script(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("NAME = 'neighbour'\n")
    script, result = tmp_path / "script.py", tmp_path / "report.json"
    script.write_text(SCRIPT)
    options = ["--report", "--report-json", str(result), "--workspace", "64"]
    done = run(*options, str(script), "--epochs", "3", folder=tmp_path)
    assert done.stdout == "864.0 ['--epochs', '3'] neighbour __main__\n", done.stderr
    assert "1x3x6x6 > 2, 3x3" in done.stderr and "1 convolutions" in done.stderr
    (row,) = json.loads(result.read_text())
    assert row["calls"] == 1 and row["dtype"] == "float32"
    as_module = run("-m", "script", "7", folder=tmp_path)
    assert as_module.stdout == "864.0 ['7'] neighbour __main__\n", as_module.stderr


def test_a_script_that_fails(tmp_path: Path) -> None:
    script = tmp_path / "fails.py"
    script.write_text("raise SystemExit(5)\n")
    assert run(str(script), folder=tmp_path).returncode == 5


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["missing.py"], "missing.py is not there"),
        (["--workspace", "0", __file__], "--workspace must be positive, and is 0"),
    ],
)
def test_arguments_that_cannot_be(arguments: list[str], message: str, capsys) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
