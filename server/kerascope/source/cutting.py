"""Cuts a text into pieces: top-level statements, and for each class its header and its members.

One scan over the text, by lines and indentation; it knows brackets, strings, comments, decorators and
continuation lines, and parses nothing. What follows a boundary depends on the text after it alone, so a
document that was edited is cut anew only from the edit until the boundaries are the old ones again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

StatementKind = Literal["class", "function", "import", "other"]

Context: TypeAlias = tuple[tuple[int, int], ...]
"""The classes around a piece, outermost first: the column of each, and the column of its members."""

NEWLINE = r"(?:\r\n?|\n)"
LINE_END = re.compile(NEWLINE)

_INDENTATION = rf"(?:[ \t\f]*\\{NEWLINE})*[ \t\f]*"
_BLANK_LINES = rf"(?:[ \t\f]*(?:[#][^\r\n]*)?{NEWLINE})*"
_STRING = r"""
    \"{3}[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*(?:\"{3}|\\?\Z)
  | '{3}[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*(?:'{3}|\\?\Z)
  | "[^"\\\r\n]*(?:\\(?:\r\n|.|\Z)[^"\\\r\n]*)*"?
  | '[^'\\\r\n]*(?:\\(?:\r\n|.|\Z)[^'\\\r\n]*)*'?
"""
_LINE_AND_INDENT = rf"({NEWLINE}{_BLANK_LINES})({_INDENTATION})"


def _tokens(line: str, colon: bool = False, comment: str = r"\#[^\r\n]*") -> re.Pattern[str]:
    """The next token that matters, with what is before it. Group 1 opens a bracket, 2 closes one."""
    return re.compile(
        rf"""
        [^'"\#()\[\]{{}}\\\r\n{":" if colon else ""}]*
        (?: ([(\[{{])
          | ([)\]}}])
          | {line}
          | {"(:) |" if colon else ""} {_STRING}
          | {comment}
          | \\(?:{NEWLINE}|.)?
          | \Z )
        """,
        re.VERBOSE | re.DOTALL,
    )


_OPEN, _CLOSE, _INDENT = 1, 2, 4
_TOKEN = _tokens(_LINE_AND_INDENT)
_HEADER_TOKEN = _tokens(_LINE_AND_INDENT, colon=True)
_COLON = 5
_COMMENT_TOKEN = _tokens(rf"({NEWLINE})", comment=r"(\#[^\r\n]*)")
_LINE_BREAK, _COMMENT = 3, 4

_LEADING = re.compile(rf"({_BLANK_LINES})({_INDENTATION})")
_LEADING_IN_FILE = re.compile(rf"(\ufeff?{_BLANK_LINES})({_INDENTATION})")
_REST_OF_LINE = re.compile(rf"[ \t\f]*(?:#[^\r\n]*)?(?:{NEWLINE}|\Z)")
_WORD = re.compile(
    r"(?:async[ \t]+)?def[ \t]+(?P<function>\w+)"
    r"|class[ \t]+(?P<klass>\w+)"
    r"|(?P<import>(?:lazy[ \t]+)?(?:import|from))\b"
    r"|(?P<decorator>@)"
    r"|(?P<block>if|for|while|try|async)\b"
)
_CLAUSE = re.compile(r"(?:else|elif|except|finally)\b")
_RECOVERY = re.compile(
    r"(?:(?:async[ \t]+)?def|class)[ \t]+\w|@\w|import[ \t]+\w|from[ \t]+[\w.]+[ \t]+import\b"
)
"""A line that starts like this, no deeper than the piece, begins a new piece even in an unclosed bracket."""

_ANY_COLUMN = 1 << 60


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece: `text[start:end]`. For a class it is the header alone; its members follow.

    `inline`: it starts behind the colon of a class header (`class A: pass`).
    """

    start: int
    end: int
    kind: StatementKind
    name: str | None
    context: Context
    inline: bool = False


def _column(indent: str) -> int:
    if "\\" in indent:
        # Of an indentation that a backslash carries over to the next line, the first part that is any counts.
        return next(filter(None, map(_column, re.split(rf"\\{NEWLINE}", indent))), 0)
    if "\f" in indent:
        indent = indent[indent.rindex("\f") + 1 :]
    return len(indent.expandtabs(8)) if "\t" in indent else len(indent)


def _next_line(text: str, position: int, limit: int, any_recovery: bool = False) -> tuple[int, int, int]:
    """The next logical line at column `limit` or less: its start, the start of its code, its column."""
    depth = 0
    size = len(text)
    for match in _TOKEN.finditer(text, position):
        group = match.lastindex
        if group is None:
            continue
        if group == _OPEN:
            depth += 1
        elif group == _CLOSE:
            if depth:
                depth -= 1
        else:
            code = match.end()
            if code == size:
                break
            column = _column(match[_INDENT])
            if depth == 0:
                if column <= limit and text[code] != "#":
                    return match.end(3), code, column
            elif (column <= limit or any_recovery) and _RECOVERY.match(text, code):
                return match.end(3), code, column
    return size, size, 0


def header_colon(text: str, position: int) -> int | None:
    """Where the colon of the class header at `position` ends; None if it has none."""
    depth = 0
    for match in _HEADER_TOKEN.finditer(text, position):
        group = match.lastindex
        if group == _OPEN:
            depth += 1
        elif group == _CLOSE:
            depth -= 1
        elif group == _COLON:
            if depth <= 0:
                return match.end()
        elif group == _INDENT and (depth <= 0 or _RECOVERY.match(text, match.end())):
            return None
    return None


def cut(
    text: str,
    start: int = 0,
    context: Context = (),
    coincides: Callable[[int, Context], bool] | None = None,
) -> tuple[list[Piece], int]:
    """Cut `text` from the boundary at `start`, in `context`, until `coincides(offset, context)` or the end.

    Returns the pieces, which follow each other without a gap, and where the last one ends.
    """
    pieces: list[Piece] = []
    size = len(text)
    stack = list(context)
    leading = (_LEADING if start else _LEADING_IN_FILE).match(text, start)
    assert leading is not None
    line, code, column = leading.end(1), leading.end(), _column(leading[2])
    if code == size or text[code] == "#":
        line = code = size
    if text[start:line] not in ("", "\ufeff"):
        pieces.append(Piece(start, line, "other", None, context))
    else:
        line = start
    while line < size:
        while stack and column <= stack[-1][0]:
            stack.pop()
        if stack and stack[-1][1] < 0:
            stack[-1] = (stack[-1][0], column)
        here = tuple(stack)
        if coincides is not None and coincides(line, here):
            return pieces, line
        begin, own = line, column
        limit = stack[-1][1] if stack else 0
        kind: StatementKind = "other"
        name = None
        block = False
        first = True
        while True:
            word = _WORD.match(text, code)
            what = word.lastgroup if word else None
            if word and what == "klass":
                colon = header_colon(text, code)
                stack.append((own, -1))
                if colon is None:
                    line, code, column = _next_line(text, code, _ANY_COLUMN, any_recovery=True)
                elif _REST_OF_LINE.match(text, colon):
                    line, code, column = _next_line(text, colon, _ANY_COLUMN)
                else:
                    pieces.append(Piece(begin, colon, "class", word["klass"], here))
                    line, code, column = _next_line(text, colon, own)
                    pieces.append(Piece(colon, line, "other", None, (*here, (own, own)), inline=True))
                    break
                pieces.append(Piece(begin, line, "class", word["klass"], here))
                break
            if word and what == "function":
                kind, name = "function", word["function"]
            elif first and what == "import":
                kind = "import"
            elif first and what == "block":
                block = True
            first = False
            line, code, column = _next_line(text, code, limit)
            if line < size and column == own:
                if what == "decorator" and (following := _WORD.match(text, code)):
                    if following.lastgroup in ("function", "klass", "decorator"):
                        continue
                elif block and _CLAUSE.match(text, code):
                    continue
            pieces.append(Piece(begin, line, kind, name, here))
            break
    return pieces, size


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment: its place, counted from 0, and the first line on which findings of its code can start.

    `first_line` is where its logical line begins if the comment ends that, else its own line.
    """

    line: int
    column: int
    text: str
    first_line: int


def comments(text: str) -> Iterator[Comment]:
    """The comments in `text`, which begins with a logical line."""
    depth = line = first_line = line_start = 0
    for match in _COMMENT_TOKEN.finditer(text):
        group = match.lastindex
        if group == _OPEN:
            depth += 1
        elif group == _CLOSE:
            depth = max(depth - 1, 0)
        elif group == _COMMENT:
            start = match.start(_COMMENT)
            yield Comment(line, start - line_start, match[_COMMENT], line if depth else first_line)
        else:
            # Line ends inside a string or behind a backslash, or the end of the line itself.
            for end in LINE_END.finditer(text, match.start(), match.end()):
                line, line_start = line + 1, end.end()
            if group == _LINE_BREAK and depth == 0:
                first_line = line
