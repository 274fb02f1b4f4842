"""A notebook in the editor: what is found across its cells stands in the cell where it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.lsp import editors
from tests.lsp.client import Client, place, running
from tests.lsp.conftest import ENVIRONMENT

SERVER = [sys.executable, "-m", "kerascope", "server"]
IMPORTS = "%pip install keras\nimport keras"
BLOCK = """class Block(keras.layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.dense = keras.layers.Dense(width)

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        return self.dense(x)"""
ENCODER = """class Encoder(keras.layers.Layer):
    def __init__(self, depth):
        super().__init__()
        blocks = []
        self.blocks = blocks
        for _ in range(depth):
            blocks.append(Block(16))

    def build(self, shape):
        for block in self.blocks:
            block.build(shape)

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x"""
LINE = 6
"""Of the encoder: its block is put into the list that the attribute doesn't hold."""


class Notebook:
    """A notebook in an editor that starts servers as VS Code does."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.client = client
        self.uri = (folder / "model.ipynb").as_uri()
        self._version = 0

    def cell(self, name: str) -> str:
        return self.uri.replace("file:", "vscode-notebook-cell:") + f"#{name}"

    def _items(self, cells: dict[str, str]) -> dict[str, Any]:
        uris = {name: self.cell(name) for name in cells}
        return {
            "cells": [{"kind": 2, "document": uri} for uri in uris.values()],
            "texts": [
                {"uri": uris[name], "languageId": "python", "version": 1, "text": text}
                for name, text in cells.items()
            ],
        }

    def open(self, **cells: str) -> None:
        items = self._items(cells)
        document = {
            "uri": self.uri,
            "notebookType": "jupyter-notebook",
            "version": 1,
            "cells": items["cells"],
        }
        params = {"notebookDocument": document, "cellTextDocuments": items["texts"]}
        self.client.notify("notebookDocument/didOpen", params)

    def change(self, **cells: Any) -> None:
        self._version += 1
        document = {"uri": self.uri, "version": self._version}
        params = {"notebookDocument": document, "change": {"cells": cells}}
        self.client.notify("notebookDocument/didChange", params)

    def insert(self, start: int, **cells: str) -> None:
        items = self._items(cells)
        array = {"start": start, "deleteCount": 0, "cells": items["cells"]}
        self.change(structure={"array": array, "didOpen": items["texts"]})

    def remove(self, start: int, name: str) -> None:
        array = {"start": start, "deleteCount": 1}
        self.change(structure={"array": array, "didClose": [{"uri": self.cell(name)}]})

    def type(self, name: str, *changes: dict[str, Any]) -> None:
        document = {"uri": self.cell(name), "version": self._version + 1}
        self.change(textContent=[{"document": document, "changes": list(changes)}])

    def findings(self, name: str) -> list[tuple[int, str]]:
        """What is shown next in a cell."""
        shown = self.client.diagnostics(self.cell(name))
        return [(each["range"]["start"]["line"], each["code"]) for each in shown]


@pytest.fixture(params=["vscode", "bare"])
def notebook(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Notebook]:
    with running(SERVER, env=ENVIRONMENT) as client:
        params = editors.EDITORS[request.param]([("here", tmp_path.as_uri())], {"keras": "3"})
        client.initialize(params)
        yield Notebook(client, tmp_path)
        assert client.shut_down() == 0


def test_a_finding_across_cells_stands_in_its_cell_and_goes(notebook: Notebook) -> None:
    notebook.open(imports=IMPORTS, block=BLOCK, encoder=ENCODER)
    assert notebook.findings("encoder") == [(LINE, "KS105")]
    mended = {"range": place(LINE, 12, LINE, 12), "text": "self."}
    notebook.type("encoder", mended)
    assert notebook.findings("encoder") == []


def test_what_is_related_stands_in_its_cell_too(notebook: Notebook) -> None:
    notebook.open(imports=IMPORTS, block=BLOCK, encoder=ENCODER)
    [finding] = notebook.client.diagnostics(notebook.cell("encoder"))
    for related in finding.get("relatedInformation", []):
        assert related["location"]["uri"] == notebook.cell("encoder")
        assert 4 <= related["location"]["range"]["start"]["line"] <= LINE


def test_cells_come_and_go(notebook: Notebook) -> None:
    notebook.open(imports=IMPORTS, encoder=ENCODER)
    notebook.insert(1, note="%%bash\necho hello\n", block=BLOCK)
    assert notebook.findings("encoder") == [(LINE, "KS105")]
    notebook.insert(0, first="\n\n\n")
    notebook.type("first", {"text": "x = 1"})
    notebook.remove(3, "block")
    assert notebook.findings("encoder") == []


def test_a_cell_that_is_closed_shows_nothing(notebook: Notebook) -> None:
    notebook.open(imports=IMPORTS, block=BLOCK, encoder=ENCODER)
    assert notebook.findings("encoder") == [(LINE, "KS105")]
    cells = [{"uri": notebook.cell(name)} for name in ("imports", "block", "encoder")]
    params = {"notebookDocument": {"uri": notebook.uri}, "cellTextDocuments": cells}
    notebook.client.notify("notebookDocument/didSave", {"notebookDocument": {"uri": notebook.uri}})
    notebook.client.notify("notebookDocument/didClose", params)
    assert notebook.findings("encoder") == []


def test_what_makes_no_sense_ends_nothing(notebook: Notebook) -> None:
    notebook.type("nowhere", {"text": "x"})
    notebook.open(imports=IMPORTS)
    notebook.change(structure={"array": {"start": 7, "deleteCount": 9}})
    notebook.type("nowhere", {"text": "x"})
    notebook.insert(1, block=BLOCK, encoder=ENCODER)
    assert notebook.findings("encoder") == [(LINE, "KS105")]
