"""A document: the text of one file at one version, cut into statements.

Documents are values: an edit makes a new one, which shares every unchanged `Statement`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kerascope.source.position import Edit, Range
from kerascope.source.statement import Statement


@dataclass(frozen=True, slots=True)
class Site:
    """A node of the syntax tree, and where it stands: the way in which analysis results name places."""

    path: str
    statement: Statement
    node: ast.AST


class Document:
    """The text of one file at one version.

    `path` is an absolute file path, or the URI of a document that has no file. `version` is the
    editor's number, None for a file on disk.
    """

    path: str
    text: str
    version: int | None
    statements: tuple[Statement, ...]

    @classmethod
    def from_text(cls, path: str, text: str, version: int | None = None) -> Document:
        """Cut `text` into statements."""
        raise NotImplementedError

    def edited(self, edits: Sequence[Edit], version: int | None = None) -> Document:
        """The document after `edits`, applied one after the other; only what they touch is cut anew."""
        raise NotImplementedError

    def replaced(self, text: str, version: int | None = None) -> Document:
        """The document with a whole new text; statements whose text is unchanged are shared."""
        raise NotImplementedError

    def walk(self) -> Iterator[Statement]:
        """Every statement, those of class bodies after their class."""
        raise NotImplementedError

    def range_of(self, site: Site) -> Range | None:
        """Where `site` stands in this version; None if its statement is not in it any more."""
        raise NotImplementedError

    def line_of(self, statement: Statement) -> int | None:
        """The 0-based line on which `statement` begins; None if it is not in this version."""
        raise NotImplementedError
