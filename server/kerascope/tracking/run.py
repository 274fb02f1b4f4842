"""The result of a symbolic run: the questions that rules may ask."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from kerascope.project.catalogue import Generation
from kerascope.project.meaning import ClassDefinition, Library
from kerascope.project.module import Module
from kerascope.project.project import Project, Reads
from kerascope.source.document import Document, Site
from kerascope.source.statement import Statement
from kerascope.tracking.classes import ClassFacts
from kerascope.tracking.events import Escaped, Event, LayerBuilt, LayerCalled, LayerMethod, Used
from kerascope.tracking.interpreter import Interpreter
from kerascope.tracking.machine import free_names
from kerascope.tracking.objects import layer_entry
from kerascope.tracking.values import (
    KEYED,
    Choice,
    ClassValue,
    Constant,
    Container,
    Function,
    Layer,
    Partial,
    Plain,
    State,
    Tensor,
    Unknown,
    Value,
    Weight,
    options,
)
from kerascope.tracking.weights import Existence, OwnedWeight, Tri, WeightsOf, library_weights, sum_weights

if TYPE_CHECKING:
    from kerascope.tracking.examine import Examiner

_E = TypeVar("_E")

MAX_REACH = 2_000
"""Values looked at when asking what an object reaches."""

_ONLY_HOLD = frozenset(
    {
        "keras.Sequential",
        "keras.layers.RNN",
        "keras.layers.SpectralNormalization",
        "keras.layers.StackedRNNCells",
        "keras.layers.TimeDistributed",
    }
)
"""Classes of Keras' whose objects use the very layers that they are given, and own no weights that train."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method as found in method resolution order: its node, the piece that holds it, and the class that
    defines it."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    statement: Statement
    owner: ClassDefinition

    @property
    def site(self) -> Site:
        return Site(self.owner.module.path, self.statement, self.node)


@dataclass(frozen=True, slots=True)
class Reach:
    """How an object reaches a layer or weight at the end of the run.

    `text`: Python for the way ("self.helper.dense", "self.blocks[0]", "self.fn → d"). `steps`: the objects on
    the way, from self's attribute value to the object itself. `breaks`: the first step that Keras doesn't
    follow (None where it follows all, as the tracker sees it).
    """

    value: State
    text: str
    steps: tuple[Value, ...]
    breaks: Value | None


class _Run:
    """What both kinds of run know."""

    _run: Interpreter
    project: Project
    module: Module
    keras_version: tuple[int, ...] | None
    """Of the run's generation: (3, 8) for 3.8.0. None: not known."""
    reads: Reads
    """What the run looked up: once that has changed, there is another run."""

    @property
    def document(self) -> Document:
        """The present text of the whole file. A rule asks for it last, or for `mentions` instead: its
        findings then depend on all of it."""
        return self.project.whole(self.module.path) or self.module.document

    def mentions(self, pattern: str) -> int:
        """How often a regular expression is found in the file; it must not reach over the end of a
        statement."""
        return self.project.mentions(self.module.path, pattern)

    def before(self, *version: int) -> bool:
        """Whether the user's Keras is known to be older than `version`; what isn't known counts as newest."""
        return self.keras_version is not None and self.keras_version < version

    def defines(self, owner: Layer | Plain, name: str) -> bool:
        """Whether a user's class gives an object an attribute of this name."""
        cls = owner.cls
        return isinstance(cls, ClassDefinition) and isinstance(self._run.classes.find(cls, name), tuple)

    def facts_of(self, layer: Layer | Plain) -> ClassFacts | None:
        """What an object's class is, if a file defines it: known without running it, which `run_of` does."""
        return self.facts_of_class(layer.cls) if isinstance(layer.cls, ClassDefinition) else None

    def facts_of_class(self, definition: ClassDefinition) -> ClassFacts:
        """The same of a class."""
        return self._run.classes.facts(definition)


