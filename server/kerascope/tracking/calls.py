"""Calling things symbolically: functions, classes, layers, methods; what a library does is in `library`."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from kerascope.project.catalogue import LibraryClass
from kerascope.project.meaning import ClassDefinition, Library
from kerascope.tracking.events import (
    AddWeight,
    ContainerWrite,
    Created,
    Escaped,
    InitReached,
    LayerBuilt,
    LayerCalled,
    LayerMethod,
    PrivateListWrite,
)
from kerascope.tracking.interpreter import KERAS_LISTS, MAX_DEPTH, Frame, Interpreter, is_generator, join, options
from kerascope.tracking.library import call_library
from kerascope.tracking.values import (
    UNKNOWN,
    ClassValue,
    Constant,
    Container,
    Function,
    Item,
    Layer,
    LibraryValue,
    Partial,
    Phase,
    Plain,
    Tensor,
    Unknown,
    Value,
    Weight,
)

LIFE = {"__init__": "init", "build": "build", "call": "call", "__call__": "call"}
"""The methods that are parts of a layer's life."""

CONTAINER_WRITES = frozenset(
    {"append", "insert", "extend", "add", "update", "setdefault", "appendleft", "extendleft", "__setitem__", "put"}
)


def call(run: Interpreter, frame: Frame, node: ast.Call) -> Value:
    """Evaluate a call."""
    function = node.func
    if isinstance(function, ast.Attribute):
        if is_super(run, frame, function.value):
            return _call_super(run, frame, node, function.value, function.attr)
        inner = function.value
        if isinstance(inner, ast.Attribute) and inner.attr in KERAS_LISTS and function.attr in CONTAINER_WRITES:
            written = _write_private_list(run, frame, node, inner, function.attr)
            if written:
                return UNKNOWN
    callee = run.value(frame, function)
    arguments, keywords, spread = _arguments(run, frame, node)
    found = [dispatch(run, frame, node, one, list(arguments), dict(keywords), spread) for one in options(callee)]
    return join(found)


def is_super(run: Interpreter, frame: Frame, node: ast.expr) -> bool:
    """Whether `node` is `super(…)`."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def _arguments(run: Interpreter, frame: Frame, node: ast.Call) -> tuple[list[Value], dict[str, Value], bool]:
    """Positional and keyword values; whether `*args` or `**kwargs` of unknown content is among them."""
    arguments: list[Value] = []
    keywords: dict[str, Value] = {}
    spread = False
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            value = run.value(frame, argument.value)
            if isinstance(value, Container) and not value.open:
                arguments.extend(item.value for item in value.items)
            else:
                spread = True
                arguments.extend(item.value for item in run.elements(value))
        else:
            arguments.append(run.value(frame, argument))
    for keyword in node.keywords:
        value = run.value(frame, keyword.value)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
        elif isinstance(value, Container):
            spread = spread or value.open
            for item in value.items:
                if isinstance(item.key, Constant) and isinstance(item.key.value, str):
                    keywords[item.key.value] = item.value
        else:
            spread = True
    return arguments, keywords, spread


def dispatch(
    run: Interpreter, frame: Frame, node: ast.Call, callee: Value, arguments: list[Value], keywords: dict[str, Value],
    spread: bool,
) -> Value:
    if isinstance(callee, ClassValue):
        return instantiate(run, frame, node, callee, arguments, keywords)
    if isinstance(callee, Function):
        if isinstance(callee.bound, Layer) and callee.owner is not None:
            life = _call_life(run, frame, node, callee.bound, callee, arguments, keywords)
            if life is not None:
                return life
        return call_function(run, frame, node, callee, arguments, keywords, spread)
    if isinstance(callee, Partial):
        if callee.method is not None:
            return _call_method(run, frame, node, callee, arguments, keywords)
        return dispatch(
            run, frame, node, callee.function, [*callee.arguments, *arguments], {**callee.keywords, **keywords}, spread
        )
    if isinstance(callee, Layer):
        return call_layer(run, frame, node, callee, arguments, keywords)
    if isinstance(callee, LibraryValue):
        return call_library(run, frame, node, callee, arguments, keywords)
    if isinstance(callee, Plain):
        if isinstance(callee.cls, ClassDefinition):
            found = run.classes.find(callee.cls, "__call__")
            if isinstance(found, tuple) and isinstance(found[2], (ast.FunctionDef, ast.AsyncFunctionDef)):
                method = run.method(found[0], found[1], found[2], callee)
                return call_function(run, frame, node, method, arguments, keywords, spread)
        if isinstance(callee.library, LibraryClass) and callee.library.kind in ("initializer", "regularizer", "constraint"):
            return Tensor(phase=frame.phase, site=run.site(frame, node), made_by=callee.cls.name)
    if isinstance(callee, Constant):
        return UNKNOWN
    inferred = infer(run, frame, node)
    if inferred is not None and isinstance(callee, Unknown):
        escape(run, frame, node, [*arguments, *keywords.values()], None)
        return inferred
    escape(run, frame, node, [callee, *arguments, *keywords.values()], None)
    return run.compute(frame, node, arguments) if isinstance(callee, Unknown) and _only_tensors(arguments) else UNKNOWN


def _call_life(
    run: Interpreter, frame: Frame, node: ast.Call, layer: Layer, method: Function, arguments: list[Value],
    keywords: dict[str, Value],
) -> Value | None:
    """`layer.build(shape)` and `layer.call(x)` of a user's layer, called by hand; None if it is another method."""
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


