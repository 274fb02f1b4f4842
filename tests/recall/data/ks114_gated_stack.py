# Keras 2 and 3
# shows: untracked | GatedStack(StackConfig())
# shows: untracked | AuxiliaryStack(StackConfig(depth=1))
"""Stacks for tabular data, made from a configuration."""
from dataclasses import dataclass
from typing import Callable, Dict

from tensorflow import keras


@dataclass
class StackConfig:
    width: int = 4
    depth: int = 2
    dropout: float = 0.1
    norm: str = "layer"
    activation: str = "relu"


NORMS: Dict[str, Callable[..., keras.layers.Layer]] = {
    "layer": keras.layers.LayerNormalization,
    "batch": keras.layers.BatchNormalization,
}


def block(config: StackConfig, index: int):
    yield keras.layers.Dense(config.width, name=f"dense_{index}")
    yield NORMS[config.norm](name=f"norm_{index}")
    yield keras.layers.Activation(config.activation)
    if config.dropout:
        yield keras.layers.Dropout(config.dropout)


class ConfiguredStack(keras.Sequential):
    """A plain stack: all its layers are added."""

    def __init__(self, config: StackConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        for index in range(config.depth):
            for layer in block(config, index):
                self.add(layer)

    def features(self, inputs, training=None):
        x = inputs
        for layer in self.layers:
            if isinstance(layer, keras.layers.Dropout):
                x = layer(x, training=training)
            else:
                x = layer(x)
        return x


class GatedStack(ConfiguredStack):
    """The stack's result, gated by its input."""

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self._make_gate(config.width)

    def _make_gate(self, width):
        self.gate = keras.layers.Dense(width, activation="sigmoid", name="gate")  # <- KS114
        self.drop = keras.layers.Dropout(0.2)

    def call(self, inputs, training=None, mask=None):
        gate = self.drop(self.gate(inputs), training=training)
        return gate * self.features(inputs, training=training)


class AuxiliaryStack(ConfiguredStack):
    """Has several outputs; the last one is part of the stack."""

    def __init__(self, config, outputs=("price", "demand"), **kwargs):
        super().__init__(config, **kwargs)
        self.heads = {name: keras.layers.Dense(1, name=name) for name in outputs}  # <- KS114
        self.final = keras.layers.Dense(1, name="final")
        self.add(self.final)

    def call(self, inputs, training=None, mask=None):
        x = self.features(inputs, training=training)
        found = {name: head(x) for name, head in self.heads.items()}
        found["final"] = x
        return found


class Scaled(keras.Model):
    """The right way."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.stack = ConfiguredStack(config)
        self.scale = keras.layers.Dense(1)

    def build(self, input_shape):
        self.stack.build(input_shape)
        self.scale.build((None, self.stack.config.width))
        self.built = True

    def call(self, inputs, training=None):
        return self.scale(self.stack(inputs, training=training))
