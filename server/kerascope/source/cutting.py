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
    \"{3}[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*\"{3}
  | '{3}[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'{3}
  | "(?!"")[^"\\\r\n]*(?:\\(?:\r\n|.|\Z)[^"\\\r\n]*)*"?
  | '(?!'')[^'\\\r\n]*(?:\\(?:\r\n|.|\Z)[^'\\\r\n]*)*'?
"""
# The patterns are of the form `plain*(?:special plain*)*` with nothing in common between the parts: only
# so is a string that never ends found out in linear time.
_FIELD = r"\{(?!\{)[^'\"#{}\\\r\n]*(?:(?:\{[^'\"#{}\\\r\n]*\}|QUOTED)[^'\"#{}\\\r\n]*)*\}"
_FIELD_IN_DOUBLE = _FIELD.replace("QUOTED", r"'[^'\"\\\r\n]*'")
_FIELD_IN_SINGLE = _FIELD.replace("QUOTED", r'"[^"\'\\\r\n]*"')
_FORMAT_STRING = rf"""
    \"{{3}}[^"\\{{}}]*(?:(?:\\.|"(?!"")|\{{\{{|\}}|{_FIELD_IN_DOUBLE})[^"\\{{}}]*)*\"{{3}}
  | '{{3}}[^'\\{{}}]*(?:(?:\\.|'(?!'')|\{{\{{|\}}|{_FIELD_IN_SINGLE})[^'\\{{}}]*)*'{{3}}
  | "(?!"")[^"\\{{}}\r\n]*(?:(?:\\(?:\r\n|.)|\{{\{{|\}}|{_FIELD_IN_DOUBLE})[^"\\{{}}\r\n]*)*"
  | '(?!'')[^'\\{{}}\r\n]*(?:(?:\\(?:\r\n|.)|\{{\{{|\}}|{_FIELD_IN_SINGLE})[^'\\{{}}\r\n]*)*'
"""
"""Format strings that need no further look: a field holds no quotes, or other ones, and nothing odd."""


def _tokens(
    line: str = rf"{NEWLINE}{_BLANK_LINES}", skip: str = r"\#[^\r\n]*", plain: str = ""
) -> re.Pattern[str]:
    """The next token that matters, with all before it that doesn't: names, strings, innermost brackets."""
    ordinary = rf"""[^'"\#()\[\]{{}}\\\r\n{plain}]*"""
    return re.compile(
        rf"""
        {ordinary}
        (?:(?: [(\[{{][^'"\#()\[\]{{}}\\\r\n]*[)\]}}]
          | (?<![fFtT])(?<![fFtT][rR])(?:{_STRING})
          | {_FORMAT_STRING}
          | {skip}
          | \\(?:{NEWLINE}|.)? ){ordinary})*
        (?: (?P<opening>[(\[{{])
          | (?P<closing>[)\]}}])
          | (?P<line>{line})(?P<indent>{_INDENTATION})
          | (?P<quote>['"])
          | (?P<comment>\#[^\r\n]*)
          | (?P<colon>:)
          | \Z )
        """,
        re.VERBOSE | re.DOTALL,
    )


_TOKEN = _tokens()
_HEADER_TOKEN = _tokens(plain=":")
_COMMENT_TOKEN = _tokens(line=NEWLINE, skip="(?!)")
_WHOLE_STRING = re.compile(_STRING, re.VERBOSE | re.DOTALL)
_OPENING, _CLOSING, _LINE, _INDENT, _COMMENT, _COLON, _QUOTE = (
    _TOKEN.groupindex[name] for name in ("opening", "closing", "line", "indent", "comment", "colon", "quote")
)

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


def _scan(pattern: re.Pattern[str], text: str, position: int) -> Iterator[re.Match[str]]:
    """The tokens of `text` from `position` on; the last one is a quote if a string is open at the end."""
    while True:
        for match in pattern.finditer(text, position):
            if match.lastindex == _QUOTE:
                end = _string_end(text, match.end() - 1)
                if end is not None:
                    position = end
                    break
                yield match
                return
            yield match
        else:
            return


def has_nested_format_string(text: str) -> bool:
    """Whether a format string in `text` may need Python 3.12: one with its own quotes in a field, say."""
    return any(match.lastindex == _QUOTE for match in _TOKEN.finditer(text))


_FORMAT_PREFIX = re.compile(r"(?<!\w)(?:[fFtT][rR]?|[rR][fFtT])\Z")
_FIELD_END = re.compile(r"[^'\"#()\[\]{}:]*(?:([(\[{])|([)\]}])|(['\"])|(:)|#[^\r\n]*)")


# How far a format string that isn't plain to see is followed, and how deep the strings in its fields: what is
# being typed is often without end, and must not cost time again for every quote in it.
_FORMAT_LENGTH = 1000
_FORMAT_DEPTH = 3


def _string_end(text: str, start: int) -> int | None:
    """Where the string whose first quote is at `start` ends; None if it is open at the end of the text."""
    if _FORMAT_PREFIX.search(text, max(start - 3, 0), start):
        end = _format_string_end(text, start, min(len(text), start + _FORMAT_LENGTH), 0)
        if end is not None:
            return end
    whole = _WHOLE_STRING.match(text, start)
    return whole.end() if whole else None


def _format_string_end(text: str, start: int, stop: int, depth: int) -> int | None:
    """Where the format string whose first quote is at `start` ends; None if that can't be told."""
    quote = text[start] * 3 if text.startswith(text[start] * 3, start) else text[start]
    return _literal_end(text, start + len(quote), stop, quote, depth)


def _literal_end(
    text: str, position: int, stop: int, quote: str, depth: int, in_field: bool = False
) -> int | None:
    """The end of a format string, or of a format in a field, whose literal text goes on at `position`."""
    while position < stop:
        character = text[position]
        if in_field and character == "}":
            return position
        if not in_field and text.startswith(quote, position):
            return position + len(quote)
        if character == "\\" or text.startswith("{{", position):
            position += 2
        elif character == "{":
            end = _field_end(text, position + 1, stop, quote, depth)
            if end is None:
                return None
            position = end
        elif character in "\r\n" and len(quote) == 1:
            return None
        else:
            position += 1
    return None


def _field_end(text: str, position: int, stop: int, quote: str, depth: int) -> int | None:
    """The end of the replacement field in a format string whose expression begins at `position`."""
    brackets = 0
    while (match := _FIELD_END.match(text, position, stop)) is not None:
        position = match.end()
        if match[1]:
            brackets += 1
        elif match[2]:
            if brackets == 0:
                return position if match[2] == "}" else None
            brackets -= 1
        elif match[3]:
            start = position - 1
            if depth < _FORMAT_DEPTH and _FORMAT_PREFIX.search(text, max(start - 3, 0), start):
                inner = _format_string_end(text, start, stop, depth + 1)
            else:
                whole = _WHOLE_STRING.match(text, start, stop)
                inner = whole.end() if whole else None
            if inner is None:
                return None
            position = inner
        elif match[4] and brackets == 0:
            if depth >= _FORMAT_DEPTH:
                return None
            end = _literal_end(text, position, stop, quote, depth + 1, in_field=True)
            if end is None:
                return None
            position = end
    return None


def _next_line(text: str, position: int, limit: int, any_recovery: bool = False) -> tuple[int, int, int]:
    """The next logical line at column `limit` or less: its start, the start of its code, its column.

    At the end of the text the column is 0, or -1 if a string with three quotes is open there.
    """
    depth = 0
    size = len(text)
    for match in _scan(_TOKEN, text, position):
        group = match.lastindex
        if group == _INDENT:
            code = match.end()
            if code == size:
                break
            column = _column(match[_INDENT])
            if depth == 0:
                if column <= limit and text[code] != "#":
                    return match.end(_LINE), code, column
            elif (column <= limit or any_recovery) and _RECOVERY.match(text, code):
                return match.end(_LINE), code, column
        elif group == _OPENING:
            depth += 1
        elif group == _CLOSING:
            if depth:
                depth -= 1
        elif group == _QUOTE:
            return size, size, -1
    return size, size, 0


def header_colon(text: str, position: int) -> int | None:
    """Where the colon of the class header at `position` ends; None if it has none."""
    depth = 0
    for match in _scan(_HEADER_TOKEN, text, position):
        group = match.lastindex
        if group == _OPENING:
            depth += 1
        elif group == _CLOSING:
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
) -> tuple[list[Piece], int, bool]:
    """Cut `text` from the boundary at `start`, in `context`, until `coincides(offset, context)` or the end.

    Returns the pieces, which follow each other without a gap, where the last one ends, and whether it ends in
    an open string with three quotes.
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
            return pieces, line, False
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
    return pieces, size, column < 0


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
    depth = line = first_line = line_start = counted = 0
    for match in _scan(_COMMENT_TOKEN, text, 0):
        group = match.lastindex
        if group == _OPENING:
            depth += 1
        elif group == _CLOSING:
            depth = max(depth - 1, 0)
        else:
            # Line ends in strings and behind backslashes, and the end of the line itself.
            for end in LINE_END.finditer(text, counted, match.end()):
                line, line_start = line + 1, end.end()
            counted = match.end()
            if group == _COMMENT:
                column = match.start(_COMMENT) - line_start
                yield Comment(line, column, match[_COMMENT], line if depth else first_line)
            elif group == _INDENT and depth == 0:
                first_line = line