def _only_tensors(arguments: Sequence[Value]) -> bool:
    return bool(arguments) and all(isinstance(argument, Tensor) for argument in arguments[:1])


def infer(run: Interpreter, frame: Frame, node: ast.expr) -> Value | None:
    """What Jedi says of an expression, if it has already said so: an object of a class."""
    inference = getattr(run.project, "inference", None)
    if inference is None or frame.phase == "call":
        return None
    answer = inference.known(frame.module, frame.statement, node)
    if answer is None:
        return None
    made: list[Value] = []
    for meaning in answer.meanings:
        value = run.meant([meaning])
        if not isinstance(value, ClassValue):
            continue
        made.append(value if not answer.instance else outside_object(run, frame, node, value))
    made = [value for value in made if not isinstance(value, Unknown)]
    return join(made) if made else None


def outside_object(run: Interpreter, frame: Frame, node: ast.AST, cls: ClassValue) -> Value:
    """An object of a class, made where the run doesn't look: its constructor is run with unknown arguments."""
    entry = _layer_entry(run, cls)
    if entry is None:
        return UNKNOWN
    if isinstance(cls.meaning, Library):
        made = Layer(cls.meaning, entry, run.site(frame, node), "module")
        made.open = entry.name in ("keras.layers.Layer", "keras.Model", "keras.Sequential")
        return made
    if run.depth > 6:
        return UNKNOWN
    return new_layer(run, frame, node, cls.meaning, entry, [], {}, phase="module")


def _layer_entry(run: Interpreter, cls: ClassValue) -> LibraryClass | None:
    if isinstance(cls.meaning, Library):
        entry = run.catalogue.get(cls.meaning.name)
        return entry if entry is not None and entry.kind in ("layer", "model") else None
    return run.classes.facts(cls.meaning).layer


# --- functions --------------------------------------------------------------------------------------------------


