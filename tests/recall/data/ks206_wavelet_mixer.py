# Keras 2
# shows: values-lost | SensorMixer(MixerConfig())
# shows: duplicated | SensorMixer(MixerConfig(depth=1))
"""A mixer for short sensor windows: every block is built beforehand, so that weights can be loaded early."""
import dataclasses
from typing import Sequence, Tuple

import tensorflow as tf
from tensorflow.keras import initializers, layers, models


@dataclasses.dataclass
class MixerConfig:
    width: int = 4
    depth: int = 3
    expansion: int = 2
    scales: Tuple[int, ...] = (1, 2)
    dropout: float = 0.1


class ConfiguredLayer(layers.Layer):
    """Keeps the configuration and gives it back."""

    def __init__(self, config: MixerConfig, **kwargs):
        super(ConfiguredLayer, self).__init__(**kwargs)
        self.config = config

    def get_config(self):
        base = super(ConfiguredLayer, self).get_config()
        return dict(base, config=dataclasses.asdict(self.config))


class ScaleBank(ConfiguredLayer):
    """One learned filter for every scale."""

    def __init__(self, config, **kwargs):
        super(ScaleBank, self).__init__(config, **kwargs)
        self.filters = []

    def build(self, input_shape):
        width = int(input_shape[-1])
        for scale in self.config.scales:
            self.filters.append(
                self.add_weight(
                    name="filter_%d" % scale,
                    shape=(width, width),
                    initializer=initializers.Orthogonal(gain=1.0 / scale),
                )
            )
        self.mixing = self.add_weight(name="mixing", shape=(len(self.config.scales),), initializer="ones")

    def call(self, inputs):
        weights = tf.unstack(tf.nn.softmax(self.mixing))
        return tf.add_n([weight * tf.matmul(inputs, kernel) for weight, kernel in zip(weights, self.filters)])


class GatedFeedForward(ConfiguredLayer):
    def __init__(self, config, **kwargs):
        super(GatedFeedForward, self).__init__(config, **kwargs)
        self.up = layers.Dense(config.width * config.expansion, activation="gelu", name="up")
        self.down = layers.Dense(config.width, name="down")
        self.drop = layers.Dropout(config.dropout)

    def build(self, input_shape):
        self.up.build(input_shape)
        self.down.build(self.up.compute_output_shape(input_shape))
        self.gate = self.add_weight(name="gate", shape=(self.config.width,), initializer="zeros")
        super(GatedFeedForward, self).build(input_shape)

    def call(self, inputs, training=None):
        hidden = self.drop(self.up(inputs), training=training)
        return inputs + tf.sigmoid(self.gate) * self.down(hidden)


class MixerBlock(ConfiguredLayer):
    def __init__(self, config, **kwargs):
        super(MixerBlock, self).__init__(config, **kwargs)
        self.norm = layers.LayerNormalization(epsilon=1e-5)
        self.scales = ScaleBank(config)
        self.feed_forward = GatedFeedForward(config)

    def build(self, input_shape):
        self.norm.build(input_shape)
        self.scales.build(input_shape)  # <- KS206
        self.feed_forward.build(input_shape)
        super(MixerBlock, self).build(input_shape)

    def call(self, inputs, training=None):
        x = inputs + self.scales(self.norm(inputs))
        return self.feed_forward(x, training=training)


def make_blocks(config: MixerConfig) -> Sequence[layers.Layer]:
    return [MixerBlock(config, name="block_%d" % index) for index in range(config.depth)]


class SensorMixer(models.Model):
    def __init__(self, config: MixerConfig, classes: int = 3, **kwargs):
        super(SensorMixer, self).__init__(**kwargs)
        self.config = config
        self.blocks = make_blocks(config)
        self.head = layers.Dense(classes, name="head")

    def build(self, input_shape):
        for block in self.blocks:
            block.build(input_shape)
        self.head.build(input_shape)
        self.built = True

    def call(self, inputs, training=None):
        x = inputs
        for block in self.blocks:
            x = block(x, training=training)
        return self.head(x)
