# Keras 2 and 3
# shows: fewer-weights | Stack(StackConfig(units=4, depth=3)) | x | len(layer.trainable_weights) < 6
# shows: fewer-weights | ResidualMLP(4, 3) | x | len(layer.trainable_weights) < 2 * 3 + 2
"""Deep stacks whose blocks should be independent."""
from dataclasses import dataclass

import tensorflow as tf
from tensorflow.keras import Model, layers


@dataclass
class StackConfig:
    units: int = 16
    depth: int = 4
    activation: str = "relu"


class Stack(layers.Layer):  # <- KS203 in Keras 3
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.blocks = config.depth * [layers.Dense(config.units, activation=config.activation)]  # <- KS115

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class Residual(layers.Layer):  # <- KS203 in Keras 3
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.norm = layers.LayerNormalization(center=False, scale=False)
        self.dense = layers.Dense(units, activation="relu")

    def call(self, x):
        return x + self.dense(self.norm(x))


class ResidualMLP(Model):  # <- KS203 in Keras 3
    def __init__(self, units, depth, **kwargs):
        super().__init__(**kwargs)
        self.body = tf.keras.Sequential([Residual(units)] * depth)  # <- KS115
        self.head = layers.Dense(1)

    def call(self, x):
        return self.head(self.body(x))
