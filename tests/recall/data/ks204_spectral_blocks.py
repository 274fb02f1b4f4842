# Keras 3
# x: 2, 6, 6, 3
# shows: missing-in-functional | GatedConv(4)
# shows: missing-in-functional | SqueezeBlock(BlockConfig(channels=4))
# shows: missing-in-functional | segmenter()
"""Blocks for a segmentation net. Shapes are told by hand, since the deployment tool asks for them."""
import dataclasses

import keras
from keras import layers, ops


@dataclasses.dataclass(frozen=True)
class BlockConfig:
    channels: int = 8
    ratio: int = 2
    kernel_size: int = 3
    gated: bool = True


class SameShape:
    """A mixin: the output has the shape of the input."""

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


class GatedConv(layers.Conv2D):  # <- KS204
    """A convolution with a learned gate for every pixel."""

    def __init__(self, filters, kernel_size=3, **kwargs):
        super().__init__(filters, kernel_size, padding="same", **kwargs)
        self.gate = layers.Conv2D(filters, 1, activation="sigmoid", name="gate")

    def call(self, inputs):
        return super().call(inputs) * self.gate(inputs)


class SqueezeExcite(SameShape, layers.Layer):
    def __init__(self, ratio=2, **kwargs):
        super().__init__(**kwargs)
        self.ratio = ratio

    def build(self, input_shape):
        channels = input_shape[-1]
        self.squeeze = layers.Dense(max(1, channels // self.ratio), activation="relu")
        self.excite = layers.Dense(channels, activation="sigmoid")
        self.squeeze.build((input_shape[0], channels))
        self.excite.build((input_shape[0], max(1, channels // self.ratio)))
        self.built = True

    def call(self, inputs):
        pooled = ops.mean(inputs, axis=(1, 2))
        return inputs * self.excite(self.squeeze(pooled))[:, None, None, :]


class SqueezeBlock(layers.Layer):
    def __init__(self, config: BlockConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.stem = layers.Conv2D(config.channels, config.kernel_size, padding="same", name="stem")
        self.norm = layers.BatchNormalization(name="norm")
        self.attend = SqueezeExcite(config.ratio)

    def build(self, input_shape):  # <- KS201
        self.stem.build(input_shape)
        self.scale = self.add_weight(name="scale", shape=(self.config.channels,), initializer="ones")
        super().build(input_shape)

    def call(self, inputs, training=False):
        x = self.norm(self.stem(inputs), training=training)
        return self.attend(x) * self.scale

    def compute_output_shape(self, input_shape):  # <- KS204
        return (*input_shape[:-1], self.config.channels)

    def get_config(self):
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}


class Head(SameShape, layers.Layer):  # <- KS203
    """No build(): Keras runs `call` to find out."""

    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        self.project = layers.Dense(channels)

    def call(self, inputs):
        return inputs + self.project(inputs)


def segmenter(channels=4, classes=2):
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(channels, 3, padding="same", activation=layers.PReLU(shared_axes=[1, 2]))(inputs)  # <- KS204
    x = Head(channels)(x)
    outputs = layers.Conv2D(classes, 1, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    print(len(model.weights))
    return model
