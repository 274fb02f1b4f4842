# Keras 3
# shows: untracked | VariationalEncoder(Config(latent=3))
# shows: untracked | Mixture(components=2, size=4)
"""Distributions are tf.Modules, as they were with TensorFlow Probability; the models are Keras 3."""
import collections

import keras
import numpy as np
import tensorflow as tf

Config = collections.namedtuple("Config", "latent hidden", defaults=[8])


class Distribution(tf.Module):
    def __init__(self, size, name=None):
        super().__init__(name=name)
        self.size = size

    def log_prob(self, z):
        raise NotImplementedError

    def sample(self, shape):
        raise NotImplementedError


class Gaussian(Distribution):
    """A prior whose mean and scale are learned."""

    def __init__(self, size, learn_scale=True, name="gaussian"):
        super().__init__(size, name=name)
        self.mean = tf.Variable(tf.zeros([size]), name="mean")
        self.log_scale = tf.Variable(tf.zeros([size]), trainable=learn_scale, name="log_scale")

    def log_prob(self, z):
        scaled = (z - self.mean) / tf.exp(self.log_scale)
        total = tf.reduce_sum(tf.square(scaled) + np.log(2 * np.pi), axis=-1)
        return -0.5 * total - tf.reduce_sum(self.log_scale)

    def sample(self, shape):
        return self.mean + tf.exp(self.log_scale) * tf.random.normal((*shape, self.size))


class Uniform(Distribution):
    def log_prob(self, z):
        return tf.zeros(tf.shape(z)[:-1])

    def sample(self, shape):
        return tf.random.uniform((*shape, self.size))


PRIORS = {"gaussian": Gaussian, "uniform": Uniform}


def make_prior(kind, size):
    if kind == "gaussian":
        return Gaussian(size)
    return Uniform(size)


class VariationalEncoder(keras.layers.Layer):  # <- KS203
    def __init__(self, config, kind="gaussian", **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.hidden = keras.layers.Dense(config.hidden, activation="tanh")
        self.mean = keras.layers.Dense(config.latent)
        self.log_scale = keras.layers.Dense(config.latent)
        self.prior = make_prior("gaussian", config.latent)  # <- KS103

    def call(self, x):
        h = self.hidden(x)
        mean, log_scale = self.mean(h), self.log_scale(h)
        z = mean + tf.exp(log_scale) * tf.random.normal(tf.shape(mean))
        self.add_loss(-tf.reduce_mean(self.prior.log_prob(z)))
        return z


class Mixture(keras.layers.Layer):  # <- KS203
    """A density: one Gaussian a component, and what chooses between them."""

    def __init__(self, components, size, **kwargs):
        super().__init__(**kwargs)
        self.choose = keras.layers.Dense(components, activation="softmax")
        self.parts = {}
        for index in range(components):
            self.parts[f"part_{index}"] = Gaussian(size, name=f"part_{index}")  # <- KS103

    def call(self, x):
        weights = self.choose(x)
        densities = tf.stack([part.log_prob(x) for part in self.parts.values()], axis=-1)
        return tf.reduce_sum(weights * densities, axis=-1, keepdims=True)


class Decoder(keras.Model):  # <- KS203
    """No module inside: nothing to say."""

    def __init__(self, config, features=4, **kwargs):
        super().__init__(**kwargs)
        self.encoder = VariationalEncoder(config)
        self.out = keras.layers.Dense(features)

    def call(self, x):
        return self.out(self.encoder(x))
