# Keras 2 and 3
# shows: untracked | TextClassifier(3)
# shows: untracked | SiameseTower(4)
# shows: untracked | make_head(4)
"""Layers that live outside of the model: a shared projection, a class attribute, a closure."""
import numpy as np
import tensorflow as tf
from tensorflow import keras

UNITS = 4

projection = keras.layers.Dense(UNITS, activation="tanh", name="projection")
vocabulary = np.array(["a", "b", "c"])


def embed(features):
    """Projects the features with the shared layer."""
    return projection(features)  # <- KS108


class TextClassifier(keras.Model):  # <- KS203 in Keras 3
    def __init__(self, classes, **kwargs):
        super().__init__(**kwargs)
        self.classes = classes
        self.hidden = keras.layers.Dense(8, activation="relu")
        self.logits = keras.layers.Dense(classes)

    def call(self, features):
        x = embed(features)
        return self.logits(self.hidden(x))


class TowerBase(keras.layers.Layer):
    """The normalization is shared by all towers."""

    shared_norm = keras.layers.LayerNormalization(epsilon=1e-6)  # <- KS108
    units = None

    def normalize(self, x):
        return self.shared_norm(x)


class SiameseTower(TowerBase):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units))
        super().build(input_shape)

    def call(self, x):
        return self.normalize(tf.matmul(x, self.kernel))


def make_head(units):
    gate = tf.Variable(tf.ones([units]), name="gate")
    hidden = keras.layers.Dense(units, activation="relu")

    class Head(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.out = keras.layers.Dense(units)

        def build(self, input_shape):
            self.out.build((None, units))
            self.built = True

        def call(self, x):
            return self.out(hidden(x) * gate)  # <- KS108

    return Head()
