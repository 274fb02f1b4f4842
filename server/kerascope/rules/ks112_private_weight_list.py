"""KS112: writing into Keras' own lists of weights."""

from __future__ import annotations

from kerascope.rules.rule import Example, Rule


class PrivateWeightList(Rule):
    """
    ## What it does
    Reports `append`, `extend`, `+=` and assignments to Keras' own lists of weights: `self._trainable_weights` and
    relatives.

    ## Why it matters
    It is a common answer to "my inner layer has no weights", and it never helps: the weights of a sublayer that is an
    attribute are there as soon as it is built. In Keras 3 a layer has no `_trainable_weights`. Appending to it raises
    `AttributeError` at the first call (under another layer that error is swallowed, and the user sees a later one
    about a locked layer). In Keras 2 it adds nothing where Keras has the weight already. Where the sublayer was built by
    hand and doesn't set `built`, the call builds it again, and the list keeps the dead weights as well: measured, 2
    trainable weights in place of 1, the first of them without a gradient.

    ## Example
    ```python
        def build(self, input_shape):
            self.inner.build(input_shape)
            self._trainable_weights.extend(self.inner.trainable_weights)
    ```

    ## Instead
    ```python
        def build(self, input_shape):
            self.inner.build(input_shape)
    ```
    For a variable of the layer's own, use `self.add_weight(...)`.

    ## When it is silent
    In Keras 2, for a variable that Keras would not find in another way.

    ## Fix
    Deletes the statement, where it only repeats what Keras has already: the weights of a tracked sublayer, or a
    weight made by `add_weight`. Safe.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.__init__`: its lists are `_trainable_variables` and
      `_non_trainable_variables`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer._trainable_weights`, `Layer.trainable_weights`).
    """

    code = "KS112"
    name = "private-weight-list"
    severity = {2: "warning", 3: "error"}  # noqa: RUF012
    summary = "Keras' own list of weights is written to."

    reporting = (
        Example(
            "the weights of a sublayer, built by hand",
            """\
import tensorflow as tf


class Inner(tf.keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], 4), initializer="ones", name="w")

    def call(self, x):
        return tf.matmul(x, self.w)


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def build(self, input_shape):
        self.inner.build(input_shape)
        self._trainable_weights.extend(self.inner.trainable_weights)  # <- KS112

    def call(self, x):
        return self.inner(x)
""",
            symptom={2: "duplicated", 3: "raises"},
        ),
        Example(
            "the weights of a Dense, extended",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self._trainable_weights.extend(self.dense.trainable_weights)  # <- KS112
        super().build(input_shape)

    def call(self, x):
        return self.dense(x)
""",
            symptom={2: "without-effect", 3: "raises"},
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        super().build(input_shape)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "the weights of a Dense, added",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        if not self.dense.built:
            self.dense.build(input_shape)
        self._trainable_weights += self.dense.trainable_weights  # <- KS112
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
            symptom={2: "without-effect", 3: "raises"},
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        if not self.dense.built:
            self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "the weights of a Dense, assigned",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self._trainable_weights = self.dense.trainable_weights  # <- KS112
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
            symptom="without-effect",
            fixed="""\
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
            "the list of Keras 3",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self._trainable_variables.extend(self.dense.trainable_variables)  # <- KS112

    def call(self, x):
        return self.dense(x)
""",
            symptom={2: "raises", 3: "without-effect"},
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a tf.Variable in the list of Keras 3",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        gain = tf.Variable(tf.ones([4]))
        self._trainable_variables.append(gain)  # <- KS112
        self._read = lambda: gain

    def call(self, x):
        return x * self._read()
""",
            generations=(3,),
            symptom="fit-raises",
        ),
        Example(
            "a variable that is kept elsewhere",
            """\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        gain = tf.Variable(tf.ones([4]))
        self._trainable_weights.append(gain)  # <- KS112
        self._read = lambda: gain

    def call(self, x):
        return x * self._read()
""",
            generations=(3,),
            symptom="raises",
        ),
        Example(
            "a weight that add_weight has registered",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")
        self._trainable_weights.append(self.gain)  # <- KS112

    def call(self, x):
        return x * self.gain
""",
            symptom={2: "without-effect", 3: "raises"},
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")

    def call(self, x):
        return x * self.gain
""",
        ),
        Example(
            "the public property",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")
        self.trainable_weights = [self.gain]  # <- KS112

    def call(self, x):
        return x * self.gain
""",
            symptom="raises",
        ),
    )

    silent = (
        Example(
            "the weights of a sublayer without any list",
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
            "in Keras 2, a variable that Keras would not find",
            """\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        gain = tf.Variable(tf.ones([4]))
        self._trainable_weights.append(gain)
        self._read = lambda: gain

    def call(self, x):
        return x * self._read()
""",
            generations=(2,),
        ),
        Example(
            "a list of one's own by that name, in Keras 3",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self._trainable_weights = []
        self._trainable_weights.append(keras.Variable(2.0))

    def call(self, x):
        return x * self._trainable_weights[0]
""",
            generations=(3,),
        ),
        Example(
            "reading the list",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        found = []
        found.extend(self.dense.trainable_weights)
        self.names = [w.name for w in found]
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
        ),
    )
