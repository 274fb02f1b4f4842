"""A person opens a file, sees a finding, has it mended, and closes the file: in each editor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.lsp.client import Client, apply, place
from tests.lsp.conftest import StartServer
from tests.lsp.editors import EDITORS

TEXT = "x = '😀' + BAD\ny = 2\n"


def findings(client: Client, server: dict[str, Any], uri: str, version: int) -> list[dict[str, Any]]:
    """The diagnostics as this editor gets them: it asks, or is told."""
    if "diagnosticProvider" in server["capabilities"]:
        report = client.request("textDocument/diagnostic", {"textDocument": {"uri": uri}})
        items: list[dict[str, Any]] = report["items"]
        return items
    return client.diagnostics(uri)


@pytest.mark.parametrize("editor", EDITORS)
def test_open_see_mend_close(start: StartServer, tmp_path: Path, editor: str) -> None:
    client = start()
    uri = (tmp_path / "layers.py").as_uri()
    server = client.initialize(EDITORS[editor]([("here", tmp_path.as_uri())]), settings={})
    encoding = server["capabilities"]["positionEncoding"]
    client.open(uri, TEXT)

    [finding] = findings(client, server, uri, 1)
    column = {"utf-8": 13, "utf-16": 11, "utf-32": 10}[encoding]
    assert finding["range"] == place(0, column, 0, column + 3)
    assert finding["code"] == "KS101"
    assert finding["codeDescription"]["href"].endswith("/KS101.md")
    assert finding["source"] == "kerascope"

    mend, ignore, *_ = client.actions(uri, finding["range"], [finding])
    assert mend["title"] == "Write GOOD" and mend["isPreferred"]
    assert mend["diagnostics"] == [finding]
    assert ignore["title"] == "Ignore KS101 on this line"
    edit = mend["edit"]
    changes = edit["documentChanges"][0]["edits"] if "documentChanges" in edit else edit["changes"][uri]
    mended = apply(TEXT, changes, encoding)
    assert mended == TEXT.replace("BAD", "GOOD")

    client.change(uri, 2, {"range": changes[0]["range"], "text": changes[0]["newText"]})
    assert findings(client, server, uri, 2) == []
    client.close(uri)
    if "diagnosticProvider" not in server["capabilities"]:
        assert client.diagnostics(uri) == []
    assert client.shut_down() == 0
    assert client.logs == []
    assert client.stderr == ""


def test_what_the_client_prefers_is_what_positions_count(start: StartServer) -> None:
    client = start()
    params = EDITORS["bare"]([])
    params["capabilities"]["general"] = {"positionEncodings": ["utf-7", "utf-32", "utf-16"]}
    assert client.initialize(params)["capabilities"]["positionEncoding"] == "utf-32"


def test_diagnostics_of_an_old_version_are_never_sent(start: StartServer) -> None:
    client = start()
    client.initialize(EDITORS["bare"]([], {"delay": 0.05}))
    uri = "file:///stale.py"
    client.open(uri, "BAD\n")
    for version in range(2, 40):
        client.change(uri, version, {"range": place(0, 0), "text": "BAD "})
    last = client.diagnostics(uri, 39)
    assert len(last) == 39
    client.settle()
    versions = [params["version"] for params in client.published(uri)]
    assert versions == sorted(versions) and versions[-1] == 39
    assert len(versions) < 38, "several changes that wait are analysed once"


def test_findings_follow_a_change_in_another_open_file(client: Client, tmp_path: Path) -> None:
    main, other = (tmp_path / "main.py").as_uri(), (tmp_path / "other.py").as_uri()
    client.open(main, "import other\n")
    assert client.diagnostics(main) == []
    client.open(other, "x = 1\n")
    assert client.diagnostics(other) == []
    client.replace(other, 2, "x = BAD\n")
    assert len(client.diagnostics(main)) == 1
    client.replace(other, 3, "x = 1\n")
    assert client.diagnostics(main) == []


def test_a_document_without_a_file_is_checked_too(client: Client) -> None:
    client.open("untitled:Untitled-1", "x = BAD\n")
    [finding] = client.diagnostics("untitled:Untitled-1")
    assert finding["range"] == place(0, 4, 0, 7)
    assert finding["message"] == "BAD in None"


def test_a_file_that_is_not_python_is_left_alone(client: Client) -> None:
    client.open("file:///notes.txt", "BAD\n", language="plaintext")
    client.open("file:///other.py", "BAD\n")
    assert client.diagnostics("file:///other.py")
    assert list(client.published("file:///notes.txt")) == []


def test_fix_all_mends_what_is_safe(start: StartServer) -> None:
    client = start()
    client.initialize(EDITORS["bare"]([]))
    uri = "file:///all.py"
    text = "a = BAD\nb = ODD\nc = BAD\n"
    client.open(uri, text)
    client.diagnostics(uri)
    [action] = client.actions(uri, place(1, 0), only=["source.fixAll"])
    assert action["kind"] == "source.fixAll.kerascope"
    assert apply(text, action["edit"]["changes"][uri]) == "a = GOOD\nb = ODD\nc = GOOD\n"
    assert client.actions(uri, place(1, 0), only=["refactor"]) == []
    assert client.actions(uri, place(1, 0), only=["source.organizeImports"]) == []


def test_fix_all_mends_what_another_fix_has_made_place_for(start: StartServer) -> None:
    client = start()
    client.initialize(EDITORS["bare"]([]))
    uri = "file:///all.py"
    text = "a = WORSE\r\nb = ODD\r\nc = 1\r\nd = BAD"
    client.open(uri, text)
    before = client.diagnostics(uri)
    [action] = client.actions(uri, place(0, 0), only=["source.fixAll"])
    mended = "a = GOOD\r\nb = ODD\r\nc = 1\r\nd = GOOD"
    assert apply(text, action["edit"]["changes"][uri]) == mended
    client.change(uri, 2, {"range": place(2, 5), "text": " "})
    assert client.diagnostics(uri, 2) == before, "the document is what the client has"


def test_fix_all_is_worked_out_when_it_is_chosen(start: StartServer) -> None:
    client = start()
    client.initialize(EDITORS["helix"]([]), settings={})
    uri = "file:///all.py"
    client.open(uri, "a = BAD\n")
    client.diagnostics(uri)
    [action] = client.actions(uri, place(0, 0), only=["source.fixAll.kerascope"])
    assert "edit" not in action
    resolved = client.request("codeAction/resolve", action)
    [change] = resolved["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": uri, "version": 1}
    assert apply("a = BAD\n", change["edits"]) == "a = GOOD\n"


def test_an_unsafe_fix_is_offered_but_not_preferred(client: Client) -> None:
    client.open("file:///odd.py", "a = ODD\n")
    client.diagnostics("file:///odd.py")
    fix, _ignore = client.actions("file:///odd.py", place(0, 5))
    assert fix["title"] == "Write GOOD" and not fix.get("isPreferred")


def test_hover_shows_the_tree_in_the_form_that_the_client_reads(start: StartServer) -> None:
    for editor, kind, value in (
        ("helix", "markdown", "## Mark\n`GOOD` is better"),
        ("eglot", "plaintext", "Mark\nGOOD is better"),
    ):
        client = start()
        client.initialize(EDITORS[editor]([]), settings={})
        client.open("file:///h.py", "a = BAD\n")
        params = {"textDocument": {"uri": "file:///h.py"}, "position": {"line": 0, "character": 5}}
        assert client.request("textDocument/hover", params) == {"contents": {"kind": kind, "value": value}}
        params["position"]["character"] = 0  # type: ignore[index]
        assert client.request("textDocument/hover", params) is None


class TestPull:
    """Clients that ask for diagnostics."""

    def report(self, client: Client, uri: str, previous: str | None = None) -> dict[str, Any]:
        params: dict[str, Any] = {"textDocument": {"uri": uri}}
        if previous is not None:
            params["previousResultId"] = previous
        report: dict[str, Any] = client.request("textDocument/diagnostic", params)
        return report

    def test_an_unchanged_answer_is_not_repeated(self, start: StartServer) -> None:
        client = start()
        client.initialize(EDITORS["vscode"]([]), settings={})
        client.open("file:///p.py", "BAD\n")
        first = self.report(client, "file:///p.py")
        assert len(first["items"]) == 1
        again = self.report(client, "file:///p.py", first["resultId"])
        assert again == {"kind": "unchanged", "resultId": first["resultId"]}
        client.replace("file:///p.py", 2, "BAD BAD\n")
        third = self.report(client, "file:///p.py", first["resultId"])
        assert third["kind"] == "full" and len(third["items"]) == 2
        assert list(client.published("file:///p.py")) == [], "nothing is both asked for and sent"

    def test_the_client_is_told_to_ask_again(self, start: StartServer, tmp_path: Path) -> None:
        client = start()
        client.initialize(EDITORS["vscode"]([]), settings={})
        main, other = (tmp_path / "main.py").as_uri(), (tmp_path / "other.py").as_uri()
        client.open(main, "import other\n")
        client.open(other, "x = 1\n")
        assert self.report(client, main)["items"] == []
        client.replace(other, 2, "BAD\n")
        client.wait(lambda message: message["method"] == "workspace/diagnostic/refresh")
        assert len(self.report(client, main)["items"]) == 1
