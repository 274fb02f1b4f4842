"""The workspace's folders: one project and one checker each, made when the first document needs them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from lsprotocol import types
from pygls.uris import from_fs_path, to_fs_path

from kerascope.source.document import Document
from kerascope.source.position import Edit, Position, Range

if TYPE_CHECKING:
    from kerascope.lsp.building import BuildCheck
    from kerascope.lsp.documents import OpenDocument
    from kerascope.lsp.server import Server
    from kerascope.probe.process import Workers
    from kerascope.probe.report import Report
    from kerascope.rules.rule import Finding

CONFIGURATION_FILES = ("pyproject.toml", "kerascope.toml")


@dataclass(frozen=True, slots=True)
class LayerClass:
    """A layer class in a document: its name's place, and its first and last line, decorators included."""

    name: str
    place: Range
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """What holds for build checks of one file. `refused`: why there is none, as a sentence."""

    refused: str = ""
    on_save: bool = False


class OpenedProject(Protocol):
    """What the server needs of a project and its checker."""

    problems: Sequence[str]
    """What is wrong with the settings, one sentence each."""

    def open(self, document: Document) -> None: ...
    def close_document(self, path: str) -> None: ...
    def changed_on_disk(self, path: str) -> None: ...
    def document(self, path: str) -> Document | None: ...
    def check(self, path: str) -> Sequence[Finding]: ...
    def tree(self, path: str, position: Position) -> str | None: ...
    def layer_classes(self, path: str) -> Sequence[LayerClass]: ...
    def build_settings(self, path: str) -> BuildSettings: ...
    def build_check(self, path: str, workers: Callable[[], Workers]) -> BuildCheck: ...
    def build_comment(self, path: str, class_name: str) -> Edit | None:
        """Inserts the comment that says how to build a class; None where there is one."""

    def judged(
        self, path: str, findings: Sequence[Finding], reports: Sequence[Report]
    ) -> tuple[Sequence[Finding], Sequence[str]]:
        """The findings of a file together with those of build checks, and what to log of it."""

    def close(self) -> None: ...


OpenProject: TypeAlias = Callable[[str | None, Mapping[str, object], Callable[[], None]], OpenedProject]
"""Makes the project of a folder, from the editor's settings; the last argument is to be called, from any
thread, when answers that came late may have changed findings."""


@dataclass(eq=False, slots=True)
class Folder:
    """A workspace folder, or (`uri` None) a place outside of all that holds an open file."""

    root: str | None
    uri: str | None
    editor: Mapping[str, object]
    project: OpenedProject


