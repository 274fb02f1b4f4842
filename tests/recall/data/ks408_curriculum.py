# Keras 2 and 3
# shows: predict-raises | NoisyHead(4) | x
# shows in Keras 2: fewer-weights | Constrained(4, 3) | x | len(layer.trainable_weights) < 1
# shows in Keras 3: no-gradient | Constrained(4, 3) | x
"""A training script in which a layer's noise fades and a kernel is kept on the simplex."""

import tensorflow as tf

keras = tf.keras
layers = tf.keras.layers


class Schedule:
    """From `start` down to `floor`."""

    def __init__(self, start=1.0, rate=0.999, floor=0.01):
        self.start, self.rate, self.floor = start, rate, floor

    def after(self, value):
        return tf.maximum(value * self.rate, self.floor)


class NoisyHead(layers.Layer):
    def __init__(self, units, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.schedule = Schedule(start)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], self.units), initializer="glorot_uniform"
        )
        self.noise = self.add_weight(
            name="noise",
            shape=(),
            initializer=tf.keras.initializers.Constant(self.schedule.start),
            trainable=False,
        )
        super().build(input_shape)

    def call(self, x):
        y = tf.matmul(x, self.kernel)
        y = y + self.noise * tf.random.normal(tf.shape(y))
        self.noise = self.schedule.after(self.noise)  # <- KS408
        return y


class Constrained(layers.Layer):
    """Wants a kernel whose columns sum to one."""

    def __init__(self, width, units):
        super().__init__()
        self.kernel = self.add_weight(name="kernel", shape=(width, units), initializer="random_normal")

    def _project(self):
        self.kernel = tf.nn.softmax(self.kernel, axis=0)  # <- KS408

    def call(self, x):
        self._project()
        return tf.matmul(x, self.kernel)


def make_model(units=4):
    inputs = keras.Input((8,))
    x = layers.Dense(16, activation="relu")(inputs)
    return keras.Model(inputs, NoisyHead(units)(x))
