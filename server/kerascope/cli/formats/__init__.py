"""How findings are printed: one file a format, each with `write(results, output)`."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kerascope.cli.results import FileResult
from kerascope.cli.terminal import printable
from kerascope.source.notebook import Program
from kerascope.source.position import Position


@dataclass(frozen=True, slots=True)
class Output:
    """Where a format writes, and what it may ask. `lines_of` gives a file's lines, () if it can't be read."""

    stream: IO[str]
    colour: bool
    lines_of: Callable[[str], Sequence[str]]
    checked: int
    """How many files were checked."""
    as_json: bool = False
    """Where a format can be for programs as well as for people."""
    cells_of: Callable[[str], Program | None] = lambda path: None
    """The cells of a notebook, None for other files."""

    def at(self, path: str, line: int) -> tuple[int | None, int]:
        """The cell of a notebook that a line is in (None in other files), and the line there, from 1 both."""
        cells = self.cells_of(path)
        if cells is None:
            return None, line + 1
        cell, within = cells.place(line)
        return cell + 1, within + 1

    def place(self, path: str, start: Position) -> str:
        """Where something begins, as a person reads it: `model.py:3:5`, `model.ipynb:cell 2:3:5`."""
        cell, line = self.at(path, start.line)
        within = "" if cell is None else f"cell {cell}:"
        return f"{printable(shown_path(path))}:{within}{line}:{start.column + 1}"


def prepare(stream: IO[str]) -> None:
    """Let `stream` take every character: what its encoding lacks is written as an escape."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


Write = Callable[[Sequence[FileResult], Output], None]


def shown_path(path: str) -> str:
    """The path as a person would type it here: relative where it is below the current folder."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
