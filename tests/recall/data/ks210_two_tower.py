# Keras 2 and 3
# shows: raises | TwoTower(TowerConfig())
# shows: raises | TwoTower(TowerConfig(shared=True))
# shows: raises | Sampled(TowerConfig())
"""Retrieval with two towers, whose last step scores against all items."""

import dataclasses

import keras
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class TowerConfig:
    width: int = 4
    hidden: tuple = (8, 4)
    items: int = 11
    shared: bool = False


def mlp(config, name):
    return keras.Sequential(
        [keras.layers.Dense(units, activation="relu") for units in config.hidden]
        + [keras.layers.Dense(config.width)],
        name=name,
    )


class Tower(keras.layers.Layer):  # <- KS203 in Keras 3
    """An MLP with a residual projection."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.net = mlp(config, "net")
        self.skip = keras.layers.Dense(config.width, use_bias=False, name="skip")
        self.norm = keras.layers.LayerNormalization()

    def call(self, x):
        hidden = self.net(x)
        return self.norm(hidden + tf.matmul(x, self.skip.kernel))  # <- KS210


class Base(keras.Model):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.query_tower = Tower(config, name="query")
        self.items = keras.layers.Embedding(config.items, config.width, name="items")
        self.temperature = 0.1

    def scale(self, scores):
        return scores / self.temperature

    def get_config(self):
        return {"config": dataclasses.asdict(self.config)}


class TwoTower(Base):  # <- KS203 in Keras 3
    def call(self, inputs, training=False):
        query = self.query_tower(inputs)
        return self.scale(self._scores(query))

    def _scores(self, query):
        table = tf.nn.l2_normalize(self.items.embeddings, axis=-1)  # <- KS210
        return tf.matmul(tf.nn.l2_normalize(query, axis=-1), table, transpose_b=True)


class Sampled(Base):  # <- KS203 in Keras 3
    """Looks the candidates up properly; the table is there by the time its norm is taken."""

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.candidates = tf.range(3)

    def call(self, inputs, training=False):
        query = self.query_tower(inputs)
        candidates = self.items(self.candidates)
        scores = tf.matmul(query, candidates, transpose_b=True)
        if training:
            self.add_loss(1e-4 * tf.reduce_sum(tf.square(self.items.embeddings)))
        return self.scale(scores)


MODELS = {"full": TwoTower, "sampled": Sampled}


def make_model(kind="full", **overrides):
    return MODELS[kind](TowerConfig(**overrides))
