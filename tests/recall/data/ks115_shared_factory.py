# Keras 3
# shows: fewer-weights | Branches(3, 4) | x | len(layer.trainable_weights) < 6
# shows: fewer-weights | TwoTower(4) | x | len(layer.trainable_weights) < 6
import functools

import keras
from keras import layers, ops


@functools.lru_cache(maxsize=None)
def make_dense(units, activation=None):
    """The usual Dense layer of this project."""
    return layers.Dense(units, activation=activation, kernel_initializer="he_normal")


class Branches(layers.Layer):  # <- KS203
    def __init__(self, count, units, **kwargs):
        super().__init__(**kwargs)
        self.branches = [make_dense(units, "relu") for _ in range(count)]  # <- KS115

    def call(self, x):
        return ops.concatenate([branch(x) for branch in self.branches], axis=-1)


class TwoTower(keras.Model):  # <- KS203
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        towers = [layers.Dense(units, activation="tanh")] * 2  # <- KS115
        self.query, self.candidate = towers
        self.scale = layers.Dense(1)

    def call(self, x):
        return self.scale(self.query(x) * self.candidate(x))
