# Keras 2 and 3
# x: 2, 6, 4
# shows in Keras 3: untracked | TemporalEncoder(TCNConfig())
# shows in Keras 3: untracked | MultiHorizon({"short": 2, "long": 4})
"""Temporal convolutions at several dilations, and a head for every forecast horizon."""
from dataclasses import dataclass

import tensorflow as tf
from tensorflow.keras import Model
from tensorflow.keras.layers import Conv1D, Dense, Dropout, GlobalAveragePooling1D, Layer, LayerNormalization


@dataclass(frozen=True)
class TCNConfig:
    filters: int = 4
    kernel_size: int = 3
    dilations: tuple = (1, 2)
    dropout: float = 0.0


class ResidualBlock(Layer):
    def __init__(self, filters, kernel_size, dilation, dropout=0.0, **kwargs):
        super(ResidualBlock, self).__init__(**kwargs)
        self.filters = filters
        self.conv = Conv1D(filters, kernel_size, dilation_rate=dilation, padding="causal")
        self.norm = LayerNormalization()
        self.drop = Dropout(dropout)

    def build(self, input_shape):
        self.conv.build(input_shape)
        shape = tuple(input_shape[:-1]) + (self.filters,)
        self.norm.build(shape)
        self.skip = Dense(self.filters)
        self.skip.build(input_shape)
        super(ResidualBlock, self).build(input_shape)

    def call(self, x, training=None):
        return self.skip(x) + self.drop(self.norm(tf.nn.relu(self.conv(x))), training=training)


class TemporalEncoder(Model):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.blocks = [None] * len(config.dilations)
        for i, dilation in enumerate(config.dilations):
            self.blocks[i] = ResidualBlock(  # <- KS106 in Keras 3
                config.filters, config.kernel_size, dilation, config.dropout, name=f"block_{i}"
            )
        self.pool = GlobalAveragePooling1D()

    def call(self, x, training=None):
        for block in self.blocks:
            x = block(x, training=training)
        return self.pool(x)


class MultiHorizon(Model):  # <- KS203 in Keras 3
    def __init__(self, horizons, **kwargs):
        super().__init__(**kwargs)
        self.horizons = horizons
        self.pool = GlobalAveragePooling1D()
        self.heads = {}
        self.shared = Dense(4)
        for name, steps in horizons.items():
            self.add_head(name, steps)

    def add_head(self, name, steps):
        return self.heads.setdefault(name, Dense(steps, name=f"head_{name}"))  # <- KS106 in Keras 3

    def call(self, x):
        x = self.shared(self.pool(x))
        return {name: head(x) for name, head in self.heads.items()}
