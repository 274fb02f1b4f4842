"""Results of earlier runs are used again, but never wrongly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kerascope.cli.cache import FOLDER, Cache, cache_folder
from kerascope.cli.results import FileResult


@pytest.fixture
def checked(kerascope, write, tmp_path) -> Callable[..., list[str]]:
    """Which files the analysis looked at in a run of the command, in a repository of three files."""
    (tmp_path / ".git").mkdir()
    write("a.py", "BADL\n")
    write("b/b.py", "x = 1\n")
    write("lib.py", "y = 1\n")
    long_ago(tmp_path)
    log = tmp_path / "log"

    def checked(*arguments: str, expected: str | None = None, **environment: str) -> list[str]:
        log.write_text("")
        ended = kerascope(
            "check", "--output-format", "concise", *arguments, STAND_IN_LOG=str(log), **environment
        )
        assert ended.err == ""
        if expected is not None:
            assert expected in ended.out
        return sorted(log.read_text().split())

    return checked


def long_ago(folder: Path) -> None:
    """A file that is as young as the run itself is never kept: make all of them older."""
    past = time.time() - 100
    for path in folder.rglob("*.py"):
        os.utime(path, (past, past))


def test_a_second_run_looks_at_nothing_and_says_the_same(checked) -> None:
    assert checked(expected="a.py:1:1: warning KS101") == ["a.py", "b.py", "lib.py"]
    assert checked(expected="a.py:1:1: warning KS101") == []


def test_a_changed_file_is_looked_at_again(checked, write) -> None:
    checked()
    write("b/b.py", "BADE\n")
    assert checked(expected="b.py:1:1: error KS101") == ["b.py"]


def test_a_file_with_a_new_time_and_the_old_content_is_not(checked, tmp_path) -> None:
    checked()
    os.utime(tmp_path / "a.py", (1_000_000_000, 1_000_000_000))
    assert checked() == []
    assert checked() == []


def test_what_depends_on_a_changed_file_is_looked_at_again(checked, write) -> None:
    checked()
    write("lib.py", "y = 2\n")
    assert checked() == ["a.py", "lib.py"]


def test_what_missed_a_file_that_is_there_now_is_looked_at_again(checked, write) -> None:
    checked()
    write("b/lib.py", "new = 1\n")
    assert checked() == ["b.py", "lib.py"]


def test_a_change_is_not_forgotten_by_a_run_over_other_files(checked, write, tmp_path) -> None:
    checked()
    write("lib.py", "y = 2\n")
    long_ago(tmp_path)
    assert checked("b", "lib.py") == ["lib.py"]
    assert checked() == ["a.py"]


def test_other_settings_are_another_matter(checked) -> None:
    checked()
    assert checked("--keras", "2") == ["a.py", "b.py", "lib.py"]
    assert checked("--keras", "2") == []
    assert checked() == []


def test_no_cache(checked, tmp_path) -> None:
    checked("--no-cache")
    assert not (tmp_path / FOLDER).exists()
    checked()
    assert checked("--no-cache") == ["a.py", "b.py", "lib.py"]


def test_the_folder_ignores_itself(checked, tmp_path) -> None:
    checked()
    assert (tmp_path / FOLDER / ".gitignore").read_text().endswith("*\n")


def test_outside_of_a_project_nothing_is_left_behind(kerascope, write, tmp_path) -> None:
    write("a.py", "x = 1\n")
    kerascope("check", "a.py")
    assert not (tmp_path / FOLDER).exists()
    assert list((tmp_path / ".cache" / "kerascope").rglob("*.json"))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_project_that_cannot_be_written_to(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    project = tmp_path / "project"
    project.mkdir(mode=0o500)
    folder = cache_folder(project)
    assert folder is not None and folder.is_relative_to(tmp_path / "cache")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: "null",
        lambda text: "\0" * 100,
        lambda text: text.replace('"version":"', '"version":"0'),
        lambda text: text.replace('"warning"', '"fatal"'),
        lambda text: text.replace('"entries":[[0', '"entries":[[99999'),
        lambda text: json.dumps(json.loads(text) | {"states": []}),
        lambda text: json.dumps(json.loads(text) | {"entries": [[0, [0], [["x"]], []]]}),
        lambda text: json.dumps(json.loads(text) | {"entries": [[0, [0], [], [[float("inf"), 1]]]]}),
        lambda text: "[" * 100_000,
    ],
)
def test_a_damaged_cache_counts_as_empty(checked, tmp_path, damage) -> None:
    checked()
    (file,) = (tmp_path / FOLDER).glob("*.json")
    file.write_text(damage(file.read_text()))
    assert "a.py" in checked(expected="a.py:1:1: warning KS101")
    assert checked(expected="a.py:1:1: warning KS101") == []


def test_what_was_left_out_is_told_again(kerascope, write, tmp_path) -> None:
    (tmp_path / ".git").mkdir()
    write("a.py", "x = = 1\n")
    long_ago(tmp_path)
    first, second = kerascope("check"), kerascope("check")
    assert (
        first.err == second.err == "kerascope: a.py:1: a statement could not be parsed and was not checked\n"
    )


def test_results_that_could_not_be_had_are_not_kept(kerascope, write, tmp_path) -> None:
    (tmp_path / ".git").mkdir()
    write("a.py", "CRASH\n")
    long_ago(tmp_path)
    assert kerascope("check").status == 2
    assert kerascope("check").status == 2


def test_only_a_few_sets_of_settings_are_kept(tmp_path) -> None:
    source = tmp_path / "a.py"
    source.write_text("")
    long_ago(tmp_path)
    for number in range(20):
        cache = Cache(tmp_path, f"settings {number}")
        cache.put(FileResult(str(source), reads=frozenset()))
        cache.save()
    assert len(list(tmp_path.glob("*.json"))) <= 8
    assert Cache(tmp_path, "settings 19").get(str(source)) is not None


def test_a_file_that_was_written_during_the_run_is_not_kept(tmp_path) -> None:
    source = tmp_path / "a.py"
    cache = Cache(tmp_path, "settings")
    source.write_text("x = 1\n")
    cache.put(FileResult(str(source), reads=frozenset()))
    cache.save()
    assert Cache(tmp_path, "settings").get(str(source)) is None


def test_runs_at_the_same_time_do_not_disturb_each_other(write, tmp_path, environ) -> None:
    (tmp_path / ".git").mkdir()
    for number in range(30):
        write(f"m{number}.py", "BAD\n")
    long_ago(tmp_path)
    command = [sys.executable, "-m", "kerascope", "check", "--output-format", "json"]
    for _ in range(2):
        runs = [
            subprocess.Popen(
                command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            for _ in range(4)
        ]
        for run in runs:
            out, err = run.communicate(timeout=60)
            assert err == b""
            assert len(json.loads(out)) == 30
    assert not list((tmp_path / FOLDER).glob("*.tmp"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=4)))
def test_made_up_entries_do_no_harm(tmp_path, made_up) -> None:
    source = tmp_path / "a.py"
    source.write_text("")
    long_ago(tmp_path)
    cache = Cache(tmp_path, "settings")
    cache.put(FileResult(str(source), reads=frozenset()))
    cache.save()
    (file,) = tmp_path.glob("*.json")
    for key in ("paths", "states", "entries"):
        file.write_text(json.dumps(json.loads(file.read_text()) | {key: made_up}))
        again = Cache(tmp_path, "settings")
        again.get(str(source))
        again.save()
        cache._touched = True
        cache.save()
