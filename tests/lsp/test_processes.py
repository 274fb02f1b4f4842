"""The editor and the processes in which layers are built: none outlives its check, or the server."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.lsp import editors
from tests.lsp.client import PATIENCE, Client, ResponseError, place, running
from tests.lsp.conftest import ENVIRONMENT
from tests.probe.stand_in import StandIn

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into the process table")

TEXT = """\
import keras


class Fine(keras.layers.Layer):
    def call(self, x):
        return x


class Endless(keras.layers.Layer):
    def call(self, x):
        while True:
            pass
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path)


@pytest.fixture
def client(stand_in: StandIn) -> Iterator[Client]:
    """A server with the file open in it; its processes can be found by their environment."""
    command = [sys.executable, "-m", "tests.lsp.stand_in", str(stand_in.worker)]
    paths = os.pathsep.join([ENVIRONMENT["PYTHONPATH"], str(stand_in.packages)])
    environment = {**ENVIRONMENT, **stand_in.environment, "PYTHONPATH": paths}
    with running(command, env=environment) as client:
        options = {"python": sys.executable, "keras": "3"}
        editor = editors.bare([("project", stand_in.root.as_uri())], options)
        editor["capabilities"]["workspace"] = {"codeLens": {"refreshSupport": True}}
        client.initialize(editor)
        client.open(uri(stand_in), TEXT)
        client.diagnostics(uri(stand_in))
        yield client
    assert stand_in.gone(seconds=PATIENCE)


def uri(stand_in: StandIn) -> str:
    return (stand_in.root / "layers.py").as_uri()


def begin(client: Client, stand_in: StandIn, name: str) -> int:
    arguments = [{"uri": uri(stand_in), "class": name}]
    command = {"command": "kerascope.build", "arguments": arguments, "workDoneToken": name}
    return client.begin("workspace/executeCommand", command)


def build(client: Client, stand_in: StandIn, name: str) -> dict[str, Any]:
    result: dict[str, Any] = client.response(begin(client, stand_in, name))
    return result


def computing(stand_in: StandIn) -> int:
    """The process of the build check that computes, as soon as that is seen."""

    def ticks() -> dict[int, int]:
        found = {}
        for process in stand_in.processes():
            with suppress(OSError):
                fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
                found[process] = int(fields[11]) + int(fields[12])
        return found

    before, until = ticks(), time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for process, now in ticks().items():
            if now - before.get(process, now) >= 20:
                return process
        time.sleep(0.05)
    raise TimeoutError("none computes")


def wait_for_call(client: Client) -> None:
    client.wait(lambda message: "Endless: calling" in str(message))


def test_a_layer_is_built_and_measured_again_on_a_warm_worker(client: Client, stand_in: StandIn) -> None:
    first, second = build(client, stand_in, "Fine"), build(client, stand_in, "Fine")
    assert first["status"] == second["status"] == "built", first
    assert second["reports"][0]["start_seconds"] == 0


def test_an_endless_loop_ends_when_it_is_cancelled(client: Client, stand_in: StandIn) -> None:
    build(client, stand_in, "Fine")
    endless = begin(client, stand_in, "Endless")
    wait_for_call(client)
    process = computing(stand_in)
    client.notify("$/cancelRequest", {"id": endless})
    with pytest.raises(ResponseError) as cancelled:
        client.response(endless)
    assert cancelled.value.code == -32800
    until = time.monotonic() + PATIENCE
    while process in stand_in.processes() and time.monotonic() < until:
        time.sleep(0.05)
    assert process not in stand_in.processes()
    assert build(client, stand_in, "Fine")["status"] == "built"


def test_the_server_answers_while_an_endless_loop_runs(client: Client, stand_in: StandIn) -> None:
    endless = begin(client, stand_in, "Endless")
    wait_for_call(client)
    for version in range(2, 12):
        client.change(uri(stand_in), version, {"range": place(0, 0), "text": "import os\n"})
        client.diagnostics(uri(stand_in), version)
    lenses = client.request("textDocument/codeLens", {"textDocument": {"uri": uri(stand_in)}})
    assert [lens["range"]["start"]["line"] for lens in lenses] == [13, 18]
    client.notify("window/workDoneProgress/cancel", {"token": "Endless"})
    assert client.response(endless)["status"] == "cancelled"


