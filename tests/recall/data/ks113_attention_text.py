# Keras 2 and 3
# shows: untracked | TextModel(Config()).model | tf.ones((2, 12), "int32")
# shows: untracked | regressor(Config()) | tf.ones((2, 6))
# shows: untracked | calibrated
"""Sentence classification with attention pooling, written around functional models."""
from dataclasses import dataclass, field
from typing import List

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


@dataclass
class Config:
    vocabulary: int = 50
    length: int = 12
    width: int = 8
    heads: int = 2
    hidden: List[int] = field(default_factory=lambda: [16, 8])
    labels: int = 3
    dropout: float = 0.1
    normalise: bool = True


def mask_padding(tokens):
    return tf.cast(tf.not_equal(tokens, 0), tf.float32)[:, :, tf.newaxis]


def masked_mean(pair):
    values, mask = pair
    total = tf.reduce_sum(values * mask, axis=1)
    return total / tf.maximum(tf.reduce_sum(mask, axis=1), 1.0)


def attention_pooling(width: int, name: str):
    """Weighs the words of a sentence by how well they answer to a learned question."""
    score = layers.Dense(1, use_bias=False, name=f"{name}_score")
    score.build((None, None, width))

    def pool(x):
        weights = tf.nn.softmax(score(x), axis=1)  # <- KS113
        return tf.reduce_sum(weights * x, axis=1)

    return layers.Lambda(pool, name=name)


class TextModel:
    """Builds, compiles and keeps a model; not itself a layer."""

    def __init__(self, config: Config):
        self.config = config
        self.model = self._make()

    def _tokens(self):
        tokens = keras.Input((self.config.length,), dtype="int32", name="tokens")
        embedded = layers.Embedding(self.config.vocabulary, self.config.width)(tokens)
        if self.config.dropout:
            embedded = layers.SpatialDropout1D(self.config.dropout)(embedded)
        return tokens, embedded

    def _make(self):
        tokens, x = self._tokens()
        mask = layers.Lambda(mask_padding, name="mask")(tokens)
        pooled = [layers.Lambda(masked_mean, name="mean")([x, mask])]
        for head in range(self.config.heads):
            pooled.append(attention_pooling(self.config.width, name=f"head_{head}")(x))
        x = layers.Concatenate()(pooled)
        for width in self.config.hidden:
            x = layers.Dense(width, activation="relu")(x)
            if self.config.normalise:
                x = layers.LayerNormalization()(x)
        return keras.Model(tokens, layers.Dense(self.config.labels)(x))


def residual(x, units: int, index: int):
    shortcut = x
    x = layers.Dense(units, activation="relu", name=f"residual_{index}")(x)
    x = layers.Lambda(lambda t: t * 0.5, name=f"half_{index}")(x)
    return layers.Add(name=f"add_{index}")([x, shortcut])


def regressor(config: Config, features: int = 6):
    """A tabular model whose output is scaled and moved by learned numbers."""
    inputs = keras.Input((features,))
    scale = tf.Variable(1.0, name="scale")
    offset = tf.Variable(tf.zeros((config.labels,)), name="offset")
    x = layers.Dense(config.width)(inputs)
    for index in range(2):
        x = residual(x, config.width, index)
    x = layers.Dense(config.labels)(x)
    x = x * scale  # <- KS113
    outputs = layers.Activation("linear")(x + offset)  # <- KS113
    return keras.Model(inputs, outputs, name="regressor")


temperature = tf.Variable(1.5, name="temperature")
calibrated = keras.Sequential(name="calibrated")
calibrated.add(keras.Input((4,)))
calibrated.add(layers.Dense(3))
calibrated.add(layers.Lambda(lambda logits: logits / temperature))  # <- KS113
calibrated.add(layers.Softmax())
