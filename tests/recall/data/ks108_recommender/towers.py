# Keras 3
# shows: untracked | QueryTower(["user", "country"], 4) | {"user": ops.ones((2,), "int32"), "country": ops.ones((2,), "int32")}
# shows: untracked | Ranker(4)
import features
import keras
from keras import layers, ops


class QueryTower(keras.Model):
    def __init__(self, names, dim, **kwargs):
        super().__init__(**kwargs)
        self.names = names
        self.dim = dim
        self.mlp = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(dim)])

    def build(self, input_shape):
        self.mlp.build((None, self.dim * len(self.names)))

    def call(self, inputs):
        embedded = [features.embedding_for(name, self.dim)(inputs[name]) for name in self.names]  # <- KS108
        return self.mlp(ops.concatenate(embedded, axis=-1))


class Ranker(keras.Model):
    def __init__(self, dim, **kwargs):
        super().__init__(**kwargs)
        self.out = layers.Dense(1)

    def build(self, input_shape):
        self.out.build(input_shape)

    def call(self, x, training=None):
        x = features.normalizer(x, training=training)  # <- KS108
        return self.out(x)
