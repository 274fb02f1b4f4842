"""`kerascope check model.ipynb`: its cells are one program, and a place in it is a cell and a line."""

from __future__ import annotations

import json

from tests.lsp.test_notebooks import BLOCK, ENCODER, IMPORTS, LINE


def notebook(*cells: str) -> str:
    code = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": ["A model"]}, *code], "nbformat": 4})


def test_the_place_of_a_finding_is_its_cell_and_line(kerascope, write) -> None:
    write("model.ipynb", notebook(IMPORTS, BLOCK, ENCODER))
    ended = kerascope("check", "model.ipynb", "--keras=3", "--output-format=concise", real=True)
    assert ended.status == 1
    assert ended.out.startswith(f"model.ipynb:cell 4:{LINE + 1}:13: warning KS105 ")

    ended = kerascope("check", "model.ipynb", "--keras=3", real=True)
    assert f" --> model.ipynb:cell 4:{LINE + 1}:13\n" in ended.out
    assert f"\n{LINE + 1} |             blocks.append(Block(16))\n" in ended.out

    ended = kerascope("check", "model.ipynb", "--keras=3", "--output-format=json", real=True)
    [finding] = json.loads(ended.out)
    assert (finding["file"], finding["cell"], finding["line"]) == ("model.ipynb", 4, LINE + 1)
    assert {related["cell"] for related in finding["related"]} == {4}


def test_a_notebook_is_never_changed(kerascope, write) -> None:
    file = write("model.ipynb", notebook(IMPORTS, BLOCK, ENCODER))
    before = file.read_bytes()
    ended = kerascope("check", "--fix", "--unsafe-fixes", "model.ipynb", "--keras=3", real=True)
    assert ended.status == 1
    assert file.read_bytes() == before


def test_what_could_not_be_parsed_is_named_by_its_cell(kerascope, write) -> None:
    write("model.ipynb", notebook(IMPORTS, "x = 1\nclass A(:\n    y = 1"))
    ended = kerascope("check", "model.ipynb")
    assert ended.err.startswith("kerascope: model.ipynb:cell 3:2: `A`")
