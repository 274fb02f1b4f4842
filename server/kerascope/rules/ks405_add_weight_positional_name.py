"""KS405: add_weight with a first argument that the installed Keras takes for something else."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import partial

from kerascope.project.catalogue import Generation, LibraryClass
from kerascope.rules.places import in_own_class, in_own_file
from kerascope.rules.rule import Example, Fix, Report, Rule
from kerascope.source.document import Document, Site
from kerascope.source.position import Edit, Range
from kerascope.tracking.events import AddWeight, AttributeWrite
from kerascope.tracking.run import LayerRun, ScriptRun
from kerascope.tracking.values import UNKNOWN, Constant, Container, Plain, Value

_ORDER: dict[Generation, tuple[str, ...]] = {
    2: ("name", "shape", "dtype", "initializer", "regularizer", "trainable", "constraint"),
    3: ("shape", "initializer", "dtype"),
}
_OF_METRICS = ("self.add_weight", "super().add_weight")


class AddWeightPositionalName(Rule):
    """
    ## What it does
    Reports `self.add_weight("w", …)`, the name given as first positional argument, for Keras 3; and the
    reverse, a shape as first positional argument, for Keras 2.

    ## Why it matters
    `add_weight` takes its positional arguments in another order in each generation: `name, shape, dtype,
    initializer` in Keras 2, `shape, initializer, dtype` in Keras 3. Measured:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | `add_weight("w", shape=(4,))`, `add_weight("w", (4,))` | ValueError | 1 weight |
    | `add_weight((4,))`, `add_weight((4,), "ones")` | 1 weight | TypeError |
    | in a metric: `add_weight("total", initializer="zeros")` | ValueError | 1 weight |
    | in a metric: `add_weight("total", (), initializer="zeros")` | TypeError | 1 weight |

    Inside another layer that has no `build()`, Keras 3 swallows the error while it tries to build, and shows
    another one. Keras 3 before 3.14 raises a TypeError.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight("w", shape=(input_shape[-1],), initializer="ones")

        def call(self, x):
            return x * self.w
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(name="w", shape=(input_shape[-1],), initializer="ones")

        def call(self, x):
            return x * self.w
    ```
    Keywords mean the same in both generations.

    ## When it is silent
    Where the first argument can't be known to be a text, or a tuple or list; where the class has an
    `add_weight` of its own.

    ## Fix
    Safe: passes the positional arguments by keyword.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.add_weight`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.add_weight`).
    - [keras #22253](https://github.com/keras-team/keras/issues/22253): the name given first, as in Keras 2.
    - [keras #22265](https://github.com/keras-team/keras/pull/22265): gives it a message of its own, in
      Keras 3.14.
    """

    code = "KS405"
    name = "add-weight-positional-name"
    severity = {2: "error", 3: "error"}  # noqa: RUF012
    summary = "The first positional argument of add_weight is the name in Keras 2, the shape in Keras 3."

    reporting = (
        Example(
            "the name first, the shape by keyword",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight("w", shape=(input_shape[-1],), initializer="ones")  # <- KS405

    def call(self, x):
        return x * self.w
""",
            (3,),
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[-1],), initializer="ones")  # <- KS405

    def call(self, x):
        return x * self.w
""",
        ),
        Example(
            "name and shape by position",
            """\
import tensorflow as tf
from tensorflow.keras import layers


class Example(layers.Layer):
    def __init__(self, units=3):
        super().__init__()
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(  # <- KS405
            "kernel",
            [int(shape[-1]), self.units],  # in, out
            initializer="glorot_uniform",
        )
        self.built = True

    def call(self, x):
        return tf.matmul(x, self.kernel)
""",
            (3,),
            symptom="raises",
            fixed="""\
import tensorflow as tf
from tensorflow.keras import layers


class Example(layers.Layer):
    def __init__(self, units=3):
        super().__init__()
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(  # <- KS405
            name="kernel",
            shape=[int(shape[-1]), self.units],  # in, out
            initializer="glorot_uniform",
        )
        self.built = True

    def call(self, x):
        return tf.matmul(x, self.kernel)
""",
        ),
        Example(
            "a name put together",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, count=2):
        super().__init__()
        self.count = count

    def build(self, input_shape):
        self.gains = [
            self.add_weight(f"gain_{i}", shape=(), initializer="ones")  # <- KS405
            for i in range(2)
        ]

    def call(self, x):
        return x * self.gains[0] * self.gains[1]
""",
            (3,),
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, count=2):
        super().__init__()
        self.count = count

    def build(self, input_shape):
        self.gains = [
            self.add_weight(name=f"gain_{i}", shape=(), initializer="ones")  # <- KS405
            for i in range(2)
        ]

    def call(self, x):
        return x * self.gains[0] * self.gains[1]
""",
        ),
        Example(
            "four arguments by position, as Keras 2 orders them",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.bias = self.add_weight("bias", (4,), "float32", "zeros")  # <- KS405

    def call(self, x):
        return x + self.bias
""",
            (3,),
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.bias = self.add_weight(name="bias", shape=(4,), dtype="float32", initializer="zeros")  # <- KS405

    def call(self, x):
        return x + self.bias
""",
        ),
        Example(
            "in a metric",
            """\
import tensorflow as tf


class Hits(tf.keras.metrics.Metric):
    def __init__(self, name="hits", **kwargs):
        super().__init__(name=name, **kwargs)
        self.hits = self.add_weight("hits", initializer="zeros")  # <- KS405
        self.count = self.add_weight("count", (), initializer="zeros")  # <- KS405

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.hits.assign_add(tf.reduce_sum(y_true * y_pred))
        self.count.assign_add(1.0)

    def result(self):
        return self.hits / self.count


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = tf.keras.layers.Dense(4)
        self.hits = Hits()

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        y = self.dense(x)
        self.hits.update_state(x, y)
        return y
""",
            (3,),
            symptom="raises",
            fixed="""\
import tensorflow as tf


class Hits(tf.keras.metrics.Metric):
    def __init__(self, name="hits", **kwargs):
        super().__init__(name=name, **kwargs)
        self.hits = self.add_weight(name="hits", initializer="zeros")  # <- KS405
        self.count = self.add_weight(name="count", shape=(), initializer="zeros")  # <- KS405

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.hits.assign_add(tf.reduce_sum(y_true * y_pred))
        self.count.assign_add(1.0)

    def result(self):
        return self.hits / self.count


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = tf.keras.layers.Dense(4)
        self.hits = Hits()

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        y = self.dense(x)
        self.hits.update_state(x, y)
        return y
""",
        ),
        Example(
            "put onto a sublayer, under a name made of others",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.gain = self.dense.add_weight(self.name + "_g", shape=(4,), initializer="ones")  # <- KS405
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x) * self.gain
""",
            (3,),
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.gain = self.dense.add_weight(name=self.name + "_g", shape=(4,), initializer="ones")  # <- KS405
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x) * self.gain
""",
        ),
        Example(
            "in Keras 2, the shape first",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight((4,), initializer="ones")  # <- KS405

    def call(self, x):
        return x * self.w
""",
            (2,),
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(4,), initializer="ones")  # <- KS405

    def call(self, x):
        return x * self.w
""",
        ),
        Example(
            "in Keras 2, shape and initializer by position",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight((input_shape[-1],), "ones", name="w")  # <- KS405

    def call(self, x):
        return x * self.w
""",
            (2,),
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")  # <- KS405

    def call(self, x):
        return x * self.w
""",
        ),
        Example(
            "a name that is put together",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight(self.name + "_scale", (input_shape[-1],))  # <- KS405

    def call(self, x):
        return x * self.scale
""",
            (3,),
            symptom="raises",
        ),
    )
    silent = (
        Example(
            "a metric's weights by keyword",
            """\
import keras


class Hits(keras.metrics.Metric):
    def __init__(self, name="hits", **kwargs):
        super().__init__(name=name, **kwargs)
        self.hits = self.add_weight(name="hits", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.hits.assign_add(1.0)

    def result(self):
        return self.hits


def make_model():
    model = keras.Sequential([keras.layers.Dense(4)])
    model.compile("sgd", "mse", metrics=[Hits()])
    return model
""",
            make="make_model()",
        ),
        Example(
            "the name first, in Keras 2",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight("w", (input_shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.w
""",
            (2,),
        ),
        Example(
            "the shape first, in Keras 3",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight((4,), "ones", name="w")

    def call(self, x):
        return x * self.w
""",
            (3,),
        ),
        Example(
            "keywords",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.w
""",
        ),
        Example(
            "an add_weight of one's own, for both generations",
            """\
import keras


class Compatible(keras.layers.Layer):
    def add_weight(self, name, shape, **kwargs):
        return super().add_weight(name=name, shape=shape, **kwargs)


class Example(Compatible):
    def build(self, input_shape):
        self.w = self.add_weight("w", (input_shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.w
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        reported: list[ast.Call] = []
        for event in run.events_of(AddWeight):
            call = event.call
            given = _given(event)
            if not given or any(call is each for each in reported):
                continue
            first = given[0]
            value = event.arguments[0] if event.arguments else UNKNOWN
            site = in_own_file(run, event.at)
            if isinstance(first, ast.Starred) and event.at.calls:
                site = event.at.calls[-1] if event.at.calls[-1].path == run.module.path else None
            misplaced = _is_text(first, value) if run.generation == 3 else _is_shape(first, value)
            if site is None or not misplaced:
                continue
            reported.append(call)
            own = in_own_class(run, event.at.site) and len(given) == len(call.args)
            yield Report(
                site,
                _message(run.generation, first),
                fix=partial(_by_keyword, run=run, site=event.at.site, call=call) if own else None,
            )

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        """The constructors of metrics."""
        if run.generation != 3:
            return
        for event in run.events_of(AttributeWrite):
            owner, call = event.owner, getattr(event.at.statement, "value", None)
            if not isinstance(owner, Plain) or event.at.site.path != run.module.path:
                continue
            if not isinstance(call, ast.Call) or ast.unparse(call.func) not in _OF_METRICS or not call.args:
                continue
            if not isinstance(owner.library, LibraryClass) or owner.library.kind != "metric":
                continue
            if not _is_text(call.args[0]) or run.defines(owner, "add_weight"):
                continue
            site = Site(event.at.site.path, event.at.site.statement, call)
            yield Report(
                site,
                _message(3, call.args[0], of_metric=True),
                fix=partial(_by_keyword, run=run, site=site, call=call) if len(call.args) < 3 else None,
            )


def _given(event: AddWeight) -> list[ast.expr]:
    """The positional arguments as the code has them, without the layer in `Layer.add_weight(self, …)`."""
    arguments = event.call.args
    unbound = len(event.arguments) == len(arguments) - 1
    return arguments[1:] if unbound and not isinstance(arguments[0], ast.Starred) else arguments


def _is_text(node: ast.expr, value: Value = UNKNOWN) -> bool:
    if isinstance(value, Constant) and isinstance(value.value, str):
        return True
    match node:
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _is_text(left) or _is_text(right)
        case ast.BinOp(op=ast.Mod(), left=left):
            return _is_text(left)
        case ast.Call(func=ast.Attribute(value=text, attr="format" | "join")):
            return _is_text(text)
        case ast.Call(func=ast.Name(id="str")) | ast.JoinedStr() | ast.Constant(value=str()):
            return True
    return False


def _is_shape(node: ast.expr, value: Value) -> bool:
    return isinstance(node, ast.Tuple | ast.List) or (
        isinstance(value, Container) and value.kind in ("tuple", "list")
    )


def _message(generation: Generation, first: ast.expr, of_metric: bool = False) -> str:
    if generation == 3:
        raises = "raises" if of_metric else "raises ValueError"
        return (
            f"add_weight({ast.unparse(first)}, …) {raises} in Keras 3, which takes it for the "
            "shape: pass the name as `name=…`."
        )
    return (
        f"add_weight({ast.unparse(first)}, …) raises TypeError in Keras 2, which takes it for the "
        "name: pass the shape as `shape=…`."
    )


def _by_keyword(document: Document, run: LayerRun | ScriptRun, site: Site, call: ast.Call) -> Fix | None:
    """Each positional argument as keyword, in the order that the author had in mind."""
    names = _ORDER[2 if run.generation == 3 else 3]
    given = {keyword.arg for keyword in call.keywords}
    count = len(call.args)
    if count > len(names) or given & {None, *names[:count]}:
        return None
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    edits = _prefixed(document, site, call, names[:count])
    return Fix("Pass the arguments of add_weight by keyword", True, edits) if edits else None


def _prefixed(
    document: Document, site: Site, call: ast.Call, names: Sequence[str]
) -> tuple[Edit, ...] | None:
    """`name=` before each positional argument; None where brackets around an argument are in the way."""
    whole = document.extent_of(Site(site.path, site.statement, call))
    if whole is None:
        return None
    edits, places = [], []
    for name, argument in zip(names, call.args, strict=False):
        extent = document.extent_of(Site(site.path, site.statement, argument))
        if extent is None:
            return None
        edits.append(Edit(Range(extent.start, extent.start), f"{name}="))
        places.append(document.offset_of(extent.start))
    start, end = document.offset_of(whole.start), document.offset_of(whole.end)
    text = document.text[start:end]
    for name, place in reversed(list(zip(names, places, strict=False))):
        text = f"{text[: place - start]}{name}={text[place - start :]}"
    try:
        changed = ast.parse(f"({text})", mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(changed, ast.Call) or changed.args:
        return None
    return tuple(reversed(edits))
