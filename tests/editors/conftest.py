"""What the tests in real editors share: the programs, which `make test-editors` installs into `.editors`, a
project to open, and the command `kerascope` on the PATH, as a person has it."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
EDITORS = Path(os.environ.get("KERASCOPE_EDITORS", ROOT / ".editors"))
PATIENCE = float(os.environ.get("PATIENCE", "120"))
"""Seconds before an editor that shows nothing fails a test; nothing waits that long while all is well."""

KERAS = os.environ.get("KERASCOPE_TRUTH_PYTHON")
RECORD = os.environ.get("KERASCOPE_RECORD")
"""A folder: what the editors say of themselves is to be written down there (make recordings)."""
START: list[str | Path] = [
    sys.executable,
    *([Path(__file__).with_name("listen.py"), RECORD] if RECORD else ["-m", "kerascope"]),
]
"""The command `kerascope`."""
needs_keras = pytest.mark.skipif(
    KERAS is None, reason="KERASCOPE_TRUTH_PYTHON names no interpreter with Keras"
)

BROKEN, MENDED = "            blocks.append(Block(width))", "            self.blocks.append(Block(width))"
MESSAGE = "In Keras 3, `self.blocks` holds a copy of `blocks`, made when it was assigned"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with one model, which has one defect."""
    folder = tmp_path / "project"
    folder.mkdir()
    sample = (ROOT / "vscode-extension" / "walkthrough" / "nested_layers.py").read_text("utf-8")
    assert sample.count(BROKEN) == 1
    (folder / "model.py").write_text(sample, "utf-8")
    (folder / "kerascope.toml").write_text(f'keras = "3"\npython = "{KERAS or sys.executable}"\n', "utf-8")
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A person who has nothing set up but the command `kerascope`."""
    home, commands = tmp_path / "home", tmp_path / "bin"
    home.mkdir()
    commands.mkdir()
    words = " ".join(f'"{word}"' for word in START)
    start = f'#!/bin/sh\nPYTHONPATH="{ROOT / "server"}" exec {words} "$@"\n'
    (commands / "kerascope").write_text(start, "utf-8")
    (commands / "kerascope").chmod(0o755)
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "PATH": f"{commands}:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
    }


def program(editor: str, command: str) -> Path:
    found = EDITORS / editor / "bin" / command
    if not found.exists():
        pytest.fail(f"{found} is not there: make test-editors installs it")
    return found


def with_settings(environment: Mapping[str, str], **more: Path | str) -> dict[str, str]:
    return {**environment, **{name: str(value) for name, value in more.items()}}


_NUMBERS = itertools.count()


class Terminal:
    """A program in a terminal of 160 columns and 50 lines."""

    def __init__(self, folder: Path, env: Mapping[str, str], *command: str | Path) -> None:
        self._socket = f"kerascope-{os.getpid()}-{next(_NUMBERS)}"
        self._env = env
        # tmux may miss how its program ended: the shell around it writes it down.
        self._status = folder.parent / "status"
        kept = ["sh", "-c", '"$@"; echo $? > "$0"', str(self._status)]
        size = ["-x", "160", "-y", "50"]
        # The terminal shows why the program ended, if it does too soon.
        started = ["new-session", "-d", *size, "-c", str(folder), *kept, *map(str, command)]
        self._tmux("-f", "/dev/null", *started)
        self._tmux("set-option", "-g", "remain-on-exit", "on")
        self._tmux("set-option", "-g", "escape-time", "0")

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-L", self._socket, *arguments]
        ended = subprocess.run(command, env=self._env, capture_output=True, encoding="utf-8", check=True)
        return ended.stdout

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def shows(self, pattern: str) -> str:
        """Wait until the screen shows it; the screen then."""
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, screen := self.screen()):
            assert time.monotonic() < end, f"waited in vain for {pattern!r}; the screen:\n{screen}"
            time.sleep(0.1)
        return screen

    def ends(self) -> int:
        """Wait until the program has ended; its exit status."""
        end = time.monotonic() + PATIENCE
        while not (self._status.exists() and (status := self._status.read_text("utf-8"))):
            assert time.monotonic() < end, f"the program hasn't ended; the screen:\n{self.screen()}"
            time.sleep(0.1)
        return int(status)

    def close(self) -> None:
        subprocess.run(
            ["tmux", "-L", self._socket, "kill-server"], env=self._env, capture_output=True, check=False
        )
