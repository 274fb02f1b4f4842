"""The extension for VS Code offers what there is: every setting, the server's version, files that exist."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from kerascope import __version__
from kerascope.lsp.opening import SERVER_KEYS
from kerascope.project.settings import Settings, from_editor
from kerascope.rules import all_rules

FOLDER = Path(__file__).parent.parent / "vscode-extension"
OWN = {"path", "serverPython", "importStrategy", "trace.server"}
"""Settings of the extension itself: how it starts the server."""


def package() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "package.json").read_text("utf-8"))
    return found


def settings() -> dict[str, dict[str, Any]]:
    shown: dict[str, dict[str, Any]] = package()["contributes"]["configuration"]["properties"]
    return {name.removeprefix("kerascope."): about for name, about in shown.items()}


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def test_it_has_the_version_of_the_server() -> None:
    assert package()["version"] == __version__


def test_every_setting_can_be_set_and_has_the_server_s_default() -> None:
    known = {camel(field.name): field.name for field in fields(Settings) if field.name != "folder"}
    shown = settings()
    assert set(shown) == set(known) | OWN
    defaults = Settings()
    for name, field in known.items():
        default = getattr(defaults, field)
        assert shown[name]["default"] == (list(default) if isinstance(default, tuple) else default), name
    everything = {name: about["default"] for name, about in shown.items() if name in known}
    codes = [rule.code for rule in all_rules()]
    assert from_editor(everything, codes=codes) == (defaults, ()), "what nobody touched changes nothing"
    assert {name.split(".")[0] for name in OWN} <= set(SERVER_KEYS), "what the server must not complain about"


def test_every_setting_is_described_and_those_that_start_programs_wait_for_trust() -> None:
    for name, about in settings().items():
        assert about.get("description") or about.get("markdownDescription"), name
        assert about["scope"] in ("resource", "window", "machine-overridable"), name
    trust = package()["capabilities"]["untrustedWorkspaces"]
    waiting = {name.removeprefix("kerascope.") for name in trust["restrictedConfigurations"]}
    assert trust["supported"] == "limited"
    assert waiting == {name for name in settings() if name.startswith("build") or name == "python"} | OWN - {
        "trace.server"
    }


def test_its_files_and_commands_exist() -> None:
    contributes = package()["contributes"]
    named = [step["media"]["markdown"] for walk in contributes["walkthroughs"] for step in walk["steps"]]
    for file in [package()["icon"], "README.md", "CHANGELOG.md", "LICENSE", *named]:
        assert (FOLDER / file).is_file(), file
    source = (FOLDER / "src" / "extension.ts").read_text("utf-8")
    offered = [command["command"] for command in contributes["commands"]]
    assert set(re.findall(r"'(kerascope\.\w+)':", source)) == set(offered)


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((FOLDER / "package-lock.json").read_text("utf-8"))
    assert not [name for name, about in lock["packages"].items() if "resolved" in about]
