"""Sublayers that a layer's own life leaves without weights until `call` reaches them."""

from __future__ import annotations

import ast

from kerascope.tracking.classes import dotted_name
from kerascope.tracking.events import LayerCalled
from kerascope.tracking.run import LayerRun, Method
from kerascope.tracking.values import Layer, Value

_ALL_ATTRIBUTES = frozenset(("self.__dict__", "self._layers", "self.layers", "self.submodules"))


def left_unbuilt(run: LayerRun, layer: Value) -> bool:
    """Whether `call` uses a layer with weights that neither the constructor nor `build` makes, for sure."""
    if not isinstance(layer, Layer) or run.used(layer) != "yes" or run.escaped(layer):
        return False
    if layer.phase == "call":  # it isn't there when `build` runs
        return False
    build = run.own_build()
    found = run.weights_of(layer)
    if found.has != "yes" or any(weight.exists_after == "unknown" for weight in found.weights):
        return False
    late = {weight.exists_after for weight in found.weights} - {"init"}
    match run.built_in_build(layer):
        case "no":
            by_keras = build is None and run.super_build_builds(layer)
            unbuilt = "call" in late if by_keras else bool(late)
        case "yes":
            unbuilt = "call" in late and not _is_called(run, layer) and not run.builds_what_is_in(layer)
        case _:
            unbuilt = False
    return unbuilt and (build is None or not _builds_by_other_means(run, build))


def _is_called(run: LayerRun, layer: Layer) -> bool:
    """Whether `build()` calls the layer, which builds it as `call` does."""
    return any(
        isinstance(event, LayerCalled) and event.layer is layer and event.at.phase == "build"
        for event in run.events_of(LayerCalled)
    )


def _builds_by_other_means(run: LayerRun, build: Method) -> bool:
    """Whether `build` goes through all attributes, or calls something else that sounds like it; or builds as
    long as a condition holds, perhaps all of them."""
    for node in ast.walk(build.node):
        if isinstance(node, ast.While) and any(
            isinstance(inner, ast.Attribute) and inner.attr == "build" for inner in ast.walk(node)
        ):
            return True
        if isinstance(node, ast.Name) and node.id in ("vars", "dir"):
            return True
        if isinstance(node, ast.Attribute) and (
            ("_build" in node.attr and run.method(node.attr) is None) or dotted_name(node) in _ALL_ATTRIBUTES
        ):
            return True
    return False
