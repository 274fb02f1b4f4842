# Keras 3
# shows: frozen | MixtureDensityHead(3)
"""A mixture density network for sensor readings: an encoder, and a head that gives mixture parameters."""

import math

import keras
from keras import layers, ops

DEFAULTS = {
    "initializer": "glorot_uniform",
    "trainable": None,
    "regularizer": None,
}


class WeightFactory:
    """Mixed into layers that make many weights of one kind."""

    def new_weight(self, name, shape, **overrides):
        options = dict(initializer="glorot_uniform", trainable=None)
        options.update(overrides)
        return self.add_weight(  # <- KS404
            name=f"{name}_weight", shape=shape, **options
        )


class MixtureDensityHead(WeightFactory, layers.Layer):
    def __init__(self, components, **kwargs):
        super().__init__(**kwargs)
        self.components = components

    def build(self, input_shape):
        features = input_shape[-1]
        self.means = self.new_weight("means", (features, self.components))
        self.scales = self.new_weight("scales", (features, self.components), initializer="zeros", trainable=True)
        self.logits = self.new_weight("logits", (features, self.components), trainable=True)
        self.built = True

    def call(self, x):
        mean = ops.matmul(x, self.means)
        scale = ops.softplus(ops.matmul(x, self.scales)) + 1e-3
        share = ops.softmax(ops.matmul(x, self.logits))
        return ops.concatenate([mean, scale, share], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3 * self.components)

    def get_config(self):
        return {**super().get_config(), "components": self.components}


class Encoder(layers.Layer):
    def __init__(self, widths, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [layers.Dense(width, activation="relu") for width in widths]

    def build(self, input_shape):
        for block in self.blocks:
            block.build(input_shape)
            input_shape = block.compute_output_shape(input_shape)
        self.built = True

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def negative_log_likelihood(components):
    def loss(y, parameters):
        mean, scale, share = ops.split(parameters, 3, axis=-1)
        exponent = -0.5 * ops.square((y - mean) / scale) - ops.log(scale) - 0.5 * math.log(2 * math.pi)
        return -ops.logsumexp(ops.log(share + 1e-9) + exponent, axis=-1)

    loss.__name__ = f"nll_{components}"
    return loss


def make_model(features=4, widths=(32, 16), components=3):
    inputs = keras.Input((features,))
    encoded = Encoder(widths)(inputs)
    model = keras.Model(inputs, MixtureDensityHead(components)(encoded))
    model.compile("adam", negative_log_likelihood(components))
    return model
