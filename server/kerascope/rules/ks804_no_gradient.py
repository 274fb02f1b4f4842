"""KS804: a trainable weight gets no gradient."""

from __future__ import annotations

from kerascope.rules.rule import Example, Rule


class NoGradient(Rule):
    """
    ## What it does
    Reports, after a build check, trainable weights that get no gradient on the second step (the first one
    may only just make them), on the line that made them or their layer. The loss is the sum of the squared
    outputs, and the losses that the layer adds.

    ## Why it matters
    Keras lists such a weight, counts it and saves it, and never changes it: the call doesn't use it, or uses
    it where no gradient passes (rounding, `argmax`, NumPy, `stop_gradient`, a graph that holds it as a
    constant). Keras logs a warning in `fit`, and raises only if no weight has a gradient. Measured for the
    program below, in Keras 3.15 and Keras 2 (`tf_keras` 2.21): 2 of 4 weights have the gradient `None`.

    ## Example
    ```python
    import keras
    import tensorflow as tf


    def stepped(gate):
        return tf.round(4.0 * gate) / 4.0


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.gate = keras.layers.Dense(4, activation="sigmoid")
            self.dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense(x) * stepped(self.gate(x))
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.gate = keras.layers.Dense(4, activation="sigmoid")
            self.dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense(x) * self.gate(x)
    ```

    ## When it is silent
    For frozen weights, and those that never train (the moving statistics of BatchNormalization, counters,
    seeds); where the outputs hold no floating point numbers. On a gradient that is there and zero, see
    KS807.

    ## Fix
    None.

    ## References
    - Keras 3.15.1: `keras/src/optimizers/base_optimizer.py` (`_filter_empty_gradients`).
    - Keras 2.15.0: `keras/src/optimizers/utils.py` (`filter_empty_gradients`).
    - [transformers #2256](https://github.com/huggingface/transformers/issues/2256): "Gradients do not exist
      for variables" of a layer in a pretrained model.
    """

    code = "KS804"
    name = "no-gradient"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "A trainable weight gets no gradient."
    measured = True

    reporting = (
        Example(
            "a gate that a function rounds",
            """\
import keras
import tensorflow as tf


def stepped(gate):
    return tf.round(4.0 * gate) / 4.0


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gate = keras.layers.Dense(4, activation="sigmoid")  # <- KS804
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x) * stepped(self.gate(x))
""",
            symptom="no-gradient",
        ),
        Example(
            "a weight that the call doesn't use",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 4), name="kernel")
        self.bias = self.add_weight(shape=(4,), name="bias")  # <- KS804

    def call(self, x):
        return tf.matmul(x, self.kernel)
""",
            symptom="no-gradient",
        ),
        Example(
            "in Keras 3, sublayers that a tf.function holds as constants",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)  # <- KS804

    @tf.function  # <- KS205
    def call(self, x):
        return self.dense(x)
""",
            (3,),
            symptom="no-gradient",
        ),
    )
    silent = (
        Example(
            "a gate without rounding",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gate = keras.layers.Dense(4, activation="sigmoid")
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x) * self.gate(x)
""",
        ),
        Example(
            "what isn't meant to train",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm = keras.layers.BatchNormalization()
        self.drop = keras.layers.Dropout(0.5)
        self.frozen = keras.layers.Dense(4)
        self.frozen.trainable = False
        self.dense = keras.layers.Dense(4)
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, x):
        self.calls.assign_add(1.0)
        return self.dense(self.norm(self.drop(self.frozen(x))))
""",
        ),
        Example(
            "a weight that only a loss of the layer uses",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.centre = self.add_weight(shape=(input_shape[-1],), name="centre")

    def call(self, x):
        self.add_loss(tf.reduce_mean(tf.square(x - self.centre)))
        return x
""",
        ),
    )
