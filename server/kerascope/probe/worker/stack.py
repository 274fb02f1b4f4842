"""Which line was running when a check was ended or crashed: faulthandler's dump, read."""

from __future__ import annotations

import faulthandler
import os
import re
import signal
import time
from typing import Any, Dict, List, Mapping, Sequence

ASK = getattr(signal, "SIGUSR2", None)
"""The signal at which a check writes down where it is."""

_FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$')


def write_on_request(path: str) -> int:
    """From now on this process writes its stack to the file when it is asked to, and when it crashes."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        import fcntl

        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 200)
        os.close(descriptor)
        descriptor = high
    except (ImportError, OSError):
        pass
    faulthandler.enable(descriptor, all_threads=True)
    if ASK is not None:
        faulthandler.register(ASK, descriptor, all_threads=True)
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


def frames(path: str, modules: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """The user's frames of the last dump in the file, outermost first."""
    texts = {_dumped(str(module["path"])): module for module in modules}
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 200_000))
            dump = file.read().decode("ascii", "replace")
    except OSError:
        return []
    stacks: List[List[Dict[str, Any]]] = []
    for line in dump.splitlines():
        found = _FRAME.match(line)
        if found is None:
            if "most recent call first" in line or not stacks:
                stacks.append([])
        elif found.group(1) in texts and stacks:
            module = texts[found.group(1)]
            number = int(found.group(2))
            lines = str(module["text"]).splitlines()
            text = lines[number - 1].strip() if 0 < number <= len(lines) else ""
            stacks[-1].append(
                {"path": module["path"], "line": number, "function": found.group(3), "text": text}
            )
    with_frames = [stack for stack in stacks if stack]
    return list(reversed(with_frames[-1])) if with_frames else []


def _dumped(path: str) -> str:
    """A path as faulthandler writes it: ASCII, with escapes, cut at 500 characters."""
    cut = path if len(path) <= 500 else path[:500] + "..."
    return "".join(
        c
        if " " <= c <= "~"
        else ("\\x%02x" if ord(c) < 256 else "\\u%04x" if ord(c) < 65536 else "\\U%08x") % ord(c)
        for c in cut
    )


def innermost(path: str) -> str:
    """The innermost frame of the last dump in the file, as `file.py:12 in name`; empty if there is none."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            dump = file.read().rpartition("most recent call first")[2]
    except OSError:
        return ""
    for line in dump.splitlines():
        found = _FRAME.match(line)
        if found and not found.group(1).startswith("<frozen"):
            name = os.path.join(*found.group(1).split(os.sep)[-2:])
            return "{}:{} in {}".format(name, found.group(2), found.group(3))
    return ""
