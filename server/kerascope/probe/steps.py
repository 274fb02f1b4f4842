"""Code as steps: simple statements in their order, and the blocks around them; written out again at their
lines, without the rest."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from kerascope.probe.slice import is_main_block
from kerascope.probe.uses import uses_in
from kerascope.project.module import bound_by
from kerascope.source.statement import Statement

FUNCTION = "__kerascope__"
"""The name of the function that stands for one of the file's: its names mustn't become the module's."""


@dataclass(eq=False)
class Block:
    """A compound statement around steps: what stands for its header in a program."""

    node: ast.stmt
    base: int
    parent: Block | None
    binds: frozenset[str] = frozenset()
    keep: ast.expr | None = None
    """For a `for`, what it goes over."""
    first: ast.stmt | None = None
    """The first statement of the branch."""


@dataclass(frozen=True)
class Facts:
    """The names of a simple statement; `dotted` are all uses as far as they are written."""

    binds: frozenset[str]
    uses: frozenset[str]
    changes: frozenset[str]
    dotted: frozenset[str]


_facts: WeakKeyDictionary[Statement, dict[ast.stmt, Facts]] = WeakKeyDictionary()


def facts_of(statement: Statement | None, node: ast.stmt) -> Facts:
    """The names of a statement in a piece, kept with that."""
    kept = _facts.setdefault(statement, {}) if statement is not None else {}
    known = kept.get(node)
    if known is None:
        uses = uses_in([node])
        known = kept[node] = Facts(
            frozenset(name for name, _ in bound_by(node)),
            frozenset(name.partition(".")[0] for name in uses.names),
            frozenset(name.partition(".")[0] for name in uses.changed),
            frozenset(uses.names),
        )
    return known


@dataclass(eq=False)
class Step:
    """A simple statement, in order."""

    node: ast.stmt
    base: int
    """Of its piece: what to add to its lines."""
    block: Block | None
    facts: Facts
    is_global: bool = False
    """At module level, outside of the `if __name__` block."""

    @property
    def binds(self) -> frozenset[str]:
        return self.facts.binds

    @property
    def uses(self) -> frozenset[str]:
        return self.facts.uses

    @property
    def changes(self) -> frozenset[str]:
        return self.facts.changes


@dataclass
class Code:
    """A run of statements that see each other: the module's, a function's, an example's."""

    lines: Sequence[str]
    steps: list[Step]
    local: frozenset[str] = frozenset()
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The values, as texts, of those of a function's parameters that are known."""
    unknown: frozenset[str] = frozenset()
    """Its other parameters."""
    is_example: bool = False


@dataclass(frozen=True)
class Place:
    """The piece that statements stand in, and its first line."""

    statement: Statement | None
    base: int


def flatten(
    nodes: Sequence[ast.stmt], place: Place, block: Block | None, is_global: bool, steps: list[Step]
) -> None:
    """Append the simple statements in `nodes`, in order; `is_global`: they are the module's own."""
    for node in nodes:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if not is_global:
                steps.append(Step(node, place.base, block, facts_of(place.statement, node)))
        elif isinstance(
            node, ast.If | ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Try
        ):
            _enter(node, place, block, is_global and not _is_main(node), steps)
        elif not isinstance(
            node, ast.Pass | ast.Break | ast.Continue | ast.Global | ast.Nonlocal | ast.Raise
        ):
            steps.append(Step(node, place.base, block, facts_of(place.statement, node), is_global))


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and is_main_block(node)


def _enter(node: ast.stmt, place: Place, parent: Block | None, is_global: bool, steps: list[Step]) -> None:
    branches = [getattr(node, name, None) or [] for name in ("body", "orelse", "finalbody")]
    branches[1:1] = [handler.body for handler in getattr(node, "handlers", [])]
    for branch in branches:
        if not branch:
            continue
        elif_ = (
            isinstance(node, ast.If)
            and branch is node.orelse
            and len(branch) == 1
            and isinstance(branch[0], ast.If)
        )
        if elif_ and branch[0].col_offset == node.col_offset:
            flatten(branch, place, parent, is_global, steps)
            continue
        block = Block(node, place.base, parent, first=branch[0])
        if isinstance(node, ast.For) and branch is node.body:
            block.keep = node.iter
            block.binds = frozenset(n.id for n in ast.walk(node.target) if isinstance(n, ast.Name))
        elif isinstance(node, ast.With):
            for item in node.items:
                if item.optional_vars is not None:
                    block.keep = item.context_expr
                    block.binds |= {n.id for n in ast.walk(item.optional_vars) if isinstance(n, ast.Name)}
        flatten(branch, place, block, is_global, steps)


def is_in(block: Block | None, outer: Block) -> bool:
    """Whether a block is `outer` or stands in it."""
    while block is not None and block is not outer:
        block = block.parent
    return block is outer