def call_function(
    run: Interpreter,
    frame: Frame,
    node: ast.AST,
    function: Function,
    arguments: list[Value],
    keywords: dict[str, Value],
    spread: bool = False,
) -> Value:
    """Run a function's body with these arguments."""
    code = function.node
    if run.depth >= MAX_DEPTH or run.running.count(code) >= 2:
        return UNKNOWN
    module = frame.module if function.module_path == frame.module.path else run.project.module(function.module_path)
    if module is None:
        return UNKNOWN
    key = (code, *(id(option) for argument in arguments for option in options(argument) if isinstance(option, Layer)))
    if function.cached and key in run.results:
        return run.results[key]
    scope = bind(run, frame, function, arguments, keywords, spread)
    inner = Frame(module, function.site.statement, (*function.closure, scope))
    inner.method = "<lambda>" if isinstance(code, ast.Lambda) else code.name
    inner.owner = function.owner if function.owner is not None else (frame.owner if function.closure else None)
    inner.self_value = function.bound if function.owner is not None else (frame.self_value if function.closure else None)
    _place_in_life(run, frame, inner, function)
    inner.once = frame.once or function.cached or _is_cached_property(code)
    inner.current = frame.current if isinstance(code, ast.Lambda) else None
    inner.calls = (*frame.calls, run.site(frame, node)) if frame.method is not None else ()
    run.depth += 1
    run.running.append(code)
    try:
        if isinstance(code, ast.Lambda):
            result = run.value(inner, code.body)
        else:
            run.block(inner, code.body)
            result = join(inner.returned)
            if is_generator(code):
                result = Container("iterator", run.site(frame, node), list(inner.yielded))
    finally:
        run.depth -= 1
        run.running.pop()
    if function.cached:
        run.results[key] = result
    return result


def _is_cached_property(code: ast.AST) -> bool:
    return any("cached_property" in ast.unparse(d) for d in getattr(code, "decorator_list", ()))


def _place_in_life(run: Interpreter, frame: Frame, inner: Frame, function: Function) -> None:
    """Which layer's life the called function is part of."""
    bound = function.bound
    if isinstance(bound, Layer) and bound is not frame.subject:
        inner.subject = bound
        name = inner.method or ""
        inner.phase = LIFE.get(name, "call" if frame.phase == "call" else "other")  # type: ignore[assignment]
        return
    inner.subject, inner.phase = frame.subject, frame.phase
    inner.guards, inner.conditional, inner.in_loop = frame.guards, frame.conditional, frame.in_loop


def bind(
    run: Interpreter, frame: Frame, function: Function, arguments: list[Value], keywords: dict[str, Value], spread: bool
) -> dict[str, Value]:
    """Parameters to values."""
    parameters = function.node.args
    values = list(arguments)
    if function.bound is not None:
        values.insert(0, function.bound)
    scope: dict[str, Value] = {}
    positional = [*parameters.posonlyargs, *parameters.args]
    for parameter, value in zip(positional, values):
        scope[parameter.arg] = value
    rest = values[len(positional) :]
    extra = dict(keywords)
    for parameter in [*positional, *parameters.kwonlyargs]:
        if parameter.arg in scope:
            continue
        if parameter.arg in extra:
            scope[parameter.arg] = extra.pop(parameter.arg)
        elif spread:
            default = function.defaults.get(parameter.arg)
            scope[parameter.arg] = UNKNOWN if default is None else join([default, UNKNOWN])
        else:
            scope[parameter.arg] = function.defaults.get(parameter.arg, UNKNOWN)
    site = function.site
    if parameters.vararg is not None:
        scope[parameters.vararg.arg] = Container("tuple", site, [Item(UNKNOWN, v, site) for v in rest], open=spread)
    if parameters.kwarg is not None:
        items = [Item(Constant(name), value, site) for name, value in extra.items()]
        scope[parameters.kwarg.arg] = Container("dict", site, items, open=spread)
    return scope


