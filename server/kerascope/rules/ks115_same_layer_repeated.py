"""KS115: a list that was meant to hold several layers holds one layer several times."""

from __future__ import annotations

from kerascope.rules.rule import Example, Rule


class SameLayerRepeated(Rule):
    """
    ## What it does
    Reports `[Dense(4)] * n` and lists filled by a cached factory, where they are kept on the layer: all their elements
    are one and the same layer.

    ## Why it matters
    Python makes the layer once and repeats the reference. Keras counts it once, so a stack of three has the weights of
    one, all of them shared. Nothing fails. Measured on `[Dense(4)] * 3`: 2 trainable weights in place of 6, in Keras
    3.15 and Keras 2.15.

    ## Example
    ```python
            self.stages = [keras.layers.Dense(units)] * 3
    ```

    ## Instead
    ```python
            self.stages = [keras.layers.Dense(units) for _ in range(3)]
    ```

    ## When it is silent
    When the repeated layer has a name of its own (`[shared] * 3`), which tells that sharing is meant; when the list is
    only a step towards another that holds copies; for layers without weights.

    ## Fix
    A comprehension. Unsafe: there are more weights then, and older weight files no longer fit.

    ## References
    - Python's `list.__mul__`: "items in the sequence s are not copied; they are referenced multiple times".
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.variables`: each layer once).
    """

    code = "KS115"
    name = "same-layer-repeated"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "A list holds one layer several times, not several layers."

    reporting = (
        Example(
            "a list times a number",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [keras.layers.Dense(4)] * 3  # <- KS115

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 6",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [keras.layers.Dense(4) for _ in range(3)]  # <- KS115

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
        ),
        Example(
            "a block times a depth",
            """\
import tensorflow as tf


class Block(tf.keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = tf.keras.layers.Dense(units)

    def call(self, x):
        return x + self.dense(x)


class Example(tf.keras.Model):
    def __init__(self, depth=3):
        super().__init__()
        blocks = depth * [Block(4)]  # <- KS115
        self.blocks = blocks

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 6",
            fixed="""\
import tensorflow as tf


class Block(tf.keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = tf.keras.layers.Dense(units)

    def call(self, x):
        return x + self.dense(x)


class Example(tf.keras.Model):
    def __init__(self, depth=3):
        super().__init__()
        blocks = [Block(4) for _ in range(depth)]  # <- KS115
        self.blocks = blocks

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "a cached factory",
            """\
from functools import lru_cache

import keras


@lru_cache
def dense(units):
    return keras.layers.Dense(units)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [dense(4) for _ in range(3)]  # <- KS115

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 6",
        ),
    )

    silent = (
        Example(
            "a comprehension",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [keras.layers.Dense(4) for _ in range(3)]

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            evidence="len(layer.trainable_weights) < 6",
        ),
        Example(
            "copies of each element",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        same = [keras.layers.Dense(4)] * 3
        self.stages = [keras.layers.Dense.from_config({"units": layer.units}) for layer in same]

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            evidence="len(layer.trainable_weights) < 6",
        ),
        Example(
            "weights that are shared on purpose",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        shared = keras.layers.Dense(4)
        self.stages = [shared] * 3
        self.again = [self.stages[0], shared]

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
        ),
        Example(
            "one element, values and layers without weights",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [keras.layers.Dense(4)] * 1
        self.sizes = [4] * 3
        self.later = [None] * 3
        self.between = [keras.layers.Flatten()] * 3

    def call(self, x):
        return self.between[0](self.stages[0](x))
""",
        ),
    )
