"""Applies fixes to files: round after round, until nothing is left to mend."""

from __future__ import annotations

import ast
import contextlib
import difflib
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kerascope.cli.workers import findings_of
from kerascope.rules.rule import Finding, Fix
from kerascope.source.document import Document
from kerascope.source.encoding import SourceText, Unreadable, encode, read
from kerascope.source.position import Edit

if TYPE_CHECKING:
    from kerascope.check import Checker

ROUNDS = 10
"""A fix may make place for the next. Rules that undo each other's fixes would never end."""


def fixed(checker: Checker, document: Document, *, unsafe: bool) -> tuple[Document, int]:
    """`document` with its findings' fixes applied (`unsafe`: all of them, not only the safe), and how many.

    The checker's project has the result as its open document afterwards. A fix is left out where the result
    would not parse.
    """
    count = 0
    checker.project.open(document)
    for _ in range(ROUNDS):
        fixes = list(_fixes(findings_of(checker, document.path)[0], document, unsafe))
        after, applied = _applied(document, fixes)
        if not applied:
            break
        document = after
        count += applied
        checker.project.open(document)
    return document, count


def write(path: str, source: SourceText, text: str) -> str | None:
    """Write `text` over the file that `source` was read from, in its encoding; what went wrong, or None."""
    data = encode(text, source)
    if isinstance(data, Unreadable):
        return data.message
    if read(path) != source:
        return "The file has changed meanwhile and was not fixed."
    try:
        _replace(Path(path).resolve(), data)
    except OSError as error:
        return f"The fixed file can't be written: {error.strerror or error}."
    return None


def diff(shown: str, before: str, after: str) -> str:
    """The unified diff between two texts of a file."""
    lines = difflib.unified_diff(_lines(before), _lines(after), shown, shown)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _fixes(findings: Iterable[Finding], document: Document, unsafe: bool) -> Iterator[Fix]:
    for finding in findings:
        fix = finding.make_fix(document) if finding.make_fix else None
        if fix and fix.edits and (fix.safe or unsafe):
            yield fix


def _applied(document: Document, fixes: Sequence[Fix]) -> tuple[Document, int]:
    """`document` with those of `fixes` that neither touch each other nor break it."""
    chosen = _apart(fixes)
    together = _with(document, chosen)
    if together is None:
        return document, 0
    if _parses_as_well(document, together):
        return together, len(chosen)
    for fix in chosen:
        alone = _with(document, [fix])
        if alone is not None and _parses_as_well(document, alone):
            return alone, 1
    return document, 0


def _apart(fixes: Sequence[Fix]) -> list[Fix]:
    """The fixes without those that change what an earlier one changes."""
    chosen: list[Fix] = []
    taken: set[Edit] = set()
    for fix in fixes:
        edits = set(fix.edits)
        if any(_touch(edit, other) for edit in edits for other in taken):
            continue
        chosen.append(fix)
        taken |= edits
    return chosen


def _touch(edit: Edit, other: Edit) -> bool:
    return edit.range.start <= other.range.end and other.range.start <= edit.range.end


def _with(document: Document, fixes: Sequence[Fix]) -> Document | None:
    """The document after `fixes`; None if that changes nothing. From the end on, so that no place moves."""
    edits = sorted((edit for fix in fixes for edit in fix.edits), key=lambda edit: edit.range, reverse=True)
    after = document.edited(edits, document.version)
    return None if after.text == document.text else after


def _parses_as_well(before: Document, after: Document) -> bool:
    """Whether nothing is broken after that wasn't before."""
    if _parses(before.text):
        return _parses(after.text)
    broken = {statement.text for statement in before.walk() if statement.broken}
    return all(statement.text in broken for statement in after.walk() if statement.broken)


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _replace(path: Path, data: bytes) -> None:
    """Write `data` in one step where the folder allows it: a crash leaves the old file or the new one."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError:
        path.write_bytes(data)
        return
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        shutil.copystat(path, name)
        with contextlib.suppress(OSError, AttributeError):
            status = path.stat()
            os.chown(name, status.st_uid, status.st_gid)
        # What was copied is the old file's time as well; a build tool or our own cache must see the change.
        os.utime(name)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _lines(text: str) -> list[str]:
    """For `patch`, lines end at line feeds only."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
