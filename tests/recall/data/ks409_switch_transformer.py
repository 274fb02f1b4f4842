# Keras 3
# x: 2, 4, 8
# shows: no-gradient | SwitchFeedForward(MoEConfig()) | x
# shows: no-gradient | TokenPruner(2) | x
"""A mixture of experts in the feed-forward part of a block, and a layer that drops tokens."""

from dataclasses import dataclass

import keras
from keras import layers, ops


@dataclass(frozen=True)
class MoEConfig:
    experts: int = 3
    width: int = 8
    hidden: int = 16
    noise: float = 0.0


class Expert(layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.up = layers.Dense(config.hidden, activation="gelu")
        self.down = layers.Dense(config.width)

    def build(self, input_shape):
        self.up.build(input_shape)
        self.down.build((*input_shape[:-1], self.up.units))

    def call(self, x):
        return self.down(self.up(x))


class SwitchFeedForward(layers.Layer):
    """Each token goes to one expert; the gate was forgotten."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.norm = layers.LayerNormalization(epsilon=1e-6)
        self.router = layers.Dense(config.experts, use_bias=False, name="router")
        self.experts = [Expert(config, name=f"expert_{i}") for i in range(config.experts)]

    def build(self, input_shape):
        self.norm.build(input_shape)
        self.router.build(input_shape)
        for expert in self.experts:
            expert.build(input_shape)
        self.built = True

    def call(self, x, training=None):
        residual = x
        x = self.norm(x)
        logits = self.router(x)  # <- KS409
        if training and self.config.noise:
            logits = logits + keras.random.normal(ops.shape(logits)) * self.config.noise
        chosen = ops.argmax(logits, axis=-1)
        outputs = 0.0
        for i, expert in enumerate(self.experts):
            mine = ops.cast(ops.equal(chosen, i), x.dtype)
            outputs = outputs + expert(x) * ops.expand_dims(mine, -1)
        return residual + outputs


class TokenPruner(layers.Layer):
    """Keeps the tokens of highest importance."""

    def __init__(self, kept, **kwargs):
        super().__init__(**kwargs)
        self.kept = kept
        self.importance = layers.Dense(1, activation="sigmoid")

    def build(self, input_shape):
        self.importance.build(input_shape)
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")
        self.built = True

    def call(self, tokens):
        scores = self.importance(tokens)[..., 0]  # <- KS409
        order = ops.argsort(-scores, axis=-1)
        best = order[:, : self.kept]
        return self.scale * ops.take_along_axis(tokens, ops.expand_dims(best, -1), axis=1)
