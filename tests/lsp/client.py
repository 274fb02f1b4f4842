"""A small client of our own: the framing and the bookkeeping of an editor, over the real process' streams."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Json = dict[str, Any]
PATIENCE = 60.0
"""Seconds before a silent server fails a test; nothing waits that long while all is well."""
NEWS = ("workspace/codeLens/refresh", "workspace/diagnostic/refresh", "textDocument/publishDiagnostics")
"""What the server sends where something that it answered before is another now."""


class ServerGone(Exception):
    """The server closed its side."""


class ResponseError(Exception):
    """The server answered a request with an error."""

    def __init__(self, error: Json) -> None:
        super().__init__(error.get("message"))
        self.code: int = error["code"]
        self.error = error


class Client:
    """Talks to one server process. Messages from the server are kept in the order of their arrival."""

    def __init__(
        self, command: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, env=env
        )
        self.messages: list[tuple[float, Json]] = []
        """Notifications and requests of the server, with the time of their arrival."""
        self.logs: list[str] = []
        self.answers: dict[str, Callable[[Any], object]] = {}
        """How this client answers the server's requests, by method; None is the answer to all others."""
        self.silent: set[str] = set()
        """Requests of the server that this client never answers."""
        self.stderr = ""
        self._incoming: queue.Queue[tuple[float, Json] | None] = queue.Queue()
        self._responses: dict[int, Json] = {}
        self._number = 0
        self._seen = 0
        for work in (self._read, self._read_errors):
            threading.Thread(target=work, daemon=True).start()

    # ---- the wire

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        try:
            while True:
                length = 0
                while header := stream.readline().strip():
                    name, _, value = header.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                if not length:
                    break
                self._incoming.put((time.perf_counter(), json.loads(stream.read(length))))
        except (OSError, ValueError):
            pass
        self._incoming.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.stderr += line.decode(errors="replace")

    def send_raw(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: object) -> None:
        body = json.dumps(message).encode()
        self.send_raw(b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def notify(self, method: str, params: object = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def begin(self, method: str, params: object = None) -> int:
        """Send a request without waiting for its answer."""
        self._number += 1
        self.send({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        return self._number

    def response(self, number: int, patience: float = PATIENCE) -> Any:
        """The answer to the request that `begin` numbered."""
        deadline = time.monotonic() + patience
        while number not in self._responses:
            self._take(deadline)
        response = self._responses.pop(number)
        if "error" in response:
            raise ResponseError(response["error"])
        return response["result"]

    def request(self, method: str, params: object = None, patience: float = PATIENCE) -> Any:
        return self.response(self.begin(method, params), patience)

    def _take(self, deadline: float) -> None:
        """Take in one message, or fail after the deadline."""
        try:
            item = self._incoming.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise TimeoutError(f"the server is silent; {self._said()}") from None
        if item is None:
            raise ServerGone(f"exit status {self.process.poll()}; {self._said()}")
        moment, message = item
        if "method" not in message:
            if message.get("id") is None:
                self.messages.append((moment, message))
            else:
                self._responses[message["id"]] = message
            return
        self.messages.append((moment, message))
        if message["method"] == "window/logMessage":
            self.logs.append(message["params"]["message"])
        if "id" in message and message["method"] not in self.silent:
            answer = self.answers.get(message["method"], lambda _: None)(message.get("params"))
            self.send({"jsonrpc": "2.0", "id": message["id"], "result": answer})

    def _said(self) -> str:
        return f"its log: {self.logs}; its standard error: {self.stderr[-2000:]}"

    def wait(self, wanted: Callable[[Json], bool], patience: float = PATIENCE) -> tuple[float, Json]:
        """The next message that is `wanted`, those included that came since the last `wait`."""
        deadline = time.monotonic() + patience
        while True:
            while self._seen < len(self.messages):
                moment, message = self.messages[self._seen]
                self._seen += 1
                if wanted(message):
                    return moment, message
            self._take(deadline)

    def settle(self, seconds: float = 0.3) -> None:
        """Take in whatever comes until the server has been silent for so long."""
        while True:
            try:
                self._take(time.monotonic() + seconds)
            except TimeoutError:
                return

    def until(self, ask: Callable[[], T], wanted: T) -> None:
        """Asks, and asks again whenever the server says that there is news, until the answer is `wanted`."""
        while ask() != wanted:
            self.wait(lambda message: message.get("method") in NEWS)

    # ---- an editor's life

    def initialize(self, params: Json, settings: object = None) -> Json:
        if settings is not None:
            self.answers["workspace/configuration"] = lambda asked: [settings for _ in asked["items"]]
        result: Json = self.request("initialize", params)
        self.notify("initialized", {})
        return result

    def open(self, uri: str, text: str, version: int = 1, language: str = "python") -> None:
        item = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, uri: str, version: int, *changes: Json) -> None:
        document = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": list(changes)})

    def replace(self, uri: str, version: int, text: str) -> None:
        self.change(uri, version, {"text": text})

    def close(self, uri: str) -> None:
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def diagnostics(self, uri: str, version: int | None = None, patience: float = PATIENCE) -> list[Json]:
        """The next diagnostics that the server sends for a document (at this version)."""
        return self.timed_diagnostics(uri, version, patience)[1]

    def timed_diagnostics(
        self, uri: str, version: int | None = None, patience: float = PATIENCE
    ) -> tuple[float, list[Json]]:
        def wanted(message: Json) -> bool:
            params = message.get("params") or {}
            return (
                message.get("method") == "textDocument/publishDiagnostics"
                and params.get("uri") == uri
                and (version is None or params.get("version", version) == version)
            )

        moment, message = self.wait(wanted, patience)
        return moment, message["params"]["diagnostics"]

    def published(self, uri: str) -> Iterator[Json]:
        """Every set of diagnostics that came for a document so far."""
        for _, message in self.messages:
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri:
                yield message["params"]

    def actions(
        self, uri: str, place: Json, diagnostics: Sequence[Json] = (), only: Sequence[str] | None = None
    ) -> list[Json]:
        context: Json = {"diagnostics": list(diagnostics)}
        if only is not None:
            context["only"] = list(only)
        params = {"textDocument": {"uri": uri}, "range": place, "context": context}
        return self.request("textDocument/codeAction", params) or []

    def shut_down(self) -> int:
        """Say goodbye as the protocol asks, and give the server's exit status."""
        self.request("shutdown")
        self.notify("exit")
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


@contextmanager
def running(
    command: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Client]:
    """A server process with its client; ended by force if it doesn't end by itself."""
    client = Client(command, cwd, env)
    try:
        yield client
    finally:
        client.kill()


def place(line: int, character: int, end_line: int | None = None, end_character: int | None = None) -> Json:
    """A range in the client's units; without an end, the place alone."""
    return {
        "start": {"line": line, "character": character},
        "end": {
            "line": line if end_line is None else end_line,
            "character": character if end_character is None else end_character,
        },
    }


def units(text: str, encoding: str) -> int:
    """The length of `text` as a client counts it."""
    name, size = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]
    return len(text.encode(name, "surrogatepass")) // size


def apply(text: str, changes: Sequence[Json], encoding: str = "utf-16") -> str:
    """`text` after a server's text edits, as an editor applies them: all against the same text."""
    starts = [0]
    for index, character in enumerate(text):
        if character == "\n" or (character == "\r" and text[index + 1 : index + 2] != "\n"):
            starts.append(index + 1)

    def offset(where: Json) -> int:
        begin = starts[where["line"]]
        left = where["character"]
        while left > 0:
            left -= units(text[begin], encoding)
            begin += 1
        return begin

    spans = [
        (offset(change["range"]["start"]), offset(change["range"]["end"]), change["newText"])
        for change in changes
    ]
    for start, end, new in sorted(spans, reverse=True):
        text = text[:start] + new + text[end:]
    return text
