# Keras 2
# shows: raises | TwoTower(RetrievalConfig())
# shows: raises | Ranker(RetrievalConfig())
"""A two-tower retrieval model and a ranker on top, for tf.keras."""

from dataclasses import dataclass, field
from typing import List

import tensorflow as tf
from tensorflow.keras import layers


@dataclass
class RetrievalConfig:
    dimension: int = 16
    user_layers: List[int] = field(default_factory=lambda: [32, 16])
    item_layers: List[int] = field(default_factory=lambda: [32, 16])
    dropout: float = 0.1
    temperature: float = 0.05


def tower(widths, dropout, name):
    blocks = []
    for width in widths[:-1]:
        blocks.append(layers.Dense(width, activation="relu"))
        blocks.append(layers.Dropout(dropout))
    blocks.append(layers.Dense(widths[-1]))
    return tf.keras.Sequential(blocks, name=name)


class BaseRecommender(tf.keras.Model):
    """Keeps the configuration, and counts what it has seen."""

    def __init__(self, config, **kwargs):
        self.config = config
        self.options = {"dimension": config.dimension, "dropout": config.dropout}
        super().__init__(**kwargs)

    def compile(self, optimizer="adam", **kwargs):
        super().compile(optimizer=optimizer, **kwargs)


class TwoTower(BaseRecommender):
    def __init__(self, config, **kwargs):
        self.user_tower = tower(config.user_layers, config.dropout, "user")  # <- KS307
        self.item_tower = tower(config.item_layers, config.dropout, "item")
        super().__init__(config, **kwargs)
        self.temperature = config.temperature

    def call(self, features, training=False):
        users, items = features[:, :2], features[:, 2:]
        users = tf.math.l2_normalize(self.user_tower(users, training=training), axis=-1)
        items = tf.math.l2_normalize(self.item_tower(items, training=training), axis=-1)
        return tf.matmul(users, items, transpose_b=True) / self.temperature


class Ranker(BaseRecommender):
    """Scores pairs with crosses of the two towers' outputs."""

    def __init__(self, config, crosses=2, **kwargs):
        self.widths = (64, 32)
        self.seen = tf.keras.metrics.Mean(name="seen")  # <- KS307
        self.crosses = []
        for index in range(crosses):
            self.crosses.append(layers.Dense(config.dimension, name=f"cross_{index}"))
        super().__init__(config, **kwargs)
        self.head = tf.keras.Sequential([layers.Dense(width, activation="relu") for width in self.widths])
        self.score = layers.Dense(1)

    def call(self, x, training=False):
        self.seen.update_state(tf.reduce_mean(x))
        crossed = [cross(x) for cross in self.crosses]
        return self.score(self.head(tf.concat(crossed, axis=-1)))


class Popularity(BaseRecommender):
    """The baseline: nothing here is early."""

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.bias = layers.Dense(1, use_bias=False)

    def call(self, x):
        return self.bias(x)


def main():
    config = RetrievalConfig(dimension=8)
    for model in (TwoTower(config), Ranker(config), Popularity(config)):
        model.compile("adam", loss="mse")
        print(model.name, model(tf.ones((4, 4))).shape)


if __name__ == "__main__":
    main()
