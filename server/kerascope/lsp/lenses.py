"""Code lenses: over each layer class the build check, or what came out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from kerascope.lsp.building import summary
from kerascope.lsp.greeting import BUILD, CANCEL_BUILD, SHOW_REPORT
from kerascope.source.position import Position, Range

if TYPE_CHECKING:
    from kerascope.lsp.documents import OpenDocument
    from kerascope.lsp.server import Server

AGAIN = frozenset({"no-keras", "timeout", "memory", "crashed"})
"""What may end better the next time, though the text is the same."""


class Lenses:
    """Gives the lenses of a document."""

    def __init__(self, server: Server) -> None:
        self._server = server
        server.on(types.TEXT_DOCUMENT_CODE_LENS, self._lenses, [])

    def _lenses(self, params: types.CodeLensParams) -> list[types.CodeLens]:
        opened = self._server.documents.get(params.text_document.uri)
        if opened is None:
            return []
        project = self._server.workspace_folders.folder_of(opened.path).project
        if project.build_settings(opened.path).refused:
            return []
        return [
            types.CodeLens(opened.lines.to_client(_one_line(layer.place)), self._command(opened, layer.name))
            for layer in project.layer_classes(opened.path)
        ]

    def _command(self, opened: OpenDocument, name: str) -> types.Command:
        about = [{"uri": opened.uri, "class": name}]
        if self._server.building.is_running(opened.path, name):
            return types.Command("Build check: running… (stop)", CANCEL_BUILD, arguments=about)
        kept = self._server.building.of(opened.path, name)
        if kept is None:
            return types.Command("Build check", BUILD, arguments=about)
        if not kept.fresh:
            return types.Command(f"{summary(kept.reports)} (stale)", BUILD, arguments=about)
        again = any(report.status in AGAIN for report in kept.reports)
        return types.Command(summary(kept.reports), BUILD if again else SHOW_REPORT, arguments=about)


def _one_line(place: Range) -> Range:
    return Range(Position(place.start.line, 0), place.end)
