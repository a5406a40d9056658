"""Messages on the pipes: a little-endian uint32 of the length, then JSON."""

from __future__ import annotations

import json
import os
import select
import struct
import time
from typing import IO, Any

HEADER = struct.Struct("<I")
CHUNK = 1 << 16

#: A reply is looked for so long before the thread sleeps: waking it costs up to 0.1 ms. Where there
#: are fewer cores than this, it would keep the engine from one.
SPIN_SECONDS = 0.003
SPIN_CORES = 4


def frame_of(message: dict[str, Any]) -> bytes:
    body = json.dumps(message).encode()
    return HEADER.pack(len(body)) + body


class ReplyReader:
    """Reads replies one by one from an unbuffered pipe."""

    def __init__(self, pipe: IO[bytes]):
        self._pipe = pipe
        self._buffer = b""
        self._may_spin = hasattr(select, "poll") and (os.cpu_count() or 1) >= SPIN_CORES
        if self._may_spin:
            os.set_blocking(pipe.fileno(), False)

    def read(self) -> dict[str, Any] | None:
        """The next reply; waits for it. None at the end of the pipe."""
        while True:
            if len(self._buffer) >= HEADER.size:
                end = HEADER.size + HEADER.unpack_from(self._buffer)[0]
                if len(self._buffer) >= end:
                    body, self._buffer = self._buffer[HEADER.size : end], self._buffer[end:]
                    reply: dict[str, Any] = json.loads(body)
                    return reply
            chunk = self._spin() if self._may_spin else self._pipe.read(CHUNK)
            if not chunk:
                return None
            self._buffer += chunk

    def _spin(self) -> bytes:
        """What comes next: looked for again and again at first, then waited for."""
        file = self._pipe.fileno()
        until = time.perf_counter() + SPIN_SECONDS
        while True:
            try:
                return os.read(file, CHUNK)
            except BlockingIOError:
                if time.perf_counter() > until:
                    poll = select.poll()
                    poll.register(file, select.POLLIN)
                    poll.poll()
