"""The engine's process: started at the first use, shared by all models, watched."""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import threading
import time
from collections import deque
from typing import Any

from .errors import BridgeError
from .locate import find_engine, find_node
from .wire import ReplyReader, frame_of

PROTOCOL = 1
START_SECONDS = 60.0
LOAD_SECONDS = 900.0
CLOSE_SECONDS = 5.0
WATCH_SECONDS = 0.5


def run_seconds() -> float:
    """How long one run may take before the engine counts as hung."""
    return float(os.environ.get("REKINDLE_BRIDGE_TIMEOUT", "300"))


class _Pending:
    """A request under way."""

    def __init__(self, what: str, seconds: float):
        self.what = what
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds
        self.reply: dict[str, Any] | None = None


class Engine:
    """One engine process. After it has ended, every request raises "engine-crashed".

    There is no thread that reads replies: handing them over would cost each call a tenth of a
    millisecond. Whoever waits reads, for the others too; one thread at a time.
    """

    def __init__(self) -> None:
        node, files = find_node(), find_engine()
        self._changed = threading.Condition()
        self._pending: dict[int, _Pending] = {}
        self._last_id = 0
        self._is_read = False
        self._failure: BridgeError | None = None
        self._last_words: deque[str] = deque(maxlen=8)
        separate: dict[str, Any] = (
            {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]
            if os.name == "nt"
            else {"start_new_session": True}
        )
        # A session of its own: Ctrl-C is for Python, which may go on.
        self._process = subprocess.Popen(
            [node.path, *files.arguments],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **separate,
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._requests = self._process.stdin
        self._replies = ReplyReader(self._process.stdout)
        self._listener = _start_thread(self._read_words)
        _start_thread(self._watch)
        hello = self.request({"do": "hello"}, START_SECONDS)
        if hello["protocol"] != PROTOCOL:
            self.close()
            raise BridgeError(
                "bridge",
                f"the engine speaks protocol {hello['protocol']}, this package {PROTOCOL}",
                "install rekindle_torch again, so that package and engine are of one version",
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._failure is None and self._process.poll() is None

    def request(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Sends a message and waits for its reply.

        Raises what the engine reports, "engine-crashed" if its process ends, and "engine-timeout"
        if there is no reply in time; then the process is ended, because it may hang.
        """
        pending = _Pending(message["do"], seconds)
        with self._changed:
            if self._failure:
                raise self._failure
            self._last_id += 1
            number = self._last_id
            self._pending[number] = pending
            # A process that has ended takes nothing: reading finds that out.
            with contextlib.suppress(OSError):
                self._requests.write(frame_of({"id": number, **message}))
        try:
            reply = self._wait(pending)
        finally:
            with self._changed:
                self._pending.pop(number, None)
        error = reply.get("error")
        if error:
            raise BridgeError(error["code"], error["message"], error.get("fix"))
        result: dict[str, Any] = reply["ok"]
        return result

    def close(self) -> None:
        """Ends the process; it ends by itself when its standard input is closed."""
        self._fail(BridgeError("engine-crashed", "the engine was closed"))
        try:
            self._requests.close()
            self._process.wait(CLOSE_SECONDS)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()

    def abandon(self) -> None:
        """Lets go of the pipes in a forked child, where the process is the parent's."""
        self._failure = BridgeError("engine-crashed", "the engine belongs to the parent process")
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe
            pipe.close()
        self._process.returncode = 0  # It is not this process's child: nothing to wait for.

    def _wait(self, pending: _Pending) -> dict[str, Any]:
        while True:
            with self._changed:
                while pending.reply is None and self._failure is None and self._is_read:
                    self._changed.wait()
                if pending.reply is not None:
                    return pending.reply
                if self._failure:
                    raise self._failure
                self._is_read = True
            reply = None
            try:
                reply = self._replies.read()
            finally:
                with self._changed:
                    self._is_read = False
                    if reply is not None:
                        asked = self._pending.get(reply["id"])
                        if asked:
                            asked.reply = reply
                    self._changed.notify_all()
            if reply is None:
                self._fail(self._ended())

    def _ended(self) -> BridgeError:
        """Why there are no more replies."""
        try:
            status = self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._listener.join(1.0)
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        words = "".join(f"\n  | {line}" for line in self._last_words)
        return BridgeError(
            "engine-crashed",
            f"the engine process {how}{'; its last words:' if words else ''}{words}",
            "the next call starts a new one; if it happens again, please report it",
        )

    def _fail(self, why: BridgeError) -> None:
        """Ends what is under way and all that comes, with the first reason there was."""
        with self._changed:
            if self._failure is None:
                self._failure = why
            self._changed.notify_all()

    def _watch(self) -> None:
        """Ends the process when a request is overdue: whoever reads then finds it ended."""
        while self.is_alive:
            time.sleep(WATCH_SECONDS)
            now = time.monotonic()
            with self._changed:
                late = next((p for p in self._pending.values() if p.deadline < now), None)
            if late is None:
                continue
            self._fail(
                BridgeError(
                    "engine-timeout",
                    f"the engine did not answer {late.what!r} within {late.seconds:g} s, "
                    "and was ended",
                    "the next call starts a new one; REKINDLE_BRIDGE_TIMEOUT sets the seconds",
                )
            )
            self._process.kill()

    def _read_words(self) -> None:
        assert self._process.stderr
        aloud = bool(os.environ.get("REKINDLE_DEBUG"))
        for line in self._process.stderr:
            text = line.decode(errors="replace").rstrip()
            self._last_words.append(text)
            if aloud:
                print(f"rekindle engine: {text}", flush=True)


def _start_thread(work: Any) -> threading.Thread:
    thread = threading.Thread(target=work, name="rekindle engine", daemon=True)
    thread.start()
    return thread


class _Holder:
    """The one engine of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.engine: Engine | None = None


_holder = _Holder()


def engine() -> Engine:
    """The running engine; started anew where there is none, or where it has crashed."""
    with _holder.lock:
        if _holder.engine is None or not _holder.engine.is_alive:
            _holder.engine = Engine()
        return _holder.engine


def current_engine() -> Engine | None:
    """The running engine, or None where there is none."""
    running = _holder.engine
    return running if running and running.is_alive else None


def close_engine() -> None:
    """Ends the engine, if it runs. The next call of a model starts a new one."""
    with _holder.lock:
        running, _holder.engine = _holder.engine, None
    if running:
        running.close()


def _after_fork() -> None:
    global _holder
    inherited, _holder = _holder.engine, _Holder()
    if inherited:
        inherited.abandon()


atexit.register(close_engine)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
