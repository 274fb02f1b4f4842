"""`kerascope server`: a client on the standard streams or on a socket, until it leaves.

The calling thread reads; a second one works. Nothing heavy is imported before `initialize` is answered.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from kerascope.lsp.connection import Connection
from kerascope.lsp.greeting import Client, greet
from kerascope.lsp.inbox import Inbox, read_messages

if TYPE_CHECKING:
    from kerascope.lsp.workspace import OpenProject

STACK = 64 * 1024 * 1024
"""Deeply nested code needs a deep stack; some systems give threads half a megabyte."""
FAREWELL = 2.0
"""Seconds that work under way gets to end after the client has left."""


def serve_stdio(open_project: OpenProject | None = None) -> int:
    """Serve the client on standard input and output. Gives the process' exit status."""
    source, sink = _take_standard_streams()
    return _serve(Connection(source, sink), open_project)


def serve_tcp(host: str, port: int, open_project: OpenProject | None = None) -> int:
    """Wait for one client on a socket, and serve it. Standard error says on which port, if that is 0."""
    try:
        listener = socket.create_server((host, port))
    except (OSError, OverflowError) as error:
        print(f"kerascope: cannot listen on {host}:{port}: {error}", file=sys.stderr)
        return 2
    with listener:
        print(f"kerascope: listening on {host}:{listener.getsockname()[1]}", file=sys.stderr, flush=True)
        client, _ = listener.accept()
    with client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _serve(Connection(client.makefile("rb"), client.makefile("wb")), open_project)


def _take_standard_streams() -> tuple[BinaryIO, BinaryIO]:
    """The streams for the protocol alone: what else prints goes to standard error, what reads finds
    nothing."""
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, sink


def _serve(connection: Connection, open_project: OpenProject | None) -> int:
    client = greet(connection)
    if isinstance(client, int):
        return client
    inbox = Inbox()
    threading.stack_size(STACK)
    worker = threading.Thread(
        target=_work, args=(connection, inbox, client, open_project), name="kerascope-work", daemon=True
    )
    worker.start()
    threading.stack_size(0)
    # In a container the editor's process may be out of sight: then there is nothing to watch.
    if client.process is not None and _alive(client.process):
        threading.Thread(target=_leave_with, args=(client.process,), daemon=True).start()
    status = read_messages(connection, inbox)
    worker.join(FAREWELL)
    _flush_standard_error()
    if worker.is_alive() or threading.active_count() > 1:
        os._exit(status)
    return status


def _work(connection: Connection, inbox: Inbox, client: Client, open_project: OpenProject | None) -> None:
    # Loading makes hundreds of thousands of objects that live as long as the process: collecting
    # garbage between them only costs time.
    gc.disable()
    try:
        from kerascope.lsp.server import Server

        if open_project is None:
            from kerascope.lsp.opening import CheckedProject

            open_project = CheckedProject
        server = Server(connection, inbox, client, open_project)
    except Exception as error:
        message = f"Kerascope could not start: {type(error).__name__}: {error}"
        connection.send(
            {"jsonrpc": "2.0", "method": "window/showMessage", "params": {"type": 1, "message": message}}
        )
        os._exit(1)
    gc.freeze()
    gc.enable()
    server.run()


def _leave_with(process: int) -> None:
    """End when the editor's process has: some die without closing our streams."""
    while _alive(process):
        time.sleep(3)
    _flush_standard_error()
    os._exit(1)


def _alive(process: int) -> bool:
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(0x00100000, False, process)
        if not handle:
            return False
        try:
            return bool(kernel.WaitForSingleObject(handle, 0) == 0x102)
        finally:
            kernel.CloseHandle(handle)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _flush_standard_error() -> None:
    with suppress(OSError, ValueError):
        sys.stderr.flush()
