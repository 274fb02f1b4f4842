"""VS Code in a browser, with the packaged extension as a person installs it: what stands on the screen."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.editors.conftest import (
    EDITORS,
    KERAS,
    MENDED,
    MESSAGE,
    PATIENCE,
    ROOT,
    START,
    needs_keras,
    program,
)

Scenario = Callable[..., dict[str, Any]]
SETTINGS = {
    "workbench.startupEditor": "none",
    "workbench.colorTheme": "Default Light Modern",
    "workbench.activityBar.location": "hidden",
    "workbench.layoutControl.enabled": False,
    "workbench.tips.enabled": False,
    "window.menuBarVisibility": "hidden",
    "window.commandCenter": False,
    "breadcrumbs.enabled": False,
    "editor.minimap.enabled": False,
    "files.autoSave": "off",
    "editor.stickyScroll.enabled": False,
    "editor.occurrencesHighlight": "off",
    "editor.cursorBlinking": "solid",
    "editor.fontSize": 13,
    "editor.hover.above": False,
    "editor.overviewRulerBorder": False,
    "editor.hideCursorInOverviewRuler": True,
    "editor.scrollbar.horizontal": "hidden",
    "editor.scrollbar.vertical": "hidden",
    "editor.scrollBeyondLastLine": False,
    "chat.commandCenter.enabled": False,
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "extensions.autoUpdate": False,
    "extensions.autoCheckUpdates": False,
    "extensions.ignoreRecommendations": True,
    "security.workspace.trust.startupPrompt": "never",
    "security.workspace.trust.banner": "always",
}
"""Nothing that distracts a reader of the screenshots."""

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
STATES = """
import keras


class Holder:
    def __init__(self):
        self.dense = keras.layers.Dense(2)


