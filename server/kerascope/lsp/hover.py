"""Hover: the sublayers and weights of a layer, as derived and as measured, and the rule behind a code in a
comment."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lsprotocol import types

from kerascope.source.position import Position, Range

if TYPE_CHECKING:
    from kerascope.lsp.documents import OpenDocument
    from kerascope.lsp.server import Server

_CODE = re.compile(r"\bKS\d{3}\b")
_ATTRIBUTE = re.compile(r"\bself\.(\w+)")
_SUPPRESSION = re.compile(r"#.*\b(?:kerascope\s*:|noqa\b)")


class Hover:
    """Says what stands under the pointer."""

    def __init__(self, server: Server) -> None:
        self._server = server
        formats = server.client.capability("textDocument.hover.contentFormat")
        self._plain = isinstance(formats, list) and "markdown" not in formats
        server.on(types.TEXT_DOCUMENT_HOVER, self._hover)

    def _hover(self, params: types.HoverParams) -> types.Hover | None:
        opened = self._server.documents.get(params.text_document.uri)
        if opened is None:
            return None
        position = opened.lines.position(params.position)
        return self._rule(opened, position) or self._tree(opened, position)

    def _rule(self, opened: OpenDocument, position: Position) -> types.Hover | None:
        text = opened.lines.line(position.line)
        comment = _SUPPRESSION.search(text)
        for code in _CODE.finditer(text, comment.start()) if comment else ():
            if code.start() <= position.column <= code.end():
                page = rule_page(code[0])
                if page is None:
                    return None
                place = Range(Position(position.line, code.start()), Position(position.line, code.end()))
                return types.Hover(self._content(page), opened.lines.to_client(place))
        return None

    def _tree(self, opened: OpenDocument, position: Position) -> types.Hover | None:
        project = self._server.workspace_folders.folder_of(opened.path).project
        trees = [project.tree(opened.path, position), *self._measured(opened, position)]
        shown = "\n\n".join(tree for tree in trees if tree)
        return types.Hover(self._content(shown)) if shown else None

    def _measured(self, opened: OpenDocument, position: Position) -> Iterator[str]:
        """What build checks measured of the class or the attribute at a place."""
        building = self._server.building
        if not building.reports(opened.path):
            return
        project = self._server.workspace_folders.folder_of(opened.path).project
        around = [
            each for each in project.layer_classes(opened.path) if each.first <= position.line <= each.last
        ]
        layer = max(around, key=lambda each: each.first, default=None)
        kept = building.of(opened.path, layer.name) if layer is not None else None
        if layer is None or kept is None or not kept.fresh:
            return
        named = next(
            (
                found[1]
                for found in _ATTRIBUTE.finditer(opened.lines.line(position.line))
                if found.start() <= position.column <= found.end()
            ),
            "",
        )
        if not named and not layer.place.start <= position <= layer.place.end:
            return
        from kerascope.probe.show import tree

        for report in kept.reports:
            rows = tree(report, named)
            if rows:
                yield f"Measured by the build check:\n\n```text\n{rows}\n```"

    def _content(self, markdown: str) -> types.MarkupContent:
        if self._plain:
            plain = re.sub(r"^```\w*\n|^#+ ", "", markdown, flags=re.MULTILINE)
            return types.MarkupContent(types.MarkupKind.PlainText, plain.replace("`", ""))
        return types.MarkupContent(types.MarkupKind.Markdown, markdown)


def rule_page(code: str) -> str | None:
    """What a rule says of itself, as Markdown; None for a code that doesn't exist."""
    from kerascope.rules import rule_of

    rule = rule_of(code)
    if rule is None:
        return None
    page = inspect.cleandoc(rule.__doc__ or rule.summary)
    return f"**{rule.code}** `{rule.name}`\n\n{page}"
