# Keras 2 and 3
# x: 2, 16, 16, 3
# shows: unbuilt | UNet(UNetConfig())
# shows: no-gradient | Down(4)
# shows: unbuilt | Up(4)
"""A small U-Net, half way through a refactoring."""

import dataclasses

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


@dataclasses.dataclass
class UNetConfig:
    widths: tuple = (4, 8)
    classes: int = 2
    attention: bool = True


def conv(filters, size=3, **kwargs):
    return layers.Conv2D(filters, size, padding="same", **kwargs)


class Down(layers.Layer):
    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.first = conv(filters, activation="relu")
        self.second = conv(filters, activation="relu")
        self.shortcut = layers.Conv2D(filters, 1)  # <- KS207
        self.pool = layers.MaxPool2D()

    def build(self, input_shape):
        inner = (*input_shape[:-1], self.filters)
        self.first.build(input_shape)
        self.second.build(inner)
        self.shortcut.build(input_shape)
        super().build(input_shape)

    def call(self, x):
        skip = self.second(self.first(x))
        return self.pool(skip), skip


class Up(layers.Layer):  # <- KS203 in Keras 3
    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.up = layers.Conv2DTranspose(filters, 2, strides=2)
        self.convs = [conv(filters, activation="relu") for _ in range(2)]
        self.norms = [layers.BatchNormalization() for _ in range(2)]  # <- KS207
        self.relu = layers.ReLU()

    def call(self, x, skip=None):
        x = self.up(x)
        if skip is not None:
            x = tf.concat([x, skip], axis=-1)
        for convolution in self.convs:
            x = self.relu(convolution(x))
        return x


class UNet(keras.Model):  # <- KS203 in Keras 3
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.downs = [Down(width) for width in config.widths]
        self.middle = conv(2 * config.widths[-1], activation="relu")
        self.ups = [Up(width) for width in reversed(config.widths)]
        self.attention = layers.Conv2D(1, 1, activation="sigmoid", name="attention")  # <- KS207
        self.out = layers.Conv2D(config.classes, 1)
        self.embedding = layers.Dense(8)

    def call(self, x, training=None):
        skips = []
        for down in self.downs:
            x, skip = down(x)
            skips.append(skip)
        x = self.middle(x)
        for up, skip in zip(self.ups, reversed(skips)):
            x = up(x, skip=skip)
        return self.out(x) + tf.reduce_mean(self.embed(x))

    def embed(self, x):
        return self.embedding(tf.reduce_mean(x, axis=[1, 2]))
