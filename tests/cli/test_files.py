"""Which files a check is about."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kerascope.cli.files import select


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch):
    """The names of the files that arguments stand for, in a folder of its own that is a repository."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()

    def chosen(*paths: str) -> list[str]:
        return [Path(path).relative_to(tmp_path).as_posix() for path in select(paths or ["."]).files]

    return chosen


def test_python_files_in_folders_in_order(chosen, write) -> None:
    for name in ("b.py", "a.py", "z/c.py", "z/y/d.py", "notes.txt", "e.pyc"):
        write(name, "")
    assert chosen() == ["a.py", "b.py", "z/c.py", "z/y/d.py"]


def test_folders_that_hold_no_code_of_the_user_are_left_out(chosen, write) -> None:
    for folder in (".git", ".venv", "__pycache__", "node_modules", "build", "x.egg-info", ".tox"):
        write(f"{folder}/a.py", "")
        write(f"deep/{folder}/a.py", "")
    write("own_environment/pyvenv.cfg", "")
    write("own_environment/lib/a.py", "")
    write("package/build/__init__.py", "")
    assert chosen() == ["package/build/__init__.py"]


def test_gitignore_is_respected_with_nested_files_and_negations(chosen, write) -> None:
    write(".gitignore", "*.gen.py\n/top.py\nlogs/\n# a comment\n!important.gen.py\n")
    write("inner/.gitignore", "local.py\n!kept.gen.py\n")
    for name in (
        "a.gen.py", "top.py", "logs/a.py", "important.gen.py", "inner/local.py", "inner/kept.gen.py",
        "inner/other.gen.py", "inner/top.py", "inner/deeper/local.py", "local.py",
    ):  # fmt: skip
        write(name, "")
    assert chosen() == ["important.gen.py", "local.py", "inner/kept.gen.py", "inner/top.py"]


def test_the_ignore_files_above_count_too(chosen, write) -> None:
    write(".gitignore", "*.gen.py\n")
    write("a/b/x.gen.py", "")
    write("a/b/y.py", "")
    assert chosen("a/b") == ["a/b/y.py"]


def test_an_ignored_folder_that_is_named_is_checked(chosen, write) -> None:
    write(".gitignore", "out/\n")
    write("out/inner/a.py", "")
    assert chosen("out") == ["out/inner/a.py"]
    assert chosen("out/inner") == ["out/inner/a.py"]
    assert chosen() == []


def test_git_agrees(tmp_path, write, chosen) -> None:
    subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
    write(".gitignore", "a*\n!ab*\n/c/**/d.py\n**/e/\nf/*\n!f/g.py\n\\!h.py\ni[0-9].py\nj.py \n")
    write("c/.gitignore", "!a1.py\n*.tmp.py\n")
    names = [
        "a1.py", "ab1.py", "c/a1.py", "c/d.py", "c/x/d.py", "c/x/y/d.py", "e/a.py", "k/e/b.py", "f/g.py",
        "f/h.py", "!h.py", "i1.py", "ix.py", "j.py", "c/k.tmp.py", "l/k.tmp.py", "a2/b.py",
    ]  # fmt: skip
    for name in names:
        write(name, "")
    listed = subprocess.run(
        ["git", "-c", "core.excludesFile=", "ls-files", "--others", "--exclude-standard", "-z", "*.py"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert sorted(chosen()) == sorted(listed.split("\0")[:-1])


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_loops_of_links_end(chosen, write, tmp_path) -> None:
    write("a/b.py", "")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "self.py").symlink_to("self.py")
    (tmp_path / "a" / "gone.py").symlink_to("nowhere.py")
    (tmp_path / "link.py").symlink_to(tmp_path / "a" / "b.py")
    assert chosen() == ["link.py", "a/b.py"]


@pytest.mark.skipif(os.name == "nt", reason="other special files there")
def test_a_named_path_that_is_no_file_is_a_problem(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.py")
    Path("loop.py").symlink_to("loop.py")
    problems = select(["pipe.py", "loop.py", "nul\0.py", "gone"]).problems
    assert [problem.path for problem in problems] == ["pipe.py", "loop.py", "nul\0.py", "gone"]
    assert all(problem.named for problem in problems)
    assert problems[0].text == "neither a file nor a folder"
    assert problems[3].text == "no such file or folder"
