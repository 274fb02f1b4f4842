# Keras 3
# shows: raises | Tagger(3)
# shows: raises | Frozen(4)
# shows: raises | SpectralNorm(layers.Dense(4))
"""A CRF tagger, ported line by line from an old add-on."""
import keras
from keras import initializers, layers, ops


class CRF(layers.Layer):
    def __init__(self, tags, **kwargs):
        super().__init__(**kwargs)
        self.tags = tags
        self.dense = layers.Dense(tags)
        self.initializer = initializers.get("glorot_uniform")

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.transitions = self.add_weight(
            name="transitions", shape=(self.tags, self.tags), initializer=self.initializer
        )
        self._trainable_weights = self.dense.trainable_weights + [self.transitions]  # <- KS112

    def call(self, x):
        return ops.matmul(self.dense(x), self.transitions)


class Tagger(keras.Model):
    def __init__(self, tags, **kwargs):
        super().__init__(**kwargs)
        self.encoder = layers.Dense(8, activation="relu")
        self.crf = CRF(tags)

    def build(self, input_shape):
        self.encoder.build(input_shape)
        self.crf.build((*input_shape[:-1], 8))
        for layer in [self.encoder, self.crf]:
            for weight in layer.trainable_weights:
                self._trainable_weights.append(weight)  # <- KS112

    def call(self, x):
        return self.crf(self.encoder(x))


class Frozen(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self._non_trainable_weights.extend(self.dense._trainable_weights)  # <- KS112
        self.dense._trainable_weights = []  # <- KS112

    def call(self, x):
        return self.dense(x)


class SpectralNorm(layers.Wrapper):
    """Divides the wrapped layer's kernel by its largest singular value."""

    def build(self, input_shape):
        super().build(input_shape)
        self.kernel = self.layer.kernel
        self.u = self.add_weight(
            name="u", shape=(1, self.kernel.shape[-1]), initializer="random_normal", trainable=False
        )
        if self.u not in self._non_trainable_weights:
            self._non_trainable_weights.append(self.u)  # <- KS112

    def call(self, x):
        return self.layer(x)
