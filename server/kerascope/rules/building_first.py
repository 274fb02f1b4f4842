"""The fix for containers that are filled too late for Keras 3: fill them first, then store them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from kerascope.rules.rule import Fix, MakeFix
from kerascope.source.document import Document, Site
from kerascope.source.position import Edit, Position, Range
from kerascope.tracking.events import ContainerWrite


def assigned_when_full(write: ContainerWrite, attribute: str) -> MakeFix | None:
    """`self.ls = [None] * n` and its item assignments under a local name, then `self.ls = ls`."""
    found = _block_of(write.at.site, write.at.statement)
    if found is None:
        return None
    function, block, last = found
    while not (first := _assignment(block, last, attribute)):
        found = _block_of(write.at.site, _owner(function, block))
        if found is None:
            return None
        function, block, last = found
    start = block.index(first)
    span = block[
        start : _last_use(block, start, lambda node: _is(node, attribute) and _is_written(node, block)) + 1
    ]
    uses = [node for statement in span for node in ast.walk(statement) if _is(node, attribute)]
    elsewhere = [node for node in ast.walk(function) if _is(node, attribute) and node not in uses]
    local = attribute.removeprefix("self.").lstrip("_")
    if elsewhere or local in _names(function):
        return None

    def edits(text: _Text) -> list[Edit]:
        return [*(text.replaced(use, local) for use in uses), text.after(span[-1], f"{attribute} = {local}")]

    return _fix(write.at.site, f"Build the list first, then assign `{attribute}`", edits)


def put_in_when_full(put_in: ContainerWrite, write: ContainerWrite) -> MakeFix | None:
    """The statement that puts the inner container in comes after those that fill it."""
    statement = put_in.at.statement
    found = _block_of(put_in.at.site, statement)
    if found is None or statement is None or put_in.at.site.statement is not write.at.site.statement:
        return None
    function, block, _ = found
    inner = _inner(statement)
    if inner is None:
        return None
    start = block.index(statement)
    by_name = isinstance(inner, ast.Name)
    through = ast.unparse(write.through)
    end = _last_use(block, start, lambda node: _is(node, through))
    if end == start:
        return None
    span = block[start + 1 : end + 1]
    local = inner.id if isinstance(inner, ast.Name) else "inner"
    outer = ast.unparse(put_in.through)
    uses = [node for each in span for node in ast.walk(each) if _is(node, through)]
    others = [
        n
        for each in span
        for n in ast.walk(each)
        if _is(n, outer) and not any(n in ast.walk(use) for use in uses)
    ]
    if others or (not by_name and local in _names(function)):
        return None

    def edits(text: _Text) -> list[Edit]:
        if by_name:
            return [text.without(statement), text.after(span[-1], text.source(statement))]
        return [
            text.replaced(statement, f"{local} = {text.source(inner)}"),
            *(text.replaced(use, local) for use in uses),
            text.after(span[-1], text.source_with(statement, inner, local)),
        ]

    return _fix(put_in.at.site, "Fill the inner container first", edits)


def _fix(site: Site, title: str, edits: Callable[[_Text], list[Edit]]) -> MakeFix:
    def make(document: Document) -> Fix | None:
        try:
            found = edits(_Text(document, site))
        except LookupError:
            return None
        return Fix(title, False, tuple(sorted(found, key=lambda edit: edit.range)))

    return make


class _Text:
    """Positions and edits in the present version of a document; LookupError where they can't be had."""

    def __init__(self, document: Document, site: Site) -> None:
        self.document = document
        self.site = site

    def place(self, node: ast.AST) -> Range:
        found = self.document.extent_of(Site(self.site.path, self.site.statement, node))
        if found is None:
            raise LookupError
        return found

    def source(self, node: ast.AST) -> str:
        return self.document.text_of(self.place(node))

    def source_with(self, node: ast.AST, inner: ast.AST, text: str) -> str:
        """The text of `node` with `text` instead of `inner`."""
        outer, place = self.place(node), self.place(inner)
        before = self.document.text_of(Range(outer.start, place.start))
        return before + text + self.document.text_of(Range(place.end, outer.end))

    def replaced(self, node: ast.AST, text: str) -> Edit:
        return Edit(self.place(node), text)

    def after(self, node: ast.AST, line: str) -> Edit:
        """A line after a statement, indented as it."""
        place = self.lines(node)
        indent = re.match(r"\s*", self.document.line(place.start.line))
        below = Position(place.end.line + 1, 0)
        end = "\r\n" if "\r\n" in self.document.text else "\n"
        missing = "" if self.document.text.endswith(("\n", "\r")) or self.document.line(below.line) else end
        return Edit(Range(below, below), f"{missing}{indent[0] if indent else ''}{line}{end}")

    def without(self, node: ast.AST) -> Edit:
        place = self.lines(node)
        return Edit(Range(Position(place.start.line, 0), Position(place.end.line + 1, 0)), "")

    def lines(self, node: ast.AST) -> Range:
        """The place of a statement that has its lines for itself."""
        place = self.place(node)
        before = self.document.line(place.start.line)[: place.start.column]
        after = self.document.line(place.end.line)[place.end.column :].strip()
        if before.strip() or (after and not after.startswith("#")):
            raise LookupError
        return place


def _block_of(site: Site, target: ast.AST | None) -> tuple[ast.AST, list[ast.stmt], ast.stmt] | None:
    """The function around a statement, the block that holds it, and it."""
    for top in site.statement.nodes:
        for function, block in _blocks(top, top):
            for statement in block:
                if statement is target:
                    return function, block, statement
    return None


def _blocks(node: ast.AST, function: ast.AST) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        function = node
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield function, block
            for child in block:
                yield from _blocks(child, function)
    for handler in getattr(node, "handlers", ()):
        yield from _blocks(handler, function)


def _owner(function: ast.AST, block: list[ast.stmt]) -> ast.AST | None:
    """The compound statement to which a block belongs."""
    for node in ast.walk(function):
        if any(getattr(node, name, None) is block for name in ("body", "orelse", "finalbody")):
            return node if node is not function else None
    return None


def _assignment(block: list[ast.stmt], until: ast.stmt, attribute: str) -> ast.stmt | None:
    """`self.ls = …` in a block, before a statement of it."""
    found = None
    for statement in block:
        if statement is until:
            break
        if (
            isinstance(statement, ast.Assign)
            and len(statement.targets) == 1
            and _is(statement.targets[0], attribute)
        ):
            found = statement
    return found


def _inner(statement: ast.stmt) -> ast.expr | None:
    """The container that `self.ls.append(inner)` or `self.d[key] = inner` puts in."""
    if (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and len(statement.value.args) == 1
    ):
        return statement.value.args[0]
    return statement.value if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None


def _last_use(block: list[ast.stmt], start: int, matches: Callable[[ast.AST], bool]) -> int:
    last = start
    for index in range(start, len(block)):
        if any(matches(node) for node in ast.walk(block[index])):
            last = index
    return last


def _is_written(node: ast.AST, block: list[ast.stmt]) -> bool:
    """Whether `node[…] = …` stands somewhere in the block."""
    return any(
        isinstance(each, ast.Subscript) and each.value is node and isinstance(each.ctx, ast.Store)
        for statement in block
        for each in ast.walk(statement)
    )


def _is(node: ast.AST, text: str) -> bool:
    return isinstance(node, ast.Attribute | ast.Subscript | ast.Name) and ast.unparse(node) == text


def _names(function: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(function) if isinstance(node, ast.Name)} | {
        node.arg for node in ast.walk(function) if isinstance(node, ast.arg)
    }