class LayerRun(_Run):
    """One layer class, run symbolically under one Keras generation."""

    def __init__(
        self,
        examiner: Examiner,
        interpreter: Interpreter,
        definition: ClassDefinition,
        facts: ClassFacts,
        layer: Layer,
        spans: dict[str, tuple[int, int]],
    ) -> None:
        self._examiner = examiner
        self._run = interpreter
        self.generation: Generation = interpreter.generation
        self.keras_version = examiner.keras_version
        self.reads = Reads()
        self.project = interpreter.project
        self.module = definition.module
        self.definition = definition
        self.facts = facts
        self.layer = layer
        self.all_events: Sequence[Event] = interpreter.events
        """Also what happens inside nested layers' own constructors, `build` and `call`."""
        self.events: Sequence[Event] = [event for event in interpreter.events if event.at.subject is layer]
        """What happens in this layer's own life."""
        self.complete = interpreter.complete and facts.known
        """Every base is known, and the run ended by itself. Rules that argue from the absence of something
        ask this."""
        self._spans = spans
        self._reachable = interpreter.keras.reachable(layer)
        self._escaped: set[int] | None = None
        self._reaches: tuple[Reach, ...] | None = None
        self._weights: dict[int, WeightsOf] = {}
        self._built: dict[int, Tri] = {}

    @property
    def site(self) -> Site:
        """The class's own name, in its header."""
        return Site(self.definition.module.path, self.definition.statement, self.definition.node)

    def events_of(self, *kinds: type[_E]) -> Iterator[_E]:
        """This layer's events of these kinds, in order."""
        if len(kinds) == 1:
            return iter(self._by_kind.get(kinds[0], ()))
        return (event for event in self.events if isinstance(event, kinds))

    @cached_property
    def _by_kind(self) -> dict[type, list[Any]]:
        found: dict[type, list[Any]] = {}
        for event in self.events:
            found.setdefault(type(event), []).append(event)
        return found

    def mro(self) -> tuple[ClassDefinition | Library, ...]:
        """The class and its bases, in method resolution order."""
        return self.facts.resolution

    def run_of(self, layer: Layer) -> LayerRun | None:
        """The run of another layer's class, if a file defines it."""
        if layer is self.layer:
            return self
        return self._examiner.run(layer.cls) if isinstance(layer.cls, ClassDefinition) else None

    def run_of_class(self, cls: ClassDefinition) -> LayerRun | None:
        """The run of another class of layers."""
        return self if cls == self.definition else self._examiner.run(cls)

    def method(self, name: str) -> Method | None:
        """The user's method `name`, by method resolution order; None if only Keras has it, or none has."""
        found = self._run.classes.find(self.definition, name)
        if isinstance(found, tuple) and isinstance(found[2], (ast.FunctionDef, ast.AsyncFunctionDef)):
            return Method(name, found[2], found[1], found[0])
        return None

    def class_binding(self, name: str) -> tuple[ClassDefinition, Statement, ast.stmt] | None:
        """What gives the class itself an attribute `name`: the nearest statement in the body of a user's
        class that binds it (an annotation without a value binds nothing)."""
        for cls, statement, node in self._run.classes.bindings(self.definition, name):
            if not (isinstance(node, ast.AnnAssign) and node.value is None):
                return cls, statement, node
        return None

    def own_build(self) -> Method | None:
        """The user's own `build`, inherited from a user's base class too."""
        return self.method("build")

    def is_model(self) -> bool:
        """Whether the class is a `Model` (for Keras 2, whose `Model.build` runs `call`)."""
        return self.facts.is_model

    # --- tracked, used, built --------------------------------------------------------------------

    def tracked(self, value: State) -> Tri:
        """Whether Keras reaches `value` from the layer at the end of the run ("unknown": it escaped where it
        may be)."""
        if id(value) in self._reachable:
            return "yes"
        if self.escaped(value) or self.escaped(self.layer) or not self._run.complete or not self.facts.known:
            return "unknown"
        if any(
            isinstance(part, Layer) and part.open for part in self._reachable.values()
        ) and self._called_early(value):
            return "unknown"
        return "no"

    def _called_early(self, value: State) -> bool:
        """Whether `value` was called before `call`: a functional model whose outputs aren't known may hold
        it."""
        return any(
            isinstance(event, LayerCalled)
            and event.layer is value
            and event.at.phase in ("init", "build", "other")
            for event in self.all_events
        )

    def used(self, value: State) -> Tri:
        """Whether `call` calls (or reads) `value`."""
        if id(value) in self._in_use:
            return "yes"
        return "unknown" if self.escaped(value) or not self._run.complete else "no"

    @cached_property
    def _in_use(self) -> set[int]:
        """What is called or read in `call`, by `id`."""
        found: set[int] = set()
        for event in self.all_events:
            if event.at.phase == "call" and isinstance(event, LayerCalled):
                found.add(id(event.layer))
            elif event.at.phase == "call" and isinstance(event, Used):
                found.add(id(event.value))
                if isinstance(event.value, Tensor):
                    found.update(map(id, event.value.weights))
        return found

    @cached_property
    def _building(self) -> list[tuple[int, LayerBuilt | LayerCalled | LayerMethod]]:
        """What happens to layers until the end of `build`, with its place among all events."""
        first, end = self._spans["init"][0], self._spans["build"][1]
        return [
            (index, event)
            for index, event in enumerate(self.all_events[first:end], first)
            if isinstance(event, (LayerBuilt, LayerCalled, LayerMethod))
        ]

    def built_in_build(self, value: Layer) -> Tri:
        """Whether `self.build(shape)` builds `value`: by `value.build`, by calling it, by an escape
        ("unknown")."""
        found = self._built.get(id(value))
        if found is None:
            self._built[id(value)] = "unknown"  # while it is computed: a layer that holds itself
            found = self._built[id(value)] = self._compute_built(value)
        return found

    def _compute_built(self, value: Layer) -> Tri:
        start = self._spans["build"][0]
        for index, event in self._building:
            if isinstance(event, (LayerBuilt, LayerCalled)) and not (
                isinstance(event, LayerBuilt) and event.by_super
            ):
                if event.layer is value or (
                    event.layer is not self.layer and self._inside(event.layer, value)
                ):
                    return "yes"
            elif isinstance(event, LayerBuilt) and event.layer is self.layer and index >= start:
                if self.super_build_builds(value):
                    return "yes"
            elif isinstance(event, LayerMethod) and event.layer is value and event.name.startswith("build"):
                return "yes"
        if id(value) in self._run.built and value.library is not None and value.library.builds_in_init:
            return "yes"
        if isinstance(value.cls, Library) and (
            value.knows_input or value.cls.name.startswith("keras.applications.")
        ):
            return "yes"
        if self.builds_what_is_in(value):
            return "yes"
        return "unknown" if self.escaped(value) or self.escaped(self.layer) or not self.complete else "no"

    def builds_what_is_in(self, value: Layer) -> bool:
        """Whether `self.build(shape)` builds each sublayer of `value`, which has no weights of its own."""
        if not self._only_passes_on(value):
            return False
        inner = [layer for layer in self.children(value) if self.weights_of(layer).has != "no"]
        return bool(inner) and all(self.built_in_build(layer) == "yes" for layer in inner)

    def _only_passes_on(self, value: Layer) -> bool:
        """Whether all weights of `value` are those of its sublayers: an RNN over cells, a class of blocks."""
        entry = value.library
        if value.open or entry is None:
            return False
        if isinstance(value.cls, Library):
            return entry.wraps == ("cell",) and entry.has_weights == "depends"
        own = self.weights_of(value)
        return own.has == "yes" and all(weight.owner != value.class_name for weight in own.weights)

    def found_otherwise(self, value: Layer, depth: int = 4) -> bool:
        """Whether all weights of `value` are those of other layers, which Keras tracks: a TimeDistributed, or
        a Sequential, over sublayers that attributes hold as well."""
        inner = [layer for layer in self.children(value) if self.weights_of(layer).has != "no"]
        if not depth or not inner:
            return False
        if isinstance(value.cls, Library):
            if value.open or value.library is None or value.library.name not in _ONLY_HOLD:
                return False
        elif not self._only_passes_on(value):
            return False
        counts = [self.weights_of(layer).count for layer in inner]
        own = self.weights_of(value).count
        known = sum(count for count in counts if count is not None)
        if own is not None and None not in counts and own != known:
            return False
        return all(self.tracked(layer) == "yes" or self.found_otherwise(layer, depth - 1) for layer in inner)

    def _inside(self, outer: Layer, value: Layer) -> bool:
        """Whether building `outer` builds `value`: it is one of the layers that a library layer was given."""
        return isinstance(outer.cls, Library) and id(value) in self._run.keras.reachable(outer)

    def holds(self, outer: Layer, value: State) -> bool:
        """Whether Keras reaches `value` from another layer, `outer`, or that is it."""
        return outer is value or id(value) in self._run.keras.reachable(outer)

    def super_build_builds(self, value: Layer) -> bool:
        """Whether Keras' own `build`, reached by `super().build`, builds the children."""
        if self.generation == 2 and self.is_model():
            return self.used(value) == "yes"
        library = self.layer.library
        if library is None:
            return False
        wrapper = (
            library.is_a("keras.layers.Wrapper")
            or library.is_a("keras.layers.RNN")
            or library.is_a("keras.Sequential")
        )
        held = [
            option
            for name in (*library.wraps, "layers")
            for option in options(self.layer.attributes.get(name, Constant(None)))
        ]
        held += [
            option
            for container in held
            if isinstance(container, Container)
            for item in container.items
            for option in options(item.value)
        ]
        return wrapper and any(option is value for option in held)

    def escaped(self, value: Value) -> bool:
        """Whether `value` (or something that holds it) was handed to code that the run can't see."""
        if self._escaped is None:
            self._escaped = set()
            for event in self.all_events:
                if isinstance(event, Escaped):
                    self._add_escaped(event.value)
        return id(value) in self._escaped

    def _add_escaped(self, value: Value) -> None:
        assert self._escaped is not None
        waiting: list[Value] = [value]
        while waiting:
            part = waiting.pop()
            if id(part) in self._escaped or isinstance(part, (Unknown, Constant)):
                continue
            self._escaped.add(id(part))
            waiting.extend(inner for _, inner in _contents(part))

    # --- what is reached, and how ----------------------------------------------------------------

    def reaches(self) -> Iterator[Reach]:
        """Every layer, weight and variable that `self` reaches in any way, nearest first."""
        if self._reaches is None:
            self._reaches = tuple(self._walk())
        return iter(self._reaches)

    def _walk(self) -> Iterator[Reach]:
        keras = self._run.keras
        seen: set[int] = {id(self.layer)}
        waiting: deque[tuple[Value, str, tuple[Value, ...], Value | None]] = deque()
        for text, inner in _contents(self.layer):
            waiting.append((inner, f"self{text}", (), None))
        while waiting and len(seen) < MAX_REACH:
            value, text, steps, breaks = waiting.popleft()
            if isinstance(value, Choice):
                waiting.extend((option, text, steps, breaks) for option in value.options)
                continue
            if id(value) in seen or not isinstance(
                value, (Layer, Weight, Container, Plain, Function, Partial)
            ):
                continue
            seen.add(id(value))
            path = (*steps, value)
            if isinstance(value, (Layer, Weight)):
                yield Reach(value, text, path, None if id(value) in self._reachable else breaks or value)
            elif breaks is None and not keras.follows(value):
                breaks = value
            if not isinstance(value, Weight):
                waiting.extend((inner, text + part, path, breaks) for part, inner in _contents(value))

    def sublayers(self) -> Iterator[Reach]:
        """The layers that the tracker of `self` follows directly (through containers too), one for each
        object."""
        direct = {
            id(value): value
            for value in self._run.keras.direct(self.layer)
            if isinstance(value, Layer) and value is not self.layer
        }
        for reach in self.reaches():
            if id(reach.value) in direct:
                del direct[id(reach.value)]
                yield reach
        for value in direct.values():
            yield Reach(value, f"self.<{value.class_name}>", (value,), None)

    def is_layer_class(self, name: str) -> bool:
        """Whether a dotted name in this file surely means a class of layers or models."""
        meanings = self.project.resolve(self.module, name)
        return bool(meanings) and all(
            isinstance(meaning, (ClassDefinition, Library))
            and layer_entry(self._run, ClassValue(meaning)) is not None
            for meaning in meanings
        )

    def children(self, layer: Layer) -> list[Layer]:
        """The layers that the tracker of any layer of this run holds at its end."""
        return [value for value in self._run.keras.direct(layer) if isinstance(value, Layer)]

    # --- weights ---------------------------------------------------------------------------------

    def weights_of(self, value: Layer) -> WeightsOf:
        """The weights that a layer will have once built."""
        found = self._weights.get(id(value))
        if found is None:
            self._weights[id(value)] = WeightsOf("unknown")  # while it is computed: a layer that holds itself
            found = self._weights[id(value)] = self._compute_weights(value)
        return found

    def _compute_weights(self, value: Layer) -> WeightsOf:
        if value is not self.layer and isinstance(value.cls, ClassDefinition):
            with self.project.recording() as reads:
                run = self._examiner.run(value.cls)
                own = run.weights_of(run.layer) if run is not None and run is not self else None
            self.reads.add(reads)
            if run is None or own is None:
                return WeightsOf("unknown")
            return run._with_handed_in(self, value, own)
        if value is self.layer:
            return self._own_weights()
        return library_weights(self._run, value, self.weights_of)

    def _with_handed_in(self, asking: LayerRun, value: Layer, own: WeightsOf) -> WeightsOf:
        """The weights of `value`, an object of this run's class, in the run of another class that may have
        given it layers."""
        parts = [own]
        children = [child for child in asking._run.keras.direct(value) if isinstance(child, Layer)]
        arguments = [*value.arguments, *value.keywords.values()] if children else []
        handed = {id(inner) for argument in arguments for inner in held_by(argument)}
        for child in children:
            if id(child) in handed:
                given = asking.weights_of(child)
                parts.append(
                    replace(given, weights=tuple(replace(w, exists_after="unknown") for w in given.weights))
                )
        return parts[0] if len(parts) == 1 else sum_weights(parts)

    def _own_weights(self) -> WeightsOf:
        parts: list[WeightsOf] = []
        names = {id(reach.value): reach.text for reach in self.reaches()}
        for state in self._run.keras.direct(self.layer):
            if isinstance(state, Weight):
                name = names.get(id(state), "").removeprefix("self.") or None
                after: Existence = state.phase if state.phase in ("init", "build", "call") else "unknown"
                if state.phase == "class body" or state.phase == "module":
                    after = "init"
                sure: Tri = "unknown" if state.conditional else "yes"
                weight = OwnedWeight(self.definition.name, name, state.site, after)
                parts.append(WeightsOf(sure, (weight,), None if state.conditional or state.many else 1))
            elif isinstance(state, Layer):
                parts.append(self._as_child(state))
        library = self.layer.library
        if library is not None and library.weights and library.kind == "layer":
            reached = self.own_build() is None or any(
                event.by_super and event.layer is self.layer for event in self.events_of(LayerBuilt)
            )
            if reached:
                weights = tuple(
                    OwnedWeight(self.definition.name, name, None, "build") for name in library.weights
                )
                parts.append(WeightsOf("yes", weights, None))
        if not parts:
            return WeightsOf(
                "no" if self.complete and not self.layer.open and not self._calls_unknown() else "unknown"
            )
        total = sum_weights(parts)
        return replace(total, count=None) if self.layer.open else total

    def _calls_unknown(self) -> bool:
        return any(isinstance(event, Escaped) for event in self.events)

    def _as_child(self, child: Layer) -> WeightsOf:
        """A sublayer's weights, with the time at which they exist in *this* layer's life."""
        found = self.weights_of(child)
        built = self.built_in_build(child)
        own = self.own_build() is not None
        keras2_model = self.generation == 2 and self.is_model() and not own

        def after(weight: OwnedWeight) -> Existence:
            if self.layer.knows_input and child.phase == "init":
                return "init"
            if child.phase == "call" or weight.exists_after == "call":
                return (
                    "call"
                    if not (keras2_model or built == "yes") or weight.exists_after != "call"
                    else "build"
                )
            if weight.exists_after == "unknown" or built == "unknown":
                return "unknown"
            if weight.exists_after == "init":
                return "build" if child.phase == "build" else "init"
            if built == "yes":
                return "build" if self._built_after_init(child) else "init"
            if keras2_model:
                return "build"
            return "build" if self.super_build_builds(child) and not own else "call"

        has: Tri = "unknown" if found.has == "yes" and child.conditional else found.has
        count = None if child.many or child.conditional else found.count
        return WeightsOf(has, tuple(replace(w, exists_after=after(w)) for w in found.weights), count)

    def _built_after_init(self, child: Layer) -> bool:
        start, end = self._spans["init"]
        return not any(
            isinstance(event, (LayerBuilt, LayerCalled)) and event.layer is child
            for event in self.all_events[start:end]
        )


