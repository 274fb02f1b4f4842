# Keras 2 and 3
# shows in Keras 2: created-every-call | MemoryReader(MemoryConfig())
# shows in Keras 3: raises | MemoryReader(MemoryConfig())
# shows: created-every-call | Smoother(0.9)
# shows: created-every-call | MemoryNetwork(MemoryConfig())
"""Reads from a learnt memory, several times over."""

from __future__ import annotations

import dataclasses

import tensorflow as tf
from tensorflow import keras


@dataclasses.dataclass
class MemoryConfig:
    slots: int = 5
    width: int = 4
    hops: int = 2
    share: bool = True


class WithConfig(keras.layers.Layer):
    def __init__(self, config: MemoryConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.initializer = keras.initializers.RandomNormal(stddev=0.05)

    def get_config(self):
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}


class MemoryReader(WithConfig):
    """Attention over slots. The slots were meant to be shared by all calls."""

    def build(self, input_shape):
        width = int(input_shape[-1])
        self.query = self.add_weight(
            name="query", shape=(width, self.config.width), initializer=self.initializer
        )
        self.built = True

    def _memory(self, name):
        return self.add_weight(  # <- KS302
            name=name,
            shape=(self.config.slots, self.config.width),
            initializer=self.initializer,
        )

    def _address(self, query, keys):
        return tf.nn.softmax(tf.matmul(query, keys, transpose_b=True))

    def call(self, inputs):
        query = tf.matmul(inputs, self.query)
        keys = self._memory("keys")
        values = keys if self.config.share else self._memory("values")
        for _ in range(self.config.hops):
            query = query + tf.matmul(self._address(query, keys), values)
        return query


class Smoother(keras.layers.Layer):
    """An exponential average, with an initial state that is learnt."""

    def __init__(self, momentum, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum
        self.steps = 3

    def call(self, inputs):
        state = tf.Variable(tf.zeros([4]), trainable=True, name="initial")  # <- KS302
        out = inputs
        for _ in range(self.steps):
            out = self.momentum * out + (1.0 - self.momentum) * state
        return out


def mixing_weights(parts):
    """One learnt weight for each part, normalised."""
    logits = tf.Variable([0.0] * len(parts), name="logits")  # <- KS302
    return tf.unstack(tf.nn.softmax(logits))


class MemoryNetwork(keras.Model):  # <- KS203 in Keras 3
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.embed = keras.layers.Dense(config.width)
        self.readers = [keras.layers.Dense(config.width, name=f"reader_{i}") for i in range(config.hops)]
        self.steps = self._counter()

    def _counter(self):
        return tf.Variable(0, trainable=False, dtype=tf.int64)  # <- KS102 in Keras 3

    def call(self, inputs, training=False):
        if training:
            self.steps.assign_add(1)
        x = self.embed(inputs)
        parts = [x] + [reader(x) for reader in self.readers]
        return tf.add_n([weight * part for weight, part in zip(mixing_weights(parts), parts)])
