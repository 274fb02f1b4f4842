"""Checks many files: in this process, or in several where that is faster.

Each process keeps a checker of its own, so files that lie together are checked together.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby, pairwise
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kerascope.cli.checking import check_file
from kerascope.cli.results import FileResult

if TYPE_CHECKING:
    from kerascope.check import Checker

MakeChecker = Callable[[], "Checker"]
"""Makes the checker; can be pickled, for each process makes its own."""

BYTES_PER_PROCESS = 300_000
"""So much source takes about as long to check as a process to start."""
BYTES_PER_CHUNK = 50_000
"""So much is handed to a process at once, or less: else one process would end long before the others."""
CHUNKS_PER_PROCESS = 4
"""At least so many, for the same reason."""
AHEAD = 2
"""Chunks that a process has: one to check, one to go on with while its results are fetched."""

_DIED = "Kerascope's process ended while checking it; please report that."

Chunk = Sequence[str]


def check_files(make: MakeChecker, files: Sequence[str], jobs: int | None) -> Iterator[FileResult]:
    """Check `files`, in any order. `jobs`: how many processes, None for as many as pay."""
    sizes = {path: _size(path) for path in files}
    if jobs is None:
        jobs = min(_processors(), sum(sizes.values()) // BYTES_PER_PROCESS)
    jobs = min(jobs, len(files), 60)  # Windows can't wait for more
    if jobs <= 1:
        _let_trees_live()
        checker = make()
        for path in files:
            yield check_file(checker, path)
    else:
        size = min(BYTES_PER_CHUNK, sum(sizes.values()) // (jobs * CHUNKS_PER_PROCESS))
        yield from _in_processes(make, _shares(list(_chunks(files, sizes, size)), jobs))


def _processors() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _chunks(files: Sequence[str], sizes: dict[str, int], size: int) -> Iterator[Chunk]:
    """Neighbouring files, enough for a while's work; a folder isn't split where it fits."""
    chunk: list[str] = []
    total = 0
    for _, together in groupby(files, key=os.path.dirname):
        for path in together:
            chunk.append(path)
            total += sizes[path]
            if total >= 2 * size:
                yield chunk
                chunk, total = [], 0
        if total >= size:
            yield chunk
            chunk, total = [], 0
    if chunk:
        yield chunk


def _shares(chunks: Sequence[Chunk], jobs: int) -> list[deque[Chunk]]:
    """Neighbours for each process: what one file has read of others helps with the next."""
    ends = [len(chunks) * number // jobs for number in range(jobs + 1)]
    return [deque(chunks[start:end]) for start, end in pairwise(ends) if start < end]


def _let_trees_live() -> None:
    """Syntax trees live long and are many: looking through them again and again frees nothing."""
    gc.freeze()
    gc.set_threshold(2_000_000, 20, 100)


# --- several processes ---


class _Process:
    """A process that checks the chunks that it is sent, in their order."""

    def __init__(self, make: MakeChecker) -> None:
        # Where forking is safe (no threads here), a new process has everything imported already.
        if sys.platform == "linux":
            import kerascope.check
            import kerascope.project.inference  # noqa: F401

            context = multiprocessing.get_context("fork")
        else:
            context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.chunks: deque[Chunk] = deque()
        """What it was sent and hasn't answered."""
        self._process = context.Process(target=_serve, args=(theirs, self.connection, make), daemon=True)
        self._process.start()
        theirs.close()

    def send(self, chunk: Chunk) -> None:
        self.chunks.append(chunk)
        with suppress(OSError):  # it has died, and whoever waits for its answer will see that
            self.connection.send(chunk)

    def answer(self) -> list[FileResult] | None:
        """The results of the oldest chunk; None if the process has died."""
        try:
            results: list[FileResult] = self.connection.recv()
        except (EOFError, OSError):
            return None
        self.chunks.popleft()
        return results

    def end(self, *, at_once: bool) -> None:
        """End it: `at_once` also in the middle of its work."""
        if at_once:
            self._process.terminate()
        else:
            with suppress(OSError):
                self.connection.send(None)
        self._process.join()
        self.connection.close()


def _serve(connection: Connection, other_end: Connection, make: MakeChecker) -> None:
    """In a new process. An interrupt from the keyboard is for the main process, which ends this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    other_end.close()  # else this process would keep it open, and never learn that the main one has gone
    _let_trees_live()
    checker = make()
    with suppress(EOFError, OSError):
        while (chunk := connection.recv()) is not None:
            connection.send([check_file(checker, path) for path in chunk])


def _in_processes(make: MakeChecker, shares: list[deque[Chunk]]) -> Iterator[FileResult]:
    """Each process goes through its share, and then takes from the end of the largest that is left."""
    processes = {process.connection: (process, share) for share in shares for process in [_Process(make)]}
    lost: list[str] = []
    finished = False
    try:
        for process, share in processes.values():
            _supply(process, share, shares)
        while working := [each for each, (process, _) in processes.items() if process.chunks]:
            for connection in wait(working):
                process, share = processes[cast(Connection, connection)]
                results = process.answer()
                if results is None:
                    lost += [path for chunk in process.chunks for path in chunk]
                    del processes[process.connection]
                    process.end(at_once=True)
                    process, results = _Process(make), []
                    processes[process.connection] = process, share
                _supply(process, share, shares)
                yield from results
        finished = True
    finally:
        for process, _ in processes.values():
            process.end(at_once=not finished)
    yield from _one_by_one(make, lost)


def _supply(process: _Process, share: deque[Chunk], shares: Sequence[deque[Chunk]]) -> None:
    """Send a process what it is to do next."""
    while len(process.chunks) < AHEAD:
        largest = max(shares, key=len)
        if share:
            process.send(share.popleft())
        elif largest:
            process.send(largest.pop())
        else:
            return


def _one_by_one(make: MakeChecker, files: Sequence[str]) -> Iterator[FileResult]:
    """A process died. Find out by which file, and check the others."""
    process: _Process | None = None
    try:
        for path in files:
            process = process or _Process(make)
            process.send([path])
            results = process.answer()
            if results is None:
                process.end(at_once=True)
                process = None
            yield from results or [FileResult(path, problem=_DIED, crashed=True)]
    finally:
        if process is not None:
            process.end(at_once=True)
