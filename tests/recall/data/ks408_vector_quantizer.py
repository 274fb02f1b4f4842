# Keras 3
# shows: raises | EMAQuantizer(6, 4) | x
# shows: fit-raises | Whitening() | x
"""A vector quantizer whose codebook follows the encoder by moving averages, after the VQ-VAE papers."""

from dataclasses import dataclass

import keras
from keras import layers, ops


@dataclass
class Averages:
    decay: float = 0.99
    epsilon: float = 1e-5


class MovingStatistics(layers.Layer):
    """Base of layers with statistics that `update` moves."""

    def __init__(self, averages=None, **kwargs):
        super().__init__(**kwargs)
        self.averages = averages or Averages()

    def moved(self, old, new):
        decay = self.averages.decay
        return decay * old + (1.0 - decay) * new

    def statistic(self, name, shape, start="zeros"):
        return self.add_weight(name=name, shape=shape, initializer=start, trainable=False)


class EMAQuantizer(MovingStatistics):  # <- KS203
    def __init__(self, codes, width, **kwargs):
        super().__init__(**kwargs)
        self.codes, self.width = codes, width
        self.project = layers.Dense(width)
        self.codebook = self.statistic("codebook", (width, codes), "random_uniform")
        self.counts = self.statistic("counts", (codes,))
        self.steps = self.statistic("steps", ())

    def call(self, x):
        x = self.project(x)
        distances = (
            ops.sum(x**2, axis=1, keepdims=True)
            - 2.0 * ops.matmul(x, self.codebook)
            + ops.sum(self.codebook**2, axis=0, keepdims=True)
        )
        chosen = ops.one_hot(ops.argmin(distances, axis=1), self.codes)
        self._update(x, chosen)
        quantized = ops.matmul(chosen, ops.transpose(self.codebook))
        return x + ops.stop_gradient(quantized - x)

    def _update(self, x, chosen):
        self.counts = self.moved(self.counts, ops.sum(chosen, axis=0))  # <- KS408
        total = ops.matmul(ops.transpose(x), chosen)
        self.codebook = self.moved(self.codebook, total / (self.counts + self.averages.epsilon))  # <- KS408
        self.steps.assign_add(1.0)


class Whitening(MovingStatistics):
    """Here the statistics are made in build(), and one of them is moved rightly."""

    def build(self, input_shape):
        width = input_shape[-1]
        self.mean = self.statistic("mean", (width,))
        self.variance = self.statistic("variance", (width,), "ones")
        self.gain = self.add_weight(name="gain", shape=(width,), initializer="ones")
        self.built = True

    def call(self, x, training=True):
        if training:
            batch_mean = ops.mean(x, axis=0)
            self.mean.assign(self.moved(self.mean, batch_mean))
            self.variance = self.moved(self.variance, ops.mean((x - batch_mean) ** 2, axis=0))  # <- KS408
        return self.gain * (x - self.mean) / ops.sqrt(self.variance + self.averages.epsilon)
