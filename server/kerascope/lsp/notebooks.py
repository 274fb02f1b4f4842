"""Notebooks in the editor: each is one document made of its cells, and what is found in it is shown in the
cells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from lsprotocol import types

from kerascope.lsp.documents import OpenDocument
from kerascope.lsp.positions import Encoding, Lines
from kerascope.lsp.workspace import path_of
from kerascope.source.document import Document
from kerascope.source.notebook import Program, program
from kerascope.source.position import Edit, Range

if TYPE_CHECKING:
    from kerascope.lsp.server import Server

PYTHON = "python"


class OpenNotebook(OpenDocument):
    """A notebook in the editor: the document is the program that its cells make."""

    __slots__ = ("_encoding", "_program", "_texts", "cells", "number", "shown")

    def __init__(self, uri: str, number: int | None, encoding: Encoding) -> None:
        super().__init__(uri, Document.from_text(path_of(uri), "", number), Lines("", encoding))
        self._encoding = encoding
        self._texts: dict[str, tuple[str, Lines]] = {}
        self._program = Program("", ())
        self.cells: list[str] = []
        """The URIs of the cells, in their order."""
        self.number = number
        self.shown: dict[str, list[types.Diagnostic]] = {}
        """What the client was told last of each cell."""

    def take(self, items: Iterable[types.TextDocumentItem]) -> None:
        """The text of cells that are new, or shown again."""
        for item in items:
            self._texts[item.uri] = item.language_id, Lines(item.text, self._encoding)

    def edit(self, uri: str, changes: Iterable[types.TextDocumentContentChangeEvent]) -> None:
        """The person typed in a cell."""
        language, lines = self._texts.get(uri, (PYTHON, Lines("", self._encoding)))
        for change in changes:
            if isinstance(change, types.TextDocumentContentChangePartial):
                lines.apply(Edit(lines.range(change.range), change.text))
            else:
                lines = Lines(change.text, self._encoding)
        self._texts[uri] = language, lines

    def put_together(self) -> None:
        """Make the program anew of the cells."""
        self._program = program([self._python(uri) for uri in self.cells])
        self.document = self.document.replaced(self._program.text, self.number)
        self.lines = Lines(self._program.text, self._encoding)

    def drop(self, uris: Iterable[str]) -> None:
        """These cells are gone."""
        for uri in uris:
            self._texts.pop(uri, None)

    def _python(self, uri: str) -> str:
        language, lines = self._texts.get(uri, ("", None))
        return lines.text if lines is not None and language == PYTHON else ""

    def location(self, place: Range) -> types.Location:
        there = self.lines.to_client(place)
        if not self.cells:
            return types.Location(self.uri, there)
        cell, line = self._program.place(there.start.line)
        above = there.start.line - line
        start = types.Position(line, there.start.character)
        end = types.Position(there.end.line - above, there.end.character)
        return types.Location(self.cells[cell], types.Range(start, end))


class Notebooks:
    """Keeps the notebooks up to date, and says so to the projects."""

    def __init__(self, server: Server) -> None:
        self._server = server
        server.on(types.NOTEBOOK_DOCUMENT_DID_OPEN, self._opened)
        server.on(types.NOTEBOOK_DOCUMENT_DID_CHANGE, self._changed)
        server.on(types.NOTEBOOK_DOCUMENT_DID_SAVE, self._saved)
        server.on(types.NOTEBOOK_DOCUMENT_DID_CLOSE, self._closed)

    def _opened(self, params: types.DidOpenNotebookDocumentParams) -> None:
        document = params.notebook_document
        encoding = cast(Encoding, self._server.client.encoding)
        notebook = OpenNotebook(document.uri, document.version, encoding)
        notebook.cells = [cell.document for cell in document.cells]
        notebook.take(params.cell_text_documents)
        self._server.documents.keep(notebook)
        self._is_new(notebook)

    def _changed(self, params: types.DidChangeNotebookDocumentParams) -> None:
        notebook = self._notebook(params.notebook_document.uri)
        change = params.change.cells
        if notebook is None or change is None:
            return
        notebook.number = params.notebook_document.version
        if change.structure is not None:
            array = change.structure.array
            cells = [cell.document for cell in array.cells or ()]
            notebook.cells[array.start : array.start + array.delete_count] = cells
            notebook.drop(item.uri for item in change.structure.did_close or ())
            notebook.take(change.structure.did_open or ())
        for content in change.text_content or ():
            notebook.edit(content.document.uri, content.changes)
        self._is_new(notebook)

    def _is_new(self, notebook: OpenNotebook) -> None:
        notebook.put_together()
        self._server.workspace_folders.text_changed(notebook)
        self._server.diagnostics.changed(notebook)

    def _saved(self, params: types.DidSaveNotebookDocumentParams) -> None:
        self._server.watching.changed(path_of(params.notebook_document.uri))

    def _closed(self, params: types.DidCloseNotebookDocumentParams) -> None:
        notebook = self._notebook(params.notebook_document.uri)
        if notebook is not None:
            self._server.documents.close(notebook)

    def _notebook(self, uri: str) -> OpenNotebook | None:
        opened = self._server.documents.get(uri)
        return opened if isinstance(opened, OpenNotebook) else None
