"""Where settings come from, and when they change."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lsp.conftest import StartServer
from tests.lsp.editors import EDITORS

UNKNOWN = "unknown setting 'colour'"


@pytest.mark.parametrize(
    "options", [{"colour": 1}, {"settings": {"colour": 1}}, {"kerascope": {"colour": 1}}]
)
def test_settings_from_the_start(start: StartServer, options: object) -> None:
    client = start()
    client.initialize(EDITORS["bare"]([], options))
    client.open("file:///a.py", "")
    client.diagnostics("file:///a.py")
    assert client.logs == [UNKNOWN]


def test_settings_by_request_for_each_folder(start: StartServer, tmp_path: Path) -> None:
    client = start()
    asked: list[object] = []

    def answer(params: dict[str, list[dict[str, str]]]) -> list[object]:
        asked.extend(params["items"])
        return [
            {"colour": 1} if item.get("scopeUri") == tmp_path.as_uri() else None for item in params["items"]
        ]

    client.answers["workspace/configuration"] = answer
    client.initialize(EDITORS["helix"]([("here", tmp_path.as_uri())]))
    outside, inside = "file:///elsewhere/a.py", (tmp_path / "a.py").as_uri()
    client.open(outside, "")
    client.diagnostics(outside)
    assert asked == [{"scopeUri": tmp_path.as_uri(), "section": "kerascope"}, {"section": "kerascope"}]
    assert client.logs == []
    client.open(inside, "")
    client.diagnostics(inside)
    assert client.logs == [UNKNOWN]


def test_a_client_that_never_answers_gets_findings_all_the_same(start: StartServer) -> None:
    client = start()
    client.silent.add("workspace/configuration")
    client.initialize(EDITORS["helix"]([], {"colour": 1}))
    client.open("file:///a.py", "BAD\n")
    assert len(client.diagnostics("file:///a.py")) == 1
    assert client.logs == [UNKNOWN]


@pytest.mark.parametrize("answer", [None, [], 7, "x", [1, 2, 3, 4], [[]], {"a": 1}])
def test_a_client_that_answers_nonsense_gets_findings_all_the_same(
    start: StartServer, answer: object
) -> None:
    client = start()
    client.answers["workspace/configuration"] = lambda _: answer
    client.initialize(EDITORS["helix"]([]))
    client.open("file:///a.py", "BAD\n")
    assert len(client.diagnostics("file:///a.py")) == 1


def test_changed_settings_count_at_once(start: StartServer) -> None:
    client = start()
    client.initialize(EDITORS["helix"]([]), settings={})
    client.open("file:///a.py", "BAD\n")
    client.diagnostics("file:///a.py")
    client.answers["workspace/configuration"] = lambda asked: [{"colour": 1} for _ in asked["items"]]
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    client.wait(lambda message: message["method"] == "window/logMessage")
    assert client.logs == [UNKNOWN]


def test_changed_settings_from_a_client_that_pushes(start: StartServer) -> None:
    client = start()
    client.initialize(EDITORS["bare"]([]))
    client.open("file:///a.py", "BAD\n")
    client.diagnostics("file:///a.py")
    client.notify("workspace/didChangeConfiguration", {"settings": {"kerascope": {"colour": 1}}})
    client.wait(lambda message: message["method"] == "window/logMessage")
    assert client.logs == [UNKNOWN]


def test_watchers_are_registered_where_the_client_watches(start: StartServer) -> None:
    client = start()
    client.initialize(EDITORS["vscode"]([]), settings={})
    _, message = client.wait(lambda message: message["method"] == "client/registerCapability")
    registered = {entry["method"]: entry for entry in message["params"]["registrations"]}
    watchers = registered["workspace/didChangeWatchedFiles"]["registerOptions"]["watchers"]
    assert [watcher["globPattern"] for watcher in watchers] == [
        "**/*.py",
        "**/pyproject.toml",
        "**/kerascope.toml",
    ]
    assert "workspace/didChangeConfiguration" in registered


class TestFolders:
    """Several folders, each with its own project."""

    def test_a_file_belongs_to_the_nearest_folder(self, start: StartServer, tmp_path: Path) -> None:
        outer, inner = tmp_path / "outer", tmp_path / "outer" / "inner"
        client = start()
        client.initialize(EDITORS["helix"]([("o", outer.as_uri()), ("i", inner.as_uri())]), settings={})
        for path, folder in (
            (outer / "a.py", "outer"),
            (inner / "b.py", "inner"),
            (inner / "c/d.py", "inner"),
        ):
            client.open(path.as_uri(), "BAD\n")
            assert client.diagnostics(path.as_uri())[0]["message"] == f"BAD in {folder}"

    def test_folders_come_and_go(self, start: StartServer, tmp_path: Path) -> None:
        outer, inner = tmp_path / "outer", tmp_path / "outer" / "inner"
        client = start()
        client.initialize(EDITORS["helix"]([("o", outer.as_uri())]), settings={})
        uri = (inner / "a.py").as_uri()
        client.open(uri, "BAD\n")
        assert client.diagnostics(uri)[0]["message"] == "BAD in outer"
        folder = {"uri": inner.as_uri(), "name": "i"}
        client.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [folder], "removed": []}})
        assert client.diagnostics(uri)[0]["message"] == "BAD in inner"
        client.notify("workspace/didChangeWorkspaceFolders", {"event": {"added": [], "removed": [folder]}})
        assert client.diagnostics(uri)[0]["message"] == "BAD in outer"

    def test_a_file_outside_belongs_to_the_project_around_it(
        self, start: StartServer, tmp_path: Path
    ) -> None:
        (tmp_path / "lone" / "sub").mkdir(parents=True)
        (tmp_path / "lone" / "pyproject.toml").touch()
        client = start()
        client.initialize(EDITORS["bare"]([]))
        uri = (tmp_path / "lone" / "sub" / "a.py").as_uri()
        client.open(uri, "BAD\n")
        assert client.diagnostics(uri)[0]["message"] == "BAD in lone"


def test_the_first_look_at_a_folder_shows_progress(start: StartServer, tmp_path: Path) -> None:
    client = start()
    client.initialize(EDITORS["helix"]([("here", tmp_path.as_uri())]), settings={})
    uri = (tmp_path / "a.py").as_uri()
    client.open(uri, "")
    client.diagnostics(uri)
    methods = [message["method"] for _, message in client.messages]
    assert methods.index("window/workDoneProgress/create") < methods.index("$/progress")
    kinds = [
        message["params"]["value"]["kind"]
        for _, message in client.messages
        if message["method"] == "$/progress"
    ]
    assert kinds == ["begin", "end"]
