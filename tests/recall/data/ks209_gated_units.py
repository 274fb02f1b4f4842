# Keras 2 and 3
# shows: raises | GatedLinearUnit(6)
# shows: raises | Highway()
# shows: raises | Maxout(3)
# shows in Keras 2: raises | Scale(4)
# shows in Keras 3: build-raises | Scale(4)
"""Units with gates, made by name from a registry."""

import keras
import tensorflow as tf

UNITS = {}


def unit(name):
    def register(cls):
        UNITS[name] = cls
        return cls

    return register


class Gated(keras.layers.Layer):
    """Base: the parameters that all units share."""

    def __init__(self, kernel_initializer="glorot_uniform", use_bias=True, **kwargs):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.use_bias = use_bias
        self.input_dim = None

    def new_kernel(self, name, rows, columns):
        return self.add_weight(name=name, shape=(rows, columns), initializer=self.kernel_initializer)

    def new_bias(self, name, columns, value="zeros"):
        return self.add_weight(name=name, shape=(columns,), initializer=value) if self.use_bias else None

    def get_config(self):
        return {**super().get_config(), "use_bias": self.use_bias}


@unit("glu")
class GatedLinearUnit(Gated):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def biuld(self, input_shape):  # <- KS209
        width = int(input_shape[-1])
        self.kernel = self.new_kernel("kernel", width, 2 * self.units)
        self.bias = self.new_bias("bias", 2 * self.units)
        self.built = True

    def call(self, inputs):
        x = tf.matmul(inputs, self.kernel)
        if self.bias is not None:
            x = x + self.bias
        value, gate = tf.split(x, 2, axis=-1)
        return value * tf.sigmoid(gate)


@unit("highway")
class Highway(Gated):
    """Carries part of its input over."""

    def build(self, input_shape):
        width = int(input_shape[-1])
        self.transform = self.new_kernel("transform", width, width)
        self.carry = self.new_kernel("carry", width, width)
        self.carry_bias = self.new_bias("carry_bias", width, keras.initializers.Constant(-1.0))
        super().build(input_shape)

    def __call__(self, inputs, training=None):  # <- KS209
        gate = tf.sigmoid(tf.matmul(inputs, self.carry) + self.carry_bias)
        return gate * tf.nn.relu(tf.matmul(inputs, self.transform)) + (1 - gate) * inputs


@unit("maxout")
class Maxout(keras.layers.Layer):
    def __int__(self, pieces, **kwargs):  # <- KS209
        super().__init__(**kwargs)
        self.pieces = [keras.layers.Dense(4) for _ in range(pieces)]

    def call(self, inputs):
        return tf.reduce_max(tf.stack([piece(inputs) for piece in self.pieces]), axis=0)


@unit("scale")
class Scale(Gated):
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width

    def build(self):  # <- KS209
        self.scale = self.add_weight(name="scale", shape=(self.width,), initializer="ones")

    def call(self, inputs):
        return inputs * self.scale


def make(name, *args, **kwargs):
    if name not in UNITS:
        raise ValueError(f"unknown unit {name!r}, choose one of {sorted(UNITS)}")
    return UNITS[name](*args, **kwargs)
