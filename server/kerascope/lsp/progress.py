"""Work-done progress: tells the client what takes long, where the client shows such things."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from kerascope.lsp.server import Server


class Progress:
    """Begins and ends pieces of work in the client's view."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._shown = server.client.supports("window.workDoneProgress")
        server.on(types.WINDOW_WORK_DONE_PROGRESS_CANCEL, lambda params: None)

    @contextmanager
    def working(self, title: str) -> Iterator[None]:
        """Show `title` for as long as the block runs."""
        if not self._shown:
            yield
            return
        token = f"kerascope-{uuid.uuid4()}"
        self._server.ask(
            types.WINDOW_WORK_DONE_PROGRESS_CREATE,
            types.WorkDoneProgressCreateParams(token),
        )
        self._notify(token, types.WorkDoneProgressBegin(title=title, cancellable=False))
        try:
            yield
        finally:
            self._notify(token, types.WorkDoneProgressEnd())

    def _notify(self, token: str, value: types.WorkDoneProgressBegin | types.WorkDoneProgressEnd) -> None:
        self._server.protocol.notify(types.PROGRESS, types.ProgressParams(token=token, value=value))
