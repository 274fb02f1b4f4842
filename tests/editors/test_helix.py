"""Helix in a terminal, with the ready-made `languages.toml`: what stands on its screen."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.editors.conftest import (
    BROKEN,
    EDITORS,
    MENDED,
    PATIENCE,
    ROOT,
    Terminal,
    needs_keras,
    program,
    with_settings,
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


def enter(helix: Terminal, key: str, prompt: str, text: str) -> None:
    """The text at the prompt that the key opens. A key right after Escape may be taken for Alt and that key,
    which does nothing: then it is pressed again."""
    end, pressed = time.monotonic() + PATIENCE, -math.inf
    while not re.search(f"(?m)^{prompt}", screen := helix.screen()):
        assert time.monotonic() < end, f"no prompt {prompt!r}; the screen:\n{screen}"
        if time.monotonic() > pressed + 10:
            helix.press(key)
            pressed = time.monotonic()
        time.sleep(0.1)
    helix.press("-l", text)
    helix.shows(f"(?m)^{prompt}{re.escape(text)}")
    helix.press("Enter")


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

    enter(helix, "/", "search:", "class Block")
    helix.press("Space", "k")
    assert "Dense" in helix.shows("LayerNormalization.*\n(.*\n)*.*gamma|gamma")

    helix.press("Escape", "Escape")
    enter(helix, ":", ":", "wq")
    assert helix.ends() == 0
    text = (project / "model.py").read_text("utf-8")
    assert MENDED in text
    assert BROKEN not in text


@needs_keras
def test_the_build_check_shows_its_figures(helix: Terminal) -> None:
    helix.shows("holds a copy of")  # so the server is there
    enter(helix, "/", "search:", "class Block")
    helix.press("Space", "a")
    helix.shows("Build check: Block")
    helix.press("Enter")
    helix.shows("4 weights · 304 parameters · all tracked")
    enter(helix, ":", ":", "set lsp.display-inlay-hints true")
    assert re.search(r"Dense\(width, .*\(16, 16\), \(16,\) · 272 parameters", helix.shows("272 parameters"))
