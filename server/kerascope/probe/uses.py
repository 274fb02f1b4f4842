"""What a piece of code asks of its module: the global names that it uses, and those that it changes in place.

A use is a dotted name as far as it is written ("keras.layers.Dense"), so that of a module only the names
behind the dot are needed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias
from weakref import WeakKeyDictionary

from kerascope.project.module import Imported
from kerascope.source.statement import Statement
from kerascope.tracking.classes import dotted_name

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

CHANGING = frozenset({
    "__setitem__", "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert",
    "pop", "popitem", "register", "remove", "reverse", "set", "setdefault", "sort", "update",
})  # fmt: skip
"""Methods that change what they are called on."""


@dataclass
class Uses:
    """`names`: used wherever in the code, `at_once`: those of them that aren't used in functions alone.
    `annotations`: used in annotations only, which may never be evaluated. `changed`: changed in place by the
    code itself, `changed_later`: by functions in it. `imports`: made inside functions. `everything`: looks
    names up by `globals()` or the like."""

    names: set[str] = field(default_factory=set)
    at_once: set[str] = field(default_factory=set)
    annotations: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    changed_later: set[str] = field(default_factory=set)
    imports: list[Imported] = field(default_factory=list)
    everything: bool = False

    def add(self, other: Uses) -> None:
        self.names |= other.names
        self.at_once |= other.at_once
        self.annotations |= other.annotations
        self.changed |= other.changed
        self.changed_later |= other.changed_later
        self.imports += other.imports
        self.everything |= other.everything


_of_statement: WeakKeyDictionary[Statement, Uses] = WeakKeyDictionary()


def uses_of(statement: Statement) -> Uses:
    """The uses of a whole piece, kept with it; of a class, with its members."""
    known = _of_statement.get(statement)
    if known is None:
        known = uses_in(statement.nodes)
        for piece in statement.body:
            known.add(uses_of(piece))
        _of_statement[statement] = known
    return known


def uses_in(nodes: Iterable[ast.AST], without: frozenset[ast.AST] = frozenset()) -> Uses:
    """The uses of some nodes, parts of them left out."""
    found = Uses()
    collector = _Collector(found, without)
    try:
        for node in nodes:
            collector.visit(node, frozenset(), False)
    except RecursionError:
        found.everything = True
    return found


class _Collector:
    """Walks code with the names that its functions hide."""

    def __init__(self, found: Uses, without: frozenset[ast.AST]) -> None:
        self.found = found
        self.without = without

    def visit(self, node: ast.AST, hidden: frozenset[str], inside: bool) -> None:
        """`hidden`: local names of the functions around; `inside`: in one."""
        if node in self.without:
            return
        match node:
            case ast.Name(id=name):
                if name not in hidden and isinstance(node.ctx, ast.Load):
                    self.use(name, inside)
                    if name == "globals":
                        self.found.everything = True
                return
            case ast.Attribute():
                if isinstance(node.ctx, ast.Store | ast.Del):
                    self.change(node.value, hidden, inside)
                dotted = dotted_name(node)
                if dotted is None:
                    self.visit(node.value, hidden, inside)
                elif dotted.partition(".")[0] not in hidden:
                    self.use(dotted, inside)
                return
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                self.change(node.value, hidden, inside)
            case ast.AugAssign(target=ast.Name(id=name)):
                if name not in hidden:
                    self.use(name, inside)
                    self.change(node.target, hidden, inside)
            case ast.Call():
                self.call(node, hidden, inside)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.function(node, hidden, inside)
                return
            case ast.Lambda():
                self.each([*node.args.defaults, *[d for d in node.args.kw_defaults if d]], hidden, inside)
                self.visit(node.body, hidden | _parameters(node.args), True)
                return
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                hidden |= {
                    inner.id
                    for generator in node.generators
                    for inner in ast.walk(generator.target)
                    if isinstance(inner, ast.Name)
                }
            case ast.AnnAssign():
                if not inside:
                    self.annotation(node.annotation, hidden)
                self.visit(node.target, hidden, inside)
                if node.value is not None:
                    self.visit(node.value, hidden, inside)
                return
            case ast.Import():
                if inside:
                    self.found.imports += [Imported(alias.name) for alias in node.names]
                return
            case ast.ImportFrom():
                if inside:
                    self.found.imports += [
                        Imported(node.module or "", node.level, alias.name) for alias in node.names
                    ]
                return
        for child in ast.iter_child_nodes(node):
            self.visit(child, hidden, inside)

    def use(self, dotted: str, inside: bool) -> None:
        self.found.names.add(dotted)
        if not inside:
            self.found.at_once.add(dotted)

    def each(self, nodes: Sequence[ast.AST], hidden: frozenset[str], inside: bool) -> None:
        for node in nodes:
            self.visit(node, hidden, inside)

    def function(self, node: FunctionNode, hidden: frozenset[str], inside: bool) -> None:
        arguments = node.args
        self.each(node.decorator_list, hidden, inside)
        self.each([*arguments.defaults, *[d for d in arguments.kw_defaults if d]], hidden, inside)
        for annotated in (*_all_parameters(arguments), node):
            annotation = annotated.annotation if isinstance(annotated, ast.arg) else annotated.returns
            if annotation is not None:
                self.annotation(annotation, hidden)
        hidden |= local_names(node)
        self.each(node.body, hidden, True)

    def annotation(self, node: ast.expr, hidden: frozenset[str]) -> None:
        collected = Uses()
        _Collector(collected, self.without).visit(node, hidden, True)
        self.found.annotations |= collected.names

    def call(self, node: ast.Call, hidden: frozenset[str], inside: bool) -> None:
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr in CHANGING:
            self.change(func.value, hidden, inside)
        elif isinstance(func, ast.Name) and func.id in ("setattr", "delattr") and node.args:
            self.change(node.args[0], hidden, inside)
        elif dotted_name(func) in ("importlib.import_module", "import_module") and node.args:
            named = node.args[0]
            if isinstance(named, ast.Constant) and isinstance(named.value, str):
                self.found.imports.append(Imported(named.value))

    def change(self, node: ast.expr, hidden: frozenset[str], inside: bool) -> None:
        """`node` names what is changed: `REGISTRY`, `Foo.registry["a"]`, `vars(Foo)`."""
        while isinstance(node, ast.Subscript | ast.Attribute | ast.Call):
            if isinstance(node, ast.Call):
                if not (isinstance(node.func, ast.Attribute) or node.args):
                    return
                node = node.func if isinstance(node.func, ast.Attribute) else node.args[0]
            elif (dotted := dotted_name(node)) is not None:
                if dotted.partition(".")[0] not in hidden:
                    (self.found.changed_later if inside else self.found.changed).add(dotted)
                return
            else:
                node = node.value
        if isinstance(node, ast.Name) and node.id not in hidden:
            (self.found.changed_later if inside else self.found.changed).add(node.id)


def local_names(node: FunctionNode) -> frozenset[str]:
    """The names that are local to a function."""
    found = set(_parameters(node.args))
    declared: set[str] = set()
    for inner in _own_nodes(node.body):
        match inner:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Import() | ast.ImportFrom():
                found |= {alias.asname or alias.name.partition(".")[0] for alias in inner.names}
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                found.add(name)
            case ast.MatchMapping(rest=str(name)):
                found.add(name)
            case ast.Global(names=names):
                declared.update(names)
    return frozenset(found - declared)


def _own_nodes(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """The nodes in a function's own scope; of comprehensions only what they assign outside."""
    waiting: list[tuple[ast.AST, bool]] = [(node, False) for node in nodes]
    while waiting:
        node, comprehended = waiting.pop()
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            comprehended = True
        if not comprehended:
            yield node
        elif isinstance(node, ast.NamedExpr):
            yield node.target
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += [(child, comprehended) for child in ast.iter_child_nodes(node)]


