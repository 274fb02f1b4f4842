# Keras 3
# shows: raises | GraphConvolution(4)
# shows: raises | FactorizationMachine(3)
# shows: raises | AttentionWithContext()
"""Layers ported from Keras 2, where a weight's name could come first."""
import tensorflow as tf
from tensorflow.keras import initializers, layers


class GraphConvolution(layers.Layer):
    def __init__(self, units, activation=None, use_bias=True, **kwargs):
        super(GraphConvolution, self).__init__(**kwargs)
        self.units = units
        self.activation = layers.Activation(activation) if activation else None
        self.use_bias = use_bias

    def build(self, input_shape):
        self.kernel = self.add_weight("kernel", shape=[int(input_shape[-1]), self.units])  # <- KS405
        if self.use_bias:
            self.bias = self.add_weight("bias", shape=[self.units], initializer="zeros")  # <- KS405
        super(GraphConvolution, self).build(input_shape)

    def call(self, x):
        y = tf.matmul(x, self.kernel)
        if self.use_bias:
            y = y + self.bias
        return self.activation(y) if self.activation else y


class FactorizationMachine(layers.Layer):
    def __init__(self, factors, **kwargs):
        super().__init__(**kwargs)
        self.factors = factors

    def build(self, input_shape):
        for order in (1, 2):
            shape = (input_shape[-1], 1 if order == 1 else self.factors)
            weight = self.add_weight(f"v{order}", shape, initializer=initializers.RandomNormal(stddev=0.01))  # <- KS405
            setattr(self, f"v{order}", weight)

    def call(self, x):
        linear = tf.matmul(x, self.v1)
        pairs = tf.square(tf.matmul(x, self.v2)) - tf.matmul(tf.square(x), tf.square(self.v2))
        return linear + 0.5 * tf.reduce_sum(pairs, axis=-1, keepdims=True)


class AttentionWithContext(layers.Layer):
    NAMES = ["W", "b", "u"]

    def _make(self, name, shape, **options):
        return self.add_weight(name, shape=shape, **options)  # <- KS405

    def build(self, input_shape):
        dim = input_shape[-1]
        self.W = self._make("W", (dim, dim), initializer="glorot_uniform")
        self.b = self._make("b", (dim,), initializer="zeros")
        self.u = self._make("u", (dim, 1), initializer="glorot_uniform")

    def call(self, x):
        scores = tf.nn.softmax(tf.matmul(tf.tanh(tf.matmul(x, self.W) + self.b), self.u), axis=0)
        return scores * x
