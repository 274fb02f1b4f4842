"""The server as it is shipped: a person works on nested Keras layers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.lsp.client import Client, apply, place, running
from tests.lsp.conftest import ROOT
from tests.lsp.editors import EDITORS

COMMAND = [sys.executable, "-m", "kerascope", "server"]

HEADS = """\
import keras


class Heads:
    def __init__(self, units):
        self.score = keras.layers.Dense(units)


class Scorer(keras.layers.Layer):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.heads = Heads(units)
        self.inner = keras.layers.Dense(units)
        self.lookup = {}
        if not self.lookup.get("out"):
            self.lookup.setdefault("out", keras.layers.Dense(units))

    def build(self, input_shape):
        self.inner.build(input_shape)
        self._trainable_weights.extend(self.inner.trainable_weights)

    def call(self, inputs):
        return self.lookup["out"](self.heads.score(self.inner(inputs)))
"""

StartServer = Callable[..., Client]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartServer]:
    """Starts the real server in a workspace folder without any interpreter of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "server")}
    environment.pop("VIRTUAL_ENV", None)
    with ExitStack() as stack:

        def start(settings: object = None, editor: str = "vscode") -> Client:
            client = stack.enter_context(running(COMMAND, env=environment))
            keras3 = {"keras": "3"} if settings is None else settings
            client.initialize(EDITORS[editor]([("here", tmp_path.as_uri())]), settings=keras3)
            return client

        yield start


def shown(client: Client, uri: str, version: int) -> list[dict[str, Any]]:
    report = client.request("textDocument/diagnostic", {"textDocument": {"uri": uri}}, patience=60)
    items: list[dict[str, Any]] = report["items"]
    return items


def edits(action: dict[str, Any], uri: str) -> list[dict[str, Any]]:
    edit = action["edit"]
    found = edit["documentChanges"][0]["edits"] if "documentChanges" in edit else edit["changes"][uri]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("editor", EDITORS)
def test_see_why_mend_it_and_go_on(start: StartServer, tmp_path: Path, editor: str) -> None:
    client = start(editor=editor)
    uri = (tmp_path / "scorer.py").as_uri()
    client.open(uri, HEADS)
    pulls = editor == "vscode" or not list(client.published(uri))
    found = shown(client, uri, 1) if pulls and editor == "vscode" else client.diagnostics(uri, patience=60)

    by_code = {finding["code"]: finding for finding in found}
    assert {"KS101", "KS106", "KS112"} <= by_code.keys()
    hidden = by_code["KS101"]
    assert "self.heads" in hidden["message"] and "Dense" in hidden["message"]
    assert hidden["range"]["start"]["line"] == 11
    private = by_code["KS112"]
    assert private["severity"] == 1
    assert private["codeDescription"]["href"].endswith("docs/rules/KS112.md")

    [mend] = [a for a in client.actions(uri, private["range"], [private]) if "elete" in a["title"]]
    assert mend["isPreferred"] is True
    mended = apply(HEADS, edits(mend, uri))
    assert "_trainable_weights" not in mended
    client.replace(uri, 2, mended)
    left = shown(client, uri, 2) if editor == "vscode" else client.diagnostics(uri, 2)
    assert "KS112" not in {finding["code"] for finding in left}
    assert "KS101" in {finding["code"] for finding in left}
    client.close(uri)
    assert client.shut_down() == 0
    assert client.stderr == ""


def test_a_helper_in_another_file_is_made_a_layer(start: StartServer, tmp_path: Path) -> None:
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("from .heads import Heads\n")
    heads = tmp_path / "pkg" / "heads.py"
    plain = (
        "import keras\n\n\nclass Heads:\n"
        "    def __init__(self):\n        self.score = keras.layers.Dense(3)\n"
    )
    heads.write_text(plain)
    client = start(editor="neovim")
    uri = (tmp_path / "scorer.py").as_uri()
    client.open(
        uri,
        "import keras\nfrom pkg import Heads\n\n\n"
        "class Scorer(keras.layers.Layer):\n    def __init__(self):\n"
        "        super().__init__()\n        self.heads = Heads()\n\n    def call(self, x):\n"
        "        return self.heads.score(x)\n",
    )
    [hidden] = [f for f in client.diagnostics(uri, patience=60) if f["code"] == "KS101"]
    assert [place["location"]["uri"] for place in hidden["relatedInformation"]] == [heads.as_uri()]

    client.open(heads.as_uri(), plain)
    client.diagnostics(heads.as_uri())
    layer = plain.replace("class Heads:", "class Heads(keras.layers.Layer):").replace(
        "        self.score", "        super().__init__()\n        self.score"
    )
    client.replace(heads.as_uri(), 2, layer)
    for _ in range(5):
        codes = {finding["code"] for finding in client.diagnostics(uri)}
        if "KS101" not in codes:
            break
    assert "KS101" not in codes


