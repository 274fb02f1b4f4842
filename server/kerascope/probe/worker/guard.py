"""Top-level code of the slice is kept from what a check has no business to do: network, files, programs.

The slice leaves such statements out; this is for what slips through. It isn't a sandbox.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Iterator, Mapping


class NotRun(Exception):
    """Raised where top-level code does what the build check doesn't let it do."""


_NETWORK = {
    "socket.connect": "open a network connection",
    "socket.bind": "open a network port",
    "socket.getaddrinfo": "look up a network address",
    "socket.gethostbyname": "look up a network address",
    "urllib.Request": "load from the network",
}
_PROGRAMS = {
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "os.fork",
    "os.forkpty", "pty.spawn",
}  # fmt: skip
_CHANGES = {
    "os.remove": "remove a file",
    "os.rmdir": "remove a folder",
    "shutil.rmtree": "remove a folder",
    "os.rename": "rename a file",
    "os.mkdir": "make a folder",
    "os.link": "write a file",
    "os.symlink": "write a file",
    "os.truncate": "write a file",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_slice: set[str] | None = None
_allowed = ""
_installed = False


@contextlib.contextmanager
def guarded(request: Mapping[str, Any]) -> Iterator[None]:
    """While the slice's top level is run. The present folder, which is a temporary one, may be written to."""
    global _slice, _allowed, _installed
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    before = _slice
    _allowed = os.path.join(os.path.realpath(os.getcwd()), "")
    _slice = {str(module["path"]) for module in request["slice"]["modules"]}
    try:
        yield
    finally:
        _slice = before


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _slice is None:
        return
    what = _forbidden(event, arguments)
    if what is None:
        return
    where = _responsible(_slice)
    if where is not None:
        raise NotRun(
            f"line {where[1]} of {os.path.basename(where[0])} tried to {what}: "
            "top-level code of a file may not do that in the build check."
        )


def _forbidden(event: str, arguments: tuple[Any, ...]) -> str | None:
    if event == "open":
        path, _, flags = (*arguments, None, None)[:3]
        writes = isinstance(flags, int) and flags & _WRITING
        return f"write the file {path}" if writes and _outside(path) else None
    if event in _NETWORK:
        return _NETWORK[event]
    if event in _PROGRAMS:
        return "start a program"
    if event in _CHANGES:
        return _CHANGES[event] if any(_outside(path) for path in arguments[:2] if _is_path(path)) else None
    return None


def _is_path(value: object) -> bool:
    return isinstance(value, (str, bytes, os.PathLike))


def _outside(path: object) -> bool:
    if not _is_path(path):
        return False
    real = os.path.realpath(os.fsdecode(path))  # type: ignore[arg-type]
    return not (real.startswith((_allowed, "/dev/")) or real + os.sep == _allowed)


def _responsible(files: set[str]) -> tuple[str, int] | None:
    """The slice's line that does it; None if it's done by a package while that is imported."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name in files:
            return name, frame.f_lineno
        if name.startswith("<frozen importlib"):
            return None
        frame = frame.f_back  # type: ignore[assignment]
    return None
