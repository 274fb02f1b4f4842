"""What `.weights.h5` and `.keras` files get to: they walk over attributes, which isn't the tracker's way."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kerascope.project.meaning import ClassDefinition, Library
from kerascope.rules.hidden import states
from kerascope.rules.places import holds
from kerascope.tracking.events import AttributeWrite, ContainerWrite, Escaped
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Container, Layer, Value, options

LISTS = frozenset({"list", "tuple", "namedtuple", "tuple subclass", "list subclass"})
DICTS = frozenset({"dict", "OrderedDict", "defaultdict", "dict subclass"})
SETS = frozenset({"set", "set subclass"})

OWN_SAVING = ("save_own_variables", "load_own_variables", "_save_own_variables", "get_weights", "_layers")
"""Methods of a class that sees to its saving itself."""


@dataclass(frozen=True, slots=True)
class Unsaved:
    """An attribute with layers that Keras trains and a file leaves out.

    `containers`: those on the way to the first of them, from the attribute's own. `written`: the assignment
    of the attribute.
    """

    name: str
    layers: list[Layer]
    containers: tuple[Container, ...]
    written: AttributeWrite


Reads = Callable[[tuple[Container, ...]], bool]
"""Whether a file gets to what is in these containers, the first of which is an attribute."""


def unsaved(run: LayerRun, reads: Reads) -> Iterator[Unsaved]:
    """The attributes with layers that are tracked, but that a file of this Keras doesn't get to."""
    if run.is_model() or any(run.method(name) is not None for name in OWN_SAVING):
        return
    found: set[int] | None = None
    for name, value in run.layer.attributes.items():
        ways = [(around, layer) for around, layer in _ways(value) if around and not reads(around)]
        if not ways or name.startswith(("__", "[", "*")) or _read_by_property(run, name):
            continue
        if found is None:
            found = _saved(run, reads)
        left_out = [way for way in ways if id(way[1]) not in found and _is_trained(run, way[1])]
        written = _assignment(run, name, value)
        if left_out and written is not None:
            layers = list({id(layer): layer for _, layer in left_out}.values())
            yield Unsaved(name, layers, left_out[0][0], written)


def _ways(value: Value) -> Iterator[tuple[tuple[Container, ...], Layer]]:
    """The layers that a value is or holds in containers, each with the containers around it."""
    waiting: list[tuple[tuple[Container, ...], Value]] = [((), value)]
    seen: set[int] = set()
    while waiting:
        around, part = waiting.pop(0)
        for option in options(part):
            if isinstance(option, Layer):
                yield around, option
            elif isinstance(option, Container) and id(option) not in seen:
                seen.add(id(option))
                waiting.extend(((*around, option), item.value) for item in option.items)


def _is_trained(run: LayerRun, layer: Layer) -> bool:
    """Whether it has weights that Keras tracks, and no code that can't be seen has it."""
    if run.tracked(layer) != "yes" or run.weights_of(layer).has != "yes":
        return False
    # What `self.rows[i].append(layer)` puts into a row that isn't known is in one that is, too.
    writes = {id(event.at.site.node) for event in run.all_events if isinstance(event, ContainerWrite)}
    return not any(
        isinstance(event, Escaped) and id(event.at.site.node) not in writes and holds(event.value, layer)
        for event in run.all_events
    )


def _saved(run: LayerRun, reads: Reads) -> set[int]:
    """What a file of the layer gets to, by `id`: sublayers that are attributes or in a container that is one,
    and theirs. What library layers hold, and a Model's `layers`, it finds at any depth."""
    found = {id(run.layer)}
    waiting = [run.layer]
    while waiting:
        layer = waiting.pop()
        held: list[Layer] = []
        if isinstance(layer.cls, Library) or _is_model(run, layer):
            parts = (*layer.tracked, *layer.attributes.values(), *layer.arguments, *layer.keywords.values())
            held = [state for part in parts for state in states(part) if isinstance(state, Layer)]
        else:
            ways = (way for value in layer.attributes.values() for way in _ways(value))
            held = [inner for around, inner in ways if not around or reads(around)]
        for one in held:
            if id(one) not in found:
                found.add(id(one))
                waiting.append(one)
    return found


def _is_model(run: LayerRun, layer: Layer) -> bool:
    if layer is run.layer or not isinstance(layer.cls, ClassDefinition):
        return False
    inner = run.run_of(layer)
    return inner is None or inner.is_model()


def _read_by_property(run: LayerRun, name: str) -> bool:
    """Whether a property gives out what the attribute holds: the file's walk reads properties too."""
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
