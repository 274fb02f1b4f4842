"""The server: takes one message after the other, and works on documents while none waits.

Everything that belongs to it (documents, folders, checkers) is touched by one thread alone, the one that
runs `Server.run`; other threads hand work to it through the inbox. Each feature is a file beside this one.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcMethodNotFound
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol

from kerascope import __version__
from kerascope.lsp.building import Building
from kerascope.lsp.code_actions import CodeActions
from kerascope.lsp.commands import Commands
from kerascope.lsp.connection import Connection
from kerascope.lsp.diagnostics import Diagnostics
from kerascope.lsp.documents import Documents
from kerascope.lsp.greeting import Client
from kerascope.lsp.hints import Hints
from kerascope.lsp.hover import Hover
from kerascope.lsp.inbox import Broken, Call, Closed, Inbox, Message
from kerascope.lsp.lenses import Lenses
from kerascope.lsp.log import Log
from kerascope.lsp.notebooks import Notebooks
from kerascope.lsp.progress import Progress
from kerascope.lsp.report_documents import ReportDocuments
from kerascope.lsp.settings import EditorSettings
from kerascope.lsp.watching import Watching
from kerascope.lsp.workspace import OpenProject, Workspace

_ABOUT_DOCUMENTS = ("textDocument/", "codeAction/", types.WORKSPACE_EXECUTE_COMMAND)
INVALID_REQUEST, INVALID_PARAMS, METHOD_NOT_FOUND, CANCELLED = -32600, -32602, -32601, -32800


class _Protocol(LanguageServerProtocol):
    """pygls' protocol without features of its own: `greeting` and `documents` see to those."""

    def _register_builtin_features(self) -> None:
        pass


