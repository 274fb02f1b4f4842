"""What the functions of Python, TensorFlow, Keras and NumPy do to layers and containers that they are
given."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import cast

from kerascope.project.environment import unaware_of_keras
from kerascope.project.meaning import Library
from kerascope.tracking.containers import pair_as_item
from kerascope.tracking.events import Checkpointed, Created
from kerascope.tracking.instances import is_instance
from kerascope.tracking.machine import MAX_TURNS, Frame, Machine
from kerascope.tracking.objects import infer, new_weight
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
    Plain,
    Tensor,
    Value,
    Weight,
    join,
    options,
)
from kerascope.tracking.versions import keras_has, layer_has, parsed, version_text

HARMLESS = frozenset(
    {
        "builtins", "abc", "ast", "base64", "bisect", "collections", "contextlib", "copy",
        "dataclasses", "datetime", "decimal", "enum", "functools", "glob", "hashlib", "inspect",
        "io", "itertools", "json", "logging", "math", "numbers", "operator", "os", "pathlib",
        "pprint", "random", "re", "shutil", "statistics", "string", "sys", "tempfile", "textwrap",
        "time", "types", "typing", "typing_extensions", "uuid", "warnings", "weakref", "absl",
        "einops", "jax", "keras", "ml_collections", "numpy", "pandas", "scipy", "tensorflow",
        "tensorflow_probability", "torch", "tqdm", "tree", "optree",
    }
)  # fmt: skip
"""Top-level modules whose functions neither build nor track the layers that they are given."""

ONLY_LOOK = frozenset(
    {"abc", "ast", "copy", "inspect", "logging", "pprint", "types", "typing", "typing_extensions", "warnings",
     "weakref"}
)  # fmt: skip
"""Those whose functions never call what they are given, like `inspect.signature(self.call)`."""

TENSORS = (
    "tensorflow.",
    "keras.ops.",
    "keras.backend.",
    "keras.random.",
    "keras.activations.",
    "jax.",
    "numpy.",
    "einops.",
)
"""Names of functions that compute; a function given to them is called."""

_CALLED_LATER = ("keras.initializers.", "keras.activations.", "keras.constraints.", "keras.regularizers.")
"""What `get` gives of these is called with a shape or a tensor."""

UNKNOWN_OBJECTS = (
    "deserialize",
    "get",
    "clone_model",
    "load_model",
    "model_from_json",
    "from_config",
    "deserialize_keras_object",
)
"""Keras functions that give an object of a class that isn't written there."""


