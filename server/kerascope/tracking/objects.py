"""Making objects: layers, weights, plain objects and dataclasses, and what their constructors keep."""

from __future__ import annotations

import ast

from kerascope.project.catalogue import LibraryClass
from kerascope.project.meaning import ClassDefinition, Library
from kerascope.source.statement import Statement
from kerascope.tracking.classes import dotted_name
from kerascope.tracking.events import (
    Created,
    InitReached,
    LayerCalled,
)
from kerascope.tracking.machine import MAX_DEPTH, Frame, Machine
from kerascope.tracking.values import (
    UNKNOWN,
    ClassValue,
    Constant,
    Container,
    Item,
    Layer,
    Phase,
    Plain,
    Tensor,
    Unknown,
    Value,
    Weight,
    WeightKind,
    join,
    options,
)

_NOTHING_TO_ASK = (Unknown, Constant, Tensor, Layer, Container)
"""Of these a run knows what it can, or they have no name that a module gives."""


def infer(run: Machine, frame: Frame, node: ast.expr) -> Value | None:
    """What Jedi says of the result of a call that the run can't see into, if it has already said so.

    Asked only where the answer matters, since Jedi is slow: a layer keeps the result, and what is called has
    a name that a module gives it.
    """
    inference = run.project.inference
    if inference is None or frame.subject is None or frame.phase not in ("init", "build"):
        return None
    kept = frame.current
    if not isinstance(kept, (ast.Assign, ast.AnnAssign)) or kept.value is not node:
        return None
    targets = kept.targets if isinstance(kept, ast.Assign) else [kept.target]
    if not any(isinstance(target, ast.Attribute) for target in targets):
        return None
    root = (dotted_name(node.func) or "").partition(".")[0] if isinstance(node, ast.Call) else ""
    local = run.local(frame, root)
    if not root or (local is not None and all(isinstance(o, _NOTHING_TO_ASK) for o in options(local))):
        return None
    answer = inference.known(frame.module, frame.statement, node)
    if answer is None:
        return None
    made: list[Value] = []
    for meaning in answer.meanings:
        value = run.meant([meaning])
        if isinstance(value, ClassValue):
            made.append(outside_object(run, frame, node, value) if answer.instance else value)
    made = [value for value in made if not isinstance(value, Unknown)]
    return join(made) if made else None


