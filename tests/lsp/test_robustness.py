"""What no client should send, and some do. The server answers, and lives."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.lsp import editors
from tests.lsp.client import PATIENCE, Client, ResponseError, place
from tests.lsp.conftest import ENVIRONMENT, MARKED, StartServer

ABOUT = {"textDocument": {"uri": "file:///unknown.py"}}
HERE = {"line": 0, "character": 0}


def alive(client: Client) -> bool:
    """Whether a document opened now still gets its finding."""
    uri = f"file:///alive{time.monotonic_ns()}.py"
    client.open(uri, "BAD\n")
    found = client.diagnostics(uri)
    client.close(uri)
    client.diagnostics(uri)
    return len(found) == 1


@pytest.mark.parametrize(
    ("method", "params", "empty"),
    [
        ("textDocument/hover", {**ABOUT, "position": HERE}, None),
        ("textDocument/codeAction", {**ABOUT, "range": place(0, 0), "context": {"diagnostics": []}}, []),
        ("textDocument/diagnostic", ABOUT, {"kind": "full", "items": []}),
        ("textDocument/codeLens", ABOUT, []),
        ("textDocument/inlayHint", {**ABOUT, "range": place(0, 0, 9, 9)}, []),
    ],
)
def test_requests_for_unknown_documents_get_empty_answers(
    shared: Client, method: str, params: object, empty: object
) -> None:
    assert shared.request(method, params) == empty
    assert alive(shared)


def test_messages_about_unknown_documents_are_ignored(shared: Client) -> None:
    shared.change("file:///unknown.py", 2, {"text": "x"})
    shared.close("file:///unknown.py")
    shared.notify("textDocument/didSave", ABOUT)
    assert alive(shared)


@pytest.mark.parametrize(
    "where", [place(99, 0), place(0, 99), place(0, 2, 99, 99), place(99, 99, 100, 0), place(1, 1, 0, 0)]
)
def test_edits_past_the_end_end_at_the_end(client: Client, where: dict[str, Any]) -> None:
    uri = "file:///end.py"
    client.open(uri, "ab\ncd\n")
    client.diagnostics(uri)
    client.change(uri, 2, {"range": where, "text": " BAD "})
    assert len(client.diagnostics(uri, 2)) == 1
    assert (
        client.request(
            "textDocument/hover", {"textDocument": {"uri": uri}, "position": {"line": 99, "character": 9}}
        )
        is None
    )
    assert client.actions(uri, place(50, 0, 60, 7)) == []
    client.replace(uri, 3, "BAD")
    assert client.diagnostics(uri, 3)[0]["range"] == place(0, 0, 0, 3)


@pytest.mark.parametrize(
    "params",
    [None, 7, [], {}, {"textDocument": None}, {"textDocument": {"uri": 5}}, {"textDocument": {"uri": "file:///a.py"}},
     {**ABOUT, "position": {"line": "x", "character": None}},
     {**ABOUT, "position": {"line": -4, "character": -1}}],
)  # fmt: skip
@pytest.mark.parametrize(
    "method",
    [
        "textDocument/hover",
        "textDocument/codeAction",
        "textDocument/diagnostic",
        "codeAction/resolve",
        "textDocument/codeLens",
        "textDocument/inlayHint",
        "workspace/executeCommand",
        "workspace/textDocumentContent",
        "shutdown2",
    ],
)
def test_malformed_requests_get_an_answer(shared: Client, method: str, params: object) -> None:
    try:
        shared.request(method, params)
    except ResponseError as error:
        assert error.code in (-32602, -32601)
        assert "Traceback" not in json.dumps(error.error)


@pytest.mark.parametrize(
    "method",
    ["textDocument/didOpen", "textDocument/didChange", "textDocument/didClose", "textDocument/didSave",
     "workspace/didChangeConfiguration", "workspace/didChangeWatchedFiles",
     "workspace/didChangeWorkspaceFolders",
     "$/setTrace", "$/cancelRequest", "window/workDoneProgress/cancel", "no/such/method"],
)  # fmt: skip
def test_malformed_notifications_are_ignored(shared: Client, method: str) -> None:
    for params in (None, 7, [], {}, {"textDocument": 5}, {"changes": 3}, {"event": None}, {"id": {}}):
        shared.notify(method, params)
    assert alive(shared)
    assert not any("Traceback" in line for line in shared.logs)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"7", b"null", b"\xff\xfe", b'{"jsonrpc":"1.0"}', b"[" * 100_000]
)
def test_what_is_no_message_is_answered_or_ignored(shared: Client, body: bytes) -> None:
    shared.send_raw(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert alive(shared)


def test_strange_headers_are_skipped(shared: Client) -> None:
    shared.send_raw(b"\r\n\r\nNonsense\r\nContent-Length: -4\r\n\r\nX-Other: 1\r\n\r\n")
    assert alive(shared)


@pytest.mark.parametrize(
    "uri", ["untitled:a b", "git:/x/y.py?ref=~", "vscode-notebook-cell:/x#W0", "", "::",
            "file://host/x.py", "file:",
            "file:///with%20space/ü.py", "FILE:///caps.py", "jar:file:///a.zip!/b.py"],
)  # fmt: skip
def test_any_uri_is_given_back_as_it_came(shared: Client, uri: str) -> None:
    shared.open(uri, "BAD\n")
    assert len(shared.diagnostics(uri)) == 1
    shared.close(uri)
    assert shared.diagnostics(uri) == []


def test_a_check_that_fails_is_logged_and_costs_only_its_own_findings(client: Client) -> None:
    client.open("file:///good.py", "BAD\n")
    client.diagnostics("file:///good.py")
    client.open("file:///boom.py", "BOOM\n")
    assert client.diagnostics("file:///boom.py") == []
    assert client.logs == ["checking file:///boom.py failed: ValueError: boom (marked.py:75)"] or (
        client.logs[0].startswith("checking file:///boom.py failed: ValueError: boom (marked.py:")
    )
    client.replace("file:///boom.py", 2, "BAD\n")
    assert len(client.diagnostics("file:///boom.py", 2)) == 1


def test_the_traceback_is_for_those_who_ask_for_traces(client: Client) -> None:
    client.notify("$/setTrace", {"value": "verbose"})
    client.open("file:///boom.py", "BOOM\n")
    _, message = client.wait(lambda message: message["method"] == "$/logTrace")
    assert "Traceback" in message["params"]["verbose"]


def test_a_huge_document_and_a_huge_line(client: Client) -> None:
    client.open("file:///huge.py", "x = 1\n" * 400_000 + "BAD\n")
    assert client.diagnostics("file:///huge.py")[0]["range"]["start"]["line"] == 400_000
    client.open("file:///wide.py", "'" + "ü" * 1_000_000 + "' BAD\n")
    assert len(client.diagnostics("file:///wide.py")) == 1


def test_the_build_check_is_not_loaded_before_it_is_needed() -> None:
    loaded = "[name for name in sys.modules if name.startswith('kerascope.probe')]"
    program = f"import sys, kerascope.lsp.server, kerascope.lsp.opening; sys.exit(str({loaded}))"
    ended = subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert ended.stderr == "[]\n"


def test_lone_surrogates_are_text_too(client: Client) -> None:
    client.open("file:///s.py", "x = '\ud800' + BAD\n")
    assert client.diagnostics("file:///s.py")[0]["range"] == place(0, 10, 0, 13)


class TestLifecycle:
    """How a server starts and ends."""

    def test_exit_without_shutdown_is_an_error(self, client: Client) -> None:
        client.notify("exit")
        assert client.process.wait(PATIENCE) == 1

    def test_after_shutdown_nothing_is_answered_but_exit(self, client: Client) -> None:
        client.request("shutdown")
        with pytest.raises(ResponseError) as refused:
            client.request("textDocument/hover", {**ABOUT, "position": HERE})
        assert refused.value.code == -32600
        client.open("file:///late.py", "BAD\n")
        client.notify("exit")
        assert client.process.wait(PATIENCE) == 0

    def test_the_server_ends_when_its_input_does(self, client: Client) -> None:
        assert client.process.stdin is not None
        client.process.stdin.close()
        assert client.process.wait(PATIENCE) == 1

    def test_the_server_ends_in_the_middle_of_work(self, start: StartServer) -> None:
        client = start()
        client.initialize(editors.bare([], {"delay": 60}))
        client.open("file:///slow.py", "BAD\n")
        time.sleep(0.5)
        client.notify("exit")
        assert client.process.wait(PATIENCE) == 1

    def test_exit_before_initialize(self, start: StartServer) -> None:
        client = start()
        client.notify("exit")
        assert client.process.wait(PATIENCE) == 1

    def test_before_initialize_requests_are_refused_and_the_rest_ignored(self, start: StartServer) -> None:
        client = start()
        client.open("file:///early.py", "BAD\n")
        client.send_raw(b"Content-Length: 2\r\n\r\n{]")
        with pytest.raises(ResponseError) as refused:
            client.request("textDocument/hover", {**ABOUT, "position": HERE})
        assert refused.value.code == -32002
        client.initialize(editors.bare([]))
        with pytest.raises(ResponseError) as refused:
            client.request("initialize", editors.bare([]))
        assert refused.value.code == -32600
        assert alive(client)
        assert list(client.published("file:///early.py")) == []

    @pytest.mark.parametrize(
        "params",
        [
            *[None, 7, [], {}, {"capabilities": 3}, {"capabilities": {"general": []}}],
            {"processId": "x", "workspaceFolders": [None, {"uri": 4}], "rootUri": 3},
        ],
    )
    def test_any_initialize_is_answered(self, start: StartServer, params: object) -> None:
        client = start()
        result = client.request("initialize", params)
        assert result["capabilities"]["positionEncoding"] == "utf-16"
        assert alive(client)

    @pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
    def test_the_server_ends_when_the_editor_is_killed(self, start: StartServer) -> None:
        editor = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        client = start()
        client.initialize({**editors.bare([]), "processId": editor.pid})
        assert alive(client)
        os.kill(editor.pid, signal.SIGKILL)
        editor.wait()
        assert client.process.wait(PATIENCE) == 1

    def test_over_a_socket(self) -> None:
        process = subprocess.Popen([*MARKED, "--tcp"], env=ENVIRONMENT, stderr=subprocess.PIPE)
        try:
            assert process.stderr is not None
            port = int(process.stderr.readline().rsplit(b":", 1)[1])
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as wire:
                stream = wire.makefile("rwb")
                for message in (
                    {"id": 1, "method": "initialize", "params": editors.bare([])},
                    {"id": 2, "method": "shutdown"},
                    {"method": "exit"},
                ):
                    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
                    stream.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
                stream.flush()
                answer = stream.read()
            assert b'"capabilities"' in answer and b'"id": 2' in answer
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            process.wait()
            assert process.stderr is not None
            process.stderr.close()


def test_a_cancelled_request_is_answered_so(start: StartServer) -> None:
    client = start()
    client.initialize(editors.bare([], {"delay": 0.5}))
    client.open("file:///a.py", "BAD\n")
    about = {"textDocument": {"uri": "file:///a.py"}}
    first = client.begin("textDocument/diagnostic", about)
    second = client.begin("textDocument/diagnostic", about)
    client.notify("$/cancelRequest", {"id": second})
    assert client.response(first)["kind"] == "full"
    with pytest.raises(ResponseError) as cancelled:
        client.response(second)
    assert cancelled.value.code == -32800
    client.notify("$/cancelRequest", {"id": first})
    assert alive(client)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "textDocument",
                    "uri",
                    "position",
                    "line",
                    "character",
                    "range",
                    "context",
                    "only",
                    "command",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
METHODS = st.sampled_from(
    ["textDocument/hover", "textDocument/codeAction", "textDocument/diagnostic", "codeAction/resolve",
     "textDocument/codeLens", "textDocument/inlayHint",
     "workspace/executeCommand", "workspace/textDocumentContent",
     "textDocument/didOpen", "textDocument/didChange", "workspace/didChangeWatchedFiles", "initialized"],
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=METHODS, params=JSON, asked=st.booleans())
def test_any_parameters_at_all(shared: Client, method: str, params: object, asked: bool) -> None:
    if not asked:
        shared.notify(method, params)
        return
    try:
        shared.request(method, params)
    except ResponseError as error:
        assert error.code in (-32600, -32601, -32602)
