"""Fixes: how to remove, replace and insert code at a site, without touching the rest of the text.

Statements are found and rewritten in the concrete syntax tree of their own piece, so comments, indentation
and line ends stay as they are. Every function returns the edits for the document's present version, or None
where that can't be done: the statement is gone or doesn't parse, or the result wouldn't.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from kerascope.source.cutting import LINE_END, NEWLINE
from kerascope.source.document import Document, Site
from kerascope.source.parsing import parse_class_header, parse_piece, parses
from kerascope.source.position import Edit, Position, Range
from kerascope.source.statement import Statement

if TYPE_CHECKING:
    import libcst as cst

    _AnyStatement: TypeAlias = cst.BaseStatement | cst.BaseSmallStatement

Edits: TypeAlias = tuple[Edit, ...]

_LINE = re.compile(rf"[^\r\n]*{NEWLINE}|[^\r\n]+")
_INDENT = re.compile(r"[ \t\f]*")
_COMMENT_LINE = re.compile(r"[ \t\f]*#")


def remove(document: Document, site: Site) -> Edits | None:
    """Remove the statement at (or around) `site`, with the comment that ends its line.

    A block left empty gets a `pass`. A comment above goes too, unless another statement follows directly,
    which it may speak of as well.
    """
    statement = site.statement
    if _is_whole_class(site) or (len(statement.nodes) == 1 and site.node is statement.nodes[0]):
        return _replace_piece(document, statement, "")
    return _rewrite_statements(document, site, lambda at: [])


def replace(document: Document, site: Site, code: str) -> Edits | None:
    """Put `code` in the place of the expression or statement at `site`; brackets are added where needed."""
    if isinstance(site.node, ast.expr):
        return _replace_expression(document, site, code)
    if _is_whole_class(site):
        return _replace_piece(document, site.statement, code)
    return _rewrite_statements(document, site, lambda at: at.parsed(code))


def insert_before(document: Document, site: Site, code: str) -> Edits | None:
    """Insert the statements `code` before the statement at (or around) `site`, in the same block."""
    if _is_whole_class(site):
        return _insert_lines(document, _first_line(document, site.statement), code, site.statement)
    return _rewrite_statements(document, site, lambda at: [*at.parsed(code), at.itself])


def insert_after(document: Document, site: Site, code: str) -> Edits | None:
    """Insert the statements `code` after the statement at (or around) `site`, in the same block."""
    if _is_whole_class(site):
        return _insert_lines(document, _line_after(document, site.statement), code, site.statement)
    return _rewrite_statements(document, site, lambda at: [at.itself, *at.parsed(code)])


def text_of(document: Document, site: Site) -> str:
    """The statement at `site` as it is written, with the comment that ends its line; anew if it has several
    lines."""
    extent = document.extent_of(site)
    if extent is None or extent.start.line != extent.end.line:
        return ast.unparse(site.node)
    line = document.line(extent.start.line)
    comment = re.match(r"[ \t]*#[^\r\n]*", line[extent.end.column :])
    return line[extent.start.column : extent.end.column] + (comment[0] if comment else "")


def append_to_body(document: Document, site: Site, code: str) -> Edits | None:
    """Append the statements `code` to the body of the function or class at `site`.

    They come before a `return` or `raise` that ends the body, and in the place of a body that is only `pass`
    or `...`.
    """
    if not isinstance(site.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return None
    if not _is_whole_class(site):
        body = site.node.body
        last = body[-1]
        at_last = Site(site.path, site.statement, last)
        if _is_placeholder(last):
            return replace(document, at_last, code)
        if isinstance(last, ast.Return | ast.Raise):
            return insert_before(document, at_last, code)
        return insert_after(document, at_last, code)
    body_pieces = site.statement.body
    if not body_pieces:
        return None
    last_piece = body_pieces[-1]
    if last_piece.broken or not last_piece.nodes:
        return None
    at_last = Site(site.path, last_piece, last_piece.nodes[-1])
    if _is_placeholder(last_piece.nodes[-1]):
        return replace(document, at_last, code)
    return insert_after(document, at_last, code)


def insert_method(document: Document, class_site: Site, code: str, before: str = "call") -> Edits | None:
    """Insert a method into the class at `class_site`: before its method `before`, or at the end.

    A blank line parts it from its neighbours.
    """
    statement, node = class_site.statement, class_site.node
    if not isinstance(node, ast.ClassDef):
        return None
    if not _is_whole_class(class_site):
        for member in node.body:
            if isinstance(member, ast.FunctionDef) and member.name == before:
                return insert_before(document, Site(class_site.path, statement, member), code)
        return append_to_body(document, class_site, code)
    for piece in statement.body:
        if piece.kind == "function" and piece.name == before:
            return _insert_lines(document, _first_line(document, piece), code, piece, blank_line="below")
    last = statement.body[-1] if statement.body else None
    if last is None or last.lead or any(_is_placeholder(node) for node in last.nodes):
        return append_to_body(document, class_site, code)
    return _insert_lines(document, _line_after(document, last), code, last, blank_line="above")


# Expressions


def _replace_expression(document: Document, site: Site, code: str) -> Edits | None:
    """The text of the node is replaced; brackets go around where the tree would otherwise be another one."""
    statement, node = site.statement, site.node
    extent = document.extent_of(site)
    base = document.line_of(statement)
    if extent is None or base is None or (statement.broken and statement.kind != "class"):
        return None
    start, end = document.offset_of(extent.start), document.offset_of(extent.end)
    own_start = document.offset_of(Position(base, len(statement.lead)))
    own = statement.own_text
    head, tail = own[: start - own_start], own[end - own_start :]
    for candidate in (code, f"({code})"):
        try:
            value = ast.parse(candidate.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        expected = [_Substitution(node, value).visit(top) for top in statement.nodes]
        text = head + candidate + tail
        nodes = parse_class_header(text) if statement.kind == "class" else parse_piece(text, statement.lead)
        if nodes is not None and [ast.dump(n) for n in nodes] == [ast.dump(n) for n in expected]:
            return (Edit(extent, candidate),)
    return None


class _Substitution(ast.NodeTransformer):
    """A copy of a tree with one node exchanged; the tree itself, which others share, stays as it is."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old = old
        self.new = new

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self.old:
            return self.new
        fields = {
            name: [self.visit(each) if isinstance(each, ast.AST) else each for each in value]
            if isinstance(value, list)
            else self.visit(value)
            if isinstance(value, ast.AST)
            else value
            for name, value in ast.iter_fields(node)
        }
        return type(node)(**fields)


