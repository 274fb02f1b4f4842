"""Real source files, the correct layers in them, and how a defect is planted into their text."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

HERE = "\0"
"""Stands in a mutated text where the defect is to be reported."""

WITH_WEIGHTS = frozenset(
    (
        "BatchNormalization",
        "CachedMultiHeadAttention",
        "Conv1D",
        "Conv2D",
        "Conv2DTranspose",
        "Conv3D",
        "Dense",
        "DepthwiseConv2D",
        "EinsumDense",
        "Embedding",
        "GRU",
        "GroupNormalization",
        "GroupedQueryAttention",
        "LSTM",
        "LayerNormalization",
        "MultiHeadAttention",
        "PositionEmbedding",
        "RMSNormalization",
        "ReversibleEmbedding",
        "SeparableConv2D",
        "TokenAndPositionEmbedding",
        "TransformerDecoder",
        "TransformerEncoder",
    )
)


@dataclass(frozen=True)
class Held:
    """`self.name = Layer(…)` in a method of a layer class whose `call` calls it."""

    cls: ast.ClassDef
    method: ast.FunctionDef
    statement: ast.Assign
    name: str

    @property
    def value(self) -> ast.Call:
        assert isinstance(self.statement.value, ast.Call)
        return self.statement.value


class Source:
    """A file, and its text after edits."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.text = path.read_text("utf-8")
        self.tree = ast.parse(self.text)
        self._starts = [0]
        for line in self.text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def start(self, node: ast.AST) -> int:
        return self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        return self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def of(self, node: ast.AST) -> str:
        return self.text[self.start(node) : self.end(node)]

    def indent(self, statement: ast.stmt) -> str:
        return " " * statement.col_offset

    def edited(self, *edits: tuple[ast.AST | int, str]) -> str:
        """Nodes replaced by texts, and texts put in at places."""
        text = self.text
        spans = [
            (node, node, new) if isinstance(node, int) else (self.start(node), self.end(node), new)
            for node, new in edits
        ]
        for start, end, new in sorted(spans, key=lambda span: span[:2], reverse=True):
            text = text[:start] + new + text[end:]
        return text

    @cached_property
    def classes(self) -> list[ast.ClassDef]:
        """The classes with a `call`."""
        return [node for node in self.tree.body if isinstance(node, ast.ClassDef) and method(node, "call")]

    @cached_property
    def held(self) -> list[Held]:
        found = []
        for cls in self.classes:
            call = method(cls, "call")
            assert call is not None
            called = {attribute(node.func) for node in ast.walk(call) if isinstance(node, ast.Call)}
            for name in ("__init__", "build"):
                inside = method(cls, name)
                for node in ast.walk(inside) if inside is not None else ():
                    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
                        continue
                    target = attribute(node.targets[0])
                    if target in called and target is not None and last_name(node.value) in WITH_WEIGHTS:
                        found.append(Held(cls, inside, node, target))  # type: ignore[arg-type]
        once = [(held.cls, held.name) for held in found]
        return [held for held in found if once.count((held.cls, held.name)) == 1]

    def uses(self, held: Held) -> list[ast.Attribute]:
        """Every other `self.name`."""
        return [
            node
            for node in ast.walk(held.cls)
            if isinstance(node, ast.Attribute)
            and attribute(node) == held.name
            and node is not held.statement.targets[0]
        ]

    def weights(self) -> Iterator[tuple[ast.ClassDef, ast.Assign, ast.Call, str]]:
        """`self.name = self.add_weight(…)` in `build`, of which `call` reads the name."""
        for cls in self.classes:
            build, call = method(cls, "build"), method(cls, "call")
            assert call is not None
            read = {attribute(node) for node in ast.walk(call)}
            for node in ast.walk(build) if build is not None else ():
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                    name = attribute(node.targets[0])
                    if attribute(node.value.func) == "add_weight" and name in read and name is not None:
                        yield cls, node, node.value, name

    def end_of_imports(self) -> int:
        """Where a class or function may be put in."""
        first = next(n for n in self.tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef))
        return self.start(first.decorator_list[0]) - 1 if first.decorator_list else self.start(first)


def method(cls: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    return next((n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == name), None)


def attribute(node: ast.AST) -> str | None:
    """The name in `self.name`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return node.attr
    return None


def last_name(call: ast.Call) -> str | None:
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", None)


Text = str
Plant = Callable[[Source], Iterator[Text]]
KINDS: dict[str, tuple[str, Plant]] = {}


def register(name: str, code: str, plant: Plant) -> None:
    KINDS[name] = (code, plant)


def kind(code: str) -> Callable[[Plant], Plant]:
    def note(plant: Plant) -> Plant:
        register(plant.__name__, code, plant)
        return plant

    return note


def builds(held: Held) -> list[ast.Expr]:
    """The statements `self.name.build(…)` in `build`."""
    build = method(held.cls, "build")
    return [
        node
        for node in (ast.walk(build) if build is not None else ())
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == "build"
        and attribute(node.value.func.value) == held.name
    ]


def calls_of(held: Held, where: str = "call") -> list[ast.Call]:
    inside = method(held.cls, where)
    return [
        node
        for node in (ast.walk(inside) if inside is not None else ())
        if isinstance(node, ast.Call) and attribute(node.func) == held.name
    ]


def under_a_condition(held: Held, call: ast.Call) -> bool:
    return any(
        isinstance(node, ast.If | ast.IfExp | ast.While) and any(inner is call for inner in ast.walk(node))
        for node in ast.walk(held.cls)
    )


def makes_a_layer(value: ast.expr, inside: ast.FunctionDef | None) -> bool:
    """Whether it is `Dense(…)`, or a variable that got one."""
    if isinstance(value, ast.Call):
        return last_name(value) in WITH_WEIGHTS
    return inside is not None and any(
        isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(value, ast.Name)
        and node.targets[0].id == value.id
        and isinstance(node.value, ast.Call)
        and last_name(node.value) in WITH_WEIGHTS
        for node in ast.walk(inside)
    )


def is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
