"""Where the comment goes that silences one code on one line."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable

from kerascope.source.document import Document
from kerascope.source.position import Edit, Position, Range

_OURS = re.compile(r"#\s*kerascope:\s*ignore\[(?P<codes>[^\]]*)\]")


def ignore_edit(document: Document, line_text: Callable[[int], str], line: int, code: str) -> Edit | None:
    """The edit that adds `# kerascope: ignore[code]` to `line`, or `code` to the comment that is there.

    On a line that goes on after its end (in a string, or after a backslash) no comment can stand: then it
    stands on the first line after it where one can. None if `code` is silenced there already.
    """
    comments, closed = _comments(document, line)
    while closed and line in closed:
        line += 1
    text = line_text(line)
    ours = _OURS.search(text, comments[line]) if line in comments else None
    if ours:
        codes = [item.strip() for item in ours["codes"].split(",") if item.strip()]
        if code in codes:
            return None
        start, end = ours.span("codes")
        return Edit(_on(line, start, end), ", ".join([*codes, code]))
    end = len(text.rstrip())
    return Edit(_on(line, end, len(text)), f"  # kerascope: ignore[{code}]")


def _on(line: int, start: int, end: int) -> Range:
    return Range(Position(line, start), Position(line, end))


def _comments(document: Document, line: int) -> tuple[dict[int, int], set[int]]:
    """Around `line`: where each line's comment begins, and the lines at whose end no comment can stand."""
    comments: dict[int, int] = {}
    closed: set[int] = set()
    first, text = _statement_at(document, line)
    last = (-1, 0)
    try:
        for token in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
            start, end = token.start[0] - 1 + first, token.end[0] - 1 + first
            if token.type == tokenize.COMMENT:
                comments[start] = token.start[1]
            elif token.type not in (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
                closed.update(range(start, end))
                if last[0] >= 0 and last[1] < start:
                    closed.update(range(last[1], start))
            newline = token.type in (tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT)
            last = (-1, 0) if newline else (start, end)
    except (tokenize.TokenError, SyntaxError):
        pass
    return comments, closed


def _statement_at(document: Document, line: int) -> tuple[int, str]:
    """The statement that contains `line`: the line on which it begins, and its text."""
    best = (0, document.text)
    for statement in document.walk():
        begin = document.line_of(statement)
        if begin is not None and begin <= line:
            best = (begin, statement.text)
    return best
