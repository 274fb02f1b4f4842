"""One piece of a document: a top-level statement, or a statement of a class body.

A statement is parsed alone, on first need, and its tree is cached by its text. Statement objects are
kept from one version of a document to the next wherever their text did not change, so `is` tells
whether anything changed. A statement does not know where it stands; its document does.
"""

from __future__ import annotations

import ast
from typing import Literal

StatementKind = Literal["class", "function", "import", "other"]


class Statement:
    """One piece of source text, parsed alone.

    `text` holds the whole lines of the statement, decorators included, as in the document (original
    indentation and line ends). `kind` and `name` are read from the text without parsing (`name` for
    classes and functions only). For a class, `header` is the statement's decorators and `class …:`
    lines, and `body` holds the pieces of its body in order.
    """

    __slots__ = ("text", "kind", "name", "body", "__weakref__")

    text: str
    kind: StatementKind
    name: str | None
    body: tuple[Statement, ...]

    @property
    def nodes(self) -> tuple[ast.stmt, ...]:
        """The statement's tree (several nodes for `a; b`), from the last version that parsed; else ().

        For a class: one `ast.ClassDef` whose `body` is empty (`body` of this object has the pieces).
        Node positions are relative to the statement: `lineno` 1 is its first line; `col_offset` is the
        column in the document, in UTF-8 bytes.
        """
        raise NotImplementedError

    @property
    def broken(self) -> bool:
        """Whether the present text does not parse (then `nodes` are those of its last good version)."""
        raise NotImplementedError
