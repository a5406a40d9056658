"""The scripts that `rekindle trial` and `rekindle validate` run, with this PyTorch on the CPU."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

import pytest
import torch

STEP = Path(__file__).parents[2] / "src" / "trial" / "python" / "step.py"

CONV = {
    "task": "conv",
    "dtype": "float32",
    "batch": 2,
    "channels": 16,
    "filters": 24,
    "size": [20, 18],
    "kernel": [3, 3],
    "stride": 1,
    "padding": 1,
    "dilation": 1,
    "groups": 1,
    "bias": True,
    "transposed": False,
    "channelsLast": False,
}


def network(name: str, steps: int = 0) -> dict[str, Any]:
    sizes = {"task": "network", "network": name, "imageSize": 32, "batch": 2, "steps": steps}
    return {**sizes, "dtype": "float32"}


def step(order: Optional[dict[str, Any]]) -> tuple[int, list[dict[str, Any]]]:
    """The exit status and messages of a step that gets an order, or whose parent is gone."""
    with subprocess.Popen(
        [sys.executable, str(STEP)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # Threads that wait for each other take long where cores are busy.
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        if order is None:
            child.stdin.close()
        else:
            line = json.dumps({"seed": 1, "statements": [], "device": "cpu", **order})
            child.stdin.write(line + "\n")
            child.stdin.flush()
        mark = "@rekindle "
        lines = child.stdout.readlines()
        messages = [json.loads(text[len(mark) :]) for text in lines if text.startswith(mark)]
        return child.wait(), messages


def result_of(order: dict[str, Any]) -> dict[str, Any]:
    status, messages = step(order)
    assert status == 0, messages
    result = messages[-1]["result"]
    assert isinstance(result, dict)
    return result


def listed(*cases: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": str(i), "case": one, "tolerance": 1e-5} for i, one in enumerate(cases)]


def test_cases_agree_with_the_cpu() -> None:
    tasks = ("device", "create", "copy", "elementwise", "reduce", "select", "matmul")
    cases = listed(
        *({"task": task, "dtype": "float32"} for task in tasks),
        {**CONV, "backward": True},
        {**CONV, "channelsLast": True, "groups": 4},
        {**CONV, "transposed": True, "stride": 2, "kernel": [4, 4], "backward": True},
        {"task": "batch-norm", "dtype": "float32", "training": True, "backward": True},
        {"task": "pool", "dtype": "float32", "kind": "max", "backward": True},
        network("small", 3),
    )
    data = result_of({"kind": "cases", "cases": cases})["data"]
    assert data == {"checked": len(cases), "failures": [], "failed": 0}


def test_says_where_it_is_before_it_is_there() -> None:
    _, messages = step({"case": CONV})
    places = [message["at"] for message in messages if "at" in message]
    assert places[0] == "import torch"
    assert places.index("compute on cpu") < places.index("compute on the CPU")
    assert messages[1]["ready"]["torch"] == torch.__version__


def test_wrong_numbers_are_seen() -> None:
    # The reference is computed in float64: that one is left alone.
    broken = (
        "torch.nn.functional.conv2d = (lambda right: lambda x, *a, **k: right(x, *a, **k)"
        " * (1.01 if x.dtype == torch.float32 else 1))(torch.nn.functional.conv2d)"
    )
    assert result_of({"case": CONV, "statements": [broken]})["error"] == pytest.approx(
        0.01, rel=0.01
    )


def test_an_error_is_told_and_a_crash_leaves_the_place() -> None:
    status, messages = step({"case": CONV, "statements": ["raise RuntimeError('HIP error')"]})
    assert status == 1
    assert messages[-1] == {"failed": {"type": "RuntimeError", "message": "HIP error"}}
    crash = "__import__('os').kill(__import__('os').getpid(), 11)"
    status, messages = step({"case": CONV, "statements": [crash]})
    assert status == -signal.SIGSEGV
    assert messages[-1] == {"at": crash}


def test_ends_when_its_parent_is_gone() -> None:
    assert step(None)[0] == 9


def test_lists_go_on_after_a_failure() -> None:
    impossible = {**CONV, "groups": 5}
    result = result_of({"kind": "cases", "cases": listed(CONV, impossible, CONV)})
    assert result["error"] == "not finite"
    data = result["data"]
    assert (data["checked"], data["failed"], data["failures"][0]["id"]) == (3, 1, "1")


@pytest.mark.parametrize("name", ["resnet50", "vgg16", "mobilenet_v2", "densenet121", "unet"])
def test_networks_are_as_large_as_in_the_papers(name: str) -> None:
    sys.path.insert(0, str(STEP.parent))
    import trial_networks

    sizes = {
        "resnet50": 25.56e6,
        "vgg16": 14.71e6,  # Its convolutions alone: the head is another.
        "mobilenet_v2": 3.50e6,
        "densenet121": 7.98e6,
        "unet": 31.04e6,
    }
    built = trial_networks.NETWORKS[name](2 if name == "unet" else 1000)
    count = sum(p.numel() for p in built.parameters())
    if name == "vgg16":
        count = sum(p.numel() for n, p in built.named_parameters() if p.dim() == 4)
    assert count == pytest.approx(sizes[name], rel=0.005)


def test_repeats_show_the_first_difference() -> None:
    same = result_of({"kind": "repeat", "times": 2, "cases": listed(CONV, network("small"))})
    assert same["error"] == 0
    unsteady = (
        "torch.nn.functional.conv2d = (lambda right: lambda *a, **k:"
        " right(*a, **k) + __import__('random').random())(torch.nn.functional.conv2d)"
    )
    other = result_of(
        {"kind": "repeat", "times": 2, "cases": listed(CONV), "statements": [unsteady]}
    )
    difference = other["data"]["outputs"]["0"]["difference"]
    assert (difference["run"], difference["index"]) == (2, 0)
    assert difference["first"] != difference["second"]


def test_soak_speed_and_training() -> None:
    soak = result_of({"kind": "soak", "seconds": 1, "cases": listed(CONV, network("small"))})
    assert soak["error"] == 0
    assert soak["data"]["runs"] >= 10
    layer = {"name": "c16", "class": "3x3", "C": 16, "H": 14, "W": 14, "K": 16, "R": 3, "S": 3}
    speed = result_of(
        {
            "kind": "speed",
            "layers": [{**layer, "stride": 1, "dilation": 1, "G": 1}],
            "models": ["small"],
            "batch": 1,
            "imageSize": 32,
            "matrixSize": 256,
        }
    )
    for row in [*speed["data"]["layers"], *speed["data"]["models"]]:
        assert 0 < row["boundMs"] < row["ms"]["high"] * 2
    training = result_of({"kind": "training", "steps": 25})
    losses = training["data"]["losses"]
    assert losses[-1] < losses[0] / 3
    assert training["error"] < 1e-3
