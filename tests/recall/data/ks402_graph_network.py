# Keras 2 and 3
# shows: fewer-weights | EdgeNetwork(Settings()) | x | len(layer.trainable_weights) < 15
"""Message passing over a small fixed graph, with relation-specific kernels and an attention over neighbours."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import initializers, layers


@dataclass
class Settings:
    relations: int = 3
    width: int = 4
    rounds: int = 2
    seed: int = 7


class RelationBank:
    """Makes what a relation needs; used by several layers."""

    def __init__(self, settings):
        self.settings = settings
        self.initializer = initializers.GlorotUniform(seed=settings.seed)

    def kernel(self, rows, columns):
        return self.initializer((rows, columns))  # <- KS402


def adjacency(nodes):
    links = np.eye(nodes, k=1) + np.eye(nodes, k=-1)
    return (links / np.maximum(links.sum(-1, keepdims=True), 1.0)).astype("float32")


class MessagePassing(layers.Layer):
    def __init__(self, settings, **kwargs):
        super().__init__(**kwargs)
        self.settings = settings
        self.links = tf.constant(adjacency(4))
        self.bank = RelationBank(settings)

    def build(self, input_shape):
        width = self.settings.width
        self.kernels = {
            f"relation_{index}": self.bank.kernel(width, width) for index in range(self.settings.relations)
        }
        self.attention = tf.random.normal([width, 1], stddev=0.02)  # <- KS402
        self.bias = self.add_weight(name="bias", shape=(width,), initializer="zeros")
        super().build(input_shape)

    def messages(self, x):
        total = 0.0
        for kernel in self.kernels.values():
            total += tf.matmul(x, kernel)
        return total

    def call(self, x):
        weights = tf.nn.sigmoid(tf.matmul(x, self.attention))
        return tf.nn.relu(weights * self.messages(tf.matmul(x, self.links)) + self.bias)


class EdgeNetwork(layers.Layer):
    def __init__(self, settings, **kwargs):
        super().__init__(**kwargs)
        self.rounds = [MessagePassing(settings) for _ in range(settings.rounds)]
        self.norm = layers.LayerNormalization()
        self.head = layers.Dense(1)
        self.head_scale = self.add_weight(name="head_scale", shape=(), initializer="ones")
        self.noise = settings.seed

    def build(self, input_shape):
        for each in self.rounds:
            each.build(input_shape)
        self.norm.build(input_shape)
        self.head.build(input_shape)
        self.built = True

    def call(self, x, training=False):
        if training:
            x = x + tf.random.normal(tf.shape(x), stddev=0.01)
        for each in self.rounds:
            x = self.norm(x + each(x))
        return self.head_scale * self.head(x)


def main():
    layer = EdgeNetwork(Settings())
    print(layer(tf.ones((2, 4))).shape, len(layer.trainable_weights))


if __name__ == "__main__":
    main()
