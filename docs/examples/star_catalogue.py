"""Classifies stars by their spectra. build() forgets a sublayer, and a variable isn't Keras' own."""

import keras
import tensorflow as tf


class Continuum(keras.layers.Layer):
    """Takes the slow part of a spectrum away."""

    def __init__(self, order):
        super().__init__()
        self.order = order

    def build(self, input_shape):
        self.coefficients = self.add_weight(
            "coefficients", shape=(input_shape[-1], self.order), initializer="orthogonal"
        )

    def call(self, spectrum):
        return spectrum - spectrum @ self.coefficients @ tf.transpose(self.coefficients)


class SpectrumEncoder(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.continuum = Continuum(order=4)
        self.lines = keras.layers.Dense(units, activation="relu")
        self.classes = keras.layers.Dense(7)
        self.temperature = tf.Variable(1.0)

    def build(self, input_shape):
        self.lines.build(input_shape)

    def call(self, spectrum):
        lines = self.lines(self.continuum(spectrum))
        return self.classes(lines) / self.temperature
