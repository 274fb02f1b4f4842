# Keras 2
# shows: fewer-weights | Ranker(4, np.ones((4, 2))) | x | (layer.crossing.v.numpy() != 1).all()
# shows: fewer-weights | ColdStartRanker(4, np.ones((4, 2))) | x | (layer.crossing.v.numpy() != 1).all()
# shows: values-lost | Tower()
"""A click ranker from interaction layers that a registry makes; the trained table is loaded before serving."""
import numpy as np
from tensorflow import keras
from tensorflow.keras import backend as K

INTERACTIONS = {}


def interaction(name):
    def register(cls):
        INTERACTIONS[name] = cls
        return cls

    return register


class Interaction(keras.layers.Layer):
    """Interactions get (batch, fields) and give a score for every row."""

    def __init__(self, rank=3, l2=0.0, **kwargs):
        super().__init__(**kwargs)
        self.rank = rank
        self.regularizer = keras.regularizers.l2(l2)

    def factors(self, name, fields):
        return self.add_weight(
            name=name, shape=(fields, self.rank), initializer="random_normal", regularizer=self.regularizer
        )

    def compute_output_shape(self, input_shape):
        return input_shape[0], 1


@interaction("fm")
class FactorizationMachine(Interaction):
    def build(self, input_shape):
        self.v = self.factors("v", input_shape[-1])

    def call(self, x):
        square = K.square(K.dot(x, self.v))
        each = K.dot(K.square(x), K.square(self.v))
        return 0.5 * K.sum(square - each, axis=-1, keepdims=True)


@interaction("linear")
class LinearTerm(Interaction):
    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[-1], 1), initializer="glorot_uniform")
        self.b = self.add_weight(name="b", shape=(1,), initializer="zeros")
        self.built = True

    def call(self, x):
        return K.dot(x, self.w) + self.b


class Tower(keras.layers.Layer):
    def __init__(self, units=(8, 4), **kwargs):
        super().__init__(**kwargs)
        self.dense = [keras.layers.Dense(u, activation="relu") for u in units]
        self.score = keras.layers.Dense(1)

    def build(self, input_shape):
        shape = input_shape
        for layer in self.dense + [self.score]:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, x):
        for layer in self.dense:
            x = layer(x)
        return self.score(x)


class Ranker(keras.Model):
    def __init__(self, fields, table=None, **kwargs):
        super().__init__(**kwargs)
        self.linear = LinearTerm()
        self.crossing = FactorizationMachine(rank=2, l2=1e-4)
        self.tower = Tower()
        self._prepare((None, fields))
        if table is not None:
            self.crossing.set_weights([table])

    def _prepare(self, shape):
        self.linear.build(shape)
        self.crossing.build(shape)  # <- KS206
        self.tower.build(shape)  # <- KS206

    def call(self, x):
        return K.sigmoid(self.linear(x) + self.crossing(x) + self.tower(x))


class ColdStartRanker(Ranker):
    """Adds a prior for users without a history."""

    def __init__(self, fields, table=None, prior=0.1, **kwargs):
        super().__init__(fields, table, **kwargs)
        self.prior = prior

    def call(self, x):
        return (1.0 - self.prior) * super().call(x) + self.prior


def serve(rows, table):
    machine = FactorizationMachine(rank=2)
    machine.build((None, rows.shape[-1]))  # <- KS206
    machine.set_weights([table])
    return machine(np.asarray(rows, "float32"))
