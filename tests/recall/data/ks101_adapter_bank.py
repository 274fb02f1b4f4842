# Keras 2 and 3
# shows: untracked | AdaptedEncoder(EncoderConfig())
# shows: untracked | MultiTaskHead({"sentiment": 3, "topic": 5}, 8)
"""Low-rank adapters for a small text encoder: a bank keeps one adapter for every projection."""
import dataclasses
import math
from typing import Dict, List, Optional

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


@dataclasses.dataclass
class EncoderConfig:
    hidden_size: int = 4
    num_layers: int = 2
    rank: int = 2
    alpha: float = 16.0
    dropout: float = 0.0
    adapt: tuple = ("query", "value")


class LowRank(layers.Layer):
    def __init__(self, units, rank, alpha, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.rank = rank
        self.scale = alpha / math.sqrt(rank)

    def build(self, input_shape):
        self.a = self.add_weight(name="a", shape=(input_shape[-1], self.rank), initializer="glorot_uniform")
        self.b = self.add_weight(name="b", shape=(self.rank, self.units), initializer="zeros")
        super().build(input_shape)

    def call(self, x):
        return tf.matmul(tf.matmul(x, self.a), self.b) * self.scale


class AdapterBank:
    """Knows which projections are adapted."""

    def __init__(self, config: EncoderConfig):
        self.config = config
        self._adapters: Dict[str, LowRank] = {}

    def register(self, name: str, units: int) -> None:
        if name in self.config.adapt:
            self._adapters[name] = LowRank(units, self.config.rank, self.config.alpha, name=f"lora_{name}")

    def __call__(self, name: str, x, base):
        adapter: Optional[LowRank] = self._adapters.get(name)
        return base if adapter is None else base + adapter(x)


class SelfAttention(layers.Layer):
    def __init__(self, config: EncoderConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.query = layers.Dense(config.hidden_size, name="query")
        self.key = layers.Dense(config.hidden_size, name="key")
        self.value = layers.Dense(config.hidden_size, name="value")
        self.bank = AdapterBank(config)  # <- KS101
        for name in ("query", "key", "value"):
            self.bank.register(name, config.hidden_size)

    def build(self, input_shape):
        for dense in (self.query, self.key, self.value):
            dense.build(input_shape)
        self.built = True

    def call(self, x):
        q = self.bank("query", x, self.query(x))
        k = self.bank("key", x, self.key(x))
        v = self.bank("value", x, self.value(x))
        return tf.nn.softmax(q * k) * v


class AdaptedEncoder(keras.Model):  # <- KS203 in Keras 3
    def __init__(self, config: EncoderConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.blocks = [SelfAttention(config, name=f"block_{i}") for i in range(config.num_layers)]
        self.norm = layers.LayerNormalization(epsilon=1e-6)
        self.dropout = layers.Dropout(config.dropout)

    def call(self, x, training=False):
        for block in self.blocks:
            x = x + block(x)
        return self.dropout(self.norm(x), training=training)


class HeadSpec:
    def __init__(self, name: str, units: int, hidden: int):
        self.name = name
        self.hidden = layers.Dense(hidden, activation="relu", name=f"{name}_hidden")
        self.logits = layers.Dense(units, name=f"{name}_logits")

    def apply(self, features):
        return self.logits(self.hidden(features))


class MultiTaskHead(keras.layers.Layer):
    def __init__(self, tasks: Dict[str, int], hidden: int, **kwargs):
        super().__init__(**kwargs)
        specs: List[HeadSpec] = []
        for name, units in sorted(tasks.items()):
            specs.append(HeadSpec(name, units, hidden))
        self.heads = {spec.name: spec for spec in specs}  # <- KS101

    def call(self, features):
        return {name: head.apply(features) for name, head in self.heads.items()}


if __name__ == "__main__":
    model = AdaptedEncoder(EncoderConfig())
    print(model(tf.random.normal((2, 4))).shape)
