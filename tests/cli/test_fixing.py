"""`--fix`, `--unsafe-fixes` and `--diff`."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest


def test_fix_applies_the_safe_fixes(kerascope, write) -> None:
    path = write("a.py", "x = BADF\ny = BADU\nz = BAD\n")
    ended = kerascope("check", "--fix", "--output-format", "concise")
    assert path.read_text() == "x = good\ny = BADU\nz = BAD\n"
    assert ended.err == "kerascope: 1 fix applied in 1 file\n"
    assert ended.status == 1
    assert (
        ended.out.splitlines()[-1] == "Found 2 warnings in 1 of 1 file. 1 can be fixed with --unsafe-fixes."
    )


def test_unsafe_fixes_applies_all(kerascope, write) -> None:
    path = write("a.py", "x = BADF\ny = BADU\n")
    ended = kerascope("check", "--unsafe-fixes")
    assert path.read_text() == "x = good\ny = good\n"
    assert (ended.status, ended.out) == (0, "No findings in 1 file.\n")


def test_a_fix_that_makes_place_for_another_is_followed_by_it(kerascope, write) -> None:
    path = write("a.py", "x = BADG\n")
    kerascope("check", "--fix")
    assert path.read_text() == "x = good\n"


def test_nothing_to_fix_is_said_and_writes_nothing(kerascope, write) -> None:
    path = write("a.py", "x = BAD\n")
    before = path.stat().st_mtime_ns
    ended = kerascope("check", "--fix")
    assert ended.err == "kerascope: 0 fixes applied in 0 files\n"
    assert path.stat().st_mtime_ns == before


def test_diff_prints_and_changes_nothing(kerascope, write) -> None:
    path = write("sub/a.py", "x = BADF\ny = BADU\n")
    ended = kerascope("check", "--diff")
    assert path.read_text() == "x = BADF\ny = BADU\n"
    assert ended.status == 1
    shown = str(Path("sub", "a.py"))
    assert ended.out == f"--- {shown}\n+++ {shown}\n@@ -1,2 +1,2 @@\n-x = BADF\n+x = good\n y = BADU\n"
    assert "+y = good\n" in kerascope("check", "--diff", "--unsafe-fixes").out


def test_diff_of_a_last_line_without_an_end(kerascope, write) -> None:
    write("a.py", "x = BADF")
    out = kerascope("check", "--diff").out
    assert out.endswith("-x = BADF\n\\ No newline at end of file\n+x = good\n\\ No newline at end of file\n")


def test_a_fix_that_breaks_the_file_is_left_out_and_the_others_applied(kerascope, write) -> None:
    path = write("a.py", "x = BADP\ny = BADF\n")
    kerascope("check", "--fix")
    assert path.read_text() == "x = BADP\ny = good\n"


def test_a_broken_statement_does_not_keep_the_others_from_being_fixed(kerascope, write) -> None:
    path = write("a.py", "x = BADF\ny = = 1\n")
    kerascope("check", "--fix")
    assert path.read_text() == "x = good\ny = = 1\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\xef\xbb\xbfx = BADF\r\ny = 1\r\n", b"\xef\xbb\xbfx = good\r\ny = 1\r\n"),
        (b"# coding: latin-1\nx = '\xe9', BADF\n", b"# coding: latin-1\nx = '\xe9', good\n"),
        (b"x = BADF\ry = 1\r", b"x = good\ry = 1\r"),
        (b"x = BADF\n\x0cy = 1\n# \xe2\x80\xa8", b"x = good\n\x0cy = 1\n# \xe2\x80\xa8"),
    ],
)
def test_encoding_mark_and_line_ends_stay(kerascope, write, before: bytes, after: bytes) -> None:
    path = write("a.py", before)
    kerascope("check", "--fix")
    assert path.read_bytes() == after


@pytest.mark.skipif(os.name == "nt", reason="no such modes there")
def test_the_mode_of_a_file_and_links_to_it_stay(kerascope, write, tmp_path) -> None:
    path = write("real/a.py", "x = BADF\n")
    path.chmod(0o750)
    link = tmp_path / "link.py"
    link.symlink_to(path)
    kerascope("check", "--fix", "link.py")
    assert link.is_symlink()
    assert path.read_text() == "x = good\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o750
    assert [file.name for file in path.parent.iterdir()] == ["a.py"]


def test_standard_input_is_fixed_to_standard_output(kerascope) -> None:
    ended = kerascope("check", "-", "--fix", "--output-format", "concise", input=b"x = BADF\r\ny = BAD\r\n")
    assert ended.out.encode() == b"x = good\r\ny = BAD\r\n"
    assert "<stdin>:2:5: warning KS101" in ended.err
    assert ended.status == 1
    ended = kerascope("check", "-", "--diff", input=b"x = BADF\n")
    assert ended.out == "--- <stdin>\n+++ <stdin>\n@@ -1 +1 @@\n-x = BADF\n+x = good\n"


def test_a_crash_while_fixing_leaves_the_file(kerascope, write) -> None:
    path = write("a.py", "x = BADF\n")
    write("b.py", "CRASH\nx = BADF\n")
    ended = kerascope("check", "--fix", "--output-format", "concise")
    assert ended.status == 2
    assert path.read_text() == "x = good\n"