class States(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.never = keras.layers.Dense(4)
        self.frozen = keras.layers.Dense(5, trainable=False)
        self.trained = keras.layers.Dense(3)
        self.holder = Holder()

    def call(self, x):
        return self.holder.dense(self.frozen(self.trained(x)))


States()(keras.random.normal((2, 3)))
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
    """The extension, unpacked by VS Code from the packaged file."""
    package = Path(os.environ.get("KERASCOPE_VSIX", ROOT / "dist" / "kerascope.vsix")).absolute()
    assert package.exists(), "make vsix makes it"
    extensions = tmp_path_factory.mktemp("extensions")
    install(package, extensions)
    return extensions


def install(package: Path, extensions: Path) -> None:
    command = [*code_server(extensions, extensions.with_name("installing")), "--install-extension", package]
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert "successfully installed" in ended.stdout, ended.stdout + ended.stderr


def code_server(extensions: Path, data: Path) -> list[str | Path]:
    settings = data / "User" / "settings.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(SETTINGS), "utf-8")
    config = data / "config.yaml"
    config.write_text("auth: none\n", "utf-8")
    places = ["--config", config, "--user-data-dir", data, "--extensions-dir", extensions]
    return [program("vscode", "code-server"), *places]


@contextmanager
def served(
    extensions: Path, data: Path, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[str]:
    """The address of a VS Code that runs."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [*code_server(extensions, data), "--bind-addr", address, "--auth", "none", *options]
    quiet = ["--disable-telemetry", "--disable-update-check", "--disable-getting-started-override"]
    log = (data / "log.txt").open("wb")
    server = subprocess.Popen([*command, *quiet], stdout=log, stderr=log, env=env)
    try:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"http://{address}/healthz", timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < end, (data / "log.txt").read_text("utf-8", "replace")
                time.sleep(0.2)
        yield f"http://{address}/"
    finally:
        server.terminate()
        server.wait(30)
        log.close()


@pytest.fixture(scope="module")
def trusting(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A VS Code that trusts every folder."""
    with served(installed, tmp_path_factory.mktemp("data"), "--disable-workspace-trust") as address:
        yield address


@pytest.fixture
def vscode(trusting: str, project: Path) -> Scenario:
    """Does what a person does in a scenario of `vscode.cjs`, and gives what was seen."""
    return lambda scenario, **more: run(scenario, trusting, project, **more)


def run(scenario: str, address: str, project: Path, **more: str) -> dict[str, Any]:
    """`more`: what else the scenario has to know."""
    pictures = EDITORS / "screenshots"
    pictures.mkdir(parents=True, exist_ok=True)
    env = {
        **os.environ,
        "KERASCOPE_EDITORS": str(EDITORS),
        "CHROMIUM": shutil.which("chromium") or shutil.which("google-chrome") or "chromium",
        "PATIENCE": str(PATIENCE),
        "RAN": str(project / "ran"),
        **more,
    }
    script = Path(__file__).with_name("vscode.cjs")
    what = "workspace" if project.suffix == ".code-workspace" else "folder"
    command = ["node", script, scenario, f"{address}?{what}={project}", pictures]
    ended = subprocess.run(
        command, env=env, capture_output=True, encoding="utf-8", timeout=5 * PATIENCE, check=False
    )
    assert ended.returncode == 0, ended.stderr
    seen: dict[str, Any] = json.loads(ended.stdout)
    return seen


def set_in(project: Path, settings: dict[str, Any]) -> None:
    """Settings that the folder itself brings along."""
    (project / ".vscode").mkdir()
    (project / ".vscode" / "settings.json").write_text(json.dumps(settings), "utf-8")


def test_a_finding_is_underlined_listed_explained_and_mended_from_the_light_bulb(vscode: Scenario) -> None:
    seen = vscode("trusted")
    assert seen["underlined"] >= 1
    assert any(MESSAGE in row and "KS105" in row for row in seen["problems"])
    assert any("the copy is made here" in row for row in seen["problems"]), "what it is related to"
    assert any("/KS105.md" in link for link in seen["links"]), seen["links"]
    assert MESSAGE.replace("`", "") in seen["message"].replace("`", "")
    assert "LayerNormalization" in seen["hover"]
    assert "Fill `self.blocks` itself" in seen["offered"]
    assert any("Ignore KS105 on this line" in action for action in seen["actions"])
    assert MENDED.strip() in seen["mended"]
    assert not any("KS105" in row for row in seen["problemsAfterwards"])


def test_the_commands_show_a_rule_and_the_log_fix_all_and_restart(vscode: Scenario) -> None:
    seen = vscode("commands")
    assert "KS105" in seen["first"], "the rule at the cursor comes first"
    assert "(at the cursor)" in seen["first"]
    assert seen["rule"].startswith("KS105 ")
    assert "What it does" in seen["rule"]
    assert any("KS105" in row for row in seen["problems"])
    assert MENDED.strip() in seen["mended"]
    assert not any("KS105" in row for row in seen["problemsAfterwards"])
    assert seen["log"].count("start.py server") == 2
    assert "warning" not in seen["log"]
    assert re.search(r"Kerascope \d+\.\d+", seen["status"])


def test_an_installed_kerascope_is_started_where_that_is_chosen(vscode: Scenario, project: Path) -> None:
    set_in(project, {"kerascope.importStrategy": "fromEnvironment", "kerascope.serverPython": sys.executable})
    seen = vscode("started")
    assert any(MESSAGE in row for row in seen["problems"])
    assert f"Starting {sys.executable} -m kerascope server" in seen["log"]


def test_the_command_that_a_setting_names_is_started(vscode: Scenario, project: Path) -> None:
    command = [str(word) for word in START]
    set_in(project, {"kerascope.path": command})
    seen = vscode("started")
    assert any(MESSAGE in row for row in seen["problems"])
    assert f"Starting {' '.join(command)} server" in seen["log"]


def test_the_talk_with_the_server_is_in_the_log_where_that_is_set(vscode: Scenario, project: Path) -> None:
    set_in(project, {"kerascope.trace.server": "messages"})
    assert "[info]" in vscode("traced")["talk"], "it needs no other log level"


def test_the_walkthrough_opens_its_sample(vscode: Scenario) -> None:
    seen = vscode("walkthrough")
    assert seen["steps"][0] == "Open the sample"
    assert len(seen["steps"]) == 4
    assert seen["picture"] > 0
    assert any(MESSAGE in row for row in seen["problems"])
    assert any("Open the sample" in step for step in seen["done"])


@needs_keras
def test_the_lens_builds_the_layer_and_the_figures_stand_in_the_code(vscode: Scenario) -> None:
    seen = vscode("build")
    assert seen["lenses"] == ["Build check", "Build check"]
    assert seen["lensesAfterwards"][0] == "4 weights · 304 parameters · all tracked"
    assert "(16, 16), (16,) · 272 parameters" in seen["figures"]
    assert seen["lensesOfTheFile"] == ["4 weights · 304 parameters · all tracked", "no weights"]
    assert "LayerNormalization" in seen["report"]
    assert "all tracked" in seen["report"]
    assert seen["colours"] >= 5


@needs_keras
def test_the_report_shows_which_weights_keras_loses(vscode: Scenario, project: Path) -> None:
    shutil.copy(ROOT / "docs" / "examples" / "audio_tagger.py", project / "tagger.py")
    seen = vscode("lost")
    assert seen["lenses"] == ["6 of 12 weights untracked"]
    assert seen["kept"] == 6
    assert len([row for row in seen["lost"] if "kernel" in row or "bias" in row]) == 6
    assert all("untracked" in row for row in seen["lost"])
    assert any("in a helper object of class TagHeads" in row for row in seen["lost"])


THEMES = {"light": "Default Light Modern", "dark": "Default Dark Modern", "contrast": "Default High Contrast"}
LEGIBLE = 4.5
"""The contrast of text that the Web Content Accessibility Guidelines ask for."""


@needs_keras
@pytest.mark.parametrize("theme", THEMES)
def test_the_report_tells_states_apart_follows_the_theme_and_the_code(
    vscode: Scenario, project: Path, theme: str
) -> None:
    (project / "states.py").write_text(STATES, "utf-8")
    set_in(project, {"workbench.colorTheme": THEMES[theme], "kerascope.buildOnSave": True})
    seen = vscode("states", THEME=theme)
    rows = {tuple(text.split()[:1]): (kind, text.split("\t")[-1]) for kind, text in seen["rows"]}
    assert rows["never",] == ("unbuilt", "not built: never called")
    assert rows["holder.dense",] == ("untracked", "untracked")
    assert rows["trained",] == ("tracked", "")
    kinds = [(kind, text.split("\t")[-1]) for kind, text in seen["rows"] if kind.endswith("weight")]
    assert kinds.count(("tracked weight", "doesn't train")) == 2
    assert kinds.count(("tracked weight", "trained")) == 2
    assert kinds.count(("untracked weight", "untracked")) == 2
    assert "2 of 6 weights untracked" in seen["report"]
    assert "after build(shape)" in seen["report"]
    assert "save_weights and load_weights: other outputs from a fresh instance" in seen["report"]
    assert min(seen["contrasts"].values()) >= LEGIBLE, seen["contrasts"]
    assert seen["lenses"] == ["2 of 6 weights untracked · 1 sublayer not built"]


@needs_keras
def test_each_folder_of_a_workspace_has_its_own_settings_and_interpreter(
    trusting: str, project: Path, tmp_path: Path
) -> None:
    shutil.copytree(project, tmp_path / "quiet")
    (tmp_path / "quiet" / "model.py").rename(tmp_path / "quiet" / "quiet.py")
    set_in(tmp_path / "quiet", {"kerascope.ignore": ["KS105"]})
    own = project / "env" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.write_text(f'#!/bin/sh\necho "$@" >>"{project / "ran"}"\nexec "{KERAS}" "$@"\n', "utf-8")
    own.chmod(0o755)
    set_in(project, {"kerascope.python": "${workspaceFolder}/env"})
    for folder in (project, tmp_path / "quiet"):
        (folder / "kerascope.toml").write_text('keras = "3"\n', "utf-8")
    workspace = tmp_path / "both.code-workspace"
    workspace.write_text(json.dumps({"folders": [{"path": "quiet"}, {"path": "project"}]}), "utf-8")
    seen = run("folders", trusting, workspace)
    assert any(MESSAGE in row for row in seen["problems"])
    assert not any("quiet.py" in row for row in seen["problems"])
    assert seen["lenses"][0] == "4 weights · 304 parameters · all tracked"
    assert (project / "ran").exists(), "the interpreter of this folder"


def test_a_server_that_ends_is_started_anew_but_not_for_ever(
    vscode: Scenario, project: Path, tmp_path: Path
) -> None:
    program, pids = tmp_path / "kerascope", tmp_path / "pids"
    start = f'echo $$ >>"{pids}"\nexec "{sys.executable}" -m kerascope "$@"'
    program.write_text(f"#!/bin/sh\n{start}\n", "utf-8")
    program.chmod(0o755)
    set_in(project, {"kerascope.path": [str(program)]})
    seen = vscode("killed", PIDS=str(pids))
    assert seen["starts"] == 5
    assert (
        "Kerascope ended by itself 5 times within three minutes, and is not started anew." in seen["message"]
    )
    assert seen["message"].replace("\n", " ")[:40] in seen["status"].replace("\n", " ")
    assert re.search(r"Kerascope \d+\.\d+", seen["statusAfterwards"])


@needs_keras
def test_where_nothing_says_how_a_layer_is_made_the_person_is_asked_once(
    vscode: Scenario, project: Path
) -> None:
    (project / "lookup.py").write_text(LOOKUP, "utf-8")
    seen = vscode("asked")
    assert seen["proposed"] == "build(words=…, table=…) on (None, …)"
    assert "How is it made, and on what is it called?" in seen["question"]
    assert seen["lenses"] == ["1 weight · 12 parameters · all tracked"]
    assert seen["lensesAfterwards"] == ["1 weight · 120 parameters · all tracked"]
    assert seen["proposedAgain"] == 'build("a b", {"a": 3}) on int32(None, 2)'


@needs_keras
def test_a_build_check_that_takes_long_is_shown_and_can_be_cancelled(vscode: Scenario, project: Path) -> None:
    (project / "slow.py").write_text(SLOW, "utf-8")
    seen = vscode("cancelled")
    assert re.search(r"Build check of Slow: (?!Slow)\w", seen["notice"]), (
        "what is being done stands behind it"
    )
    assert seen["lenses"] == ["Build check"]


def test_a_finding_in_a_notebook_stands_in_its_cell(vscode: Scenario, project: Path) -> None:
    parts = (project / "model.py").read_text("utf-8").split("\n\n\n")
    cells = [{"cell_type": "code", "metadata": {}, "source": ["%pip list"], "outputs": []}]
    for part in parts:
        source = part.splitlines(keepends=True)
        cells.append({"cell_type": "code", "metadata": {}, "source": source, "outputs": []})
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (project / "model.ipynb").write_text(json.dumps(notebook), "utf-8")
    rows = vscode("notebook")["problems"]
    assert any("model.ipynb" in row for row in rows)
    assert any(MESSAGE in row and "KS105" in row for row in rows)


def test_a_person_whose_python_is_too_old_is_told_what_to_do(vscode: Scenario, project: Path) -> None:
    old = project / "python3.8"
    old.write_text("#!/bin/sh\necho 3 8 0\n", "utf-8")
    old.chmod(0o755)
    set_in(project, {"kerascope.serverPython": "${workspaceFolder}/python3.8"})
    seen = vscode("told", THEME="old")
    (message,) = seen["messages"]
    assert f"Kerascope needs Python 3.10 or later to run on. Looked at {old} (3.8)." in message
    assert "kerascope.serverPython" in message
    assert "Kerascope needs Python 3.10 or later" in seen["status"]


def test_a_person_without_python_is_told_what_to_do(installed: Path, project: Path, tmp_path: Path) -> None:
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("node", "sh"):
        (commands / name).symlink_to(shutil.which(name) or name)
    env = {**os.environ, "PATH": str(commands), "VSCODE_CLI": "1"}  # which asks no shell for more of the PATH
    with served(installed, tmp_path / "data", "--disable-workspace-trust", env=env) as address:
        (message,) = run("told", address, project, THEME="none")["messages"]
    assert "Kerascope needs Python 3.10 or later to run on. There is no Python on the PATH." in message


@pytest.mark.parametrize(
    ("program", "told"),
    {
        "${userHome}/no/kerascope": "no/kerascope, which is no program here",
        "/bin/false": "Kerascope doesn't start: /bin/false ended early. The log says why.",
    }.items(),
)
def test_a_command_that_starts_no_server_is_told_once(
    vscode: Scenario, project: Path, program: str, told: str
) -> None:
    set_in(project, {"kerascope.path": [program]})
    seen = vscode("told", THEME=program.rpartition("/")[2])
    assert len(seen["messages"]) == 1, seen["messages"]
    assert told in seen["messages"][0]
    assert told[:20] in seen["status"]


@needs_keras
def test_the_interpreter_is_the_one_that_is_chosen_in_the_python_extension(
    installed: Path, project: Path, tmp_path: Path
) -> None:
    extensions = tmp_path / "extensions"
    shutil.copytree(installed, extensions)
    install(
        python_extension(tmp_path, {"Without Keras": sys.executable, "With Keras": str(KERAS)}), extensions
    )
    (project / "kerascope.toml").write_text('keras = "3"\n', "utf-8")
    with served(extensions, tmp_path / "data", "--disable-workspace-trust") as address:
        seen = run("chosen", address, project)
    assert sys.executable in seen["message"]
    assert "Keras" in seen["message"]
    assert seen["lenses"][0] == "4 weights · 304 parameters · all tracked"


def python_extension(folder: Path, interpreters: dict[str, str]) -> Path:
    """In the place of Microsoft's extension for Python: what of its API is used, in the same shape."""
    package = {
        "name": "python",
        "publisher": "ms-python",
        "version": "2025.4.0",
        "engines": {"vscode": "^1.91.0"},
        "main": "./extension.js",
        "activationEvents": ["onLanguage:python"],
        "contributes": {
            "commands": [
                {"command": "python.setInterpreter", "title": "Select Interpreter", "category": "Python"}
            ]
        },
    }
    file = folder / "python.vsix"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("extension/package.json", json.dumps(package))
        script = Path(__file__).with_name("python_extension.js").read_text("utf-8")
        archive.writestr("extension/extension.js", script.replace("INTERPRETERS", json.dumps(interpreters)))
    return file


def test_nothing_of_a_workspace_is_started_before_the_person_trusts_it(
    installed: Path, project: Path, tmp_path: Path
) -> None:
    ran = project / "ran"
    trap = project / ".venv" / "bin" / "python"
    trap.parent.mkdir(parents=True)
    trap.write_text(f'#!/bin/sh\necho "$0 $@" >>"{ran}"\nexec "{sys.executable}" "$@"\n', "utf-8")
    trap.chmod(0o755)
    settings = {
        "kerascope.serverPython": str(trap),
        "kerascope.python": str(trap),
        "kerascope.buildOnSave": True,
    }
    set_in(project, settings)
    (project / "kerascope.toml").write_text('keras = "3"\npython = ".venv"\n', "utf-8")
    with served(installed, tmp_path / "data") as address:
        seen = run("untrusted", address, project)
    assert "Restricted Mode" in seen["banner"]
    assert "the workspace is not trusted" in seen["status"]
    assert any(MESSAGE in row for row in seen["problems"])
    assert seen["lenses"] == []
    assert not any("Build Check" in command for command in seen["commands"])
    assert not seen["ranBefore"]
    assert "Build check" in seen["lensesAfterwards"]
    assert any(MESSAGE in row for row in seen["problemsAfterwards"])
    assert "start.py server" in ran.read_text("utf-8"), "now that it is trusted, what it sets is followed"
