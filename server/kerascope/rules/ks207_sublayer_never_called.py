"""KS207: a sublayer that is stored, and then forgotten."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kerascope.rules.hidden import states
from kerascope.rules.own_code import methods, parents, self_attributes
from kerascope.rules.places import in_own_class, weight_places
from kerascope.rules.rule import Example, Report, Rule
from kerascope.source.document import Site
from kerascope.source.on_node import kept_on_node
from kerascope.tracking.events import AttributeWrite
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Layer, Value

_PLAIN_BASES = frozenset(("keras.layers.Layer", "keras.Model"))
_ALL_OF_THEM = frozenset(
    ("layers", "_layers", "submodules", "_flatten_layers", "__dict__", "_self_tracked_trackables")
)
_FILLING = frozenset(("append", "extend", "insert", "build", "add"))


class SublayerNeverCalled(Rule):
    """
    ## What it does
    Reports a sublayer with weights that is assigned to an attribute, where nothing in the file ever reads
    that attribute.

    ## Why it matters
    A layer that nobody calls is never built. It has no weights, adds nothing to the output, and is mostly a
    line that `call` forgot. Measured for two `Dense` layers of which `call` uses one:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | trainable weights after a call | 2 of 4 | 2 of 4 |
    | the forgotten layer, after training | not built | not built |
    | where `build()` builds it | 4 weights, 2 without gradient | 4 weights, 2 without gradient |
    | a forgotten Sequential: `weights` after a call | those of the others | ValueError: not yet created |

    Keras 3 warns about the state that isn't built, when the model is built or saved.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.hidden = keras.layers.Dense(8, activation="relu")
            self.out = keras.layers.Dense(4)

        def call(self, x):
            return self.hidden(x)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.hidden = keras.layers.Dense(8, activation="relu")
            self.out = keras.layers.Dense(4)

        def call(self, x):
            return self.out(self.hidden(x))
    ```
    or delete the layer.

    ## When it is silent
    Where the attribute is read anywhere in the file, by whatever object or as text; where the class goes
    through all its sublayers (`self.layers`), or reads attributes by names that aren't known; where it has no
    `call` of its own, so that a subclass may use it; for layers without weights, and layers that come from
    elsewhere.

    ## Fix
    None: whether `call` forgot the layer or the layer is left over, only the author knows.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.build`, `Layer._post_build`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.trainable_weights`).
    """

    code = "KS207"
    name = "sublayer-never-called"
    severity = {2: "information", 3: "information"}  # noqa: RUF012
    summary = "A sublayer is stored, but nothing calls it or reads its weights."

    reporting = (
        Example(
            "the last layer forgotten",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(8, activation="relu")
        self.out = keras.layers.Dense(4)  # <- KS207

    def call(self, x):
        return self.hidden(x)
""",
            symptom="unbuilt",
        ),
        Example(
            "built with care, never called",
            """\
from tensorflow import keras
from tensorflow.keras import layers


class Example(layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.value = layers.Dense(units)
        self.gate = layers.Dense(units, activation="sigmoid")  # <- KS207

    def build(self, input_shape):
        self.value.build(input_shape)
        self.gate.build(input_shape)
        super().build(input_shape)

    def call(self, inputs):
        return self.value(inputs) * inputs
""",
            symptom="no-gradient",
        ),
        Example(
            "a whole list",
            """\
import keras


class Example(keras.Model):
    def __init__(self, depth=2):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.norms = []
        for _ in range(depth):
            self.norms.append(keras.layers.LayerNormalization())  # <- KS207

    def call(self, x, training=None):
        for _ in range(2):
            x = self.dense(x)
        return x
""",
            symptom="unbuilt",
        ),
        Example(
            "one called in the place of the other",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.encoder1 = keras.layers.Dense(8)
        self.encoder2 = keras.Sequential([keras.layers.Dense(8), keras.layers.Dense(8)])  # <- KS207
        self.head = keras.layers.Dense(2)

    def call(self, inputs):
        first = self.encoder1(inputs)
        second = self.encoder1(inputs)
        return self.head(keras.layers.Concatenate()([first, second]))
""",
            symptom={2: "fit-raises", 3: "unbuilt"},
        ),
    )

    silent = (
        Example(
            "both called",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(8, activation="relu")
        self.out = keras.layers.Dense(4)

    def call(self, x):
        return self.out(self.hidden(x))
""",
        ),
        Example(
            "used by another method, for other callers",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.projector = keras.layers.Dense(2)

    def project(self, x):
        return self.projector(self.dense(x))

    def call(self, x):
        return self.dense(x)
""",
            symptom="unbuilt",
        ),
        Example(
            "a head that others use",
            """\
import keras


class Pretrained(keras.Model):
    def __init__(self):
        super().__init__()
        self.backbone = keras.layers.Dense(4)
        self.head = keras.layers.Dense(2)

    def call(self, x):
        return self.backbone(x)


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = Pretrained()

    def call(self, x):
        return self.inner.head(self.inner(x))
""",
        ),
        Example(
            "put together from parts",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(8)
        self.second = keras.layers.Dense(4)
        self.net = keras.Sequential([self.first, self.second])

    def call(self, x):
        return self.net(x)
""",
        ),
        Example(
            "by name",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.dense_0 = keras.layers.Dense(4)
        self.dense_1 = keras.layers.Dense(4)

    def call(self, x):
        for i in range(2):
            x = getattr(self, f"dense_{i}")(x)
        return x
""",
        ),
        Example(
            "all sublayers in turn",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(8)
        self.second = keras.layers.Dense(4)

    def call(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
""",
        ),
        Example(
            "only its weight is read",
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
        return tf.matmul(x, self.dense.kernel) + self.dense.bias
""",
        ),
        Example(
            "without weights",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.flatten = keras.layers.Flatten()

    def call(self, x):
        return self.dense(x)
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        call, library = run.method("call"), run.layer.library
        if library is None or library.name not in _PLAIN_BASES or not run.complete or run.layer.open:
            return
        if call is None or not in_own_class(run, call.site) or run.escaped(run.layer):
            return
        writes = {
            event.name: event
            for event in run.events_of(AttributeWrite)
            if event.owner is run.layer and event.via == "plain" and event.name is not None
        }
        for name, write in writes.items():
            layers = [layer for layer in _layers(write.stored) if _is_forgotten(run, layer)]
            if not layers or len(layers) < len(_layers(write.stored)) or not in_own_class(run, write.at.site):
                continue
            if write.at.phase not in ("init", "build") or _is_read(run, name) or _takes_all(run):
                continue
            site = _place(run, layers[0])
            if site is None:
                continue
            names = " or ".join(sorted({layer.class_name for layer in layers}))
            built = any(run.built_in_build(layer) == "yes" for layer in layers)
            fate = "its weights never get a gradient" if built else "it is never built"
            yield Report(
                site,
                f"Nothing uses `self.{name}` ({names}): {run.definition.name} neither calls it nor reads its "
                f"weights, so {fate}. Call it, or delete it.",
                weight_places(run.weights_of(layers[0]).weights),
            )


def _layers(value: Value) -> list[Layer]:
    """The layers that an attribute is, or holds in a list or dict."""
    return [state for state in states(value) if isinstance(state, Layer)]


def _is_forgotten(run: LayerRun, layer: Layer) -> bool:
    """Whether a layer with weights, made here, comes to no use in what was run."""
    return (
        layer.phase in ("init", "build")
        and layer.library is not None
        and layer.library.kind in ("layer", "model")
        and not layer.cached
        and run.used(layer) == "no"
        and run.weights_of(layer).has == "yes"
    )


def _place(run: LayerRun, layer: Layer) -> Site | None:
    """Where the layer is made, if that is right where it is stored, and its object has no other name."""
    if not in_own_class(run, layer.site):
        return None
    for top in layer.site.statement.nodes:
        for node in ast.walk(top):
            stored = None
            if isinstance(node, ast.Assign | ast.AnnAssign) and not (
                isinstance(node, ast.Assign) and len(node.targets) > 1
            ):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                stored = node.value if isinstance(target, ast.Attribute | ast.Subscript) else None
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                stored = node.args[-1] if node.func.attr in _FILLING - {"build"} else None
            if stored is not None and _is_in(layer.site.node, stored):
                return layer.site
    return None


def _is_in(node: ast.AST, value: ast.expr) -> bool:
    """Whether a value is this expression, or a list, dict or choice of such."""
    if value is node:
        return True
    match value:
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Dict(values=parts):
            return any(_is_in(node, part) for part in parts)
        case ast.ListComp(elt=part) | ast.DictComp(value=part):
            return _is_in(node, part)
        case ast.IfExp(body=first, orelse=second):
            return _is_in(node, first) or _is_in(node, second)
        case _:
            return False


def _takes_all(run: LayerRun) -> bool:
    """Whether the class reads attributes that can't be told from its text."""
    return any(_reads_any(method.node) for method in methods(run))


@kept_on_node
def _reads_any(function: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id in ("getattr", "vars", "locals", "attrgetter")
        for node in ast.walk(function)
    ) or any(node.attr in _ALL_OF_THEM for node in self_attributes(function))


def _is_read(run: LayerRun, name: str) -> bool:
    """Whether anything in the file, or in a base class, reads an attribute of this name."""
    passing = 0
    for method in methods(run):
        named = [node for node in self_attributes(method.node) if node.attr == name]
        if not named:
            continue
        outside = parents(method.node)
        for node in named:
            around = outside.get(node)
            fills = (
                isinstance(around, ast.Attribute)
                and around.attr in _FILLING
                and _is_statement(around, outside)
            )
            put = (
                isinstance(around, ast.Subscript)
                and isinstance(around.ctx, ast.Store)
                and around.value is node
            )
            if isinstance(node.ctx, ast.Load) and not (fills or put):
                return True
            passing += method.owner.module.path == run.module.path
    word = re.escape(name)
    quoted = rf"(?<!name=)(?<!name = )[\"']{word}[\"']"
    return run.mentions(rf"\.{word}\b") > passing or run.mentions(quoted) > 0


def _is_statement(node: ast.AST | None, outside: dict[ast.AST, ast.AST]) -> bool:
    """Whether `self.x.append` is called for its effect alone."""
    call = outside.get(node) if node is not None else None
    return isinstance(call, ast.Call) and call.func is node and isinstance(outside.get(call), ast.Expr)