def annotated_value(run: Machine, frame: Frame, annotation: ast.expr | None) -> Value:
    """An object of the class that a parameter or field is annotated with, if that is a class of layers or one
    that a file defines; UNKNOWN for all else."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except (SyntaxError, ValueError):
            return UNKNOWN
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):  # Dense | None
        sides = [annotation.left, annotation.right]
        others = [side for side in sides if not (isinstance(side, ast.Constant) and side.value is None)]
        annotation = others[0] if len(others) == 1 else None
    if isinstance(annotation, ast.Subscript):
        name = (dotted_name(annotation.value) or "").rsplit(".", 1)[-1]
        if name in ("list", "List", "Sequence"):
            made = annotated_value(run, frame, annotation.slice)
            if not isinstance(made, Layer):
                return UNKNOWN
            made.many = True
            site = run.site(frame, annotation)
            return Container("list", site, [Item(UNKNOWN, made, site)])
        annotation = annotation.slice if name in ("Optional", "Annotated", "Final") else None
        if isinstance(annotation, ast.Tuple) and annotation.elts:
            annotation = annotation.elts[0]
    if not isinstance(annotation, (ast.Name, ast.Attribute)):
        return UNKNOWN
    cls = run.value(frame, annotation)
    return outside_object(run, frame, annotation, cls) if isinstance(cls, ClassValue) else UNKNOWN


def outside_object(run: Machine, frame: Frame, node: ast.AST, cls: ClassValue) -> Value:
    """An object of a class, made where the run doesn't look: nothing is known of its constructor's
    arguments."""
    entry = layer_entry(run, cls)
    if run.depth > 6:
        run.cut_short = True
        return UNKNOWN
    if isinstance(cls.meaning, Library):
        if entry is None:
            return UNKNOWN
        made = Layer(cls.meaning, entry, run.site(frame, node), "module")
        made.open = entry.name in ("keras.layers.Layer", "keras.Model", "keras.Sequential")
        return made
    if entry is not None:
        layer = Layer(cls.meaning, entry, run.site(frame, node), "module")
        construct(run, frame, node, layer, [], {}, spread=True)
        return layer
    facts = run.classes.facts(cls.meaning)
    if (
        not facts.known
        or facts.container_kind is not None
        or facts.library not in (None, "tensorflow.Module")
    ):
        return UNKNOWN
    plain = Plain(cls.meaning, run.site(frame, node), library=facts.library, dataclass=facts.dataclass)
    if facts.dataclass:
        for base, statement, field in _fields(run, cls.meaning):
            assert isinstance(field.target, ast.Name)
            inner = Frame(base.module, statement, (*run.closures.get(base, ()), {}))
            run.depth += 1
            plain.attributes[field.target.id] = annotated_value(run, inner, field.annotation)
            run.depth -= 1
    else:
        construct(run, frame, node, plain, [], {}, spread=True)
    return plain


def layer_entry(run: Machine, cls: ClassValue) -> LibraryClass | None:
    if isinstance(cls.meaning, Library):
        entry = run.catalogue.get(cls.meaning.name)
        return entry if entry is not None and entry.kind in ("layer", "model") else None
    return run.classes.facts(cls.meaning).layer


def instantiate(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    cls: ClassValue,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """`Class(…)`."""
    meaning = cls.meaning
    entry = layer_entry(run, cls)
    if isinstance(meaning, Library):
        library = run.catalogue.get(meaning.name)
        if entry is not None:
            return new_layer(run, frame, node, meaning, entry, arguments, keywords)
        if library is not None and library.kind == "variable":
            return new_weight(run, frame, node, "keras variable", None, keywords)
        made = Plain(meaning, run.site(frame, node), library=library or meaning.name)
        _hold(made, arguments, keywords)
        run.events.append(Created(run.context(frame, node), made))
        return made
    if entry is not None:
        return new_layer(run, frame, node, meaning, entry, arguments, keywords)
    facts = run.classes.facts(meaning)
    if facts.container_kind is not None:
        container = Container(facts.container_kind, run.site(frame, node), cls=meaning)
        found = run.classes.find(meaning, "__init__")
        if isinstance(found, tuple) and isinstance(found[2], (ast.FunctionDef, ast.AsyncFunctionDef)):
            method = run.method(found[0], found[1], found[2], container)
            run.call_function(frame, node, method, arguments, keywords)
        else:
            fill(run, frame, node, container, arguments, keywords)
        return run.created(frame, node, container)
    if not facts.known:
        run.escape(frame, node, [*arguments, *keywords.values()], meaning.name)
        return UNKNOWN
    if facts.library == "typing.NamedTuple":
        return _named_tuple(run, frame, node, meaning, arguments, keywords)
    made = Plain(meaning, run.site(frame, node), library=facts.library, dataclass=facts.dataclass)
    run.events.append(Created(run.context(frame, node), made))
    if run.depth < MAX_DEPTH // 2:
        construct(run, frame, node, made, arguments, keywords)
    return made


def fill(
    run: Machine,
    frame: Frame,
    node: ast.AST,
    container: Container,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> None:
    """What the constructor of `list`, `dict` or a relative puts into a new object."""
    site = run.site(frame, node)
    for source in arguments[:1]:
        container.open = container.open or run.is_open(source)
        container.items.extend(run.elements(source))
    container.items.extend(Item(Constant(name), value, site) for name, value in keywords.items())


def _hold(made: Plain, arguments: list[Value], keywords: dict[str, Value]) -> None:
    """A library object is taken to hold whatever it was given."""
    for index, value in enumerate(arguments):
        made.attributes[f"[{index}]"] = value
    made.attributes.update(keywords)


def _fields(run: Machine, cls: ClassDefinition) -> list[tuple[ClassDefinition, Statement, ast.AnnAssign]]:
    """The annotated fields of a dataclass or NamedTuple, those of bases first."""
    found: dict[str, tuple[ClassDefinition, Statement, ast.AnnAssign]] = {}
    for base in reversed(run.classes.facts(cls).user_classes):
        for name, bindings in run.project.members(base).items():
            for statement, node in bindings:
                if isinstance(node, ast.AnnAssign) and "ClassVar" not in ast.unparse(node.annotation):
                    found[name] = (base, statement, node)
    return list(found.values())


def _field_values(
    run: Machine, frame: Frame, cls: ClassDefinition, arguments: list[Value], keywords: dict[str, Value]
) -> dict[str, Value]:
    values: dict[str, Value] = {}
    waiting = list(arguments)
    for base, statement, node in _fields(run, cls):
        assert isinstance(node.target, ast.Name)
        name = node.target.id
        if waiting:
            values[name] = waiting.pop(0)
        elif name in keywords:
            values[name] = keywords[name]
        elif node.value is not None:
            values[name] = _field_default(run, frame, base, statement, node)
        else:
            values[name] = UNKNOWN
    return values


def _field_default(
    run: Machine, frame: Frame, cls: ClassDefinition, statement: Statement, node: ast.AnnAssign
) -> Value:
    """The default of a dataclass field; `field(default_factory=f)` calls `f` for each object."""
    value = node.value
    if isinstance(value, ast.Call) and (ast.unparse(value.func)).rsplit(".", 1)[-1] in (
        "field",
        "ib",
        "attrib",
    ):
        inner = Frame(cls.module, statement, (*run.closures.get(cls, ()), {}))
        inner.subject, inner.phase, inner.current = frame.subject, frame.phase, frame.current
        for keyword in value.keywords:
            if keyword.arg in ("default_factory", "factory"):
                factory = run.value(inner, keyword.value)
                return join(run.apply(inner, value, option, [], {}) for option in options(factory))
            if keyword.arg == "default":
                return run.value(inner, keyword.value)
        return UNKNOWN
    return run.class_attribute(cls, statement, node)


def _named_tuple(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    cls: ClassDefinition,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    made = Container("namedtuple", run.site(frame, node), cls=cls)
    for name, value in _field_values(run, frame, cls, arguments, keywords).items():
        made.items.append(Item(Constant(name), value, run.site(frame, node)))
    return run.created(frame, node, made)


def new_layer(
    run: Machine,
    frame: Frame,
    node: ast.AST,
    cls: ClassDefinition | Library,
    entry: LibraryClass,
    arguments: list[Value],
    keywords: dict[str, Value],
    phase: Phase | None = None,
) -> Layer:
    """A layer object, its constructor run."""
    made = Layer(
        cls,
        entry,
        run.site(frame, node),
        phase or frame.phase,
        many=frame.in_loop,
        conditional=frame.conditional,
        cached=frame.once,
    )
    made.arguments, made.keywords = arguments, keywords
    run.events.append(Created(run.context(frame, node), made))
    if isinstance(cls, Library):
        library_init(run, frame, node, made, entry, arguments, keywords)
    elif run.depth < MAX_DEPTH // 2:
        construct(run, frame, node, made, arguments, keywords)
    else:
        made.open = True
    return made


def construct(
    run: Machine,
    frame: Frame,
    node: ast.AST,
    made: Layer | Plain,
    arguments: list[Value],
    keywords: dict[str, Value],
    spread: bool = False,
) -> None:
    """Run the constructor of an object of a user's class."""
    assert isinstance(made.cls, ClassDefinition)
    cls = made.cls
    facts = run.classes.facts(cls)
    found = run.classes.find(cls, "__init__")
    generated = facts.dataclass and not (isinstance(found, tuple) and found[0] == cls)
    if generated:
        inner = Frame(cls.module, cls.statement, ({},), "__init__", cls, made, frame.subject, frame.phase)
        if isinstance(made, Layer):
            inner.subject, inner.phase = made, "init"
        for name, value in _field_values(run, frame, cls, arguments, keywords).items():
            run.set_attribute(inner, cls.node, made, name, value)
        after = run.classes.find(cls, "__post_init__")
        if isinstance(after, tuple) and isinstance(after[2], ast.FunctionDef):
            run.call_function(frame, node, run.method(after[0], after[1], after[2], made), [], {})
        return
    if isinstance(found, tuple):
        if isinstance(found[2], (ast.FunctionDef, ast.AsyncFunctionDef)):
            method = run.method(found[0], found[1], found[2], made)
            run.call_function(frame, node, method, arguments, keywords, spread)
        return
    if isinstance(made, Layer) and made.library is not None:
        library_init(run, frame, node, made, made.library, arguments, keywords)
    elif isinstance(made, Plain) and found is None and not facts.known:
        run.escape(frame, node, [*arguments, *keywords.values()], cls.name)