class Server(LanguageServer):
    """One client's server, from after `initialize` to the end of the connection."""

    def __init__(
        self, connection: Connection, inbox: Inbox, client: Client, open_project: OpenProject
    ) -> None:
        super().__init__("kerascope", __version__, protocol_cls=_Protocol)
        logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)
        self.protocol.set_writer(connection)
        self.connection = connection
        self.inbox = inbox
        self.client = client
        self._apart: dict[str, Callable[[int | str, Any], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._shut_down = False

        self.log = Log(self)
        logging.getLogger("kerascope").addHandler(self.log)
        self.indicator = Progress(self)
        self.settings = EditorSettings(self)
        self.workspace_folders = Workspace(self, open_project)
        self.documents = Documents(self)
        self.notebooks = Notebooks(self)
        self.diagnostics = Diagnostics(self)
        self.code_actions = CodeActions(self)
        self.hover = Hover(self)
        self.watching = Watching(self)
        self.building = Building(self)
        self.commands = Commands(self)
        self.lenses = Lenses(self)
        self.hints = Hints(self)
        self.report_documents = ReportDocuments(self)
        self.on(types.INITIALIZED, self._initialized)
        self.on(types.SHUTDOWN, self._shutdown)
        self.on(types.SET_TRACE, self._set_trace)

    def on(self, method: str, handler: Callable[[Any], Any], empty: object = None) -> None:
        """Answer `method` by `handler`. If it fails, the failure is logged and the answer is `empty`."""

        def guarded(params: Any) -> Any:
            try:
                return handler(params)
            except JsonRpcException:
                raise
            except Exception as error:
                self.log.failure(method, error)
                return empty

        self.feature(method)(guarded)

    def on_apart(self, method: str, handler: Callable[[int | str, Any], None]) -> None:
        """Let `handler` see to the requests of `method`: it gets the request and the parameters as they came,
        and answers by `answer` or `refuse`, whenever it can."""
        self._apart[method] = handler

    def answer(self, request: int | str, result: object) -> None:
        self.connection.send_result(request, result)

    def refuse(self, request: int | str, code: int, message: str) -> None:
        self.connection.send_error(request, code, message)

    def after(self, seconds: float, work: Callable[[], None]) -> None:
        """Do `work` in the working thread, some time from now."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), work))

    def later(self, work: Callable[[], None]) -> None:
        """Do `work` in the working thread, soon; any thread may ask."""
        self.inbox.put(Call(work))

    def ask(self, method: str, params: object, then: Callable[[Any], None] = lambda _: None) -> None:
        """Send a request. `then` gets the answer, whenever it comes; None for an error."""

        def settle(done: Future[Any]) -> None:
            try:
                then(None if done.cancelled() or done.exception() else done.result())
            except Exception as error:
                self.log.failure(f"the answer to {method}", error)

        self.protocol.send_request(method, params).add_done_callback(settle)

    def run(self) -> None:
        """Work until the client is gone."""
        while True:
            entry = self.inbox.get(self._patience())
            try:
                if isinstance(entry, Closed):
                    break
                if isinstance(entry, Call):
                    entry.work()
                elif isinstance(entry, Broken):
                    self.connection.send_error(None, entry.code, entry.reason)
                elif entry is not None:
                    self._handle(entry)
                elif not self._run_timer():
                    self.diagnostics.work()
            except Exception as error:
                self.log.failure("the server's work", error)
        logging.getLogger("kerascope").removeHandler(self.log)
        self.building.close()
        self.report_documents.close()
        self.workspace_folders.close()

    def _patience(self) -> float | None:
        """How long to wait for a message: not at all while there is work."""
        if self.diagnostics.has_work():
            return 0
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _run_timer(self) -> bool:
        if not self._timers or self._timers[0][0] > time.monotonic():
            return False
        heapq.heappop(self._timers)[2]()
        return True

    def _handle(self, message: Message) -> None:
        """One message: what is malformed gets an error, what is cancelled isn't begun."""
        method, request = message.get("method"), message.get("id")
        asked = isinstance(method, str) and isinstance(request, int | str)
        try:
            if asked and self.inbox.cancelled(request):
                return self.connection.send_error(request, CANCELLED, "cancelled")
            if self._shut_down and method is not None:
                if asked:
                    self.connection.send_error(request, INVALID_REQUEST, "the server is shutting down")
                return None
            if asked and method == types.INITIALIZE:
                return self.connection.send_error(request, INVALID_REQUEST, "initialize was sent twice")
            if method is not None and method not in (*self._apart, *self.protocol.fm.features):
                if asked:
                    error = JsonRpcMethodNotFound.of(str(method))
                    self.connection.send_error(request, METHOD_NOT_FOUND, error.message)
                return None
            if asked and not self.settings.ready and str(method).startswith(_ABOUT_DOCUMENTS):
                return self.inbox.set_aside(message)
            if isinstance(request, int | str) and method in self._apart:
                return self._handle_apart(str(method), request, message.get("params"))
            try:
                structured = self.protocol.structure_message({"jsonrpc": "2.0", **message})
            except Exception:
                if asked:
                    self.connection.send_error(request, INVALID_PARAMS, f"malformed parameters for {method}")
                elif method is not None:
                    self.log.once(f"{method} was ignored: its parameters are malformed")
                return None
            if asked and not hasattr(structured, "id"):
                return self.connection.send_error(request, INVALID_REQUEST, f"{method} is not a request")
            if asked and getattr(structured, "id", None) is None:
                return self.connection.send_error(request, INVALID_REQUEST, f"{method} is a notification")
            self.protocol.handle_message(structured)
        finally:
            if asked:
                self.inbox.answered(request)

    def _handle_apart(self, method: str, request: int | str, params: Any) -> None:
        try:
            self._apart[method](request, params)
        except Exception as error:
            self.log.failure(method, error)
            self.answer(request, None)

    def _initialized(self, _: types.InitializedParams) -> None:
        self.watching.register()
        self.settings.request()

    def _shutdown(self, _: object) -> None:
        self._shut_down = True

    def _set_trace(self, params: types.SetTraceParams) -> None:
        self.log.verbose = params.value == types.TraceValue.Verbose
