"""A module: one document seen as a namespace.

Facts are gathered statement by statement and kept with the `Statement` object, so an edit inside one
statement costs nothing for the others. Imports are noted here and followed by the project alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias
from weakref import WeakKeyDictionary

from kerascope.project.meaning import ClassDefinition, FunctionDefinition, Library, Meaning, ValueDefinition
from kerascope.source.document import Document
from kerascope.source.frozen import frozen
from kerascope.source.statement import Statement


@frozen
class Imported:
    """`from {level dots}{module} import {name}`; `name` None: the module itself, "*": all of it."""

    module: str
    level: int = 0
    name: str | None = None


@frozen
class ClassPiece:
    """A class that is a statement of its own, the `ordinal`-th of its name.

    It is known by its header, not by its body: whoever needs the body asks for single members.
    """

    ordinal: int
    header: str


@dataclass(frozen=True, slots=True)
class FunctionPiece:
    """A function that is a statement of its own."""


@dataclass(frozen=True, slots=True)
class Defined:
    """A class or function inside an `if`, `try` or the like."""

    node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Assigned:
    """`name = value`."""

    value: ast.expr


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """Bound in a way that can't be followed: a loop's target, `with … as`, an unpacking, `global` in a
    function."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """`del name`."""


Source: TypeAlias = Imported | ClassPiece | FunctionPiece | Defined | Assigned | Unfollowed | Deleted


@frozen
class Binding:
    """One way in which a name gets its value.

    `certain`: it happens whenever the module is run, and replaces whatever the name meant before. `statement`
    is the piece in which it stands; None for a class that is a piece of its own, since a class changes with
    every edit of its body while the binding stays.
    """

    name: str
    source: Source
    certain: bool
    statement: Statement | None


ClassPath: TypeAlias = tuple[tuple[str, int], ...]
"""Where a class stands: for each level of nesting its name, and which of the classes of that name it is."""


# --- facts of one statement ---

_members: WeakKeyDictionary[Statement, Mapping[str, tuple[Statement, ...]]] = WeakKeyDictionary()
_GLOBAL = re.compile(r"^[ \t]*global[ \t]+\w+[ \t]*(?:,[ \t\w,]*)?(?:[#;].*)?\r?$", re.MULTILINE)
_UNFOLLOWED = Unfollowed()


def bindings_of(statement: Statement) -> tuple[Binding, ...]:
    """What a top-level statement binds; for a class only the globals that its methods write."""
    try:
        return tuple(_statement_bindings(statement))
    except RecursionError:
        # Nested deeper than Python itself would take.
        return ()


def _statement_bindings(statement: Statement) -> Iterator[Binding]:
    if statement.kind in ("class", "function"):
        if statement.kind == "function" and statement.name is not None:
            yield Binding(statement.name, FunctionPiece(), True, statement)
        if "global" in statement.text and _GLOBAL.search(statement.text):
            for name in sorted(set(_globals_written(statement))):
                yield Binding(name, _UNFOLLOWED, False, statement)
        return
    for name, source, certain in _block(statement.nodes):
        yield Binding(name, source, certain, statement)
    if ":=" in statement.text:
        for node in statement.nodes:
            for inner in ast.walk(node):
                if isinstance(inner, ast.NamedExpr):
                    yield Binding(inner.target.id, _UNFOLLOWED, False, statement)


def _globals_written(statement: Statement) -> Iterator[str]:
    for piece in (statement, *statement.body):
        if piece.kind == "class" and piece is not statement:
            yield from _globals_written(piece)
        elif _GLOBAL.search(piece.text):
            for node in piece.nodes:
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Global):
                        yield from inner.names


_Found: TypeAlias = tuple[str, Source, bool]


def _block(nodes: Sequence[ast.stmt]) -> list[_Found]:
    """What a run of statements binds in the end: what a later one certainly replaces is left out."""
    found: list[_Found] = []
    for node in nodes:
        for name, source, certain in _node_bindings(node):
            if certain and name != "*":
                found = [other for other in found if other[0] != name]
            found.append((name, source, certain))
    return found


def _node_bindings(node: ast.stmt) -> Iterator[_Found]:
    match node:
        case ast.If():
            yield from _branches(list(_alternatives(node)))
        case ast.Try():
            yield from _branches([[*node.body, *node.orelse], *(handler.body for handler in node.handlers)])
            yield from _block(node.finalbody)
        case ast.For() | ast.AsyncFor() | ast.While():
            for name, source in bound_by(node):
                yield name, source, False
            yield from _branches([[*node.body, *node.orelse], []])
        case ast.With() | ast.AsyncWith():
            for name, source in bound_by(node):
                yield name, source, True
            yield from _block(node.body)
        case ast.Match():
            yield from _branches([*(case.body for case in node.cases), []])
        case _ if type(node).__name__ == "TryStar":
            yield from _branches(list(_blocks(node)))
        case _:
            for name, source in bound_by(node):
                yield name, source, True


def _alternatives(node: ast.If) -> Iterator[list[ast.stmt]]:
    """The bodies of an `if`, its `elif`s (there may be thousands) and its `else`, but those of `if False`."""
    while True:
        if not (isinstance(node.test, ast.Constant) and not node.test.value):
            yield node.body
        if len(node.orelse) != 1 or not isinstance(node.orelse[0], ast.If):
            break
        node = node.orelse[0]
    yield node.orelse


def _branches(branches: Sequence[Sequence[ast.stmt]]) -> Iterator[_Found]:
    """What alternatives bind. A name bound by all of them loses its earlier meaning, else it keeps that."""
    found = [_block(branch) for branch in branches]
    ending = (ast.Raise, ast.Return, ast.Continue, ast.Break)
    passing = [
        {name for name, _, certain in bound if certain}
        for branch, bound in zip(branches, found, strict=True)
        if not (branch and isinstance(branch[-1], ending))
    ]
    everywhere = set.intersection(*passing) if passing else set()
    for bound in found:
        for name, source, _ in bound:
            yield name, source, name in everywhere
            everywhere.discard(name)


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks of statements inside a compound statement (not those of a function or class)."""
    for field in ("body", "orelse", "finalbody"):
        yield getattr(node, field, [])
    for field in ("handlers", "cases"):
        for inner in getattr(node, field, []):
            yield inner.body


