# Keras 3
# x: 2, 5, 4
# shows: fit-raises | Tagger(tags=3)
# shows: raises | Attention(4)
"""A tagger for sequences; the dropout of its parts is made where it is used."""

import keras
from keras import ops
from keras.layers import GRU, Bidirectional, Dense, Dropout, Layer, SpatialDropout1D, TimeDistributed


class Attention(Layer):
    def __init__(self, width, rate=0.2, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.rate = rate

    def build(self, input_shape):
        self.query = self.add_weight(name="query", shape=(input_shape[-1], self.width))
        self.key = self.add_weight(name="key", shape=(input_shape[-1], self.width))

    def call(self, x, training=None):
        scores = ops.matmul(ops.matmul(x, self.query), ops.swapaxes(ops.matmul(x, self.key), -1, -2))
        weights = ops.softmax(scores / self.width**0.5)
        self.attention_dropout = Dropout(self.rate)  # <- KS304
        return ops.matmul(self.attention_dropout(weights, training=training), x)


class Residual(Layer):
    """Adds what a layer gives to its input. The dropout is made once: nothing is wrong with it."""

    def __init__(self, inner, rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner
        self.dropout = Dropout(rate)

    def build(self, input_shape):
        self.inner.build(input_shape)

    def call(self, x, training=None):
        return x + self.dropout(self.inner(x), training=training)


class Tagger(keras.Model):  # <- KS203
    def __init__(self, tags, units=2, depth=2, rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.encoders = [Bidirectional(GRU(units, return_sequences=True)) for _ in range(depth)]
        self.residual = Residual(Dense(2 * units))
        self.out = TimeDistributed(Dense(tags))

    def _between(self, x, index, training):
        return SpatialDropout1D(self.rate * (index + 1))(x, training=training)  # <- KS304

    def call(self, x, training=None):
        for index, encoder in enumerate(self.encoders):
            x = self._between(encoder(x), index, training)
        return self.out(self.residual(x, training=training))
