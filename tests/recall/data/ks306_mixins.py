# Keras 2 and 3
# shows: raises | GatedUnit(4)
# shows: raises | NoisyDense(4)
# shows: raises | Sampling(2)
"""Constructors that never reach Keras' own."""
import tensorflow as tf
from tensorflow import keras


class Configurable:
    """Mixin that remembers arguments; it forgets that somebody may stand behind it."""

    def __init__(self, **config):
        self._config = config

    def config(self, key, default=None):
        return self._config.get(key, default)


class GatedUnit(Configurable, keras.layers.Layer):  # <- KS306, KS203 in Keras 3
    def __init__(self, units, **kwargs):
        super().__init__(units=units, **kwargs)
        self.gate = keras.layers.Dense(units, activation="sigmoid")
        self.value = keras.layers.Dense(units)

    def call(self, x):
        return self.gate(x) * self.value(x)


class Noisy(keras.layers.Layer):
    """Base class for layers with noise."""

    def __init__(self, stddev=0.1, **kwargs):
        super(keras.layers.Layer, self).__init__(**kwargs)  # <- KS306
        self.stddev = stddev

    def noise(self, x):
        return x + tf.random.normal(tf.shape(x), stddev=self.stddev)


class NoisyDense(Noisy):  # <- KS203 in Keras 3
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.noise(self.dense(x))


class Sampling(keras.Model):  # <- KS203 in Keras 3
    def __init__(self, latent, **kwargs):
        super().__init__  # <- KS306
        self.mean = keras.layers.Dense(latent)
        self.log_var = keras.layers.Dense(latent)

    def call(self, x):
        mean, log_var = self.mean(x), self.log_var(x)
        return mean + tf.exp(0.5 * log_var) * tf.random.normal(tf.shape(mean))
