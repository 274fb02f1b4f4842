# Keras 2 and 3
# shows: fewer-weights | compiled(ProxyAnchor(3, 4)) | x | stays(layer, "proxies")
# shows: fewer-weights | compiled(Contrastive(4)) | x | stays(layer, "temperature")
"""Metric learning: losses with proxies and a learned temperature, a network, and a trainer."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf


@dataclass
class LossConfig:
    classes: int = 3
    width: int = 4
    margin: float = 0.1
    scale: float = 8.0


def normalized(vectors):
    return tf.math.l2_normalize(vectors, axis=-1)


class EmbeddingLoss(keras.losses.Loss):
    """What the losses below share."""

    def __init__(self, width, name=None):
        super().__init__(name=name)
        self.width = width
        self.epsilon = 1e-6

    def similarities(self, left, right):
        return tf.matmul(normalized(left), normalized(right), transpose_b=True)


class ProxyAnchor(EmbeddingLoss):
    def __init__(self, classes, width, margin=0.1, scale=8.0):
        super().__init__(width, name="proxy_anchor")
        self.classes = classes
        self.margin, self.scale = margin, scale
        self.proxies = keras.layers.Embedding(classes, width)  # <- KS406

    def call(self, labels, embedded):
        table = self.proxies(tf.range(self.classes))
        positive = tf.cast(labels[:, :1] > 0.5, "float32")
        near = tf.exp(-self.scale * (self.similarities(embedded, table) - self.margin))
        return tf.math.log(1.0 + tf.reduce_sum(near, axis=-1)) * (1.0 + positive[:, 0])


class Contrastive(EmbeddingLoss):
    def __init__(self, width, temperature=0.1):
        super().__init__(width)
        self.temperature = tf.Variable(temperature, dtype="float32", name="temperature")  # <- KS406
        self.seen = tf.Variable(0, trainable=False)

    def call(self, labels, embedded):
        logits = self.similarities(embedded, labels) / self.temperature
        targets = tf.range(tf.shape(logits)[0])
        return keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)


class Margin(EmbeddingLoss):
    """Its border is a number of the configuration."""

    def __init__(self, config):
        super().__init__(config.width)
        self.border = config.margin

    def call(self, labels, embedded):
        return tf.nn.relu(tf.reduce_sum(tf.abs(labels - embedded), axis=-1) - self.border)


class Hits(keras.metrics.Metric):
    def __init__(self, name="hits", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_weight(name="total", shape=(), initializer="zeros")

    def update_state(self, labels, embedded, sample_weight=None):
        self.total.assign_add(tf.reduce_mean(embedded * labels))

    def result(self):
        return self.total


def network(width):
    return keras.Sequential([keras.layers.Dense(16, activation="relu"), keras.layers.Dense(width)])


def compiled(loss, width=4):
    model = network(width)
    model.compile("sgd", loss=loss, metrics=[Hits()])
    return model


def stays(model, name):
    x = np.random.rand(4, 4).astype("float32")
    model.fit(x, x, verbose=0)
    held = vars(model.loss)[name]
    weights = getattr(held, "trainable_weights", [held])
    before = [np.array(weight) for weight in weights]
    model.fit(x, x, verbose=0)
    return bool(before) and all(np.array_equal(a, np.array(b)) for a, b in zip(before, weights))
