"""The editor with real Keras: a person builds layers, sees what came out, and goes on editing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.lsp.client import Client, ResponseError, apply, place, running
from tests.lsp.conftest import ENVIRONMENT
from tests.lsp.editors import EDITORS

from kerascope.project.environment import Environment

PYTHON = os.environ.get("KERASCOPE_TRUTH_PYTHON", sys.executable)
PATIENCE = 180.0
"""Seconds for the first check, which imports TensorFlow."""
SERVER = [sys.executable, "-m", "kerascope", "server"]
Findings = dict[tuple[str, int], str]
"""Messages by code and line."""
TEXT = """\
import keras
from keras import layers


class Parts:
    def __init__(self, dense):
        self.dense = dense


class Hidden(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.first = layers.Dense(units)
        self.parts = Parts(layers.Dense(units))

    def call(self, x):
        return self.parts.dense(self.first(x))


class Kept(layers.Layer):
    def __init__(self):
        super().__init__()
        self.parts = Parts(layers.Dense(3))
        # Of what eval() gives the analysis knows nothing.
        self.kept = eval("self.parts.dense")

    def call(self, x):
        return self.parts.dense(x)


class Endless(layers.Layer):
    def call(self, x):
        while True:
            pass


class Needy(layers.Layer):
    def __init__(self, table):
        super().__init__()
        self.table = table["of nothing"]

    def call(self, x):
        return x


if __name__ == "__main__":
    print(Hidden(3)(keras.random.normal((2, 5))))
"""
HIDDEN, KEPT, NEEDY = 9, 19, 36
"""The lines of the classes, from 0."""


class Session:
    """One editor with the file open."""

    def __init__(self, client: Client, folder: Path, capabilities: dict[str, Any]) -> None:
        self.client = client
        self.capabilities = capabilities
        self.uri = (folder / "layers.py").as_uri()
        self.version = 1
        client.open(self.uri, TEXT)
        if "diagnosticProvider" not in capabilities:
            client.diagnostics(self.uri)

    def begin(self, name: str, **given: str) -> int:
        arguments = [{"uri": self.uri, "class": name, **given}]
        params = {"command": "kerascope.build", "arguments": arguments, "workDoneToken": name}
        return self.client.begin("workspace/executeCommand", params)

    def build(self, name: str, **given: str) -> dict[str, Any]:
        result: dict[str, Any] = self.client.response(self.begin(name, **given), PATIENCE)
        return result

    def change(self, line: int, text: str) -> None:
        self.version += 1
        self.client.change(self.uri, self.version, {"range": place(line, 0), "text": text})

    def findings(self, wanted: Callable[[Findings], bool] = bool) -> Findings:
        """Those that are shown, as soon as they are as `wanted`."""
        found: Findings = {}

        def shown() -> bool:
            nonlocal found
            if "diagnosticProvider" in self.capabilities:
                about = {"textDocument": {"uri": self.uri}}
                items = self.client.request("textDocument/diagnostic", about)["items"]
            else:
                *_, last = self.client.published(self.uri)
                items = last["diagnostics"] if last.get("version", self.version) == self.version else []
            found = {(item["code"], item["range"]["start"]["line"]): item["message"] for item in items}
            return wanted(found)

        self.client.until(shown, True)
        return found

    def lens(self, line: int) -> str:
        about = {"textDocument": {"uri": self.uri}}
        found = self.client.request("textDocument/codeLens", about)
        [title] = [each["command"]["title"] for each in found if each["range"]["start"]["line"] == line]
        return str(title)

    def hints(self) -> dict[int, str]:
        about = {"textDocument": {"uri": self.uri}, "range": place(0, 0, 99, 0)}
        found = self.client.request("textDocument/inlayHint", about)
        return {hint["position"]["line"]: hint["label"] for hint in found}


@pytest.fixture(params=["vscode", "neovim", "helix", "eglot"])
def session(request: pytest.FixtureRequest, environment: Environment, tmp_path: Path) -> Iterator[Session]:
    (tmp_path / "layers.py").write_text(TEXT)
    with running(SERVER, env=ENVIRONMENT) as client:
        editor = EDITORS[request.param]
        result = client.initialize(
            editor([("here", tmp_path.as_uri())]), settings={"python": PYTHON, "keras": "3"}
        )
        yield Session(client, tmp_path, result["capabilities"])
        assert client.shut_down() == 0
        assert client.stderr == ""


def test_open_build_see_edit_cancel_close(session: Session) -> None:
    client = session.client
    before = session.findings()
    assert {("KS101", 13), ("KS101", 22)} <= set(before)
    assert not any(code.startswith("KS8") for code, _ in before)
    assert session.lens(HIDDEN) == "Build check"

    # What the analysis claims is measured, and said to be.
    result = session.build("Hidden")
    assert result["status"] == "built", result
    assert result["reports"][0]["inputs"] == "float32 (2, 5)"
    assert session.lens(HIDDEN) == result["summary"] == "2 of 4 weights untracked"
    assert session.hints() == {
        12: "(5, 3), (3,) · 18 parameters",
        13: "(3, 3), (3,) · 12 parameters · not tracked",
    }
    found = session.findings(lambda found: ("KS802", 13) in found)
    assert found["KS101", 13].endswith("(confirmed by the build check)")
    assert found["KS101", 22] == before["KS101", 22]
    where = {"textDocument": {"uri": session.uri}, "position": {"line": 13, "character": 15}}
    hover = client.request("textDocument/hover", where)["contents"]["value"]
    assert "Measured by the build check" in hover and "not tracked" in hover

    # What the run refutes is withdrawn, and the log says so.
    assert session.build("Kept")["status"] == "built"
    session.findings(lambda found: ("KS101", 13) in found and ("KS101", 22) not in found)
    assert len([line for line in client.logs if "refutes KS101" in line]) == 1

    # A change elsewhere moves it all along; one in the class makes its report stale.
    session.change(0, "import os\n\n")
    assert session.lens(HIDDEN + 2) == "2 of 4 weights untracked"
    session.findings(lambda found: ("KS802", 15) in found and ("KS101", 24) not in found)
    assert len(client.logs) == 1
    session.change(15, "        self.count = 0\n")
    assert session.lens(HIDDEN + 2).endswith("(stale)")
    found = session.findings(lambda found: ("KS101", 16) in found and ("KS802", 16) not in found)
    assert not found["KS101", 16].endswith("check)")
    assert session.hints().keys() == {25}, "those of the other class stay"

    # A check that never ends is ended.
    endless = session.begin("Endless")
    client.wait(lambda message: "inputs that Endless takes" in str(message), PATIENCE)
    client.notify("$/cancelRequest", {"id": endless})
    with pytest.raises(ResponseError) as cancelled:
        client.response(endless)
    assert cancelled.value.code == -32800
    assert session.build("Hidden")["summary"] == "2 of 4 weights untracked"
    client.close(session.uri)


@pytest.mark.parametrize("session", ["vscode"], indirect=True)
def test_a_class_that_nobody_knows_how_to_make(session: Session) -> None:
    result = session.build("Needy")
    assert result["status"] in ("unknown", "raised") and result["message"], result
    actions = session.client.actions(session.uri, place(NEEDY, 0))
    [comment] = [each for each in actions if "edit" in each and each["kind"] == "kerascope.build"]
    [change] = comment["edit"]["documentChanges"]
    lines = apply(TEXT, change["edits"]).splitlines()
    assert lines[NEEDY].startswith("# kerascope: build(table=…)")
    assert lines[NEEDY + 1] == "class Needy(layers.Layer):"
    given = session.build("Needy", init='table={"of nothing": 0}', on="(None, 5)")
    assert given["status"] == "built", given
    session.change(NEEDY, '# kerascope: build({"of nothing": 1}) on (None, 7)\n')
    assert "(2, 7)" in session.build("Needy")["reports"][0]["inputs"]


@pytest.mark.parametrize("session", ["vscode"], indirect=True)
def test_a_whole_file_with_a_layer_that_raises(session: Session) -> None:
    text = TEXT.replace("while True", "while 0").replace('table["of nothing"]', "table")
    text = text.replace("        return x\n", "        return x + self.missing\n")
    text = text.replace("class Needy", "# kerascope: build({}) on (None, 5)\nclass Needy")
    session.client.replace(session.uri, 2, text)
    params = {"command": "kerascope.buildFile", "arguments": [session.uri]}
    number = session.client.begin("workspace/executeCommand", params)
    result = session.client.response(number, PATIENCE)
    assert [each["class"] for each in result["classes"]] == ["Hidden", "Kept", "Endless", "Needy"]
    assert result["classes"][3]["status"] == "raised", result["classes"][3]
    found = session.findings(lambda found: any(code == "KS801" for code, _ in found))
    [(line, message)] = [(line, message) for (code, line), message in found.items() if code == "KS801"]
    assert text.splitlines()[line].endswith("self.missing") and "missing" in message


def test_an_untrusted_workspace_and_its_interpreter_are_left_alone(
    environment: Environment, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\ntouch {ran}\n")
    python.chmod(0o755)
    (tmp_path / "kerascope.toml").write_text(f'python = "{python}"\n')
    with running(SERVER, env=ENVIRONMENT) as client:
        options = {"trusted": False, "buildOnSave": True}
        result = client.initialize(
            EDITORS["vscode"]([("here", tmp_path.as_uri())], options), settings={"buildOnSave": True}
        )
        session = Session(client, tmp_path, result["capabilities"])
        session.findings()
        about = {"textDocument": {"uri": session.uri}}
        assert client.request("textDocument/codeLens", about) == []
        refused = session.build("Hidden")
        assert refused["status"] == "refused" and "trust" in refused["message"]
        client.notify("textDocument/didSave", about)
        client.settle()
        assert any("not trusted: ignored" in line for line in client.logs)
        assert client.shut_down() == 0
    assert not ran.exists()