class Workspace:
    """Finds the folder of a file. Folders may be nested: the nearest one counts."""

    def __init__(self, server: Server, opener: OpenProject) -> None:
        self._server = server
        self._opener = opener
        self._roots: dict[str, str] = {}
        self._open: dict[str | None, Folder] = {}
        for uri in _initial_folders(server.client.params):
            self._add(uri)
        server.on(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, self._folders_changed)

    def uris(self) -> Iterable[str]:
        """The workspace folders, as the client names them."""
        return tuple(self._roots.values())

    def folder_of(self, path: str) -> Folder:
        """The folder whose settings and neighbours a document sees."""
        root = self._root_of(path)
        folder = self._open.get(root)
        if folder is None:
            folder = self._start(root)
        return folder

    def check(self, path: str) -> Sequence[Finding]:
        """The findings of a document. The first look at a folder takes longest, and is shown as progress."""
        root = self._root_of(path)
        name = Path(root).name if root else "files"
        fresh = root not in self._open
        with self._server.indicator.working(f"Kerascope: reading {name}") if fresh else nullcontext():
            project = self.folder_of(path).project
            findings = project.check(path)
        for problem in project.problems:
            self._server.log.once(problem)
        return findings

    def opened(self) -> Iterable[Folder]:
        """The folders in use."""
        return tuple(self._open.values())

    def reopen(self, folder: Folder) -> None:
        """Look anew at everything that a folder is about, its interpreter's packages included."""
        if self._open.get(folder.root) is folder:
            self._stop(folder.root)
            self._server.diagnostics.recheck()

    def settings_changed(self) -> None:
        """Make anew what the editor's settings have changed for."""
        for root, folder in tuple(self._open.items()):
            if dict(self._server.settings.of(folder.uri)) != dict(folder.editor):
                self._stop(root)
        self._server.diagnostics.recheck()

    def configuration_changed(self, path: str) -> None:
        """A configuration file was made, changed or deleted: it speaks for everything below it."""
        for root, folder in tuple(self._open.items()):
            base = str(Path(path).parent)
            if folder.root is None or _inside(folder.root, base) or _inside(base, folder.root):
                self._stop(root)
        self._server.diagnostics.recheck()

    def text_changed(self, opened: OpenDocument) -> None:
        """Tell the document's project its new text, if the project has been made yet."""
        folder = self._open.get(self._root_of(opened.path))
        if folder is not None:
            folder.project.open(opened.document)
        self._server.building.changed()

    def closed(self, opened: OpenDocument) -> None:
        self._server.building.closed(opened)
        folder = self._open.get(self._root_of(opened.path))
        if folder is not None:
            folder.project.close_document(opened.path)
            if folder.uri is None and not any(
                self._root_of(other.path) == folder.root for other in self._server.documents.all()
            ):
                self._stop(folder.root)

    def changed_on_disk(self, path: str) -> None:
        for folder in self.opened():
            folder.project.changed_on_disk(path)
        self._server.building.changed()

    def close(self) -> None:
        """Let every project end what it does."""
        for root in tuple(self._open):
            self._stop(root)

    def _add(self, uri: str) -> None:
        path = path_of(uri)
        if Path(path).is_absolute():
            self._roots[os.path.normpath(path)] = uri

    def _root_of(self, path: str) -> str | None:
        if not Path(path).is_absolute():
            return next(iter(self._roots), None)
        around = [root for root in self._roots if _inside(path, root)]
        return max(around, key=len) if around else _project_around(path)

    def _start(self, root: str | None) -> Folder:
        uri = self._roots.get(root) if root is not None else None
        editor = self._server.settings.of(uri)

        def refined() -> None:
            self._server.later(self._server.diagnostics.recheck)

        project = self._opener(root, editor, refined)
        folder = self._open[root] = Folder(root, uri, editor, project)
        for document in self._server.documents.all():
            if self._root_of(document.path) == root:
                project.open(document.document)
        return folder

    def _stop(self, root: str | None) -> None:
        folder = self._open.pop(root)
        self._server.building.folder_closed(folder)
        try:
            folder.project.close()
        except Exception as error:
            self._server.log.failure("closing a project", error)

    def _folders_changed(self, params: types.DidChangeWorkspaceFoldersParams) -> None:
        for removed in params.event.removed:
            self._roots.pop(os.path.normpath(path_of(removed.uri)), None)
        for added in params.event.added:
            self._add(added.uri)
        for root in tuple(self._open):
            self._stop(root)
        self._server.settings.request()
        self._server.diagnostics.recheck()


def path_of(uri: str) -> str:
    """The absolute path of a file's URI; any other URI stays what it is."""
    if not uri.lower().startswith("file:"):
        return uri
    try:
        path = to_fs_path(uri)
    except ValueError:
        return uri
    return os.path.normpath(path) if path and Path(path).is_absolute() else uri


def uri_of(path: str) -> str:
    """The URI of a path, or of what already is one."""
    return (from_fs_path(path) or path) if Path(path).is_absolute() else path


def _initial_folders(params: Mapping[str, object]) -> list[str]:
    folders = params.get("workspaceFolders")
    if isinstance(folders, list):
        named = [folder.get("uri") for folder in folders if isinstance(folder, dict)]
        uris = [uri for uri in named if isinstance(uri, str)]
        if uris:
            return uris
    uri, path = params.get("rootUri"), params.get("rootPath")
    if isinstance(uri, str) and uri:
        return [uri]
    return [uri_of(path)] if isinstance(path, str) and path else []


def _inside(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def _project_around(path: str) -> str:
    """For a file in no workspace folder: the nearest folder that looks like a project's, else its own."""
    own = Path(path).parent
    for folder in (own, *own.parents):
        if any((folder / name).exists() for name in (*CONFIGURATION_FILES, ".git")):
            return str(folder)
    return str(own)
