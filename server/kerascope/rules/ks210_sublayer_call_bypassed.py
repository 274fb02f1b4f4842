"""KS210: a sublayer's call() or weight is used straight away, and nothing ever builds the sublayer."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kerascope.project.meaning import Library
from kerascope.rules.own_code import made_by_build, methods, runs_its_build, self_attributes
from kerascope.rules.places import holds, in_own_class, in_own_file
from kerascope.rules.rule import Example, Fix, MakeFix, Related, Report, Rule
from kerascope.source import rewrite
from kerascope.source.document import Document, Site
from kerascope.tracking.events import AttributeRead, Context, LayerBuilt, LayerCalled, LayerMethod
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Layer


class SublayerCallBypassed(Rule):
    """
    ## What it does
    Reports `self.dense.call(x)`, and a weight such as `self.dense.kernel`, in `call`, where nothing builds
    the sublayer.

    ## Why it matters
    Calling a layer, `self.dense(x)`, builds it first; its method `call` doesn't, and neither does reading a
    weight. Measured for `Dense`:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | `self.dense.call(x)` | AttributeError: You must build the layer | AttributeError: no 'kernel' |
    | `x @ self.dense.kernel` | AttributeError: You must build the layer | AttributeError: no 'kernel' |
    | the same, with a `build()` that builds the sublayer | works | works |

    Where it works, `call` still goes past what Keras does around it: masks, mixed precision, losses,
    quantization.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense.call(x)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense(x)
    ```
    Where only the weight is wanted, build the sublayer in `build()`: `self.dense.build(input_shape)`.

    ## When it is silent
    Where anything may build the sublayer: the constructor, `build`, a proper call of it or of what wraps it,
    another method, code outside the class; where the sublayer needs no `build()` (without weights, with
    weights made in its constructor, models, wrappers); under a condition that asks whether it is built.

    ## Fix
    Unsafe: `self.dense.call(x)` becomes `self.dense(x)`. None for a weight that is read.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.__call__`), `keras/src/layers/core/dense.py`
      (`Dense.kernel`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__call__`).
    """

    code = "KS210"
    name = "sublayer-call-bypassed"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "`call` uses a sublayer's call() or weight directly, and nothing builds the sublayer."

    reporting = (
        Example(
            "call() of a Dense",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense.call(x)  # <- KS210
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)  # <- KS210
""",
        ),
        Example(
            "the kernel of a Dense, for a product of one's own",
            """\
import tensorflow as tf
from tensorflow.keras import layers


class Example(layers.Layer):
    def __init__(self, units=3):
        super().__init__()
        self.projection = layers.Dense(units, use_bias=False)
        self.norm = layers.LayerNormalization()

    def call(self, inputs):
        x = self.norm(inputs)
        return tf.nn.relu(tf.matmul(x, self.projection.kernel))  # <- KS210
""",
            symptom="raises",
        ),
        Example(
            "a list of blocks of one's own",
            """\
import keras


class Scale(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.gain


class Example(keras.Model):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = [Scale() for _ in range(depth)]

    def call(self, x, training=None):
        for block in self.blocks:
            x = block.call(x)  # <- KS210
        return x
""",
            symptom="raises",
            fixed="""\
import keras


class Scale(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.gain


class Example(keras.Model):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = [Scale() for _ in range(depth)]

    def call(self, x, training=None):
        for block in self.blocks:
            x = block(x)  # <- KS210
        return x
""",
        ),
        Example(
            "scores against a table that nobody looks into",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self, items=7):
        super().__init__()
        self.query = keras.layers.Dense(4)
        self.items = keras.layers.Embedding(items, 4)

    def call(self, users):
        return self.score(self.query(users))

    def score(self, users):
        return tf.matmul(users, self.items.embeddings, transpose_b=True)  # <- KS210
""",
            symptom="raises",
        ),
    )

    silent = (
        Example(
            "build() builds the sublayer",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense.call(x)
""",
        ),
        Example(
            "tied to an embedding that is called",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.embedding = keras.layers.Embedding(7, 4)

    def call(self, x):
        tokens = self.embedding(tf.cast(x, "int32"))
        return tf.matmul(tokens, self.embedding.embeddings, transpose_b=True)
""",
            arguments="tf.abs(x)",
        ),
        Example(
            "the call() of a layer without weights",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.flatten = keras.layers.Flatten()

    def call(self, x):
        return self.dense(self.flatten.call(x))
""",
        ),
        Example(
            "a part that only holds sublayers",
            """\
import keras


class Part(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.part = Part()

    def call(self, x):
        return self.part.call(x)
""",
        ),
        Example(
            "weights that the constructor makes",
            """\
import keras


class Part(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = self.add_weight(name="gain", shape=(), initializer="ones")

    def call(self, x):
        return x * self.gain


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.part = Part()

    def call(self, x):
        return self.part.call(x) + self.part.gain
""",
        ),
        Example(
            "super().call()",
            """\
import keras


class Example(keras.layers.Dense):
    def __init__(self):
        super().__init__(4)

    def call(self, x):
        return super().call(x) + self.kernel[0]
""",
        ),
        Example(
            "a wrapper, which builds what it wraps",
            """\
import keras


class Example(keras.layers.Wrapper):
    def __init__(self, units=4):
        super().__init__(keras.layers.Dense(units))

    def call(self, x):
        return self.layer.call(x)
""",
        ),
        Example(
            "call() of a model",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.net = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(2)])

    def call(self, x):
        return self.net.call(x)
""",
            (3,),
        ),
        Example(
            "another method builds it",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def prepare(self, width):
        self.dense.build((None, width))
        return self

    def call(self, x):
        return self.dense.call(x)
""",
            make="Example().prepare(4)",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        seen: list[ast.AST] = []
        for event in run.events:
            if not isinstance(event, LayerCalled | AttributeRead) or event.at.phase != "call":
                continue
            found = _bypass(event)
            if found is None:
                continue
            layer, what = found
            site = in_own_file(run, event.at)
            if site is None or any(node is site.node for node in seen) or layer is run.layer:
                continue
            if not _needs_build(run, layer) or _is_asked(event.at) or _may_be_built(run, layer, what):
                continue
            seen.append(site.node)
            text = ast.unparse(what.value)
            if isinstance(event, LayerCalled):
                yield Report(
                    site,
                    f"`{text}.call(…)` doesn't build {layer.class_name}, and nothing else does: the first "
                    f"call fails, for it has no weights yet. Write `{text}(…)`.",
                    (Related(layer.site, f"the {layer.class_name} is made here"),),
                    _call_the_layer(run, event.at, what),
                )
            else:
                yield Report(
                    site,
                    f"Nothing builds `{text}` ({layer.class_name}): `{text}.{what.attr}` isn't there in the "
                    f"first call, which fails. Call `{text}(…)`, or build it in `build()`.",
                    (Related(layer.site, f"the {layer.class_name} is made here"),),
                )


def _bypass(event: LayerCalled | AttributeRead) -> tuple[Layer, ast.Attribute] | None:
    """The layer that is used without being called, and `layer.call` or `layer.kernel`."""
    if isinstance(event, LayerCalled):
        function = event.call.func
        if event.method == "call" and isinstance(function, ast.Attribute) and function.attr == "call":
            return event.layer, function
        return None
    node, library = event.at.site.node, event.owner.library
    if not isinstance(event.owner.cls, Library) or library is None or event.name not in library.weights:
        return None
    return (event.owner, node) if isinstance(node, ast.Attribute) else None


def _needs_build(run: LayerRun, layer: Layer) -> bool:
    """Whether the layer's own weights are made by its `build` and by nothing else."""
    if isinstance(layer.cls, Library):
        library = layer.library
        return (
            library is not None
            and library.kind == "layer"
            and bool(library.weights)
            and not library.builds_in_init
            and all("/" not in name or "_cell/" in name for name in library.weights)
        )
    inner = run.run_of(layer)
    return (
        inner is not None
        and inner.own_build() is not None
        and not inner.is_model()
        and inner.method("__call__") is None
        and not runs_its_build(inner)
        and bool(made_by_build(inner, inner.method("call")))
    )


def _may_be_built(run: LayerRun, layer: Layer, what: ast.Attribute) -> bool:
    """Whether anything but the reported use may build the layer, in whatever order."""
    if (
        run.built_in_build(layer) != "no"
        or layer.open
        or layer.cached
        or layer.phase not in ("init", "build")
    ):
        return True
    library = run.layer.library
    if library is not None and library.own_build and not run.is_model() and run.own_build() is None:
        return True  # as `Wrapper.build` does
    for event in run.all_events:
        if isinstance(event, LayerCalled):
            handed = [*event.layer.arguments, *event.layer.keywords.values()]
            inside = event.layer is not layer and any(holds(value, layer) for value in handed)
            if inside or (event.layer is layer and event.method != "call"):
                return True
            if any(holds(value, layer) for value in event.arguments):
                return True
        elif isinstance(event, LayerBuilt | LayerMethod) and event.layer is layer:
            return True
    return _is_named_elsewhere(run, layer)


def _is_named_elsewhere(run: LayerRun, layer: Layer) -> bool:
    """Whether a method that the run doesn't reach, or code outside the class, has to do with it."""
    names = {
        reach.text.removeprefix("self.").split("[")[0].split(".")[0]
        for reach in run.reaches()
        if reach.value is layer
    }
    known = {event.at.method for event in run.all_events} | {"get_config", "from_config"}
    for method in methods(run):
        attributes = self_attributes(method.node) if method.name not in known else ()
        if any(node.attr in names for node in attributes):
            return True
    outside = "|".join(map(re.escape, names))
    pattern = rf"\b(?!self\b)\w+\.(?:{outside})\b\s*(?:\(|\[|\.build\b)"
    return not names or run.mentions(pattern) > 0


def _is_asked(at: Context) -> bool:
    """Whether a condition around it asks what there is."""
    return any(re.search(r"\bbuilt\b|\bhasattr\b|\bgetattr\b", ast.unparse(guard)) for guard in at.guards)


def _call_the_layer(run: LayerRun, at: Context, what: ast.Attribute) -> MakeFix | None:
    if not in_own_class(run, at.site):
        return None

    def fix(document: Document) -> Fix | None:
        site = Site(at.site.path, at.site.statement, what)
        edits = rewrite.replace(document, site, ast.unparse(what.value))
        return Fix("Call the layer", False, tuple(edits)) if edits else None

    return fix
