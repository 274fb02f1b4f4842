"""Runs Python symbolically: statements and expressions over abstract values.

Branches whose condition isn't known are all run, and what they leave is joined; a loop over unknown things is run
once. So everything that *may* happen is seen; what surely happens is marked by the absence of open conditions.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from kerascope.project.catalogue import Catalogue, Generation, LibraryClass, catalogue
from kerascope.project.meaning import (
    ClassDefinition,
    FunctionDefinition,
    Library,
    Meaning,
    ModuleDefinition,
    ValueDefinition,
)
from kerascope.project.module import Module
from kerascope.project.project import Project
from kerascope.source.document import Site
from kerascope.source.statement import Statement
from kerascope.tracking.classes import ClassIndex, dotted_name
from kerascope.tracking.events import AttributeRead, AttributeWrite, Context, ContainerWrite, Created, Event, PrivateListWrite, Used
from kerascope.tracking.keras2 import Keras2
from kerascope.tracking.keras3 import Keras3
from kerascope.tracking.values import (
    UNKNOWN,
    Choice,
    ClassValue,
    Constant,
    Container,
    Function,
    Item,
    Layer,
    LibraryValue,
    ModuleValue,
    Partial,
    Phase,
    Plain,
    Tensor,
    Unknown,
    Value,
    Weight,
)

Flow: TypeAlias = Literal["return", "raise", "break", "continue"] | None

MAX_STEPS = 40_000
"""Expressions and statements evaluated for one layer class; above, the run ends and says it isn't complete."""

MAX_DEPTH = 30
"""Nested calls."""

MAX_TURNS = 8
"""Turns of a loop over known elements; a longer one is run once for all."""

MAX_OPTIONS = 8

MISSING = object()

PLAIN_TENSOR = Tensor()
"""A tensor of `call` that no weight and no layer went into: most are."""

KERAS_LISTS = frozenset(
    {
        "_trainable_weights",
        "_non_trainable_weights",
        "_trainable_variables",
        "_non_trainable_variables",
        "trainable_weights",
        "non_trainable_weights",
        "trainable_variables",
        "non_trainable_variables",
        "weights",
        "variables",
    }
)
"""The lists of weights that Keras keeps, or computes, on every layer."""


class OutOfSteps(Exception):
    """The run took too long."""


@dataclass
class Frame:
    """One function (or module) being run."""

    module: Module
    statement: Statement
    scopes: tuple[dict[str, Value], ...]
    """Enclosing scopes, the function's own last."""
    method: str | None = None
    owner: ClassDefinition | None = None
    self_value: Value | None = None
    subject: Layer | None = None
    phase: Phase = "module"
    guards: tuple[ast.expr, ...] = ()
    conditional: bool = False
    in_loop: bool = False
    once: bool = False
    calls: tuple[Site, ...] = ()
    current: ast.stmt | None = None
    returned: list[Value] = field(default_factory=list)
    yielded: list[Item] = field(default_factory=list)
    outer_names: set[str] = field(default_factory=set)
    """Declared `global` or `nonlocal`."""

    @property
    def scope(self) -> dict[str, Value]:
        return self.scopes[-1]


def options(value: Value) -> tuple[Value, ...]:
    """The values that `value` can be."""
    return value.options if isinstance(value, Choice) else (value,)


def join(values: Iterable[Value]) -> Value:
    """One of `values`, it isn't known which."""
    values = list(values)
    if len(values) == 1:
        return values[0]
    found: list[Value] = []
    weights: frozenset[Weight] = frozenset()
    layers: frozenset[Layer] = frozenset()
    tensor: Tensor | None = None
    for value in values:
        for option in options(value):
            if isinstance(option, Tensor):
                weights |= option.weights
                layers |= option.layers
                if tensor is None or (option.weights and not tensor.weights):
                    tensor = option
            elif not any(option is known or (isinstance(option, Constant) and option == known) for known in found):
                found.append(option)
    if tensor is not None:
        if weights != tensor.weights or layers != tensor.layers:
            tensor = Tensor(weights, tensor.phase, tensor.site, tensor.made_by, layers)
        found.append(tensor)
    if not found:
        return Constant(None)
    if len(found) > MAX_OPTIONS:
        found.sort(key=lambda option: isinstance(option, (Constant, Unknown, Tensor)))
        found = found[:MAX_OPTIONS]
    return found[0] if len(found) == 1 else Choice(tuple(found))


@lru_cache(maxsize=20_000)
def free_names(node: ast.AST) -> frozenset[str]:
    """Names that the body of a function or lambda reads."""
    return frozenset(
        child.id for child in ast.walk(node) if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load)
    )


@lru_cache(maxsize=20_000)
def is_generator(node: ast.AST) -> bool:
    """Whether a function's own body has `yield`."""
    waiting: list[ast.AST] = list(getattr(node, "body", ())) if not isinstance(node, ast.Lambda) else []
    while waiting:
        child = waiting.pop()
        if isinstance(child, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(child))
    return False