# Statements inside a piece


@dataclass(frozen=True, slots=True)
class _Place:
    """The statement to rewrite in the concrete syntax tree of its piece."""

    module: cst.Module
    itself: _AnyStatement
    path: list[cst.CSTNode]
    """From the module down to `itself`."""
    indent: str
    """Of one block in another."""

    def parsed(self, code: str) -> list[cst.BaseStatement]:
        """The statements of `code`, with the indentation and line ends of the surroundings."""
        import libcst as cst

        class Indented(cst.CSTTransformer):
            def leave_IndentedBlock(
                _, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
            ) -> cst.IndentedBlock:
                return updated_node.with_changes(indent=self.indent)

            def leave_Newline(_, original_node: cst.Newline, updated_node: cst.Newline) -> cst.Newline:
                return updated_node.with_changes(value=None)

        module = cst.parse_module(_dedented(code)).visit(Indented())
        body = list(module.body)
        if body and module.header:
            first = body[0]
            body[0] = first.with_changes(leading_lines=[*module.header, *first.leading_lines])
        return cast("list[cst.BaseStatement]", body)


def _rewrite_statements(
    document: Document,
    site: Site,
    change: Callable[[_Place], Sequence[_AnyStatement]],
) -> Edits | None:
    """Put what `change` gives in the place of the statement around `site`."""
    import libcst as cst

    statement = site.statement
    base = document.line_of(statement)
    target = _statement_around(site)
    if base is None or statement.broken or target is None or statement.kind == "class":
        return None
    text = statement.lead + statement.text
    wrapped = text[:1] in (" ", "\t", "\f")
    if text.startswith("\ufeff") or (
        statement.lead and not _INDENT.sub("", text, count=1).startswith("class")
    ):
        return None
    head = "if 1:" + _newline_of(document) if wrapped else ""
    try:
        module = cst.parse_module(head + text)
        if module.code != head + text:
            return None
        place = _place(module, target, 1 if wrapped else 0, text, _indent_unit(document, statement))
        if place is None:
            return None
        new_module = _spliced(place, change(place)).with_changes(default_newline=_newline_of(document))
        code = new_module.code[len(head) :]
    except Exception:
        # A fix is an offer, and libcst names no base class of what it can raise: then there is none.
        return None
    if not parses(code):
        return None
    start = document.offset_of(Position(base, 0))
    return _difference(document, start, text, code)


