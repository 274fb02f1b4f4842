# Keras 2 and 3
# x: 2, 6, 4
# shows in Keras 3: created-every-call | SqueezeExcite(2)
# shows: created-every-call | SpatialTransformer(4)
"""Attention gates whose layers are made on the fly, as in the functional API."""
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


def excite(x, ratio, activation="relu"):
    """The functional block from a tutorial."""
    channels = x.shape[-1]
    y = layers.GlobalAveragePooling1D()(x)
    y = layers.Dense(max(1, channels // ratio), activation=activation)(y)  # <- KS301
    y = layers.Dense(channels, activation="sigmoid")(y)  # <- KS301
    return x * y[:, tf.newaxis, :]


class SqueezeExcite(layers.Layer):
    def __init__(self, ratio=4, **kwargs):
        super().__init__(**kwargs)
        self.ratio = ratio

    def call(self, x):
        return excite(x, self.ratio)


class AttentionBase(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def project(self, x, name):
        return layers.Dense(self.units, use_bias=False, name=name)(x)  # <- KS301


class SpatialTransformer(AttentionBase):
    """Scaled dot-product attention over the time axis."""

    def call(self, x, training=None):
        q = self.project(x, "query")
        k = self.project(x, "key")
        v = self.project(x, "value")
        scores = tf.matmul(q, k, transpose_b=True) / tf.sqrt(float(self.units))
        weights = layers.Softmax()(scores)
        if training:
            weights = layers.Dropout(0.0)(weights)
        return tf.matmul(weights, v)
