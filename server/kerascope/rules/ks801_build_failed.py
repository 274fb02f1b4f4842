"""KS801: making the layer, or its first call, raises."""

from __future__ import annotations

from kerascope.rules.rule import Example, Rule


class BuildFailed(Rule):
    """
    ## What it does
    Reports, after a build check, that the constructor, `build` or the first call raised. The finding has the
    exception's own text. It stands on the innermost line of yours that was running; the lines that led there
    are listed with it.

    ## Why it matters
    That a layer raises shows only when a model is put together or trained, and then with Keras' own lines
    around yours. The program below fits inputs of three features and no others. Measured: on others, Keras
    3.15 and Keras 2 (`tf_keras` 2.21) both raise InvalidArgumentError from the `tf.matmul` in `call`.

    ## Example
    ```python
    import keras
    import tensorflow as tf


    class Example(keras.layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(3, input_shape[-1]), name="kernel")

        def call(self, x):
            return tf.matmul(x, self.kernel)
    ```

    ## Instead
    ```python
    import keras
    import tensorflow as tf


    class Example(keras.layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(input_shape[-1], 3), name="kernel")

        def call(self, x):
            return tf.matmul(x, self.kernel)
    ```

    ## When it is silent
    Where nobody says how to make and call the layer, Kerascope guesses, and an error may come from a wrong
    guess: then the report asks for a comment that says it. Reported is only what no other guess would avoid,
    such as a missing attribute of the class itself, or state that is added too late. An import that fails is
    told in the report alone.

    ## Fix
    None.

    ## References
    None of Keras': the exception is the program's.
    """

    code = "KS801"
    name = "build-failed"
    severity = {2: "error", 3: "error"}  # noqa: RUF012
    summary = "Making the layer or calling it raises."
    measured = True

    reporting = (
        Example(
            "a matrix of the wrong shape",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(3, input_shape[-1]), name="kernel")

    def call(self, x):
        return tf.matmul(x, self.kernel)  # <- KS801
""",
            symptom="raises",
        ),
        Example(
            "a constructor that raises",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.dense = keras.layers.Dense(units - 5)  # <- KS801

    def call(self, x):
        return self.dense(x)
""",
            symptom="raises",
        ),
        Example(
            "an attribute that build forgot, in a sublayer",
            """\
import keras
import tensorflow as tf


class Inner(keras.layers.Layer):
    def build(self, input_shape):
        self.weight = self.add_weight(shape=(input_shape[-1], 4), name="weight")

    def call(self, x):
        return tf.matmul(x, self.kernel)  # <- KS801


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def call(self, x):
        return self.inner(x)
""",
            symptom="raises",
        ),
    )
    silent = (
        Example(
            "the matrix the right way round",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 3), name="kernel")

    def call(self, x):
        return tf.matmul(x, self.kernel)
""",
        ),
        Example(
            "a warning and a caught exception",
            """\
import warnings

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        try:
            raise ValueError("caught")
        except ValueError:
            warnings.warn("only a warning")
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
    )
