"""The open documents: their text as the client has it, edit by edit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

from lsprotocol import types

from kerascope.lsp.positions import Encoding, Lines
from kerascope.lsp.workspace import path_of
from kerascope.source.document import Document
from kerascope.source.position import Edit, Range

if TYPE_CHECKING:
    from kerascope.lsp.server import Server

_SUFFIXES = (".py", ".pyi", ".pyw")


class OpenDocument:
    """A document in the editor. `uri` is the client's own spelling, which it gets back."""

    __slots__ = ("document", "lines", "path", "uri")

    def __init__(self, uri: str, document: Document, lines: Lines) -> None:
        self.uri = uri
        self.path = document.path
        self.document = document
        self.lines = lines

    @property
    def version(self) -> int | None:
        return self.document.version

    def location(self, place: Range) -> types.Location:
        """A place in the document, as the client finds it."""
        return types.Location(self.uri, self.lines.to_client(place))


class Documents:
    """Keeps the texts up to date, and says so to the projects."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._encoding = cast(Encoding, server.client.encoding)
        self._open: dict[str, OpenDocument] = {}
        server.on(types.TEXT_DOCUMENT_DID_OPEN, self._opened)
        server.on(types.TEXT_DOCUMENT_DID_CHANGE, self._changed)
        server.on(types.TEXT_DOCUMENT_DID_SAVE, self._saved)
        server.on(types.TEXT_DOCUMENT_DID_CLOSE, self._closed)

    def all(self) -> Iterable[OpenDocument]:
        return tuple(self._open.values())

    def get(self, uri: str) -> OpenDocument | None:
        """The open document with this URI; None for others, and for those that aren't Python."""
        return self._open.get(path_of(uri))

    def at(self, path: str) -> OpenDocument | None:
        return self._open.get(path)

    def keep(self, opened: OpenDocument) -> None:
        """Here is a document that the person has opened."""
        self._open[opened.path] = opened

    def lines_of(self, path: str, document: Document | None) -> Lines:
        """The lines of a document, open or not."""
        opened = self._open.get(path)
        if opened is not None:
            return opened.lines
        return Lines(document.text if document else "", self._encoding)

    def _opened(self, params: types.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        path = path_of(item.uri)
        if item.language_id != "python" and not path.endswith(_SUFFIXES):
            return
        lines = Lines(item.text, self._encoding)
        document = Document.from_text(path, item.text, item.version)
        opened = OpenDocument(item.uri, document, lines)
        self.keep(opened)
        self._server.workspace_folders.text_changed(opened)
        self._server.diagnostics.changed(opened)

    def _changed(self, params: types.DidChangeTextDocumentParams) -> None:
        opened = self.get(params.text_document.uri)
        if opened is None:
            return
        version = params.text_document.version
        edits: list[Edit] = []
        whole: str | None = None
        for change in params.content_changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                edit = Edit(opened.lines.range(change.range), change.text)
                opened.lines.apply(edit)
                edits.append(edit)
            else:
                opened.lines = Lines(change.text, self._encoding)
                whole, edits = change.text, []
        opened.document = self._next(opened, whole, edits, version)
        self._server.workspace_folders.text_changed(opened)
        self._server.diagnostics.changed(opened)

    def _next(
        self, opened: OpenDocument, whole: str | None, edits: Sequence[Edit], version: int | None
    ) -> Document:
        try:
            document = opened.document
            if whole is not None:
                document = document.replaced(whole, version)
            return document.edited(edits, version) if edits or whole is None else document
        except Exception as error:
            self._server.log.failure("taking over an edit", error)
            return Document.from_text(opened.path, opened.lines.text, version)

    def _saved(self, params: types.DidSaveTextDocumentParams) -> None:
        path = path_of(params.text_document.uri)
        self._server.watching.changed(path)
        self._server.building.saved(path)

    def _closed(self, params: types.DidCloseTextDocumentParams) -> None:
        opened = self.get(params.text_document.uri)
        if opened is not None:
            self.close(opened)

    def close(self, opened: OpenDocument) -> None:
        """The person looks at it no more."""
        self._open.pop(opened.path, None)
        self._server.workspace_folders.closed(opened)
        self._server.diagnostics.closed(opened)
