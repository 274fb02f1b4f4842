"""What the server tells the person at the keyboard: one line each in the editor's log, never a traceback.

Whoever wants more sets the client's trace to "verbose": then tracebacks come as trace messages.
"""

from __future__ import annotations

import logging
import re
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from kerascope.lsp.server import Server

_LINE_NUMBER = re.compile(r":\d+:")


class Log(logging.Handler):
    """Sends lines to the client's log; what Kerascope's packages log arrives here too."""

    def __init__(self, server: Server) -> None:
        super().__init__(logging.WARNING)
        self._server = server
        self._said: set[str] = set()
        self.verbose = server.client.params.get("trace") == types.TraceValue.Verbose.value

    def emit(self, record: logging.LogRecord) -> None:
        """Called in whichever thread logs; the client hears of it from the working thread."""
        kind = types.MessageType.Error if record.levelno >= logging.ERROR else types.MessageType.Warning
        line = record.getMessage()
        self._server.later(lambda: self._say(kind, line))

    def info(self, line: str) -> None:
        self._say(types.MessageType.Info, line)

    def warning(self, line: str) -> None:
        self._say(types.MessageType.Warning, line)

    def show(self, line: str, kind: types.MessageType = types.MessageType.Warning) -> None:
        """Something that the person is to see now."""
        self._server.window_show_message(types.ShowMessageParams(kind, line))

    def once(self, line: str, kind: types.MessageType = types.MessageType.Warning) -> None:
        """Something that is worth one line however often its cause returns; what is no warning may do so on
        another line of the file."""
        what = _LINE_NUMBER.sub(":", line) if kind == types.MessageType.Info else line
        if what not in self._said:
            self._said.add(what)
            self._say(kind, line)

    def failure(self, what: str, error: BaseException) -> None:
        """Something of ours failed; the server goes on."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
        reason = (str(error).splitlines() or [""])[0][:300]
        self._say(types.MessageType.Error, f"{what} failed: {type(error).__name__}: {reason}{place}")
        if self.verbose:
            self._server.protocol.notify(
                types.LOG_TRACE,
                types.LogTraceParams(message=what, verbose="".join(traceback.format_exception(error))),
            )

    def _say(self, kind: types.MessageType, line: str) -> None:
        self._server.window_log_message(types.LogMessageParams(kind, line))
