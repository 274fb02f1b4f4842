"""The state of a symbolic run: frames, branches that can be undone, events, and what names and classes mean.

The parts of the interpreter (`statements`, `expressions`, `attributes`, `containers`) build on it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias

from kerascope.project.catalogue import Catalogue, Generation, catalogue
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
from kerascope.source.on_node import kept_on_node
from kerascope.source.statement import Statement
from kerascope.tracking.classes import ClassIndex, dotted_name
from kerascope.tracking.events import (
    Context,
    Created,
    Event,
)
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
    join,
    options,
)
from kerascope.tracking.versions import version_text

if TYPE_CHECKING:
    from kerascope.tracking.outcomes import Outcome, Outcomes

Flow: TypeAlias = Literal["return", "raise", "break", "continue"] | None

MAX_STEPS = 40_000
"""Expressions and statements evaluated for one layer class; above, the run ends and says it isn't
complete."""

MAX_DEPTH = 30
"""Nested calls."""

MAX_TURNS = 8
"""Turns of a loop over known elements; a longer one is run once for all."""


MISSING = object()

PLAIN_TENSOR = Tensor()
"""A tensor of `call` that no weight and no layer went into: most are."""

KERAS_VALUES = frozenset(
    (
        "autocast",
        "compute_dtype",
        "dtype",
        "dtype_policy",
        "input_dtype",
        "input_shape",
        "input_spec",
        "name",
        "output_shape",
        "path",
        "quantization_mode",
        "supports_masking",
        "trainable",
        "variable_dtype",
    )
)
"""Properties of Keras' layers that lead to no layer and no weight."""

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

_Journal: TypeAlias = dict[tuple[int, object], tuple[dict[Any, Value], object, object]]
"""For each place (a dict's `id`, and a key) that a branch wrote to: the dict, the key, and a value."""

Via: TypeAlias = Literal[
    "plain", "setattr", "__dict__", "object.__setattr__", "cached_property", "own __setattr__"
]
"""How an attribute is written."""


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
    is_generator: bool = False
    outer_names: set[str] = field(default_factory=set)
    """Declared `global` or `nonlocal`."""

    @property
    def scope(self) -> dict[str, Value]:
        return self.scopes[-1]


@kept_on_node
def free_names(node: ast.AST) -> frozenset[str]:
    """Names that the body of a function or lambda reads."""
    return frozenset(
        child.id
        for child in ast.walk(node)
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load)
    )


class Guarded:
    """While it lasts, what a frame runs depends on `test`."""

    __slots__ = ("before", "frame")

    def __init__(self, frame: Frame, test: ast.expr | None, known: bool, loop: bool) -> None:
        self.frame = frame
        self.before = frame.guards, frame.conditional, frame.in_loop
        if test is not None:
            frame.guards = (*frame.guards, test)
        frame.conditional = frame.conditional or not known
        frame.in_loop = frame.in_loop or loop

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.frame.guards, self.frame.conditional, self.frame.in_loop = self.before


