"""What docs/build-check.md shows is what the command prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.truth.probe.conftest import PYTHON

from kerascope.project.environment import Environment

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "build-check.md"
SHOWN = re.compile(r"<!-- output: kerascope ([^\n]+) -->\n```text\n(.*?)```\n", re.S)


def steady(text: str) -> str:
    """The output without what differs from machine to machine."""
    text = re.sub(r"^  Python \d.*\n", "", text, flags=re.M)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def test_the_page_shows_what_the_command_prints(environment: Environment) -> None:
    shown = SHOWN.findall(PAGE.read_text("utf-8"))
    assert shown
    for command, block in shown:
        ended = subprocess.run(
            [sys.executable, "-m", "kerascope", *command.split(), "--python", PYTHON, "--keras", "3"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "server"), "PYTHONUTF8": "1"},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert steady(block) == steady(ended.stdout).rstrip() + "\n"
