"""Whatever the files are, each that can't be checked gets one clear line, and the others are checked."""

from __future__ import annotations

import json
import os

import pytest

BAD = {
    "binary.py": b"\x7fELF\0\0\0",
    "latin.py": b"x = '\xe9'\n",
    "sixteen.py": "x = 1\n".encode("utf-16"),
    "unknown.py": b"# coding: klingon\nx = 1\n",
    "huge.py": b"x = 1\n" * 1_000_000,
}


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_each_gets_one_line(kerascope, write, jobs) -> None:
    for name, content in BAD.items():
        write(name, content)
    write("good.py", "BADI\n")
    ended = kerascope("check", "--output-format", "concise", "--jobs", jobs)
    # They were not named: that they can't be checked is a remark, not a failure.
    assert ended.status == 0
    assert sorted(line.split(":")[1].strip() for line in ended.err.splitlines()) == sorted(BAD)
    assert "good.py:1:1: information KS101" in ended.out
    assert ended.out.endswith("in 1 of 1 file.\n")


@pytest.mark.parametrize("name", BAD)
def test_one_that_is_named_is_a_failure(kerascope, write, name) -> None:
    write(name, BAD[name])
    ended = kerascope("check", name)
    assert ended.status == 2
    assert len(ended.err.splitlines()) == 1
    assert ended.out == ""


HALF_TYPED = """\
import keras

class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        BAD

    def call(self, x):
        if x is None:
            return (x
        return x


def main(:
    pass
"""


def test_what_of_a_file_could_not_be_parsed_is_said_once(kerascope, write) -> None:
    write("net.py", HALF_TYPED)
    ended = kerascope("check", "--output-format", "concise")
    assert ended.err == (
        "kerascope: net.py:10: `Block.call` (lines 8 to 11) could not be parsed and was not checked, "
        "nor was what is on line 14\n"
    )
    assert ended.out.startswith("net.py:6:9: warning KS101")
    assert ended.status == 1
    as_json = kerascope("check", "--output-format", "json")
    assert [finding["line"] for finding in json.loads(as_json.out)] == [6]
    assert as_json.err == ended.err


def test_many_parts_that_could_not_be_parsed_are_one_line(kerascope, write) -> None:
    write("a.py", "class A(B C):\n    x = = 1\n" + "y = = 2\n" * 8)
    ended = kerascope("check", "a.py")
    assert ended.status == 0
    assert ended.err == (
        "kerascope: a.py:1: `A` could not be parsed and was not checked, "
        "nor was what is on lines 2, 3, 4, 5, 6 and 4 more\n"
    )


def test_how_much_an_open_bracket_takes_along_is_said(kerascope, write) -> None:
    write("a.py", "x = 1\nclass A(:\n    y = 1\nz = 2\n\n")
    ended = kerascope("check", "a.py")
    assert ended.err == "kerascope: a.py:2: `A` (lines 2 to 4) could not be parsed and was not checked\n"


def test_standard_input_that_could_not_be_parsed(kerascope) -> None:
    ended = kerascope("check", "-", input=b"x = 1\n\ny = '''open\n")
    assert ended.status == 0
    assert ended.err == "kerascope: <stdin>:3: a statement could not be parsed and was not checked\n"


@pytest.mark.parametrize("text", ["BAD", "{}", '{"cells": {}}'])
def test_what_is_no_notebook(kerascope, write, text) -> None:
    write("a.ipynb", text)
    ended = kerascope("check", "a.ipynb")
    assert ended.status == 2
    assert (
        ended.err
        == "kerascope: a.ipynb: The file is not a Jupyter notebook of format 4, or not a whole one.\n"
    )


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everything is readable for root")
def test_what_may_not_be_read(kerascope, write) -> None:
    write("a.py", "BAD\n").chmod(0)
    write("closed/b.py", "BAD\n").parent.chmod(0)
    ended = kerascope("check")
    assert ended.status == 0
    assert len(ended.err.splitlines()) == 2


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_links_to_nowhere_and_to_themselves(kerascope, write, tmp_path) -> None:
    write("a.py", "BAD\n")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self.py").symlink_to("self.py")
    (tmp_path / "gone.py").symlink_to("nowhere")
    ended = kerascope("check", "--output-format", "concise")
    assert (ended.status, ended.err) == (1, "")
    assert ended.out.startswith("a.py:1:1")
    ended = kerascope("check", "self.py")
    assert ended.status == 2
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1_000 + ")" * 1_000,
        "[" * 1_000,
        "x = " + "-" * 5_000 + "1\n",
        "".join(f"{' ' * depth}if x:\n" for depth in range(1_000)) + " " * 1_000 + "pass\n",
        "x = " + "+".join(["1"] * 10_000) + "\n",
        "x" + ".y" * 5_000 + "\n",
        "import keras\nclass A(keras.layers.Layer):\n    def call(self, x):\n        return " + "f(" * 2_000,
        "class " * 1_000,
        "import keras\n" + "".join(f"class A{n}(A{n + 1}): pass\n" for n in range(1_500)),
        "import keras\nclass A(A): pass\nclass B(C): pass\nclass C(B): pass\n",
        "def f(:\n  '''never closed\n" * 100,
        "\ufeff\ufeff\x0c\r\r\n\t \\",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_the_real_analysis_survives(kerascope, write, text) -> None:
    write("a.py", "import keras\n" + text)
    write("b.py", text)
    write("good.py", "x = 1\n")
    ended = kerascope("check", "--jobs", "1", real=True)
    assert ended.status in (0, 1), ended.err
    assert "please report" not in ended.err


def test_a_file_that_vanishes_between_listing_and_reading(kerascope, write, tmp_path) -> None:
    write("a.py", "SLOW\n")
    path = write("b.py", "BAD\n")
    import threading

    threading.Timer(0.5, path.unlink).start()
    ended = kerascope("check", "--jobs", "1", "--output-format", "concise")
    assert ended.status in (0, 1)
    assert len(ended.err.splitlines()) <= 1
