"""Messages in and out of a stream: the protocol's framing, and nothing of its meaning."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any, BinaryIO

LARGEST_MESSAGE = 512 * 1024 * 1024
"""No editor sends as much; a larger length is a broken or hostile header, and is never allocated."""


class Connection:
    """A client at the other end of two byte streams. One thread reads, one thread writes."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink

    def read(self) -> bytes | None:
        """The body of the next message; None when the client has closed the stream."""
        length: int | None = None
        while True:
            try:
                header = self._source.readline(4096)
            except (OSError, ValueError):
                return None
            if not header:
                return None
            header = header.strip()
            if header:
                name, _, value = header.partition(b":")
                if name.strip().lower() == b"content-length":
                    value = value.strip()
                    length = int(value) if value.isdigit() and len(value) < 12 else None
            elif length is not None:
                if length > LARGEST_MESSAGE:
                    return None
                return self._read_exactly(length)

    def _read_exactly(self, length: int) -> bytes | None:
        try:
            body = self._source.read(length)
        except (OSError, ValueError):
            return None
        return body if len(body) == length else None

    def write(self, data: bytes) -> None:
        """Send bytes that are framed already. A client that is gone is not an error of ours."""
        with suppress(OSError, ValueError):
            self._sink.write(data)
            self._sink.flush()

    def send(self, message: dict[str, Any]) -> None:
        """Frame and send one message."""
        body = json.dumps(message, separators=(",", ":")).encode()
        self.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def send_result(self, request: int | str, result: object) -> None:
        self.send({"jsonrpc": "2.0", "id": request, "result": result})

    def send_error(self, request: int | str | None, code: int, message: str) -> None:
        self.send({"jsonrpc": "2.0", "id": request, "error": {"code": code, "message": message}})

    def close(self) -> None:
        """Nothing is sent any more."""
        with suppress(OSError, ValueError):
            self._sink.close()
