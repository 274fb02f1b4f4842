import tensorflow as tf

from .blocks import conv_bn
from .config import DetectorConfig


class Backbone(tf.keras.layers.Layer):
    def __init__(self, config: DetectorConfig, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.stem = conv_bn(config.width, strides=2, activation=config.activation, name="stem")  # <- KS101
        self.stages = []
        for level in range(config.levels):
            filters = config.width * 2**level
            self.stages.append(conv_bn(filters, strides=2, activation=config.activation, name=f"c{level}"))  # <- KS101

    def call(self, images, training=None):
        x = self.stem(images, training=training)
        features = []
        for stage in self.stages:
            x = stage(x, training=training)
            features.append(x)
        return features