class Machine:
    """What one run knows and has done so far, under one Keras generation."""

    def __init__(
        self,
        project: Project,
        generation: Generation,
        classes: ClassIndex | None = None,
        max_steps: int = MAX_STEPS,
        outcomes: Outcomes | None = None,
        keras_version: tuple[int, ...] | None = None,
    ) -> None:
        self.project = project
        self.generation = generation
        self.keras_version = keras_version
        self.catalogue: Catalogue = catalogue(generation)
        self.classes = classes or ClassIndex(project, self.catalogue)
        self.keras: Keras2 | Keras3 = Keras3() if generation == 3 else Keras2()
        self.events: list[Event] = []
        self.steps = 0
        self.max_steps = max_steps
        self.depth = 0
        self.complete = True
        self.journals: list[_Journal] = []
        self.global_values: dict[tuple[str, str], Value] = {}
        self.class_attributes: dict[tuple[ClassDefinition, str], Value] = {}
        self.written_on_classes: set[str] = set()
        """The names of those that code has assigned, rather than a class body."""
        self.local_classes: list[ClassDefinition] = []
        self.closures: dict[ClassDefinition, tuple[dict[str, Value], ...]] = {}
        self.built: set[int] = set()
        self.called: set[int] = set()
        self.running: list[ast.AST] = []
        self.flows: tuple[Flow, ...] = ()
        """How the branches of the last `alternatives` ended."""
        self.followed: dict[str, bool] = {}
        self.outcomes = outcomes
        self.noted: dict[int, Outcome] = {}
        """The outcomes that were used, by `id`."""
        self.taken_over: list[Container] = []
        """The containers in their results, which nobody else has."""
        self.ran: set[ast.AST] = set()
        self.wrote_outside = False
        """Something was written, without an event, that outlives the function that wrote it."""
        self.cut_short = False
        """A call wasn't run because it is too deep."""
        self.recursed: set[ast.AST] = set()
        """The code of calls that weren't run because their function was running, twice."""
        self.results: dict[object, Value] = {}
        """What calls that are run only once have given: `call` of each layer, functions with a cache."""

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

    def out_of_steps(self) -> NoReturn:
        """End the run: it took too long."""
        self.complete = False
        raise OutOfSteps

    # --- state that branches may undo -----------------------------------------------------------

    def put(self, target: dict[Any, Value], key: object, value: Value) -> None:
        """`target[key] = value`, in a way that leaving the branch can undo."""
        if self.journals:
            self.journals[-1].setdefault((id(target), key), (target, key, target.get(key, MISSING)))
        target[key] = value

    def alternatives(self, runs: Sequence[Callable[[], Flow]]) -> Flow:
        """Run each of `runs` from the same state, and join what those that don't raise leave behind."""
        flows: list[Flow] = []
        lasting: list[_Journal] = []
        for run in runs:
            journal: _Journal = {}
            self.journals.append(journal)
            try:
                flow = run()
            finally:
                self.journals.pop()
            flows.append(flow)
            if flow != "raise":
                lasting.append(journal)
            for place, (target, key, before) in journal.items():
                # From here on the journal holds what the branch left behind.
                journal[place] = (target, key, target.get(key, MISSING))
                if before is MISSING:
                    target.pop(key, None)
                else:
                    target[key] = before  # type: ignore[assignment]
        places = {place: entry for finals in lasting for place, entry in finals.items()}
        for place, (target, key, _) in places.items():
            present = target.get(key, MISSING)
            values = [finals[place][2] if place in finals else present for finals in lasting]
            known = [value for value in values if value is not MISSING]
            if known:
                self.put(target, key, join(known))  # type: ignore[arg-type]
        self.flows = tuple(flows)
        if None in flows:
            return None
        return next((flow for flow in ("continue", "break", "return") if flow in flows), "raise")

    def guarded(self, frame: Frame, test: ast.expr | None, known: bool, loop: bool = False) -> Guarded:
        """What runs inside depends on `test`; `known`: how it turns out has been decided."""
        return Guarded(frame, test, known, loop)

    def function(self, frame: Frame, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Function:
        """A function object made here: its defaults are evaluated now."""
        made = Function(node, self.site(frame, node), frame.module.path, frame.scopes)
        made.defaults.update(self.defaults(frame, node.args))
        if not isinstance(node, ast.Lambda):
            made.cached = any(decorator_name(d) in ("cache", "lru_cache") for d in node.decorator_list)
        return made

    def defaults(self, frame: Frame, arguments: ast.arguments) -> dict[str, Value]:
        """The values of a function's default arguments."""
        if not (arguments.defaults or arguments.kw_defaults):
            return {}
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs = [
            *zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=False)
        ]
        pairs += [
            (a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=False) if d is not None
        ]
        return {argument.arg: self.value(frame, default) for argument, default in pairs}

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
        return [item for option in options(value) if isinstance(option, Container) for item in option.items]

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

    def follows(self, module: Module) -> bool:
        """Whether functions of `module` are run: those of the project, and of packages that know of Keras."""
        known = self.followed.get(module.path)
        if known is None:
            root = self.project.root
            inside = root is None or (module.path.startswith(root) and "site-packages" not in module.path)
            known = self.followed[module.path] = inside or "keras" in module.document.text
        return known

    def compute(
        self, frame: Frame, node: ast.AST, operands: Iterable[Value], made_by: str | None = None
    ) -> Value:
        """The result of an operator or of a library function on `operands`: a tensor, if any of them is
        one."""
        weights: set[Weight] = set()
        layers: set[Layer] = set()
        tensor = made_by is not None
        waiting = list(operands)
        containers: set[int] = set()
        while waiting:
            operand = waiting.pop()
            for option in operand.options if isinstance(operand, Choice) else (operand,):
                if isinstance(option, (Unknown, Constant)):
                    continue
                if isinstance(option, Weight):
                    weights.add(option)
                    tensor = True
                elif isinstance(option, Tensor):
                    weights |= option.weights
                    layers |= option.layers
                    tensor = True
                elif isinstance(option, Container) and id(option) not in containers:
                    containers.add(id(option))  # one may hold itself
                    waiting.extend(item.value for item in option.items)
        if not tensor:
            return UNKNOWN
        if not weights and frame.phase == "call":
            return Tensor(layers=frozenset(layers)) if layers else PLAIN_TENSOR
        return Tensor(frozenset(weights), frame.phase, self.site(frame, node), made_by, frozenset(layers))

    def meant(self, meanings: Sequence[Meaning]) -> Value:
        """The value of a name with these meanings."""
        return join([self._meant(meaning) for meaning in meanings]) if meanings else UNKNOWN

    def _meant(self, meaning: Meaning) -> Value:
        if isinstance(meaning, Library):
            if self.catalogue.get(meaning.name) is not None:
                return ClassValue(meaning)
            if meaning.name == "keras.__version__":
                return version_text(
                    2 if meaning.origin == "tf_keras" else self.generation, self.keras_version
                )
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
                    meaning.node,
                    Site(meaning.module.path, meaning.statement, meaning.node),
                    meaning.module.path,
                    definition=meaning,
                    cached=any(
                        decorator_name(d) in ("cache", "lru_cache") for d in meaning.node.decorator_list
                    ),
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

    def local(self, frame: Frame, name: str) -> Value | None:
        """What `name` holds in the function's own scopes."""
        for scope in reversed(frame.scopes):
            if name in scope:
                return scope[name]
        return None

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

    def mangled(self, frame: Frame, name: str) -> str:
        if name.startswith("__") and not name.endswith("__") and frame.owner is not None:
            return f"_{frame.owner.name.lstrip('_')}{name}"
        return name

    def method(
        self,
        cls: ClassDefinition,
        statement: Statement,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        bound: Value | None,
    ) -> Function:
        """A method of `cls`, bound to an object."""
        made = Function(
            node,
            Site(cls.module.path, statement, node),
            cls.module.path,
            closure=self.closures.get(cls, ()),
            bound=bound,
            owner=cls,
            cached=any(decorator_name(d) in ("cache", "lru_cache") for d in node.decorator_list),
        )
        if node.args.defaults or any(node.args.kw_defaults):
            frame = Frame(cls.module, statement, (*made.closure, {}))
            frame.phase = "class body"
            key = (cls.module.path, f"defaults {id(node)}")
            known = self.global_values.get(key)
            if known is None:
                container = Container("defaults", made.site)
                container.items.extend(
                    Item(Constant(name), value, made.site)
                    for name, value in self.defaults(frame, node.args).items()
                )
                self.global_values[key] = known = container
            assert isinstance(known, Container)
            made.defaults.update(
                {str(i.key.value): i.value for i in known.items if isinstance(i.key, Constant)}
            )
        return made

    def class_attribute(self, cls: ClassDefinition, statement: Statement, member: ast.stmt) -> Value:
        """The value of an assignment in a class body, evaluated once."""
        value = getattr(member, "value", None)
        if not isinstance(value, ast.expr):
            return UNKNOWN
        key = (cls, f"{id(member)}")
        if key not in self.class_attributes:
            self.class_attributes[key] = UNKNOWN
            frame = Frame(
                cls.module, statement, (*self.closures.get(cls, ()), {}), phase="class body", owner=cls
            )
            frame.current = member
            journals, self.journals = self.journals, []
            try:
                self.class_attributes[key] = self.value(frame, value)
            finally:
                self.journals = journals
        return self.class_attributes[key]

    def created(self, frame: Frame, node: ast.AST, made: Container) -> Container:
        """Note that a container was made."""
        self.events.append(Created(self.context(frame, node), made))
        return made

    # --- the other parts of the interpreter -------------------------------------------------------

    def value(self, frame: Frame, node: ast.expr) -> Value:
        """What an expression evaluates to."""
        raise NotImplementedError

    def combined(
        self,
        frame: Frame,
        node: ast.AST,
        operator: ast.operator,
        left: Value,
        right: Value,
        in_place: bool = False,
    ) -> Value:
        """The result of an operator."""
        raise NotImplementedError

    def block(self, frame: Frame, body: Sequence[ast.stmt]) -> Flow:
        """Run statements in order, until one of them leaves the block."""
        raise NotImplementedError

    def assign(self, frame: Frame, target: ast.expr, value: Value) -> None:
        """Bind `target` to `value`."""
        raise NotImplementedError

    def attribute(self, frame: Frame, node: ast.AST, owner: Value, name: str) -> Value:
        """`owner.name`."""
        raise NotImplementedError

    def set_attribute(
        self, frame: Frame, node: ast.AST, owner: Value, name: str | None, value: Value, via: Via = "plain"
    ) -> None:
        """`owner.name = value`, as the owner's class takes it."""
        raise NotImplementedError

    def defines(self, owner: Layer, name: str) -> bool:
        """Whether a user's class gives `owner` an attribute of this name."""
        raise NotImplementedError

    def private_list(
        self,
        frame: Frame,
        node: ast.AST,
        owner: Layer,
        name: str,
        operation: str,
        values: Sequence[Value],
        sources: Sequence[ast.expr | None],
    ) -> None:
        """A write to one of Keras' own lists of weights."""
        raise NotImplementedError

    def set_item(self, frame: Frame, target: ast.Subscript, value: Value) -> None:
        """`container[key] = value`."""
        raise NotImplementedError

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
        """Put `value` into `container`."""
        raise NotImplementedError

    def item(self, container: Container, key: Value) -> Value:
        """`container[key]`."""
        raise NotImplementedError

    def iterated(self, frame: Frame, node: ast.AST, value: Value) -> Value:
        """What iterating `value` goes over."""
        raise NotImplementedError

    def attributes_as_dict(self, frame: Frame, node: ast.AST, names: Partial) -> Container:
        """What `vars(self)` holds, for reading."""
        raise NotImplementedError

    def turns(self, frame: Frame, node: ast.expr, iterable: Value) -> list[tuple[Value, bool]]:
        """The values of a loop's variable."""
        raise NotImplementedError

    def call(self, frame: Frame, node: ast.Call) -> Value:
        """Evaluate a call."""
        raise NotImplementedError

    def apply(
        self, frame: Frame, node: ast.Call, callee: Value, arguments: list[Value], keywords: dict[str, Value]
    ) -> Value:
        """Call a value."""
        raise NotImplementedError

    def call_function(
        self,
        frame: Frame,
        node: ast.AST,
        function: Function,
        arguments: list[Value],
        keywords: dict[str, Value],
        spread: bool = False,
    ) -> Value:
        """Run a function's body."""
        raise NotImplementedError

    def call_member(
        self, frame: Frame, node: ast.AST, owner: Layer | Plain, name: str, arguments: list[Value]
    ) -> Value:
        """Call a method that a file defines for a layer or a plain object; UNKNOWN if it has none."""
        raise NotImplementedError

    def escape(self, frame: Frame, node: ast.AST, values: Iterable[Value], to: str | None) -> None:
        """`values` are handed to unknown code."""
        raise NotImplementedError


def decorator_name(node: ast.expr) -> str:
    """The last part of a decorator's name."""
    name = dotted_name(node.func if isinstance(node, ast.Call) else node) or ""
    return name.rsplit(".", 1)[-1]
