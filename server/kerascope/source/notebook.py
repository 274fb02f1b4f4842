"""Notebooks: their Python cells, one after another, are one program. What IPython alone understands is left
out of it line by line, so that every place in the program is a place in a cell."""

from __future__ import annotations

import ast
import json
import re
import warnings
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

_CELL_MAGIC = re.compile(r"\s*%%(\w*)")
_OF_PYTHON = frozenset({"capture", "prun", "time", "timeit"})
"""Cell magics whose cell is Python all the same."""
_MAGIC = re.compile(r"([ \t]*)(?:%{1,2}[A-Za-z]|!|\?{1,2}\w|[\w.]+\?{1,2}\s*$)")
_ASSIGNED = re.compile(r"([ \t]*[\w.,\[\]'\" \t]+=[ \t]*)(?:%[A-Za-z]|!)")


@dataclass(frozen=True, slots=True)
class Program:
    """The cells of a notebook as one text."""

    text: str
    starts: tuple[int, ...]
    """The line at which each cell begins."""

    def place(self, line: int) -> tuple[int, int]:
        """The cell that a line of the program is in, and the line within the cell, both counted from 0."""
        cell = max(bisect_right(self.starts, line) - 1, 0)
        return cell, line - self.starts[cell] if self.starts else line


def program(cells: Sequence[str]) -> Program:
    """The program that the Python cells of a notebook make; a cell that isn't Python counts as empty text."""
    parts: list[str] = []
    starts: list[int] = []
    line = 0
    for cell in cells:
        text = _python(cell) + "\n"
        starts.append(line)
        parts.append(text)
        line += text.count("\n")
    return Program("".join(parts), tuple(starts))


def read_cells(text: str) -> tuple[str, ...] | None:
    """The cells in a notebook's file, those that aren't code as empty text; None if it is no notebook."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    cells = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(cells, list):
        return None
    return tuple(_source(cell) for cell in cells)


def _source(cell: object) -> str:
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return ""
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))


def _python(cell: str) -> str:
    """A cell as Python, with the same lines: what IPython alone understands does nothing in it."""
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")
    if not any(sign in cell for sign in "%!?") or _parses(cell):
        return cell
    magic = _CELL_MAGIC.match(cell)
    if magic and magic[1] not in _OF_PYTHON:
        return "\n" * cell.count("\n")
    return "\n".join(_without_magic(line) for line in cell.split("\n"))


def _without_magic(line: str) -> str:
    if found := _MAGIC.match(line):
        return f"{found[1]}pass"
    if found := _ASSIGNED.match(line):
        return f"{found[1]}None"
    return line


def _parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
