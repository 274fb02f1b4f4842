"""Files that change outside the editor: source files and configuration files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from kerascope.lsp.workspace import CONFIGURATION_FILES, path_of

if TYPE_CHECKING:
    from kerascope.lsp.server import Server


class Watching:
    """Asks the client to watch, and passes on what it sees."""

    def __init__(self, server: Server) -> None:
        self._server = server
        server.on(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, self._files_changed)

    def register(self) -> None:
        """Ask for what can only be asked for after the start."""
        registrations = []
        client = self._server.client
        if client.supports("workspace.didChangeWatchedFiles.dynamicRegistration"):
            patterns = ("**/*.py", *(f"**/{name}" for name in CONFIGURATION_FILES))
            watchers = [types.FileSystemWatcher(glob_pattern=pattern) for pattern in patterns]
            registrations.append(
                types.Registration(
                    "kerascope-files",
                    types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
                    types.DidChangeWatchedFilesRegistrationOptions(watchers),
                )
            )
        if client.supports("workspace.didChangeConfiguration.dynamicRegistration"):
            registrations.append(
                types.Registration(
                    "kerascope-settings",
                    types.WORKSPACE_DID_CHANGE_CONFIGURATION,
                    types.DidChangeConfigurationRegistrationOptions(section="kerascope"),
                )
            )
        if registrations:
            self._server.ask(types.CLIENT_REGISTER_CAPABILITY, types.RegistrationParams(registrations))

    def changed(self, *paths: str) -> None:
        """These files are not what they were."""
        for path in paths:
            if Path(path).name in CONFIGURATION_FILES:
                self._server.workspace_folders.configuration_changed(path)
            else:
                self._server.workspace_folders.changed_on_disk(path)
        self._server.diagnostics.recheck()

    def _files_changed(self, params: types.DidChangeWatchedFilesParams) -> None:
        self.changed(*(path_of(change.uri) for change in params.changes))
