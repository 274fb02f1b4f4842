"""VS Code in a browser, with the packaged extension as a person installs it: what stands on the screen."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.editors.conftest import (
    EDITORS,
    MENDED,
    MESSAGE,
    PATIENCE,
    ROOT,
    needs_keras,
    program,
)

Scenario = Callable[..., dict[str, Any]]
SETTINGS = {
    "workbench.startupEditor": "none",
    "workbench.colorTheme": "Default Dark Modern",
    "workbench.tips.enabled": False,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "extensions.autoUpdate": False,
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "security.workspace.trust.startupPrompt": "never",
    "security.workspace.trust.banner": "never",
    "editor.minimap.enabled": False,
    "editor.fontSize": 13,
    "chat.commandCenter.enabled": False,
    "window.commandCenter": False,
}

LOOKUP = """
import keras


class Lookup(keras.layers.Layer):
    def __init__(self, words, table):
        super().__init__()
        self.words = {word: number for number, word in enumerate(words.split())}
        self.rows = keras.layers.Embedding(table[words.split()[0]], 4)

    def call(self, numbers):
        return self.rows(numbers)
"""
SLOW = """
import time

import keras


class Slow(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        time.sleep(300)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the extension, unpacked by VS Code from the packaged file."""
    package = ROOT / "dist" / "kerascope.vsix"
    assert package.exists(), "make vsix makes it"
    folder = tmp_path_factory.mktemp("vscode")
    command = [*code_server(folder), "--install-extension", package]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert "successfully installed" in ended.stdout, ended.stdout + ended.stderr
    return folder


def code_server(folder: Path) -> list[str | Path]:
    settings = folder / "data" / "User" / "settings.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(SETTINGS), "utf-8")
    config = folder / "config.yaml"
    config.write_text("auth: none\n", "utf-8")
    places = [
        "--config",
        config,
        "--user-data-dir",
        folder / "data",
        "--extensions-dir",
        folder / "extensions",
    ]
    return [program("vscode", "code-server"), *places]


@contextmanager
def served(folder: Path, *options: str) -> Iterator[str]:
    """The address of a VS Code that runs."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [*code_server(folder), "--bind-addr", address, "--auth", "none", *options]
    quiet = ["--disable-telemetry", "--disable-update-check", "--disable-getting-started-override"]
    log = (folder / "log.txt").open("wb")
    server = subprocess.Popen([*command, *quiet], stdout=log, stderr=log)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"http://{address}/healthz", timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < end, (folder / "log.txt").read_text("utf-8", "replace")
                time.sleep(0.2)
        yield f"http://{address}/"
    finally:
        server.terminate()
        server.wait(30)
        log.close()


@pytest.fixture
def vscode(installed: Path, project: Path) -> Scenario:
    """Does what a person does in a scenario of `vscode.cjs`, and gives what was seen."""

    def run(scenario: str, *options: str) -> dict[str, Any]:
        pictures = EDITORS / "screenshots"
        pictures.mkdir(parents=True, exist_ok=True)
        env = {
            **os.environ,
            "KERASCOPE_EDITORS": str(EDITORS),
            "CHROMIUM": shutil.which("chromium") or shutil.which("google-chrome") or "chromium",
        }
        with served(installed, *options) as address:
            script = Path(__file__).with_name("vscode.cjs")
            command = ["node", script, scenario, f"{address}?folder={project}", pictures]
            ended = subprocess.run(
                command, env=env, capture_output=True, encoding="utf-8", timeout=5 * PATIENCE, check=False
            )
        assert ended.returncode == 0, ended.stderr
        seen: dict[str, Any] = json.loads(ended.stdout)
        return seen

    return run


def set_in(project: Path, settings: dict[str, Any]) -> None:
    """Settings that the folder itself brings along."""
    (project / ".vscode").mkdir()
    (project / ".vscode" / "settings.json").write_text(json.dumps(settings), "utf-8")


def test_a_finding_is_underlined_listed_explained_and_mended_from_the_light_bulb(vscode: Scenario) -> None:
    seen = vscode("trusted", "--disable-workspace-trust")
    assert seen["underlined"] >= 1
    assert any(MESSAGE in row and "KS105" in row for row in seen["problems"])
    assert "LayerNormalization" in seen["hover"]
    assert "Fill `self.blocks` itself" in seen["offered"]
    assert any("Ignore KS105 on this line" in action for action in seen["actions"])
    assert MENDED.strip() in seen["mended"]
    assert not any("KS105" in row for row in seen["problemsAfterwards"])


@needs_keras
def test_the_lens_builds_the_layer_and_the_figures_stand_in_the_code(vscode: Scenario) -> None:
    seen = vscode("build", "--disable-workspace-trust")
    assert seen["lenses"] == ["Build check", "Build check"]
    assert seen["lensesAfterwards"][0] == "4 weights · 304 parameters · all tracked"
    assert "(16, 16), (16,) · 272 parameters" in seen["figures"]
    assert "LayerNormalization" in seen["report"]
    assert "all tracked" in seen["report"]
    assert seen["colours"] >= 5


@needs_keras
def test_the_report_shows_which_weights_keras_loses(vscode: Scenario, project: Path) -> None:
    shutil.copy(ROOT / "docs" / "examples" / "audio_tagger.py", project / "tagger.py")
    seen = vscode("lost", "--disable-workspace-trust")
    assert seen["lenses"] == ["6 of 12 weights untracked"]
    assert seen["kept"] == 6
    assert len([row for row in seen["lost"] if "kernel" in row or "bias" in row]) == 6
    assert all("untracked" in row for row in seen["lost"])
    assert any("in a helper object of class TagHeads" in row for row in seen["lost"])


@needs_keras
def test_where_nothing_says_how_a_layer_is_made_the_person_is_asked_once(
    vscode: Scenario, project: Path
) -> None:
    (project / "lookup.py").write_text(LOOKUP, "utf-8")
    seen = vscode("asked", "--disable-workspace-trust")
    assert seen["proposed"] == "build(words=…, table=…) on (None, …)"
    assert "How is it made, and on what is it called?" in seen["question"]
    assert seen["lenses"] == ["1 weight · 12 parameters · all tracked"]
    assert seen["lensesAfterwards"] == ["1 weight · 120 parameters · all tracked"]


@needs_keras
def test_a_build_check_that_takes_long_is_shown_and_can_be_cancelled(vscode: Scenario, project: Path) -> None:
    (project / "slow.py").write_text(SLOW, "utf-8")
    seen = vscode("cancelled", "--disable-workspace-trust")
    assert "Build check of Slow: " in seen["notice"], "what is being done stands behind it"
    assert seen["lenses"] == ["Build check"]


def test_a_person_whose_python_is_too_old_is_told_what_to_do(vscode: Scenario, project: Path) -> None:
    old = project / "python3.8"
    old.write_text("#!/bin/sh\necho 3 8 0\n", "utf-8")
    old.chmod(0o755)
    set_in(project, {"kerascope.serverPython": str(old)})
    (message,) = vscode("told", "--disable-workspace-trust")["messages"]
    assert f"Kerascope needs Python 3.10 or later to run on. Looked at {old} (3.8)." in message
    assert "kerascope.serverPython" in message


def test_in_a_workspace_without_trust_findings_are_shown_and_nothing_of_it_is_started(
    vscode: Scenario, project: Path
) -> None:
    ran = project / "ran"
    trap = project / ".venv" / "bin" / "python"
    trap.parent.mkdir(parents=True)
    trap.write_text(f'#!/bin/sh\necho "$0 $@" >>"{ran}"\nexec python3 "$@"\n', "utf-8")
    trap.chmod(0o755)
    (project / ".vscode").mkdir()
    settings = {
        "kerascope.serverPython": str(trap),
        "kerascope.path": [str(trap)],
        "kerascope.buildOnSave": True,
    }
    (project / ".vscode" / "settings.json").write_text(json.dumps(settings), "utf-8")
    (project / "kerascope.toml").write_text('keras = "3"\npython = ".venv"\n', "utf-8")
    seen = vscode("untrusted")
    assert seen["banner"] == 1
    assert any(MESSAGE in row for row in seen["problems"])
    assert seen["lenses"] == []
    assert not ran.exists(), ran.read_text("utf-8")
