"""KS802: the call used a trainable variable that Keras doesn't train."""

from __future__ import annotations

from kerascope.rules.rule import Example, Rule


class WeightUntracked(Rule):
    """
    ## What it does
    Reports, after a build check, each trainable variable that the call used and that is not in
    `trainable_weights`, on the line that made it (or that made the sublayer which owns it). What one object
    hides is one finding, which says how many they are.

    ## Why it matters
    The optimizer gets `trainable_weights` and nothing else: such a weight keeps its first, random value,
    while the loss falls and nothing warns. The rules KS101 to KS115 report most such code while you type.
    This is the proof, and it also finds what can't be read off the code: layers behind `setattr`,
    registries, other packages. Measured for the program below, in Keras 3.15 and in Keras 2 (`tf_keras`
    2.21): the call uses 2 variables with 20 parameters, `trainable_weights` has none.

    ## Example
    ```python
    import keras


    class Head:
        def __init__(self, units):
            self.dense = keras.layers.Dense(units)


    class Example(keras.layers.Layer):
        def __init__(self, units=4):
            super().__init__()
            self.head = Head(units)

        def call(self, x):
            return self.head.dense(x)
    ```

    ## Instead
    ```python
    import keras


    class Head(keras.layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.dense = keras.layers.Dense(units)

        def call(self, x):
            return self.dense(x)


    class Example(keras.layers.Layer):
        def __init__(self, units=4):
            super().__init__()
            self.head = Head(units)

        def call(self, x):
            return self.head(x)
    ```

    ## When it is silent
    For variables that don't train (`trainable=False`), and for those of a frozen layer. On JAX and PyTorch,
    where no tape says which variables a call used, a variable counts as used if overwriting it changes the
    output.

    ## Fix
    None by itself; the static rules offer theirs.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.trainable_variables`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.trainable_weights`).
    - [keras-neural-graph-fingerprint #2](https://github.com/keiserlab/keras-neural-graph-fingerprint/issues/2):
      inner layers that aren't in `trainable_weights` don't learn.
    """

    code = "KS802"
    name = "weight-untracked"
    severity = {2: "error", 3: "error"}  # noqa: RUF012
    summary = "The call used a trainable variable that Keras doesn't know of."
    measured = True

    reporting = (
        Example(
            "a layer in a helper object",
            """\
import keras


class Head:
    def __init__(self, units):
        self.dense = keras.layers.Dense(units)  # <- KS802


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.head = Head(units)  # <- KS101

    def call(self, x):
        return self.head.dense(x)
""",
            symptom="untracked",
        ),
        Example(
            "many layers in one helper: one finding",
            """\
import keras


class Bag:
    def __init__(self, size):
        self.layers = [keras.layers.Dense(4) for _ in range(size)]  # <- KS802


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.bag = Bag(12)  # <- KS101

    def call(self, x):
        for layer in self.bag.layers:
            x = layer(x)
        return x
""",
            symptom="untracked",
        ),
        Example(
            "in Keras 3, a tf.Variable",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(tf.ones((4,)))  # <- KS802, KS102

    def call(self, x):
        return x * self.scale
""",
            (3,),
            symptom="untracked",
        ),
        Example(
            "in a sublayer, which is the one to mend",
            """\
import keras


class Inner(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.__dict__["dense"] = keras.layers.Dense(4)  # <- KS802, KS110

    def call(self, x):
        return self.dense(x)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def call(self, x):
        return self.inner(x)
""",
            symptom="untracked",
        ),
    )
    silent = (
        Example(
            "the helper is a layer",
            """\
import keras


class Head(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.head = Head(units)

    def call(self, x):
        return self.head(x)
""",
        ),
        Example(
            "a frozen layer, and layers in a list",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.base = keras.layers.Dense(4)
        self.base.trainable = False
        self.heads = [keras.layers.Dense(4), keras.layers.Dense(4)]

    def call(self, x):
        x = self.base(x)
        return self.heads[0](x) + self.heads[1](x)
""",
        ),
        Example(
            "a helper that the call doesn't use",
            """\
import keras


class Spare:
    def __init__(self):
        self.dense = keras.layers.Dense(4)
        self.dense.build((None, 4))


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.spare = Spare()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
    )
