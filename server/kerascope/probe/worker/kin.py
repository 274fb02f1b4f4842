"""The processes that a check leaves: finding them and ending them, whatever they did to get away.

On Linux the keeper adopts every orphan below it, so whatever has lost its parent is its child. Elsewhere the
process table is read through `ps`: descendants, and processes with the worker's mark in their environment.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from typing import Iterable, Iterator

MARK = "KERASCOPE_WORKER"
"""The environment variable that all processes of one worker have in common."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_ROUNDS = 400
_PATIENCE = 0.01


def _prctl(option: int, value: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes

        return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)
    except Exception:
        return False


def adopt_orphans() -> bool:
    """Whether this process gets the orphans below it as children (Linux)."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """This process is killed when its parent ends (Linux); it must have forked it in a thread that stays."""
    if _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) and os.getppid() != parent:
        os._exit(0)


def end(process: int) -> None:
    """Kills a process."""
    send(process, signal.SIGKILL)


def send(process: int, what: int) -> None:
    """Sends a process a signal; 0 is no process."""
    if process > 0:
        with contextlib.suppress(OSError):
            os.kill(process, what)


def end_group(leader: int) -> None:
    """Kills a process that leads a group, and the group."""
    if leader <= 1:
        return
    with contextlib.suppress(OSError):
        os.killpg(leader, signal.SIGKILL)
    end(leader)


def reap() -> dict[int, int]:
    """The children of this process that have ended, with their exit status, less than 0 for a signal."""
    ended: dict[int, int] = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                break
            ended[child] = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return ended


def end_orphans(spared: Iterable[int]) -> dict[int, int]:
    """Kills all children of this process but the spared ones, and theirs in turn; returns what was reaped."""
    spared = set(spared)
    ended = reap()
    for _ in range(_ROUNDS):
        orphans = [child for child in _children(os.getpid()) if child not in spared]
        if not orphans:
            break
        for orphan in orphans:
            end(orphan)
        ended.update(reap())
        if any(orphan not in ended for orphan in orphans):
            time.sleep(_PATIENCE)
            ended.update(reap())
    return ended


def _children(process: int) -> list[int]:
    try:
        with open(f"/proc/{process}/task/{process}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return [child for child, parent in _parents() if parent == process]


def _parents() -> Iterator[tuple[int, int]]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError), open(
                f"/proc/{name}/stat", "rb"
            ) as file:
                yield int(name), int(file.read().rpartition(b")")[2].split()[1])


def descendants(process: int) -> set[int]:
    """All processes below one, by `ps`: for systems where orphans aren't adopted."""
    parents = {}
    for line in _ps("-Ao", "pid=,ppid="):
        with contextlib.suppress(ValueError):
            child, parent = map(int, line.split())
            parents[child] = parent
    found: set[int] = set()
    grew = True
    while grew:
        new = {c for c, p in parents.items() if (p == process or p in found) and c not in found}
        found |= new
        grew = bool(new)
    return found


def marked(mark: str) -> set[int]:
    """All processes that carry the mark in their environment, but this one."""
    found: set[int] = set()
    wanted = (MARK + "=" + mark).encode()
    if os.path.isdir("/proc/self"):
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                    if wanted in file.read().split(b"\0"):
                        found.add(int(name))
    elif os.name == "posix":
        for line in _ps("axEww", "-o", "pid=,command="):
            number = re.match(r"\s*(\d+)", line)
            if number and wanted.decode() in line.split():
                found.add(int(number.group(1)))
    return found - {os.getpid()}


def end_marked(mark: str, spared: Iterable[int] = ()) -> None:
    """Kills every process with the mark, until there is none."""
    for _ in range(20):
        left = marked(mark) - set(spared)
        if not left:
            return
        for process in left:
            end(process)
        time.sleep(_PATIENCE)


def _ps(*arguments: str) -> list[str]:
    try:
        answer = subprocess.run(
            ["ps", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return answer.stdout.decode("utf-8", "replace").splitlines()


def memory_of(process: int) -> int:
    """Bytes that belong to the process alone; 0 if that can't be told."""
    try:
        with open(f"/proc/{process}/status") as file:
            found = re.findall(r"^(?:RssAnon|RssShmem|VmSwap):\s*(\d+) kB", file.read(), re.M)
        return sum(map(int, found)) * 1024
    except OSError:
        pass
    if sys.platform.startswith("linux"):
        return 0
    answer = _ps("-o", "rss=", "-p", str(process))
    return int(answer[0]) * 1024 if answer and answer[0].strip().isdigit() else 0
