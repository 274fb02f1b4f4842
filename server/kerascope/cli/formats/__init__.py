"""How findings are printed: one file a format, each with `write(results, output)`."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kerascope.cli.results import FileResult


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
