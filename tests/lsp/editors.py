"""What editors say of themselves when they start a server: four as they said it to the tests that drive them
(`make recordings` writes down what those that are installed say), and the least of all clients."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Folders = list[tuple[str, str]]
Editor = Callable[..., Json]
RECORDED = Path(__file__).with_name("recorded")


def recorded(name: str, *, no_options: object = None, no_folders: object = None) -> Editor:
    """The editor in these folders, each with its name and URI; what it says where there is nothing."""
    said = json.loads((RECORDED / f"{name}.json").read_text("utf-8"))

    def parameters(folders: Folders, options: object = None) -> Json:
        return {
            **json.loads(json.dumps(said)),
            "processId": os.getpid(),
            "rootUri": folders[0][1] if folders else None,
            "workspaceFolders": [{"name": name, "uri": uri} for name, uri in folders] or no_folders,
            "initializationOptions": no_options if options is None else options,
        }

    return parameters


def bare(folders: Folders, options: object = None) -> Json:
    """The least that a client can be: it is sent diagnostics, and takes edits by URI."""
    return {
        "processId": None,
        "rootUri": folders[0][1] if folders else None,
        "initializationOptions": options,
        "capabilities": {"textDocument": {"publishDiagnostics": {"versionSupport": True}}},
    }


EDITORS: dict[str, Editor] = {
    "vscode": recorded("vscode"),
    "neovim": recorded("neovim"),
    "helix": recorded("helix", no_folders=[]),
    "eglot": recorded("eglot", no_options={}, no_folders=[]),
    "bare": bare,
}
