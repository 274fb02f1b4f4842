"""Places in the client's units, and back.

The protocol counts columns in UTF-8, UTF-16 or UTF-32 units, whichever was agreed on; Kerascope counts
code points. Lines end at line feeds, carriage returns, or both, and at nothing else.
"""

from __future__ import annotations

import re
from typing import Literal

from lsprotocol import types

from kerascope.source.position import Edit, Position, Range

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z")


def split_lines(text: str) -> list[str]:
    """The lines of `text` with their ends; the last one has none, and may be empty."""
    if "\r" in text:
        lines = _LINE.findall(text)
        if not lines or lines[-1].endswith(("\r", "\n")):
            lines.append("")
        return lines
    lines = [line + "\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines


class Lines:
    """The lines of one document, kept through its edits so that no keystroke costs the whole text."""

    __slots__ = ("_encoding", "_lines")

    def __init__(self, text: str, encoding: Encoding) -> None:
        self._lines = split_lines(text)
        self._encoding = encoding

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def text(self) -> str:
        return "".join(self._lines)

    def line(self, number: int) -> str:
        """One line without its end; empty past the end of the text."""
        if 0 <= number < len(self._lines):
            return self._lines[number].rstrip("\r\n")
        return ""

    def position(self, place: types.Position) -> Position:
        """A client's place; one past the end of its line or of the text means that end."""
        if place.line < 0:
            return Position(0, 0)
        if place.line >= len(self._lines):
            last = len(self._lines) - 1
            return Position(last, len(self.line(last)))
        return Position(place.line, _column(self.line(place.line), place.character, self._encoding))

    def range(self, place: types.Range) -> Range:
        start, end = self.position(place.start), self.position(place.end)
        return Range(start, end) if start <= end else Range(end, start)

    def to_client(self, place: Range) -> types.Range:
        return types.Range(self._to_client(place.start), self._to_client(place.end))

    def _to_client(self, place: Position) -> types.Position:
        return types.Position(place.line, _units(self.line(place.line), place.column, self._encoding))

    def apply(self, edit: Edit) -> None:
        """Replace a part of the text. The edit's range is one that `range` gave."""
        first, last = edit.range.start.line, edit.range.end.line
        head = self._lines[first][: edit.range.start.column]
        tail = self._lines[last][edit.range.end.column :]
        # A carriage return and a line feed that meet here become one line end.
        if first > 0 and self._lines[first - 1].endswith("\r"):
            first -= 1
            head = self._lines[first] + head
        if last + 1 < len(self._lines):
            last += 1
            tail += self._lines[last]
        fresh = split_lines(head + edit.text + tail)
        if last + 1 < len(self._lines) and fresh[-1] == "":
            fresh.pop()
        self._lines[first : last + 1] = fresh


def _width(character: str, encoding: Encoding) -> int:
    code = ord(character)
    if encoding == "utf-16":
        return 2 if code > 0xFFFF else 1
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4


def _column(line: str, units: int, encoding: Encoding) -> int:
    """The code point at `units`; inside a character, that character's begin."""
    if encoding == "utf-32" or line.isascii():
        return max(0, min(units, len(line)))
    for column, character in enumerate(line):
        units -= _width(character, encoding)
        if units < 0:
            return column
    return len(line)


def _units(line: str, column: int, encoding: Encoding) -> int:
    column = max(0, min(column, len(line)))
    if encoding == "utf-32" or line.isascii():
        return column
    return sum(_width(character, encoding) for character in line[:column])
