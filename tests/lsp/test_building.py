"""The build check in the editor: asked for, watched, stopped, shown, and forgotten when the code changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from tests.lsp.client import PATIENCE, Client, ResponseError, apply, place
from tests.lsp.conftest import StartServer
from tests.lsp.editors import EDITORS

Json = dict[str, Any]

URI = "file:///layers.py"
TEXT = """\
import keras


class Outer(keras.layers.Layer):
    def __init__(self):
        self.dense = LAYER
        self.lost = LOST


class Slow(keras.layers.Layer):
    def __init__(self):
        self.x = SLOW
"""
ASKS = """\
class Asks(keras.layers.Layer):
    def __init__(self, units):
        self.x = ASKS
"""
OUTER = {"uri": URI, "class": "Outer"}
EVERYWHERE = place(0, 0, 100, 0)


@pytest.fixture
def client(start: StartServer) -> Client:
    """An editor that shows everything, with the file open in it."""
    client = start()
    client.initialize(EDITORS["vscode"]([]), settings={})
    client.open(URI, TEXT)
    return client


def run(client: Client, command: str, *arguments: object, **more: object) -> int:
    params = {"command": f"kerascope.{command}", "arguments": list(arguments), **more}
    return client.begin("workspace/executeCommand", params)


def build(client: Client, *arguments: object, **more: object) -> Json:
    result: Json = client.response(run(client, "build", *arguments, **more))
    return result


def lenses(client: Client, uri: str = URI) -> list[tuple[int, str, str]]:
    found = client.request("textDocument/codeLens", {"textDocument": {"uri": uri}})
    return [
        (lens["range"]["start"]["line"], lens["command"]["title"], lens["command"]["command"])
        for lens in found
    ]


def hints(client: Client, uri: str = URI, where: Json = EVERYWHERE) -> list[tuple[int, str]]:
    found = client.request("textDocument/inlayHint", {"textDocument": {"uri": uri}, "range": where})
    return [(hint["position"]["line"], hint["label"]) for hint in found]


def pulled(client: Client, uri: str = URI) -> list[tuple[int, str]]:
    report = client.request("textDocument/diagnostic", {"textDocument": {"uri": uri}})
    return [(item["range"]["start"]["line"], item["code"]) for item in report["items"]]


def progress(client: Client) -> list[Json]:
    return [message["params"] for _, message in client.messages if message.get("method") == "$/progress"]


def ends(message: Json) -> bool:
    """Whether it says that a build check has ended."""
    return message.get("method") == "$/progress" and message["params"]["value"]["kind"] == "end"


def wait_for_stage(client: Client, words: str) -> None:
    client.wait(
        lambda message: (
            message.get("method") == "$/progress" and words in str(message["params"]["value"].get("message"))
        )
    )


@pytest.mark.parametrize("editor", EDITORS)
def test_a_layer_is_built_from_each_editor(start: StartServer, tmp_path: Path, editor: str) -> None:
    client, uri = start(), (tmp_path / "layers.py").as_uri()
    server = client.initialize(EDITORS[editor]([("here", tmp_path.as_uri())]), settings={})["capabilities"]
    assert "kerascope.build" in server["executeCommandProvider"]["commands"]
    assert server["codeLensProvider"] and server["inlayHintProvider"]
    client.open(uri, TEXT)

    [action] = [each for each in client.actions(uri, place(5, 0)) if "command" in each]
    assert action["title"] == "Build check: Outer"
    result = client.request("workspace/executeCommand", action["command"])
    assert (result["status"], result["class"]) == ("built", "Outer")
    assert len(result["reports"]) == 1 and result["reports"][0]["class_name"] == "Outer"
    assert "Outer" in result["markdown"]

    if "diagnosticProvider" in server:
        assert pulled(client, uri) == [(6, "KS802")]
    else:
        _, message = client.wait(lambda message: "KS802" in str(message))
        assert len(message["params"]["diagnostics"]) == 1
    assert hints(client, uri) == [
        (5, "(5, 3), (3,) · 18 parameters"),
        (6, "(5, 3), (3,) · 18 parameters · not tracked"),
    ]
    shown = [message["params"] for _, message in client.messages if message["method"] == "window/showMessage"]
    if editor in ("vscode", "neovim"):
        assert shown == [], "the lens says it"
    else:
        assert shown == [{"type": 3, "message": f"Build check: Outer: {result['summary']}"}]
    assert client.shut_down() == 0
    assert client.logs == [] and client.stderr == ""


class TestLenses:
    """Over each class: the build check, then what came out of it."""

    def test_a_lens_tells_the_outcome_until_the_class_changes(self, client: Client) -> None:
        assert lenses(client) == [
            (3, "Build check", "kerascope.build"),
            (9, "Build check", "kerascope.build"),
        ]
        summary = build(client, OUTER)["summary"]
        assert lenses(client)[0] == (3, summary, "kerascope.showReport")
        client.change(URI, 2, {"range": place(5, 8, 5, 18), "text": "self.other"})
        assert lenses(client)[0] == (3, f"{summary} (stale)", "kerascope.build")
        client.change(URI, 3, {"range": place(5, 8, 5, 18), "text": "self.dense"})
        # What was undone counts again.
        client.until(lambda: lenses(client)[0], (3, summary, "kerascope.showReport"))

    def test_a_change_elsewhere_moves_everything_along(self, client: Client) -> None:
        build(client, OUTER)
        client.change(URI, 2, {"range": place(0, 0), "text": "import os\n\n"})
        assert lenses(client)[0][0::2] == (5, "kerascope.showReport")
        assert [line for line, _ in hints(client)] == [7, 8]
        assert pulled(client) == [(8, "KS802")]

    def test_where_much_has_to_run_a_glance_is_enough_while_a_person_types(self, client: Client) -> None:
        client.replace(URI, 2, TEXT.replace("LAYER", "LAYER  # BIG"))
        summary = build(client, OUTER)["summary"]
        client.change(URI, 3, {"range": place(0, 0), "text": "import os\n\n"})
        assert lenses(client)[0] == (5, summary, "kerascope.showReport")
        assert [line for line, _ in hints(client)] == [7, 8] and pulled(client) == [(8, "KS802")]
        client.change(URI, 4, {"range": place(11, 0), "text": "\n\nSIZE = 3\n\n\n"})
        assert lenses(client)[0] == (5, summary, "kerascope.showReport"), "two changes, above and below"
        assert [line for line, _ in hints(client)] == [7, 8]
        client.change(URI, 5, {"range": place(7, 8, 7, 18), "text": "self.other"})
        assert lenses(client)[0][1] == f"{summary} (stale)"
        assert hints(client) == [] and pulled(client) == []
        client.change(URI, 6, {"range": place(7, 8, 7, 18), "text": "self.dense"})
        # What was undone counts again, a moment later.
        client.until(lambda: lenses(client)[0][1], summary)
        assert pulled(client) == [(8, "KS802")]

    def test_a_lens_says_that_a_check_is_running_and_stops_it(self, client: Client) -> None:
        slow = run(client, "build", URI, "Slow")
        wait_for_stage(client, "TensorFlow")
        [_, (_, title, command)] = lenses(client)
        assert "running" in title and command == "kerascope.cancelBuild"
        client.response(run(client, "cancelBuild", {"uri": URI, "class": "Slow"}))
        assert client.response(slow)["status"] == "cancelled"
        assert lenses(client)[1][1:] == ("Build check", "kerascope.build")

    def test_the_client_is_told_to_ask_again(self, client: Client) -> None:
        pulled(client)
        build(client, OUTER)
        for what in ("codeLens", "inlayHint"):
            client.wait(lambda message, what=what: message["method"] == f"workspace/{what}/refresh")
        client.wait(lambda message: message["method"] == "workspace/diagnostic/refresh")

    def test_nothing_is_known_of_a_file_that_was_closed(self, client: Client) -> None:
        build(client, OUTER)
        client.close(URI)
        client.open(URI, TEXT)
        assert lenses(client)[0][1] == "Build check"
        assert pulled(client) == [] and hints(client) == []


class TestCommands:
    """What a client may send, and what it gets."""

    def test_arguments_by_name_or_in_order(self, client: Client) -> None:
        named = build(client, {**OUTER, "on": "(7, 5)"})
        ordered = build(client, URI, "Outer", None, "(7, 5)")
        assert named == ordered
        assert named["reports"][0]["inputs"] == "(7, 5)"

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ([], "'uri' is missing"),
            ([URI], "'class' is missing"),
            ([{"uri": 3}], "must be a string"),
            ([{**OUTER, "colour": "x"}], "unknown argument 'colour'"),
            ([{**OUTER, "on": "(None, …)"}], "write values in place of the dots"),
            ([URI, "Nobody"], "no layer class Nobody"),
            ([[], []], "must be a string"),
            (["file:///nothing.py", "Outer"], "no layer class Outer"),
        ],
    )
    def test_a_mistake_is_answered_with_what_is_wrong(
        self, client: Client, arguments: list[object], words: str
    ) -> None:
        with pytest.raises(ResponseError, match=words) as refused:
            build(client, *arguments)
        assert refused.value.code == -32602
        assert build(client, OUTER)["status"] == "built"

    @pytest.mark.parametrize("params", [None, 7, [], {}, {"command": []}, {"command": "rm", "arguments": 3}])
    def test_what_is_no_command_is_refused(self, client: Client, params: object) -> None:
        with pytest.raises(ResponseError):
            client.request("workspace/executeCommand", params)

    def test_a_whole_file(self, client: Client) -> None:
        client.replace(URI, 2, TEXT.replace("SLOW", "LAYER") + ASKS)
        result = client.response(run(client, "buildFile", URI))
        assert [(each["class"], each["status"]) for each in result["classes"]] == [
            ("Outer", "built"),
            ("Slow", "built"),
            ("Asks", "unknown"),
        ]
        titles = [each["value"].get("title") for each in progress(client)]
        assert "Build check: 3 classes" in titles

    def test_a_file_without_layers(self, client: Client) -> None:
        client.replace(URI, 2, "x = 1\n")
        assert client.response(run(client, "buildFile", {"uri": URI}))["classes"] == []

    def test_a_class_that_needs_to_be_told_how(self, client: Client) -> None:
        client.replace(URI, 2, ASKS)
        result = build(client, URI, "Asks")
        assert result["status"] == "unknown" and "units" in result["message"]
        _, shown = client.wait(lambda message: message["method"] == "window/showMessage")
        assert "units" in shown["params"]["message"]
        [comment] = [each for each in client.actions(URI, place(2, 8)) if "edit" in each]
        [change] = comment["edit"]["documentChanges"]
        assert apply(ASKS, change["edits"]).startswith("# kerascope: build() on (None, …)\nclass Asks")

    def test_what_was_installed_meanwhile_counts(self, start: StartServer, tmp_path: Path) -> None:
        client = start(str(tmp_path))
        client.initialize(EDITORS["vscode"]([]), settings={})
        client.open(URI, ASKS.replace("ASKS", "MISSING"))
        result = build(client, URI, "Asks")
        assert (result["status"], result["message"]) == ("no-keras", "Keras is not installed.")
        assert lenses(client)[0][1:] == (result["summary"], "kerascope.build")
        (tmp_path / "installed").touch()
        assert build(client, URI, "Asks")["status"] == "built"

    def test_a_client_that_shows_results_is_shown_no_message(self, start: StartServer) -> None:
        client = start()
        client.initialize(EDITORS["bare"]([], {"showsResults": True}))
        client.open(URI, ASKS)
        assert build(client, URI, "Asks")["status"] == "unknown"
        client.settle()
        assert not any(message["method"] == "window/showMessage" for _, message in client.messages)

    def test_a_failure_of_our_own_is_told_in_a_line(self, client: Client) -> None:
        client.replace(URI, 2, ASKS.replace("ASKS", "DEFECT"))
        result = build(client, URI, "Asks")
        assert result["status"] == "crashed" and "please report" in result["message"]
        assert "Traceback" not in str(client.messages) + client.stderr
        client.replace(URI, 3, TEXT)
        assert build(client, OUTER)["status"] == "built"


class TestProgress:
    """What is seen while a check runs, and how it ends early."""

    def test_stages_are_shown_in_the_server_s_own_progress(self, client: Client) -> None:
        summary = build(client, OUTER)["summary"]
        shown = [value["value"] for value in progress(client)][-4:]
        assert [value["kind"] for value in shown] == ["begin", "report", "report", "end"]
        assert shown[0]["title"] == "Build check: Outer" and shown[0]["cancellable"]
        assert shown[-1]["message"] == f"Outer: {summary}"
        assert "starting TensorFlow" in shown[1]["message"] and "float32 (2, 5)" in shown[2]["message"]

    def test_stages_are_shown_in_the_request_s_progress(self, client: Client) -> None:
        build(client, OUTER, workDoneToken="mine")
        assert [each["value"]["kind"] for each in progress(client) if each["token"] == "mine"] == [
            "begin",
            "report",
            "report",
            "end",
        ]

    def test_parts_of_the_report_come_as_they_are_measured(self, client: Client) -> None:
        slow = run(client, "build", URI, "Slow", partialResultToken=77)
        _, message = client.wait(lambda message: (message.get("params") or {}).get("token") == 77)
        value = message["params"]["value"]
        assert value["class"] == "Slow" and value["part"] == {"versions": {"keras": "3.0"}}
        client.notify("$/cancelRequest", {"id": slow})
        with pytest.raises(ResponseError) as cancelled:
            client.response(slow)
        assert cancelled.value.code == -32800

    def test_cancelling_the_progress_ends_the_check(self, client: Client) -> None:
        slow = run(client, "build", URI, "Slow", workDoneToken=5)
        wait_for_stage(client, "TensorFlow")
        client.notify("window/workDoneProgress/cancel", {"token": 5})
        assert client.response(slow)["status"] == "cancelled"

    def test_the_server_answers_while_a_check_runs(self, client: Client) -> None:
        slow = run(client, "build", URI, "Slow")
        wait_for_stage(client, "TensorFlow")
        client.change(URI, 2, {"range": place(0, 0), "text": "BAD = 1\n"})
        assert (0, "KS101") in pulled(client)
        client.notify("$/cancelRequest", {"id": slow})
        with pytest.raises(ResponseError):
            client.response(slow)

    def test_one_check_at_a_time_and_a_newer_request_takes_the_place_of_one_that_waits(
        self, client: Client
    ) -> None:
        slow = run(client, "build", URI, "Slow")
        wait_for_stage(client, "TensorFlow")
        first, second = run(client, "build", OUTER), run(client, "build", OUTER)
        replaced = client.response(first)
        assert replaced["status"] == "cancelled" and "newer request" in replaced["message"]
        client.notify("$/cancelRequest", {"id": slow})
        assert client.response(second)["status"] == "built"

    def test_a_check_of_yesterday_s_text_makes_way(self, client: Client) -> None:
        slow = run(client, "build", URI, "Slow")
        wait_for_stage(client, "TensorFlow")
        client.replace(URI, 2, TEXT.replace("SLOW", "LAYER"))
        assert build(client, URI, "Slow")["status"] == "built"
        assert "newer request" in client.response(slow)["message"]

    def test_a_request_that_waits_is_cancelled_at_once(self, client: Client) -> None:
        slow = run(client, "build", URI, "Slow")
        wait_for_stage(client, "TensorFlow")
        waiting = run(client, "build", OUTER)
        for request in (waiting, slow):
            client.notify("$/cancelRequest", {"id": request})
            with pytest.raises(ResponseError) as cancelled:
                client.response(request)
            assert cancelled.value.code == -32800

    def test_of_a_whole_file_that_makes_way_the_rest_is_checked(self, client: Client) -> None:
        client.replace(URI, 2, TEXT + ASKS.replace("ASKS", "LAYER"))
        whole = run(client, "buildFile", URI)
        wait_for_stage(client, "Slow")
        client.replace(URI, 3, TEXT.replace("SLOW", "LOST") + ASKS.replace("ASKS", "LAYER"))
        assert build(client, URI, "Slow")["status"] == "built"
        statuses = [(each["class"], each["status"]) for each in client.response(whole)["classes"]]
        assert statuses == [("Outer", "built"), ("Slow", "cancelled"), ("Asks", "built")]

    def test_the_server_ends_in_the_middle_of_a_check(self, client: Client) -> None:
        run(client, "build", URI, "Slow")
        wait_for_stage(client, "TensorFlow")
        client.notify("exit")
        assert client.process.wait(PATIENCE) == 1, "a check that nobody stops takes longer"


class TestFindings:
    """What was measured stands beside what was derived."""

    def test_what_the_check_refutes_is_withdrawn_and_that_is_logged_once(self, client: Client) -> None:
        client.replace(URI, 2, TEXT + "ODD\n")
        assert pulled(client) == [(13, "KS101")] or pulled(client) == [(12, "KS101")]
        build(client, OUTER)
        assert pulled(client) == [(6, "KS802")]
        client.change(URI, 3, {"range": place(0, 0), "text": "\n"})
        assert pulled(client) == [(7, "KS802")]
        assert client.logs == ["an ODD was withdrawn"]
        client.change(URI, 4, {"range": place(7, 8), "text": "not_"})
        assert [code for _, code in pulled(client)] == ["KS101"], (
            "it counts only for the text that was checked"
        )

    def test_they_are_sent_with_the_version_they_are_about(self, start: StartServer) -> None:
        client = start()
        client.initialize(EDITORS["bare"]([]))
        client.open(URI, TEXT, version=7)
        assert client.diagnostics(URI) == []
        build(client, OUTER)
        _, message = client.wait(lambda message: message["method"] == "textDocument/publishDiagnostics")
        assert message["params"]["version"] == 7
        assert [found["code"] for found in message["params"]["diagnostics"]] == ["KS802"]
        client.change(URI, 8, {"range": place(6, 8), "text": "x."})
        assert client.diagnostics(URI, 8) == []

    def test_fixing_all_leaves_what_was_measured_alone(self, client: Client) -> None:
        build(client, OUTER)
        client.replace(URI, 2, TEXT + "BAD\n")
        [action] = client.actions(URI, place(0, 0), only=["source.fixAll"])
        edit = client.request("codeAction/resolve", action)["edit"]
        assert apply(TEXT + "BAD\n", edit["documentChanges"][0]["edits"]) == TEXT + "GOOD\n"
        assert lenses(client)[0][2] == "kerascope.showReport"


class TestReports:
    """The report as a document."""

    def test_before_a_check_there_is_none(self, client: Client) -> None:
        with pytest.raises(ResponseError, match="has not been checked"):
            client.response(run(client, "showReport", OUTER))

    def test_it_is_opened_as_a_file_that_goes_with_the_server(self, start: StartServer) -> None:
        client = start()
        client.initialize(EDITORS["helix"]([]), settings={})
        client.open(URI, TEXT)
        build(client, OUTER)
        result = client.response(run(client, "showReport", OUTER))
        assert "Outer" in result["markdown"] and result["status"] == "built" and not result["stale"]
        assert [report["class_name"] for report in result["reports"]] == ["Outer"]
        _, message = client.wait(lambda message: message["method"] == "window/showDocument")
        file = Path(unquote(urlsplit(message["params"]["uri"]).path))
        assert file.read_text() == result["markdown"]
        assert not file.stat().st_mode & 0o222
        client.response(run(client, "showReport", OUTER))
        client.shut_down()
        assert not file.exists()

    def test_it_is_served_to_clients_that_ask_for_it(self, start: StartServer) -> None:
        client = start()
        capabilities = client.initialize(EDITORS["vscode"]([]), settings={})["capabilities"]
        assert capabilities["workspace"]["textDocumentContent"] == {"schemes": ["kerascope-report"]}
        uri = "file:///with%20space/ü.py"
        client.open(uri, TEXT)
        build(client, uri, "Outer")
        result = client.response(run(client, "showReport", uri, "Outer"))
        _, message = client.wait(lambda message: message["method"] == "window/showDocument")
        report = message["params"]["uri"]
        assert report.startswith("kerascope-report:")
        assert client.request("workspace/textDocumentContent", {"uri": report}) == {
            "text": result["markdown"]
        }
        client.replace(uri, 2, TEXT.replace("self.dense", "self.other"))
        text = client.request("workspace/textDocumentContent", {"uri": report})["text"]
        assert "has changed" in text

    def test_a_hover_shows_what_was_measured(self, client: Client) -> None:
        build(client, OUTER)
        for column, there in ((8, True), (0, False)):
            position = {"line": 3, "character": column}
            hover = client.request("textDocument/hover", {"textDocument": {"uri": URI}, "position": position})
            assert (hover is not None and "Measured" in hover["contents"]["value"]) == there


class TestActions:
    """In the menu of code actions."""

    def test_anywhere_in_the_class_where_they_are_asked_for(self, client: Client) -> None:
        titles = [each["title"] for each in client.actions(URI, place(6, 3))]
        assert titles == ["Build check: Outer"]
        assert client.actions(URI, place(0, 0)) == []
        build(client, OUTER)
        titles = [each["title"] for each in client.actions(URI, place(4, 3))]
        assert titles == ["Build check: Outer", "Show the build report of Outer"]

    def test_the_bulb_is_lit_on_the_class_line_alone(self, client: Client) -> None:
        context = {"diagnostics": [], "triggerKind": 2}
        params = {"textDocument": {"uri": URI}, "range": place(5, 0), "context": context}
        assert client.request("textDocument/codeAction", params) == []
        params["range"] = place(3, 0)
        assert len(client.request("textDocument/codeAction", params)) == 2

    def test_by_their_kind(self, client: Client) -> None:
        assert client.actions(URI, place(5, 0), only=["refactor", "source", "quickfix"]) == []
        assert client.actions(URI, place(5, 0), only=["kerascope"])


class TestOnSave:
    """Only where the person set that."""

    def save(self, client: Client) -> None:
        client.notify("textDocument/didSave", {"textDocument": {"uri": URI}})

    def test_never_unasked(self, client: Client) -> None:
        self.save(client)
        client.settle()
        assert not any("Build check" in str(each) for each in progress(client))
        assert lenses(client)[0][1] == "Build check"

    def test_the_classes_whose_text_is_new(self, start: StartServer) -> None:
        client = start()
        client.initialize(EDITORS["helix"]([]), settings={"buildOnSave": True})
        client.open(URI, TEXT.replace("SLOW", "LAYER"))
        client.diagnostics(URI)
        self.save(client)
        client.wait(ends)
        assert [command for _, _, command in lenses(client)] == ["kerascope.showReport"] * 2
        client.change(URI, 2, {"range": place(5, 8), "text": "x = "})
        self.save(client)
        client.wait(lambda message: "Build check: Outer" in str(message))
        client.wait(ends)
        assert [command for _, _, command in lenses(client)] == ["kerascope.showReport"] * 2
        before = len(progress(client))
        self.save(client)
        client.settle()
        assert len(progress(client)) == before, "nothing was new"


@pytest.mark.parametrize(
    "options",
    [{"trusted": False, "buildOnSave": True}, {"trusted": False, "kerascope": {"buildOnSave": True}}],
)
@pytest.mark.parametrize("settings", [{}, {"trusted": True}])
def test_in_an_untrusted_workspace_nothing_is_built(
    start: StartServer, options: Json, settings: Json
) -> None:
    """Not even where the settings, which may be the workspace's own, say that it is trusted."""
    client = start()
    client.initialize(EDITORS["vscode"]([], options), settings)
    client.open(URI, TEXT)
    assert lenses(client) == []
    assert client.actions(URI, place(3, 0)) == []
    client.notify("textDocument/didSave", {"textDocument": {"uri": URI}})
    for command in ("build", "buildFile"):
        result = client.response(run(client, command, OUTER))
        assert result["status"] == "refused" and "trusted" in result["message"]
    shown = [message for _, message in client.messages if message["method"] == "window/showMessage"]
    assert len(shown) == 2


def test_what_was_measured_under_other_settings_does_not_count(client: Client) -> None:
    build(client, OUTER)
    client.answers["workspace/configuration"] = lambda asked: [{"mark": "x"} for _ in asked["items"]]
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    client.until(lambda: lenses(client)[0][1], "Build check")
    assert hints(client) == []
