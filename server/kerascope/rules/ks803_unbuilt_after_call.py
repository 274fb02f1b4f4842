"""KS803: a sublayer is still not built when the layer has been called."""

from __future__ import annotations

from kerascope.rules.rule import Example, Rule


class UnbuiltAfterCall(Rule):
    """
    ## What it does
    Reports, after a build check, a sublayer that Keras tracks and that is still not built after the call, on
    the line that made it. Usually no code calls it.

    ## Why it matters
    It has no weights, now or later, so nothing of it trains. Often it is a leftover, or a name that was
    mistyped in `call`. Measured for the program below in Keras 3.15 and Keras 2 (`tf_keras` 2.21):
    `self.spare.built` is False after the call. Keras 3 warns, in the first call, that the layer "looks like
    it has unbuilt state"; Keras 2 says nothing.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.project = keras.layers.Dense(4)
            self.spare = keras.layers.Dense(4)

        def call(self, x):
            return self.project(x)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.project = keras.layers.Dense(4)

        def call(self, x):
            return self.project(x)
    ```

    ## When it is silent
    For layers of Keras that never have weights (Dropout, Flatten), for metrics, and for what lies inside of
    an unbuilt sublayer that is reported itself.

    ## Fix
    None.

    ## Versions
    In Keras 2, and in Keras 3 before 3.6, layers without weights, such as Dropout, count as unbuilt until
    they are called. Nothing is said about those.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.build`, `might_have_unbuilt_state`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer._maybe_build`).
    - [keras-hub #3038](https://github.com/keras-team/keras-hub/pull/3038): a layer on an attribute that no
      call reaches stays unbuilt, and Keras 3 warns.
    """

    code = "KS803"
    name = "unbuilt-after-call"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "A sublayer is still not built after the call."
    measured = True

    reporting = (
        Example(
            "a sublayer that no code calls",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.project = keras.layers.Dense(4)
        self.spare = keras.layers.Dense(4)  # <- KS803

    def call(self, x):
        return self.project(x)
""",
            symptom="unbuilt",
        ),
        Example(
            "one of several in a list",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(4)
        self.rest = [
            keras.layers.Dense(4),
            keras.layers.LayerNormalization(),  # <- KS803
        ]

    def call(self, x):
        return self.rest[0](self.first(x))
""",
            symptom="unbuilt",
        ),
    )
    silent = (
        Example(
            "every sublayer is called",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.project = keras.layers.Dense(4)

    def call(self, x):
        return self.project(x)
""",
        ),
        Example(
            "dropout that only training calls",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.project = keras.layers.Dense(4)
        self.drop = keras.layers.Dropout(0.5)

    def call(self, x, training=False):
        x = self.project(x)
        if training:
            x = self.drop(x, training=True)
        return x
""",
            since=(3, 6),
        ),
    )
