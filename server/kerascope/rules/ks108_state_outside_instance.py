"""KS108: a layer or variable that `call` uses, but that lives outside the object: in the class, a module, a function."""

from __future__ import annotations

from kerascope.rules.rule import Example, Rule


class StateOutsideInstance(Rule):
    """
    ## What it does
    Reports a layer or variable that `call` uses while it lives in the class body, in a module's global variable, in an
    enclosing function, in the cache of an `lru_cache`d function, or in a default argument that all instances share.

    ## Why it matters
    Keras finds weights by what is assigned to attributes of the object. A class attribute or a global variable is
    never assigned to it, so its weights are in no `trainable_weights`. Measured on a `Dense` in the class body and on
    one in a global variable: 2 variables used, 0 trainable, `fit` changes nothing; the same in Keras 3.15 and Keras
    2.15. A layer in a default argument is tracked, but all instances train the one layer.

    ## Example
    ```python
    class Scale(keras.layers.Layer):
        dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense(x)
    ```

    ## Instead
    ```python
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(4)
    ```

    ## When it is silent
    When the same layer is assigned to an attribute in `__init__` or `build` too; when it has no weights; when only the
    class or a literal lives outside (`dense = None`, `units = 4`).

    ## Fix
    Moves a layer of the class body to `__init__`; assigns a global one to an attribute there. Unsafe: its weights begin
    to train and to be saved.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.__setattr__`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__setattr__`).
    """

    code = "KS108"
    name = "state-outside-instance"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "`call` uses a layer or variable that lives outside the object."

    reporting = (
        Example(
            "a layer in the class body",
            """\
import keras


class Example(keras.layers.Layer):
    dense = keras.layers.Dense(4)  # <- KS108

    def call(self, x):
        return self.dense(x)
""",
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a list of layers in the class body",
            """\
from tensorflow.keras import layers


class Example(layers.Layer):
    stages = [layers.Dense(4), layers.Dense(4)]  # <- KS108

    def __init__(self, rate=0.1):
        super().__init__()
        self.dropout = layers.Dropout(rate)

    def call(self, x, training=False):
        for stage in self.stages:
            x = stage(x)
        return self.dropout(x, training=training)
""",
            symptom="untracked",
            fixed="""\
from tensorflow.keras import layers


class Example(layers.Layer):

    def __init__(self, rate=0.1):
        super().__init__()
        self.dropout = layers.Dropout(rate)
        self.stages = [layers.Dense(4), layers.Dense(4)]

    def call(self, x, training=False):
        for stage in self.stages:
            x = stage(x)
        return self.dropout(x, training=training)
""",
        ),
        Example(
            "a global layer",
            """\
import keras

shared = keras.layers.Dense(4)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = 2.0

    def call(self, x):
        return shared(x) * self.scale  # <- KS108
""",
            symptom="untracked",
            fixed="""\
import keras

shared = keras.layers.Dense(4)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = 2.0
        self.shared = shared

    def call(self, x):
        return shared(x) * self.scale  # <- KS108
""",
        ),
        Example(
            "a global variable",
            """\
import tensorflow as tf

temperature = tf.Variable(2.0)


class Example(tf.keras.layers.Layer):
    def call(self, x):
        return x / temperature  # <- KS108
""",
            symptom="untracked",
        ),
        Example(
            "a layer of the enclosing function",
            """\
import keras


def make_layer(units):
    dense = keras.layers.Dense(units)

    class Block(keras.layers.Layer):
        def call(self, x):
            return keras.activations.relu(dense(x))  # <- KS108

    return Block()
""",
            make="make_layer(4)",
            symptom="untracked",
        ),
        Example(
            "a cached method",
            """\
from functools import lru_cache

import keras


class Example(keras.layers.Layer):
    @lru_cache(maxsize=None)
    def dense(self, units):
        return keras.layers.Dense(units)  # <- KS108

    def call(self, x):
        return self.dense(4)(x)
""",
            symptom="untracked",
        ),
        Example(
            "a default argument",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, stages=[keras.layers.Dense(4)]):  # <- KS108
        super().__init__()
        self.stages = stages

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            symptom="fewer-weights",
            evidence="Example().stages[0] is layer.stages[0]",
        ),
    )

    silent = (
        Example(
            "assigned in the constructor",
            """\
import keras


class Example(keras.layers.Layer):
    units = 4
    dense: keras.layers.Layer

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(self.units)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a global layer that is an attribute as well",
            """\
import keras

shared = keras.layers.Dense(4)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.shared = shared

    def call(self, x):
        return shared(x)
""",
        ),
        Example(
            "a layer without weights in the class body",
            """\
import keras


class Example(keras.layers.Layer):
    flatten = keras.layers.Flatten()

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(self.flatten(x))
""",
        ),
        Example(
            "a global layer for a functional model",
            """\
import keras

dense = keras.layers.Dense(4)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.own = keras.layers.Dense(4)

    def call(self, x):
        return self.own(x)


inputs = keras.Input((4,))
model = keras.Model(inputs, dense(Example()(inputs)))
""",
        ),
        Example(
            "a default of None",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, stages=None):
        super().__init__()
        self.stages = stages or [keras.layers.Dense(4)]

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            evidence="Example().stages[0] is layer.stages[0]",
        ),
        Example(
            "a class in the class body",
            """\
import keras


class Example(keras.layers.Layer):
    inner_class = keras.layers.Dense

    def __init__(self):
        super().__init__()
        self.inner = self.inner_class(4)

    def call(self, x):
        return self.inner(x)
""",
        ),
    )
