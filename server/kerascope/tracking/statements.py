"""Statements: assignments, branches, loops, definitions and imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Sequence

from kerascope.project.meaning import (
    ClassDefinition,
    Library,
    Meaning,
)
from kerascope.tracking.classes import dotted_name
from kerascope.tracking.events import (
    AttributeDeleted,
    ContainerWrite,
    StoredOutside,
)
from kerascope.tracking.instances import narrowed
from kerascope.tracking.machine import (
    KERAS_LISTS,
    Flow,
    Frame,
    Machine,
)
from kerascope.tracking.values import (
    UNKNOWN,
    ClassValue,
    Constant,
    Container,
    Item,
    Layer,
    LibraryValue,
    ModuleValue,
    Plain,
    Tensor,
    Value,
    join,
    options,
)


class Statements(Machine):
    """Runs statements."""

    def block(self, frame: Frame, body: Sequence[ast.stmt]) -> Flow:
        """Run statements in order, until one of them leaves the block."""
        for node in body:
            flow = self.statement(frame, node)
            if flow is not None:
                return flow
        return None

    def statement(self, frame: Frame, node: ast.stmt) -> Flow:
        self.steps += 1
        if self.steps > self.max_steps:
            self.out_of_steps()
        run = _RUN.get(type(node))
        if run is None:
            return None
        outer, frame.current = frame.current, node
        try:
            return run(self, frame, node)
        finally:
            frame.current = outer

    def _Expr(self, frame: Frame, node: ast.Expr) -> Flow:
        self.value(frame, node.value)
        return None

    def _Return(self, frame: Frame, node: ast.Return) -> Flow:
        frame.returned.append(self.value(frame, node.value) if node.value is not None else Constant(None))
        return "return"

    def _Raise(self, frame: Frame, node: ast.Raise) -> Flow:
        return "raise"

    def _Break(self, frame: Frame, node: ast.Break) -> Flow:
        return "break"

    def _Continue(self, frame: Frame, node: ast.Continue) -> Flow:
        return "continue"

    def _Global(self, frame: Frame, node: ast.Global | ast.Nonlocal) -> Flow:
        frame.outer_names.update(node.names)
        return None

    _Nonlocal = _Global

    def _Assign(self, frame: Frame, node: ast.Assign) -> Flow:
        value = self.value(frame, node.value)
        for target in node.targets:
            self.assign(frame, target, value)
        return None

    def _AnnAssign(self, frame: Frame, node: ast.AnnAssign) -> Flow:
        if node.value is not None:
            self.assign(frame, node.target, self.value(frame, node.value))
        return None

    def _AugAssign(self, frame: Frame, node: ast.AugAssign) -> Flow:
        added = self.value(frame, node.value)
        target = node.target
        if isinstance(target, ast.Attribute) and target.attr in KERAS_LISTS:
            for owner in options(self.value(frame, target.value)):
                if isinstance(owner, Layer) and not self.defines(owner, target.attr):
                    self.private_list(frame, node, owner, target.attr, "+=", [added], [node.value])
                    return None
        load: ast.expr = target
        present = self.value(frame, load)
        operation = {ast.Add: "+=", ast.BitOr: "|=", ast.Mult: "*="}.get(type(node.op), "op=")
        results: list[Value] = []
        for option in options(present):
            if isinstance(option, Container) and operation in ("+=", "|="):
                added = self.iterated(frame, node, added)
                items = self.elements(added)
                values = [item.value for item in items]
                self.events.append(
                    ContainerWrite(self.context(frame, node), option, operation, tuple(values), target)
                )
                self.keras.write(option, operation, values)
                option.items.extend(items)
                option.open = option.open or self.is_open(added)
                results.append(option)
            else:
                results.append(self.combined(frame, node, node.op, option, added, in_place=True))
        self.assign(frame, target, join(results))
        return None

    def _Delete(self, frame: Frame, node: ast.Delete) -> Flow:
        for target in node.targets:
            if isinstance(target, ast.Attribute):
                for owner in options(self.value(frame, target.value)):
                    if isinstance(owner, (Layer, Plain)) and target.attr in owner.attributes:
                        self.events.append(AttributeDeleted(self.context(frame, node), owner, target.attr))
                        self.put(owner.attributes, target.attr, UNKNOWN)
        return None

    def _If(self, frame: Frame, node: ast.If) -> Flow:
        test = self.value(frame, node.test)
        truth = self.truth(test)
        if truth is None and _is_type_checking(node.test):
            truth = True

        if truth is not None:
            with self.guarded(frame, node.test, True):
                return self.block(frame, node.body if truth else node.orelse)
        tested, assigned = narrowed(self, frame, node.test), False

        def run(body: Sequence[ast.stmt], value: Value) -> Callable[[], Flow]:
            def go() -> Flow:
                nonlocal assigned
                with self.guarded(frame, node.test, False):
                    if tested is None:
                        return self.block(frame, body)
                    self.put(frame.scope, tested.name, value)
                    flow = self.block(frame, body)
                    if frame.scope.get(tested.name) is value:
                        self.put(frame.scope, tested.name, tested.before)
                    else:
                        assigned = True
                    return flow

            return go

        holds, fails = (tested.holds, tested.fails) if tested is not None else (UNKNOWN, UNKNOWN)
        flow = self.alternatives([run(node.body, holds), run(node.orelse, fails)])
        flows = self.flows
        if flow is None and any(left is not None and left != "raise" for left in flows):
            # What follows an early leave runs only where the condition let it.
            frame.guards = (*frame.guards, node.test)
            frame.conditional = True
        if tested is not None and not assigned and flow is None and None in flows and flows != (None, None):
            self.put(frame.scope, tested.name, holds if flows[0] is None else fails)
        return flow

    def _While(self, frame: Frame, node: ast.While) -> Flow:
        truth = self.truth(self.value(frame, node.test))
        if truth is False:
            return self.block(frame, node.orelse)

        def turn() -> Flow:
            with self.guarded(frame, node.test, truth is not None, loop=True):
                flow = self.block(frame, node.body)
            return flow if flow == "return" else None

        if truth:
            return turn()
        return self.alternatives([turn, lambda: None])

    def _For(self, frame: Frame, node: ast.For | ast.AsyncFor) -> Flow:
        iterable = self.iterated(frame, node.iter, self.value(frame, node.iter))
        flow: Flow = None
        for item, loop in self.turns(frame, node.iter, iterable):
            with self.guarded(frame, None, True, loop=loop):
                self.assign(frame, node.target, item)
                flow = self.block(frame, node.body)
            if flow in ("break", "return", "raise"):
                break
        if flow in ("return", "raise"):
            # The loop may have had no turn at all, or not this one.
            return None
        return self.block(frame, node.orelse) if flow != "break" else None

    _AsyncFor = _For

    def _With(self, frame: Frame, node: ast.With | ast.AsyncWith) -> Flow:
        for item in node.items:
            value = self.value(frame, item.context_expr)
            if item.optional_vars is not None:
                self.assign(frame, item.optional_vars, value if isinstance(value, Layer) else UNKNOWN)
        return self.block(frame, node.body)

    _AsyncWith = _With

    def _Try(self, frame: Frame, node: ast.Try) -> Flow:
        def body() -> Flow:
            return self.block(frame, node.body) or self.block(frame, node.orelse)

        def handler(handler: ast.ExceptHandler) -> Callable[[], Flow]:
            def go() -> Flow:
                with self.guarded(frame, handler.type or ast.Constant(True), False):
                    if handler.name:
                        self.put(frame.scope, handler.name, UNKNOWN)
                    return self.block(frame, handler.body)

            return go

        flow = self.alternatives([body, *(handler(one) for one in node.handlers)])
        return self.block(frame, node.finalbody) or flow

    def _Match(self, frame: Frame, node: ast.Match) -> Flow:
        self.value(frame, node.subject)

        def run(case: ast.match_case) -> Callable[[], Flow]:
            def go() -> Flow:
                for child in ast.walk(case.pattern):
                    name = getattr(child, "name", None) or getattr(child, "rest", None)
                    if isinstance(name, str):
                        self.put(frame.scope, name, UNKNOWN)
                with self.guarded(frame, case.guard or node.subject, False):
                    return self.block(frame, case.body)

            return go

        return self.alternatives([*(run(case) for case in node.cases), lambda: None])

    def _FunctionDef(self, frame: Frame, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Flow:
        self.put(frame.scope, node.name, self.function(frame, node))
        return None

    _AsyncFunctionDef = _FunctionDef

    def _ClassDef(self, frame: Frame, node: ast.ClassDef) -> Flow:
        if (
            frame.method is None
            and frame.subject is None
            and not frame.scopes[:-1]
            and node.name not in frame.scope
        ):
            return None  # a class of the module: found by its name
        definition = ClassDefinition(frame.module, frame.statement, node)
        self.closures[definition] = frame.scopes
        meanings: dict[str, tuple[Meaning, ...]] = {}
        for base in node.bases:
            root = (dotted_name(base) or "").partition(".")[0]
            local = self.local(frame, root)
            if local is not None:
                meanings[root] = tuple(m for option in options(local) if (m := _meaning(option)) is not None)
        self.classes.local_meanings[definition] = meanings
        self.local_classes.append(definition)
        self.put(frame.scope, node.name, ClassValue(definition))
        return None

    def _Import(self, frame: Frame, node: ast.Import) -> Flow:
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            found = self.project.resolve_import(frame.module, name, 0, None)
            self.put(frame.scope, alias.asname or name, self.meant(found))
        return None

    def _ImportFrom(self, frame: Frame, node: ast.ImportFrom) -> Flow:
        for alias in node.names:
            if alias.name != "*":
                found = self.project.resolve_import(frame.module, node.module or "", node.level, alias.name)
                self.put(frame.scope, alias.asname or alias.name, self.meant(found))
        return None

    def assign(self, frame: Frame, target: ast.expr, value: Value) -> None:
        """Bind `target` to `value`."""
        if isinstance(target, ast.Name):
            if target.id in frame.outer_names:
                for scope in reversed(frame.scopes[:-1]):
                    if target.id in scope:
                        self.put(scope, target.id, value)
                        return
                self.events.append(StoredOutside(self.context(frame, target), None, target.id, value))
                self.global_values[frame.module.path, target.id] = value
                self.wrote_outside = True
                return
            self.put(frame.scope, target.id, value)
        elif isinstance(target, ast.Attribute):
            for owner in options(self.value(frame, target.value)):
                self.set_attribute(frame, target, owner, self.mangled(frame, target.attr), value)
        elif isinstance(target, ast.Subscript):
            self.set_item(frame, target, value)
        elif isinstance(target, ast.Starred):
            self.assign(frame, target.value, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._unpack(frame, target.elts, value)

    def _unpack(self, frame: Frame, targets: Sequence[ast.expr], value: Value) -> None:
        starred = any(isinstance(target, ast.Starred) for target in targets)
        columns: list[list[Value]] = [[] for _ in targets]
        for option in options(value):
            known = self.elements(option) if isinstance(option, Container) and not option.open else None
            first = next((i for i, target in enumerate(targets) if isinstance(target, ast.Starred)), 0)
            for index, column in enumerate(columns):
                if known is not None and not starred and len(known) == len(targets):
                    column.append(known[index].value)
                elif known and starred and index < first and isinstance(known[0].value, Constant):
                    column.append(known[index].value if index < len(known) else UNKNOWN)
                elif isinstance(option, Tensor):
                    column.append(option)
                elif isinstance(option, Container):
                    column.append(self.element(option))
                else:
                    column.append(UNKNOWN)
        for target, column in zip(targets, columns, strict=False):
            made = join(column)
            if isinstance(target, ast.Starred):
                made = Container(
                    "list",
                    self.site(frame, target),
                    [Item(UNKNOWN, made, self.site(frame, target))],
                    open=True,
                )
            self.assign(frame, target, made)


def _is_type_checking(node: ast.expr) -> bool:
    return (dotted_name(node) or "").rsplit(".", 1)[-1] == "TYPE_CHECKING"


def _meaning(value: Value) -> Meaning | None:
    if isinstance(value, ClassValue):
        return value.meaning
    if isinstance(value, ModuleValue):
        return value.meaning
    if isinstance(value, LibraryValue):
        return Library(value.name, value.origin)
    return None


_RUN: dict[type, Callable[..., Flow]] = {
    ast.Expr: Statements._Expr,
    ast.Return: Statements._Return,
    ast.Raise: Statements._Raise,
    ast.Break: Statements._Break,
    ast.Continue: Statements._Continue,
    ast.Global: Statements._Global,
    ast.Assign: Statements._Assign,
    ast.AnnAssign: Statements._AnnAssign,
    ast.AugAssign: Statements._AugAssign,
    ast.Delete: Statements._Delete,
    ast.If: Statements._If,
    ast.While: Statements._While,
    ast.For: Statements._For,
    ast.With: Statements._With,
    ast.Try: Statements._Try,
    ast.Match: Statements._Match,
    ast.FunctionDef: Statements._FunctionDef,
    ast.ClassDef: Statements._ClassDef,
    ast.Import: Statements._Import,
    ast.ImportFrom: Statements._ImportFrom,
    ast.Nonlocal: Statements._Nonlocal,
    ast.AsyncFor: Statements._AsyncFor,
    ast.AsyncWith: Statements._AsyncWith,
    ast.AsyncFunctionDef: Statements._AsyncFunctionDef,
}
if sys.version_info >= (3, 11):
    _RUN[ast.TryStar] = Statements._Try
