"""Emacs with Eglot and the ready-made `kerascope.el`: what Flymake and ElDoc show, what a fix does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.editors.conftest import (
    BROKEN,
    EDITORS,
    MENDED,
    MESSAGE,
    PATIENCE,
    ROOT,
    program,
    with_settings,
)


def test_a_finding_the_tree_of_a_layer_and_the_fix(
    project: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    emacs, root = program("emacs", "emacs-nox"), EDITORS / "emacs" / "root" / "usr"
    (lisp,) = root.glob("share/emacs/[0-9]*/lisp")
    (dump,) = root.glob("libexec/emacs/*/*/emacs-*.pdmp")
    seen_file = tmp_path / "seen.json"
    env = with_settings(
        environment,
        EMACSLOADPATH=lisp,
        EMACSDATA=lisp.parent / "etc",
        EMACSPATH=dump.parent,
        READY=ROOT / "docs" / "editors" / "emacs" / "kerascope.el",
        SEEN=seen_file,
    )
    ended = subprocess.run(
        [emacs, f"--dump-file={dump}", "--batch", "-Q", "-l", Path(__file__).with_name("emacs.el")],
        cwd=project,
        env=env,
        capture_output=True,
        encoding="utf-8",
        timeout=3 * PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    seen = json.loads(seen_file.read_text("utf-8"))
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
