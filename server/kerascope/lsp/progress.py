"""Work-done progress: tells the client what takes long, where the client shows such things."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from lsprotocol import types

if TYPE_CHECKING:
    from kerascope.lsp.server import Server

_Value: TypeAlias = types.WorkDoneProgressBegin | types.WorkDoneProgressReport | types.WorkDoneProgressEnd


class Shown:
    """One piece of work in the client's view; without a token it isn't shown."""

    def __init__(self, server: Server, token: int | str | None) -> None:
        self._server = server
        self._token = token

    def begin(self, title: str, cancel: Callable[[], None] | None = None) -> None:
        """`cancel` is called if the person cancels the work, in the thread that reads."""
        if cancel is not None and self._token is not None:
            self._server.inbox.on_cancel("progress", self._token, cancel)
        self._notify(types.WorkDoneProgressBegin(title=title, cancellable=cancel is not None))

    def report(self, message: str, percentage: int | None = None) -> None:
        self._notify(types.WorkDoneProgressReport(message=message, percentage=percentage))

    def end(self, message: str | None = None) -> None:
        if self._token is not None:
            self._server.inbox.is_over("progress", self._token)
        self._notify(types.WorkDoneProgressEnd(message=message))

    def _notify(self, value: _Value) -> None:
        if self._token is not None:
            self._server.protocol.notify(types.PROGRESS, types.ProgressParams(self._token, value))


class Progress:
    """Begins and ends pieces of work in the client's view."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._shown = server.client.supports("window.workDoneProgress")

    def created(self) -> Shown:
        """Progress of the server's own, where the client shows such."""
        if not self._shown:
            return Shown(self._server, None)
        token = f"kerascope-{uuid.uuid4()}"
        self._server.ask(types.WINDOW_WORK_DONE_PROGRESS_CREATE, types.WorkDoneProgressCreateParams(token))
        return Shown(self._server, token)

    @contextmanager
    def working(self, title: str) -> Iterator[None]:
        """Show `title` for as long as the block runs."""
        shown = self.created()
        shown.begin(title)
        try:
            yield
        finally:
            shown.end()