def bound_by(node: ast.stmt) -> Iterator[tuple[str, Source]]:
    """The names that one statement binds by itself, blocks inside it left out."""
    match node:
        case ast.Import():
            for alias in node.names:
                if alias.asname:
                    yield alias.asname, Imported(alias.name)
                else:
                    top = alias.name.partition(".")[0]
                    yield top, Imported(top)
        case ast.ImportFrom():
            for alias in node.names:
                yield alias.asname or alias.name, Imported(node.module or "", node.level, alias.name)
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            yield node.name, Defined(node)
        case ast.Assign():
            for target in node.targets:
                yield from _assigned(target, node.value)
        case ast.AnnAssign():
            if node.value is not None:
                yield from _assigned(node.target, node.value)
        case ast.AugAssign():
            yield from _assigned(node.target, None)
        case ast.For() | ast.AsyncFor():
            yield from _assigned(node.target, None)
        case ast.With() | ast.AsyncWith():
            for item in node.items:
                if item.optional_vars is not None:
                    yield from _assigned(item.optional_vars, None)
        case ast.Delete():
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, Deleted()
        case _ if type(node).__name__ == "TypeAlias":
            yield from _assigned(node.name, node.value)  # type: ignore[attr-defined]


def _assigned(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, Source]]:
    match target:
        case ast.Name():
            yield target.id, _UNFOLLOWED if value is None else Assigned(value)
        case ast.Starred():
            yield from _assigned(target.value, None)
        case ast.Tuple() | ast.List():
            values: Sequence[ast.expr | None] = [None] * len(target.elts)
            if (
                isinstance(value, ast.Tuple | ast.List)
                and len(value.elts) == len(target.elts)
                and not any(isinstance(item, ast.Starred) for item in (*value.elts, *target.elts))
            ):
                values = value.elts
            for inner, inner_value in zip(target.elts, values, strict=True):
                yield from _assigned(inner, inner_value)


# --- members of a class ---