def _all_parameters(arguments: ast.arguments) -> list[ast.arg]:
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [*found, *(each for each in (arguments.vararg, arguments.kwarg) if each is not None)]


def _parameters(arguments: ast.arguments) -> frozenset[str]:
    return frozenset(each.arg for each in _all_parameters(arguments))


@lru_cache(maxsize=256)
def uses_of_text(text: str) -> Uses:
    """The uses of a text: the arguments of a call, an expression, or a program. Names that a program itself
    binds are left out."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        try:
            tree = ast.parse(f"f({text}\n)")
        except SyntaxError:
            return Uses()
        found = uses_in(tree.body)
        found.names.discard("f")
        return found
    found = uses_in(tree.body)
    bound: set[str] = set()
    for inner in _own_nodes(tree.body):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            bound.add(inner.id)
        elif isinstance(inner, ast.Import):
            bound |= {alias.asname or alias.name.partition(".")[0] for alias in inner.names}
            found.imports += [Imported(alias.name) for alias in inner.names]
        elif isinstance(inner, ast.ImportFrom):
            bound |= {alias.asname or alias.name for alias in inner.names}
            found.imports += [Imported(inner.module or "", inner.level, alias.name) for alias in inner.names]
    found.names = {name for name in found.names if name.partition(".")[0] not in bound}
    return found
