"""The messages that wait for the server, filled by the thread that reads and emptied by the one that works.

Because reading never waits for work, the server knows what the person did meanwhile: which requests
were cancelled, and whether a document has changed again.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from kerascope.lsp.connection import Connection

Message = dict[str, Any]
Cancellable = Literal["request", "progress"]


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that arrived and is no message."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The last entry: the client said `exit`, or is gone."""


@dataclass(frozen=True, slots=True)
class Call:
    """Work that another thread hands to the working thread."""

    work: Callable[[], None]


Entry = Message | Broken | Closed | Call


class Inbox:
    """A queue that can be looked into."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._aside: list[Message] = []
        self._arrived = threading.Condition()
        self._cancelled: set[int | str] = set()
        self._running: int | str | None = None
        self._watched: dict[tuple[Cancellable, int | str], Callable[[], None]] = {}

    def put(self, entry: Entry) -> None:
        with self._arrived:
            self._entries.append(entry)
            self._arrived.notify()

    def get(self, timeout: float | None) -> Entry | None:
        """The oldest entry; None if there is none after `timeout` seconds."""
        with self._arrived:
            if not self._entries and not self._arrived.wait_for(lambda: bool(self._entries), timeout):
                return None
            entry = self._entries.popleft()
            self._running = entry.get("id") if isinstance(entry, dict) else None
            return entry

    def set_aside(self, message: Message) -> None:
        """Handle this message only after `take_up`."""
        with self._arrived:
            self._aside.append(message)

    def take_up(self) -> None:
        """What was set aside comes next, in its order."""
        with self._arrived:
            self._entries.extendleft(reversed(self._aside))
            self._aside.clear()

    def changes_waiting(self, uri: str) -> bool:
        """Whether a message about the text of this document waits to be handled."""
        with self._arrived:
            return any(isinstance(entry, dict) and _document_changed(entry) == uri for entry in self._entries)

    def on_cancel(self, what: Cancellable, name: int | str, work: Callable[[], None]) -> None:
        """Do `work` as soon as the client cancels this, in the reading thread: nothing can delay it."""
        with self._arrived:
            self._watched[what, name] = work

    def is_over(self, what: Cancellable, name: int | str) -> None:
        """It can't be cancelled any more."""
        with self._arrived:
            self._watched.pop((what, name), None)

    def cancel(self, what: Cancellable, name: int | str) -> None:
        """The client wants that no more."""
        with self._arrived:
            work = self._watched.pop((what, name), None)
        if work is not None:
            work()
        elif what == "request":
            self._note_cancelled(name)

    def _note_cancelled(self, request: int | str) -> None:
        """Note that nobody wants the answer to `request` any more, if it has not been answered yet."""
        with self._arrived:
            waits = any(
                isinstance(entry, dict) and entry.get("id") == request and "method" in entry
                for entry in (*self._entries, *self._aside)
            )
            if waits or self._running == request:
                self._cancelled.add(request)

    def cancelled(self, request: int | str | None) -> bool:
        return request in self._cancelled

    def answered(self, request: int | str | None) -> None:
        with self._arrived:
            self._cancelled.discard(request)
            self._running = None


_CANCELLATIONS: dict[object, tuple[Cancellable, str]] = {
    "$/cancelRequest": ("request", "id"),
    "window/workDoneProgress/cancel": ("progress", "token"),
}
_CHANGES = {
    f"{kind}/{event}": kind
    for kind in ("textDocument", "notebookDocument")
    for event in ("didChange", "didClose", "didOpen")
}


def _document_changed(message: Message) -> str | None:
    kind = _CHANGES.get(str(message.get("method")))
    if kind is None:
        return None
    try:
        uri = message["params"][kind]["uri"]
    except (KeyError, TypeError):
        return None
    return uri if isinstance(uri, str) else None


def read_messages(connection: Connection, inbox: Inbox) -> int:
    """Fill `inbox` until the client exits or is gone. Gives the exit status that the protocol asks for."""
    shut_down = False
    while (body := connection.read()) is not None:
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            inbox.put(Broken(-32700, "a message is not JSON"))
            continue
        if not isinstance(message, dict):
            inbox.put(Broken(-32600, "a message is not an object"))
            continue
        method = message.get("method")
        if method == "exit":
            break
        if method in _CANCELLATIONS:
            what, key = _CANCELLATIONS[method]
            params = message.get("params")
            name = params.get(key) if isinstance(params, dict) else None
            if isinstance(name, int | str):
                inbox.cancel(what, name)
            continue
        shut_down = shut_down or method == "shutdown"
        inbox.put(message)
    inbox.put(Closed())
    return 0 if shut_down else 1
