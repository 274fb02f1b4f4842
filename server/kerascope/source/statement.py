"""One piece of a document: a top-level statement, or a statement of a class body.

A statement is parsed alone, on first need, and its tree is cached by its text. Statement objects are
kept from one version of a document to the next wherever their text did not change, so `is` tells
whether anything changed. A statement does not know where it stands; its document does.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from kerascope.source.cutting import LINE_END, Context, StatementKind
from kerascope.source.parsing import parse_class_header, parse_piece

if TYPE_CHECKING:
    from kerascope.source.suppression import Suppression

__all__ = ["Statement", "StatementKind"]


class Statement:
    """One piece of source text, parsed alone.

    `text` holds the whole lines of the statement, decorators included, and the blank lines and comments
    up to the next statement, as in the document (original indentation and line ends): the texts of all
    statements, one after the other, are the document's. `kind` and `name` are read from the text without
    parsing (`name` for classes and functions only). For a class, `header` is the statement's decorators
    and `class …:` lines, and `body` holds the pieces of its body in order; `header` and the texts of
    `body` together are its `text`. `lead` is what stands before the statement on its first line: nothing,
    but for the body of `class A: pass`.
    """

    __slots__ = (
        "__weakref__",
        "_broken",
        "_nodes",
        "_predecessor",
        "_suppressions",
        "body",
        "context",
        "header",
        "kind",
        "lead",
        "line_breaks",
        "name",
        "text",
    )

    text: str
    kind: StatementKind
    name: str | None
    header: str
    body: tuple[Statement, ...]
    context: Context
    """The columns of the classes around it and of their members: from these the cutting can go on."""
    lead: str
    line_breaks: int
    """How many lines end in its own text (a class: in its header)."""

    def __init__(
        self,
        text: str,
        kind: StatementKind = "other",
        name: str | None = None,
        header: str = "",
        body: tuple[Statement, ...] = (),
        context: Context = (),
        lead: str = "",
    ) -> None:
        self.text = text
        self.kind = kind
        self.name = name
        self.header = header
        self.body = body
        self.context = context
        self.lead = lead
        own = self.own_text
        self.line_breaks = len(LINE_END.findall(own)) if "\r" in own else own.count("\n")
        self._nodes: tuple[ast.stmt, ...] | None = None
        self._broken = False
        self._predecessor: Statement | None = None
        self._suppressions: tuple[Suppression, ...] | None = None

    def __repr__(self) -> str:
        return f"<Statement {self.kind} {self.name or self.text[:30]!r}>"

    @property
    def own_text(self) -> str:
        """The part of the text that is this statement's alone: a class's header, else all."""
        return self.header if self.kind == "class" else self.text

    @property
    def nodes(self) -> tuple[ast.stmt, ...]:
        """The statement's tree (several nodes for `a; b`), from the last version that parsed; else ().

        For a class: one `ast.ClassDef` whose `body` is empty (`body` of this object has the pieces) and
        which ends with its header. Node positions are relative to the statement: `lineno` 1 is its first
        line; `col_offset` is the column in the document, in UTF-8 bytes. Statements of the same text may
        share a tree, so nobody may change one.
        """
        if self._nodes is None:
            is_class = self.kind == "class"
            nodes = parse_class_header(self.header) if is_class else parse_piece(self.text, self.lead)
            self._broken = nodes is None
            if nodes is None:
                nodes = self._predecessor.nodes if self._predecessor is not None else ()
            self._nodes = nodes
            self._predecessor = None
        return self._nodes

    @property
    def parsed(self) -> bool:
        """Whether its tree has been made already."""
        return self._nodes is not None

    @property
    def broken(self) -> bool:
        """Whether the present text does not parse (then `nodes` are those of its last good version).

        A class is broken if its header doesn't parse or its body is missing; its members answer for
        themselves.
        """
        if self._nodes is None:
            self.nodes  # noqa: B018 - finds out
        return self._broken or (self.kind == "class" and not self.body)

    @property
    def stale(self) -> bool:
        """Whether `nodes` are those of an earlier version: then `name` may be half typed, and theirs
        counts."""
        if self._nodes is None and self._predecessor is None:
            return False
        return bool(self.nodes) and self._broken

    def with_body(self, body: tuple[Statement, ...]) -> Statement:
        """This class with another body."""
        text = "".join([self.header, *(piece.text for piece in body)])
        statement = Statement(text, self.kind, self.name, self.header, body, self.context, self.lead)
        statement._nodes = self._nodes
        statement._broken = self._broken
        statement._predecessor = self._predecessor
        statement._suppressions = self._suppressions
        return statement

    def replaces(self, predecessor: Statement) -> None:
        """Keep the tree of `predecessor` in case this text does not parse."""
        if self._nodes is None:
            if predecessor._predecessor is not None:
                predecessor.nodes  # noqa: B018 - ends its own chain, so that chains never grow
            self._predecessor = predecessor
