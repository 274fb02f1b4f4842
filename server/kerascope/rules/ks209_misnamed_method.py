"""KS209: a method whose name, or signature, isn't the one by which Keras calls it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kerascope.rules.own_code import (
    is_member,
    made_by_build,
    methods,
    named,
    own_methods,
    reads,
    runs_its_build,
    self_attributes,
)
from kerascope.rules.places import in_own_class
from kerascope.rules.rule import Example, Fix, MakeFix, Related, Report, Rule
from kerascope.source.document import Document
from kerascope.source.position import Edit, Position, Range
from kerascope.tracking.run import LayerRun, Method
from kerascope.tracking.values import Weight

_WORDS = {"all", "ball", "built", "cell", "calc", "calls", "coil", "cool", "cull", "fall", "fill", "gall"}
_WORDS |= {"guild", "hall", "mall", "pall", "poll", "pull", "roll", "tall", "wall"}
"""Near to "call" or "build", and meant as they are."""

_LIKE_CALL = ("call", "calls", "forward", "forward_pass", "forward_call")
_LIKE_BUILD = re.compile("(?:build|built)(?:_(?:layers?|weights?|variables?))?_*")
_PLAIN_BASES = frozenset(("keras.layers.Layer", "keras.Model"))
_SET_BY_KERAS = frozenset(("built", "input_spec", "trainable", "name", "dtype", "supports_masking"))


class MisnamedMethod(Rule):
    """
    ## What it does
    Reports a method that Keras never calls, because it calls it by another name: `forward` instead of
    `call`, a misspelled `call`, `build` or `__init__`; `__call__` instead of `call`; and a `build(self)` that
    doesn't take the shape.

    ## Why it matters
    Keras calls `build` and `call`, by these names and with these arguments. Code under another name doesn't
    run, or runs without what Keras does around it. Measured:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | `forward`, no `call`, in a Layer | NotImplementedError | the input comes back as it is, 0 weights |
    | the same in a Model | NotImplementedError | NotImplementedError |
    | `buid` that makes the weight of `call` | AttributeError | AttributeError |
    | `__call__` with a `build()` | AttributeError | AttributeError |
    | `__call__` without a `build()` | a functional model lacks its weights | the same |
    | `__call__` of a layer that only holds others | never counts as built | never counts as built |
    | `build(self)` | a call works, `build(shape)` raises TypeError | TypeError in every use |

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self, units=4):
            super().__init__()
            self.dense = keras.layers.Dense(units)

        def forward(self, x):
            return self.dense(x)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self, units=4):
            super().__init__()
            self.dense = keras.layers.Dense(units)

        def call(self, x):
            return self.dense(x)
    ```

    ## When it is silent
    Where the class or a base of it has the method under its right name too; where the misspelled method is
    used, or the file calls `forward` itself; for abstract classes; for a Model with a `train_step` of its
    own, and one of the functional kind; for a `__call__` that goes on to `call` or to that of Keras, or
    overrides nothing that holds weights.

    ## Fix
    Unsafe: gives the method the right name, or `build` the parameter `input_shape`.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.__call__`, `Layer.build`, `Layer.call`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.call`, `Layer._maybe_build`),
      `keras/src/engine/training.py` (`Model.call`).
    - [doctr #43](https://github.com/mindee/doctr/pull/43): `__call__` becomes `call` in the models of a
      library.
    """

    code = "KS209"
    name = "misnamed-method"
    severity = {2: "warning", 3: "error"}  # noqa: RUF012
    summary = "A method has a name, or a signature, by which Keras never calls it."

    reporting = (
        Example(
            "forward, as in PyTorch",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def forward(self, x):  # <- KS209
        return self.dense(x)
""",
            symptom={2: "unbuilt", 3: "raises"},
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, x):  # <- KS209
        return self.dense(x)
""",
        ),
        Example(
            "forward in a model",
            """\
import tensorflow as tf
from tensorflow.keras import layers


class Example(tf.keras.Model):
    def __init__(self, hidden=8, classes=3):
        super(Example, self).__init__()
        self.features = tf.keras.Sequential([layers.Dense(hidden, "relu"), layers.Dropout(0.1)])
        self.classifier = layers.Dense(classes)

    def forward(self, inputs, training=False):  # <- KS209
        x = self.features(inputs, training=training)
        return self.classifier(x)
""",
            symptom="raises",
            fixed="""\
import tensorflow as tf
from tensorflow.keras import layers


class Example(tf.keras.Model):
    def __init__(self, hidden=8, classes=3):
        super(Example, self).__init__()
        self.features = tf.keras.Sequential([layers.Dense(hidden, "relu"), layers.Dropout(0.1)])
        self.classifier = layers.Dense(classes)

    def call(self, inputs, training=False):  # <- KS209
        x = self.features(inputs, training=training)
        return self.classifier(x)
""",
        ),
        Example(
            "build misspelled",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def buid(self, input_shape):  # <- KS209
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer="ones")
        self.shift = self.add_weight(name="shift", shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs):
        return inputs * self.scale + self.shift
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):  # <- KS209
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer="ones")
        self.shift = self.add_weight(name="shift", shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs):
        return inputs * self.scale + self.shift
""",
        ),
        Example(
            "built, which Keras sets to False on every object",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=3):
        super().__init__()
        self.units = units

    def built(self, input_shape):  # <- KS209
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units))

    def call(self, inputs):
        return inputs @ self.kernel
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=3):
        super().__init__()
        self.units = units

    def build(self, input_shape):  # <- KS209
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units))

    def call(self, inputs):
        return inputs @ self.kernel
""",
        ),
        Example(
            "the underscores of __init__",
            """\
import keras


class Example(keras.layers.Layer):
    def _init_(self, units=4):  # <- KS209
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):  # <- KS209
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "__call__ beside build()",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[-1],), initializer="ones")

    def __call__(self, x):  # <- KS209
        return x * self.w
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[-1],), initializer="ones")

    def call(self, x):  # <- KS209
        return x * self.w
""",
        ),
        Example(
            "__call__ with a weight of its own",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = self.add_weight(name="gain", shape=(), initializer="ones")
        self.dense = keras.layers.Dense(4)

    def __call__(self, x):  # <- KS209
        return self.dense(x) * self.gain
""",
            symptom="missing-in-functional",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = self.add_weight(name="gain", shape=(), initializer="ones")
        self.dense = keras.layers.Dense(4)

    def call(self, x):  # <- KS209
        return self.dense(x) * self.gain
""",
        ),
        Example(
            "__call__ of a layer that only holds others",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def __call__(self, x):  # <- KS209
        return self.dense(x)
""",
            symptom="fewer-weights",
            evidence="not layer.built",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):  # <- KS209
        return self.dense(x)
""",
        ),
        Example(
            "build() without the shape",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, width=4):
        super().__init__()
        self.width = width

    def build(self):  # <- KS209
        self.w = self.add_weight(name="w", shape=(self.width,), initializer="ones")

    def call(self, x):
        return x * self.w
""",
            symptom={2: "raises", 3: "build-raises"},
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, width=4):
        super().__init__()
        self.width = width

    def build(self, input_shape):  # <- KS209
        self.w = self.add_weight(name="w", shape=(self.width,), initializer="ones")

    def call(self, x):
        return x * self.w
""",
        ),
        Example(
            "call misspelled",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def _call(self, inputs, training=None):  # <- KS209
        return self.dense(inputs)
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, inputs, training=None):  # <- KS209
        return self.dense(inputs)
""",
        ),
        Example(
            "build_weights in the place of build",
            """\
import keras


class Example(keras.layers.Layer):
    def build_weights(self, input_shape):  # <- KS209
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

    def call(self, x):
        return x * self.scale
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):  # <- KS209
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

    def call(self, x):
        return x * self.scale
""",
        ),
    )

    silent = (
        Example(
            "call is bound by an assignment",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x)

    call = tf.function(call)


class Other(keras.layers.Layer):
    def forward(self, x):
        return 2 * x

    call = forward
""",
        ),
        Example(
            "call() uses forward()",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def forward(self, x):
        return self.dense(x)

    def call(self, x):
        return self.forward(x)
""",
        ),
        Example(
            "forward is a stage of call()'s base class",
            """\
import keras


class Block(keras.layers.Layer):
    def call(self, x):
        return x + self.forward(x)


class Example(Block):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def forward(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a __call__ that prepares the arguments",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def __call__(self, x, *args, **kwargs):
        return super().__call__(x, *args, **kwargs)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a __call__ without weights",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, scale=2.0):
        super().__init__()
        self.scale = scale

    def __call__(self, x):
        return x * self.scale
""",
        ),
        Example(
            "build() and a helper with a name like it",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self._build()

    def _build(self):
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a model that is trained by a step of its own",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder = keras.layers.Dense(4)

    def forward(self, x):
        return self.encoder(x)

    def train_step(self, data):
        return {"loss": self.forward(data)}
""",
            (3,),
            make="Example().encoder",
        ),
        Example(
            "a functional model with a further method",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        inputs = keras.Input((4,))
        super().__init__(inputs, keras.layers.Dense(4)(inputs))

    def forward(self, x):
        return self(x)
""",
        ),
        Example(
            "build() with any arguments",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.width = 4

    def build(self, *args):
        self.w = self.add_weight(name="w", shape=(self.width,), initializer="ones")

    def call(self, x):
        return x * self.w
""",
            (2,),
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        library = run.facts.layer
        if not run.facts.known or library is None or run.layer.knows_input or run.layer.open:
            return
        if library.name in _PLAIN_BASES:
            yield from _call(run)
            yield from _never_run(run)
            yield from _overridden_call(run)
        yield from _build_without_shape(run)


def _call(run: LayerRun) -> Iterator[Report]:
    """A method that is meant to be `call`."""
    if any(is_member(run, name) for name in ("call", "__call__", "train_step", "get_layer")):
        return
    for method in own_methods(run):
        if not _is_meant(method.name, *_LIKE_CALL) or not _takes_input(method.node):
            continue
        if _is_abstract(method.node) or _is_named_elsewhere(run, method.name) or _is_base(run):
            continue
        name = run.definition.name
        what = f"Keras calls `call`, not `{method.name}`"
        if run.generation == 2 and not run.is_model():
            yield Report(
                method.site,
                f"{what}: without a `call`, {name} gives its input back unchanged, and nothing in it is "
                "trained. Rename it to `call`.",
                fix=_rename(method, "call"),
            )
        else:
            yield Report(
                method.site,
                f"{what}: without a `call`, {name} raises NotImplementedError when it is called. Rename it "
                "to `call`.",
                fix=_rename(method, "call"),
                severity="error",
            )


def _never_run(run: LayerRun) -> Iterator[Report]:
    """A misspelled `build` or `__init__`, without which `call` has no attributes."""
    call = run.method("call")
    if call is None or any(is_member(run, name) for name in ("__getattr__", "__getattribute__")):
        return
    for method in own_methods(run):
        meant = _mended(method.name) or ("build" if _is_built_by_shape(method) else None)
        if meant is None or is_member(run, meant) or _is_named_elsewhere(run, method.name):
            continue
        missing = sorted(_only_set_in(run, method) & {n.attr for n in self_attributes(call.node)})
        missing = [name for name in missing if reads(call, name) and not is_member(run, name)]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            who = "Python" if meant == "__init__" else "Keras"
            yield Report(
                method.site,
                f"{who} never runs `{method.name}`: `call` raises AttributeError, for there is no "
                f"`self.{missing[0]}`{more}. Rename it to `{meant}`.",
                fix=_rename(method, meant),
                severity="error",
            )


def _overridden_call(run: LayerRun) -> Iterator[Report]:
    """`__call__` in the place of `call`."""
    method = run.method("__call__")
    if method is None or run.method("call") is not None or not in_own_class(run, method.site):
        return
    if _goes_on(method.node) or _is_abstract(method.node) or _is_base(run):
        return
    build = run.own_build()
    missing = made_by_build(run, method) if build is not None and not runs_its_build(run) else []
    if missing:
        verb = "are" if missing[1:] else "is"
        yield Report(
            method.site,
            f"`__call__` takes the place of Keras' own, which would run `build()`: {named(missing)} {verb} "
            "never made. Rename it to `call`.",
            (Related(missing[0].at.site, f"`build` makes `self.{missing[0].name}` here"),),
            _rename(method, "call"),
            severity="error",
        )
    elif run.weights_of(run.layer).has == "yes":
        own = any(isinstance(reach.value, Weight) and len(reach.steps) == 1 for reach in run.reaches())
        lacks = "its own weights" if own else "it, though it finds the sublayers"
        yield Report(
            method.site,
            f"`__call__` takes the place of Keras' own: {run.definition.name} never counts as built, and "
            f"a functional model lacks {lacks}. Rename it to `call`.",
            fix=_rename(method, "call"),
            severity="information",
        )


def _build_without_shape(run: LayerRun) -> Iterator[Report]:
    """`build(self)`."""
    build = run.own_build()
    if build is None or not in_own_class(run, build.site) or run.method("__call__") is not None:
        return
    arguments = build.node.args
    if len(arguments.posonlyargs) + len(arguments.args) != 1 or arguments.vararg or arguments.kwonlyargs:
        return
    if build.node.decorator_list or arguments.kwarg or runs_its_build(run):
        return
    if not made_by_build(run, run.method("call")) or run.mentions(r"\.build\(\s*\)"):
        return
    if run.generation == 2:
        text = "the first call raises TypeError, for Keras gives `build` the shape of the input"
    else:
        text = "`build(shape)` raises TypeError, also where an outer layer's build() runs it"
    yield Report(
        build.site,
        f"`build(self)` takes no shape: {text}. Write `build(self, input_shape)`.",
        fix=_with_shape(build),
        severity="error" if run.generation == 2 else "warning",
    )


def _is_meant(name: str, *wanted: str) -> bool:
    """Whether `name` is one of these, or the first of them misspelled."""
    plain = name.strip("_").lower()
    if name.startswith("__") and name.endswith("__"):
        return False
    return plain in wanted or (plain not in _WORDS and _is_near(plain, wanted[0]))


def _mended(name: str) -> str | None:
    """ "build" for "buid", "__init__" for "_init_"."""
    if name in (
        "_init_",
        "__init",
        "__init_",
        "_init__",
        "__int__",
        "__inti__",
        "init__",
        "__ini__",
        "__iinit__",
    ):
        return "__init__"
    if name in ("built", "__build__"):
        return "build"
    return "build" if name != "build" and _is_meant(name, "build") else None


def _is_built_by_shape(method: Method) -> bool:
    """Whether it is `built(self, input_shape)`, `build_weights(self, shape)` or the like."""
    given = method.node.args
    names = [each.arg for each in (*given.posonlyargs, *given.args)]
    return (
        _LIKE_BUILD.fullmatch(method.name) is not None
        and len(names) == 2
        and "shape" in names[1]
        and not method.node.decorator_list
    )


def _is_near(name: str, wanted: str) -> bool:
    """Whether one letter is missing, too much, another, or two are exchanged."""
    if name == wanted or abs(len(name) - len(wanted)) > 1:
        return name == wanted
    at = next(
        (i for i, (a, b) in enumerate(zip(name, wanted, strict=False)) if a != b), min(len(name), len(wanted))
    )
    rest, other = name[at:], wanted[at:]
    return (
        rest[1:] in (other, other[1:])
        or rest == other[1:]
        or (rest[2:] == other[2:] and rest[:2] == other[1::-1])
    )


def _takes_input(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = node.args
    return not node.decorator_list and len(arguments.posonlyargs) + len(arguments.args) > 1


def _is_abstract(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a method does nothing but raise, or nothing at all."""
    body = [each for each in node.body if not isinstance(each, ast.Expr | ast.Pass)]
    return not body or isinstance(body[0], ast.Raise)


def _is_named_elsewhere(run: LayerRun, name: str) -> bool:
    """Whether the file reads an attribute of this name, of whatever object."""
    word = re.escape(name)
    return run.mentions(rf"(?<!super\(\))\.{word}\b|[\"']{word}[\"']") > 0


def _is_base(run: LayerRun) -> bool:
    """Whether a class of the file has it as a base, and completes it."""
    word = rf"\b{re.escape(run.definition.name)}\b"
    name = re.compile(word)
    return run.mentions(word) > 1 and any(
        statement.kind == "class"
        and statement.name != run.definition.name
        and name.search(statement.header)
        and any(piece.name == "call" for piece in statement.body)
        for statement in run.document.statements
    )


def _only_set_in(run: LayerRun, method: Method) -> set[str]:
    """The attributes of `self` that this method sets, and no other."""
    names = {node.attr for node in self_attributes(method.node) if isinstance(node.ctx, ast.Store)}
    for other in methods(run):
        if other.node is not method.node:
            names -= {node.attr for node in self_attributes(other.node) if isinstance(node.ctx, ast.Store)}
            if any(isinstance(n, ast.Name) and n.id in ("setattr", "vars") for n in ast.walk(other.node)):
                return set()
            if any(node.attr == "__dict__" for node in self_attributes(other.node)):
                return set()
    return names - _SET_BY_KERAS


def _goes_on(node: ast.AST) -> bool:
    """Whether a `__call__` calls another one, or `call`."""
    return any(isinstance(n, ast.Attribute) and n.attr in ("__call__", "call") for n in ast.walk(node))


def _rename(method: Method, name: str) -> MakeFix:
    def fix(document: Document) -> Fix | None:
        place = document.range_of(method.site)
        if place is None or document.text_of(place) != method.name:
            return None
        return Fix(f"Rename `{method.name}` to `{name}`", False, (Edit(place, name),))

    return fix


def _with_shape(method: Method) -> MakeFix:
    def fix(document: Document) -> Fix | None:
        place = document.range_of(method.site)
        if place is None:
            return None
        line = document.line(place.end.line)
        found = re.compile(r"\s*\(\s*self").match(line, place.end.column)
        if found is None:
            return None
        at = Position(place.end.line, found.end())
        return Fix("Give `build` the shape", False, (Edit(Range(at, at), ", input_shape"),))

    return fix