def _place(module: cst.Module, target: ast.stmt, shift: int, text: str, indent: str) -> _Place | None:
    import libcst as cst
    from libcst.metadata import MetadataWrapper, PositionProvider

    line = LINE_END.split(text)[target.lineno - 1]
    column = len(line.encode("utf-8", "surrogatepass")[: target.col_offset].decode("utf-8", "ignore"))
    wanted = (target.lineno + shift, column)
    positions = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    for node, place in positions.items():
        if (place.start.line, place.start.column) == wanted and isinstance(
            node, cst.BaseSmallStatement | cst.BaseCompoundStatement
        ):
            path = _path(module, node)
            return _Place(module, node, path, indent) if path else None
    return None


def _path(root: cst.CSTNode, target: cst.CSTNode) -> list[cst.CSTNode]:
    if root is target:
        return [root]
    for child in root.children:
        below = _path(child, target)
        if below:
            return [root, *below]
    return []


def _spliced(place: _Place, new: Sequence[_AnyStatement]) -> cst.Module:
    """The module with `new` (which may hold the old statement) instead of the statement at `place`."""
    import libcst as cst

    module, itself = place.module, place.itself
    parent, block = place.path[-2], place.path[-3] if len(place.path) > 2 else None
    if isinstance(parent, cst.SimpleStatementSuite):
        line = cst.SimpleStatementLine(parent.body, trailing_whitespace=parent.trailing_whitespace)
        lines = _lines_instead(line, itself, new) or [cst.SimpleStatementLine([cst.Pass()])]
        (first, *more) = lines
        if isinstance(first, cst.SimpleStatementLine) and not more and not first.leading_lines:
            suite = parent.with_changes(body=first.body, trailing_whitespace=first.trailing_whitespace)
            return _exchanged(module, parent, suite)
        return _exchanged(module, parent, cst.IndentedBlock(lines, indent=place.indent))
    old: Any = itself
    if isinstance(parent, cst.SimpleStatementLine):
        old = parent
    else:
        block = parent
    assert isinstance(block, cst.Module | cst.IndentedBlock)
    body: list[Any] = list(block.body)
    index = next(index for index, each in enumerate(body) if each is old)
    lines = _lines_instead(old, itself, new)
    footer = list(block.footer)
    if not lines:
        above = list(old.leading_lines)
        if index + 1 < len(body):
            follower = body[index + 1]
            if follower.leading_lines:
                above = _without_own_comment(above)
            if above and follower.leading_lines and not above[-1].comment:
                above = [line for line in above if line.comment]
            body[index + 1] = follower.with_changes(leading_lines=[*above, *follower.leading_lines])
        elif any(line.comment for line in _without_own_comment(above)):
            footer = [*_without_own_comment(above), *footer]
    body[index : index + 1] = lines
    if not body and isinstance(block, cst.IndentedBlock):
        body = [cst.SimpleStatementLine([cst.Pass()])]
    return _exchanged(module, block, block.with_changes(body=body, footer=footer))


def _exchanged(module: cst.Module, old: cst.CSTNode, new: cst.CSTNode) -> cst.Module:
    import libcst as cst

    if old is module:
        return cast("cst.Module", new)
    result = module.deep_replace(old, new)
    assert isinstance(result, cst.Module)
    return result


