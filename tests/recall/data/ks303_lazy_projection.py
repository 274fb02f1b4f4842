# Keras 3
# shows: raises | ResidualProjection(8)
# shows: raises | DynamicHead(3)
# shows: raises | LazyScale()
"""Layers that make what they need when they see their first input."""
import keras
from keras import layers, ops


class LazyMixin:
    """Creates a sublayer once, on first use."""

    def lazily(self, name, make):
        if getattr(self, name, None) is None:
            setattr(self, name, make())
        return getattr(self, name)


class ResidualProjection(LazyMixin, layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.projection = None

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units))

    def call(self, x):
        y = ops.matmul(x, self.kernel)
        if x.shape[-1] != self.units:
            x = self.lazily("projection", lambda: layers.Dense(self.units, use_bias=False))(x)  # <- KS303
        return x + y


class DynamicHead(keras.Model):
    def __init__(self, classes, **kwargs):
        super().__init__(**kwargs)
        self.classes = classes
        self.heads = {}

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones")

    def call(self, x, task="default"):
        if task not in self.heads:
            self.heads[task] = layers.Dense(self.classes, name=f"head_{task}")  # <- KS303
        return self.heads[task](x) * self.scale


class LazyScale(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.activation = layers.Activation("relu")
        self.gamma = None

    def call(self, x):
        if self.gamma is None:
            self.gamma = self.add_weight(name="gamma", shape=(x.shape[-1],), initializer="ones")  # <- KS303
        return self.activation(x * self.gamma)
