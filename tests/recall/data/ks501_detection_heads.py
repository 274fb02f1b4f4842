# Keras 2
# shows: not-saved | BoxHead(HeadConfig())
# shows: not-saved | ClassHead(HeadConfig(levels=2), 3)
"""Heads of a small detector: a tower of layers for each level of the pyramid."""
import dataclasses

import tensorflow as tf
from tensorflow.keras import layers


@dataclasses.dataclass
class HeadConfig:
    levels: int = 3
    depth: int = 2
    width: int = 4
    share_convolutions: bool = False


class ScaleBias(layers.Layer):
    def build(self, input_shape):
        near_one = tf.keras.initializers.RandomNormal(1.0, 0.02)
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer=near_one)
        self.bias = self.add_weight(name="bias", shape=(input_shape[-1],), initializer="zeros")
        super().build(input_shape)

    def call(self, x):
        return x * self.scale + self.bias


class Head(layers.Layer):
    """What class and box heads have in common."""

    def __init__(self, config, outputs, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.convolutions = self._make_convolutions()
        self.norms = []  # <- KS501
        for level in range(config.levels):
            level_norms = []
            for index in range(config.depth):
                level_norms.append(ScaleBias(name=f"norm_{level}_{index}"))
            self.norms.append(level_norms)
        self.predict = layers.Dense(outputs, name="predict")

    def _make_convolutions(self):
        return [layers.Dense(self.config.width, name=f"conv_{index}") for index in range(self.config.depth)]

    def _tower(self, x, level):
        for convolution, norm in zip(self.convolutions, self.norms[level]):
            x = tf.nn.relu(norm(convolution(x)))
        return x

    def call(self, x):
        outputs = []
        for level in range(self.config.levels):
            outputs.append(self.predict(self._tower(x, level)))
        return tf.concat(outputs, axis=-1)


class BoxHead(Head):
    def __init__(self, config, **kwargs):
        super().__init__(config, 4, **kwargs)


class ClassHead(Head):
    def __init__(self, config, classes, **kwargs):
        super().__init__(config, classes, **kwargs)
        self.classes = classes

    def call(self, x):
        return tf.sigmoid(super().call(x))


if __name__ == "__main__":
    head = ClassHead(HeadConfig(), 5)
    print(head(tf.ones((1, 4))).shape)