def _lines_instead(old: Any, itself: cst.CSTNode, new: Sequence[_AnyStatement]) -> list[Any]:
    """What to put instead of `old`, the line or compound statement that holds `itself`.

    What else stands on the line stays on one line where it can. Blank lines stay above all of it, comments
    above the old code, and the comment at the end of the line behind it.
    """
    import libcst as cst

    small_line = isinstance(old, cst.SimpleStatementLine)
    others: Sequence[Any] = old.body if small_line else [itself]
    kept = any(each is itself for each in new)
    if len(others) > 1 and not kept:
        new = _small_statements(new)
    items = [item for each in others for item in (new if each is itself else [each])]
    lines: list[Any] = []
    own: list[int] = []
    for is_small, group in groupby(items, lambda each: isinstance(each, cst.BaseSmallStatement)):
        if is_small:
            own.append(len(lines))
            smalls: list[Any] = list(group)
            smalls[-1] = smalls[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
            lines.append(cst.SimpleStatementLine(smalls))
        else:
            for each in group:
                if each is old:
                    own.append(len(lines))
                lines.append(each)
    if not lines:
        return []
    last = own[-1] if own else len(lines) - 1
    if small_line and isinstance(lines[last], cst.SimpleStatementLine):
        comment_goes = not new and others[-1] is itself
        if not comment_goes and not lines[last].trailing_whitespace.comment:
            lines[last] = lines[last].with_changes(trailing_whitespace=old.trailing_whitespace)
    above = list(old.leading_lines)
    first = own[0] if own else 0
    blank = (
        len(above) if first == 0 else next((i for i, line in enumerate(above) if line.comment), len(above))
    )
    if kept and first > 0:
        lines[first] = lines[first].with_changes(leading_lines=above[blank:])
    leading = [] if lines[0] is old else lines[0].leading_lines
    lines[0] = lines[0].with_changes(leading_lines=[*above[:blank], *leading])
    return lines


def _small_statements(new: Sequence[Any]) -> Sequence[Any]:
    """`new` without its lines, if all of it is small statements without comments; else as it is."""
    import libcst as cst

    smalls: list[Any] = []
    for each in new:
        if (
            not isinstance(each, cst.SimpleStatementLine)
            or each.leading_lines
            or each.trailing_whitespace.comment
        ):
            return new
        smalls += each.body
    return smalls


def _without_own_comment(lines: Sequence[Any]) -> list[Any]:
    """The lines above a statement, without the comment directly above it."""
    result = list(lines)
    while result and result[-1].comment:
        result.pop()
    return result


# Whole pieces, and lines between pieces


def _is_whole_class(site: Site) -> bool:
    """Whether the statement at the site is a class that is cut into pieces."""
    return site.statement.kind == "class"


def _replace_piece(document: Document, statement: Statement, code: str) -> Edits | None:
    """Put `code` in the place of a whole piece; without code, take out the comment above it too."""
    first, after = document.line_of(statement), _line_after(document, statement)
    if first is None or after is None:
        return None
    if statement.lead or (not code and not _has_siblings(document, statement)):
        code = code or "pass"
        if statement.lead:
            place = document.extent_of(Site(document.path, statement, statement.nodes[0]))
            return (Edit(place, code),) if place and "\n" not in code and parses(code) else None
    follows = document.line(after).strip()
    if not code and (not follows or follows.startswith("#")):
        first = _first_line(document, statement) or 0
    start, end = (document.offset_of(Position(line, 0)) for line in (first, after))
    text = _indented(code, document, statement)
    return _difference(document, start, document.text[start:end], text) if parses(text) else None


def _insert_lines(
    document: Document,
    line: int | None,
    code: str,
    beside: Statement,
    blank_line: Literal["above", "below"] | None = None,
) -> Edits | None:
    """Insert whole lines, indented like the statement `beside`."""
    if line is None or beside.lead:
        return None
    newline = _newline_of(document)
    text = _indented(code, document, beside)
    if not parses(text):
        return None
    if blank_line:
        text = newline + text if blank_line == "above" else text + newline
    start = document.offset_of(Position(line, 0))
    if start == len(document.text) and document.text and not document.text.endswith(("\n", "\r")):
        text = newline + text
    return _difference(document, start, "", text)


def _first_line(document: Document, statement: Statement) -> int | None:
    """The line on which a statement begins, with the comments that stand directly above it."""
    line = document.line_of(statement)
    if line is None:
        return None
    indent = _indent_of(statement)
    while line and _COMMENT_LINE.match(above := document.line(line - 1)) and above.startswith(indent + "#"):
        line -= 1
    return line


def _line_after(document: Document, statement: Statement) -> int | None:
    """The line after a statement's last one, so without the blank lines and comments that follow."""
    last = statement
    while last.kind == "class" and last.body:
        last = last.body[-1]
    line = document.line_of(last)
    if line is None or last.broken or not last.nodes:
        return None
    return line + max(node.end_lineno or 1 for node in last.nodes)


# Text


def _difference(document: Document, start: int, old: str, new: str) -> Edits:
    """The one edit from `old`, which stands at `start`, to `new`: by whole lines where that is enough."""
    head, tail = 0, 0
    old_lines, new_lines = _lines(old), _lines(new)
    while head < min(len(old_lines), len(new_lines)) and old_lines[head] == new_lines[head]:
        head += 1
    while tail < min(len(old_lines), len(new_lines)) - head and old_lines[-1 - tail] == new_lines[-1 - tail]:
        tail += 1
    gone = "".join(old_lines[head : len(old_lines) - tail])
    come = "".join(new_lines[head : len(new_lines) - tail])
    if not gone and not come:
        return ()
    first = start + sum(map(len, old_lines[:head]))
    last = first + len(gone)
    return (Edit(Range(document.position_of(first), document.position_of(last)), come),)


def _lines(text: str) -> list[str]:
    return [match[0] for match in _LINE.finditer(text)]


def _statement_around(site: Site) -> ast.stmt | None:
    """The innermost statement that is, or contains, the node of `site`."""
    if isinstance(site.node, ast.stmt):
        return site.node

    def search(node: ast.AST, around: ast.stmt | None) -> ast.stmt | None:
        if node is site.node:
            return around
        if isinstance(node, ast.stmt):
            around = node
        for child in ast.iter_child_nodes(node):
            found = search(child, around)
            if found is not None:
                return found
        return None

    for top in site.statement.nodes:
        found = search(top, None)
        if found is not None:
            return found
    return None


def _is_placeholder(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...
    )


def _has_siblings(document: Document, statement: Statement) -> bool:
    """Whether the class around a statement has other members."""
    for each in document.walk():
        if statement in each.body:
            return len(each.body) > 1
    return True


def _newline_of(document: Document) -> str:
    first = LINE_END.search(document.text)
    return first[0] if first else "\n"


def _indent_of(statement: Statement) -> str:
    match = _INDENT.match(statement.lead + statement.text)
    return match[0] if match else ""


def _indent_unit(document: Document, statement: Statement) -> str:
    """By how much blocks are indented around `statement`, or else in its document."""
    for each in (statement, *document.walk()):
        outer = _indent_of(each)
        lines = LINE_END.split(each.own_text)
        inner = [_indent_of(member) for member in each.body if not member.lead]
        for node in () if each.broken else each.nodes:
            for child in getattr(node, "body", ()):
                if child.lineno > node.lineno and (indent := _INDENT.match(lines[child.lineno - 1])):
                    inner.append(indent[0])
        for deeper in inner:
            if len(deeper) > len(outer) and deeper.startswith(outer):
                return deeper[len(outer) :]
    return "    "


def _dedented(code: str) -> str:
    return textwrap.dedent(code).strip("\r\n") + "\n"


def _indented(code: str, document: Document, beside: Statement) -> str:
    """`code`, indented by four spaces, with the indentation and line ends of the statement `beside`."""
    unit, indent, newline = _indent_unit(document, beside), _indent_of(beside), _newline_of(document)
    text = ""
    for line in LINE_END.split(_dedented(code).rstrip()):
        rest = line.lstrip(" ")
        if rest:
            levels, spaces = divmod(len(line) - len(rest), 4)
            text += indent + unit * levels + " " * spaces + rest
        text += newline
    return text if text.strip() else ""