class ScriptRun(_Run):
    """Module-level code, or one function outside layer classes, run in the order of the code."""

    def __init__(
        self, examiner: Examiner, interpreter: Interpreter, module: Module, pieces: Sequence[Statement]
    ) -> None:
        self._examiner = examiner
        self._run = interpreter
        self.generation: Generation = interpreter.generation
        self.keras_version = examiner.keras_version
        self.reads = Reads()
        self.project = interpreter.project
        self.module = module
        self.pieces = pieces
        """The code that is run: the function, or the module's own statements."""
        self.events: Sequence[Event] = interpreter.events
        """`Created` of layers, `LayerCalled`, `LayerBuilt`, `AttributeRead`, `LayerMethod`, `Escaped` …, in
        order; those with a `subject` happen inside a layer that the script made."""
        self.all_events = self.events
        self.complete = interpreter.complete

    def events_of(self, *kinds: type[_E]) -> Iterator[_E]:
        """The script's own events of these kinds, in order."""
        for event in self.events:
            if event.at.subject is None and isinstance(event, kinds):
                yield event

    def run_of(self, layer: Layer) -> LayerRun | None:
        """The symbolic run of the class of a layer made in this script, if a file defines it."""
        return self._examiner.run(layer.cls) if isinstance(layer.cls, ClassDefinition) else None

    def children(self, layer: Layer) -> list[Layer]:
        """The layers that the tracker of a layer of this script holds at its end."""
        return [value for value in self._run.keras.direct(layer) if isinstance(value, Layer)]

    def holds(self, outer: Layer, value: State) -> bool:
        """Whether Keras reaches `value` from another layer, `outer`, or that is it."""
        return outer is value or id(value) in self._run.keras.reachable(outer)

    def weights_of(self, layer: Layer) -> WeightsOf:
        """The weights that a layer made in this script will have once built."""
        run = self.run_of(layer)
        if run is not None:
            return run.weights_of(run.layer)
        if isinstance(layer.cls, Library):
            return library_weights(self._run, layer, self.weights_of)
        return WeightsOf("unknown")

    def escaped(self, value: Value, before: Event | None = None) -> bool:
        """Whether `value` was handed to code that the run can't see (before `before`, if given)."""
        for event in self.events:
            if event is before:
                return False
            if isinstance(event, Escaped) and any(inner is value for inner in held_by(event.value)):
                return True
        return False


