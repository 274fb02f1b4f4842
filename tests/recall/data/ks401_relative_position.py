# Keras 3
# x: 2, 6, 4
# shows: no-gradient | RelativeBias(6)
# shows: no-gradient | Monotone(3)
# shows: no-gradient | Mixer(4)
import keras
from keras import layers, ops


class RelativeBias(layers.Layer):
    """A learned bias for every distance, gathered once for the longest sequence."""

    def __init__(self, length, **kwargs):
        super().__init__(**kwargs)
        self.length = length

    def build(self, input_shape):
        self.table = self.add_weight(name="table", shape=(2 * self.length - 1,), initializer="random_normal")
        positions = ops.arange(self.length)
        distance = positions[None, :] - positions[:, None] + self.length - 1
        self.bias = ops.take(self.table, distance, axis=0)  # <- KS401

    def call(self, x):
        scores = ops.matmul(x, ops.transpose(x, (0, 2, 1))) + self.bias
        return ops.matmul(ops.softmax(scores), x)


class Positive:
    """Mixin for kernels that must stay positive."""

    def positive(self, name, shape):
        raw = self.add_weight(name=name, shape=shape, initializer="random_normal")
        return ops.softplus(raw)


class Monotone(Positive, layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.positive("kernel", (input_shape[-1], self.units))  # <- KS401
        self.offset = self.add_weight(name="offset", shape=(self.units,), initializer="zeros")

    def call(self, x):
        return ops.matmul(x, self.kernel) + self.offset


class Mixer(keras.Model):
    def __init__(self, units, heads=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.heads = heads
        self.out = layers.Dense(units)

    def build(self, input_shape):
        self.mixing = {}
        for head in range(self.heads):
            weight = self.add_weight(name=f"mix_{head}", shape=(input_shape[-1], self.units))
            self.mixing[f"head_{head}"] = weight / self.heads  # <- KS401
        self.out.build((*input_shape[:-1], self.units))

    def call(self, x):
        return self.out(sum(ops.matmul(x, mix) for mix in self.mixing.values()))
