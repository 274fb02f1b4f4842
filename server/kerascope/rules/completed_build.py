"""The fix for a `build()` that leaves sublayers unbuilt, or that isn't there."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from kerascope.rules.derived_build import derive_build
from kerascope.rules.lazy_creation import append_to_build, attribute_that_holds, creations_in_call
from kerascope.rules.places import in_own_class
from kerascope.rules.rule import Fix
from kerascope.source import rewrite
from kerascope.source.document import Document
from kerascope.tracking.events import Created
from kerascope.tracking.run import LayerRun, Method, Reach
from kerascope.tracking.values import Layer, Weight


def add_builds(document: Document, run: LayerRun, build: Method, skipped: Sequence[Reach]) -> Fix | None:
    """The calls at the end of `build`, but before what marks the layer as built, and before `return`."""
    parameters = _shape_parameters(run, build)
    layers = [reach.value for reach in skipped if isinstance(reach.value, Layer)]
    derived = derive_build(run, layers, parameters) if parameters is not None else None
    if derived is None:
        return None
    edits = append_to_build(document, build, derived.lines)
    them = "the sublayer" if len(layers) == 1 else "the sublayers"
    return Fix(f"Build {them} in build()", False, edits) if edits else None


def write_build(
    document: Document, run: LayerRun, late: Sequence[Reach], one_shape: bool = False
) -> Fix | None:
    """A `build` for a class that has none; `one_shape`: it gets no more than one."""
    layers = [reach.value for reach in late if isinstance(reach.value, Layer)]
    call = run.method("call")
    if call is None or not in_own_class(run, call.site):
        return None
    if run.generation == 3 and any(_is_own_state(run, event) for event in creations_in_call(run)):
        return None  # a build() locks the layer before `call` makes its state
    derived = derive_build(run, layers)
    if derived is None or (one_shape and len(derived.parameters) != 1):
        return None
    lines = [f"def build(self, {', '.join(derived.parameters)}):"]
    lines += ["    " + line for line in (*derived.lines, "self.built = True")]
    edits = rewrite.insert_method(document, run.site, "\n".join(lines))
    return Fix("Write a build() that builds the sublayers", False, edits) if edits else None


def _is_own_state(run: LayerRun, creation: Created) -> bool:
    """Whether Keras 3 refuses it once the layer is built: a weight, or a layer that is kept."""
    value = creation.value
    if isinstance(value, Layer) and attribute_that_holds(run, creation) is None:
        return run.weights_of(value).has != "no"
    return isinstance(value, Layer | Weight)


def _shape_parameters(run: LayerRun, build: Method) -> Mapping[str, str] | None:
    """For each argument of `call`, the parameter of `build` with its shape; None where that isn't sure."""
    call = run.method("call")
    if call is None or build.node.args.vararg or build.node.args.kwonlyargs:
        return None
    arguments = [argument.arg for argument in (*call.node.args.posonlyargs, *call.node.args.args)][1:]
    shapes = [argument.arg for argument in (*build.node.args.posonlyargs, *build.node.args.args)][1:]
    stored = {
        node.id
        for node in ast.walk(build.node)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    if not arguments or not shapes or stored & set(shapes):
        return None
    if len(shapes) == 1:
        return {arguments[0]: shapes[0]}
    given = {shape.removesuffix("_shape"): shape for shape in shapes if shape.endswith("_shape")}
    return given if len(given) == len(shapes) and set(given) <= set(arguments) else None
