"""The text of a class and its bases: what rules ask of methods that the run doesn't follow."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kerascope.project.meaning import ClassDefinition
from kerascope.rules.places import in_own_class
from kerascope.source.on_node import kept_on_node
from kerascope.source.statement import Statement
from kerascope.tracking.events import AttributeWrite, Created, LayerBuilt, LayerCalled
from kerascope.tracking.run import LayerRun, Method
from kerascope.tracking.values import Layer, Weight


def methods(run: LayerRun) -> Iterator[Method]:
    """Every function in the bodies of the class and of its bases that files define."""
    for cls in run.mro():
        if isinstance(cls, ClassDefinition):
            yield from methods_of(cls)


def methods_of(cls: ClassDefinition) -> Iterator[Method]:
    """Every function in the body of one class."""
    for piece, top in _body(cls):
        if isinstance(top, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Method(top.name, top, piece, cls)


def own_methods(run: LayerRun) -> Iterator[Method]:
    """The functions in the class's own body."""
    return (each for each in methods(run) if in_own_class(run, each.site))


def _body(cls: ClassDefinition) -> Iterator[tuple[Statement, ast.stmt]]:
    if cls.statement.kind == "class" and any(cls.node is node for node in cls.statement.nodes):
        for piece in cls.statement.body:
            yield from ((piece, node) for node in piece.nodes)
    yield from ((cls.statement, node) for node in cls.node.body)


@kept_on_node
def parents(node: ast.AST) -> dict[ast.AST, ast.AST]:
    """Of each node in some code, the one that it stands in."""
    return {child: outer for outer in ast.walk(node) for child in ast.iter_child_nodes(outer)}


@kept_on_node
def self_attributes(node: ast.AST) -> tuple[ast.Attribute, ...]:
    """Each `self.name` in some code."""
    return tuple(
        inner
        for inner in ast.walk(node)
        if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id == "self"
    )


def reads(method: Method, name: str) -> bool:
    """Whether a method reads `self.name`."""
    return any(node.attr == name and isinstance(node.ctx, ast.Load) for node in self_attributes(method.node))


def is_member(run: LayerRun, name: str) -> bool:
    """Whether a class gives its objects an attribute of this name, so that it is there without any method."""
    return any(isinstance(cls, ClassDefinition) and run.project.member_of(cls, name) for cls in run.mro())


def runs_its_build(run: LayerRun) -> bool:
    """Whether the class may run its `build` itself, or asks whether it has run."""
    if not run.complete or run.escaped(run.layer):
        return True
    for event in run.events:
        by_super = isinstance(event, LayerBuilt) and event.by_super
        if isinstance(event, LayerBuilt | LayerCalled) and event.layer is run.layer and not by_super:
            return True
    return any(
        node.attr in ("build", "_maybe_build", "built") and isinstance(node.ctx, ast.Load)
        for method in methods(run)
        for node in self_attributes(method.node)
    )


def made_by_build(run: LayerRun, call: Method | None) -> list[AttributeWrite]:
    """What only `build` puts on the layer, and `call` needs: the first write of each attribute."""
    made = {
        id(event.value): event.value
        for event in run.events_of(Created)
        if event.at.phase == "build" and isinstance(event.value, Layer | Weight)
    }
    early = {event.name for event in run.events_of(AttributeWrite) if event.at.phase == "init"}
    found: dict[str, AttributeWrite] = {}
    for event in run.events_of(AttributeWrite):
        if event.at.phase != "build" or event.owner is not run.layer or event.name is None:
            continue
        state = made.get(id(event.value))
        missing = (
            event.name not in early
            and not event.at.conditional
            and event.name not in ("built", "input_spec")
            and not is_member(run, event.name)
        )
        read = call is not None and reads(call, event.name)
        if ((state is not None or missing) and read) or (state is not None and run.used(state) == "yes"):
            found.setdefault(event.name, event)
    return list(found.values())


def named(writes: list[AttributeWrite]) -> str:
    """ "`self.kernel` and 2 more"."""
    return f"`self.{writes[0].name}`" + (f" and {len(writes) - 1} more" if len(writes) > 1 else "")
