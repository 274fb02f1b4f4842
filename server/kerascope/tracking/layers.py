"""Layers in use: their `build` and `call`, and the methods that Keras gives them."""

from __future__ import annotations

import ast

from kerascope.project.catalogue import LibraryClass
from kerascope.project.meaning import ClassDefinition, Library
from kerascope.tracking.events import (
    AddWeight,
    Escaped,
    LayerBuilt,
    LayerCalled,
    LayerMethod,
)
from kerascope.tracking.machine import Frame, Machine
from kerascope.tracking.objects import (
    build_sequential,
    gives_input,
    layer_entry,
    library_init,
    new_layer,
    new_weight,
    run_lambda,
)
from kerascope.tracking.values import (
    UNKNOWN,
    ClassValue,
    Constant,
    Container,
    Function,
    Item,
    Layer,
    Tensor,
    Unknown,
    Value,
    Weight,
)


def call_layer(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    layer: Layer,
    arguments: list[Value],
    keywords: dict[str, Value],
    method: str = "__call__",
) -> Value:
    """`layer(x)`: builds it if need be, runs its `call`."""
    run.events.append(LayerCalled(run.context(frame, node), layer, node, tuple(arguments), method))
    run.events.extend(
        Escaped(run.context(frame, node), value, layer.class_name)
        for value in keywords.values()
        if isinstance(value, (Layer, Function))
    )
    result: Value | None = None
    if isinstance(layer.cls, ClassDefinition):
        result = _run_life(run, frame, node, layer, arguments, keywords, method)
    else:
        run.built.add(id(layer))
        for part in (layer, *run.keras.direct(layer)) if layer.tracked else (layer,):
            if isinstance(part, Layer):
                run_lambda(run, frame, node, part)
    layers = {layer}
    weights: frozenset[Weight] = frozenset()
    for argument in [*arguments, *keywords.values()]:
        made = run.compute(frame, node, [argument])
        if isinstance(made, Tensor):
            layers |= made.layers
            if frame.subject is None:  # what a functional graph took in on the way
                weights |= made.weights
    if isinstance(result, Tensor):
        # A functional model over this tensor holds the layer itself, not what works inside it.
        weights |= result.weights
        return Tensor(weights, frame.phase, run.site(frame, node), None, frozenset(layers))
    if isinstance(result, Container):
        return result
    return Tensor(weights, frame.phase, run.site(frame, node), None, frozenset(layers))


def _run_life(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    layer: Layer,
    arguments: list[Value],
    keywords: dict[str, Value],
    method: str,
) -> Value | None:
    """Run `build` and `call` of a user's layer, each once for each object."""
    if id(layer) not in run.built and method != "call":
        build_layer(run, frame, node, layer, [UNKNOWN])
    key = ("call", id(layer))
    if key in run.results:
        return run.results[key]
    run.results[key] = UNKNOWN
    assert isinstance(layer.cls, ClassDefinition)
    for name in ("__call__", "call"):
        found = run.classes.find(layer.cls, name)
        if isinstance(found, tuple) and isinstance(found[2], (ast.FunctionDef, ast.AsyncFunctionDef)):
            inputs = [_as_input(argument) for argument in arguments]
            bound = run.method(found[0], found[1], found[2], layer)
            run.results[key] = run.call_function(frame, node, bound, inputs, dict(keywords), True)
            break
    return run.results[key]


def _as_input(value: Value) -> Value:
    return Tensor() if isinstance(value, Unknown) else value


def build_layer(run: Machine, frame: Frame, node: ast.Call, layer: Layer, arguments: list[Value]) -> None:
    """Run the user's own `build` of a layer, once for each object."""
    if id(layer) in run.built:
        return
    if isinstance(layer.cls, ClassDefinition):
        found = run.classes.find(layer.cls, "build")
        if isinstance(found, tuple) and isinstance(found[2], (ast.FunctionDef, ast.AsyncFunctionDef)):
            method = run.method(found[0], found[1], found[2], layer)
            run.call_function(frame, node, method, arguments, {}, True)
    run.built.add(id(layer))


