from collections import deque, namedtuple

import tensorflow as tf

from detector.backbone import Backbone
from detector.blocks import Stack

Heads = namedtuple("Heads", ["classes", "boxes"])


class Head(tf.keras.layers.Layer):  # <- KS203 in Keras 3
    def __init__(self, channels, depth, width, **kwargs):
        super().__init__(**kwargs)
        self.tower = [tf.keras.layers.Conv2D(width, 3, padding="same", activation="relu") for _ in range(depth)]
        self.out = tf.keras.layers.Conv2D(channels, 1)

    def call(self, x):
        for conv in self.tower:
            x = conv(x)
        return self.out(x)


class PyramidNeck(tf.keras.layers.Layer):
    """Top-down pathway. The lateral convolutions are consumed from the coarsest level."""

    def __init__(self, width, levels, **kwargs):
        super().__init__(**kwargs)
        self.laterals = deque()  # <- KS101
        for level in range(levels):
            self.laterals.appendleft(tf.keras.layers.Conv2D(width, 1, name=f"lateral_{level}"))
        self.up = tf.keras.layers.UpSampling2D(2)

    def call(self, features):
        out = None
        for lateral, feature in zip(self.laterals, reversed(features)):
            y = lateral(feature)
            out = y if out is None else y + self.up(out)
        return out


class Detector(tf.keras.Model):
    def __init__(self, backbone, neck, heads, **kwargs):
        super().__init__(**kwargs)
        self.backbone = backbone
        self.neck = neck
        self.heads = heads

    def call(self, images, training=None):
        pyramid = self.neck(self.backbone(images, training=training))
        return self.heads.classes(pyramid), self.heads.boxes(pyramid)


def build_detector(config):
    heads = Heads(
        classes=Head(config.num_classes, config.head_depth, config.width, name="classes"),
        boxes=Head(4, config.head_depth, config.width, name="boxes"),
    )
    return Detector(Backbone(config), PyramidNeck(config.width, config.levels), heads)
