"""The benchmark's own arithmetic, and that it runs."""

from __future__ import annotations

import json
import os
import runpy
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from rekindle_torch.bench import __main__ as bench
from rekindle_torch.bench.counts import counted
from rekindle_torch.bench.layers import LAYERS, Layer
from rekindle_torch.bench.networks import NETWORKS
from rekindle_torch.bench.process import OtherProcess
from rekindle_torch.bench.results import geometric_mean
from rekindle_torch.convolution.blocks import workspace_limit
from rekindle_torch.convolution.choice import busy_flops, estimate
from rekindle_torch.convolution.methods import METHODS
from rekindle_torch.convolution.problem import Geometry, Problem

FOLDER = Path(__file__).parents[2]
COUNTED = ("operations", "flop", "moved_bytes", "product_bytes")


@pytest.mark.parametrize("name", ["resnet50", "vgg16"])
def test_the_layers_are_those_of_the_network(name: str) -> None:
    model, found = NETWORKS[name](), []
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(
                lambda m, args, out: found.append(
                    (m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0],
                     args[0].shape[2])
                )
            )  # fmt: skip
    model[-1] = torch.nn.Identity()
    with torch.no_grad():
        model.to("meta")(torch.empty(1, 3, 224, 224, device="meta"))
    listed = [
        (r.channels, r.filters, r.kernel, r.stride, r.size)
        for r in LAYERS
        if r.network == name
        for _ in range(r.times)
    ]
    assert sorted(listed) == sorted(found)


def test_geometric_mean() -> None:
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)


def test_a_small_run(monkeypatch, tmp_path, capsys) -> None:
    layer = Layer("resnet50", 4, 8, 3, 2, 6, 1)
    file = tmp_path / "result.json"
    monkeypatch.setattr(bench, "LAYERS", [layer])
    arguments = ["bench", "--device", "cpu", "--batch", "1", "--no-models", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert bench.main() == 0
    result = json.loads(file.read_text())
    (first, second) = result["layers"]
    assert [first["format"], second["format"]] == ["contiguous", "channels_last"]
    assert first["relative_error"] < 1e-5
    parts = [part["part"] for part in first["parts"]]
    assert parts == ["forward", *["input gradient"] * 4, "weight gradient"]
    for part in first["parts"]:
        assert part["chosen"] in part["methods"]
        assert all(m["operations"] >= 1 for m in part["methods"].values())
    ratio = result["summary"]["forward, GPU time, contiguous, tuned"]
    assert ratio == pytest.approx(
        first["native"]["forward_gpu"] / first["tuned"]["forward_gpu"], rel=1e-4
    )
    assert "6: 4>8 3x3/2" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [*arguments, "--layer", "absent"])
    with pytest.raises(SystemExit, match="no layer has 'absent' in its name"):
        bench.main()