def _call_super(run: Interpreter, frame: Frame, node: ast.Call, super_call: ast.expr, name: str) -> Value:
    """`super().name(…)` and `super(Class, self).name(…)`."""
    assert isinstance(super_call, ast.Call)
    arguments, keywords, spread = _arguments(run, frame, node)
    owner: Value | None = frame.self_value
    after: ClassDefinition | Library | None = frame.owner
    if super_call.args:
        cls = run.value(frame, super_call.args[0])
        after = cls.meaning if isinstance(cls, ClassValue) else None
        if len(super_call.args) > 1:
            owner = run.value(frame, super_call.args[1])
    if not isinstance(owner, (Layer, Plain)) or after is None or not isinstance(owner.cls, ClassDefinition):
        escape(run, frame, node, [*arguments, *keywords.values()], "super")
        return UNKNOWN
    found = run.classes.find(owner.cls, name, after)
    if isinstance(found, tuple):
        cls_found, statement, member = found
        if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
            method = run.method(cls_found, statement, member, owner)
            return call_function(run, frame, node, method, arguments, keywords, spread)
        return UNKNOWN
    if isinstance(owner, Plain):
        return UNKNOWN
    facts = run.classes.facts(owner.cls)
    if isinstance(found, Library):
        entry = run.catalogue.get(found.name)
        if entry is None or entry.kind not in ("layer", "model"):
            return UNKNOWN
        return _library_method(run, frame, node, owner, entry, name, arguments, keywords)
    if not facts.known:
        escape(run, frame, node, [owner, *arguments, *keywords.values()], "super")
    return UNKNOWN


# --- objects ----------------------------------------------------------------------------------------------------