def library_init(
    run: Machine,
    frame: Frame,
    node: ast.AST,
    layer: Layer,
    entry: LibraryClass,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> None:
    """Keras' own constructor: it keeps and tracks every layer that it is given."""
    inner = Frame(frame.module, frame.statement, frame.scopes, frame.method, frame.owner, frame.self_value)
    inner.subject, inner.phase, inner.current = frame.subject, frame.phase, frame.current
    inner.guards, inner.conditional, inner.in_loop = frame.guards, frame.conditional, frame.in_loop
    named = {**dict(zip(entry.init, arguments, strict=False)), **keywords}
    run.events.append(InitReached(run.context(inner, node), layer, named.get("trainable")))
    model = entry.kind == "model" or "keras.Model" in entry.bases
    for index, value in enumerate(arguments[len(entry.init) :]):
        named[f"[{index}]"] = value
    for name, value in named.items():
        for option in options(value):
            if isinstance(option, Tensor):
                if model:
                    for part in option.layers:
                        run.keras.assign(layer, None, part, False)
                    layer.knows_input = True
            elif isinstance(option, Container) and model:
                _take_graph(run, layer, option)
            if name in ("layers", "[0]") and model and isinstance(option, Container) and option.items:
                layer.knows_input = layer.knows_input or gives_input(run, option.items[0].value)
            if isinstance(option, (Layer, Container)) and _holds_state(option):
                stored = run.keras.assign(layer, name, option, False)
                key = "layers" if name in ("layers", "[0]") and model else name
                run.put(layer.attributes, key, stored)
            if isinstance(option, Unknown) and (
                name in entry.wraps or (model and name in ("inputs", "outputs", "layers"))
            ):
                layer.open = True
    build_sequential(run, inner, node, layer)


def build_sequential(run: Machine, frame: Frame, node: ast.AST, model: Layer) -> None:
    """A `Sequential` that knows its input calls its layers as they come."""
    held = model.attributes.get("layers")
    if model.knows_input and isinstance(held, Container) and isinstance(node, ast.Call):
        for item in held.items:
            for option in options(item.value):
                if isinstance(option, Layer) and id(option) not in run.built:
                    run.built.add(id(option))
                    run.events.append(LayerCalled(run.context(frame, node), option, node, ()))
                    run_lambda(run, frame, node, option)


def run_lambda(run: Machine, frame: Frame, node: ast.Call, layer: Layer) -> None:
    """What the function of a library's `Lambda` does, once: it happens in the life of that layer."""
    if not isinstance(layer.cls, Library) or layer.cls.name != "keras.layers.Lambda":
        return
    key = ("lambda", id(layer))
    function = layer.arguments[0] if layer.arguments else layer.keywords.get("function", UNKNOWN)
    if key in run.results or isinstance(function, Unknown):
        return
    run.results[key] = UNKNOWN
    inner = Frame(frame.module, frame.statement, frame.scopes, frame.method, frame.owner, frame.self_value)
    inner.subject, inner.phase, inner.current, inner.calls = layer, "call", frame.current, frame.calls
    given = run.elements(layer.keywords.get("arguments", UNKNOWN))
    keywords = {str(item.key.value): item.value for item in given if isinstance(item.key, Constant)}
    run.apply(inner, node, function, [Tensor()], keywords)


INPUT_ARGUMENTS = frozenset({"input_shape", "batch_input_shape", "input_dim", "batch_shape", "input_length"})
"""With one of these a layer tells its input shape, and a `Sequential` that starts with it is built at
once."""


def gives_input(run: Machine, first: Value) -> bool:
    """Whether a `Sequential` that begins with this layer knows the shape of its input.

    Keras 3 asks a model that comes first since 3.5.0 (`Sequential._maybe_rebuild`).
    """
    asks = run.keras_version is None or not (3,) <= run.keras_version < (3, 5)
    return any(
        isinstance(option, Tensor)
        or (
            isinstance(option, Layer)
            and (
                (asks and option.knows_input)
                or option.class_name == "InputLayer"
                or (
                    asks
                    and isinstance(option.cls, Library)
                    and option.cls.name.startswith("keras.applications.")
                )
                or _tells_input(run, option)
            )
        )
        for option in options(first)
    )


def _tells_input(run: Machine, layer: Layer) -> bool:
    """Whether a layer's own arguments say what its input is."""
    if layer.library is not None and layer.library.is_a("keras.layers.Embedding"):
        # Its `input_dim` is the size of the vocabulary. Keras 2 takes (None,) for an input that isn't told.
        return run.generation == 2 or "input_shape" in layer.keywords
    return not INPUT_ARGUMENTS.isdisjoint(layer.keywords)


def _take_graph(run: Machine, model: Layer, outputs: Container, depth: int = 4) -> None:
    """A functional model holds the layers that its outputs were computed by."""
    for item in outputs.items:
        for option in options(item.value):
            if isinstance(option, Tensor):
                model.knows_input = True
                for layer in option.layers:
                    run.keras.assign(model, None, layer, False)
            elif isinstance(option, Container) and depth:
                _take_graph(run, model, option, depth - 1)
            elif isinstance(option, Unknown):
                model.open = True
    model.open = model.open or outputs.open


def _holds_state(value: Value, depth: int = 4) -> bool:
    if isinstance(value, (Layer, Weight)):
        return True
    if isinstance(value, Container) and depth:
        return any(_holds_state(option, depth - 1) for item in value.items for option in options(item.value))
    return False


def new_weight(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    kind: WeightKind,
    owner: Layer | None,
    keywords: dict[str, Value],
) -> Weight:
    """A weight or variable object."""
    trainable = keywords.get("trainable", Constant(True))
    flag: bool | None = None
    if isinstance(trainable, Constant):
        flag = True if trainable.value is None and run.generation == 2 else bool(trainable.value)
    made = Weight(
        kind, run.site(frame, node), node, frame.phase, owner, flag, frame.conditional, frame.in_loop
    )
    run.events.append(Created(run.context(frame, node), made))
    return made
