"""Which line was running when a check was ended or crashed: faulthandler's dump, read."""

from __future__ import annotations

import faulthandler
import os
import re
import signal
import time
import types
from typing import Any, Mapping, NoReturn, Sequence

from .one_check import out_of_the_way

ASK = getattr(signal, "SIGUSR2", None)
"""The signal at which a check writes down where it is."""

_exit = os._exit
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$')


def write_on_request(path: str) -> int:
    """From now on this process writes its stack to the file when asked to, and before it crashes or exits."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    descriptor = out_of_the_way(descriptor)
    faulthandler.enable(descriptor, all_threads=True)
    if ASK is not None:
        faulthandler.register(ASK, descriptor, all_threads=True)
    process = os.getpid()

    def exit_(status: int) -> NoReturn:
        if os.getpid() == process:
            faulthandler.dump_traceback(descriptor, all_threads=False)
        _exit(status)

    os._exit = exit_
    return descriptor


def ask(process: int, path: str, patience: float = 0.25) -> None:
    """Has the process write its stack, and waits until it did."""
    if ASK is None:
        return
    try:
        before = os.path.getsize(path)
        os.kill(process, ASK)
        last, until = before, time.monotonic() + patience
        while time.monotonic() < until:
            time.sleep(0.01)
            size = os.path.getsize(path)
            if size > before and size == last:
                return
            last = size
    except OSError:
        pass


def dump(path: str) -> str:
    """What a process has written; empty if nothing."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 200_000))
            return file.read().decode("ascii", "replace")
    except OSError:
        return ""


def frames(dump: str, modules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The user's frames of the last stack in a dump, outermost first."""
    texts = {_dumped(str(module["path"])): module for module in modules}
    stacks: list[list[dict[str, Any]]] = []
    for line in dump.splitlines():
        found = _FRAME.match(line)
        if found is None:
            if "most recent call first" in line or not stacks:
                stacks.append([])
        elif found.group(1) in texts and stacks:
            stacks[-1].append(_frame(texts[found.group(1)], int(found.group(2)), found.group(3)))
    with_frames = [stack for stack in stacks if stack]
    return list(reversed(with_frames[-1])) if with_frames else []


def frames_of(
    innermost: types.FrameType | None, modules: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The user's frames among those of a thread, outermost first."""
    texts = {str(module["path"]): module for module in modules}
    found = []
    while innermost is not None:
        code = innermost.f_code
        if code.co_filename in texts:
            found.append(_frame(texts[code.co_filename], innermost.f_lineno, code.co_name))
        innermost = innermost.f_back
    return list(reversed(found))


def _frame(module: Mapping[str, Any], line: int, function: str) -> dict[str, Any]:
    lines = str(module["text"]).splitlines()
    text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return {"path": module["path"], "line": line, "function": function, "text": text}


def _dumped(path: str) -> str:
    """A path as faulthandler writes it: ASCII, with escapes, cut at 500 characters."""
    cut = path if len(path) <= 500 else path[:500] + "..."
    return "".join(
        c
        if " " <= c <= "~"
        else ("\\x%02x" if ord(c) < 256 else "\\u%04x" if ord(c) < 65536 else "\\U%08x") % ord(c)
        for c in cut
    )


def innermost(dump: str) -> str:
    """The innermost frame of the last stack in a dump, as `file.py:12 in name`; empty if there is none."""
    for line in dump.rpartition("most recent call first")[2].splitlines():
        found = _FRAME.match(line)
        if found and not found.group(1).startswith("<frozen"):
            name = os.path.join(*found.group(1).split(os.sep)[-2:])
            return f"{name}:{found.group(2)} in {found.group(3)}"
    return ""
