"""The answer to `initialize`, given before anything heavy is imported.

What the server can do depends on the client alone, so it is said from plain JSON: the editor goes on
while the protocol's types, the rules and the parsers are still loading.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kerascope import __version__
from kerascope.lsp.connection import Connection

ENCODINGS = ("utf-32", "utf-16", "utf-8")
NOT_INITIALIZED = -32002
BUILD, BUILD_FILE, CANCEL_BUILD, SHOW_REPORT = (
    "kerascope.build",
    "kerascope.buildFile",
    "kerascope.cancelBuild",
    "kerascope.showReport",
)
BUILD_ACTION = "kerascope.build"
"""The kind of the code actions for the build check: clients list them after fixes and refactorings."""
REPORT_SCHEME = "kerascope-report"


@dataclass(frozen=True, slots=True)
class Client:
    """Who asked: the parameters of `initialize`, as they came. Whatever is missing or malformed is absent."""

    params: dict[str, Any]

    def supports(self, path: str) -> bool:
        """Whether the client declared a capability: `workspace.configuration`."""
        return bool(self.capability(path))

    def capability(self, path: str) -> Any:
        value: Any = self.params.get("capabilities")
        for name in path.split("."):
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value

    @property
    def encoding(self) -> str:
        """The first of the client's encodings that we know: its order is its preference."""
        offered = self.capability("general.positionEncodings")
        if isinstance(offered, list):
            for encoding in offered:
                if encoding in ENCODINGS:
                    return str(encoding)
        return "utf-16"

    @property
    def pulls(self) -> bool:
        """Whether the client asks for diagnostics, and can be told to ask again; others are sent them."""
        return self.supports("textDocument.diagnostic") and self.supports(
            "workspace.diagnostics.refreshSupport"
        )

    @property
    def process(self) -> int | None:
        """The editor's process, without which the server has nothing to live for."""
        process = self.params.get("processId")
        return process if isinstance(process, int) and not isinstance(process, bool) and process > 0 else None

    def server_capabilities(self) -> dict[str, Any]:
        """What we offer to this client."""
        offer: dict[str, Any] = {
            "positionEncoding": self.encoding,
            "textDocumentSync": {"openClose": True, "change": 2, "save": {"includeText": False}},
            "hoverProvider": True,
            "codeActionProvider": {
                "codeActionKinds": ["quickfix", "source.fixAll.kerascope", BUILD_ACTION],
                "resolveProvider": self.resolves_actions,
            },
            "codeLensProvider": {"resolveProvider": False},
            "inlayHintProvider": {"resolveProvider": False},
            "executeCommandProvider": {
                "commands": [BUILD, BUILD_FILE, CANCEL_BUILD, SHOW_REPORT],
                "workDoneProgress": True,
            },
            "workspace": {"workspaceFolders": {"supported": True, "changeNotifications": True}},
        }
        if self.supports("notebookDocument.synchronization"):
            offer["notebookDocumentSync"] = {
                "notebookSelector": [
                    {"notebook": {"notebookType": "jupyter-notebook"}, "cells": [{"language": "python"}]}
                ],
                "save": True,
            }
        if self.serves_content:
            offer["workspace"]["textDocumentContent"] = {"schemes": [REPORT_SCHEME]}
        if self.pulls:
            offer["diagnosticProvider"] = {
                "identifier": "kerascope",
                "interFileDependencies": True,
                "workspaceDiagnostics": False,
            }
        return offer

    @property
    def shows_results(self) -> bool:
        """Whether the client shows what a command answers; by most it is lost."""
        options = self.params.get("initializationOptions")
        return isinstance(options, dict) and options.get("showsResults") is True

    @property
    def serves_content(self) -> bool:
        """Whether the client can ask for the text of a document that is no file."""
        return isinstance(self.capability("workspace.textDocumentContent"), dict)

    @property
    def resolves_actions(self) -> bool:
        """Whether the client can ask for an action's edit later, and gives back the action's data."""
        properties = self.capability("textDocument.codeAction.resolveSupport.properties")
        return (
            isinstance(properties, list)
            and "edit" in properties
            and self.supports("textDocument.codeAction.dataSupport")
        )


def greet(connection: Connection) -> Client | int:
    """Wait for `initialize` and answer it. Gives the exit status instead if the client left before."""
    while (body := connection.read()) is not None:
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            connection.send_error(None, -32700, "a message is not JSON")
            continue
        if not isinstance(message, dict):
            connection.send_error(None, -32600, "a message is not an object")
            continue
        method, request, params = message.get("method"), message.get("id"), message.get("params")
        if method == "exit":
            return 1
        if not isinstance(request, int | str):
            continue
        if method == "initialize":
            client = Client(params if isinstance(params, dict) else {})
            connection.send_result(
                request,
                {
                    "capabilities": client.server_capabilities(),
                    "serverInfo": {"name": "kerascope", "version": __version__},
                },
            )
            return client
        if method is not None:
            connection.send_error(request, NOT_INITIALIZED, "the client has not sent initialize yet")
    return 1
