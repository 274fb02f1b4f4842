# Keras 2 and 3
# shows in Keras 3: not-built-by-build | GatedBlock(4)
# shows in Keras 3: not-built-by-build | Encoder(BlockConfig(units=4, depth=2))
"""Blocks whose build() makes their own weights and forgets some of the sublayers."""
from dataclasses import dataclass, field

import tensorflow as tf
from tensorflow import keras


@dataclass
class BlockConfig:
    units: int = 8
    depth: int = 2
    activation: str = "gelu"
    dropout: float = 0.0
    names: list = field(default_factory=lambda: ["a", "b"])


class Scaled(keras.layers.Layer):
    """Base class: a learned scale for the output."""

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        super().build(input_shape)


class GatedBlock(Scaled):
    def __init__(self, units, activation="gelu", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.value = keras.layers.Dense(units, activation=activation)
        self.gate = keras.layers.Dense(units, activation="sigmoid")
        self.norm = keras.layers.LayerNormalization()

    def build(self, input_shape):  # <- KS201
        self.value.build(input_shape)
        self.norm.build(tuple(input_shape[:-1]) + (self.units,))
        super().build(input_shape)

    def call(self, x):
        return self.norm(self.value(x) * self.gate(x)) * self.scale


class Encoder(Scaled):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.blocks = [GatedBlock(config.units, config.activation) for _ in range(config.depth)]
        self.heads = {name: keras.layers.Dense(1, name=name) for name in config.names}
        self.dropout = keras.layers.Dropout(config.dropout)
        self.pooled = keras.layers.Dense(config.units, activation="tanh")

    def build(self, input_shape):  # <- KS201
        self._build_blocks(input_shape)
        self.pooled.build(tuple(input_shape[:-1]) + (self.config.units,))
        super().build(input_shape)

    def _build_blocks(self, shape):
        for block in self.blocks:
            block.build(shape)
            shape = tuple(shape[:-1]) + (self.config.units,)

    def call(self, x, training=None):
        for block in self.blocks:
            x = block(x)
        x = self.dropout(self.pooled(x), training=training)
        return {name: head(x) * self.scale for name, head in self.heads.items()}


if __name__ == "__main__":
    encoder = Encoder(BlockConfig())
    print({name: tf.shape(y) for name, y in encoder(tf.zeros((2, 8))).items()})
