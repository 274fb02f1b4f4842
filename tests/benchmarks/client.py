"""An editor with a stop-watch: it speaks to one server process and knows when each answer came.

It reads in the calling thread, so that no thread of its own stands between an answer and the clock.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

Json = dict[str, Any]

CAPABILITIES: Json = {
    "general": {"positionEncodings": ["utf-16"]},
    "workspace": {"configuration": True, "workspaceFolders": True},
    "textDocument": {
        "synchronization": {"didSave": True},
        "publishDiagnostics": {"relatedInformation": True, "versionSupport": True},
    },
    "window": {"workDoneProgress": True},
}
"""An editor to which diagnostics are sent; it doesn't ask for them."""


class Gone(Exception):
    """The server ended, or said nothing for too long."""


class Client:
    """One server process, from its start."""

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self._input = self.process.stdin
        self._output = self.process.stdout.fileno()
        self._buffer = b""
        self._requests = 0
        self._answers: dict[int, Json] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def initialize(self) -> float:
        """Introduce the editor. Gives the seconds from the start of the process to the server's answer."""
        uri = self.folder.as_uri()
        params = {
            "processId": os.getpid(),
            "rootUri": uri,
            "workspaceFolders": [{"uri": uri, "name": self.folder.name}],
            "capabilities": CAPABILITIES,
        }
        self.answer(self.ask("initialize", params), patience=120)
        seconds = time.perf_counter() - self.started
        self.notify("initialized", {})
        return seconds

    def open(self, uri: str, text: str) -> None:
        item = {"uri": uri, "languageId": "python", "version": 0, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, uri: str, version: int, change: Json) -> None:
        document = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    def diagnostics(self, uri: str, version: int | None, patience: float = 60) -> list[Json]:
        """Wait for the diagnostics of this version; of any, if the server doesn't say which."""
        while True:
            message = self._receive(patience)
            if message.get("method") != "textDocument/publishDiagnostics":
                continue
            params = message["params"]
            if params["uri"] == uri and (version is None or params.get("version") in (version, None)):
                diagnostics: list[Json] = params["diagnostics"]
                return diagnostics

    def ask(self, method: str, params: Json) -> int:
        """Send a request; `answer` waits for what the server says to it."""
        self._requests += 1
        self._send({"id": self._requests, "method": method, "params": params})
        return self._requests

    def answered(self, request: int) -> bool:
        """Whether the answer has been read, while something else was waited for."""
        return request in self._answers

    def answer(self, request: int, patience: float = 60) -> Any:
        """The result of a request."""
        while request not in self._answers:
            self._receive(patience)
        message = self._answers.pop(request)
        if "error" in message:
            raise RuntimeError(f"{self.process.args!r}: {message['error']['message']}")
        return message["result"]

    def settle(self, quiet: float) -> None:
        """Take in what else the server has to say, until it has been silent for so many seconds."""
        while self._read(quiet):
            while (message := self._next()) is not None:
                self._answer(message)

    def notify(self, method: str, params: Json) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: Json) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._input.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._input.flush()

    def _receive(self, patience: float) -> Json:
        """The next message; what the server asks is answered on the way."""
        while (message := self._next()) is None:
            if not self._read(patience):
                raise Gone(f"{self.process.args!r} was silent for {patience} seconds")
        self._answer(message)
        return message

    def _read(self, patience: float) -> bool:
        if not select.select([self._output], [], [], patience)[0]:
            return False
        data = os.read(self._output, 1 << 20)
        if not data:
            raise Gone(f"{self.process.args!r} ended with status {self.process.wait()}")
        self._buffer += data
        return True

    def _next(self) -> Json | None:
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n"))
        length = int(fields[b"content-length"])
        if len(rest) < length:
            return None
        self._buffer = rest[length:]
        message: Json = json.loads(rest[:length])
        return message

    def _answer(self, message: Json) -> None:
        if "id" in message and "method" in message:
            result = None
            if message["method"] == "workspace/configuration":
                result = [None] * len(message["params"]["items"])
            self._send({"id": message["id"], "result": result})
        elif "id" in message:
            self._answers[message["id"]] = message
