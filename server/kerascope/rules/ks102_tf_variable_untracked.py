"""KS102: a `tf.Variable` on a Keras 3 layer, which doesn't know TensorFlow's variables."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kerascope.rules.hidden import attribute_of, entrance, looked_after
from kerascope.rules.places import in_own_file
from kerascope.rules.rule import Example, Fix, MakeFix, Report, Rule
from kerascope.source.document import Document, Site
from kerascope.source.rewrite import replace
from kerascope.tracking.events import AttributeWrite, ContainerWrite
from kerascope.tracking.run import LayerRun, Reach
from kerascope.tracking.values import Container, Weight, options


class TfVariableUntracked(Rule):
    """
    ## What it does
    Reports a `tf.Variable` that is stored on a Layer or Model, straight or in a list, dict, tuple or set,
    under Keras 3.

    ## Why it matters
    Keras 2 took every `tf.Variable` on an attribute for a weight. Keras 3 takes only its own variables,
    and drops the others without a word. Measured on `self.w = tf.Variable(...)`, made in `__init__` or in
    `build`: Keras 2.15 has 1 trainable weight, which learns and is saved; Keras 3.15 has 0, `fit` changes
    nothing, and loading the saved weights gives other outputs. Beside other weights (a `Dense`, say)
    there isn't even a warning. With `trainable=False` (a counter, a running mean) or whole numbers only
    saving is lost, so that is reported as information.

    ## Example
    ```python
    class Scale(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.gain = tf.Variable(tf.ones([4]))

        def call(self, x):
            return x * self.gain
    ```

    ## Instead
    ```python
            self.gain = self.add_weight(shape=[4], initializer="ones")
    ```
    `keras.Variable(value)` is tracked too.

    ## When it is silent
    In Keras 2; for `keras.Variable` and `add_weight`; for a variable that is handed to code that
    Kerascope can't see. A variable inside an object that Keras doesn't follow is KS101's.

    ## Fix
    Calls `add_weight`, where the shape and the initial value are literal (zeros, ones or a number).
    Unsafe: the weight begins to train and to be saved, and older weight files no longer fit.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer._initialize_tracker`: what is tracked).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__setattr__`: any `tf.Variable`, in nested
      structures too).
    - [keras #18467](https://github.com/keras-team/keras/issues/18467): the list of what Keras 3 changed
      names the `tf.Variable` on a layer.
    """

    code = "KS102"
    name = "tf-variable-untracked"
    severity = {3: "warning"}  # noqa: RUF012
    summary = "A `tf.Variable` on a Keras 3 layer is not one of its weights."

    reporting = (
        Example(
            "made in the constructor",
            """\
import tensorflow as tf
from tensorflow import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = tf.Variable(tf.ones([4]), name="gain")  # <- KS102

    def call(self, x):
        return x * self.gain
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import tensorflow as tf
from tensorflow import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = self.add_weight(shape=[4], initializer="ones", name="gain")  # <- KS102

    def call(self, x):
        return x * self.gain
""",
        ),
        Example(
            "made in build",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        start = tf.random_normal_initializer()
        self.w = tf.Variable(  # <- KS102
            initial_value=start(shape=(input_shape[-1], 4), dtype="float32"),
            trainable=True,
        )
        self.b = tf.Variable(tf.zeros((4,)), trainable=True)  # <- KS102

    def call(self, x):
        return tf.matmul(x, self.w) + self.b
""",
            generations=(3,),
            symptom="untracked",
        ),
        Example(
            "a scalar",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.t = tf.Variable(0.5)  # <- KS102

    def call(self, x):
        return x / self.t
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.t = self.add_weight(shape=(), initializer=tf.keras.initializers.Constant(0.5))  # <- KS102

    def call(self, x):
        return x / self.t
""",
        ),
        Example(
            "in a list",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.kernels = [tf.Variable(tf.eye(4)) for _ in range(2)]  # <- KS102

    def call(self, x):
        for kernel in self.kernels:
            x = tf.matmul(x, kernel)
        return x
""",
            generations=(3,),
            symptom="untracked",
        ),
        Example(
            "appended to a list",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.kernels = []
        for i in range(depth):
            self.kernels.append(tf.Variable(tf.eye(4), name=f"kernel_{i}"))  # <- KS102

    def call(self, x):
        for kernel in self.kernels:
            x = x @ kernel
        return x
""",
            generations=(3,),
            symptom="untracked",
        ),
        Example(
            "on a Model",
            """\
import tensorflow as tf


class Example(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(1.0)  # <- KS102
        self.shift = tf.Variable(0.0)  # <- KS102

    def call(self, x):
        return x * self.scale + self.shift
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import tensorflow as tf


class Example(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.scale = self.add_weight(shape=(), initializer="ones")  # <- KS102
        self.shift = self.add_weight(shape=(), initializer="zeros")  # <- KS102

    def call(self, x):
        return x * self.scale + self.shift
""",
        ),
        Example(
            "beside a tracked layer",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.residual = tf.Variable(tf.zeros([]))  # <- KS102

    def call(self, x):
        return x + self.residual * self.dense(x)
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.residual = self.add_weight(shape=[], initializer="zeros")  # <- KS102

    def call(self, x):
        return x + self.residual * self.dense(x)
""",
        ),
        Example(
            "a counter: only saving is lost",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.calls = tf.Variable(0.0, trainable=False)  # <- KS102

    def call(self, x):
        self.calls.assign_add(1.0)
        return self.dense(x) * self.calls
""",
            generations=(3,),
            symptom="not-saved",
            fixed="""\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)  # <- KS102

    def call(self, x):
        self.calls.assign_add(1.0)
        return self.dense(x) * self.calls
""",
        ),
    )

    silent = (
        Example(
            "add_weight",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = self.add_weight(shape=(4,), initializer="ones", name="gain")

    def call(self, x):
        return x * self.gain
""",
        ),
        Example(
            "weights of this layer in a list",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, shape):
        self.gains = [self.add_weight(shape=(shape[-1],), initializer="ones") for _ in range(2)]

    def call(self, x):
        for gain in self.gains:
            x = x * gain
        return x
""",
        ),
        Example(
            "keras.Variable, also around a tf.Variable",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = keras.Variable(tf.ones([4]))
        self.shift = keras.Variable(tf.Variable([0.0, 0.0, 0.0, 0.0]))

    def call(self, x):
        return x * self.gain + self.shift
""",
            generations=(3,),
        ),
        Example(
            "tf.Variable in Keras 2",
            """\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = tf.Variable(tf.ones([4]))
        self.shifts = [tf.Variable(tf.zeros([4]))]

    def call(self, x):
        return x * self.gain + self.shifts[0]
""",
            generations=(2,),
        ),
        Example(
            "code for both generations",
            """\
import keras
import tensorflow as tf

KERAS_3 = int(keras.__version__.split(".")[0]) >= 3

try:
    from keras import ops
except ImportError:
    ops = None


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        if KERAS_3:
            self.gain = self.add_weight(shape=(4,), initializer="ones", name="gain")
        else:
            self.gain = tf.Variable(tf.ones([4]))
        if ops is not None:
            self.shift = self.add_weight(shape=(4,), initializer="zeros", name="shift")
        else:
            self.shift = tf.Variable(tf.zeros([4]))
        make = keras.Variable if hasattr(keras, "Variable") else tf.Variable
        self.scale = make([1.0, 1.0, 1.0, 1.0])

    def call(self, x):
        return x * self.gain * self.scale + self.shift
""",
        ),
        Example(
            "a variable of a helper that Keras never sees",
            """\
import keras
import tensorflow as tf

STEP = tf.Variable(0, trainable=False)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        seen: set[int] = set()
        for reach in run.reaches():
            weight = reach.value
            if not isinstance(weight, Weight) or weight.kind != "tf variable" or run.tracked(weight) != "no":
                continue
            if looked_after(run, weight):
                continue
            if (
                not all(isinstance(step, Container) for step in reach.steps[:-1])
                or reach.breaks is not weight
            ):
                continue
            write = entrance(run, reach.steps, len(reach.steps) - 1)
            if write is None or write.at.subject is not run.layer or write.at.phase == "call":
                continue
            if _is_for_keras_2(run, write):
                continue
            site = weight.site if weight.site.path == run.module.path else in_own_file(run, write.at)
            if site is None or id(site.node) in seen:
                continue
            seen.add(id(site.node))
            yield _report(run, reach, weight, site)


def _is_for_keras_2(run: LayerRun, write: AttributeWrite | ContainerWrite) -> bool:
    """Whether the attribute gets a weight of Keras' own instead, by a condition that the run can't decide."""
    if not isinstance(write, AttributeWrite):
        return False
    writes = [write]
    if write.at.conditional:
        writes += [w for w in run.events_of(AttributeWrite) if w.owner is run.layer and w.name == write.name]
    return any(
        isinstance(option, Weight) and option.kind != "tf variable"
        for each in writes
        for option in options(each.value)
    )


def _report(run: LayerRun, reach: Reach, weight: Weight, site: Site) -> Report:
    where = f"`{attribute_of(reach)}`" if len(reach.steps) == 1 else f"in `{attribute_of(reach)}`"
    fix = _add_weight(weight)
    if weight.trainable is True and run.used(weight) == "yes" and not _counts(weight.call):
        return Report(
            site,
            f"Keras 3 doesn't know the tf.Variable {where}: it is no weight of `{run.definition.name}`, "
            f"so it won't be trained or saved. Make it with `self.add_weight(...)`.",
            fix=fix,
        )
    return Report(
        site,
        f"Keras 3 doesn't know the tf.Variable {where}: it is no weight of `{run.definition.name}`, "
        f"so its value won't be saved. If it should be, use `self.add_weight(..., trainable=False)`.",
        fix=fix,
        severity="information",
    )


def _counts(call: ast.Call) -> bool:
    """Whether it holds whole numbers or a flag, which no gradient ever changes."""
    values = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "initial_value")]
    kinds = [ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg == "dtype"]
    if kinds:
        return "int" in kinds[0] or "bool" in kinds[0]
    return any(isinstance(value, ast.Constant) and isinstance(value.value, int) for value in values)


def _add_weight(weight: Weight) -> MakeFix | None:
    """`self.add_weight` in the place of the call, where that is known to give the same start value."""
    call = weight.call
    if weight.phase not in ("init", "build") or len(call.args) > 1:
        return None
    value = call.args[0] if call.args else None
    others: list[ast.keyword] = []
    for keyword in call.keywords:
        if keyword.arg == "initial_value" and value is None:
            value = keyword.value
        elif keyword.arg in ("trainable", "name", "dtype"):
            others.append(keyword)
        else:
            return None
    start = _start_of(call, value)
    if start is None or ("dtype=" in start and any(keyword.arg == "dtype" for keyword in others)):
        return None

    def make(document: Document) -> Fix | None:
        written = [start]
        for keyword in others:
            place = document.extent_of(Site(weight.site.path, weight.site.statement, keyword.value))
            if place is None:
                return None
            written.append(f"{keyword.arg}={document.text_of(place)}")
        edits = replace(document, weight.site, f"self.add_weight({', '.join(written)})")
        return None if edits is None else Fix("Make it a weight with add_weight", False, edits)

    return make


def _start_of(call: ast.Call, value: ast.expr | None) -> str | None:
    """The shape and initializer that give this literal start value."""
    number = value.value if isinstance(value, ast.Constant) else None
    if isinstance(number, int | float) and not isinstance(number, bool):
        kind = "" if isinstance(number, float) else ', dtype="int32"'
        if number in (0, 1):
            return f'shape=(), initializer="{"ones" if number else "zeros"}"{kind}'
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            tensorflow = call.func.value.id
            return f"shape=(), initializer={tensorflow}.keras.initializers.Constant({number}){kind}"
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and len(value.args) == 1:
        shape = value.args[0]
        if (
            value.func.attr in ("zeros", "ones")
            and not value.keywords
            and isinstance(shape, ast.Tuple | ast.List)
        ):
            return f'shape={ast.unparse(shape)}, initializer="{value.func.attr}"'
    return None
