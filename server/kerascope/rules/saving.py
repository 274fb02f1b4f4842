"""What files get to: `.weights.h5`, `.keras` and checkpoints walk over attributes, as the tracker doesn't."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kerascope.project.meaning import ClassDefinition, Library
from kerascope.rules.hidden import states
from kerascope.rules.places import holds
from kerascope.tracking.events import AttributeWrite, ContainerWrite, Escaped
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Container, Layer, State, Value, Weight, options

LISTS = frozenset({"list", "tuple", "namedtuple", "tuple subclass", "list subclass"})
DICTS = frozenset({"dict", "OrderedDict", "defaultdict", "dict subclass"})
SETS = frozenset({"set", "set subclass"})

OWN_SAVING = ("save_own_variables", "load_own_variables", "_save_own_variables", "get_weights", "_layers")
"""Methods of a class that sees to its saving itself."""

Reads = Callable[[tuple[Container, ...]], bool]
"""Whether a file gets to what is in these containers, the first of which is an attribute."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An attribute with state that Keras trains and a file leaves out.

    `containers`: those on the way to the first of it, from the attribute's own. `written`: the assignment of
    the attribute.
    """

    name: str
    states: list[State]
    containers: tuple[Container, ...]
    written: AttributeWrite


def unsaved(run: LayerRun, reads: Reads) -> Iterator[LeftOut]:
    """The attributes with layers that are tracked, but that `.weights.h5` and `.keras` files leave out.

    These walk over all attributes, properties too, and so find what a Model has, by its `layers`.
    """
    if run.is_model() or any(run.method(name) is not None for name in OWN_SAVING):
        return

    def finds_all(layer: Layer) -> bool:
        inner = None if layer is run.layer or isinstance(layer.cls, Library) else run.run_of(layer)
        return layer is not run.layer and (inner is None or inner.is_model())

    for found in left_out(run, reads, finds_all):
        layers = [state for state in found.states if isinstance(state, Layer)]
        if layers and not _read_by_property(run, found.name):
            yield LeftOut(found.name, [*layers], found.containers, found.written)


def left_out(run: LayerRun, reads: Reads, finds_all: Callable[[Layer], bool]) -> Iterator[LeftOut]:
    """The attributes with state that is tracked, but that a file doesn't get to. `finds_all`: whether it gets
    to all that a sublayer has, in whatever container."""
    found: set[int] | None = None
    for name, value in run.layer.attributes.items():
        ways = [(around, state) for around, state in _ways(value) if around and not reads(around)]
        if not ways or name.startswith(("__", "[", "*")):
            continue
        if found is None:
            found = _saved(run, reads, finds_all)
        lost = [way for way in ways if id(way[1]) not in found and _is_trained(run, way[1])]
        written = _assignment(run, name, value)
        if lost and written is not None:
            yield LeftOut(name, [*{id(state): state for _, state in lost}.values()], lost[0][0], written)


def _ways(value: Value) -> Iterator[tuple[tuple[Container, ...], State]]:
    """The state that a value is or holds in containers, each with the containers around it."""
    waiting: list[tuple[tuple[Container, ...], Value]] = [((), value)]
    seen: set[int] = set()
    while waiting:
        around, part = waiting.pop(0)
        for option in options(part):
            if isinstance(option, (Layer, Weight)):
                yield around, option
            elif isinstance(option, Container) and id(option) not in seen:
                seen.add(id(option))
                waiting.extend(((*around, option), item.value) for item in option.items)


def _is_trained(run: LayerRun, state: State) -> bool:
    """Whether there are weights in it that Keras tracks, and no code that can't be seen has it."""
    if run.tracked(state) != "yes" or (isinstance(state, Layer) and run.weights_of(state).has != "yes"):
        return False
    # What `self.rows[i].append(layer)` puts into a row that isn't known is in one that is, too.
    writes = {id(event.at.site.node) for event in run.all_events if isinstance(event, ContainerWrite)}
    return not any(
        isinstance(event, Escaped) and id(event.at.site.node) not in writes and holds(event.value, state)
        for event in run.all_events
    )


def _saved(run: LayerRun, reads: Reads, finds_all: Callable[[Layer], bool]) -> set[int]:
    """What a file of the layer gets to, by `id`: what is an attribute or in a container that is one, and what
    the sublayers among that have."""
    found = {id(run.layer)}
    waiting = [run.layer]
    while waiting:
        layer = waiting.pop()
        if finds_all(layer):
            parts = (*layer.tracked, *layer.attributes.values(), *layer.arguments, *layer.keywords.values())
            held = [state for part in parts for state in states(part)]
        else:
            ways = (way for value in layer.attributes.values() for way in _ways(value))
            held = [state for around, state in ways if not around or reads(around)]
        for one in held:
            if id(one) not in found:
                found.add(id(one))
                if isinstance(one, Layer):
                    waiting.append(one)
    return found


def _read_by_property(run: LayerRun, name: str) -> bool:
    """Whether a property gives out what the attribute holds."""
    for cls in run.mro():
        for statement in cls.statement.body if isinstance(cls, ClassDefinition) else ():
            for node in statement.nodes if statement.kind == "function" else ():
                if isinstance(node, ast.FunctionDef) and any(
                    ast.unparse(decorator).endswith("property") for decorator in node.decorator_list
                ):
                    reads = (part for part in ast.walk(node) if isinstance(part, ast.Attribute))
                    if any(part.attr == name for part in reads):
                        return True
    return False


def _assignment(run: LayerRun, name: str, value: Value) -> AttributeWrite | None:
    """The assignment by which the attribute got its container."""
    held = {id(option) for option in options(value)}
    writes = [
        event
        for event in run.all_events
        if isinstance(event, AttributeWrite) and event.owner is run.layer and event.name == name
    ]
    kept = [event for event in writes if any(id(option) in held for option in options(event.stored))]
    found = kept or writes
    return found[-1] if found else None
