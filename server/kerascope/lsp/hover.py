"""Hover: the sublayers and weights of a layer, and the rule behind a code in a comment."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

from lsprotocol import types

from kerascope.source.position import Position, Range

if TYPE_CHECKING:
    from kerascope.lsp.documents import OpenDocument
    from kerascope.lsp.server import Server

_CODE = re.compile(r"\bKS\d{3}\b")
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
        tree = project.tree(opened.path, position)
        return types.Hover(self._content(tree)) if tree else None

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