def call_library(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    function: LibraryValue,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """Call a library's function by its name."""
    known = _KNOWN.get(function.name)
    if known is not None:
        if function.name in _ITERATING:
            arguments = [run.iterated(frame, node, argument) for argument in arguments]
        return known(run, frame, node, arguments, keywords)
    name = function.name
    if name.startswith("keras.applications."):
        return _application(run, frame, node, function)
    last = name.rsplit(".", 1)[-1]
    if name.startswith("keras.") and last in UNKNOWN_OBJECTS:
        if any(
            name.startswith(f"keras.{part}.")
            for part in (
                "initializers",
                "regularizers",
                "constraints",
                "activations",
                "losses",
                "metrics",
                "optimizers",
            )
        ):
            return LibraryValue(f"{name}()", function.origin)
        run.escape(frame, node, [*arguments, *keywords.values()], name)
        return UNKNOWN
    if name.startswith(_CALLED_LATER) and name.endswith("()"):
        return run.compute(frame, node, arguments, made_by=name.removesuffix("()"))
    top = name.partition(".")[0]
    if name.startswith(TENSORS):
        result = call_given_functions(run, frame, node, arguments, keywords)
        return run.compute(frame, node, [*arguments, *keywords.values(), *result], made_by=name)
    if top not in HARMLESS:
        run.escape(frame, node, [*arguments, *keywords.values()], name)
        if unaware_of_keras(run.project.search_paths, top):
            return UNKNOWN
        inferred = infer(run, frame, node)
        return inferred if inferred is not None else UNKNOWN
    if top not in ONLY_LOOK:
        call_given_functions(run, frame, node, arguments, keywords)
    return UNKNOWN


def call_given_functions(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> list[Value]:
    """Call the functions and layers among the arguments with tensors, as `tf.map_fn` and `tf.cond` do."""
    results: list[Value] = []
    for argument in [*arguments, *keywords.values()]:
        if isinstance(argument, (Function, Layer)) or (
            isinstance(argument, Partial) and argument.method in (None, "__call__", "call")
        ):
            results.append(run.apply(frame, node, argument, _tensors_for(argument), {}))
    return results


def _tensors_for(function: Value) -> list[Value]:
    if isinstance(function, Function):
        bound = 1 if function.bound is not None else 0
        count = (
            len(function.node.args.posonlyargs)
            + len(function.node.args.args)
            - bound
            - len(function.node.args.defaults)
        )
        return [Tensor() for _ in range(max(count, 0))]
    return [Tensor()]


def _application(run: Machine, frame: Frame, node: ast.Call, function: LibraryValue) -> Value:
    """`keras.applications.ResNet50(…)`: a functional model, built."""
    entry = run.catalogue.get("keras.Model")
    if entry is None or not function.name.rsplit(".", 1)[-1][:1].isupper():
        return UNKNOWN
    made = Layer(
        Library(function.name, function.origin), entry, run.site(frame, node), frame.phase, many=frame.in_loop
    )
    run.events.append(Created(run.context(frame, node), made))
    run.built.add(id(made))
    return made


def _container(kind: str) -> Callable[..., Value]:
    def make(
        run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
    ) -> Value:
        made = Container(kind, run.site(frame, node))
        for argument in arguments[:1]:
            made.items.extend(_iterated(run, argument))
            made.open = run.is_open(argument)
            made.repeated = any(o.repeated for o in _containers(argument))
        if kind in ("dict", "OrderedDict", "UserDict"):
            made.items.extend(
                Item(Constant(name), value, run.site(frame, node)) for name, value in keywords.items()
            )
            made.items = [pair_as_item(item) for item in made.items]
        return run.created(frame, node, made)

    return make


def _containers(value: Value) -> list[Container]:
    return [option for option in options(value) if isinstance(option, Container)]


def _iterated(run: Machine, value: Value) -> list[Item]:
    return run.elements(value)


def _same_items(kind: str) -> Callable[..., Value]:
    def make(
        run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
    ) -> Value:
        items = [item for argument in arguments for item in _iterated(run, argument)]
        is_open = any(run.is_open(argument) for argument in arguments) or not arguments
        return Container(kind, run.site(frame, node), items, open=is_open)

    return make


def _sorted(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    return _same_items("list")(run, frame, node, arguments[:1], {})


def _zip(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    site = run.site(frame, node)
    made = Container("iterator", site)
    columns = [_iterated(run, argument) for argument in arguments]
    closed = [
        len(column) for column, argument in zip(columns, arguments, strict=False) if not run.is_open(argument)
    ]
    if closed and len(closed) == len(columns):
        for row in zip(*columns, strict=False):
            made.items.append(
                Item(UNKNOWN, Container("tuple", site, [Item(UNKNOWN, i.value, i.site) for i in row]), site)
            )
    else:
        cells = [Item(UNKNOWN, run.element(argument), site) for argument in arguments]
        made.items.append(Item(UNKNOWN, Container("tuple", site, cells), site))
        made.open = True
    return made


def _enumerate(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    site = run.site(frame, node)
    made = Container("iterator", site, open=not arguments or run.is_open(arguments[0]))
    for index, item in enumerate(_iterated(run, arguments[0]) if arguments else ()):
        number: Value = Constant(index) if len(arguments) == 1 and not keywords and not made.open else UNKNOWN
        pair = Container("tuple", site, [Item(UNKNOWN, number, site), Item(UNKNOWN, item.value, item.site)])
        made.items.append(Item(UNKNOWN, pair, site))
    if made.open:
        element = run.element(arguments[0]) if arguments else UNKNOWN
        pair = Container("tuple", site, [Item(UNKNOWN, UNKNOWN, site), Item(UNKNOWN, element, site)])
        made.items = [Item(UNKNOWN, pair, site)]
    return made


def _range(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    site = run.site(frame, node)
    bounds = [a.value for a in arguments if isinstance(a, Constant) and type(a.value) is int]
    if len(bounds) == len(arguments) and 1 <= len(bounds) <= 3 and not (len(bounds) == 3 and bounds[2] == 0):
        numbers = range(*bounds)
        if len(numbers) <= MAX_TURNS // 2:
            return Container("iterator", site, [Item(UNKNOWN, Constant(number), site) for number in numbers])
    return Container("iterator", site, open=True)


def _map(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    site = run.site(frame, node)
    made = Container("iterator", site)
    if len(arguments) < 2:
        return made
    for column in zip(*(_iterated(run, argument) for argument in arguments[1:]), strict=False):
        made.items.append(
            Item(UNKNOWN, run.apply(frame, node, arguments[0], [i.value for i in column], {}), site)
        )
    if any(run.is_open(argument) for argument in arguments[1:]):
        made.open = True
        if not made.items:
            values = [run.element(argument) for argument in arguments[1:]]
            made.items.append(Item(UNKNOWN, run.apply(frame, node, arguments[0], values, {}), site))
    return made


def _filter(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    return _same_items("iterator")(run, frame, node, arguments[1:], {})


def _reduce(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    if len(arguments) < 2:
        return UNKNOWN
    element = run.element(arguments[1])
    first = arguments[2] if len(arguments) > 2 else element
    return run.apply(frame, node, arguments[0], [first, element], {})


def _sum(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    return run.compute(frame, node, [*(item.value for item in run.elements(join(arguments))), *arguments[1:]])


def _next(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    return join([run.element(arguments[0]), *arguments[1:]]) if arguments else UNKNOWN


def _defaultdict(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    made = Container("defaultdict", run.site(frame, node))
    if arguments:
        made.items.append(Item(Constant("*factory*"), arguments[0], run.site(frame, node)))
        for argument in arguments[1:]:
            made.items.extend(_iterated(run, argument))
            made.open = made.open or run.is_open(argument)
    at = run.site(frame, node)
    made.items.extend(Item(Constant(name), value, at) for name, value in keywords.items())
    return run.created(frame, node, made)


def _repeat(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """`itertools.repeat(x, n)`."""
    at = run.site(frame, node)
    return Container("iterator", at, [Item(UNKNOWN, value, at) for value in arguments[:1]], repeated=True)


def _from_keys(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """`dict.fromkeys(keys, x)`."""
    at = run.site(frame, node)
    keys = run.elements(arguments[0]) if arguments and not run.is_open(arguments[0]) else []
    names = [item.value for item in keys] or [UNKNOWN]
    items = [Item(name, value, at) for value in arguments[1:2] for name in names]
    return run.created(frame, node, Container("dict", at, items, repeated=len(names) > 1 or not keys))


def _namespace(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    made = Plain(
        Library("types.SimpleNamespace"), run.site(frame, node), dict(keywords), "types.SimpleNamespace"
    )
    run.events.append(Created(run.context(frame, node), made))
    return made


def _partial(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    if not arguments:
        return UNKNOWN
    return Partial(arguments[0], run.site(frame, node), arguments[1:], keywords)


def _first(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """A function that gives back what it is given (decorators, casts)."""
    return arguments[0] if arguments else UNKNOWN


def _second(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    return arguments[1] if len(arguments) > 1 else UNKNOWN


def _decorator(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """`tf.function(f)` gives a function that does the same; `tf.function(**options)` a decorator."""
    return arguments[0] if arguments else LibraryValue("kerascope.identity")


def _named(name: str) -> Callable[..., Value]:
    """What works like something else: NumPy's generators like the functions of `numpy.random`."""

    def make(
        run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
    ) -> Value:
        return LibraryValue(name)

    return make


def _compiled(made_by: str) -> Callable[..., Value]:
    """`tf.function(layer)` is an object of TensorFlow's that holds the layer."""

    def make(
        run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
    ) -> Value:
        if arguments and isinstance(arguments[0], Layer):
            return Partial(arguments[0], run.site(frame, node), made_by=made_by)
        return _decorator(run, frame, node, arguments, keywords)

    return make


def _variable(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    if len(arguments) > 1:
        keywords = {"trainable": arguments[1], **keywords}
    return new_weight(run, frame, node, "tf variable", None, keywords)


def _keras_variable(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    return new_weight(run, frame, node, "keras variable", None, keywords)


def _input(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    return Tensor(phase=frame.phase, site=run.site(frame, node), made_by="keras.Input")


def _getattr(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    if len(arguments) < 2:
        return UNKNOWN
    found: list[Value] = list(arguments[2:])
    there = _hasattr(run, frame, node, arguments[:2], {})
    if found and isinstance(there, Constant):
        found = [] if there.value else found
        arguments = arguments if there.value else []
    for owner in options(arguments[0]) if arguments else ():
        for key in options(arguments[1]):
            if isinstance(key, Constant) and isinstance(key.value, str):
                found.append(run.attribute(frame, node, owner, key.value))
            elif isinstance(owner, (Layer, Plain)):
                dynamic = owner.attributes.get("*")
                found.append(dynamic if dynamic is not None else UNKNOWN)
                found.extend(value for value in owner.attributes.values() if _has_object(value))
                found.append(UNKNOWN)
            else:
                found.append(UNKNOWN)
    return join(found)


def _has_object(value: Value) -> bool:
    return any(isinstance(option, (Layer, Container, Plain)) for option in options(value))


def _setattr(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    return _write_attribute(run, frame, node, arguments, "setattr")


def _object_setattr(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    return _write_attribute(run, frame, node, arguments, "object.__setattr__")


def _write_attribute(run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], via: str) -> Value:
    if len(arguments) == 3:
        for owner in options(arguments[0]):
            for key in options(arguments[1]):
                name = key.value if isinstance(key, Constant) and isinstance(key.value, str) else None
                run.set_attribute(frame, node, owner, name, arguments[2], via)  # type: ignore[arg-type]
    return Constant(None)


def _hasattr(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    if len(arguments) != 2 or not isinstance(arguments[1], Constant):
        return UNKNOWN
    owner, name = arguments[0], str(arguments[1].value)
    if isinstance(owner, (Layer, Plain)) and name in owner.attributes:
        return Constant(True)
    known: bool | None = None
    if isinstance(owner, Layer) and not run.defines(owner, name):
        known = layer_has(run.generation, name)
    elif isinstance(owner, LibraryValue) and owner.name == "keras":
        known = keras_has(2 if owner.origin == "tf_keras" else run.generation, name)
    return UNKNOWN if known is None else Constant(known)


def _vars(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    if arguments and isinstance(arguments[0], (Layer, Plain)):
        return Partial(arguments[0], run.site(frame, node), method="__dict__")
    return UNKNOWN


def _copy(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    return (
        join(_copied(run, frame, node, option, 4) for option in options(arguments[0]))
        if arguments
        else UNKNOWN
    )


def _copied(run: Machine, frame: Frame, node: ast.Call, value: Value, depth: int) -> Value:
    if isinstance(value, Layer):
        made = Layer(
            value.cls,
            value.library,
            run.site(frame, node),
            frame.phase,
            dict(value.attributes),
            list(value.tracked),
            value.arguments,
            value.keywords,
            frame.in_loop,
            open=value.open,
        )
        run.events.append(Created(run.context(frame, node), made))
        return made
    if isinstance(value, Container) and depth:
        items = [
            Item(item.key, _copied(run, frame, node, item.value, depth - 1), item.site)
            for item in value.items
        ]
        return Container(value.kind, run.site(frame, node), items, open=value.open, cls=value.cls)
    return value


def _array(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """`np.array([layer, …], dtype=object)` holds objects; of anything else it is numbers."""
    if any(
        isinstance(option.value, (Layer, Weight))
        for argument in arguments[:1]
        for option in _iterated(run, argument)
    ):
        return _container("array")(run, frame, node, arguments[:1], {})
    if "dtype" in keywords or len(arguments) > 1:
        kind = keywords.get("dtype", arguments[-1])
        if isinstance(kind, LibraryValue) and kind.name == "builtins.object":
            return _container("array")(run, frame, node, arguments[:1], {})
    if any(isinstance(option, Weight | Tensor) for value in arguments[:1] for option in options(value)):
        return run.compute(frame, node, arguments[:1], made_by="numpy.array")
    return UNKNOWN


def _absolute(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """`abs(w)`, which Python hands on to the operator."""
    return run.compute(frame, node, arguments[:1])


def _empty_array(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    kind = keywords.get("dtype", arguments[1] if len(arguments) > 1 else UNKNOWN)
    if isinstance(kind, LibraryValue) and kind.name == "builtins.object":
        return Container("array", run.site(frame, node))
    return UNKNOWN


def _chain(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    inner = [item.value for argument in arguments for item in _iterated(run, argument)]
    return _same_items("iterator")(run, frame, node, inner, {})


def _locals(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """`locals()`: the names of the function so far (a comprehension's own are none yet)."""
    site = run.site(frame, node)
    names = next((scope for scope in reversed(frame.scopes) if scope), {})
    return Container("dict", site, [Item(Constant(name), value, site) for name, value in names.items()])


def _type(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    if len(arguments) == 1 and isinstance(arguments[0], (Layer, Plain)):
        return ClassValue(arguments[0].cls)
    return UNKNOWN


def _isinstance(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """`isinstance(value, cls)`, or one of several classes; where it isn't certain, UNKNOWN."""
    answer = is_instance(run, *arguments) if len(arguments) == 2 else None
    return UNKNOWN if answer is None else Constant(answer)


def _len(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    if len(arguments) == 1 and isinstance(arguments[0], Container) and not arguments[0].open:
        return (
            Constant(len(arguments[0].items))
            if arguments[0].kind in ("list", "tuple") and not arguments[0].repeated
            else UNKNOWN
        )
    return UNKNOWN


def _version(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    return join(parsed(option) for option in options(arguments[0])) if arguments else UNKNOWN


def _keras_version(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    return version_text(run.generation, run.keras_version)


def _str(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    if (
        len(arguments) == 1
        and isinstance(arguments[0], Constant)
        and isinstance(arguments[0].value, (str, int))
    ):
        return Constant(str(arguments[0].value))
    return UNKNOWN


def _number(kind: type) -> Callable[..., Value]:
    def convert(
        run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
    ) -> Value:
        if (
            len(arguments) == 1
            and isinstance(arguments[0], Constant)
            and isinstance(arguments[0].value, (int, float, str))
        ):
            try:
                return Constant(kind(arguments[0].value))
            except ValueError:
                return UNKNOWN
        return UNKNOWN

    return convert


_WEAK = cast(ast.Lambda, ast.parse("lambda: referent", mode="eval").body)
"""What calling a weak reference does."""


def _weak_reference(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    if not arguments:
        return UNKNOWN
    return Function(_WEAK, run.site(frame, node), frame.module.path, closure=({"referent": arguments[0]},))


_Known = Callable[..., Value]


def _checkpoint(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """`tf.train.Checkpoint(model=layer)`, which neither calls nor builds it."""
    for value in [*arguments, *keywords.values()]:
        for option in options(value):
            if isinstance(option, Layer):
                run.events.append(Checkpointed(run.context(frame, node), option))
    return UNKNOWN


def _hub_layer(
    run: Machine, frame: Frame, node: ast.Call, arguments: list[Value], keywords: dict[str, Value]
) -> Value:
    """`hub.KerasLayer(…)`: beside Keras 3 it is a layer of tf_keras, which Keras 3 takes for any object."""
    if run.generation == 2:
        return UNKNOWN
    name = "tensorflow_hub.KerasLayer"
    made = Plain(Library(name), run.site(frame, node), library=name)
    run.events.append(Created(run.context(frame, node), made))
    return made


NAMESPACES = frozenset(("types.SimpleNamespace", "argparse.Namespace"))
"""What keeps its keyword arguments as attributes."""

_ITERATING = frozenset(
    {
        "builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset", "builtins.dict",
        "builtins.iter", "builtins.sorted", "builtins.reversed", "builtins.zip", "builtins.enumerate",
        "builtins.map", "builtins.filter", "functools.reduce", "itertools.chain", "collections.deque",
        "collections.OrderedDict",
    }
)  # fmt: skip
"""Functions that go over what they are given (a function among it is no object to go over)."""

_KNOWN: dict[str, _Known] = {
    "tensorflow_hub.KerasLayer": _hub_layer,
    "builtins.list": _container("list"),
    "builtins.tuple": _container("tuple"),
    "builtins.set": _container("set"),
    "builtins.frozenset": _container("frozenset"),
    "builtins.dict": _container("dict"),
    "builtins.dict.fromkeys": _from_keys,
    "builtins.iter": _same_items("iterator"),
    "builtins.reversed": _same_items("iterator"),
    "builtins.sorted": _sorted,
    "builtins.zip": _zip,
    "builtins.enumerate": _enumerate,
    "builtins.range": _range,
    "builtins.map": _map,
    "builtins.filter": _filter,
    "builtins.next": _next,
    "builtins.sum": _sum,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.hasattr": _hasattr,
    "builtins.vars": _vars,
    "builtins.locals": _locals,
    "builtins.type": _type,
    "builtins.isinstance": _isinstance,
    "builtins.len": _len,
    "builtins.abs": _absolute,
    "builtins.str": _str,
    "builtins.int": _number(int),
    "builtins.float": _number(float),
    "builtins.object.__setattr__": _object_setattr,
    "object.__setattr__": _object_setattr,
    "collections.deque": _container("deque"),
    "collections.OrderedDict": _container("OrderedDict"),
    "collections.UserList": _container("UserList"),
    "collections.UserDict": _container("UserDict"),
    "collections.defaultdict": _defaultdict,
    "collections.ChainMap": _same_items("ChainMap"),
    "types.MappingProxyType": _container("mappingproxy"),
    "types.SimpleNamespace": _namespace,
    "argparse.Namespace": _namespace,
    "functools.partial": _partial,
    "functools.reduce": _reduce,
    "functools.lru_cache": _decorator,
    "functools.cache": _decorator,
    "itertools.chain": _same_items("iterator"),
    "itertools.chain.from_iterable": _chain,
    "itertools.cycle": _same_items("iterator"),
    "itertools.repeat": _repeat,
    "tensorflow.train.Checkpoint": _checkpoint,
    "copy.copy": _copy,
    "copy.deepcopy": _copy,
    "weakref.ref": _weak_reference,
    "weakref.proxy": _first,
    "typing.cast": _second,
    "packaging.version.parse": _version,
    "packaging.version.Version": _version,
    "distutils.version.LooseVersion": _version,
    "pkg_resources.parse_version": _version,
    "keras.version": _keras_version,
    "numpy.array": _array,
    "numpy.asarray": _array,
    "numpy.empty": _empty_array,
    "numpy.full": _empty_array,
    "numpy.random.default_rng": _named("numpy.random"),
    "numpy.random.RandomState": _named("numpy.random"),
    "tensorflow.Variable": _variable,
    "tensorflow.compat.v1.Variable": _variable,
    "tensorflow.compat.v1.get_variable": _variable,
    "tensorflow.function": _compiled("tf.function"),
    "tensorflow.autograph.experimental.do_not_convert": _decorator,
    "tensorflow.recompute_grad": _compiled("tf.recompute_grad"),
    "tensorflow.no_gradient": _decorator,
    "kerascope.identity": _first,
    "keras.backend.variable": _keras_variable,
    "keras.Variable": _keras_variable,
    "keras.Input": _input,
    "keras.layers.Input": _input,
}
