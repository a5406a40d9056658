"""Messages on the pipes: a little-endian uint32 of the length, then JSON."""

from __future__ import annotations

import json
import struct
from typing import IO, Any

HEADER = struct.Struct("<I")
CHUNK = 1 << 16


def frame_of(message: dict[str, Any]) -> bytes:
    body = json.dumps(message).encode()
    return HEADER.pack(len(body)) + body


class ReplyReader:
    """Reads replies one by one from an unbuffered pipe."""

    def __init__(self, pipe: IO[bytes]):
        self._pipe = pipe
        self._buffer = b""

    def read(self) -> dict[str, Any] | None:
        """The next reply; waits for it. None at the end of the pipe."""
        while True:
            if len(self._buffer) >= HEADER.size:
                end = HEADER.size + HEADER.unpack_from(self._buffer)[0]
                if len(self._buffer) >= end:
                    body, self._buffer = self._buffer[HEADER.size : end], self._buffer[end:]
                    reply: dict[str, Any] = json.loads(body)
                    return reply
            chunk = self._pipe.read(CHUNK)
            if not chunk:
                return None
            self._buffer += chunk
