"""The settings that come from the editor: at the start, when asked for, and when they change.

What the settings mean, and how they go together with the configuration files, `project.settings` knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lsprotocol import types

if TYPE_CHECKING:
    from kerascope.lsp.server import Server

SECTION = "kerascope"
PATIENCE = 2.0
"""Seconds after which a client that doesn't answer is taken to have no settings."""


class EditorSettings:
    """What the editor says, for each workspace folder."""

    def __init__(self, server: Server) -> None:
        self._server = server
        options = server.client.params.get("initializationOptions")
        self._options = options if isinstance(options, dict) else {}
        self._initial = _section(options)
        self._pushed: Mapping[str, object] = {}
        self._pulled: dict[str | None, Mapping[str, object]] = {}
        self._asked = 0
        self._asks = server.client.supports("workspace.configuration")
        self.ready = not self._asks
        """Whether the settings are known, so that nothing is analysed twice at the start."""
        if self._asks:
            server.after(PATIENCE, self._settled)
        server.on(types.WORKSPACE_DID_CHANGE_CONFIGURATION, self._changed)

    def of(self, folder: str | None) -> Mapping[str, object]:
        """The editor's settings for the workspace folder with this URI; None: for files outside of all."""
        pulled = self._pulled.get(folder) or self._pulled.get(None) or {}
        settings = {**self._initial, **self._pushed, **pulled}
        # Settings may come out of the workspace itself: none of them can make it trusted.
        if any(each.get("trusted") is False for each in (self._options, self._initial, self._pushed, pulled)):
            settings["trusted"] = False
        return settings

    def request(self) -> None:
        """Ask the client for its settings, if it can be asked."""
        if not self._asks:
            return
        folders: list[str | None] = [*self._server.workspace_folders.uris(), None]
        self._asked += 1
        number = self._asked

        def answered(answer: Any) -> None:
            if number != self._asked:
                return
            if isinstance(answer, list | tuple) and len(answer) == len(folders):
                self._pulled = {
                    folder: _section(values) for folder, values in zip(folders, answer, strict=True)
                }
            self._settled()

        items = [types.ConfigurationItem(scope_uri=folder, section=SECTION) for folder in folders]
        self._server.ask(types.WORKSPACE_CONFIGURATION, types.ConfigurationParams(items), answered)

    def _settled(self) -> None:
        self.ready = True
        self._server.inbox.take_up()
        self._server.workspace_folders.settings_changed()

    def _changed(self, params: types.DidChangeConfigurationParams) -> None:
        settings = params.settings
        if isinstance(settings, dict) and isinstance(settings.get(SECTION), dict):
            self._pushed = settings[SECTION]
        if self._asks:
            self.request()
        else:
            self._server.workspace_folders.settings_changed()


def _section(value: object) -> Mapping[str, object]:
    """Our settings in what a client sent: bare, or under `settings` or `kerascope`, as clients do."""
    while isinstance(value, dict):
        inner = next((value[key] for key in ("settings", SECTION) if isinstance(value.get(key), dict)), None)
        if inner is None:
            return {str(key): item for key, item in value.items()}
        value = inner
    return {}
