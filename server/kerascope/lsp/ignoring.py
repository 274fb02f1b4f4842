"""Where the comment goes that silences one code on one line."""

from __future__ import annotations

from kerascope.lsp.positions import Lines
from kerascope.source.document import Document
from kerascope.source.position import Edit, Position, Range
from kerascope.source.suppression import suppressions

_FARTHEST = 200
"""Lines after which the end of a statement isn't looked for any more."""


def ignore_edit(document: Document, lines: Lines, line: int, code: str) -> Edit | None:
    """The edit that adds `code` to the comment that speaks for `line`, or such a comment to the line.

    Where a line goes on after its end, in a string or behind a backslash, no comment can stand: then it
    stands where it speaks for that line too. None if there is no such place.
    """
    for comment in suppressions(document):
        if comment.kind == "ignore" and comment.codes and comment.lines[0] <= line <= comment.lines[1]:
            end = comment.codes[-1].range.end
            return Edit(Range(end, end), f", {code}")
    for target in range(line, min(line + _FARTHEST, len(lines))):
        text = lines.line(target)
        code_end = len(text.rstrip())
        if text.endswith("\\") or not code_end:
            continue
        place = Range(Position(target, code_end), Position(target, len(text)))
        edit = Edit(place, f"  # kerascope: ignore[{code}]")
        if any(comment.suppresses(code, line) for comment in suppressions(document.edited((edit,)))):
            return edit
    return None
