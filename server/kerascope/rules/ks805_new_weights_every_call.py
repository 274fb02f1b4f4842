"""KS805: every call makes new variables."""

from __future__ import annotations

from kerascope.rules.rule import Example, Rule


class NewWeightsEveryCall(Rule):
    """
    ## What it does
    Reports, after a build check, the line on which the second call created variables again.

    ## Why it matters
    Every call then starts from new random values, so that nothing that was learnt is ever used, and memory
    grows with each step. Measured for the program below in Keras 3.15 and Keras 2 (`tf_keras` 2.21): two
    calls on the same input give different outputs, with 2 new variables each time, none of them in
    `trainable_weights`. In both, `fit` raises ValueError, but for `run_eagerly=True`, where it trains
    nothing and is silent.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def call(self, x):
            return keras.layers.Dense(4)(x)
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

    ## When it is silent
    For variables that only the first call makes, and for temporary tensors.

    ## Fix
    None by itself; KS301 offers to move the layer.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.__call__`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__call__`).
    - [Basic_CNNs_TensorFlow2 #13](https://github.com/calmiLovesAI/Basic_CNNs_TensorFlow2/issues/13): layers
      made in `call`: `fit` raises.
    """

    code = "KS805"
    name = "new-weights-every-call"
    severity = {2: "error", 3: "error"}  # noqa: RUF012
    summary = "Every call makes new variables."
    measured = True

    reporting = (
        Example(
            "a layer that call makes",
            """\
import keras


class Example(keras.layers.Layer):
    def call(self, x):
        return keras.layers.Dense(4)(x)  # <- KS805, KS301
""",
            symptom="created-every-call",
        ),
        Example(
            "a function that makes layers",
            """\
import keras


def block(x, units):
    x = keras.layers.Dense(units, activation="relu")(x)  # <- KS805, KS301
    return x


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.last = keras.layers.Dense(2)

    def call(self, x):
        return self.last(block(x, 4))
""",
            symptom="created-every-call",
        ),
    )
    silent = (
        Example(
            "the layer made once",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "layers without weights",
            """\
import keras


class Example(keras.layers.Layer):
    def call(self, x):
        return keras.layers.Flatten()(keras.layers.Activation("relu")(x))
""",
        ),
    )
