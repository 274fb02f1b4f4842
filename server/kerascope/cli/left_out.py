"""What of a file could not be read as Python: it was left out, and a person must know that."""

from __future__ import annotations

import ast
import re
import symtable
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kerascope.cli.results import LeftOut

if TYPE_CHECKING:
    from kerascope.source.document import Document
    from kerascope.source.statement import Statement

SHOWN = 5
"""How many further lines are named."""


def left_out(document: Document) -> Iterator[LeftOut]:
    """The statements that don't parse, each with the line (from 1) on which the mistake is."""
    classes: list[str] = []
    for statement in document.walk():
        del classes[len(statement.context) :]
        if not _is_python(statement) and statement.broken:
            line = document.line_of(statement)
            assert line is not None
            lines = re.split(r"\r\n|\r|\n", statement.own_text.rstrip())
            extent = f" (lines {line + 1} to {line + len(lines)})" if lines[1:] else ""
            yield LeftOut(line + _mistake(statement), _named(statement, classes) + extent)
        if statement.kind == "class":
            classes.append(statement.name or "…")


def _is_python(statement: Statement) -> bool:
    """Whether a statement that nobody has looked at yet surely is good Python: found out without making its
    tree, in a fifth of the time."""
    if statement.parsed or statement.kind == "class" or statement.lead:
        return False
    above = "if 1:\n" if statement.text[:1] in (" ", "\t") else ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            symtable.symtable(above + statement.text, "", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def told(parts: Sequence[LeftOut]) -> str:
    """One sentence, for the place of the first of `parts`."""
    text = f"{parts[0].what} could not be parsed and was not checked"
    lines = [str(part.line) for part in parts[1:]]
    if len(lines) > SHOWN:
        lines[SHOWN:] = [f"{len(lines) - SHOWN} more"]
    if not lines:
        return text
    listed = " and ".join([", ".join(lines[:-1]), lines[-1]] if lines[1:] else lines)
    return f"{text}, nor was what is on line{'s' if lines[1:] else ''} {listed}"


def _named(statement: Statement, classes: Sequence[str]) -> str:
    if statement.name is not None:
        return f"`{'.'.join([*classes, statement.name])}`"
    return f"a statement of `{'.'.join(classes)}`" if classes else "a statement"


def _mistake(statement: Statement) -> int:
    """The line of the statement, from 1, at which Python stops; 1 if Python itself finds nothing wrong."""
    own = statement.own_text
    above = "if 1:\n" if own[:1] in (" ", "\t") else ""
    below = "pass" if statement.kind == "class" else ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(above + own + below)
    except SyntaxError as error:
        line = (error.lineno or 1) - bool(above)
        return min(max(line, 1), max(statement.line_breaks, 1))
    except (ValueError, RecursionError, MemoryError):
        pass
    return 1
