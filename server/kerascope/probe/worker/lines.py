"""Messages, one a line of JSON, read from a pipe that may say anything."""

from __future__ import annotations

import json
from typing import Any

_LONGEST = 4 << 20


class Lines:
    """Messages, as they come in pieces. What is no message is dropped, and counted."""

    def __init__(self, longest: int = _LONGEST) -> None:
        self._longest = longest
        self._pieces: list[bytes] = []
        self._length = 0
        self.noise = 0
        self.too_long = 0

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        messages = []
        *ended, rest = data.split(b"\n")
        for piece in ended:
            message = self._message(piece)
            self._pieces, self._length = [], 0
            if message is not None:
                messages.append(message)
        if self._length <= self._longest < self._length + len(rest):
            self.too_long += 1
        self._length += len(rest)
        self._pieces = [*self._pieces, rest] if self._length <= self._longest else []
        return messages

    def _message(self, last: bytes) -> dict[str, Any] | None:
        if self._length + len(last) > self._longest:
            self.too_long += self._length <= self._longest
            return None
        try:
            message = json.loads(b"".join([*self._pieces, last]).decode())
        except (ValueError, RecursionError):
            message = None
        if isinstance(message, dict):
            return message
        self.noise += 1
        return None
