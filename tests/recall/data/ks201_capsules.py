# Keras 3
# x: 2, 6, 4
# shows: not-built-by-build | CapsuleRouting(3, 4)
# shows: not-built-by-build | AttentionPool(4, heads=2)
# shows: not-built-by-build | SequenceModel(4)
import keras
from keras import layers, ops


class CapsuleRouting(layers.Layer):
    def __init__(self, capsules, dim, **kwargs):
        super().__init__(**kwargs)
        self.capsules = capsules
        self.dim = dim
        self.project = layers.Dense(capsules * dim)
        self.squash_gate = keras.Sequential([layers.Dense(dim), layers.Activation("sigmoid")])

    def build(self, input_shape):  # <- KS201
        self.routing = self.add_weight(
            name="routing", shape=(self.capsules, self.dim), initializer="glorot_uniform"
        )

    def call(self, x):
        y = ops.mean(self.project(x), axis=1)
        y = ops.reshape(y, (-1, self.capsules, self.dim)) * self.routing
        return y * self.squash_gate(y)


class AttentionPool(layers.Layer):
    """Pools a sequence by attention with learned queries."""

    def __init__(self, dim, heads, queries=1, **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.queries = queries
        self.attention = layers.MultiHeadAttention(heads, dim)
        self.ffn = [layers.Dense(2 * dim, activation="relu"), layers.Dense(dim)]

    def build(self, input_shape):  # <- KS201
        self.query = self.add_weight(name="query", shape=(1, self.queries, input_shape[-1]))
        shape = input_shape
        for dense in self.ffn:
            dense.build(shape)
            shape = (*shape[:-1], dense.units)
        self.built = True

    def call(self, x):
        query = ops.repeat(self.query, ops.shape(x)[0], axis=0)
        y = self.attention(query, x)
        for dense in self.ffn:
            y = dense(y)
        return y


class SequenceModel(keras.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.encoder = layers.Bidirectional(layers.LSTM(units, return_sequences=True))
        self.pool = AttentionPool(2 * units, heads=2)
        self.out = layers.TimeDistributed(layers.Dense(1))

    def build(self, input_shape):  # <- KS201
        self.encoder.build(input_shape)
        super().build(input_shape)

    def call(self, x):
        return self.out(self.pool(self.encoder(x)))
