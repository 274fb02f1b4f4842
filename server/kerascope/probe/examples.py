"""The code in a docstring's examples."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from kerascope.project.meaning import ClassDefinition
from kerascope.source.cutting import LINE_END

_FENCE = re.compile(r"^[ \t]*```[ \t]*(\w*)[ \t]*$")
_MAX_STEPS = 3_000


def examples_of(definition: ClassDefinition) -> Iterator[list[str]]:
    """The code of a docstring's examples, each at the lines of the file."""
    statement = definition.statement
    document = definition.module.document
    piece = statement.body[0] if statement.kind == "class" and statement.body else None
    nodes = piece.nodes if piece is not None else definition.node.body
    holder = piece if piece is not None else statement
    if not nodes or not isinstance(nodes[0], ast.Expr) or not isinstance(nodes[0].value, ast.Constant):
        return
    node = nodes[0]
    said = nodes[0].value.value
    base = document.line_of(holder)
    if base is None or not isinstance(said, str) or definition.name not in said:
        return
    own = LINE_END.split(holder.text)[node.lineno - 1 : node.end_lineno]
    start = base + node.lineno - 1
    fenced: list[tuple[int, str]] | None = None
    typed: list[tuple[int, str]] = []
    for number, line in enumerate(own, start):
        fence = _FENCE.match(line)
        if fence and fenced is None:
            fenced = [] if fence[1].lower() in ("", "python", "py", "python3") else None
        elif fence and fenced is not None:
            yield _at_lines(fenced)
            fenced = None
        elif fenced is not None:
            fenced.append((number, line))
        elif (stripped := line.strip()).startswith((">>>", "...")):
            typed.append((number, stripped[4:]))
    if typed:
        yield _at_lines(typed)


def _at_lines(code: Sequence[tuple[int, str]]) -> list[str]:
    filled = [line for _, line in code if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in filled), default=0)
    found = [""] * (code[-1][0] + 1 if code else 0)
    for number, line in code:
        found[number] = line[margin:].rstrip()
    return found
