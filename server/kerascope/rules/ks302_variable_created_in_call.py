"""KS302: a weight or variable that every call makes anew."""

from __future__ import annotations

from collections.abc import Iterator

from kerascope.rules.hidden import class_of
from kerascope.rules.lazy_creation import attribute_that_holds, made_in_every_call
from kerascope.rules.rule import Example, Report, Rule
from kerascope.tracking.events import Created
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Weight


class VariableCreatedInCall(Rule):
    """
    ## What it does
    Reports `add_weight`, `tf.Variable` or `keras.Variable` in `call`, or in a method or function that it
    uses, that makes a weight each time it runs.

    ## Why it matters
    No two calls use the same weight, so that nothing is learnt. Measured:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | `add_weight` in `call` | ValueError: You cannot add new elements of state | 1 more in every call |
    | `tf.Variable` in `call`, weights after a call | 0, though the call used 1 | 0, though the call used 1 |
    | new variables in the second call | 1 | 1 |
    | `fit`, or a functional model | ValueError | ValueError |

    In Keras 3, a layer that holds sublayers which aren't built yet, and that has no `build()`, takes the
    weight in the first call, and raises in the second.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def call(self, x):
            w = self.add_weight(name="w", shape=(x.shape[-1],), initializer="ones")
            return x * w
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

    ## When it is silent
    Under a condition that asks whether the weight is there already (KS303 tells where Keras 3 refuses that);
    in functions with a cached result; in helpers that make it only where they are given none; for constants
    and tensors.

    ## Fix
    None: a weight made in `build` is shared by all calls, and needs a shape that doesn't come from the input.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer._lock_state`, `Layer.add_weight`),
      `keras/src/utils/tracking.py` (`Tracker.add_to_store`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.add_weight`).
    """

    code = "KS302"
    name = "variable-created-in-call"
    severity = {2: "error", 3: "error"}  # noqa: RUF012
    summary = "A weight or variable is made anew in every call."

    reporting = (
        Example(
            "add_weight",
            """\
import keras


class Example(keras.layers.Layer):
    def call(self, x):
        w = self.add_weight(name="w", shape=(x.shape[-1],), initializer="ones")  # <- KS302
        return x * w
""",
            symptom={2: "created-every-call", 3: "raises"},
        ),
        Example(
            "a local tf.Variable",
            """\
import tensorflow as tf
from tensorflow import keras


class Example(keras.layers.Layer):
    def __init__(self, units=3):
        super().__init__()
        self.units = units

    def call(self, inputs):
        kernel = tf.Variable(  # <- KS302
            tf.random.normal((inputs.shape[-1], self.units)), trainable=True
        )
        return tf.nn.relu(tf.matmul(inputs, kernel))
""",
            symptom="created-every-call",
        ),
        Example(
            "a helper that call() uses, beside sublayers",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def _bias(self, width, training):
        if training:
            width = int(width)
        return self.add_weight(name="bias", shape=(width,), initializer="zeros")  # <- KS302

    def call(self, x, training=None):
        x = self.dense(x)
        return x + self._bias(x.shape[-1], training)
""",
            symptom={2: "created-every-call", 3: "raises"},
        ),
        Example(
            "kept on self, replaced in every call",
            """\
import tensorflow as tf
from tensorflow.keras import layers


class Example(layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = None

    def call(self, x):
        self.gain = tf.Variable(1.0, name="gain")  # <- KS302
        return x * self.gain
""",
            symptom={2: "fewer-weights", 3: "created-every-call"},
            evidence=(
                "(lambda old: (layer(x), any(a is not b for a, b in zip(old, layer.weights)))[1])"
                "(layer.weights)"
            ),
        ),
        Example(
            "a function of one's own",
            """\
import keras
import tensorflow as tf


def noisy(x, scale):
    step = tf.Variable(0.0, trainable=False)  # <- KS302
    step.assign_add(scale)
    return x + step


class Example(keras.layers.Layer):
    def call(self, x):
        return noisy(x, 0.5)
""",
            symptom="fit-raises",
        ),
    )

    silent = (
        Example(
            "made in build()",
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
            "a helper of build()",
            """\
import keras


class Example(keras.layers.Layer):
    def _new(self, name, width):
        return self.add_weight(name=name, shape=(width,), initializer="ones")

    def build(self, input_shape):
        self.scale = self._new("scale", input_shape[-1])
        self.shift = self._new("shift", input_shape[-1])

    def call(self, x):
        return x * self.scale + self.shift
""",
        ),
        Example(
            "made once, when it isn't there yet",
            """\
import keras


class Example(keras.layers.Layer):
    def call(self, x):
        if not hasattr(self, "w"):
            self.w = self.add_weight(name="w", shape=(x.shape[-1],), initializer="ones")
        return x * self.w
""",
            (2,),
        ),
        Example(
            "tensors and constants",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def call(self, x):
        mask = tf.constant([1.0, 0.0, 1.0, 1.0])
        noise = tf.random.normal(tf.shape(x), stddev=0.0)
        return x * mask + noise + tf.zeros_like(x)
""",
        ),
        Example(
            "made once, after an early return",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self._w = None

    @property
    def w(self):
        if self._w is not None:
            return self._w
        self._w = self.add_weight(name="w", shape=(4,), initializer="ones")
        return self._w

    def call(self, x):
        return x * tf.convert_to_tensor(self.w)
""",
            (2,),
        ),
        Example(
            "a helper that would make it if it were given none",
            """\
import keras
import tensorflow as tf


def score(x, transitions=None):
    if transitions is None:
        transitions = tf.Variable(tf.ones((4, 4)))
    return tf.matmul(x, transitions)


class Example(keras.layers.Layer):
    def __init__(self, initial):
        super().__init__()
        self.transitions = self.add_weight(name="transitions", shape=(4, 4), initializer=initial)

    def parts(self, x):
        return x, tf.convert_to_tensor(self.transitions)

    def call(self, x):
        return score(*self.parts(x))
""",
            make='Example("ones")',
        ),
        Example(
            "a variable outside the layer",
            """\
import keras
import tensorflow as tf


def counter():
    return tf.Variable(0, trainable=False)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.calls = counter()

    def call(self, x):
        self.calls.assign_add(1)
        return x * 2.0
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        for creation, site in made_in_every_call(run, lambda value: isinstance(value, Weight)):
            yield Report(site, _message(run, creation))


def _message(run: LayerRun, creation: Created) -> str:
    weight = creation.value
    assert isinstance(weight, Weight)
    what = "`add_weight`" if weight.kind == "weight" else f"`{class_of(weight)}`"
    kept = weight.kind == "weight" or attribute_that_holds(run, creation) is not None
    if run.generation == 3 and kept and weight.kind != "tf variable":
        return (
            f"{what} in every call: Keras 3 raises ValueError, for it takes no new weights once the layer is "
            "built. Make it in `build()`."
        )
    fate = "no call knows the weight of another" if kept else "no call finds it again, it is never saved"
    remedy = "Make it in `build()`" if weight.kind == "weight" else "Use `add_weight` in `build()`"
    return f"{what} makes a new variable in every call: {fate}, and `fit` raises ValueError. {remedy}."
