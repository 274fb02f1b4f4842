# Keras 3
# shows: raises | AdaptiveNorm()
# shows: created-every-call | StyleMixer()
# shows: raises | Decoder((4, 4))
"""Normalisation with styles, for any backend."""

import keras
from keras import ops


def standardize(x, axis=-1, epsilon=1e-5):
    mean, variance = ops.moments(x, axes=[axis], keepdims=True)
    return (x - mean) / ops.sqrt(variance + epsilon)


class AdaptiveNorm(keras.layers.Layer):
    def __init__(self, styles=2, **kwargs):
        super().__init__(**kwargs)
        self.styles = styles

    def call(self, x, style=0):
        width = x.shape[-1]
        gamma, beta = self._table("gamma", "ones", width), self._table("beta", "zeros", width)
        return standardize(x) * gamma[style] + beta[style]

    def _table(self, name, initializer, width):
        return self.add_weight(name=name, shape=(self.styles, width), initializer=initializer)  # <- KS302


class StyleMixer(keras.layers.Layer):
    """Mixes its input with a learnt style vector."""

    def __init__(self, alpha=0.5, **kwargs):
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, x):
        style = keras.Variable(ops.ones((x.shape[-1],)), name="style")  # <- KS302
        return self.alpha * x + (1 - self.alpha) * style


class Decoder(keras.Model):  # <- KS203
    def __init__(self, widths, **kwargs):
        super().__init__(**kwargs)
        self.widths = widths
        self.denses = [keras.layers.Dense(width) for width in widths]

    def call(self, x, training=None):
        for dense in self.denses:
            x = ops.relu(dense(x))
        # The first call gets through, the second finds the model locked.
        self.out_scale = self.add_weight(name="out_scale", shape=(), initializer="ones")  # <- KS302
        return x * self.out_scale
