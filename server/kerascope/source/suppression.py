"""Suppression comments: `# kerascope: ignore[KS101]`, `# kerascope: ignore-file`, `# noqa: KS101`.

Only comments count, never text inside strings. A comment suppresses findings that start on its own line,
and findings that start on any line of the logical line which the comment stands in or ends: behind the
closing bracket of a call over several lines it speaks for all of that call, but behind the last line of a
function only for that line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from weakref import WeakKeyDictionary

from kerascope.source.cutting import comments
from kerascope.source.document import Document
from kerascope.source.position import Position, Range
from kerascope.source.statement import Statement

SuppressionKind = Literal["ignore", "ignore-file", "noqa"]

_DIRECTIVE = re.compile(
    r"""
    \#[ \t]*
    (?: kerascope[ \t]*:[ \t]*(?P<kind>ignore-file|ignore)(?![\w-])
        (?P<bracket>[ \t]*\[(?P<codes>[^\]\#]*)\]?)?
      | (?P<noqa>(?i:noqa))(?![\w-])
        (?:[ \t]*:[ \t]*(?P<list>[A-Za-z]+[0-9]+(?:[, \t]+[A-Za-z]+[0-9]+)*))?
    )
    """,
    re.VERBOSE,
)
_CODE = re.compile(r"[^\s,]+")
_OURS = re.compile(r"KS\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SuppressedCode:
    """A code in a suppression comment, in capitals, and where it stands."""

    code: str
    range: Range


@dataclass(frozen=True, slots=True)
class Suppression:
    """One suppression comment.

    `codes` are those that it names (of a `noqa`, Kerascope's only); `all_codes`: it names none, and so means
    all. `range` is the comment's from its `#` to the end of what was understood, `lines` the first and last
    line on which findings that it suppresses may start. An `ignore[]` names no code and suppresses nothing.
    """

    kind: SuppressionKind
    codes: tuple[SuppressedCode, ...]
    all_codes: bool
    range: Range
    lines: tuple[int, int]

    @property
    def reportable(self) -> bool:
        """Whether to say so when it suppresses nothing: a bare `noqa` may be for other tools."""
        return not (self.kind == "noqa" and self.all_codes)

    def suppresses(self, code: str, line: int) -> bool:
        """Whether it suppresses a finding with `code` that starts on `line` (from 0)."""
        if self.kind != "ignore-file" and not self.lines[0] <= line <= self.lines[1]:
            return False
        return self.all_codes or any(each.code == code for each in self.codes)


def suppressions(document: Document) -> tuple[Suppression, ...]:
    """The suppression comments of a document, in order."""
    if not any(_mentions(statement) for statement in document.statements):
        return ()
    found: list[Suppression] = []
    for statement in document.walk():
        own = _of_statement(statement)
        if own:
            base = document.line_of(statement) or 0
            found += [_moved(each, base) for each in own]
    return tuple(found)


_mentioning: WeakKeyDictionary[Statement, bool] = WeakKeyDictionary()


def _mentions(statement: Statement) -> bool:
    """Whether a statement may have a comment of ours; looked up once for each."""
    known = _mentioning.get(statement)
    if known is None:
        known = _mentioning[statement] = _mentioned(statement.text)
    return known


def _mentioned(text: str) -> bool:
    # Looking for each spelling in use takes microseconds, looking without regard to case milliseconds.
    return "kerascope" in text or "noqa" in text or "NOQA" in text or "NoQA" in text


def _of_statement(statement: Statement) -> tuple[Suppression, ...]:
    if statement._suppressions is None:
        own = statement.own_text
        statement._suppressions = tuple(_found(statement)) if _mentioned(own) else ()
    return statement._suppressions


def _found(statement: Statement) -> Sequence[Suppression]:
    found: list[Suppression] = []
    lead = len(statement.lead)
    for comment in comments(statement.own_text):
        offset = lead if comment.line == 0 else 0
        for match in _DIRECTIVE.finditer(comment.text):
            column = comment.column + offset

            def place(start: int, end: int, line: int = comment.line, column: int = column) -> Range:
                return Range(Position(line, column + start), Position(line, column + end))

            listed = "codes" if match["kind"] else "list"
            start = match.start(listed)
            codes = tuple(
                SuppressedCode(code[0].upper(), place(start + code.start(), start + code.end()))
                for code in _CODE.finditer(match[listed] or "")
                if match["kind"] or _OURS.match(code[0])
            )
            all_codes = match["bracket"] is None and match["list"] is None
            if not match["kind"] and not all_codes and not codes:
                continue
            kind: SuppressionKind = "noqa"
            if match["kind"]:
                kind = "ignore-file" if match["kind"] == "ignore-file" else "ignore"
            lines = (comment.first_line, comment.line)
            found.append(Suppression(kind, codes, all_codes, place(*match.span()), lines))
    return found


def _moved(suppression: Suppression, lines: int) -> Suppression:
    def moved(range: Range) -> Range:
        start, end = range.start, range.end
        return Range(Position(start.line + lines, start.column), Position(end.line + lines, end.column))

    return Suppression(
        suppression.kind,
        tuple(SuppressedCode(each.code, moved(each.range)) for each in suppression.codes),
        suppression.all_codes,
        moved(suppression.range),
        (suppression.lines[0] + lines, suppression.lines[1] + lines),
    )
