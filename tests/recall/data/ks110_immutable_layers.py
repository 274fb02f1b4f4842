# Keras 3
# shows: untracked | LinearAttention(4)
# shows: untracked | Projector(ProjectorConfig(units=4))
import dataclasses

import keras
from keras import ops


@dataclasses.dataclass
class ProjectorConfig:
    units: int
    layers: int = 2
    freeze: bool = False


class Immutable(keras.layers.Layer):
    """Layers whose attributes can't be set from outside once they are made."""

    _frozen = False

    def _set(self, name, value):
        object.__setattr__(self, name, value)  # <- KS110

    def freeze(self):
        self._frozen = True


class LinearAttention(Immutable):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self._set("q", keras.layers.Dense(units, use_bias=False))
        self._set("k", keras.layers.Dense(units, use_bias=False))
        self._set("units", units)
        self.v = keras.layers.Dense(units)
        self.freeze()

    def build(self, input_shape):
        self.q.build(input_shape)
        self.k.build(input_shape)
        self.v.build(input_shape)

    def call(self, x):
        q, k, v = ops.elu(self.q(x)) + 1.0, ops.elu(self.k(x)) + 1.0, self.v(x)
        return q * ops.sum(k * v, axis=-1, keepdims=True)


class Projector(keras.Model):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        vars(self)["config"] = config
        stack = [keras.layers.Dense(config.units) for _ in range(config.layers)]
        vars(self)["stack"] = stack  # <- KS110
        self.norm = keras.layers.LayerNormalization()

    def build(self, input_shape):
        self.norm.build(input_shape)

    def call(self, x):
        for dense in self.stack:
            x = dense(x)
        return self.norm(x)
