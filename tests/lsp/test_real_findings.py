"""The whole server, with the real rules: what a person sees who edits layers."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.lsp import editors
from tests.lsp.client import Client, apply, place, running
from tests.lsp.conftest import ENVIRONMENT

SERVER = [sys.executable, "-m", "kerascope", "server"]
BASIN = """\
import keras


class Gauge(keras.layers.Layer):
    def build(self, input_shape):
        self.response = self.add_weight(shape=(input_shape[-1], 4))

    def call(self, levels):
        return levels @ self.response


class Basin(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gauge = Gauge()

    def build(self, input_shape):
        self.gauge.build(input_shape)
        self._trainable_weights.extend(self.gauge.trainable_weights)

    def call(self, levels):
        return self.gauge(levels)
"""
BASE = """\
import keras


class Base(keras.layers.Layer):
    def __init__(self):
        super().__init__()
"""
MINE = """\
import keras
from base import Base


class Mine(Base):
    def __init__(self):
        super().__init__()
        self.scale = self.add_weight(shape=())

    def call(self, x):
        return x * self.scale
"""
USE = """\
import keras
from parts import make


class Mine(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.part = make()

    def call(self, x):
        return self.part.dense(x)
"""
PARTS = """\
import keras


class Holder:
    def __init__(self):
        self.dense = keras.layers.Dense(4)


def make():
    return Holder()
"""
EDITOR = {"keras": "3"}

Start = Callable[..., Client]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def start(options: object = EDITOR, editor: str = "bare", settings: object = None) -> Client:
            client = stack.enter_context(running(SERVER, env=ENVIRONMENT))
            params = editors.EDITORS[editor]([("here", tmp_path.as_uri())], options)
            client.initialize(params, settings)
            return client

        yield start


def codes(findings: list[dict[str, Any]]) -> list[str]:
    return [finding["code"] for finding in findings]


def test_a_finding_is_mended_by_its_fix(start: Start, tmp_path: Path) -> None:
    client, uri = start(), (tmp_path / "basin.py").as_uri()
    client.open(uri, BASIN)
    [finding] = client.diagnostics(uri)
    assert finding["code"] == "KS112"
    assert "_trainable_weights" in finding["message"]
    [fix, _ignore, *_] = client.actions(uri, finding["range"], [finding])
    assert fix["isPreferred"]
    changes = fix["edit"]["changes"][uri]
    mended = apply(BASIN, changes)
    assert "_trainable_weights" not in mended and "self.gauge.build(input_shape)" in mended
    client.change(uri, 2, *({"range": c["range"], "text": c["newText"]} for c in changes))
    assert client.diagnostics(uri, 2) == []
    assert client.shut_down() == 0
    assert client.logs == [] and client.stderr == ""


def test_all_safe_fixes_at_once(start: Start, tmp_path: Path) -> None:
    client, uri = start(), (tmp_path / "basin.py").as_uri()
    client.open(uri, BASIN)
    client.diagnostics(uri)
    [action] = client.actions(uri, place(0, 0), only=["source.fixAll.kerascope"])
    assert "_trainable_weights" not in apply(BASIN, action["edit"]["changes"][uri])


def test_ignoring_a_finding_silences_it(start: Start, tmp_path: Path) -> None:
    client, uri = start(), (tmp_path / "basin.py").as_uri()
    client.open(uri, BASIN)
    [finding] = client.diagnostics(uri)
    ignore = next(a for a in client.actions(uri, finding["range"]) if a["title"].startswith("Ignore"))
    client.replace(uri, 2, apply(BASIN, ignore["edit"]["changes"][uri]))
    assert client.diagnostics(uri, 2) == []


def test_findings_stay_while_another_method_is_half_typed(start: Start, tmp_path: Path) -> None:
    client, uri = start(), (tmp_path / "basin.py").as_uri()
    client.open(uri, BASIN)
    assert codes(client.diagnostics(uri)) == ["KS112"]
    line = BASIN.count("\n") - 1
    end = len(BASIN.splitlines()[line])
    for version, character in enumerate(" + (self.", 2):
        client.change(uri, version, {"range": place(line, end + version - 2), "text": character})
        assert codes(client.diagnostics(uri, version)) == ["KS112"]


def test_a_change_in_the_file_of_the_base_class_counts_at_once(start: Start, tmp_path: Path) -> None:
    client = start()
    base, layer = (tmp_path / "base.py").as_uri(), (tmp_path / "layer.py").as_uri()
    client.open(base, BASE)
    client.open(layer, MINE)
    assert client.diagnostics(layer) == []
    client.replace(base, 2, BASE.replace("super().__init__()", "pass"))
    found = client.diagnostics(layer)
    assert "KS306" in codes(found)
    client.replace(base, 3, BASE)
    assert client.diagnostics(layer) == []


def test_a_file_that_appears_on_disk_counts(start: Start, tmp_path: Path) -> None:
    client, uri = start(), (tmp_path / "use.py").as_uri()
    client.open(uri, USE)
    assert client.diagnostics(uri) == []
    parts = tmp_path / "parts.py"
    parts.write_text(PARTS)
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": parts.as_uri(), "type": 1}]})
    [finding] = client.diagnostics(uri)
    assert finding["code"] == "KS101"


def test_settings_of_the_folder_and_of_the_editor(start: Start, tmp_path: Path) -> None:
    uri, file = (tmp_path / "basin.py").as_uri(), tmp_path / "kerascope.toml"
    client = start()
    client.open(uri, BASIN)
    assert codes(client.diagnostics(uri)) == ["KS112"]
    file.write_text('ignore = ["KS112"]\n')
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": file.as_uri(), "type": 1}]})
    assert client.diagnostics(uri) == []
    file.write_text('severity = { KS112 = "information" }\nignroe = []\n')
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": file.as_uri(), "type": 2}]})
    [finding] = client.diagnostics(uri)
    assert finding["severity"] == 3
    client.settle(0.1)
    assert any("ignroe" in line and "kerascope.toml:2:1" in line for line in client.logs)
    client.notify("workspace/didChangeConfiguration", {"settings": {"kerascope": {"ignore": ["KS1"]}}})
    assert client.diagnostics(uri) == []


def test_an_interpreter_of_an_untrusted_workspace_is_left_alone(start: Start, tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.touch()
    for trusted in (True, False):
        client, uri = start({"interpreter": str(python), "trusted": trusted}), (tmp_path / "a.py").as_uri()
        client.open(uri, "")
        client.diagnostics(uri)
        client.settle(0.1)
        assert any("not trusted" in line for line in client.logs) is not trusted


def test_hover_on_a_sublayer_shows_its_weights_and_on_a_code_its_rule(start: Start, tmp_path: Path) -> None:
    client, uri = start(), (tmp_path / "basin.py").as_uri()
    text = BASIN.replace("trainable_weights)\n", "trainable_weights)  # kerascope: ignore[KS112]\n")
    client.open(uri, text)
    assert client.diagnostics(uri) == []
    lines = text.splitlines()

    def hover(number: int, word: str) -> str:
        params = {
            "textDocument": {"uri": uri},
            "position": {"line": number, "character": lines[number].index(word) + 1},
        }
        answer = client.request("textDocument/hover", params)
        return "" if answer is None else str(answer["contents"]["value"])

    number = next(n for n, line in enumerate(lines) if "self.gauge = Gauge()" in line)
    assert "response" in hover(number, "gauge")
    number = next(n for n, line in enumerate(lines) if "ignore[" in line)
    assert "private-weight-list" in hover(number, "KS112")
    assert hover(0, "import") == ""


@pytest.mark.parametrize("seed", range(4))
def test_after_any_edits_the_findings_are_those_of_a_fresh_open(
    start: Start, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    client = start()
    edited, fresh = (tmp_path / "edited.py").as_uri(), (tmp_path / "fresh.py").as_uri()
    text = BASIN
    client.open(edited, text)
    version = 1
    for _ in range(12):
        before = text
        for _ in range(chance.randint(1, 4)):
            lines = text.splitlines(keepends=True)
            where, length = chance.randrange(len(lines)), chance.randint(0, 2)
            new = chance.choice(
                ["", "\n", "class A:\n", "        x = (\n", "    '''\n", *BASIN.splitlines(keepends=True)]
            )
            text = "".join([*lines[:where], new, *lines[where + length :]])
            if not text.endswith("\n"):
                text += "\n"
            version += 1
            client.replace(edited, version, text)
        version += 1
        # Back to a text that parses: what was broken meanwhile must leave nothing behind.
        text = before if chance.random() < 0.3 else BASIN
        client.replace(edited, version, text)
        seen = client.diagnostics(edited, version)
        client.open(fresh, text)
        try:
            compile(text, "text", "exec")
        except SyntaxError:
            client.close(fresh)
            continue
        assert codes(seen) == codes(client.diagnostics(fresh, 1))
        client.close(fresh)
        client.diagnostics(fresh)
        text = BASIN


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1_000,
        "x = " + "[" * 1_000 + "]" * 1_000,
        "".join(" " * depth + "if x:\n" for depth in range(1_000)) + " " * 1_000 + "pass\n",
        "x = " + "-" * 5_000 + "1\n",
        "x = " + " + ".join("a" * 20_000) + "\n",
        "import keras\n" + "class A(keras.layers.Layer):\n  def call(self, x):\n    return x\n" * 4_000,
        "\x00\x01\ufeff\ufffe\udcff" * 1_000,
        "\ufeffimport keras\n",
    ],
    ids=["brackets", "list", "blocks", "minuses", "sum", "classes", "garbage", "bom"],
)
def test_strange_texts_leave_the_server_well(start: Start, tmp_path: Path, text: str) -> None:
    client, strange, uri = start(), (tmp_path / "strange.py").as_uri(), (tmp_path / "basin.py").as_uri()
    client.open(strange, text)
    client.diagnostics(strange)
    client.change(strange, 2, {"range": place(0, 0), "text": "y"})
    client.diagnostics(strange, 2)
    client.open(uri, BASIN)
    assert codes(client.diagnostics(uri)) == ["KS112"]
    assert client.logs == []


@pytest.mark.parametrize("uri", ["untitled:Untitled-1", "vscode-notebook-cell:/n.ipynb#W0", "git:/a.py?x"])
def test_a_text_without_a_file_gets_findings_and_fixes(start: Start, uri: str) -> None:
    client = start()
    client.open(uri, BASIN)
    [finding] = client.diagnostics(uri)
    [fix, *_] = client.actions(uri, finding["range"], [finding])
    assert "_trainable_weights" not in apply(BASIN, fix["edit"]["changes"][uri])
