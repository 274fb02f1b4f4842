"""Emacs with Eglot and the ready-made `kerascope.el`: what Flymake and ElDoc show, what a fix does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.editors.conftest import (
    BROKEN,
    EDITORS,
    MENDED,
    MESSAGE,
    PATIENCE,
    ROOT,
    Terminal,
    needs_keras,
    program,
    with_settings,
)

READY = ROOT / "docs" / "editors" / "emacs" / "kerascope.el"


@pytest.fixture
def emacs(environment: dict[str, str]) -> tuple[list[str | Path], dict[str, str]]:
    """The command that starts Emacs as it comes, and its environment."""
    root = EDITORS / "emacs" / "root" / "usr"
    command = program("emacs", "emacs-nox")
    (lisp,) = root.glob("share/emacs/[0-9]*/lisp")
    (dump,) = root.glob("libexec/emacs/*/*/emacs-*.pdmp")
    places = {"EMACSLOADPATH": lisp, "EMACSDATA": lisp.parent / "etc", "EMACSPATH": dump.parent}
    return [command, f"--dump-file={dump}", "-Q"], with_settings(environment, **places)


def session(
    project: Path, emacs: tuple[list[str | Path], dict[str, str]], ready: Path, beside: str = ""
) -> dict[str, Any]:
    """What a person sees who opens the model and applies the fix."""
    command, environment = emacs
    seen_file = project.with_name("seen.json")
    ended = subprocess.run(
        [*command, "--batch", "-l", Path(__file__).with_name("emacs.el")],
        cwd=project,
        env=with_settings(environment, READY=ready, SEEN=seen_file, BESIDE=beside),
        capture_output=True,
        encoding="utf-8",
        timeout=3 * PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    seen: dict[str, Any] = json.loads(seen_file.read_text("utf-8"))
    return seen


def test_a_finding_the_tree_of_a_layer_and_the_fix(
    project: Path, emacs: tuple[list[str | Path], dict[str, str]]
) -> None:
    seen = session(project, emacs, READY)
    ((line, kind, text),) = seen["findings"]
    assert line == BROKEN
    assert "warning" in kind
    assert MESSAGE in text
    assert "KS105" in text
    assert "LayerNormalization" in seen["hover"]
    assert "Ignore KS105 on this line" in seen["actions"]
    mended = (project / "model.py").read_text("utf-8")
    assert MENDED in mended
    assert BROKEN not in mended
    assert seen["ended"]


def test_it_stands_beside_another_server_for_python(
    project: Path, emacs: tuple[list[str | Path], dict[str, str]], environment: dict[str, str]
) -> None:
    (project / "model.py").write_text("import os\n" + (project / "model.py").read_text("utf-8"), "utf-8")
    rass = project.with_name("bin") / "rass"
    start = f'PYTHONPATH="{EDITORS / "rass"}" exec "{sys.executable}" -m rassumfrassum "$@"'
    rass.write_text(f"#!/bin/sh\n{start}\n", "utf-8")
    rass.chmod(0o755)
    ruff = Path(sys.executable).with_name("ruff")
    both = f'(setq kerascope-command \'("rass" "--" "kerascope" "server" "--" "{ruff}" "server"))'
    ready = project.with_name("ready.el")
    ready.write_text(f'{both}\n(load "{READY}")\n', "utf-8")
    seen = session(project, emacs, ready, "F401")
    texts = [text for _, _, text in seen["findings"]]
    assert any("KS105" in text for text in texts)
    assert any("F401" in text for text in texts)
    assert MENDED in (project / "model.py").read_text("utf-8")
    assert seen["ended"]


@needs_keras
def test_the_build_check_shows_its_figures(
    project: Path, emacs: tuple[list[str | Path], dict[str, str]]
) -> None:
    command, environment = emacs
    terminal = Terminal(project, environment, *command, "-l", READY, "model.py")
    try:
        terminal.shows("class Block")
        terminal.press("M-x")
        terminal.press("-l", "eglot")
        terminal.press("Enter")
        terminal.shows(r"Flymake\[0 1")
        terminal.press("C-s")
        terminal.press("-l", "class Block")
        terminal.press("Enter", "M-x")
        terminal.press("-l", "eglot-code-actions")
        terminal.press("Enter")
        terminal.shows("Pick an action")
        terminal.press("-l", "Build check: Block")
        terminal.press("Enter")
        terminal.shows("4 weights · 304 parameters · all tracked")
        screen = terminal.shows("272 parameters")
    finally:
        terminal.close()
    assert re.search(r"Dense\(width, .*\(16, 16\), \(16,\) · 272 parameters", screen)
