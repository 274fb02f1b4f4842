"""Messages, one a line of JSON, read from a pipe that may say anything."""

from __future__ import annotations

import json
from typing import Any

_LONGEST = 4 << 20


class Lines:
    """Messages, one a line of JSON, as they come in pieces. What is no message is dropped."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._length = 0
        self.dropped = 0

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        messages = []
        *ended, rest = data.split(b"\n")
        for piece in ended:
            message = self._message(b"".join([*self._pieces, piece]))
            self._pieces, self._length = [], 0
            if message is not None:
                messages.append(message)
        self._length += len(rest)
        self._pieces = [*self._pieces, rest] if self._length <= _LONGEST else [b"!"]
        return messages

    def _message(self, line: bytes) -> dict[str, Any] | None:
        try:
            message = json.loads(line.decode())
        except ValueError:
            message = None
        except RecursionError:
            message = None
        if isinstance(message, dict):
            return message
        self.dropped += 1
        return None
