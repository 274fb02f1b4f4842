"""One check in the process that is there for it: where its results go, what its code finds around itself."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from typing import AbstractSet as Set
from typing import Any, Callable

from . import imports

CUT_OFF = 113
"""Exit status of a check whose code has closed the way for its results."""


class Sender:
    """The way of a check's results: only this process, only this pipe, whatever the user's code did to it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._process = os.getpid()
        self._pipe = _identity(descriptor)

    @property
    def works(self) -> bool:
        return _identity(self._descriptor) == self._pipe

    def __call__(self, message: dict[str, Any]) -> None:
        if os.getpid() != self._process or not self.works:
            return
        data = memoryview(json.dumps(message, default=str).encode() + b"\n")
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._descriptor, data) :]


def _identity(descriptor: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def settle_in(place: str) -> None:
    """Files without a folder, and temporary ones, are made in `place` from now on."""
    os.chdir(place)
    os.environ["TMPDIR"] = os.environ["TEMP"] = os.environ["TMP"] = place
    tempfile.tempdir = None


def run(request: dict[str, Any], send: Callable[[dict[str, Any]], None], known: Set[str]) -> None:
    """Runs a check; whatever leaves it is told as how it ended.

    `known`: modules that were imported before; others that are installed are told at the end.
    """
    from .check import run_check

    def say(message: dict[str, Any]) -> None:
        if "done" in message:
            flush()
            with contextlib.suppress(Exception):
                send({"imported": imports.came_since(known, request)})
        send(message)

    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]

    try:
        run_check(request, say)
    except MemoryError:
        say({"done": {"status": "memory", "message": ""}})
    except BaseException as error:
        say({"done": {"status": "crashed", "message": imports.said(error)}})


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def out_of_the_way(descriptor: int) -> int:
    """The descriptor under a high number, where code that closes the first few doesn't meet it."""
    try:
        from fcntl import F_DUPFD_CLOEXEC, fcntl

        for number in (700, 200):
            with contextlib.suppress(OSError):
                high = fcntl(descriptor, F_DUPFD_CLOEXEC, number)
                os.close(descriptor)
                return high
    except ImportError:
        pass
    return descriptor


def speak_into(descriptor: int) -> None:
    """Standard output and error go to the descriptor, which is closed."""
    flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
