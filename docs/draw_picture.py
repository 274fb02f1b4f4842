"""Draws docs/picture.svg: what a terminal shows of `kerascope check`, run on two of the examples.

`make docs` runs it. With `--check` nothing is written, and the exit status says whether the picture is up to
date. The text is the command's real output, colours included; lines are broken between words at the width
of the picture.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "picture.svg"
COMMAND = "kerascope check --keras 3 --select KS1 audio_tagger.py rain_forecast.py"

COLUMNS = 106
CELL, LINE, MARGIN, BAR = 8.4, 20, 20, 34
"""Pixels: a character's width, a line's height, the space around the text, and the window's bar."""

Style: TypeAlias = tuple[str, ...]
"""The SGR codes in force: ("1", "33") is bold yellow."""

Cells: TypeAlias = list[tuple[str, Style]]
"""The characters of a line, each with its style."""

_SGR = re.compile(r"\x1b\[([\d;]*)m")


def output() -> str:
    """What the command prints on a terminal with colours."""
    left_out = ("NO_COLOR", "TERM", "VIRTUAL_ENV", "TF_USE_LEGACY_KERAS", "COLUMNS")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    ended = subprocess.run(
        [sys.executable, "-m", *COMMAND.split(), "--no-cache"],
        cwd=ROOT / "docs" / "examples",
        env={**environment, "PYTHONPATH": str(ROOT / "server"), "FORCE_COLOR": "1", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if ended.returncode != 1:
        sys.exit(f"`{COMMAND}` ended with status {ended.returncode}: {ended.stderr}")
    return ended.stdout


def cells(text: str) -> Cells:
    """A line of output without its escape sequences."""
    found: Cells = []
    style: Style = ()
    for index, part in enumerate(_SGR.split(text)):
        if index % 2:
            codes = tuple(part.split(";"))
            style = () if codes in (("",), ("0",)) else (*style, *codes)
        else:
            found += [(character, style) for character in part]
    return found


def wrapped(line: Cells) -> Iterator[Cells]:
    """A line as the lines that it takes."""
    while len(line) > COLUMNS:
        text = "".join(character for character, _ in line[: COLUMNS + 1])
        end = text.rfind(" ") + 1 or COLUMNS
        yield line[:end]
        line = line[end:]
    yield line


def runs(line: Cells) -> Iterator[tuple[int, str, Style]]:
    """Pieces of one style: where each begins, and its text."""
    start = 0
    for end in range(1, len(line) + 1):
        if end == len(line) or line[end][1] != line[start][1]:
            text = "".join(character for character, _ in line[start:end])
            if text.strip():
                yield start + len(text) - len(text.lstrip()), text.strip(), line[start][1]
            start = end


CLASSES = {"1": "b", "2": "q", "31": "red", "32": "green", "33": "yellow", "34": "blue", "36": "cyan"}

STYLE = """
.window { fill: #161b22; stroke: #30363d }
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
       fill: #d1d7e0; white-space: pre }
.b { font-weight: bold; fill: #f0f6fc } .q { fill: #8b949e }
.red { fill: #ff7b72 } .green { fill: #56d364 } .yellow { fill: #e3b341 } .blue { fill: #79c0ff }
.cyan { fill: #76e3ea }
"""


def picture() -> str:
    """The whole SVG."""
    printed = [cells(line) for line in output().rstrip("\n").split("\n")]
    prompt: Cells = [("$", ("32",)), (" ", ()), *((character, ("1",)) for character in COMMAND)]
    lines: list[Cells] = [
        prompt,
        [],
        *(piece for line in printed for piece in wrapped(line)),
    ]
    width = round(2 * MARGIN + COLUMNS * CELL)
    height = BAR + len(lines) * LINE + MARGIN
    shown = []
    for number, line in enumerate(lines):
        y = BAR + LINE * number + 15
        for column, text, style in runs(line):
            names = " ".join(CLASSES[code] for code in style)
            # Told how long each piece is, every viewer's font keeps the columns.
            x, length = MARGIN + column * CELL, len(text) * CELL
            shown.append(
                f'<text x="{x:.1f}" y="{y}" textLength="{length:.1f}" lengthAdjust="spacingAndGlyphs"'
                f"{f' class={chr(34)}{names}{chr(34)}' if names else ''}>{escape(text, quote=False)}</text>"
            )
    buttons = "".join(
        f'<circle cx="{MARGIN + 18 * number}" cy="17" r="5.5" fill="#30363d"/>' for number in range(3)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img">\n'
        f"<title>{COMMAND}</title>\n<style>{STYLE}</style>\n"
        f'<rect class="window" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="9"/>\n'
        f"{buttons}\n" + "\n".join(shown) + "\n</svg>\n"
    )


def main() -> int:
    drawn = picture()
    if "--check" not in sys.argv[1:]:
        PICTURE.write_text(drawn, "utf-8", newline="\n")
    elif not PICTURE.exists() or PICTURE.read_text("utf-8") != drawn:
        print("docs/picture.svg is out of date: `make docs`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