def test_hover_shows_the_tree_and_what_each_generation_does(start: StartServer, tmp_path: Path) -> None:
    client = start()
    uri = (tmp_path / "scorer.py").as_uri()
    client.open(uri, HEADS)

    def hover(line: int, character: int) -> str:
        params = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
        answer = client.request("textDocument/hover", params, patience=60)
        return str(answer["contents"]["value"]) if answer else ""

    over_class = hover(8, 8)
    assert "heads.score" in over_class and "Dense" in over_class
    assert "Keras 3" in over_class and "not tracked" in over_class
    over_attribute = hover(11, 15)
    assert "self.heads.score" in over_attribute and "does not track" in over_attribute
    assert hover(0, 2) == ""


def test_settings_choose_generation_and_rules(start: StartServer, tmp_path: Path) -> None:
    uri = (tmp_path / "scorer.py").as_uri()
    codes = {}
    for keras in ("2", "3"):
        client = start({"keras": keras, "ignore": ["KS101"]})
        client.open(uri, HEADS)
        codes[keras] = {finding["code"] for finding in shown(client, uri, 1)}
    assert "KS106" in codes["3"] and "KS106" not in codes["2"]
    assert "KS101" not in codes["2"] | codes["3"]


def test_the_configuration_file_holds_and_is_read_again(start: StartServer, tmp_path: Path) -> None:
    configuration = tmp_path / "kerascope.toml"
    configuration.write_text('keras = "3"\nselect = ["KS112"]\nselekt = 1\n')
    client = start({})
    uri = (tmp_path / "scorer.py").as_uri()
    client.open(uri, HEADS)
    assert {finding["code"] for finding in shown(client, uri, 1)} == {"KS112"}
    client.settle()
    assert any("selekt" in text and "kerascope.toml" in text for text in client.logs)
    configuration.write_text('keras = "3"\nselect = ["KS106"]\n')
    change = {"uri": configuration.as_uri(), "type": 2}
    client.notify("workspace/didChangeWatchedFiles", {"changes": [change]})
    assert {finding["code"] for finding in shown(client, uri, 1)} == {"KS106"}


def test_a_broken_line_leaves_the_other_findings_where_they_are(start: StartServer, tmp_path: Path) -> None:
    client = start()
    uri = (tmp_path / "scorer.py").as_uri()
    client.open(uri, HEADS)
    before = {finding["code"] for finding in shown(client, uri, 1)}
    client.change(uri, 2, {"range": place(21, 8, 21, 8), "text": "x = (self."})
    assert {finding["code"] for finding in shown(client, uri, 2)} == before
    client.change(uri, 3, {"range": place(21, 8, 21, 18), "text": ""})
    assert {finding["code"] for finding in shown(client, uri, 3)} == before


def test_nothing_of_an_untrusted_workspace_is_started(start: StartServer, tmp_path: Path) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    trace = tmp_path / "started"
    python.write_text(f"#!/bin/sh\ntouch {trace}\n")
    python.chmod(0o755)
    (tmp_path / "sitecustomize.py").write_text(f"open({str(trace)!r}, 'w')\n")
    (tmp_path / "keras.py").write_text(f"open({str(trace)!r}, 'w')\n")
    client = start({"trusted": False, "keras": "3"})
    uri = (tmp_path / "scorer.py").as_uri()
    client.open(uri, HEADS)
    assert shown(client, uri, 1)
    client.settle(1.0)
    assert not trace.exists()
