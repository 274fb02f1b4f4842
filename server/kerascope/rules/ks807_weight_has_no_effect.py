"""KS807: overwriting a weight doesn't change the output."""

from __future__ import annotations

from kerascope.rules.rule import Example, Rule


class WeightHasNoEffect(Rule):
    """
    ## What it does
    Reports, after a build check, weights that the output doesn't depend on: all of a layer's weights were
    overwritten with random numbers, several times, and the output stayed the same.

    ## Why it matters
    Such a weight has a gradient, zero, so that nothing warns of it; it costs memory and time, and the layer
    computes something else than it seems to. A softmax over one unit is always 1. Measured for the program
    below, in Keras 3.15 and Keras 2 (`tf_keras` 2.21): gradients of 0 for kernel and bias, and the same
    output whatever they are.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)
            self.gate = keras.layers.Dense(1, activation="softmax")

        def call(self, x):
            return self.dense(x) * self.gate(x)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)
            self.gate = keras.layers.Dense(1, activation="sigmoid")

        def call(self, x):
            return self.dense(x) * self.gate(x)
    ```

    ## When it is silent
    For single weights whose effect cancels out by construction, beside others of the same layer that have
    one: the bias of an attention's key, a bias before a normalisation. For weights without a gradient (KS804
    reports them), for what only training changes (moving statistics, counters, seeds), and where the outputs
    are random. On inputs that Kerascope found by trying it is for information alone: with others the weight
    may have an effect.

    ## Fix
    None.

    ## References
    - [keras #500](https://github.com/keras-team/keras/issues/500): a network that gives 1 whatever its
      input is: a softmax over one unit.
    """

    code = "KS807"
    name = "weight-has-no-effect"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "Overwriting the weight doesn't change the output."
    measured = True

    reporting = (
        Example(
            "a softmax over one unit",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.gate = keras.layers.Dense(1, activation="softmax")  # <- KS807

    def call(self, x):
        return self.dense(x) * self.gate(x)
""",
            symptom="ineffective",
        ),
        Example(
            "a product with zero",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, strength=0.0):
        super().__init__()
        self.strength = strength
        self.dense = keras.layers.Dense(4)
        self.extra = keras.layers.Dense(4)  # <- KS807

    def call(self, x):
        return self.dense(x) + self.strength * self.extra(x)
""",
            symptom="ineffective",
        ),
    )
    silent = (
        Example(
            "a sigmoid",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.gate = keras.layers.Dense(1, activation="sigmoid")

    def call(self, x):
        return self.dense(x) * self.gate(x)
""",
        ),
        Example(
            "the bias of an attention's key",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.expand = keras.layers.Reshape((4, 1))
        self.attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3)

    def call(self, x):
        x = self.expand(x)
        return self.attention(x, x)
""",
        ),
        Example(
            "an attention of one's own, and a bias before a normalisation",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.query = keras.layers.Dense(3)
        self.key = keras.layers.Dense(3)
        self.norm = keras.layers.LayerNormalization()

    def call(self, x):
        x = tf.stack([x, 2.0 * x, tf.cos(x)], axis=1)
        scores = tf.matmul(self.query(x), self.key(x), transpose_b=True)
        return self.norm(tf.matmul(tf.nn.softmax(scores), x))
""",
        ),
    )