def test_what_there_is_no_time_for_is_named(monkeypatch, tmp_path, capsys) -> None:
    file = tmp_path / "result.json"
    arguments = ["bench", "--device", "cpu", "--seconds", "0", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", [*arguments, "--network", "vgg16", "--format", "contiguous"])
    assert bench.main() == 0
    result = json.loads(file.read_text())
    assert result["layers"] == result["models"] == []
    assert "vgg16 224: 3>64 3x3 contiguous" in result["left_out"]
    assert "resnet50 contiguous" in capsys.readouterr().err


def test_a_layer_that_fails_does_not_end_the_run(monkeypatch, tmp_path, capsys) -> None:
    file = tmp_path / "result.json"

    def fail(layer: Layer, *_: object) -> None:
        # What is measured before is in the file already.
        assert json.loads(file.read_text())["layers"] == []
        raise RuntimeError("out of memory")

    monkeypatch.setattr(bench, "layer_times", fail)
    monkeypatch.setattr(bench, "LAYERS", [Layer("resnet50", 4, 8, 3, 2, 6, 1)])
    arguments = ["bench", "--device", "cpu", "--no-models", "--json", str(file)]
    monkeypatch.setattr(sys, "argv", arguments)
    assert bench.main() == 1
    titles = [f"resnet50 6: 4>8 3x3/2 {form}" for form in ("contiguous", "channels_last")]
    assert json.loads(file.read_text())["failed"] == dict.fromkeys(titles, "out of memory")


def test_another_process_measures_on_after_an_error_and_after_its_end() -> None:
    process = OtherProcess()
    try:
        first = process.run(os.getpid)
        assert first != os.getpid() and process.run(os.getpid) == first
        assert process.run(cudnn_is_benchmarked)
        with pytest.raises(RuntimeError, match="no such matrix"):
            process.run(fail_in_torch)
        second = process.run(os.getpid)
        assert second not in (first, os.getpid())
        with pytest.raises(RuntimeError, match="terminated abruptly"):
            process.run(os._exit, 3)
        assert process.run(os.getpid) not in (first, second, os.getpid())
    finally:
        process.end()


def cudnn_is_benchmarked() -> bool:
    return torch.backends.cudnn.benchmark


class UnknownToOthers(RuntimeError):
    """Needs two arguments, so what pickle makes of it cannot be read."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")


def fail_in_torch() -> None:
    raise UnknownToOthers("no such matrix", "it is empty")


def test_operations_and_bytes_are_counted() -> None:
    a, b, out = torch.randn(4, 6), torch.randn(6, 8), torch.empty(4, 8)

    def work() -> None:
        torch.mm(a, b, out=out)
        out.t().add_(1.0)  # a view, and an operation that reads and writes

    assert counted(work) == {
        "operations": 2,
        "flop": 2 * 4 * 6 * 8,
        "product_bytes": 4 * (24 + 48 + 32),
        "moved_bytes": 4 * (32 + 32),
        "products": [[1, 4, 8, 6, 1]],
    }
    windows = torch.randn(10).as_strided((8, 3), (1, 1))
    assert counted(windows.contiguous)["moved_bytes"] == 4 * (10 + 24)


def test_constants_are_fitted(tmp_path, monkeypatch, capsys) -> None:
    """From times that follow the estimate with known constants."""
    parts = []
    for operation in ("forward", "weight_gradient"):
        for channels, size in ((8, 20), (64, 56), (256, 14)):
            geometry = Geometry((1, 1), ((1, 1), (1, 1)), (1, 1), 1)
            problem = Problem(8, channels, 64, (size, size), (3, 3), geometry)
            methods = {}
            for name in ("columns", "rows", "winograd4"):
                cost = estimate(METHODS[name], operation, problem, 4, workspace_limit())
                # 10 TFLOP/s, 200 GB/s, 4 microseconds
                time_ms = busy_flops(cost, 2) / 1e10 + cost.elements / 5e7 + cost.calls * 0.004
                methods[name] = {"time_ms": time_ms, **dict.fromkeys(COUNTED, 1), "products": []}
            part = {"part": operation, "operation": operation, "problem": asdict(problem)}
            parts.append({**part, "chosen": "rows", "methods": methods})
    native = {"forward_gpu": 0.1, "training_gpu": 0.1}
    row = {"network": "n", "layer": "l", "format": "contiguous", "native": native, "parts": parts}
    data = {"device": "d", "torch": "t", "batch": 1, "cores": 2, "layers": [row]}
    file = tmp_path / "layers.json"
    file.write_text(json.dumps(data))
    monkeypatch.setattr(sys, "argv", ["fit_cost.py", str(file)])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(str(FOLDER / "benchmarks" / "fit_cost.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("fitted to the estimates:")
    assert [line.split()[-2:] for line in lines[at + 1 : at + 4]] == [
        ["10.00", "TFLOP/s"],
        ["200.00", "GB/s"],
        ["4.00", "microseconds"],
    ]
