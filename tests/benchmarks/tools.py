"""The tools that are measured: how their servers and their command lines are started."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

OURS = "kerascope"
PYRIGHT = "pyright"
RUFF = "ruff"
JEDI = "jedi-language-server"


@dataclass(frozen=True)
class Tool:
    """A command, `server` with the arguments that make it serve standard input and output."""

    name: str
    server: tuple[str, ...]
    check: tuple[str, ...] | None


def tools(folder: Path) -> list[Tool]:
    """Kerascope as this Python runs it, and its peers from a folder of programs."""

    def program(name: str) -> str:
        for suffix in ("", ".exe"):
            if (folder / (name + suffix)).is_file():
                return str(folder / (name + suffix))
        raise FileNotFoundError(f"there is no {name} in {folder}; `make bench` installs it")

    ours = (sys.executable, "-m", "kerascope")
    return [
        Tool(OURS, (*ours, "server"), (*ours, "check", "--exit-zero", "--output-format", "concise")),
        Tool(RUFF, (program("ruff"), "server"), (program("ruff"), "check", "--no-cache", "--exit-zero")),
        Tool(JEDI, (program("jedi-language-server"),), None),
        Tool(PYRIGHT, (program("pyright-langserver"), "--stdio"), (program("pyright"),)),
    ]
