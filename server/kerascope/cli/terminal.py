"""What a terminal shows: colours, widths of characters, and a progress bar."""

from __future__ import annotations

import os
import shutil
import sys
import time
import unicodedata
from typing import IO

TAB = 4


def wants_colour(stream: IO[str]) -> bool:
    """Whether to colour what is written to `stream`: a terminal, unless NO_COLOR says no."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty()


class Palette:
    """Paints text, or leaves it as it is."""

    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def _paint(self, codes: str, text: str) -> str:
        return f"\x1b[{codes}m{text}\x1b[0m" if self.colour else text

    def bold(self, text: str) -> str:
        return self._paint("1", text)

    def quiet(self, text: str) -> str:
        return self._paint("2", text)

    def blue(self, text: str) -> str:
        return self._paint("34", text)

    def green(self, text: str) -> str:
        return self._paint("32", text)

    def severity(self, severity: str, text: str) -> str:
        return self._paint({"error": "1;31", "warning": "1;33"}.get(severity, "1;36"), text)


def printable(text: str) -> str:
    """`text` without what would move the cursor, change colours or reorder the line (tabs stay)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        "\ufffd" if character != "\t" and _is_control(character) else character for character in text
    )


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _REORDERING


_REORDERING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def width(character: str) -> int:
    """How many columns a character takes."""
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def laid_out(text: str) -> tuple[str, list[int]]:
    """`text` with its tabs expanded, and the column at which each of its characters starts (and the end)."""
    shown: list[str] = []
    columns: list[int] = []
    column = 0
    for character in text:
        columns.append(column)
        if character == "\t":
            step = TAB - column % TAB
            shown.append(" " * step)
            column += step
        else:
            shown.append(character)
            column += width(character)
    columns.append(column)
    return "".join(shown), columns


class Progress:
    """A bar on a terminal's standard error, for runs that take longer than a moment."""

    DELAY = 0.5
    INTERVAL = 0.05

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.shown = False
        self.next = time.monotonic() + self.DELAY
        self.wanted = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def advance(self, name: str) -> None:
        """One more file is done."""
        self.done += 1
        if time.monotonic() >= self.next:
            self.show(name)

    def show(self, text: str) -> None:
        """Say what is under way; with a bar where there are several."""
        if not self.wanted:
            return
        self.next = time.monotonic() + self.INTERVAL
        self.shown = True
        bar = 24
        filled = bar * self.done // max(self.total, 1)
        count = f"{self.done}/{self.total}"
        line = f"{'━' * filled}{'╺' * (bar - filled)} {count} {printable(text)}"
        if self.total == 1:
            line = count = printable(text)
        try:
            line.encode(sys.stderr.encoding or "ascii")
        except UnicodeEncodeError:
            line = count.encode("ascii", "replace").decode("ascii")
        sys.stderr.write(f"\r\x1b[K{_cut(line, shutil.get_terminal_size().columns - 1)}")
        sys.stderr.flush()

    def finish(self) -> None:
        """Take the bar away."""
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self.shown = False


def _cut(text: str, columns: int) -> str:
    used = 0
    for index, character in enumerate(text):
        used += width(character)
        if used > columns:
            return text[:index]
    return text
