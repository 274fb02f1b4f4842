"""What a change means for a report is seen from the changed lines, and never too rosily."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerascope.lsp.freshness import Basis, lines_run
from kerascope.probe.request import SlicedModule
from kerascope.source.document import Document

TEXT = """\
import keras

SIZE = 3


class Inner(keras.layers.Layer):
    def call(self, x):

        return x


def other():
    return 1


class Outer(keras.layers.Layer):
    def call(self, x):
        return Inner()(x)
"""
LEFT_OUT = ("SIZE = 3", "def other():", "    return 1")


def sliced(text: str, left_out: tuple[str, ...] = LEFT_OUT) -> str:
    return "\n".join("" if line in left_out else line for line in text.split("\n"))


def moves(before: str, after: str, run: str | None = None) -> dict[int, int] | None:
    document = Document.from_text("a.py", before)
    run = sliced(before) if run is None else run
    basis = Basis((), {"a.py": document}, lines_run([SlicedModule("a", "a.py", run)]), 0.0)
    found = basis.moves({"a.py": document.replaced(after)})
    return None if found is None else found.get("a.py", {})


@pytest.mark.parametrize(
    ("old", "new", "grown"),
    [
        ("return 1", "return 12", 0),
        ("def other():\n    return 1\n", "", -2),
        ("    return 1\n", "    return 1\n\n\ndef more():\n    return 2\n", 4),
        ("SIZE = 3", "SIZE = 3\nWIDTH = 4", 1),
        ("import keras\n", "import keras\n\n\n", 2),
        ("        return x\n", "\n\n        return x\n", 2),
        ("    def call(self, x):\n\n        return x", "    def call(self, x):\n        return x", -1),
    ],
)
def test_what_is_not_run_may_change_and_moves_what_is_below(old: str, new: str, grown: int) -> None:
    found = moves(TEXT, TEXT.replace(old, new, 1))
    assert found is not None
    assert found[1] == 1
    assert found[17] == 17 + grown


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("import keras", "import keras as k"),
        ("        return x\n", "        return x + 1\n"),
        ("        return x\n", "        x = x + 1\n        return x\n"),
        ("        return x\n", ""),
        ("    def call(self, x):\n        return Inner()(x)\n", "    def call(self, x):\n        return x\n"),
        ("class Outer", "@decorated\nclass Outer"),
        (
            "        return Inner()(x)\n",
            "        return Inner()(x)\n\n    def build(self, shape):\n        pass\n",
        ),
    ],
)
def test_what_is_run_may_not(old: str, new: str) -> None:
    assert moves(TEXT, TEXT.replace(old, new, 1)) is None


def test_a_file_that_is_gone_makes_everything_stale() -> None:
    document = Document.from_text("a.py", TEXT)
    basis = Basis((), {"a.py": document}, {}, 0.0)
    assert basis.is_of({"a.py": document}) and not basis.is_of({"a.py": None})
    assert basis.moves({"a.py": None}) is None


EDITS = st.tuples(
    st.integers(0, len(TEXT)), st.integers(0, 40), st.sampled_from(["", "\n", "x", "    y = 1\n", "\n\n"])
)


@given(st.lists(EDITS, min_size=1, max_size=3))
def test_lines_that_are_said_to_be_there_still_are(edits: list[tuple[int, int, str]]) -> None:
    document = Document.from_text("a.py", TEXT)
    lines = lines_run([SlicedModule("a", "a.py", sliced(TEXT))])
    basis = Basis((), {"a.py": document}, lines, 0.0)
    for start, length, text in edits:
        before, after = document.text, document.text[:start] + text + document.text[start + length :]
        document = document.replaced(after)
        now = {"a.py": document}
        found, moved = basis.moves(now), basis.moved(now)
        if found is None or moved is None:
            assert moved is None and found is None
            return
        old, new = before.split("\n"), after.split("\n")
        for line, there in found.get("a.py", {}).items():
            assert old[line - 1] == new[there - 1]
        assert moved.is_of(now)
        assert sorted(new[line] for line in moved.lines["a.py"]) == sorted(
            TEXT.split("\n")[line] for line in lines["a.py"]
        )
        basis = moved