def held_by(value: Value, depth: int = 6) -> Iterator[Value]:
    """A value and everything that it holds."""
    waiting: list[tuple[Value, int]] = [(value, depth)]
    seen: set[int] = set()
    while waiting and len(seen) < MAX_REACH:
        part, left = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        if left:
            waiting.extend((inner, left - 1) for _, inner in _contents(part))


def _contents(value: Value) -> Iterator[tuple[str, Value]]:
    """What an object holds, and Python for the way to it."""
    if isinstance(value, (Layer, Plain)):
        for name, inner in value.attributes.items():
            yield (f".{name}" if name != "*" else ".…") if not name.startswith("[") else name, inner
    elif isinstance(value, Container):
        keyed = value.kind in KEYED or value.kind == "namedtuple"
        for index, item in enumerate(value.items):
            if keyed and isinstance(item.key, Constant):
                key = repr(item.key.value)
                yield f".{item.key.value}" if value.kind == "namedtuple" else f"[{key}]", item.value
            elif value.kind in ("set", "frozenset", "iterator", "dict view", "set subclass"):
                yield "", item.value
            else:
                yield f"[{index}]" if not keyed else "[…]", item.value
    elif isinstance(value, Function):
        names = free_names(value.node)
        for scope in value.closure:
            for name, inner in list(scope.items()):
                if name in names:
                    yield f" → {name}", inner
        for name, inner in value.defaults.items():
            yield f" → {name}", inner
        if value.bound is not None:
            yield "", value.bound
    elif isinstance(value, Partial):
        yield ("" if value.method else " → function"), value.function
        for index, inner in enumerate(value.arguments):
            yield f" → argument {index + 1}", inner
        for name, inner in value.keywords.items():
            yield f" → {name}", inner
    elif isinstance(value, Choice):
        for option in value.options:
            yield "", option


__all__ = ["LayerRun", "Method", "OwnedWeight", "Reach", "ScriptRun", "Tri", "WeightsOf"]
