"""Edits to the methods of a class: a new method, lines at the end of one, a statement taken out.

Whole lines are added and removed, in the document's own line ends and indentation.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from kerascope.source.document import Document
from kerascope.source.position import Edit, Position, Range
from kerascope.source.statement import Statement
from kerascope.tracking.run import Method


class MethodText:
    """The lines of one method in the present version of its document."""

    def __init__(self, document: Document, method: Method) -> None:
        line = document.line_of(method.statement)
        if line is None:
            raise LookupError(method.name)
        self.document = document
        self.node = method.node
        self._first = line - 1
        self._lines = document.text.splitlines(keepends=True)

    @classmethod
    def of(cls, document: Document, method: Method | None) -> MethodText | None:
        """None: the method isn't in this version any more, or another file has it."""
        if method is None or method.owner.module.path != document.path:
            return None
        try:
            return cls(document, method)
        except LookupError:
            return None

    @property
    def indent(self) -> str:
        """The white space before `def`."""
        return self._indent(self.node)

    @property
    def body_indent(self) -> str | None:
        """The white space before the statements of the body; None where they follow `def …:` on its line."""
        first = self.node.body[0]
        return self._indent(first) if first.lineno > self._header_end() else None

    def before(self, statement: ast.stmt, lines: Sequence[str]) -> Edit:
        """`lines` before a statement of the body, indented as it."""
        return self._insert(self._start(statement), self._indent(statement), lines)

    def after(self, statement: ast.stmt, lines: Sequence[str]) -> Edit:
        """`lines` after a statement of the body, indented as it."""
        end = self._first + (statement.end_lineno or statement.lineno) + 1
        return self._insert(end, self._indent(statement), lines)

    def method_before(self, lines: Sequence[str]) -> Edit:
        """A new method of these lines above this one."""
        start = self._first + min([self.node.lineno, *(node.lineno for node in self.node.decorator_list)])
        return self._insert(start, self.indent, [*lines, ""])

    def removed(self, statement: ast.stmt) -> Edit:
        """The lines of a statement taken out."""
        end = self._first + (statement.end_lineno or statement.lineno) + 1
        return Edit(Range(Position(self._start(statement), 0), Position(end, 0)), "")

    def replaced(self, node: ast.expr, text: str) -> Edit:
        """`text` instead of an expression."""
        return Edit(Range(self._position(node.lineno, node.col_offset), self._end(node)), text)

    def position_after(self, node: ast.expr) -> Position:
        return self._end(node)

    def source(self, node: ast.expr) -> str:
        """The text of an expression, as written."""
        found = ast.get_source_segment("".join(self._lines[self._first + 1 :]), node)
        return found if found is not None else ast.unparse(node)

    def _header_end(self) -> int:
        """The line, in the statement, on which the method's header begins at the latest."""
        arguments = self.node.args
        nodes = [
            *arguments.args,
            *arguments.kwonlyargs,
            *arguments.defaults,
            *filter(None, arguments.kw_defaults),
        ]
        return max([self.node.lineno, *(node.end_lineno or 0 for node in nodes)])

    def _start(self, node: ast.stmt) -> int:
        return self._first + node.lineno

    def _indent(self, node: ast.stmt) -> str:
        line = self._lines[self._start(node)]
        return line[: len(line) - len(line.lstrip(" \t\f"))]

    def _position(self, line: int, column: int) -> Position:
        text = self._lines[self._first + line]
        return Position(self._first + line, len(text.encode()[:column].decode(errors="ignore")))

    def _end(self, node: ast.expr) -> Position:
        return self._position(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)

    def _insert(self, line: int, indent: str, lines: Sequence[str]) -> Edit:
        end = "\r\n" if "\r\n" in self.document.text else "\n"
        text = "".join((indent + each if each else "") + end for each in lines)
        # A last line without line end needs one before more lines follow.
        if line >= len(self._lines) and self._lines and not self._lines[-1].endswith(("\n", "\r")):
            last = self._lines[-1]
            place = Position(len(self._lines) - 1, len(last))
            return Edit(Range(place, place), end + text.removesuffix(end))
        return Edit(Range(Position(line, 0), Position(line, 0)), text)


def is_own_statement(statement: Statement, method: Method) -> bool:
    return statement is method.statement
