# Keras 2 and 3
# x: 2, 5, 8
# shows in Keras 2: unbuilt | SelfAttention(PortConfig())
# shows in Keras 3: raises | SelfAttention(PortConfig())
# shows in Keras 2: unbuilt | FeedForward(PortConfig())
# shows: raises | Classifier(PortConfig())
"""An encoder, ported from PyTorch in a hurry."""

import math
from dataclasses import dataclass

import tensorflow as tf
from tensorflow import keras


@dataclass
class PortConfig:
    width: int = 8
    heads: int = 2
    layers: int = 2
    dropout: float = 0.1
    classes: int = 3


def split_heads(x, heads):
    batch, length = tf.shape(x)[0], tf.shape(x)[1]
    x = tf.reshape(x, (batch, length, heads, x.shape[-1] // heads))
    return tf.transpose(x, (0, 2, 1, 3))


class Module(keras.layers.Layer):
    """What all parts have in common."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.drop = keras.layers.Dropout(config.dropout)

    def linear(self, width, **kwargs):
        return keras.layers.Dense(width, kernel_initializer="glorot_uniform", **kwargs)


class SelfAttention(Module):
    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.query = self.linear(config.width)
        self.key = self.linear(config.width)
        self.value = self.linear(config.width)
        self.out = self.linear(config.width)

    def attend(self, q, k, v):
        scores = tf.matmul(q, k, transpose_b=True) / math.sqrt(self.config.width / self.config.heads)
        return tf.matmul(tf.nn.softmax(scores), v)

    def forward(self, x, training=False):  # <- KS209
        q, k, v = (split_heads(part(x), self.config.heads) for part in (self.query, self.key, self.value))
        x = tf.transpose(self.attend(q, k, v), (0, 2, 1, 3))
        shape = tf.shape(x)
        x = tf.reshape(x, (shape[0], shape[1], self.config.width))
        return self.drop(self.out(x), training=training)


class FeedForward(Module):
    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.first = self.linear(4 * config.width, activation="gelu")
        self.second = self.linear(config.width)

    def forward(self, x, training=False):  # <- KS209
        return self.drop(self.second(self.first(x)), training=training)


class Block(Module):  # <- KS203 in Keras 3
    """Somebody remembered here."""

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.attention = SelfAttention(config)
        self.feed_forward = FeedForward(config)
        self.norms = [keras.layers.LayerNormalization() for _ in range(2)]

    def call(self, x, training=False):
        x = x + self.attention(self.norms[0](x), training=training)
        return x + self.feed_forward(self.norms[1](x), training=training)


class Classifier(keras.Model):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [Block(config, name=f"block_{i}") for i in range(config.layers)]
        self.norm = keras.layers.LayerNormalization()
        self.head = keras.layers.Dense(config.classes)

    def forward(self, inputs, training=False):  # <- KS209
        x = inputs
        for block in self.blocks:
            x = block(x, training=training)
        return self.head(tf.reduce_mean(self.norm(x), axis=1))


def build_classifier(**overrides):
    model = Classifier(PortConfig(**overrides))
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model
