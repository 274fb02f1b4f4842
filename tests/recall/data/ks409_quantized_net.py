# Keras 2 and 3
# shows: no-gradient | FixedPointDense(3, bits=6) | x
# shows: no-gradient | DeadZone() | x
"""Layers for small devices: weights in fixed point, activations with a learned dead zone."""

import tensorflow as tf
from tensorflow import keras


class Quantized(keras.layers.Layer):
    """Base: how many steps there are in one."""

    def __init__(self, bits=8, **kwargs):
        super().__init__(**kwargs)
        self.bits = bits

    @property
    def steps(self):
        return float(2 ** (self.bits - 1))

    def get_config(self):
        return {**super().get_config(), "bits": self.bits}


class FixedPointDense(Quantized):
    def __init__(self, units, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(int(input_shape[-1]), self.units), initializer="glorot_uniform"
        )
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs):
        kernel = tf.clip_by_value(self.kernel, -1.0, 1.0 - 1.0 / self.steps)  # <- KS409
        kernel = tf.math.floor(kernel * self.steps + 0.5)
        kernel = kernel / self.steps
        outputs = tf.matmul(inputs, kernel)
        outputs = tf.nn.bias_add(outputs, self.bias)
        return self.activation(outputs) if self.activation is not None else outputs

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class DeadZone(keras.layers.Layer):
    """Small values become zero; how small, is to be learned."""

    def __init__(self, start=0.1, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.width = self.add_weight(
            name="width",
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.start),
            trainable=True,
        )
        super().build(input_shape)

    def call(self, inputs):
        small = tf.less(tf.abs(inputs), tf.abs(self.width))  # <- KS409
        kept = tf.where(small, tf.zeros_like(inputs), inputs)
        return kept * 1.0


def make_model(units=8):
    return keras.Sequential(
        [
            keras.layers.Input((16,)),
            FixedPointDense(units, bits=6, activation="relu"),
            DeadZone(),
            FixedPointDense(1, bits=8),
        ]
    )
