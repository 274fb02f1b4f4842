"""The progress bar: on a terminal, for runs that take a while, and gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("pty", reason="no terminals of this kind there")


def on_a_terminal(folder, environ, *options: str) -> tuple[bytes, bytes]:
    """What a check writes to a terminal as standard error, and to a pipe as standard output."""
    import pty

    control, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "kerascope", "check", "--jobs", "1", "--no-cache", *options],
        cwd=folder,
        env=environ | {"TERM": "xterm", "NO_COLOR": ""},
        stdout=subprocess.PIPE,
        stderr=terminal,
    )
    os.close(terminal)
    assert process.stdout is not None
    out = process.stdout.read()
    process.stdout.close()
    shown = b""
    try:
        while chunk := os.read(control, 10_000):
            shown += chunk
    except OSError:  # the other side is closed
        pass
    os.close(control)
    process.wait(30)
    return shown, out


def test_a_long_run_shows_a_bar_and_takes_it_away(write, tmp_path, environ) -> None:
    for number in range(4):
        write(f"m{number}.py", "SLOW\n")
    shown, out = on_a_terminal(tmp_path, environ, "--keras", "3")
    assert b"2/4" in shown
    assert shown.endswith(b"\r\x1b[K")
    assert out == b"No findings in 4 files.\n"


def test_a_short_run_shows_none(write, tmp_path, environ) -> None:
    write("a.py", "x = 1\n")
    assert on_a_terminal(tmp_path, environ, "--keras", "3")[0] == b""


def test_a_person_is_told_which_keras_was_assumed(write, tmp_path, environ) -> None:
    write("a.py", "x = 1\n")
    write("empty/bin/python", "")
    shown, _ = on_a_terminal(tmp_path, environ | {"VIRTUAL_ENV": str(tmp_path / "empty")})
    assert b"neither TensorFlow nor Keras is installed" in shown