class Interpreter:
    """Runs code of one project under one Keras generation, and notes what happens in `events`."""

    def __init__(self, project: Project, generation: Generation, classes: ClassIndex | None = None) -> None:
        self.project = project
        self.generation = generation
        self.catalogue: Catalogue = catalogue(generation)
        self.classes = classes or ClassIndex(project, self.catalogue)
        self.keras: Keras2 | Keras3 = Keras3() if generation == 3 else Keras2()
        self.events: list[Event] = []
        self.steps = 0
        self.depth = 0
        self.complete = True
        self.journals: list[dict[tuple[int, object], tuple[dict[Any, Value], object, object]]] = []
        self.global_values: dict[tuple[str, str], Value] = {}
        self.class_attributes: dict[tuple[ClassDefinition, str], Value] = {}
        self.local_classes: list[tuple[ClassDefinition, tuple[dict[str, Value], ...]]] = []
        self.closures: dict[ClassDefinition, tuple[dict[str, Value], ...]] = {}
        self.built: set[int] = set()
        self.called: set[int] = set()
        self.running: list[ast.AST] = []
        self.flows: tuple[Flow, ...] = ()
        """How the branches of the last `alternatives` ended."""
        self.results: dict[object, Value] = {}
        """What calls that are run only once have given: `call` of each layer, functions with a cache."""

    # --- places -----------------------------------------------------------------------------------------------

    def site(self, frame: Frame, node: ast.AST) -> Site:
        return Site(frame.module.path, frame.statement, node)

    def context(self, frame: Frame, node: ast.AST) -> Context:
        return Context(
            self.site(frame, node),
            frame.current,
            frame.method,
            frame.owner.name if frame.owner is not None else None,
            frame.phase,
            frame.subject,
            frame.guards,
            frame.conditional,
            frame.in_loop,
            frame.once,
            frame.calls,
        )

    def step(self) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS:
            self.complete = False
            raise OutOfSteps

    # --- state that branches may undo -------------------------------------------------------------------------

    def put(self, target: dict[Any, Value], key: object, value: Value) -> None:
        """`target[key] = value`, in a way that leaving the branch can undo."""
        if self.journals:
            self.journals[-1].setdefault((id(target), key), (target, key, target.get(key, MISSING)))
        target[key] = value

    def alternatives(self, runs: Sequence[Callable[[], Flow]]) -> Flow:
        """Run each of `runs` from the same state, and join what those that don't raise leave behind."""
        outcomes: list[tuple[Flow, dict[tuple[int, object], tuple[dict[Any, Value], object, object]]]] = []
        for run in runs:
            journal: dict[tuple[int, object], tuple[dict[Any, Value], object, object]] = {}
            self.journals.append(journal)
            try:
                flow = run()
            finally:
                self.journals.pop()
            finals = {}
            for place, (target, key, before) in journal.items():
                finals[place] = (target, key, target.get(key, MISSING))
                if before is MISSING:
                    target.pop(key, None)
                else:
                    target[key] = before  # type: ignore[assignment]
            outcomes.append((flow, finals))
        lasting = [finals for flow, finals in outcomes if flow != "raise"]
        places = {place: entry for finals in lasting for place, entry in finals.items()}
        for place, (target, key, _) in places.items():
            present = target.get(key, MISSING)
            values = [finals[place][2] if place in finals else present for finals in lasting]
            known = [value for value in values if value is not MISSING]
            if known:
                self.put(target, key, join(known))  # type: ignore[arg-type]
        self.flows = tuple(flow for flow, _ in outcomes)
        flows = set(self.flows)
        if None in flows:
            return None
        return next((flow for flow in ("continue", "break", "return") if flow in flows), "raise")  # type: ignore[return-value]

    @contextmanager
    def guarded(self, frame: Frame, test: ast.expr | None, known: bool, loop: bool = False) -> Iterator[None]:
        """What runs inside depends on `test`."""
        before = frame.guards, frame.conditional, frame.in_loop
        if test is not None:
            frame.guards = (*frame.guards, test)
        frame.conditional = frame.conditional or not known
        frame.in_loop = frame.in_loop or loop
        try:
            yield
        finally:
            frame.guards, frame.conditional, frame.in_loop = before

    # --- statements -------------------------------------------------------------------------------------------

    def block(self, frame: Frame, body: Sequence[ast.stmt]) -> Flow:
        """Run statements in order, until one of them leaves the block."""
        for node in body:
            flow = self.statement(frame, node)
            if flow is not None:
                return flow
        return None

    def statement(self, frame: Frame, node: ast.stmt) -> Flow:
        self.step()
        outer, frame.current = frame.current, node
        try:
            run = getattr(self, f"_{type(node).__name__}", None)
            return run(frame, node) if run is not None else None
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
                if isinstance(owner, Layer) and not self._defines(owner, target.attr):
                    self._private_list(frame, node, owner, target.attr, "+=", [added], [node.value])
                    return None
        load = _as_load(target)
        present = self.value(frame, load)
        operation = {ast.Add: "+=", ast.BitOr: "|=", ast.Mult: "*="}.get(type(node.op), "op=")
        results: list[Value] = []
        for option in options(present):
            if isinstance(option, Container) and operation in ("+=", "|="):
                items = self.elements(added)
                values = [item.value for item in items]
                self.events.append(
                    ContainerWrite(self.context(frame, node), option, operation, tuple(values), target)
                )
                self.keras.write(option, operation, values, isinstance(target, ast.Attribute))
                option.items.extend(items)
                option.open = option.open or self.is_open(added)
                results.append(option)
            else:
                results.append(self.compute(frame, node, [option, added]))
        self.assign(frame, target, join(results))
        return None

    def _Delete(self, frame: Frame, node: ast.Delete) -> Flow:
        for target in node.targets:
            if isinstance(target, ast.Attribute):
                for owner in options(self.value(frame, target.value)):
                    if isinstance(owner, (Layer, Plain)) and target.attr in owner.attributes:
                        self.put(owner.attributes, target.attr, UNKNOWN)
        return None

    def _If(self, frame: Frame, node: ast.If) -> Flow:
        test = self.value(frame, node.test)
        truth = self.truth(test)
        if _is_type_checking(node.test):
            truth = True

        def run(body: Sequence[ast.stmt], guard: ast.expr) -> Callable[[], Flow]:
            def go() -> Flow:
                with self.guarded(frame, guard, truth is not None):
                    return self.block(frame, body)

            return go

        if truth is not None:
            return run(node.body if truth else node.orelse, node.test)()
        flow = self.alternatives([run(node.body, node.test), run(node.orelse, node.test)])
        if flow is None and any(left is not None and left != "raise" for left in self.flows):
            # What follows an early leave runs only where the condition let it.
            frame.guards = (*frame.guards, node.test)
            frame.conditional = True
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
        iterable = self.value(frame, node.iter)
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

    _TryStar = _Try

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

    def function(self, frame: Frame, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Function:
        """A function object made here: its defaults are evaluated now."""
        made = Function(node, self.site(frame, node), frame.module.path, frame.scopes)
        made.defaults.update(self.defaults(frame, node.args))
        if not isinstance(node, ast.Lambda):
            made.cached = any(_decorator(d) in ("cache", "lru_cache") for d in node.decorator_list)
        return made

    def defaults(self, frame: Frame, arguments: ast.arguments) -> dict[str, Value]:
        """The values of a function's default arguments."""
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs = [*zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults)]
        pairs += [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults) if d is not None]
        return {argument.arg: self.value(frame, default) for argument, default in pairs}

    def _ClassDef(self, frame: Frame, node: ast.ClassDef) -> Flow:
        if frame.method is None and frame.subject is None and not frame.scopes[:-1] and node.name not in frame.scope:
            return None  # a class of the module: found by its name
        definition = ClassDefinition(frame.module, frame.statement, node)
        self.closures[definition] = frame.scopes
        meanings: dict[str, tuple[Meaning, ...]] = {}
        for base in node.bases:
            root = (dotted_name(base) or "").partition(".")[0]
            local = self.local(frame, root)
            if local is not None:
                meanings[root] = tuple(
                    m for option in options(local) if (m := _meaning(option)) is not None
                )
        self.classes.local_meanings[definition] = meanings
        self.local_classes.append((definition, frame.scopes))
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

    # --- assignment -------------------------------------------------------------------------------------------

    def assign(self, frame: Frame, target: ast.expr, value: Value) -> None:
        """Bind `target` to `value`."""
        if isinstance(target, ast.Name):
            if target.id in frame.outer_names:
                for scope in reversed(frame.scopes[:-1]):
                    if target.id in scope:
                        self.put(scope, target.id, value)
                        return
                self.global_values[frame.module.path, target.id] = value
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
            for index, column in enumerate(columns):
                if known is not None and not starred and len(known) == len(targets):
                    column.append(known[index].value)
                elif isinstance(option, Tensor):
                    column.append(option)
                elif isinstance(option, Container):
                    column.append(self.element(option))
                else:
                    column.append(UNKNOWN)
        for target, column in zip(targets, columns):
            made = join(column)
            if isinstance(target, ast.Starred):
                made = Container("list", self.site(frame, target), [Item(UNKNOWN, made, self.site(frame, target))], open=True)
            self.assign(frame, target, made)

    def set_attribute(
        self,
        frame: Frame,
        node: ast.AST,
        owner: Value,
        name: str | None,
        value: Value,
        via: Literal["plain", "setattr", "__dict__", "object.__setattr__", "cached_property", "own __setattr__"] = "plain",
    ) -> None:
        """`owner.name = value`, as the owner's class takes it."""
        if isinstance(owner, Layer):
            if name is not None and name in KERAS_LISTS and via == "plain" and not self._defines(owner, name):
                self._private_list(frame, node, owner, name, "=", [value], [getattr(frame.current, "value", None)])
                return
            if via in ("plain", "setattr"):
                setter = self._own_setter(owner, name)
                if setter is not None:
                    self.call_function(frame, node, setter, [value], {})
                    return
                if self._own_setattr(frame, node, owner, name, value):
                    via = "own __setattr__"
            stored = value
            if via in ("plain", "setattr"):
                shadowed = name is not None and self._shadowed(owner, name)
                stored = self.keras.assign(owner, name, value, shadowed)
            self.events.append(AttributeWrite(self.context(frame, node), owner, name, value, stored, via))
            key = name if name is not None else "*"
            if name is None and key in owner.attributes:
                stored = join([owner.attributes[key], stored])
            self.put(owner.attributes, key, stored)
        elif isinstance(owner, Plain):
            self.events.append(AttributeWrite(self.context(frame, node), owner, name, value, value, via))
            key = name if name is not None else "*"
            if name is None and key in owner.attributes:
                value = join([owner.attributes[key], value])
            self.put(owner.attributes, key, value)
        elif isinstance(owner, ClassValue) and isinstance(owner.meaning, ClassDefinition) and name is not None:
            self.class_attributes[owner.meaning, name] = value
        elif isinstance(owner, Function) and name is not None:
            pass
        elif isinstance(owner, Unknown):
            self.escape(frame, node, [value], None)

    def _private_list(
        self, frame: Frame, node: ast.AST, owner: Layer, name: str, operation: str,
        values: Sequence[Value], sources: Sequence[ast.expr | None],
    ) -> None:
        known = tuple(source for source in sources if source is not None)
        self.events.append(
            PrivateListWrite(self.context(frame, node), owner, name, operation, tuple(values), known)
        )

    def _defines(self, owner: Layer, name: str) -> bool:
        """Whether a user's class gives `owner` an attribute of this name."""
        return isinstance(owner.cls, ClassDefinition) and isinstance(self.classes.find(owner.cls, name), tuple)

    def _own_setter(self, owner: Layer, name: str | None) -> Function | None:
        """The user's property setter for `name`."""
        if name is None or not isinstance(owner.cls, ClassDefinition):
            return None
        for cls in self.classes.facts(owner.cls).user_classes:
            for statement, node in self.classes.members(cls, name):
                if isinstance(node, ast.FunctionDef) and any(
                    isinstance(d, ast.Attribute) and d.attr == "setter" for d in node.decorator_list
                ):
                    return self.method(cls, statement, node, owner)
        return None

    def _own_setattr(self, frame: Frame, node: ast.AST, owner: Layer, name: str | None, value: Value) -> bool:
        """Whether the user's own `__setattr__` keeps Keras from seeing attribute writes."""
        if not isinstance(owner.cls, ClassDefinition):
            return False
        found = self.classes.find(owner.cls, "__setattr__")
        if not isinstance(found, tuple) or not isinstance(found[2], ast.FunctionDef):
            return False
        text = ast.unparse(found[2])
        return "super(" not in text and "Layer.__setattr__" not in text and "Model.__setattr__" not in text

    def _shadowed(self, owner: Layer, name: str) -> bool:
        """Whether the class gives `name` a value of its own (a bare annotation is none)."""
        if not isinstance(owner.cls, ClassDefinition):
            return False
        for cls in self.classes.facts(owner.cls).user_classes:
            for _, node in self.classes.members(cls, name):
                if not (isinstance(node, ast.AnnAssign) and node.value is None):
                    return True
        return False

    def set_item(self, frame: Frame, target: ast.Subscript, value: Value) -> None:
        """`container[key] = value`."""
        if isinstance(target.value, ast.Attribute) and target.value.attr == "__dict__":
            for owner in options(self.value(frame, target.value.value)):
                self._set_in_dict(frame, target, owner, self.value(frame, target.slice), value)
            return
        container = self.value(frame, target.value)
        sliced = isinstance(target.slice, ast.Slice)
        key = UNKNOWN if sliced else self.value(frame, target.slice)
        for option in options(container):
            if isinstance(option, Container):
                self.write(frame, target, option, "[:]=" if sliced else "[]=", value, target.value, key)
            elif isinstance(option, Partial) and option.method == "__dict__":
                self._set_in_dict(frame, target, option.function, key, value)
            elif isinstance(option, Plain) and isinstance(option.cls, ClassDefinition):
                self.call_member(frame, target, option, "__setitem__", [key, value])
            elif isinstance(option, Unknown):
                self.escape(frame, target, [value], None)

    def _set_in_dict(self, frame: Frame, node: ast.AST, owner: Value, key: Value, value: Value) -> None:
        name = key.value if isinstance(key, Constant) and isinstance(key.value, str) else None
        self.set_attribute(frame, node, owner, name, value, "__dict__")

    def write(
        self,
        frame: Frame,
        node: ast.AST,
        container: Container,
        operation: str,
        value: Value,
        through: ast.expr,
        key: Value = UNKNOWN,
    ) -> None:
        """Put `value` (for "extend", "update", "[:]=": its elements) into `container`."""
        spread = operation in ("extend", "extendleft", "update", "[:]=")
        at = self.site(frame, node)
        items = (
            [Item(item.key, item.value, at) for item in self.elements(value)] if spread else [Item(key, value, at)]
        )
        values = [item.value for item in items]
        self.events.append(ContainerWrite(self.context(frame, node), container, operation, tuple(values), through))
        stored = self.keras.write(container, operation, values, isinstance(through, ast.Attribute))
        if spread and self.is_open(value):
            container.open = True
        for item, kept in zip(items, stored):
            if operation == "[]=" and isinstance(item.key, Constant):
                self._replace_item(container, Item(item.key, kept, at), frame.conditional)
            elif operation == "insert" and container.items:
                container.items.insert(0, Item(UNKNOWN, kept, at))
            else:
                container.items.append(Item(item.key, kept, at))

    def _replace_item(self, container: Container, item: Item, conditional: bool) -> None:
        assert isinstance(item.key, Constant)
        if not conditional:
            for index, known in enumerate(container.items):
                if known.key == item.key or (
                    isinstance(known.key, Unknown)
                    and index == item.key.value
                    and isinstance(known.value, Constant)
                ):
                    container.items[index] = item
                    return
        container.items.append(item)

    # --- what values are --------------------------------------------------------------------------------------

    def truth(self, value: Value) -> bool | None:
        """Whether `value` is true; None: not known."""
        found: set[bool | None] = set()
        for option in options(value):
            if isinstance(option, Constant):
                found.add(bool(option.value))
            elif isinstance(option, (Layer, Plain, Function, ClassValue, Partial)):
                found.add(True)
            elif isinstance(option, Container) and not option.items and not option.open:
                found.add(False)
            else:
                found.add(None)
        return found.pop() if len(found) == 1 else None

    def elements(self, value: Value) -> list[Item]:
        """The elements that iterating `value` gives, as far as they are known (a dict's keys aside)."""
        return [
            item
            for option in options(value)
            if isinstance(option, Container)
            for item in option.items
        ]

    def element(self, value: Value) -> Value:
        """Any element of `value`."""
        found: list[Value] = []
        for option in options(value):
            if isinstance(option, Container):
                found.extend(item.value for item in option.items)
                if option.open or not option.items:
                    found.append(UNKNOWN)
            elif isinstance(option, Tensor):
                found.append(option)
            else:
                found.append(UNKNOWN)
        return join(found)

    def is_open(self, value: Value) -> bool:
        """Whether `value` may have elements that the run doesn't know."""
        return any(not isinstance(option, Container) or option.open for option in options(value))

    def turns(self, frame: Frame, node: ast.expr, iterable: Value) -> list[tuple[Value, bool]]:
        """The values of a loop's variable, one for each turn that is run, and whether that turn stands for several."""
        found = options(iterable)
        if len(found) == 1 and isinstance(found[0], Container):
            container = found[0]
            if not container.open and len(container.items) <= MAX_TURNS:
                keys = container.kind in ("dict", "OrderedDict", "defaultdict", "dict subclass")
                return [(item.key if keys else item.value, False) for item in container.items]
        if len(found) == 1 and isinstance(found[0], Tensor):
            return [(found[0], True)]
        keyed = [o for o in found if isinstance(o, Container) and o.kind in ("dict", "OrderedDict", "defaultdict")]
        if keyed:
            return [(join([item.key for o in keyed for item in o.items] or [UNKNOWN]), True)]
        return [(self.element(iterable), True)]

    def compute(self, frame: Frame, node: ast.AST, operands: Iterable[Value], made_by: str | None = None) -> Value:
        """The result of an operator or of a library function on `operands`: a tensor, if any of them is one."""
        weights: set[Weight] = set()
        layers: set[Layer] = set()
        tensor = made_by is not None
        for operand in operands:
            for option in options(operand):
                if isinstance(option, Weight):
                    weights.add(option)
                    tensor = True
                elif isinstance(option, Tensor):
                    weights |= option.weights
                    layers |= option.layers
                    tensor = True
                elif isinstance(option, Container):
                    inner = self.compute(frame, node, [item.value for item in option.items])
                    if isinstance(inner, Tensor):
                        weights |= inner.weights
                        layers |= inner.layers
                        tensor = True
        if not tensor:
            return UNKNOWN
        if not weights and frame.phase == "call" and made_by is None:
            return Tensor(layers=frozenset(layers)) if layers else PLAIN_TENSOR
        return Tensor(frozenset(weights), frame.phase, self.site(frame, node), made_by, frozenset(layers))

    def meant(self, meanings: Sequence[Meaning]) -> Value:
        """The value of a name with these meanings."""
        found = [self._meant(meaning) for meaning in meanings]
        return join(found) if found else UNKNOWN

    def _meant(self, meaning: Meaning) -> Value:
        if isinstance(meaning, Library):
            if self.catalogue.get(meaning.name) is not None:
                return ClassValue(meaning)
            return LibraryValue(meaning.name, meaning.origin)
        if isinstance(meaning, ClassDefinition):
            return ClassValue(meaning)
        if isinstance(meaning, ModuleDefinition):
            return ModuleValue(meaning)
        if isinstance(meaning, FunctionDefinition):
            key = (meaning.module.path, f"def {meaning.node.name}")
            made = self.global_values.get(key)
            if made is None:
                frame = Frame(meaning.module, meaning.statement, ({},))
                function = Function(
                    meaning.node, Site(meaning.module.path, meaning.statement, meaning.node), meaning.module.path,
                    definition=meaning,
                    cached=any(_decorator(d) in ("cache", "lru_cache") for d in meaning.node.decorator_list),
                )
                self.global_values[key] = made = function
                function.defaults.update(self.defaults(frame, meaning.node.args))
            return made
        return self._module_value(meaning)

    def _module_value(self, meaning: ValueDefinition) -> Value:
        key = (meaning.module.path, f"= {id(meaning.value)}")
        made = self.global_values.get(key)
        if made is None:
            self.global_values[key] = UNKNOWN  # while it is computed: a value that depends on itself
            frame = Frame(meaning.module, meaning.statement, ({},))
            journals, self.journals = self.journals, []
            try:
                made = self.value(frame, meaning.value)
            finally:
                self.journals = journals
            self.global_values[key] = made
        return made

    # --- expressions ------------------------------------------------------------------------------------------

    def value(self, frame: Frame, node: ast.expr) -> Value:
        """What `node` evaluates to."""
        self.step()
        evaluate = _EVALUATE.get(type(node))
        return evaluate(self, frame, node) if evaluate is not None else UNKNOWN

    def _constant(self, frame: Frame, node: ast.Constant) -> Value:
        return Constant(node.value)

    def local(self, frame: Frame, name: str) -> Value | None:
        """What `name` holds in the function's own scopes."""
        for scope in reversed(frame.scopes):
            if name in scope:
                return scope[name]
        return None

    def _name(self, frame: Frame, node: ast.Name) -> Value:
        found = self.local(frame, node.id)
        if found is None:
            found = self.global_value(frame.module, node.id)
        self._note_use(frame, node, found)
        return found

    def global_value(self, module: Module, dotted: str) -> Value:
        """What a dotted name means at module level."""
        key = (module.path, dotted)
        found = self.global_values.get(key)
        if found is None:
            meanings = self.project.resolve(module, dotted)
            if meanings:
                found = self.meant(meanings)
            elif "." not in dotted and self.project.builtin(dotted):
                found = LibraryValue(f"builtins.{dotted}")
            else:
                found = UNKNOWN
            self.global_values[key] = found
        return found

    def _note_use(self, frame: Frame, node: ast.expr, value: Value) -> None:
        if frame.phase != "call" or frame.subject is None:
            return
        for option in options(value):
            if isinstance(option, Weight) or (isinstance(option, Tensor) and option.weights and option.phase != "call"):
                self.events.append(Used(self.context(frame, node), option, node))
            elif isinstance(option, Tensor) and option.phase in ("init", "build"):
                self.events.append(Used(self.context(frame, node), option, node))

    def mangled(self, frame: Frame, name: str) -> str:
        if name.startswith("__") and not name.endswith("__") and frame.owner is not None:
            return f"_{frame.owner.name.lstrip('_')}{name}"
        return name

    def _attribute(self, frame: Frame, node: ast.Attribute) -> Value:
        dotted = dotted_name(node)
        if dotted is not None and self.local(frame, dotted.partition(".")[0]) is None:
            found = self.global_value(frame.module, dotted)
            if not isinstance(found, Unknown):
                self._note_use(frame, node, found)
                return found
        owner = self.value(frame, node.value)
        name = self.mangled(frame, node.attr)
        if isinstance(owner, Choice):
            found = join([self.attribute(frame, node, option, name) for option in owner.options])
        else:
            found = self.attribute(frame, node, owner, name)
        self._note_use(frame, node, found)
        return found

    def attribute(self, frame: Frame, node: ast.AST, owner: Value, name: str) -> Value:
        """`owner.name`."""
        if isinstance(owner, Layer):
            return self._layer_attribute(frame, node, owner, name)
        if isinstance(owner, Plain):
            return self._plain_attribute(frame, node, owner, name)
        if isinstance(owner, LibraryValue):
            return self.meant(self.project.member(Library(owner.name, owner.origin), name)) if owner.name else UNKNOWN
        if isinstance(owner, ModuleValue):
            return self.meant(self.project.member(owner.meaning, name))
        if isinstance(owner, ClassValue):
            return self._class_attribute(frame, node, owner, name)
        if isinstance(owner, Weight):
            if name == "value" and self.generation == 3 and owner.kind != "tf variable":
                return owner
            if name in ("shape", "dtype", "name", "path", "trainable"):
                return UNKNOWN
            return Partial(owner, self.site(frame, node), method=name)
        if isinstance(owner, Tensor):
            return UNKNOWN if name in ("shape", "dtype", "name", "ndim") else Partial(owner, self.site(frame, node), method=name)
        if isinstance(owner, Container) and owner.kind == "namedtuple":
            return self.item(owner, Constant(name))
        if isinstance(owner, (Container, Function, Partial)):
            if isinstance(owner, Partial) and name in ("func",):
                return owner.function
            return Partial(owner, self.site(frame, node), method=name)
        if isinstance(owner, Constant) and isinstance(owner.value, str):
            return Partial(owner, self.site(frame, node), method=name)
        return UNKNOWN

    def _layer_attribute(self, frame: Frame, node: ast.AST, owner: Layer, name: str) -> Value:
        if name in owner.attributes:
            return owner.attributes[name]
        if name == "__dict__":
            return Partial(owner, self.site(frame, node), method="__dict__")
        if isinstance(owner.cls, ClassDefinition):
            found = self.classes.find(owner.cls, name)
            if isinstance(found, tuple):
                return self._member(frame, node, owner, *found)
            if name == "__class__":
                return ClassValue(owner.cls)
        if name == "built":
            return Constant(id(owner) in self.built) if owner is frame.subject else UNKNOWN
        if name in ("layers", "_layers", "submodules", "_flatten_layers"):
            return self._all_layers(frame, node, owner, name)
        if name in KERAS_LISTS or name in ("kernel", "embeddings", "bias", "cell", "layer"):
            self.events.append(AttributeRead(self.context(frame, node), owner, name))
            return UNKNOWN
        if name == "*":
            return UNKNOWN
        if "*" in owner.attributes and not self._is_keras_method(owner, name):
            return join([owner.attributes["*"], UNKNOWN])
        return Partial(owner, self.site(frame, node), method=name)

    def _is_keras_method(self, owner: Layer, name: str) -> bool:
        return name in ("build", "call", "__call__", "add_weight", "add", "get_config", "compute_output_shape", "add_loss")

    def _all_layers(self, frame: Frame, node: ast.AST, owner: Layer, name: str) -> Value:
        site = self.site(frame, node)
        found = [value for value in self.keras.direct(owner) if isinstance(value, Layer)]
        listed = Container("list", site, [Item(UNKNOWN, value, site) for value in found], open=True)
        if name == "_flatten_layers":
            return Partial(listed, site, method="copy")
        return listed

    def _member(
        self, frame: Frame, node: ast.AST, owner: Layer | Plain, cls: ClassDefinition, statement: Statement, member: ast.stmt
    ) -> Value:
        """What a class body's member gives when read on an object."""
        if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
            decorators = {_decorator(d) for d in member.decorator_list}
            method = self.method(cls, statement, member, owner)
            if "staticmethod" in decorators:
                method.bound = None
            elif "classmethod" in decorators:
                method.bound = ClassValue(owner.cls)
            elif "cached_property" in decorators:
                made = self.call_function(frame, node, method, [], {})
                self.set_attribute(frame, member, owner, member.name, made, "cached_property")
                return made
            elif decorators & {"property", "setter", "abstractproperty"}:
                return self.call_function(frame, node, self._getter(cls, member.name, owner) or method, [], {})
            return method
        if isinstance(member, ast.ClassDef):
            return ClassValue(ClassDefinition(cls.module, statement, member))
        return self.class_attribute(cls, statement, member)

    def _getter(self, cls: ClassDefinition, name: str, owner: Layer | Plain) -> Function | None:
        for statement, node in self.classes.members(cls, name):
            if isinstance(node, ast.FunctionDef) and any(_decorator(d) == "property" for d in node.decorator_list):
                return self.method(cls, statement, node, owner)
        return None

    def method(
        self, cls: ClassDefinition, statement: Statement, node: ast.FunctionDef | ast.AsyncFunctionDef, bound: Value | None
    ) -> Function:
        """A method of `cls`, bound to an object."""
        made = Function(
            node, Site(cls.module.path, statement, node), cls.module.path,
            closure=self.closures.get(cls, ()), bound=bound, owner=cls,
            cached=any(_decorator(d) in ("cache", "lru_cache") for d in node.decorator_list),
        )
        if node.args.defaults or any(node.args.kw_defaults):
            frame = Frame(cls.module, statement, (*made.closure, {}))
            frame.phase = "class body"
            key = (cls.module.path, f"defaults {id(node)}")
            known = self.global_values.get(key)
            if known is None:
                container = Container("defaults", made.site)
                container.items.extend(
                    Item(Constant(name), value, made.site) for name, value in self.defaults(frame, node.args).items()
                )
                self.global_values[key] = known = container
            assert isinstance(known, Container)
            made.defaults.update({str(i.key.value): i.value for i in known.items if isinstance(i.key, Constant)})
        return made

    def class_attribute(self, cls: ClassDefinition, statement: Statement, member: ast.stmt) -> Value:
        """The value of an assignment in a class body, evaluated once."""
        value = getattr(member, "value", None)
        if not isinstance(value, ast.expr):
            return UNKNOWN
        key = (cls, f"{id(member)}")
        if key not in self.class_attributes:
            self.class_attributes[key] = UNKNOWN
            frame = Frame(cls.module, statement, (*self.closures.get(cls, ()), {}), phase="class body", owner=cls)
            frame.current = member
            journals, self.journals = self.journals, []
            try:
                self.class_attributes[key] = self.value(frame, value)
            finally:
                self.journals = journals
        return self.class_attributes[key]

    def _plain_attribute(self, frame: Frame, node: ast.AST, owner: Plain, name: str) -> Value:
        if name in owner.attributes:
            return owner.attributes[name]
        if name == "__dict__":
            return Partial(owner, self.site(frame, node), method="__dict__")
        if isinstance(owner.cls, ClassDefinition):
            found = self.classes.find(owner.cls, name)
            if isinstance(found, tuple):
                return self._member(frame, node, owner, *found)
            if found is not None or not self.classes.facts(owner.cls).known:
                return UNKNOWN
        elif owner.library is not None:
            return Partial(owner, self.site(frame, node), method=name)
        return join([owner.attributes["*"], UNKNOWN]) if "*" in owner.attributes else UNKNOWN

    def _class_attribute(self, frame: Frame, node: ast.AST, owner: ClassValue, name: str) -> Value:
        if name == "__name__":
            return UNKNOWN
        meaning = owner.meaning
        if isinstance(meaning, ClassDefinition):
            if (meaning, name) in self.class_attributes:
                return self.class_attributes[meaning, name]
            found = self.classes.find(meaning, name)
            if isinstance(found, tuple):
                cls, statement, member = found
                if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    decorators = {_decorator(d) for d in member.decorator_list}
                    return self.method(cls, statement, member, owner if "classmethod" in decorators else None)
                if isinstance(member, ast.ClassDef):
                    return ClassValue(ClassDefinition(cls.module, statement, member))
                return self.class_attribute(cls, statement, member)
            if isinstance(found, Library):
                return Partial(ClassValue(found), self.site(frame, node), method=name)
        return Partial(owner, self.site(frame, node), method=name)

    def _tuple(self, frame: Frame, node: ast.Tuple | ast.List | ast.Set) -> Value:
        kind = {ast.Tuple: "tuple", ast.List: "list", ast.Set: "set"}[type(node)]
        made = Container(kind, self.site(frame, node))
        for element in node.elts:
            at = self.site(frame, element)
            if isinstance(element, ast.Starred):
                spread = self.value(frame, element.value)
                made.items.extend(Item(UNKNOWN, item.value, at) for item in self.elements(spread))
                made.open = made.open or self.is_open(spread)
            else:
                made.items.append(Item(UNKNOWN, self.value(frame, element), at))
        return self.created(frame, node, made)

    def created(self, frame: Frame, node: ast.AST, made: Container) -> Container:
        """Note that a container was made."""
        self.events.append(Created(self.context(frame, node), made))
        return made

    def _dict(self, frame: Frame, node: ast.Dict) -> Value:
        made = Container("dict", self.site(frame, node))
        for key, element in zip(node.keys, node.values):
            value = self.value(frame, element)
            at = self.site(frame, element)
            if key is None:
                made.items.extend(self.elements(value))
                made.open = made.open or self.is_open(value)
            else:
                made.items.append(Item(self.value(frame, key), value, at))
        return self.created(frame, node, made)

    def _comprehension(self, frame: Frame, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
        kind = {ast.ListComp: "list", ast.SetComp: "set", ast.GeneratorExp: "iterator", ast.DictComp: "dict"}[type(node)]
        made = Container(kind, self.site(frame, node))
        scopes = frame.scopes
        frame.scopes = (*scopes, {})
        try:
            self._comprehend(frame, node, list(node.generators), made)
        finally:
            frame.scopes = scopes
        return self.created(frame, node, made)

    def _comprehend(
        self,
        frame: Frame,
        node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
        generators: list[ast.comprehension],
        made: Container,
    ) -> None:
        if not generators:
            element = node.value if isinstance(node, ast.DictComp) else node.elt
            key = self.value(frame, node.key) if isinstance(node, ast.DictComp) else UNKNOWN
            made.items.append(Item(key, self.value(frame, element), self.site(frame, element)))
            return
        first, rest = generators[0], generators[1:]
        iterable = self.value(frame, first.iter)
        scopes = frame.scopes
        for item, loop in self.turns(frame, first.iter, iterable):
            if loop:
                made.open = made.open or self.is_open(iterable)
            frame.scopes = (*scopes, {})
            self.assign(frame, first.target, item)
            tests = [self.truth(self.value(frame, test)) for test in first.ifs]
            if False not in tests:
                with self.guarded(frame, None, None not in tests, loop=loop):
                    self._comprehend(frame, node, rest, made)
        frame.scopes = scopes

    def _lambda(self, frame: Frame, node: ast.Lambda) -> Value:
        return self.function(frame, node)

    def _if_expression(self, frame: Frame, node: ast.IfExp) -> Value:
        truth = self.truth(self.value(frame, node.test))
        found = []
        for branch, wanted in ((node.body, True), (node.orelse, False)):
            if truth is None or truth is wanted:
                with self.guarded(frame, node.test, truth is not None):
                    found.append(self.value(frame, branch))
        return join(found)

    def _bool_op(self, frame: Frame, node: ast.BoolOp) -> Value:
        found: list[Value] = []
        is_and = isinstance(node.op, ast.And)
        decided: bool | None = None
        for index, operand in enumerate(node.values):
            with self.guarded(frame, node.values[index - 1] if index else None, index == 0 or decided is not None):
                value = self.value(frame, operand)
            decided = self.truth(value)
            if decided is not None and decided is not is_and:
                found.append(value)
                break
            if decided is None or index == len(node.values) - 1:
                found.append(value)
        return join(found)

    def _bin_op(self, frame: Frame, node: ast.BinOp) -> Value:
        left, right = self.value(frame, node.left), self.value(frame, node.right)
        if isinstance(left, Constant) and isinstance(right, Constant):
            return _fold(node.op, left.value, right.value)
        results: list[Value] = []
        for one in options(left):
            for other in options(right):
                results.append(self._operate(frame, node, one, other))
        return join(results[: MAX_OPTIONS * 2])

    def _operate(self, frame: Frame, node: ast.BinOp, left: Value, right: Value) -> Value:
        if isinstance(node.op, ast.Add) and isinstance(left, Container) and isinstance(right, Container):
            kind = left.kind if left.kind in ("list", "tuple") else "list"
            made = Container(kind, self.site(frame, node), [*left.items, *right.items], open=left.open or right.open)
            return self.created(frame, node, made)
        if isinstance(node.op, ast.BitOr) and isinstance(left, Container) and isinstance(right, Container):
            return Container(left.kind, self.site(frame, node), [*left.items, *right.items], open=left.open or right.open)
        if isinstance(node.op, ast.Mult):
            for container, times in ((left, right), (right, left)):
                if isinstance(container, Container) and container.kind in ("list", "tuple"):
                    count = times.value if isinstance(times, Constant) and isinstance(times.value, int) else None
                    items = list(container.items)
                    if count is not None and len(items) == 1 and 0 <= count <= MAX_TURNS:
                        items = items * count
                    made = Container(container.kind, self.site(frame, node), items, open=container.open, repeated=count != 1)
                    return self.created(frame, node, made)
        return self.compute(frame, node, [left, right])

    def _unary(self, frame: Frame, node: ast.UnaryOp) -> Value:
        value = self.value(frame, node.operand)
        if isinstance(node.op, ast.Not):
            truth = self.truth(value)
            return UNKNOWN if truth is None else Constant(not truth)
        if isinstance(value, Constant) and isinstance(value.value, (int, float)) and isinstance(node.op, ast.USub):
            return Constant(-value.value)
        return self.compute(frame, node, [value])

    def _compare(self, frame: Frame, node: ast.Compare) -> Value:
        values = [self.value(frame, node.left), *(self.value(frame, other) for other in node.comparators)]
        if len(values) != 2:
            return self.compute(frame, node, values)
        left, right, operator = values[0], values[1], node.ops[0]
        known = _compare_known(left, right, operator)
        if known is not None:
            return Constant(known)
        return self.compute(frame, node, values)

    def _subscript(self, frame: Frame, node: ast.Subscript) -> Value:
        owner = self.value(frame, node.value)
        if isinstance(node.slice, ast.Slice):
            for bound in (node.slice.lower, node.slice.upper, node.slice.step):
                if bound is not None:
                    self.value(frame, bound)
            key: Value = UNKNOWN
        else:
            key = self.value(frame, node.slice)
        found = join(self._item(frame, node, option, key) for option in options(owner))
        self._note_use(frame, node, found)
        return found

    def _item(self, frame: Frame, node: ast.Subscript, owner: Value, key: Value) -> Value:
        if isinstance(owner, Container):
            if isinstance(node.slice, ast.Slice):
                return Container(
                    owner.kind if owner.kind in ("list", "tuple") else "list",
                    self.site(frame, node), list(owner.items), open=owner.open, repeated=owner.repeated,
                )
            return self.item(owner, key)
        if isinstance(owner, (Tensor, Weight)):
            return self.compute(frame, node, [owner])
        if isinstance(owner, Layer):
            return UNKNOWN
        if isinstance(owner, Plain):
            return self.call_member(frame, node, owner, "__getitem__", [key])
        if isinstance(owner, Partial) and owner.method == "__dict__" and isinstance(owner.function, (Layer, Plain)):
            name = key.value if isinstance(key, Constant) else None
            if isinstance(name, str):
                return owner.function.attributes.get(name, UNKNOWN)
        if isinstance(owner, ClassValue):
            return owner  # a generic alias
        return UNKNOWN

    def item(self, container: Container, key: Value) -> Value:
        """`container[key]`."""
        if isinstance(key, Constant):
            exact = [item.value for item in container.items if item.key == key]
            if exact:
                return join(exact)
            positional = container.kind in ("list", "tuple", "namedtuple", "deque", "list subclass", "UserList")
            if positional and isinstance(key.value, int) and all(isinstance(i.key, Unknown) for i in container.items):
                if key.value < 0 and container.items and not (container.open and len(container.items) > 1):
                    if -key.value <= len(container.items):
                        return container.items[key.value].value
                elif not container.open and 0 <= key.value < len(container.items):
                    return container.items[key.value].value
            if container.kind == "defaultdict":
                return self._default_item(container, key)
        elif container.kind == "defaultdict" and not container.items:
            return self._default_item(container, key)
        return self.element(container)

    def _default_item(self, container: Container, key: Value) -> Value:
        """`d[key]` of a `defaultdict` whose factory is `list`, `dict` or `set`: made by reading it."""
        for item in container.items:
            if item.key == Constant("*factory*"):
                kind = item.value
                if isinstance(kind, LibraryValue) and kind.name in ("builtins.list", "builtins.dict", "builtins.set"):
                    made = Container(kind.name.removeprefix("builtins."), container.site)
                    container.items.append(Item(key, made, container.site))
                    return made
        return self.element(container)

    def _named(self, frame: Frame, node: ast.NamedExpr) -> Value:
        value = self.value(frame, node.value)
        self.assign(frame, node.target, value)
        return value

    def _starred(self, frame: Frame, node: ast.Starred) -> Value:
        return self.element(self.value(frame, node.value))

    def _await(self, frame: Frame, node: ast.Await) -> Value:
        return self.value(frame, node.value)

    def _yield(self, frame: Frame, node: ast.Yield) -> Value:
        if node.value is not None:
            frame.yielded.append(Item(UNKNOWN, self.value(frame, node.value), self.site(frame, node)))
        return UNKNOWN

    def _yield_from(self, frame: Frame, node: ast.YieldFrom) -> Value:
        frame.yielded.extend(self.elements(self.value(frame, node.value)))
        return UNKNOWN

    def _joined(self, frame: Frame, node: ast.JoinedStr) -> Value:
        parts = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                value = self.value(frame, part.value)
                if not isinstance(value, Constant) or part.format_spec is not None or part.conversion != -1:
                    return UNKNOWN
                parts.append(str(value.value))
            elif isinstance(part, ast.Constant):
                parts.append(str(part.value))
        return Constant("".join(parts))

    def _call(self, frame: Frame, node: ast.Call) -> Value:
        from kerascope.tracking.calls import call  # the two halves of one evaluator

        found = call(self, frame, node)
        self._note_use(frame, node, found)
        return found

    # --- calls (made by `calls`) ------------------------------------------------------------------------------

    def call_function(
        self, frame: Frame, node: ast.AST, function: Function, arguments: list[Value], keywords: dict[str, Value]
    ) -> Value:
        from kerascope.tracking.calls import call_function

        return call_function(self, frame, node, function, arguments, keywords)

    def apply(
        self, frame: Frame, node: ast.Call, callee: Value, arguments: list[Value], keywords: dict[str, Value]
    ) -> Value:
        """Call a value."""
        from kerascope.tracking.calls import dispatch

        return join(dispatch(self, frame, node, one, list(arguments), dict(keywords), False) for one in options(callee))

    def call_member(self, frame: Frame, node: ast.AST, owner: Plain, name: str, arguments: list[Value]) -> Value:
        """Call a method of a plain object that a file defines; UNKNOWN if it has none."""
        if isinstance(owner.cls, ClassDefinition):
            found = self.classes.find(owner.cls, name)
            if isinstance(found, tuple) and isinstance(found[2], (ast.FunctionDef, ast.AsyncFunctionDef)):
                method = self.method(found[0], found[1], found[2], owner)
                return self.call_function(frame, node, method, arguments, {})
        return UNKNOWN

    def escape(self, frame: Frame, node: ast.AST, values: Iterable[Value], to: str | None) -> None:
        from kerascope.tracking.calls import escape

        escape(self, frame, node, values, to)

    def library_entry(self, value: Layer | Plain) -> LibraryClass | None:
        """The catalogue's class behind an object."""
        return value.library if isinstance(value.library, LibraryClass) else None


def _as_load(target: ast.expr) -> ast.expr:
    """The same expression, read instead of written (the interpreter doesn't look at contexts)."""
    return target


def _decorator(node: ast.expr) -> str:
    """The last part of a decorator's name."""
    name = dotted_name(node.func if isinstance(node, ast.Call) else node) or ""
    return name.rsplit(".", 1)[-1]


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


def _fold(operator: ast.operator, left: object, right: object) -> Value:
    """Arithmetic on small literals."""
    try:
        if isinstance(left, str) and isinstance(right, str) and isinstance(operator, ast.Add):
            return Constant(left + right) if len(left) + len(right) < 10_000 else UNKNOWN
        if isinstance(left, (int, float)) and isinstance(right, (int, float)):
            if abs(left) > 1e9 or abs(right) > 1e9:
                return UNKNOWN
            if isinstance(operator, ast.Add):
                return Constant(left + right)
            if isinstance(operator, ast.Sub):
                return Constant(left - right)
            if isinstance(operator, ast.Mult):
                return Constant(left * right)
            if isinstance(operator, ast.FloorDiv):
                return Constant(left // right)
            if isinstance(operator, ast.Div):
                return Constant(left / right)
            if isinstance(operator, ast.Mod):
                return Constant(left % right)
    except ArithmeticError:
        pass
    return UNKNOWN


_OBJECTS = (Layer, Plain, Container, Function, Partial, Weight, ClassValue)


def _compare_known(left: Value, right: Value, operator: ast.cmpop) -> bool | None:
    """The result of a comparison, where it is certain."""
    if isinstance(operator, (ast.Is, ast.IsNot)):
        same: bool | None = None
        if isinstance(left, Constant) and isinstance(right, Constant):
            same = left.value is right.value or left == right
        elif isinstance(left, _OBJECTS) and isinstance(right, Constant) or isinstance(right, _OBJECTS) and isinstance(left, Constant):
            same = False
        elif isinstance(left, _OBJECTS) and left is right:
            same = True
        return None if same is None else same is isinstance(operator, ast.Is)
    if isinstance(left, Constant) and isinstance(right, Constant):
        try:
            if isinstance(operator, ast.Eq):
                return bool(left.value == right.value)
            if isinstance(operator, ast.NotEq):
                return bool(left.value != right.value)
            if isinstance(operator, ast.Lt):
                return bool(left.value < right.value)  # type: ignore[operator]
            if isinstance(operator, ast.Gt):
                return bool(left.value > right.value)  # type: ignore[operator]
            if isinstance(operator, ast.LtE):
                return bool(left.value <= right.value)  # type: ignore[operator]
            if isinstance(operator, ast.GtE):
                return bool(left.value >= right.value)  # type: ignore[operator]
        except TypeError:
            return None
    if isinstance(operator, (ast.In, ast.NotIn)) and isinstance(left, Constant) and isinstance(right, Container):
        if not right.open and right.items and all(isinstance(item.value, Constant) for item in right.items):
            keyed = right.kind in ("dict", "OrderedDict", "defaultdict")
            present = any((item.key if keyed else item.value) == left for item in right.items)
            return present is isinstance(operator, ast.In)
    return None


_EVALUATE: dict[type, Callable[..., Value]] = {
    ast.Constant: Interpreter._constant,
    ast.Name: Interpreter._name,
    ast.Attribute: Interpreter._attribute,
    ast.Tuple: Interpreter._tuple,
    ast.List: Interpreter._tuple,
    ast.Set: Interpreter._tuple,
    ast.Dict: Interpreter._dict,
    ast.ListComp: Interpreter._comprehension,
    ast.SetComp: Interpreter._comprehension,
    ast.GeneratorExp: Interpreter._comprehension,
    ast.DictComp: Interpreter._comprehension,
    ast.Lambda: Interpreter._lambda,
    ast.IfExp: Interpreter._if_expression,
    ast.BoolOp: Interpreter._bool_op,
    ast.BinOp: Interpreter._bin_op,
    ast.UnaryOp: Interpreter._unary,
    ast.Compare: Interpreter._compare,
    ast.Subscript: Interpreter._subscript,
    ast.NamedExpr: Interpreter._named,
    ast.Starred: Interpreter._starred,
    ast.Await: Interpreter._await,
    ast.Yield: Interpreter._yield,
    ast.YieldFrom: Interpreter._yield_from,
    ast.JoinedStr: Interpreter._joined,
    ast.Call: Interpreter._call,
}
