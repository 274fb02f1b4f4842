# Keras 2 and 3
# shows: raises | Scorer(ScorerConfig())
"""Scores rows of features by pairwise interactions."""

import dataclasses
from typing import Any, Dict, Optional

import tensorflow as tf
from tensorflow import keras


@dataclasses.dataclass
class ScorerConfig:
    factors: int = 3
    hidden: tuple = (8, 4)
    activation: str = "relu"
    l2: Optional[float] = 1e-5


class ConfiguredLayer(keras.layers.Layer):
    """Keeps a configuration and gives it back in get_config()."""

    def __init__(self, config: ScorerConfig, **kwargs: Any):
        super().__init__(**kwargs)
        self.config = config
        self.supports_masking = True

    def get_config(self) -> Dict[str, Any]:
        base = super().get_config()
        base.update(config=dataclasses.asdict(self.config))
        return base

    def regularizer(self):
        return keras.regularizers.L2(self.config.l2) if self.config.l2 else None


class FactorizationMachine(ConfiguredLayer):
    """Second order interactions of all pairs of features, in linear time."""

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.factors = None
        self.linear = None
        self._finish()

    def _finish(self):
        self.input_spec = keras.layers.InputSpec(ndim=2)
        self.built = True  # <- KS208

    def build(self, input_shape):
        features = int(input_shape[-1])
        self.linear = self.add_weight(name="linear", shape=(features, 1), initializer="zeros")
        self.factors = self.add_weight(
            name="factors",
            shape=(features, self.config.factors),
            initializer="glorot_uniform",
            regularizer=self.regularizer(),
        )
        super().build(input_shape)

    def call(self, inputs):
        return self._first_order(inputs) + self._second_order(inputs)

    def _first_order(self, inputs):
        return tf.matmul(inputs, self.linear)

    def _second_order(self, inputs):
        squared_sum = tf.square(tf.matmul(inputs, self.factors))
        sum_squared = tf.matmul(tf.square(inputs), tf.square(self.factors))
        return 0.5 * tf.reduce_sum(squared_sum - sum_squared, axis=-1, keepdims=True)


class Tower(ConfiguredLayer):  # <- KS203 in Keras 3
    """A plain feed forward part. It has no build(): its flag does no harm."""

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.stack = [keras.layers.Dense(width, activation=config.activation) for width in config.hidden]
        self.out = keras.layers.Dense(1)
        self.built = True

    def call(self, inputs):
        x = inputs
        for dense in self.stack:
            x = dense(x)
        return self.out(x)


class Scorer(keras.Model):  # <- KS203 in Keras 3
    def __init__(self, config: ScorerConfig, **kwargs):
        super().__init__(**kwargs)
        self.interactions = FactorizationMachine(config, name="interactions")
        self.tower = Tower(config, name="tower")

    def call(self, inputs, training=False):
        return tf.sigmoid(self.interactions(inputs) + self.tower(inputs))


def make_scorer(**overrides):
    model = Scorer(ScorerConfig(**overrides))
    model.compile(optimizer="adam", loss="binary_crossentropy")
    return model
