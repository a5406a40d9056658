"""The benchmark's own arithmetic, and that it runs."""

from __future__ import annotations

import json
import sys

import pytest
import torch

from rekindle_torch.bench import __main__ as bench
from rekindle_torch.bench.layers import LAYERS, Layer
from rekindle_torch.bench.networks import NETWORKS


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
    assert bench.geometric_mean([2.0, 8.0]) == pytest.approx(4.0)


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
    assert {m["operation"] for m in first["methods"]} == {"forward", "weight_gradient"}
    ratio = result["summary"]["forward, GPU time, contiguous, tuned"]
    assert ratio == pytest.approx(
        first["native"]["forward_gpu"] / first["tuned"]["forward_gpu"], rel=1e-6
    )
    assert "6: 4>8 3x3/2" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", [*arguments, "--layer", "absent"])
    with pytest.raises(SystemExit, match="no layer has 'absent' in its name"):
        bench.main()
