"""KS808: `build(shape)` alone makes fewer weights than a call."""

from __future__ import annotations

from kerascope.rules.rule import Example, Rule


class NotBuiltByBuild(Rule):
    """
    ## What it does
    Reports, after a build check, that a fresh instance has fewer weights after `build(shape)` than after a
    call, and which sublayers' weights are missing.

    ## Why it matters
    The layer trains. But whoever builds it without calling it (`layer.build(shape)`, `load_weights` on a
    fresh model, an outer layer's `build()`) has none of those weights. Measured for the program below: 0
    weights after `build((None, 4))` in Keras 3.15, which warns, and in Keras 2 (`tf_keras` 2.21), which
    doesn't; 2 after a call in both. Where KS203 or KS201 reports the same, the report confirms theirs.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense(x)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def build(self, input_shape):
            self.dense.build(input_shape)
            self.built = True

        def call(self, x):
            return self.dense(x)
    ```

    ## When it is silent
    Where `build(shape)` raises, or can't be called with the shapes of the inputs.

    ## Fix
    None by itself; KS203 offers to write a `build()`.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.build`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.build`), `keras/src/engine/training.py`
      (`Model.build`, which does run `call`).
    - [keras #20729](https://github.com/keras-team/keras/pull/20729): a layer of Keras' own gets a
      `build()`, for the warning that without one it isn't really built.
    """

    code = "KS808"
    name = "not-built-by-build"
    severity = {2: "information", 3: "information"}  # noqa: RUF012
    summary = "`build(shape)` alone makes fewer weights than a call."
    measured = True

    reporting = (
        Example(
            "a sublayer and no build()",
            """\
import keras


class Example(keras.layers.Layer):  # <- KS808, KS203
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
            symptom="not-built-by-build",
        ),
        Example(
            "a build() that leaves one out",
            """\
import keras


class Example(keras.layers.Layer):  # <- KS808
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(4)
        self.second = keras.layers.Dense(4)

    def build(self, input_shape):  # <- KS201
        self.first.build(input_shape)
        self.built = True

    def call(self, x):
        return self.second(self.first(x))
""",
            symptom="not-built-by-build",
        ),
    )
    silent = (
        Example(
            "a build() that builds it",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "in Keras 2, a model",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
            (2,),
        ),
    )
