"""Whether a report still speaks of a text that has changed, found out from the changed lines alone.

Preparing a check tells exactly, but takes long where much has to run. While a person types, this is enough:
a change in a statement that was run makes the report stale, one elsewhere moves what stands below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerascope.lsp.positions import split_lines

if TYPE_CHECKING:
    from kerascope.probe.report import Report
    from kerascope.probe.request import SlicedModule
    from kerascope.source.document import Document


@dataclass(frozen=True, slots=True)
class Basis:
    """What is known exactly: reports, the documents of which they speak, and the lines of these that are run
    (from 0). `seconds`: what finding it out took."""

    reports: tuple[Report, ...]
    documents: Mapping[str, Document | None]
    lines: Mapping[str, frozenset[int]]
    seconds: float

    def is_of(self, documents: Mapping[str, Document | None]) -> bool:
        """Whether these are the documents."""
        return all(documents.get(path) is document for path, document in self.documents.items())

    def moved(self, now: Mapping[str, Document | None]) -> Basis | None:
        """The same about the documents as they are now; None if lines that are run changed."""
        moves = self.moves(now)
        if moves is None:
            return None
        from kerascope.probe.build_check import moved

        lines = dict(self.lines)
        for path, found in moves.items():
            lines[path] = frozenset(line - 1 for line in found.values())
        documents = {path: now[path] for path in self.documents}
        reports = tuple(moved(report, moves) for report in self.reports)
        return Basis(reports, documents, lines, self.seconds)

    def moves(self, now: Mapping[str, Document | None]) -> dict[str, dict[int, int]] | None:
        """By file, for the lines that are run, where they are now (both from 1); None if they changed."""
        moves = {}
        for path, before in self.documents.items():
            document = now.get(path)
            if document is before:
                continue
            if document is None or before is None:
                return None
            found = _moves(before, document, self.lines.get(path, frozenset()))
            if found is None:
                return None
            moves[path] = found
        return moves


def lines_run(modules: Iterable[SlicedModule]) -> dict[str, frozenset[int]]:
    """The lines that are run, by file, from 0: the others are blank."""
    found: dict[str, set[int]] = {}
    for module in modules:
        full = (number for number, line in enumerate(split_lines(module.text)) if line.strip())
        found.setdefault(module.path, set()).update(full)
    return {path: frozenset(lines) for path, lines in found.items()}


def _moves(before: Document, now: Document, lines: frozenset[int]) -> dict[int, int] | None:
    old, new = split_lines(before.text), split_lines(now.text)
    first = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    same = 0
    while same < min(len(old), len(new)) - first and old[-1 - same] == new[-1 - same]:
        same += 1
    grown = len(new) - len(old)
    if any(line.strip() for line in (*old[first : len(old) - same], *new[first : len(new) - same])):
        inside = range(first, len(new) - same)
        if not lines.isdisjoint(range(first, len(old) - same)) or any(
            not lines.isdisjoint(part) for part in _around(now, inside, grown)
        ):
            return None
    return {number + 1: number + 1 + (grown if number >= len(old) - same else 0) for number in lines}


def _around(now: Document, inside: range, grown: int) -> Iterator[range]:
    """The rest of the statements in which the lines `inside` are new, as lines of the text before."""
    for statement in now.statements:
        start = now.line_of(statement) or 0
        if start < max(inside.stop, inside.start):
            # What is blank at its end belongs to nobody.
            end = start + len(split_lines(statement.text.rstrip()))
            if inside.start < end:
                yield range(start, inside.start)
                yield range(inside.stop - grown, end - grown)
