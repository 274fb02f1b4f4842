# Keras 2 and 3
# shows: no-gradient | LowRankDense(3)
# shows: no-gradient | EqualizedDense(3)
# shows: no-gradient | Prototypes(3)
"""Layers that compute something of their weights once, in build()."""
import numpy as np
import tensorflow as tf
from tensorflow import keras


class EqualizedBase(keras.layers.Layer):
    """Equalized learning rate: the weights are scaled by the He constant."""

    def make_kernel(self, shape):
        scale = float(np.sqrt(2.0 / shape[0]))
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="random_normal") * scale  # <- KS401


class EqualizedDense(EqualizedBase):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.make_kernel((input_shape[-1], self.units))
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        super().build(input_shape)

    def call(self, x):
        return tf.matmul(x, self.kernel) + self.bias


class LowRankDense(keras.layers.Layer):
    def __init__(self, units, rank=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.rank = rank

    def build(self, input_shape):
        left = self.add_weight(name="left", shape=(input_shape[-1], self.rank))
        right = self.add_weight(name="right", shape=(self.rank, self.units))
        self.kernel = tf.matmul(left, right)  # <- KS401
        super().build(input_shape)

    def call(self, x):
        return tf.matmul(x, self.kernel)


class Prototypes(keras.layers.Layer):
    def __init__(self, classes, **kwargs):
        super().__init__(**kwargs)
        self.classes = classes

    def build(self, input_shape):
        rows = [
            self.add_weight(name=f"prototype_{i}", shape=(1, input_shape[-1]), initializer="random_normal")
            for i in range(self.classes)
        ]
        prototypes = tf.concat([tf.convert_to_tensor(row) for row in rows], axis=0)
        self.prototypes = tf.math.l2_normalize(prototypes, axis=-1)  # <- KS401
        super().build(input_shape)

    def call(self, x):
        return tf.matmul(tf.math.l2_normalize(x, axis=-1), self.prototypes, transpose_b=True)
