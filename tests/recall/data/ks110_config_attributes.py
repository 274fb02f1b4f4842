# Keras 2 and 3
# shows: untracked | Transformer(units=4, heads=2, dropout=0.0)
# shows: untracked | Lazy(4)
"""Layers whose constructors store their arguments in shortcuts."""
import functools

import tensorflow as tf
from tensorflow import keras


class AutoConfig:
    """Mixin: keeps the constructor's arguments, and gives them back from get_config."""

    def remember(self, **arguments):
        self._arguments = dict(arguments)
        self.__dict__.update(arguments)

    def get_config(self):
        return {**super().get_config(), **self._arguments}


class FeedForward(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.up = keras.layers.Dense(4 * units, activation="gelu")
        self.down = keras.layers.Dense(units)

    def build(self, input_shape):
        self.up.build(input_shape)
        self.down.build((*input_shape[:-1], self.up.units))
        super().build(input_shape)

    def call(self, x):
        return self.down(self.up(x))


class Transformer(AutoConfig, keras.layers.Layer):
    def __init__(self, units, heads, dropout, **kwargs):
        super().__init__(**kwargs)
        self.remember(units=units, heads=heads, dropout=dropout)
        parts = {
            "ffn": FeedForward(units),
            "norm": keras.layers.LayerNormalization(),
            "drop": keras.layers.Dropout(dropout),
        }
        for name, part in parts.items():
            self.__dict__[name] = part  # <- KS110

    def call(self, x, training=None):
        return self.norm(x + self.drop(self.ffn(x), training=training))


class Lazy(keras.layers.Layer):
    """Makes the gate only where it is used."""

    def __init__(self, units, gated=True, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.gated = gated

    @functools.cached_property
    def gate(self):
        return keras.layers.Dense(self.units, activation="sigmoid")  # <- KS110

    def call(self, x):
        if self.gated:
            x = x * self.gate(x)
        return tf.identity(x)