def test_a_limit_that_the_person_set_ends_it(client: Client, stand_in: StandIn) -> None:
    (stand_in.root / "kerascope.toml").write_text("build-timeout = 1\n")
    changed = {"changes": [{"uri": (stand_in.root / "kerascope.toml").as_uri(), "type": 1}]}
    client.notify("workspace/didChangeWatchedFiles", changed)
    result = build(client, stand_in, "Endless")
    assert result["status"] == "timeout", result
    assert "line" in result["message"]
    lenses = client.request("textDocument/codeLens", {"textDocument": {"uri": uri(stand_in)}})
    assert lenses[1]["command"]["title"] == result["summary"]
    client.change(uri(stand_in), 2, {"range": place(0, 0), "text": "import os\n"})
    lenses = client.request("textDocument/codeLens", {"textDocument": {"uri": uri(stand_in)}})
    title = lenses[1]["command"]["title"]
    assert title.startswith("stopped after") and "stale" not in title, "the class is what it was"


def test_an_interpreter_that_is_none(client: Client, stand_in: StandIn) -> None:
    broken = stand_in.root / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    client.notify("workspace/didChangeConfiguration", {"settings": {"kerascope": {"python": str(broken)}}})
    result = build(client, stand_in, "Fine")
    assert result["status"] == "no-keras" and str(broken) in result["message"]
    _, shown = client.wait(lambda message: message["method"] == "window/showMessage")
    assert shown["params"]["message"].startswith("Build check of Fine:")


@pytest.mark.parametrize("way", ["shutdown", "exit", "closed", "killed"])
def test_nothing_is_left_however_the_server_ends(client: Client, stand_in: StandIn, way: str) -> None:
    begin(client, stand_in, "Endless")
    wait_for_call(client)
    assert len(stand_in.processes()) > 2
    if way == "shutdown":
        client.request("shutdown")
        client.notify("exit")
    elif way == "exit":
        client.notify("exit")
    elif way == "closed":
        assert client.process.stdin is not None
        client.process.stdin.close()
    else:
        client.process.send_signal(signal.SIGKILL)
    client.process.wait(PATIENCE)
    assert stand_in.gone(seconds=PATIENCE)


def test_nothing_of_the_workspace_runs_unasked(client: Client, stand_in: StandIn) -> None:
    before = stand_in.processes()
    client.request("textDocument/codeLens", {"textDocument": {"uri": uri(stand_in)}})
    client.actions(uri(stand_in), place(3, 0))
    client.notify("textDocument/didSave", {"textDocument": {"uri": uri(stand_in)}})
    client.settle()
    assert stand_in.processes() == before == {client.process.pid}


def test_a_change_in_a_file_that_the_class_needs_makes_its_report_stale(
    client: Client, stand_in: StandIn
) -> None:
    base = stand_in.root / "base.py"
    base.write_text("import keras\n\n\nclass Base(keras.layers.Layer):\n    pass\n")
    changed = {"changes": [{"uri": base.as_uri(), "type": 2}]}
    client.notify("workspace/didChangeWatchedFiles", changed)
    text = TEXT.replace("class Fine(keras.layers.Layer)", "from base import Base\n\n\nclass Fine(Base)")
    client.replace(uri(stand_in), 2, text)

    def lens() -> str:
        [fine, _] = client.request("textDocument/codeLens", {"textDocument": {"uri": uri(stand_in)}})
        return str(fine["command"]["title"])

    summary = build(client, stand_in, "Fine")["summary"]
    assert lens() == summary
    base.write_text(base.read_text() + "\n\ndef other():\n    pass\n")
    client.notify("workspace/didChangeWatchedFiles", changed)
    client.settle(0.6)
    assert lens() == summary, "that function isn't run"
    client.open(base.as_uri(), base.read_text().replace("    pass", "    size = 3", 1))
    assert lens() == f"{summary} (stale)", "in the editor it says something else"
    client.close(base.as_uri())
    client.until(lens, summary)
    base.write_text(base.read_text().replace("    pass", "    size = 3", 1))
    client.notify("workspace/didChangeWatchedFiles", changed)
    assert lens() == f"{summary} (stale)"
