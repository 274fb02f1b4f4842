"""`kerascope check`: what it looks at, what it prints, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.conftest import SERVER, STAND_IN, run_command


def test_a_clean_folder_ends_with_status_0(kerascope, write) -> None:
    write("a.py", "x = 1\n")
    ended = kerascope("check")
    assert (ended.status, ended.out, ended.err) == (0, "No findings in 1 file.\n", "")


def test_findings_end_with_status_1(kerascope, write) -> None:
    write("a.py", "BAD\nBADE\n")
    ended = kerascope("check", "--output-format", "concise")
    assert ended.status == 1
    assert ended.out.splitlines() == [
        "a.py:1:1: warning KS101 BAD is bad for Keras",
        "a.py:2:1: error KS101 BADE is bad for Keras",
        "Found 1 error and 1 warning in 1 of 1 file.",
    ]


def test_information_alone_ends_with_status_0(kerascope, write) -> None:
    write("a.py", "BADI\n")
    ended = kerascope("check")
    assert ended.status == 0
    assert "Found 1 for information in 1 of 1 file." in ended.out


def test_exit_zero(kerascope, write) -> None:
    write("a.py", "BADE\n")
    assert kerascope("check", "--exit-zero").status == 0
    assert kerascope("check", "--exit-zero", "missing.py").status == 2


def test_a_path_that_does_not_exist_ends_with_status_2_and_the_others_are_checked(kerascope, write) -> None:
    write("a.py", "BAD\n")
    ended = kerascope("check", "a.py", "missing.py", "--output-format", "concise")
    assert ended.status == 2
    assert "a.py:1:1" in ended.out
    assert ended.err == "kerascope: missing.py: no such file or folder\n"


def test_options_that_make_no_sense_end_with_status_2(kerascope, write) -> None:
    write("a.py", "BAD\n")
    for arguments, complaint in (
        (["--select", "KS0X"], '--select: there is no rule "KS0X"'),
        (["--ignore", "KS998"], '--ignore: there is no rule "KS998"'),
        (["--severity", "KS101=fatal"], 'no severity "fatal"'),
        (["--severity", "KS101"], "--severity needs CODE=LEVEL"),
        (["--keras", "4"], "invalid choice: '4'"),
        (["--output-format", "xml"], "invalid choice: 'xml'"),
        (["--jobs", "0"], "--jobs must be at least 1"),
        (["--frobnicate"], "unrecognized arguments"),
        (["--stdin-filename", "x.py"], "--stdin-filename goes with -"),
    ):
        ended = kerascope("check", *arguments)
        assert ended.status == 2, arguments
        assert complaint in ended.err, arguments
        assert ended.out == "", arguments


def test_select_ignore_and_severity_reach_the_findings(kerascope, write) -> None:
    write("a.py", "BAD\n")
    assert kerascope("check", "--ignore", "KS101").status == 0
    assert kerascope("check", "--select", "KS2,KS3").status == 0
    assert kerascope("check", "--select", "KS1").status == 1
    assert kerascope("check", "--severity", "KS101=information").status == 0
    assert "error KS101" in kerascope("check", "--severity", "KS101=error").out


def test_no_python_files_is_said(kerascope, write) -> None:
    write("a.txt", "BAD")
    ended = kerascope("check")
    assert (ended.status, ended.err) == (0, "kerascope: no Python files found here\n")


def test_a_named_file_is_checked_whatever_it_is_called_or_ignored(kerascope, write) -> None:
    write(".gitignore", "*")
    write("kerascope.toml", 'exclude = ["script"]')
    write("script", "BAD\n")
    assert kerascope("check", "script").status == 1


def test_paths_are_shown_as_a_person_here_would_type_them(kerascope, write, tmp_path) -> None:
    path = write("a.py", "BAD\n")
    write("inner/b.py", "BAD\n")
    for given in (str(path), "./a.py", "inner/../a.py"):
        assert kerascope("check", given, "--output-format", "concise").out.startswith("a.py:1:1")
    from_inner = run_command(tmp_path / "inner", "check", "..", "--output-format", "concise")
    assert [line.split(":1:1")[0] for line in from_inner.out.splitlines()[:2]] == [str(path), "b.py"]


def test_the_same_file_named_twice_is_checked_once(kerascope, write) -> None:
    write("a.py", "BAD\n")
    ended = kerascope("check", "a.py", "./a.py", ".", "--output-format", "json")
    assert len(json.loads(ended.out)) == 1


def test_standard_input(kerascope) -> None:
    ended = kerascope("check", "-", "--output-format", "concise", input=b"x = 1\nBAD\n")
    assert ended.status == 1
    assert ended.out.startswith("<stdin>:2:1: warning KS101")
    ended = kerascope(
        "check", "-", "--stdin-filename", "pkg/new.py", "--output-format", "full", input=b"BAD\n"
    )
    assert "--> pkg/new.py:1:1".replace("/", os.sep) in ended.out
    assert "1 | BAD" in ended.out


def test_standard_input_that_is_no_text(kerascope) -> None:
    ended = kerascope("check", "-", input=b"\xff\xfe\x00")
    assert ended.status == 2
    assert ended.err.startswith("kerascope: <stdin>: ")
    assert ended.out == ""


def test_standard_input_goes_alone(kerascope, write) -> None:
    write("a.py", "BAD\n")
    ended = kerascope("check", "-", "a.py")
    assert (ended.status, ended.out) == (2, "")


def test_several_processes_find_the_same_in_the_same_order(kerascope, write) -> None:
    for folder in ("one", "two", "three"):
        for number in range(7):
            write(f"{folder}/m{number}.py", "BAD\n" * number)
    alone = kerascope("check", "--no-cache", "--output-format", "concise", "--jobs", "1")
    together = kerascope("check", "--no-cache", "--output-format", "concise", "--jobs", "3")
    assert alone == together
    assert alone.out.count("KS101") == 63


def test_a_crash_is_told_for_its_file_and_the_others_are_checked(kerascope, write) -> None:
    write("a.py", "BAD\n")
    write("b.py", "CRASH\n")
    write("c.py", "DEEP\n")
    for jobs in ("1", "2"):
        ended = kerascope("check", "--output-format", "concise", "--jobs", jobs, "--no-cache")
        assert ended.status == 2
        assert "a.py:1:1" in ended.out
        assert ended.err.splitlines() == [
            "kerascope: b.py: Kerascope failed on it; please report that. (TypeError: two lines)",
            "kerascope: c.py: It is nested too deeply to be checked.",
        ]


def test_a_process_that_dies_costs_one_file(kerascope, write) -> None:
    for number in range(6):
        write(f"m{number}.py", "BAD\n")
    write("m3.py", "DIE\n")
    ended = kerascope("check", "--output-format", "concise", "--jobs", "2")
    assert ended.status == 2
    assert ended.out.count("KS101") == 5
    assert "kerascope: m3.py: Kerascope's process ended while checking it" in ended.err


@pytest.mark.skipif(os.name == "nt", reason="signals of this kind don't exist there")
@pytest.mark.parametrize("sent", ["SIGINT", "SIGKILL"])
def test_no_process_outlives_the_command(write, tmp_path, sent) -> None:
    for name in "ab":
        write(f"{name}.py", "WAIT\n")
    write("c.py", "BAD\n")
    command = subprocess.Popen(
        [sys.executable, "-m", "kerascope", "check", "--jobs", "2", "--no-cache"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(STAND_IN), str(SERVER)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # Where the tests themselves run in the background, the signal is ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while len(list(tmp_path.glob("*.begun"))) < 2:
        assert command.poll() is None
        time.sleep(0.02)
    command.send_signal(getattr(signal, sent))
    assert command.wait(60) == (130 if sent == "SIGINT" else -9)
    if sent == "SIGKILL":  # each ends what it is at
        (tmp_path / "go").touch()
    # These end only when the last process that could write into them has ended.
    out, err = command.communicate(timeout=60)
    assert out == b"" and b"Traceback" not in err


def test_statistics(kerascope, write) -> None:
    write("a.py", "BAD\nBADF\nBADE\n")
    ended = kerascope("check", "--statistics")
    assert ended.status == 1
    assert ended.out.splitlines() == [
        "2  KS101  state-in-unfollowed-object  warning      1 fixable",
        "1  KS101  state-in-unfollowed-object  error",
        "Found 1 error and 2 warnings in 1 of 1 file. 1 can be fixed with --fix.",
    ]
    rows = json.loads(kerascope("check", "--statistics", "--output-format", "json").out)
    assert rows[0] == {
        "code": "KS101",
        "name": "state-in-unfollowed-object",
        "severity": "warning",
        "count": 2,
        "fixable": 1,
    }


def test_mistakes_in_the_configuration_are_told_with_their_place(kerascope, write) -> None:
    write("a.py", "x = 1\n")
    write("pyproject.toml", '[tool.kerascope]\ncolour = true\nselect = ["KS1", "KS777"]\n')
    ended = kerascope("check", "--output-format", "concise")
    assert "kerascope: pyproject.toml:2:1: Unknown setting" in ended.err
    assert "pyproject.toml:3:" in ended.out
    assert "KS902" in ended.out
    assert "KS777" in ended.out


def test_each_folder_has_the_settings_of_its_nearest_configuration(kerascope, write) -> None:
    write("pyproject.toml", '[tool.kerascope]\nignore = ["KS101"]\n')
    write("a.py", "BAD\n")
    write("inner/kerascope.toml", "")
    write("inner/b.py", "BAD\n")
    ended = kerascope("check", "--output-format", "concise")
    assert [line.split(":")[0] for line in ended.out.splitlines()[:-1]] == [str(Path("inner/b.py"))]


def test_excluded_files_are_left_out(kerascope, write) -> None:
    write("kerascope.toml", 'exclude = ["generated", "*_test.py"]\n')
    write("generated/a.py", "BAD\n")
    write("b_test.py", "BAD\n")
    write("c.py", "BAD\n")
    ended = kerascope("check", "--output-format", "concise")
    assert ended.out.splitlines()[-1] == "Found 1 warning in 1 of 1 file."


def test_a_reader_that_leaves_is_no_failure(write, tmp_path, environ) -> None:
    write("a.py", "BAD\n" * 20_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "kerascope", "check", "--no-cache"],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(30)
