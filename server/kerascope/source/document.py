"""A document: the text of one file at one version, cut into statements.

Documents are values: an edit makes a new one, which shares every unchanged `Statement`.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from itertools import accumulate

from kerascope.source.cutting import LINE_END, Context, Piece, cut
from kerascope.source.frozen import frozen
from kerascope.source.position import Edit, Position, Range
from kerascope.source.statement import Statement


@frozen
class Site:
    """A node of the syntax tree, and where it stands: the way in which analysis results name places."""

    path: str
    statement: Statement
    node: ast.AST


class Document:
    """The text of one file at one version.

    `path` is an absolute file path, or the URI of a document that has no file. `version` is the
    editor's number, None for a file on disk. Lines end in "\\n", "\\r\\n" or "\\r", as for Python and
    for editors (not at form feeds or Unicode's separators).
    """

    __slots__ = (
        "_flat",
        "_lengths",
        "_line_breaks",
        "_lines",
        "_offsets",
        "_open",
        "_starts",
        "path",
        "statements",
        "text",
        "version",
    )

    path: str
    text: str
    version: int | None
    statements: tuple[Statement, ...]

    def __init__(
        self,
        path: str,
        text: str,
        version: int | None,
        statements: tuple[Statement, ...],
        flat: list[Statement],
        still_open: frozenset[Statement] = frozenset(),
    ) -> None:
        self.path = path
        self.text = text
        self.version = version
        self.statements = statements
        self._flat = flat
        self._open = still_open  # statements that end in an open string, which was not let run on to the end
        self._lengths = [len(statement.own_text) for statement in flat]
        self._line_breaks = [statement.line_breaks for statement in flat]
        self._offsets: list[int] | None = None
        self._starts: list[int] | None = None
        self._lines: dict[Statement, int] | None = None

    @classmethod
    def from_text(cls, path: str, text: str, version: int | None = None) -> Document:
        """Cut `text` into statements."""
        pieces, _, _ = cut(text)
        flat = _with_bodies(_statements(text, pieces, []))
        return cls(path, text, version, _top_level(flat), flat)

    def edited(self, edits: Sequence[Edit], version: int | None = None) -> Document:
        """The document after `edits`, applied one after the other; only what they touch is cut anew."""
        document = self
        for edit in edits:
            start = document.offset_of(edit.range.start)
            end = max(start, document.offset_of(edit.range.end))
            document = document._spliced(start, end, edit.text, version)
        return (
            document
            if edits
            else Document(self.path, self.text, version, self.statements, self._flat, self._open)
        )

    def replaced(self, text: str, version: int | None = None) -> Document:
        """The document with a whole new text; statements whose text is unchanged are shared."""
        start = _common_prefix(self.text, text)
        tail = _common_suffix(self.text, text, min(len(self.text), len(text)) - start)
        return self._spliced(start, len(self.text) - tail, text[start : len(text) - tail], version)

    def _spliced(self, start: int, end: int, inserted: str, version: int | None) -> Document:
        """The document with `inserted` instead of `text[start:end]`."""
        text = self.text[:start] + inserted + self.text[end:]
        flat, offsets = self._flat, self._piece_offsets()
        count = len(flat)
        grown = len(inserted) - (end - start)
        resume = start + len(inserted)

        # A first line that changes may turn into an `else:` or a decorated `def` of the piece before it.
        first = max(bisect_right(offsets, max(start - 1, 0), 0, count) - 2, 0)
        while first and flat[first].lead:
            first -= 1

        def coincides(offset: int, context: Context) -> bool:
            if offset < resume:
                return False
            index = bisect_left(offsets, offset - grown, 0, count)
            return (
                index < count
                and offsets[index] == offset - grown
                and flat[index].context == context
                and not flat[index].lead
                and (index == 0) == (offset == 0)  # only there a byte order mark is one
            )

        context = flat[first].context if flat else ()
        still_open = self._open
        if still_open:
            # Once its strings are closed, everything after the first of them is itself again.
            begin = min([first, *(index for index, each in enumerate(flat) if each in still_open)])
            while begin and flat[begin].lead:
                begin -= 1
            pieces, stop, is_open = cut(text, offsets[begin], flat[begin].context)
            if not is_open:
                first, still_open = begin, frozenset()
        if not self._open or still_open:
            pieces, stop, is_open = cut(text, offsets[first], context, coincides)
        after = count if stop == len(text) else bisect_left(offsets, stop - grown, 0, count)
        if is_open:
            # An open string would swallow the rest of the file: let it end where the next statement began.
            for index in range(bisect_left(offsets, max(start, end), first + 1, count), count):
                offset, outside = offsets[index] + grown, flat[index].context
                if offset <= offsets[first] or flat[index].lead or text[offset - 1] not in "\r\n":
                    continue
                shorter, _, _ = cut(text[:offset], offsets[first], context)
                if shorter[-1].context[: len(outside)] == outside and shorter[-1].kind != "class":
                    pieces, after = shorter, index
                    break
            else:
                is_open = False
        fresh = _statements(text, pieces, flat[first:after])
        if still_open:
            still_open &= {*flat[:first], *fresh, *flat[after:]}
        if is_open:
            still_open |= {fresh[-1]}

        # Only the top-level classes around the new pieces can have changed bodies.
        low, high = first, after
        while low and low < count and flat[low].context:
            low -= 1
        while high < count and flat[high].context:
            high += 1
        window = _with_bodies(flat[low:first] + fresh + flat[after:high])
        flat = flat[:low] + window + flat[high:]
        return Document(self.path, text, version, _top_level(flat), flat, still_open)

    def walk(self) -> Iterator[Statement]:
        """Every statement, those of class bodies after their class."""
        return iter(self._flat)

    def range_of(self, site: Site) -> Range | None:
        """Where to show `site` in this version; None if its statement is not in it any more.

        For a class or a function that is its name; `extent_of` gives the whole.
        """
        node = site.node
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            return self._name_range(site.statement, node)
        return self.extent_of(site)

    def extent_of(self, site: Site) -> Range | None:
        """From the first to the last character of `site` in this version (a class: of its header)."""
        base = self.line_of(site.statement)
        if base is None:
            return None
        span = _span(site.node)
        lines = _lines_of(site.statement)
        if span is None:
            start, end = Position(0, len(site.statement.lead)), Position(len(lines) - 1, len(lines[-1]))
        else:
            start, end = _place(lines, span[0], span[1]), _place(lines, span[2], span[3])
        return Range(Position(base + start.line, start.column), Position(base + end.line, end.column))

    def _name_range(
        self, statement: Statement, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    ) -> Range | None:
        base = self.line_of(statement)
        if base is None:
            return None
        lines = _lines_of(statement)
        start = _place(lines, node.lineno, node.col_offset)
        line = lines[start.line]
        found = re.compile(rf"\b{re.escape(node.name)}\b").search(line, start.column)
        column, end = found.span() if found else (start.column, len(line))
        return Range(Position(base + start.line, column), Position(base + start.line, end))

    def line_of(self, statement: Statement) -> int | None:
        """The 0-based line on which `statement` begins; None if it is not in this version."""
        if self._lines is None:
            self._lines = dict(zip(self._flat, self._piece_lines(), strict=False))
        return self._lines.get(statement)

    def line(self, number: int) -> str:
        """The text of a line without its line end; empty past the end of the document."""
        start = self.offset_of(Position(number, 0))
        if number < 0 or self.position_of(start).line != number:
            return ""
        end = LINE_END.search(self.text, start)
        return self.text[start : end.start() if end else len(self.text)]

    def text_of(self, range: Range) -> str:
        """The text in `range`."""
        return self.text[self.offset_of(range.start) : self.offset_of(range.end)]

    def offset_of(self, position: Position) -> int:
        """The offset of `position` in the text; past the end of a line, that end; likewise of the text."""
        text, flat = self.text, self._flat
        if position.line < 0 or not flat:
            return 0
        starts = self._piece_lines()
        if position.line > starts[-1]:
            return len(text)
        index = bisect_right(starts, position.line, 0, len(flat)) - 1
        while index and flat[index].lead:
            index -= 1
        offset = self._piece_offsets()[index]
        for _ in range(position.line - starts[index]):
            end = LINE_END.search(text, offset)
            assert end is not None
            offset = end.end()
        end = LINE_END.search(text, offset)
        return min(offset + max(position.column, 0), end.start() if end else len(text))

    def position_of(self, offset: int) -> Position:
        """The position of an offset in the text."""
        if not self._flat:
            return Position(0, 0)
        offset = min(max(offset, 0), len(self.text))
        offsets = self._piece_offsets()
        index = max(bisect_right(offsets, offset, 0, len(self._flat)) - 1, 0)
        while index and self._flat[index].lead:
            index -= 1
        line, start = self._piece_lines()[index], offsets[index]
        for end in LINE_END.finditer(self.text, start):
            if end.end() > offset:
                break
            line, start = line + 1, end.end()
        return Position(line, offset - start)

    def _piece_offsets(self) -> list[int]:
        if self._offsets is None:
            self._offsets = list(accumulate(self._lengths, initial=0))
        return self._offsets

    def _piece_lines(self) -> list[int]:
        if self._starts is None:
            self._starts = list(accumulate(self._line_breaks, initial=0))
        return self._starts


def _statements(text: str, pieces: list[Piece], removed: Sequence[Statement]) -> list[Statement]:
    """Statements for `pieces`: those of `removed` where the text is the same, else new ones.

    Classes get their bodies later, by `_with_bodies`.
    """
    pool: dict[tuple[str, str, str, Context], deque[Statement]] = defaultdict(deque)
    for statement in removed:
        pool[statement.own_text, statement.lead, statement.kind, statement.context].append(statement)
    result: list[Statement] = []
    new: list[Statement] = []
    shared: set[Statement] = set()
    for piece in pieces:
        own = text[piece.start : piece.end]
        lead = ""
        if piece.inline:
            header = result[-1].header
            lead = LINE_END.split(header)[-1]
        same = pool.get((own, lead, piece.kind, piece.context))
        if same:
            statement = same.popleft()
            shared.add(statement)
        else:
            header = own if piece.kind == "class" else ""
            statement = Statement(own, piece.kind, piece.name, header, (), piece.context, lead)
            new.append(statement)
        result.append(statement)
    _keep_last_good(new, [statement for statement in removed if statement not in shared])
    return result


def _keep_last_good(new: list[Statement], old: list[Statement]) -> None:
    """Tell each new statement which old one it replaces: of its kind and name, else in its place."""
    named: dict[tuple[str, str], deque[Statement]] = defaultdict(deque)
    for statement in old:
        if statement.name is not None:
            named[statement.kind, statement.name].append(statement)
    unmatched: list[Statement] = []
    taken: set[Statement] = set()
    for statement in new:
        same = named.get((statement.kind, statement.name)) if statement.name is not None else None
        if same:
            predecessor = same.popleft()
            taken.add(predecessor)
            statement.replaces(predecessor)
        else:
            unmatched.append(statement)
    left = [statement for statement in old if statement not in taken]
    for classes in (False, True):
        for statement, predecessor in zip(
            [each for each in unmatched if (each.kind == "class") is classes],
            [each for each in left if (each.kind == "class") is classes],
            strict=False,
        ):
            statement.replaces(predecessor)


def _with_bodies(flat: list[Statement]) -> list[Statement]:
    """The same statements, with new classes where the body that follows is not the one they have."""
    result = list(flat)
    bodies: dict[int, list[Statement]] = defaultdict(list)
    for index in range(len(flat) - 1, -1, -1):
        statement = flat[index]
        level = len(statement.context)
        if statement.kind == "class":
            body = tuple(reversed(bodies.pop(level + 1, ())))
            if body != statement.body:
                statement = result[index] = statement.with_body(body)
        bodies[level].append(statement)
    return result


def _top_level(flat: list[Statement]) -> tuple[Statement, ...]:
    return tuple([statement for statement in flat if not statement.context])


def _lines_of(statement: Statement) -> list[str]:
    """The lines that the positions of a statement's nodes count."""
    return LINE_END.split(statement.lead + statement.own_text)


def _span(node: ast.AST) -> tuple[int, int, int, int] | None:
    """First and last place of a node; those of its children if it has none (arguments, comprehensions)."""
    if hasattr(node, "lineno"):
        return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]
    spans = [span for child in ast.iter_child_nodes(node) if (span := _span(child))]
    if not spans:
        return None
    return (*min(span[:2] for span in spans), *max(span[2:] for span in spans))


def _place(lines: list[str], lineno: int, col_offset: int) -> Position:
    """A node's place among `lines`, which may be other ones than it was parsed from: then the nearest."""
    number = lineno - 1
    if number >= len(lines):
        return Position(len(lines) - 1, len(lines[-1]))
    line = lines[number]
    if line.isascii():
        return Position(number, min(col_offset, len(line)))
    before = line.encode("utf-8", "surrogatepass")[:col_offset]
    return Position(number, len(before.decode("utf-8", "ignore")))


def _common_prefix(one: str, other: str) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_suffix(one: str, other: str, limit: int) -> int:
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low
