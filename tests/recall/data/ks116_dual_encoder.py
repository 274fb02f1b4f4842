# Keras 3
# shows: no-gradient | SymmetricEncoder(EncoderConfig())
# shows: no-gradient | ScoredEncoder(EncoderConfig(layers=1))
# shows: unbuilt | WideEncoder(EncoderConfig())
"""A text-free toy of a dual encoder; variants replace parts of the standard one."""
from dataclasses import dataclass

import keras
from keras import layers, ops


@dataclass
class EncoderConfig:
    width: int = 4
    layers: int = 2
    dropout: float = 0.0
    temperature: float = 0.07
    activation: str = "gelu"


class MLP(layers.Layer):
    def __init__(self, width, activation, **kwargs):
        super().__init__(**kwargs)
        self.up = layers.Dense(2 * width, activation=activation)
        self.down = layers.Dense(width)

    def build(self, input_shape):
        self.up.build(input_shape)
        self.down.build(self.up.compute_output_shape(input_shape))
        self.built = True

    def call(self, x):
        return x + self.down(self.up(x))


class Encoder(keras.Model):  # <- KS203
    """Normalizes, runs its blocks, projects."""

    def __init__(self, config: EncoderConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.normalize = layers.LayerNormalization()
        self.blocks = [MLP(config.width, config.activation) for _ in range(config.layers)]
        self.projection = self.make_projection()
        self.logit_scale = self.add_weight(name="logit_scale", shape=(), initializer="ones")
        self.drop = layers.Dropout(config.dropout)

    def make_projection(self):
        return layers.Dense(self.config.width, use_bias=False, name="projection")

    def call(self, x, training=False):
        x = self.normalize(x)
        for block in self.blocks:
            x = self.drop(block(x), training=training)
        x = self.projection(x)
        return x / ops.norm(x, axis=-1, keepdims=True) * ops.exp(self.logit_scale)


class SymmetricEncoder(Encoder):
    """One scale for every dimension."""

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.logit_scale = self.add_weight(  # <- KS116
            name="logit_scale", shape=(config.width,), initializer="zeros"
        )


class ScoredEncoder(Encoder):  # <- KS203
    """Initializes its projection from a draft, then drops the draft."""

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.draft = layers.Dense(config.width, use_bias=False)
        self.draft.build((None, config.width))
        self.start = ops.convert_to_numpy(self.draft.kernel)
        del self.draft  # <- KS116

    def make_projection(self):
        return layers.Dense(self.config.width, use_bias=False, name="scored_projection")


class WideEncoder(Encoder):  # <- KS203
    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.normalize = layers.RMSNormalization() if config.dropout > 0.5 else self.normalize
        self.blocks = [MLP(2 * config.width, config.activation)]  # <- KS116
        self.projection = layers.Dense(2 * config.width)  # <- KS116

    def call(self, x, training=False):
        x = self.normalize(ops.concatenate([x, x], axis=-1))
        return self.projection(self.blocks[0](x))


class LightEncoder(Encoder):  # <- KS203
    """Overrides the factory instead: nothing is left behind."""

    def make_projection(self):
        return layers.Dense(self.config.width, name="light_projection")
