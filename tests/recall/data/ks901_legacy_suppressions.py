# Keras 2 and 3
# shows: untracked | Reranker(4)
"""A project in which somebody once silenced the checker; some of the comments are out of date."""
import collections

import tensorflow as tf
from tensorflow import keras


class Scorer:
    """Holds the scoring network; it is trained elsewhere."""

    def __init__(self, units):
        self.hidden = keras.layers.Dense(units, activation="relu")
        self.score = keras.layers.Dense(1)

    def __call__(self, x):
        return self.score(self.hidden(x))


class Reranker(keras.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.scorer = Scorer(units)  # kerascope: ignore[KS101] trained by the retrieval job
        self.history = collections.deque(maxlen=3)  # kerascope: ignore[KS101]  # <- KS901
        self.units = units  # noqa: KS102  # <- KS901

    def call(self, x):
        return self.scorer(x)


class Fusion(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.branches = [keras.layers.Dense(units) for _ in range(2)]

    def build(self, input_shape):
        for branch in self.branches:
            branch.build(input_shape)
        # kerascope: ignore[KS201]  # <- KS901
        super().build(input_shape)

    def call(self, x):
        return tf.add_n([branch(x) for branch in self.branches])
