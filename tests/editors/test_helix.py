"""Helix in a terminal, with the ready-made `languages.toml`: what stands on its screen."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.editors.conftest import (
    BROKEN,
    EDITORS,
    MENDED,
    PATIENCE,
    ROOT,
    program,
    with_settings,
)


class Terminal:
    """A program in a terminal of 160 columns and 50 lines."""

    def __init__(self, folder: Path, env: Mapping[str, str], *command: str | Path) -> None:
        self._socket = f"kerascope-{os.getpid()}"
        self._env = env
        size = ["-x", "160", "-y", "50"]
        # The terminal shows why the program ended, if it does too soon.
        self._tmux("-f", "/dev/null", "new-session", "-d", *size, "-c", str(folder), *map(str, command))
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

    def status(self) -> str:
        """How the program ended: its exit status; "" while it runs."""
        return self._tmux("list-panes", "-F", "#{?pane_dead,#{pane_dead_status},}").strip()

    def close(self) -> None:
        subprocess.run(
            ["tmux", "-L", self._socket, "kill-server"], env=self._env, capture_output=True, check=False
        )


@pytest.fixture
def helix(project: Path, environment: dict[str, str]) -> Iterator[Terminal]:
    config = Path(environment["XDG_CONFIG_HOME"], "helix")
    config.mkdir(parents=True)
    ready = (ROOT / "docs" / "editors" / "helix" / "languages.toml").read_text("utf-8")
    (config / "languages.toml").write_text(ready, "utf-8")
    runtime = next((EDITORS / "hx").glob("root/usr/lib/*/runtime"), ROOT)
    env = with_settings(environment, HELIX_RUNTIME=runtime)
    terminal = Terminal(project, env, program("hx", "hx"), "model.py")
    yield terminal
    terminal.close()


def test_a_finding_its_fix_and_the_tree_of_a_layer(helix: Terminal, project: Path) -> None:
    helix.shows("An encoder whose blocks")
    # The first finding of the file, with its message beside it.
    helix.shows(r"● .*\n|▲ ?1|W 1")
    helix.press("]", "d")
    screen = helix.shows("holds a copy of")
    assert "blocks.append(Block(width))" in screen

    helix.press("Space", "a")
    helix.shows("Fill `self.blocks` itself")
    helix.press("Enter")
    helix.shows(re.escape(MENDED.strip()))
    helix.press("Escape")

    helix.press("/")
    helix.press("-l", "class Block")
    helix.press("Enter", "Space", "k")
    assert "Dense" in helix.shows("LayerNormalization.*\n(.*\n)*.*gamma|gamma")

    helix.press("Escape", "Escape")
    helix.press("-l", ":wq")
    helix.press("Enter")
    end = time.monotonic() + PATIENCE
    while helix.status() == "" and time.monotonic() < end:
        time.sleep(0.1)
    assert helix.status() == "0"
    text = (project / "model.py").read_text("utf-8")
    assert MENDED in text
    assert BROKEN not in text
