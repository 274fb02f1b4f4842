# Keras 2 and 3
# shows in Keras 3: untracked | RealNVP(FlowConfig(dim=4, layers=2))
# shows in Keras 3: untracked | Calibrated(3)
"""A normalizing flow that was written for Keras 2 and still keeps raw TensorFlow variables."""
from typing import NamedTuple

import numpy as np
import tensorflow as tf


class FlowConfig(NamedTuple):
    dim: int = 4
    layers: int = 4
    hidden: int = 16
    learn_base: bool = True


class Bijector(tf.keras.layers.Layer):
    """Base of all bijectors: a learned log scale for every feature."""

    def __init__(self, dim, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.log_scale = tf.Variable(tf.zeros([dim]), name="log_scale")  # <- KS102 in Keras 3
        self.shift = self._variable("shift")
        self.calls = tf.Variable(0, trainable=False, dtype=tf.int64)  # <- KS102 in Keras 3

    def _variable(self, name, initializer=tf.zeros_initializer()):
        return tf.Variable(initializer(shape=(self.dim,), dtype=tf.float32), trainable=True, name=name)  # <- KS102 in Keras 3

    def affine(self, x):
        self.calls.assign_add(1)
        return x * tf.exp(self.log_scale) + self.shift


class Coupling(Bijector):  # <- KS203 in Keras 3
    def __init__(self, dim, hidden, flip=False, **kwargs):
        super().__init__(dim, **kwargs)
        self.flip = flip
        self.net = tf.keras.Sequential(
            [tf.keras.layers.Dense(hidden, activation="tanh"), tf.keras.layers.Dense(dim - dim // 2)]
        )

    def call(self, x):
        a, b = tf.split(x, 2, axis=-1)
        if self.flip:
            a, b = b, a
        b = b + self.net(a)
        y = tf.concat([b, a] if self.flip else [a, b], axis=-1)
        return self.affine(y)


class Permute(tf.keras.layers.Layer):
    def __init__(self, dim, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.order = np.random.RandomState(seed).permutation(dim)

    def call(self, x):
        return tf.gather(x, self.order, axis=-1)


class RealNVP(tf.keras.Model):  # <- KS203 in Keras 3
    def __init__(self, config: FlowConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.steps = []
        for i in range(config.layers):
            self.steps.append(Coupling(config.dim, config.hidden, flip=bool(i % 2)))
            self.steps.append(Permute(config.dim, seed=i))
        self.base = {
            "loc": tf.Variable(tf.zeros([config.dim]), trainable=config.learn_base),  # <- KS102 in Keras 3
            "log_std": tf.Variable(tf.zeros([config.dim]), trainable=config.learn_base),  # <- KS102 in Keras 3
        }

    def call(self, x):
        for step in self.steps:
            x = step(x)
        return (x - self.base["loc"]) * tf.exp(-self.base["log_std"])


class Calibrated(tf.keras.Model):  # <- KS203 in Keras 3
    """Temperature scaling on top of a classifier."""

    def __init__(self, classes):
        super().__init__()
        self.classifier = tf.keras.layers.Dense(classes)
        self.build_temperature()

    def build_temperature(self):
        self.temperature = tf.Variable(1.0, constraint=tf.keras.constraints.NonNeg())  # <- KS102 in Keras 3

    def call(self, x):
        return self.classifier(x) / self.temperature
