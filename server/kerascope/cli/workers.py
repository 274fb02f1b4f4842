"""Checks many files: in this process, or in several where that is faster.

Each process keeps a checker of its own, so files that lie together are checked together.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from kerascope.cli.left_out import left_out
from kerascope.cli.results import FileResult, Found, without_fix_maker
from kerascope.source.encoding import Unreadable, read

if TYPE_CHECKING:
    from kerascope.check import Checker
    from kerascope.rules.rule import Finding
    from kerascope.source.document import Document

MakeChecker = Callable[[], "Checker"]
"""Makes the checker; can be pickled, for each process makes its own."""

BYTES_PER_PROCESS = 300_000
"""So much source takes about as long to check as a process to start."""
BYTES_PER_CHUNK = 150_000

PATIENCE = 20.0
"""Seconds for Jedi's answers about one file."""

_DIED = "Kerascope's process ended while checking it; please report that."


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
        yield from _in_processes(make, list(_chunks(files, sizes)), jobs)


def check_file(checker: Checker, path: str) -> FileResult:
    """Check one file and make its fixes. Whatever goes wrong becomes the result's `problem`."""
    source = read(path)
    if isinstance(source, Unreadable):
        return FileResult(path, problem=source.message)
    return _check(checker, path)


def check_text(checker: Checker, document: Document) -> FileResult:
    """As `check_file`, for a text that is in no file."""
    checker.project.open(document)
    return _check(checker, document.path)


def _check(checker: Checker, path: str) -> FileResult:
    try:
        findings, complete = findings_of(checker, path)
        document = checker.project.document(path)
        in_cells = path.endswith(".ipynb")  # whose file is not the text that a fix would change
        found = tuple(
            Found(
                without_fix_maker(finding),
                finding.make_fix(document) if finding.make_fix and document and not in_cells else None,
            )
            for finding in findings
        )
        reads = checker.dependencies(path) if complete else None
        return FileResult(path, found, reads=reads, left_out=tuple(left_out(document)) if document else ())
    except RecursionError:
        return FileResult(path, problem="It is nested too deeply to be checked.")
    except MemoryError:
        return FileResult(path, problem="There is not enough memory to check it.")
    except Exception as error:
        if os.environ.get("KERASCOPE_TRACEBACK"):
            raise
        text = " ".join(f"{type(error).__name__}: {error}".split())
        return FileResult(path, problem=f"Kerascope failed on it; please report that. ({text})", crashed=True)
    finally:
        checker.trim()


def findings_of(checker: Checker, path: str) -> tuple[Sequence[Finding], bool]:
    """The findings of one file, and whether everything that was asked of Jedi for it was answered.

    An editor shows what is known and refines it later; who runs a command waits for the answers.
    """
    findings = checker.check(path)
    inference = checker.project.inference
    deadline = time.monotonic() + PATIENCE
    while inference is not None and inference.pending():
        left = deadline - time.monotonic()
        if left <= 0:
            inference.cancel(path)
            return findings, False
        if inference.run_pending(left):
            findings = checker.check(path)
    return findings, True


def _processors() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _chunks(files: Sequence[str], sizes: dict[str, int]) -> Iterator[list[str]]:
    """Neighbouring files, enough for a while's work; a folder isn't split where it fits."""
    chunk: list[str] = []
    total = 0
    for _, together in groupby(files, key=os.path.dirname):
        for path in together:
            chunk.append(path)
            total += sizes[path]
            if total >= 2 * BYTES_PER_CHUNK:
                yield chunk
                chunk, total = [], 0
        if total >= BYTES_PER_CHUNK:
            yield chunk
            chunk, total = [], 0
    if chunk:
        yield chunk


_checker: Checker | None = None


def _start(make: MakeChecker) -> None:
    """In a new process. An interrupt from the keyboard is for the main process, which ends this one."""
    global _checker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _let_trees_live()
    _checker = make()


def _let_trees_live() -> None:
    """Syntax trees live long and are many: looking through them again and again frees nothing."""
    gc.freeze()
    gc.set_threshold(2_000_000, 20, 100)


def _check_chunk(chunk: Sequence[str]) -> list[FileResult]:
    assert _checker is not None
    return [check_file(_checker, path) for path in chunk]


def _in_processes(make: MakeChecker, chunks: Iterable[list[str]], jobs: int) -> Iterator[FileResult]:
    waiting = {tuple(chunk) for chunk in chunks}
    pool = _pool(make, jobs)
    finished = False
    try:
        futures: dict[Future[list[FileResult]], tuple[str, ...]] = {
            pool.submit(_check_chunk, chunk): chunk for chunk in sorted(waiting)
        }
        for future in as_completed(futures):
            results = future.result()
            waiting.discard(futures[future])
            yield from results
        finished = True
    except BrokenProcessPool:
        pass
    finally:
        # Who interrupts doesn't wait; else the processes end before this one, which would trip over them.
        pool.shutdown(wait=finished, cancel_futures=True)
    for chunk in sorted(waiting):
        yield from _one_by_one(make, chunk)


def _one_by_one(make: MakeChecker, files: Sequence[str]) -> Iterator[FileResult]:
    """A process died. Find out by which file, and check the others."""
    pool = _pool(make, 1)
    for path in files:
        try:
            yield from pool.submit(_check_chunk, [path]).result()
        except BrokenProcessPool:
            yield FileResult(path, problem=_DIED, crashed=True)
            pool.shutdown(wait=False)
            pool = _pool(make, 1)
    pool.shutdown()


def _pool(make: MakeChecker, jobs: int) -> ProcessPoolExecutor:
    # Where forking is safe (no threads here), a new process has everything imported already.
    method = "fork" if sys.platform == "linux" else "spawn"
    if method == "fork":
        import kerascope.check
        import kerascope.project.inference  # noqa: F401
    context = multiprocessing.get_context(method)
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=(make,))