def member_pieces(statement: Statement) -> Mapping[str, tuple[Statement, ...]]:
    """For each name that the body of a class (a statement of its own) binds, the pieces that bind it, in
    order."""
    found = _members.get(statement)
    if found is None:
        pieces: dict[str, list[Statement]] = {}
        for piece in statement.body:
            names = [piece.name] if piece.name is not None and not piece.stale else body_names(piece.nodes)
            for name in dict.fromkeys(names):
                pieces.setdefault(name, []).append(piece)
        found = _members[statement] = {name: tuple(them) for name, them in pieces.items()}
    return found


def member_nodes(nodes: Sequence[ast.stmt], name: str) -> list[ast.stmt]:
    """The statements among `nodes`, and inside their `if`, `try` and the like, that bind `name`."""
    found: dict[ast.stmt, None] = {node: None for bound, node in _body_names(nodes) if bound == name}
    return list(found)


def body_names(nodes: Sequence[ast.stmt]) -> list[str]:
    """The names that the statements of a class body bind, declared ones included, each once."""
    return list(dict.fromkeys(name for name, _ in _body_names(nodes)))


def _body_names(nodes: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    waiting = list(reversed(nodes))
    while waiting:
        node = waiting.pop()
        for name, _ in bound_by(node):
            yield name, node
        if isinstance(node, ast.AnnAssign) and node.value is None and isinstance(node.target, ast.Name):
            yield node.target.id, node
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += reversed([inner for block in _blocks(node) for inner in block])


# --- the module ---


class Namespace:
    """All bindings of a module. Kept from version to version while no binding changes, so `is` tells whether
    any did."""

    def __init__(self, key: tuple[object, ...], bound: Mapping[Statement, tuple[Binding, ...]]) -> None:
        self.key = key
        self._bound = bound
        self._by_name: dict[str, list[tuple[int, Binding]]] = {}
        self._stars: list[tuple[int, Binding]] = []
        ordinals: dict[str, int] = {}
        order = 0
        for statement, bindings in bound.items():
            if statement.kind == "class" and statement.name is not None:
                name = statement.name
                ordinal = ordinals[name] = ordinals.get(name, -1) + 1
                bindings = (Binding(name, ClassPiece(ordinal, statement.header), True, None), *bindings)
            for binding in bindings:
                order += 1
                if binding.name == "*":
                    self._stars.append((order, binding))
                else:
                    self._by_name.setdefault(binding.name, []).append((order, binding))

    @classmethod
    def of(cls, statements: Sequence[Statement], previous: Namespace | None) -> Namespace:
        """The namespace of a module's statements; `previous` itself where nothing changed."""
        # Kept with the version, not for good: a binding holds its statement, so neither would ever go.
        known = previous._bound if previous is not None else {}
        bound = {
            statement: bindings_of(statement) if (kept := known.get(statement)) is None else kept
            for statement in statements
        }
        key = tuple(
            (statement.name, statement.header, tuple(binding.name for binding in bindings))
            if statement.kind == "class"
            else statement
            for statement, bindings in bound.items()
            if statement.kind == "class" or bindings
        )
        if previous is None or previous.key != key:
            return cls(key, bound)
        previous._bound = bound
        return previous

    def bindings(self, name: str) -> tuple[Binding, ...]:
        """What can bind `name`, from its last certain binding on, in order; star imports (named "*")
        included."""
        found: list[tuple[int, Binding]] = []
        for order, binding in self._by_name.get(name, ()):
            if binding.certain:
                found = []
            if not isinstance(binding.source, Deleted):
                found.append((order, binding))
        since = found[0][0] if found and found[0][1].certain else 0
        stars = [entry for entry in self._stars if entry[0] > since]
        if stars:
            found = sorted([*found, *stars], key=lambda entry: entry[0])
        return tuple(binding for _, binding in found)

    def names(self) -> Mapping[str, Sequence[tuple[int, Binding]]]:
        """The bindings of each name, star imports left out."""
        return self._by_name

    def stars(self) -> tuple[Binding, ...]:
        """The star imports, in order."""
        return tuple(binding for _, binding in self._stars)


class Module:
    """The names that one document binds at module level.

    A `Module` belongs to one `Document` version. `name` is its dotted name ("pkg.sub.mod"; for a file
    outside every package, its stem), `is_package` whether it is an `__init__.py`. Modules of the same path
    are equal: definitions that an edit didn't touch stay equal over it.
    """

    def __init__(
        self, document: Document, name: str, is_package: bool = False, previous: Module | None = None
    ) -> None:
        """`previous`: the module of an earlier version of the document, whose facts are shared."""
        self.document = document
        self.path = document.path
        self.name = name
        self.is_package = is_package
        self._previous_namespace = previous.known_namespace if previous is not None else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Module) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"Module({self.name!r}, {self.path!r})"

    @cached_property
    def namespace(self) -> Namespace:
        """Every binding at module level."""
        made = Namespace.of(self.document.statements, self._previous_namespace)
        self._previous_namespace = None
        return made

    @property
    def known_namespace(self) -> Namespace | None:
        """The namespace if it was ever asked for, else that of the version before."""
        made: Namespace | None = self.__dict__.get("namespace")
        return self._previous_namespace if made is None else made

    def own_meanings(self, name: str) -> tuple[Meaning, ...]:
        """What this module's own statements (imports not followed) can bind `name` to: several for
        conditional definitions, `()` where nothing binds it. An import is a `Library` by its dotted name."""
        found: list[Meaning] = []
        for binding in self.namespace.bindings(name):
            if isinstance(binding.source, Unfollowed):
                return ()
            if isinstance(binding.source, Imported):
                dotted = self.absolute(binding.source)
                if dotted is not None and binding.name != "*":
                    found.append(Library(dotted))
            else:
                definition = self.definition(binding)
                if definition is not None:
                    found.append(definition)
        return tuple(found)

    def names(self) -> Mapping[str, object]:
        """All names bound at module level."""
        return self.namespace.names()

    def absolute(self, imported: Imported) -> str | None:
        """The absolute dotted name of an import; None for a relative one that leaves the package."""
        parts: list[str] = []
        if imported.level:
            package = self.name.split(".") if self.is_package else self.name.split(".")[:-1]
            keep = len(package) - imported.level + 1
            if keep < 0 or (keep == 0 and not imported.module):
                return None
            parts += package[:keep]
        if imported.module:
            parts.append(imported.module)
        if imported.name not in (None, "*"):
            parts.append(str(imported.name))
        return ".".join(parts)

    def definition(self, binding: Binding) -> ClassDefinition | FunctionDefinition | ValueDefinition | None:
        """The class, function or value behind a binding that is no import."""
        source, statement = binding.source, binding.statement
        if isinstance(source, ClassPiece):
            return self.class_at(((binding.name, source.ordinal),))
        if statement is None:
            return None
        if isinstance(source, Assigned):
            return ValueDefinition(self, statement, source.value)
        node: ast.stmt | None = None
        if isinstance(source, Defined):
            node = source.node
        elif isinstance(source, FunctionPiece):
            node = next((n for n in statement.nodes if getattr(n, "name", None) == binding.name), None)
        if isinstance(node, ast.ClassDef):
            return ClassDefinition(self, statement, node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return FunctionDefinition(self, statement, node)
        return None

    def class_statement(self, where: ClassPath) -> Statement | None:
        """The statement of the class at `where`."""
        return self._classes.get(where)

    def class_at(self, where: ClassPath) -> ClassDefinition | None:
        """The class at `where`, if its header ever parsed."""
        statement = self.class_statement(where)
        if statement is not None:
            for node in statement.nodes:
                if isinstance(node, ast.ClassDef):
                    return ClassDefinition(self, statement, node)
        return None

    def class_path(self, statement: Statement) -> ClassPath | None:
        """Where the class stands whose statement this is; None if this version has no such class piece."""
        return self._class_paths.get(statement)

    @cached_property
    def _class_paths(self) -> Mapping[Statement, ClassPath]:
        return {statement: where for where, statement in self._classes.items()}

    @cached_property
    def _classes(self) -> Mapping[ClassPath, Statement]:
        found: dict[ClassPath, Statement] = {}

        def enter(pieces: Sequence[Statement], above: ClassPath) -> None:
            ordinals: dict[str, int] = {}
            for piece in pieces:
                if piece.kind == "class" and piece.name is not None:
                    ordinals[piece.name] = ordinals.get(piece.name, -1) + 1
                    where = (*above, (piece.name, ordinals[piece.name]))
                    found[where] = piece
                    enter(piece.body, where)

        enter(self.document.statements, ())
        return found
