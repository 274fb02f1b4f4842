# Keras 3
# x: 4, 8, 8, 3
# shows: fit-raises | Stage(StageConfig())
# shows: fit-raises | Classifier(StageConfig())
"""A small image classifier whose augmentation and regularisation were written in the functional style."""

from dataclasses import dataclass

import keras
from keras import layers


@dataclass
class StageConfig:
    filters: tuple = (4, 8)
    rate: float = 0.3
    noise: float = 0.05
    classes: int = 3


def conv(filters, **kwargs):
    return layers.Conv2D(filters, 3, padding="same", **kwargs)


def augment(images, training):
    images = layers.RandomFlip("horizontal")(images, training=training)  # <- KS304
    return layers.RandomTranslation(0.1, 0.1)(images, training=training)  # <- KS304


class Stage(layers.Layer):
    """Two convolutions with noise between them."""

    def __init__(self, config, filters=4, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.first = conv(filters, activation="relu")
        self.second = conv(filters)
        self.norm = layers.BatchNormalization()

    def build(self, input_shape):
        self.first.build(input_shape)
        shape = (*input_shape[:-1], self.first.filters)
        self.second.build(shape)
        self.norm.build(shape)

    def call(self, x, training=None):
        x = self.first(x)
        if training:
            x = layers.GaussianNoise(self.config.noise)(x, training=True)  # <- KS304
        return layers.Activation("relu")(self.norm(self.second(x), training=training))


class Classifier(keras.Model):  # <- KS203
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.stages = [Stage(config, filters) for filters in config.filters]
        self.pool = layers.GlobalAveragePooling2D()
        self.head = layers.Dense(config.classes)

    def call(self, images, training=None):
        x = augment(images, training)
        for stage in self.stages:
            x = stage(x, training=training)
        return self.head(self._regularise(self.pool(x), training))

    def _regularise(self, x, training):
        drop = layers.Dropout(self.config.rate)  # <- KS304
        return drop(x, training=training)