def library_method(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    layer: Layer,
    entry: LibraryClass,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """A method of Keras' own on a layer: reached by `super()`, by the class's name, or because the user has
    none."""
    if name == "__init__":
        library_init(run, frame, node, layer, entry, arguments, keywords)
    elif name == "build":
        run.events.append(
            LayerBuilt(run.context(frame, node), layer, node, by_super=layer is frame.self_value)
        )
        if layer is not frame.self_value:
            run.built.add(id(layer))
    elif name in ("call", "__call__"):
        if layer is frame.self_value:
            return run.compute(frame, node, arguments, made_by="call")
        return call_layer(run, frame, node, layer, arguments, keywords, name)
    elif name in ("add_weight", "add_variable"):
        made = new_weight(run, frame, node, "weight", layer, keywords)
        layer.tracked.append(made)
        run.events.append(AddWeight(run.context(frame, node), layer, node, made, keywords, tuple(arguments)))
        return made
    elif name == "add" and entry.kind == "model":
        given = (*arguments, *keywords.values())
        run.events.append(LayerMethod(run.context(frame, node), layer, name, node, given))
        for argument in given[:1]:
            layer.knows_input = layer.knows_input or (
                "layers" not in layer.attributes and gives_input(run, argument)
            )
            stored = run.keras.assign(layer, None, argument, False)
            held = layer.attributes.get("layers")
            if isinstance(held, Container):
                held.items.append(Item(UNKNOWN, stored, run.site(frame, node)))
            else:
                listed = Container(
                    "list", run.site(frame, node), [Item(UNKNOWN, stored, run.site(frame, node))]
                )
                run.put(layer.attributes, "layers", listed)
            layer.open = layer.open or isinstance(argument, Unknown)
            build_sequential(run, frame, node, layer)
    elif name == "__setattr__" and len(arguments) == 2:
        key = arguments[0].value if isinstance(arguments[0], Constant) else None
        run.set_attribute(frame, node, layer, key if isinstance(key, str) else None, arguments[1], "setattr")
    elif name in ("_track_trackable", "_track_variable", "_track_variables", "track"):
        for argument in arguments[:1]:
            run.keras.assign(layer, None, argument, False)
    elif name == "get_layer":
        return run.element(run.attribute(frame, node, layer, "layers"))
    elif name == "__getattribute__" and arguments:
        key = arguments[0].value if isinstance(arguments[0], Constant) else "*"
        return run.attribute(frame, node, layer, str(key))
    else:
        given = (*arguments, *keywords.values())
        run.events.append(LayerMethod(run.context(frame, node), layer, name, node, given))
        if name in (
            "set_weights",
            "load_weights",
            "fit",
            "predict",
            "evaluate",
            "train_on_batch",
            "test_on_batch",
        ):
            run.built.add(id(layer))
        return run.compute(frame, node, arguments)
    return UNKNOWN


def class_method(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    cls: ClassValue,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """A method called through its class: `Layer.__init__(self)`, `Dense.from_config(c)`, `Base.build(self,
    shape)`."""
    entry = layer_entry(run, cls)
    if arguments and isinstance(arguments[0], Layer) and entry is not None and name != "from_config":
        owner, rest = arguments[0], arguments[1:]
        return library_method(run, frame, node, owner, entry, name, rest, keywords)
    if name == "from_config" and entry is not None:
        return new_layer(run, frame, node, cls.meaning, entry, [], {})
    if name == "__setattr__" and isinstance(cls.meaning, Library) and cls.meaning.name == "object":
        return UNKNOWN
    if isinstance(cls.meaning, Library) and cls.meaning.name == "tensorflow.Module":
        return UNKNOWN
    run.escape(frame, node, [*arguments, *keywords.values()], f"{getattr(cls.meaning, 'name', '')}.{name}")
    return UNKNOWN


def call_life(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    layer: Layer,
    method: Function,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value | None:
    """`layer.build(shape)` and `layer.call(x)` of a user's layer, called by hand; None if it is another
    method."""
    name = getattr(method.node, "name", "")
    if name == "build":
        run.events.append(LayerBuilt(run.context(frame, node), layer, node))
        if layer is frame.subject and frame.phase == "build":
            return None
        build_layer(run, frame, node, layer, [*arguments, *keywords.values()])
        return UNKNOWN
    if name in ("call", "__call__") and layer is not frame.subject:
        return call_layer(run, frame, node, layer, arguments, keywords, name)
    return None
