# Keras 2 and 3
# shows: raises | Ensemble(3)
# shows: raises | GatedBlock(4)
"""An ensemble of experts, with arguments that its author wanted to pass by without Keras in between."""

from tensorflow import keras
from tensorflow.keras import layers
import tensorflow as tf


class Expert(layers.Layer):
    """One expert: a low rank map."""

    def __init__(self, units, rank=2, name=None):
        super().__init__(name=name)
        self.units = units
        self.rank = rank

    def build(self, input_shape):
        width = input_shape[-1]
        self.down = self.add_weight(name="down", shape=(width, self.rank), initializer="glorot_uniform")
        self.up = self.add_weight(name="up", shape=(self.rank, self.units), initializer="glorot_uniform")
        super().build(input_shape)

    def call(self, inputs, weight=None):
        out = tf.matmul(tf.matmul(inputs, self.down), self.up)
        return out if weight is None else out * weight


class Router(layers.Layer):  # <- KS203 in Keras 3
    def __init__(self, experts, **kwargs):
        super().__init__(**kwargs)
        self.logits = layers.Dense(experts)

    def call(self, inputs):
        return tf.nn.softmax(self.logits(inputs), axis=-1)


class Ensemble(keras.Model):  # <- KS203 in Keras 3
    def __init__(self, experts=4, units=4):
        super().__init__()
        self.units = units
        self.router = Router(experts)
        self.experts = [Expert(units, name=f"expert_{i}") for i in range(experts)]

    def call(self, inputs, training=None):
        # The router only holds sublayers, which are called properly: this works.
        weights = self.router.call(inputs)
        outputs = []
        for index, expert in enumerate(self.experts):
            outputs.append(expert.call(inputs, weights[:, index : index + 1]))  # <- KS210
        return tf.add_n(outputs)


class GatedBlock(layers.Layer):  # <- KS203 in Keras 3
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.norm = layers.LayerNormalization()
        self.value = layers.Dense(units)
        self.gate = layers.Dense(units, activation="sigmoid")

    def call(self, inputs):
        x = self.norm(inputs)
        return self.value(x) * self._gate(x)

    def _gate(self, x):
        return self.gate.call(x)  # <- KS210