class Writer:
    """Puts statements together at their lines."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.source = lines
        self.out: dict[int, str] = {}
        self.entered: set[Block] = set()

    def headers(self, step: Step, kept: set[Block], parameters: set[str], values: Mapping[str, str]) -> None:
        """Opens the blocks around a step."""
        blocks: list[Block] = []
        block = step.block
        while block is not None:
            blocks.insert(0, block)
            block = block.parent
        for block in blocks:
            if block in self.entered:
                continue
            self.entered.add(block)
            node = block.node
            line = block.base + node.lineno - 1
            text = "if True:"
            if isinstance(node, ast.FunctionDef):
                text = (
                    f"def {FUNCTION}({', '.join(f'{name}={values[name]}' for name in sorted(parameters))}):"
                )
            elif block in kept and isinstance(node, ast.For):
                text = f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}:"
            elif block in kept and isinstance(node, ast.With):
                text = f"with {', '.join(ast.unparse(item) for item in node.items)}:"
            if block.first is not None and block.first is not getattr(node, "body", [None])[0]:
                # Another branch: its own line stands somewhere above its first statement.
                line = max(block.base + block.first.lineno - 2, line)
            indent = _indent(self.source[block.base + node.lineno - 1], node.col_offset)
            self.put(line, indent, text)

    def statement(self, step: Step, changes: Sequence[tuple[ast.AST, str]]) -> None:
        """A whole statement, in its place; other text for parts of it in `changes`."""
        self._segment(step, step.node, changes, brackets=False)

    def expression(self, step: Step, node: ast.expr, changes: Sequence[tuple[ast.AST, str]]) -> None:
        """An expression out of a statement, in its place."""
        if not hasattr(node, "lineno"):
            self.put(step.base + step.node.lineno - 1, self._indent_of(step), f"({ast.unparse(node)})")
            return
        self._segment(step, node, changes, brackets=True)

    def _indent_of(self, step: Step) -> str:
        return _indent(self.source[step.base + step.node.lineno - 1], step.node.col_offset)

    def _segment(
        self, step: Step, node: ast.AST, changes: Sequence[tuple[ast.AST, str]], brackets: bool
    ) -> None:
        first, last = step.base + node.lineno - 1, step.base + node.end_lineno - 1  # type: ignore[attr-defined]
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.decorator_list:
            first = step.base + node.decorator_list[0].lineno - 1
        lines = list(self.source[first : last + 1])
        edits = []
        for changed, new in changes:
            row = step.base + changed.lineno - 1 - first  # type: ignore[attr-defined]
            if 0 <= row < len(lines) and changed.lineno == changed.end_lineno:  # type: ignore[attr-defined]
                edits.append((row, changed.col_offset, changed.end_col_offset, new))  # type: ignore[attr-defined]
        lines[-1] = _cut(lines[-1], 0, node.end_col_offset)  # type: ignore[attr-defined]
        for row, start, end, new in sorted(edits, reverse=True):
            line = lines[row]
            if end <= len(line.encode("utf-8", "surrogatepass")):
                lines[row] = _cut(line, 0, start) + new + _cut(line, end, None)
        start = 0 if getattr(node, "decorator_list", None) else node.col_offset  # type: ignore[attr-defined]
        lines[0] = _cut(lines[0], start, None).lstrip(" \t\f")
        if brackets:
            lines[0] = "(" + lines[0]
            lines[-1] += ")"
        self.put(first, self._indent_of(step), lines[0])
        for number, line in enumerate(lines[1:], first + 1):
            self.out[number] = line

    def put(self, line: int, indent: str, text: str) -> None:
        """Text on a line, behind what is there already."""
        present = self.out.get(line)
        if present is None:
            self.out[line] = indent + text
        elif present.rstrip().endswith(":"):
            self.out[line] = f"{present} {text}"
        else:
            self.out[line] = f"{present}; {text}"

    def wrap(self, imports: Sequence[str]) -> None:
        """Make a function of it all, so that its names are its own."""
        self.out = {number: f"    {line}" for number, line in self.out.items()}
        self.out[min(self.out) - 1] = f"def {FUNCTION}():"
        if imports:
            self.out[0] = "; ".join(imports)

    def text(self) -> str:
        """The program."""
        last = max(self.out, default=-1)
        return "\n".join([self.out.get(number, "") for number in range(last + 1)]) + "\n"


def _indent(line: str, column: int) -> str:
    before = line.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore")
    return before if not before.strip(" \t\f") else before[: len(before) - len(before.lstrip(" \t\f"))]


def _cut(line: str, start: int, end: int | None) -> str:
    """A part of a line by UTF-8 offsets."""
    if line.isascii():
        return line[start:end]
    return line.encode("utf-8", "surrogatepass")[start:end].decode("utf-8", "surrogatepass")
