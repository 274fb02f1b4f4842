"""KS806: saved and loaded, the layer gives other outputs."""

from __future__ import annotations

from kerascope.rules.rule import Example, Rule


class NotRestored(Rule):
    """
    ## What it does
    Reports, after a build check, that a fresh instance which loads what another one saved (`save_weights`
    and `load_weights`, and the `.keras` format) gives other outputs. It names the weights that don't come
    back; where there are none, the difference lies in something that is no weight.

    ## Why it matters
    The trained model is good as long as the process lives. What is loaded later is another one, and nothing
    raises. Measured for the program below in Keras 3.15 and Keras 2 (`tf_keras` 2.21): the projection is
    drawn anew in every instance, so that a loaded model multiplies its trained kernel with other numbers.

    ## Example
    ```python
    import keras
    import tensorflow as tf


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.projection = tf.random.normal((4, 8))
            self.dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense(tf.matmul(x, self.projection))
    ```

    ## Instead
    ```python
    import keras
    import tensorflow as tf


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def build(self, input_shape):
            self.projection = self.add_weight(
                shape=(4, 8), initializer="random_normal", trainable=False, name="projection"
            )
            self.dense.build((None, 8))
            self.built = True

        def call(self, x):
            return self.dense(tf.matmul(x, self.projection))
    ```

    ## When it is silent
    Where two calls of one and the same instance differ too (noise, dropout); for the `.keras` format, where
    the class can't be made from its `get_config()`; for weights that KS802 reports, whose finding says it.

    ## Fix
    None.

    ## Versions
    It is measured with the Keras that is there. Sets are passed over since Keras 3.15 ([KS502](KS502.md)),
    nested containers before it ([KS501](KS501.md)).

    ## References
    - Keras 3.15.1: `keras/src/saving/saving_lib.py` (`_walk_saveable`, `_save_container_state`).
    - Keras 2.15.0: the same file; `keras/src/engine/training.py` (`Model.save_weights`).
    - [keras #20598](https://github.com/keras-team/keras/issues/20598): a layer that gives other outputs
      when it is loaded.
    """

    code = "KS806"
    name = "not-restored"
    severity = {2: "error", 3: "error"}  # noqa: RUF012
    summary = "Saved and loaded, the layer gives other outputs."
    measured = True

    reporting = (
        Example(
            "a random projection that is no weight",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):  # <- KS806
    def __init__(self):
        super().__init__()
        self.projection = tf.random.normal((4, 8))  # <- KS402
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(tf.matmul(x, self.projection))
""",
            symptom="not-saved",
        ),
        Example(
            "in Keras 3, layers in a set",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.heads = {keras.layers.Dense(4), keras.layers.Dense(4)}  # <- KS502, KS806

    def call(self, x):
        total = 0.0
        for head in self.heads:
            total = total + head(x)
        return total
""",
            (3,),
            symptom="not-saved",
            since=(3, 15),
        ),
        Example(
            "in Keras 2, layers in a list of lists",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [[keras.layers.Dense(4)], [keras.layers.Dense(4)]]  # <- KS806

    def call(self, x):
        for stage in self.stages:
            for layer in stage:
                x = layer(x)
        return x
""",
            (2,),
            symptom="not-saved",
        ),
    )
    silent = (
        Example(
            "the projection is a weight that doesn't train",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.projection = self.add_weight(
            shape=(4, 8), initializer="random_normal", trainable=False, name="projection"
        )
        self.dense.build((None, 8))
        self.built = True

    def call(self, x):
        return self.dense(tf.matmul(x, self.projection))
""",
        ),
        Example(
            "a constant that every instance has",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.projection = tf.random.stateless_normal((4, 8), seed=(1, 2))
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(tf.matmul(x, self.projection))
""",
        ),
        Example(
            "noise: no two calls are the same",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x) + tf.random.normal(tf.shape(x))
""",
        ),
    )
