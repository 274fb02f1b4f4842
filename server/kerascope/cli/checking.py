"""Checks one file or text: its findings with their fixes, whatever goes wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kerascope.cli.left_out import left_out
from kerascope.cli.results import FileResult, Found, without_fix_maker
from kerascope.source.encoding import Unreadable, read

if TYPE_CHECKING:
    from kerascope.check import Checker
    from kerascope.rules.rule import Finding
    from kerascope.source.document import Document

PATIENCE = 20.0
"""Seconds for Jedi's answers about one file."""


def check_file(checker: Checker, path: str) -> FileResult:
    """Check one file and make its fixes. Whatever goes wrong becomes the result's `problem`."""
    if checker.project.document(path) is None:
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