def instantiate(
    run: Interpreter, frame: Frame, node: ast.Call, cls: ClassValue, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """`Class(…)`."""
    meaning = cls.meaning
    entry = _layer_entry(run, cls)
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
    if facts.container_kind is not None and isinstance(run.classes.find(meaning, "__init__"), (Library, type(None))):
        source = arguments[0] if arguments else None
        container = Container(facts.container_kind, run.site(frame, node), open=source is not None and run.is_open(source))
        if source is not None:
            container.items.extend(run.elements(source))
        return run.created(frame, node, container)
    if not facts.known:
        escape(run, frame, node, [*arguments, *keywords.values()], meaning.name)
        inferred = infer(run, frame, node)
        return inferred if inferred is not None else UNKNOWN
    if facts.library == "typing.NamedTuple":
        return _named_tuple(run, frame, node, meaning, arguments, keywords)
    made = Plain(meaning, run.site(frame, node), library=facts.library, dataclass=facts.dataclass)
    run.events.append(Created(run.context(frame, node), made))
    if run.depth < MAX_DEPTH // 2:
        construct(run, frame, node, made, arguments, keywords)
    return made


def _hold(made: Plain, arguments: list[Value], keywords: dict[str, Value]) -> None:
    """A library object is taken to hold whatever it was given."""
    for index, value in enumerate(arguments):
        made.attributes[f"[{index}]"] = value
    made.attributes.update(keywords)


def _fields(run: Interpreter, cls: ClassDefinition) -> list[tuple[ClassDefinition, object, ast.AnnAssign]]:
    """The annotated fields of a dataclass or NamedTuple, those of bases first."""
    found: dict[str, tuple[ClassDefinition, object, ast.AnnAssign]] = {}
    for base in reversed(run.classes.facts(cls).user_classes):
        for name, bindings in run.project.members(base).items():
            for statement, node in bindings:
                if isinstance(node, ast.AnnAssign) and "ClassVar" not in ast.unparse(node.annotation):
                    found[name] = (base, statement, node)
    return list(found.values())


def _field_values(
    run: Interpreter, frame: Frame, cls: ClassDefinition, arguments: list[Value], keywords: dict[str, Value]
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


def _field_default(run: Interpreter, frame: Frame, cls: ClassDefinition, statement: object, node: ast.AnnAssign) -> Value:
    """The default of a dataclass field; `field(default_factory=f)` calls `f` for each object."""
    value = node.value
    if isinstance(value, ast.Call) and (ast.unparse(value.func)).rsplit(".", 1)[-1] in ("field", "ib", "attrib"):
        inner = Frame(cls.module, statement, (*run.closures.get(cls, ()), {}))  # type: ignore[arg-type]
        inner.subject, inner.phase, inner.current = frame.subject, frame.phase, frame.current
        for keyword in value.keywords:
            if keyword.arg in ("default_factory", "factory"):
                factory = run.value(inner, keyword.value)
                return join(
                    dispatch(run, inner, value, option, [], {}, False) for option in options(factory)
                )
            if keyword.arg == "default":
                return run.value(inner, keyword.value)
        return UNKNOWN
    return run.class_attribute(cls, statement, node)  # type: ignore[arg-type]


def _named_tuple(
    run: Interpreter, frame: Frame, node: ast.Call, cls: ClassDefinition, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    made = Container("namedtuple", run.site(frame, node))
    for name, value in _field_values(run, frame, cls, arguments, keywords).items():
        made.items.append(Item(Constant(name), value, run.site(frame, node)))
    return run.created(frame, node, made)


def new_layer(
    run: Interpreter,
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
        cls, entry, run.site(frame, node), phase or frame.phase, many=frame.in_loop,
        conditional=frame.conditional, cached=frame.once,
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
    run: Interpreter, frame: Frame, node: ast.AST, made: Layer | Plain, arguments: list[Value], keywords: dict[str, Value],
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
            call_function(run, frame, node, run.method(after[0], after[1], after[2], made), [], {})
        return
    if isinstance(found, tuple):
        if isinstance(found[2], (ast.FunctionDef, ast.AsyncFunctionDef)):
            method = run.method(found[0], found[1], found[2], made)
            call_function(run, frame, node, method, arguments, keywords, spread)
        return
    if isinstance(made, Layer) and made.library is not None:
        library_init(run, frame, node, made, made.library, arguments, keywords)
    elif isinstance(made, Plain) and found is None and not facts.known:
        escape(run, frame, node, [*arguments, *keywords.values()], cls.name)


def library_init(
    run: Interpreter,
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
    run.events.append(InitReached(run.context(inner, node), layer))
    named = {**dict(zip(entry.init, arguments)), **keywords}
    model = entry.kind == "model" or "keras.Model" in entry.bases
    for index, value in enumerate(arguments[len(entry.init) :]):
        named[f"[{index}]"] = value
    for name, value in named.items():
        for option in options(value):
            if isinstance(option, Tensor):
                if model:
                    for part in option.layers:
                        run.keras.assign(layer, None, part, False)
                    layer.open = layer.open or not option.layers
            elif isinstance(option, Container) and model:
                _take_graph(run, layer, option)
            if isinstance(option, (Layer, Container)) and _holds_state(option):
                stored = run.keras.assign(layer, name, option, False)
                key = "layers" if name in ("layers", "[0]") and model else name
                run.put(layer.attributes, key, stored)
            elif isinstance(option, Unknown) and (name in entry.wraps or (model and name in ("inputs", "outputs", "layers"))):
                layer.open = True


def _take_graph(run: Interpreter, model: Layer, outputs: Container) -> None:
    """A functional model holds the layers that its outputs were computed by."""
    for item in outputs.items:
        for option in options(item.value):
            if isinstance(option, Tensor):
                for layer in option.layers:
                    run.keras.assign(model, None, layer, False)
            elif isinstance(option, Container):
                _take_graph(run, model, option)
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
    run: Interpreter, frame: Frame, node: ast.Call, kind: str, owner: Layer | None, keywords: dict[str, Value]
) -> Weight:
    """A weight or variable object."""
    trainable = keywords.get("trainable", Constant(True))
    flag: bool | None = None
    if isinstance(trainable, Constant):
        flag = True if trainable.value is None and run.generation == 2 else bool(trainable.value)
    made = Weight(kind, run.site(frame, node), node, frame.phase, owner, flag, frame.conditional, frame.in_loop)  # type: ignore[arg-type]
    run.events.append(Created(run.context(frame, node), made))
    return made


# --- layers -----------------------------------------------------------------------------------------------------


def call_layer(
    run: Interpreter,
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
    layers = {layer}
    for argument in [*arguments, *keywords.values()]:
        made = run.compute(frame, node, [argument])
        if isinstance(made, Tensor):
            layers |= made.layers
    if isinstance(result, Tensor):
        return Tensor(result.weights, frame.phase, run.site(frame, node), None, frozenset(layers | result.layers))
    if isinstance(result, Container):
        return result
    return Tensor(phase=frame.phase, site=run.site(frame, node), layers=frozenset(layers))


def _run_life(
    run: Interpreter, frame: Frame, node: ast.Call, layer: Layer, arguments: list[Value], keywords: dict[str, Value], method: str
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
            run.results[key] = call_function(run, frame, node, bound, inputs, dict(keywords), True)
            break
    return run.results[key]


def _as_input(value: Value) -> Value:
    return Tensor() if isinstance(value, Unknown) else value


def build_layer(run: Interpreter, frame: Frame, node: ast.Call, layer: Layer, arguments: list[Value]) -> None:
    """Run the user's own `build` of a layer, once for each object."""
    if id(layer) in run.built:
        return
    if isinstance(layer.cls, ClassDefinition):
        found = run.classes.find(layer.cls, "build")
        if isinstance(found, tuple) and isinstance(found[2], (ast.FunctionDef, ast.AsyncFunctionDef)):
            method = run.method(found[0], found[1], found[2], layer)
            call_function(run, frame, node, method, arguments, {}, True)
    run.built.add(id(layer))


def _library_method(
    run: Interpreter,
    frame: Frame,
    node: ast.Call,
    layer: Layer,
    entry: LibraryClass,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """A method of Keras' own on a layer: reached by `super()`, by the class's name, or because the user has none."""
    if name == "__init__":
        library_init(run, frame, node, layer, entry, arguments, keywords)
    elif name == "build":
        run.events.append(LayerBuilt(run.context(frame, node), layer, node, by_super=layer is frame.self_value))
        if layer is not frame.self_value:
            run.built.add(id(layer))
    elif name in ("call", "__call__"):
        if layer is frame.self_value:
            return run.compute(frame, node, arguments, made_by="call")
        return call_layer(run, frame, node, layer, arguments, keywords, name)
    elif name in ("add_weight", "add_variable"):
        made = new_weight(run, frame, node, "weight", layer, keywords)
        layer.tracked.append(made)
        run.events.append(AddWeight(run.context(frame, node), layer, node, made))
        return made
    elif name == "add" and entry.kind == "model":
        for argument in arguments[:1]:
            stored = run.keras.assign(layer, None, argument, False)
            held = layer.attributes.get("layers")
            if isinstance(held, Container):
                held.items.append(Item(UNKNOWN, stored, run.site(frame, node)))
            else:
                listed = Container("list", run.site(frame, node), [Item(UNKNOWN, stored, run.site(frame, node))])
                run.put(layer.attributes, "layers", listed)
            layer.open = layer.open or isinstance(argument, Unknown)
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
        run.events.append(LayerMethod(run.context(frame, node), layer, name, node))
        if name in ("set_weights", "load_weights", "fit", "predict", "evaluate", "train_on_batch", "test_on_batch"):
            run.built.add(id(layer))
        return run.compute(frame, node, arguments)
    return UNKNOWN


def _call_method(
    run: Interpreter, frame: Frame, node: ast.Call, bound: Partial, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """A method of a library's object, or of a container, tensor or weight."""
    owner, name = bound.function, bound.method or ""
    if isinstance(owner, Layer) and owner.library is not None:
        if name in ("__init__",):
            return UNKNOWN
        if name in ("call", "__call__"):
            return call_layer(run, frame, node, owner, arguments, keywords, name)
        return _library_method(run, frame, node, owner, owner.library, name, arguments, keywords)
    if isinstance(owner, Container):
        return _container_method(run, frame, node, owner, name, arguments, keywords)
    if isinstance(owner, (Weight, Tensor)):
        if name.startswith("assign"):
            return UNKNOWN
        return run.compute(frame, node, [owner, *arguments], made_by=name)
    if isinstance(owner, ClassValue):
        return _class_method(run, frame, node, owner, name, arguments, keywords)
    if isinstance(owner, Constant):
        return UNKNOWN
    if isinstance(owner, Function) and name == "__call__":
        return call_function(run, frame, node, owner, arguments, keywords)
    if isinstance(owner, Partial) and owner.method == "__dict__" and name in ("update", "setdefault", "__setitem__"):
        _write_dict(run, frame, node, owner.function, name, arguments, keywords)
        return UNKNOWN
    if isinstance(owner, Partial) and owner.method == "__dict__":
        return UNKNOWN
    if isinstance(owner, Plain) and isinstance(owner.library, LibraryClass):
        return run.compute(frame, node, arguments)
    if not isinstance(owner, (Unknown, Partial)):
        escape(run, frame, node, [*arguments, *keywords.values()], name)
    else:
        escape(run, frame, node, [owner, *arguments, *keywords.values()], name)
    return UNKNOWN


def _write_dict(
    run: Interpreter, frame: Frame, node: ast.Call, owner: Value, name: str, arguments: list[Value], keywords: dict[str, Value]
) -> None:
    """`self.__dict__.update(…)`."""
    pairs: list[tuple[str | None, Value]] = list(keywords.items())
    if name == "update":
        for argument in arguments:
            for item in run.elements(argument):
                key = item.key.value if isinstance(item.key, Constant) else None
                pairs.append((key if isinstance(key, str) else None, item.value))
    elif len(arguments) > 1:
        key = arguments[0].value if isinstance(arguments[0], Constant) else None
        pairs.append((key if isinstance(key, str) else None, arguments[1]))
    for key, value in pairs:
        run.set_attribute(frame, node, owner, key, value, "__dict__")


def _class_method(
    run: Interpreter, frame: Frame, node: ast.Call, cls: ClassValue, name: str, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """A method called through its class: `Layer.__init__(self)`, `Dense.from_config(c)`, `Base.build(self, shape)`."""
    entry = _layer_entry(run, cls)
    if arguments and isinstance(arguments[0], Layer) and entry is not None and name != "from_config":
        owner, rest = arguments[0], arguments[1:]
        return _library_method(run, frame, node, owner, entry, name, rest, keywords)
    if name == "from_config" and entry is not None:
        return new_layer(run, frame, node, cls.meaning, entry, [], {})
    if name == "__setattr__" and isinstance(cls.meaning, Library) and cls.meaning.name == "object":
        return UNKNOWN
    if isinstance(cls.meaning, Library) and cls.meaning.name == "tensorflow.Module":
        return UNKNOWN
    escape(run, frame, node, [*arguments, *keywords.values()], f"{getattr(cls.meaning, 'name', '')}.{name}")
    return UNKNOWN


def _write_private_list(run: Interpreter, frame: Frame, node: ast.Call, target: ast.Attribute, operation: str) -> bool:
    """`layer._trainable_weights.append(…)`: whether it is one."""
    written = False
    for owner in options(run.value(frame, target.value)):
        if isinstance(owner, Layer) and target.attr not in owner.attributes:
            if isinstance(owner.cls, ClassDefinition) and isinstance(run.classes.find(owner.cls, target.attr), tuple):
                continue
            arguments, keywords, _ = _arguments(run, frame, node)
            run.events.append(
                PrivateListWrite(
                    run.context(frame, node), owner, target.attr, operation, tuple(arguments), tuple(node.args)
                )
            )
            written = True
    return written


# --- containers -------------------------------------------------------------------------------------------------


def _container_method(
    run: Interpreter, frame: Frame, node: ast.Call, container: Container, name: str, arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    through = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    if name == "setdefault" and arguments:
        value = arguments[1] if len(arguments) > 1 else Constant(None)
        known = [item.value for item in container.items if item.key == arguments[0] and isinstance(arguments[0], Constant)]
        if known:
            return join([*known, value])
        run.write(frame, node, container, "setdefault", value, through, arguments[0])
        return value
    if name in ("append", "appendleft", "add", "put", "insert", "extend", "extendleft", "update") and arguments:
        run.write(frame, node, container, name, arguments[-1] if name == "insert" else arguments[0], through)
        return Constant(None)
    if name == "update":
        site = run.site(frame, node)
        given = Container("dict", site, [Item(Constant(k), v, site) for k, v in keywords.items()])
        run.write(frame, node, container, name, given, through)
        return Constant(None)
    if name == "__setitem__" and len(arguments) == 2:
        run.write(frame, node, container, "[]=", arguments[1], through, arguments[0])
        return Constant(None)
    if name in ("pop", "popleft", "popitem", "remove", "clear", "discard"):
        return _remove(run, frame, node, container, name, arguments, through)
    if name in ("get", "__getitem__"):
        found = run.item(container, arguments[0] if arguments else UNKNOWN)
        return join([found, *arguments[1:]]) if name == "get" else found
    site = run.site(frame, node)
    if name == "items":
        pairs = [
            Item(UNKNOWN, Container("tuple", item.site, [Item(UNKNOWN, item.key, item.site), Item(UNKNOWN, item.value, item.site)]), item.site)
            for item in container.items
        ]
        return Container("dict view", site, pairs, open=container.open)
    if name == "values":
        return Container("dict view", site, [Item(UNKNOWN, i.value, i.site) for i in container.items], open=container.open)
    if name == "keys":
        return Container("dict view", site, [Item(UNKNOWN, i.key, i.site) for i in container.items], open=container.open)
    if name in ("copy", "__iter__", "ravel", "flatten", "tolist", "__reversed__"):
        kind = {"__iter__": "iterator", "tolist": "list", "__reversed__": "iterator"}.get(name, container.kind)
        return Container(kind, site, list(container.items), open=container.open, repeated=container.repeated)
    if name == "__next__":
        return run.element(container)
    if name == "_replace" and container.kind == "namedtuple":
        return Container("namedtuple", site, list(container.items), open=True)
    return UNKNOWN


def _remove(
    run: Interpreter, frame: Frame, node: ast.Call, container: Container, name: str, arguments: list[Value], through: ast.expr
) -> Value:
    taken: list[Value] = []
    if name == "clear":
        taken = [item.value for item in container.items]
        if not frame.conditional:
            container.items.clear()
    elif name == "pop" and container.kind in ("list", "list subclass") and container.items and not container.open:
        index = arguments[0].value if arguments and isinstance(arguments[0], Constant) else -1
        if isinstance(index, int) and -len(container.items) <= index < len(container.items):
            taken = [container.items[index].value]
            if not frame.conditional and not frame.in_loop:
                container.items.pop(index)
    elif name in ("remove", "discard"):
        taken = list(arguments[:1])
        if not frame.conditional:
            container.items[:] = [item for item in container.items if item.value not in taken]
    else:
        taken = [run.item(container, arguments[0])] if arguments else [run.element(container)]
    run.events.append(ContainerWrite(run.context(frame, node), container, name, tuple(taken), through))
    run.keras.removed(container, name, [option for value in taken for option in options(value)] if not frame.conditional else [])
    return join(taken) if taken else UNKNOWN


# --- what the run can't see ------------------------------------------------------------------------------------


def escape(run: Interpreter, frame: Frame, node: ast.AST, values: Iterable[Value], to: str | None) -> None:
    """`values` are handed to unknown code."""
    at = None
    for value in values:
        for option in options(value):
            if isinstance(option, (Layer, Weight, Container, Plain, Function, Partial)):
                at = at or run.context(frame, node)
                run.events.append(Escaped(at, option, to))


__all__ = ["call", "call_function", "construct", "escape", "instantiate", "new_layer"]

