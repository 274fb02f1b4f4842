"""Applies fixes to a document, round after round, until nothing is left to mend; for the editor and the
command line."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from kerascope.failures import survived
from kerascope.rules.rule import Finding, Fix
from kerascope.source.document import Document
from kerascope.source.position import Edit, Range

ROUNDS = 10
"""A fix may make place for the next. Rules that undo each other's fixes would never end."""


def fixed(
    document: Document, check: Callable[[Document], Sequence[Finding]], *, unsafe: bool
) -> tuple[Document, int]:
    """`document` with its findings' fixes applied (`unsafe`: all of them, not only the safe), and how many.

    `check` gives the findings of a version of it. A fix is left out where the result would not parse.
    """
    count = 0
    for _ in range(ROUNDS):
        fixes = list(_fixes(check(document), document, unsafe))
        after, applied = _applied(document, fixes)
        if not applied:
            break
        document = after
        count += applied
    return document, count


def difference(before: Document, after: Document) -> list[Edit]:
    """Edits, of whole lines, that make one document of the other: all about places in the first."""
    old, new = _lines(before.text), _lines(after.text)
    offsets = [0]
    for line in old:
        offsets.append(offsets[-1] + len(line))
    return [
        Edit(
            Range(before.position_of(offsets[start]), before.position_of(offsets[end])),
            "".join(new[new_start:new_end]),
        )
        for kind, start, end, new_start, new_end in SequenceMatcher(None, old, new).get_opcodes()
        if kind != "equal"
    ]


def _fixes(findings: Iterable[Finding], document: Document, unsafe: bool) -> Iterator[Fix]:
    for finding in findings:
        if finding.make_fix is None:
            continue
        fix = None
        with survived(f"making the fix for {finding.code} in {document.path}"):
            fix = finding.make_fix(document)
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


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)
