import keras
from keras import ops


class Registry:
    """Collects whatever the factories make, for later inspection."""

    def __init__(self):
        self.made = []

    def add(self, layer):
        self.made.append(layer)
        return layer


registry = Registry()


def fill_with_experts(target, count, units, activation="gelu"):
    """Puts `count` experts into the list."""
    for index in range(count):
        hidden = keras.layers.Dense(units, activation=activation, name=f"expert_{index}")
        target.append(hidden)
    return target


class Gate(keras.layers.Layer):
    def __init__(self, experts, temperature=1.0, **kwargs):
        super().__init__(**kwargs)
        self.experts = experts
        self.temperature = temperature

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.experts), name="kernel")

    def call(self, x):
        return ops.softmax(ops.matmul(x, self.kernel) / self.temperature)
