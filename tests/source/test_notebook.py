"""A notebook's cells are one program, in which every line is a line of a cell."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerascope.source.notebook import program, read_cells

LINES = ["%time x = 1", "!pip list", "x = !ls", "?x", "x?", "%%time", "%%bash", "import keras", "\n"]
CELL = st.text(st.sampled_from("a= %!?\n\r'\"(x1"), max_size=20) | st.lists(st.sampled_from(LINES)).map(
    "\n".join
)


@given(st.lists(CELL, max_size=5))
def test_every_line_of_a_cell_has_its_place(cells: list[str]) -> None:
    made = program(cells)
    assert len(made.starts) == len(cells)
    for number, cell in enumerate(cells):
        for line in range(len(cell.replace("\r\n", "\n").replace("\r", "\n").split("\n"))):
            assert made.place(made.starts[number] + line) == (number, line)


@pytest.mark.parametrize(
    "cell",
    [
        "%matplotlib inline\nx = 1",
        "!pip install keras\nx = 1",
        "files = !ls *.h5\nx = 1",
        "start = %time f()\nx = 1",
        "for name in names:\n    %timeit f(name)\nx = 1",
        "?len\nx = 1",
        "len?\nx = 1",
        "%%time\nx = 1",
        "%%capture output\nx = 1",
    ],
)
def test_what_ipython_alone_understands_does_no_harm(cell: str) -> None:
    made = program([cell]).text
    ast.parse(made)
    assert made.endswith("x = 1\n")
    assert made.count("\n") == cell.count("\n") + 1


@pytest.mark.parametrize("cell", ["%%bash\necho $HOME", "%%html\n<p>x = 1</p>", "%%writefile a.py\nx = 1"])
def test_a_cell_in_another_language_is_no_code(cell: str) -> None:
    assert program([cell]).text.strip() == ""


def test_a_modulo_at_the_begin_of_a_line_is_no_magic() -> None:
    cell = "x = (7\n     %size)"
    assert program([cell]).text == cell + "\n"


def test_the_cells_of_a_file() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# A model\n", "of mine"]},
        {"cell_type": "code", "source": ["import keras\n", "x = 1"]},
        {"cell_type": "code", "source": "y = 2"},
        {"cell_type": "code"},
        None,
    ]
    assert read_cells(json.dumps({"cells": cells})) == ("", "import keras\nx = 1", "y = 2", "", "")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cells": 3}', "x = 1", "[" * 100_000])
def test_what_is_no_notebook(text: str) -> None:
    assert read_cells(text) is None
