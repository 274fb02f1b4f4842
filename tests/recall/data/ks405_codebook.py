# Keras 3
# shows: raises | CodebookStack(2, 8, 4)
# shows: raises | PriorModel(4)
import keras
from keras import layers, ops


class WeightFactory:
    """Mixin with a short name for add_weight."""

    weight_initializer = "uniform"

    def w(self, *args, **kwargs):
        kwargs.setdefault("initializer", self.weight_initializer)
        return self.add_weight(*args, **kwargs)


class Codebook(layers.Layer):
    def __init__(self, codes, dim, **kwargs):
        super().__init__(**kwargs)
        self.codes = codes
        self.dim = dim
        self.vectors = self.add_weight("vectors", (codes, dim), initializer="uniform")  # <- KS405
        self.usage = self.add_weight("usage", shape=(codes,), initializer="zeros", trainable=False)  # <- KS405

    def call(self, x):
        distances = ops.sum((x[:, None, :] - self.vectors[None]) ** 2, axis=-1)
        return ops.take(self.vectors, ops.argmin(distances, axis=-1), axis=0)


class CodebookStack(keras.Model):
    def __init__(self, count, codes, dim, **kwargs):
        super().__init__(**kwargs)
        self.codebooks = [Codebook(codes, dim, name=f"codebook_{i}") for i in range(count)]

    def call(self, x):
        total = 0.0
        for codebook in self.codebooks:
            y = codebook(x - total)
            total = total + y
        return total


class PriorModel(WeightFactory, keras.Model):
    def __init__(self, dim, **kwargs):
        super().__init__(**kwargs)
        self.logits = self.w("logits", shape=(dim,))  # <- KS405

    def call(self, x):
        return x + self.logits
