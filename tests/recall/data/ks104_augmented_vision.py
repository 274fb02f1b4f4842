# Keras 3
# shows: raises | trained(Detector(classes=2), x)
# shows: raises | Backbone()
# x: 2, 8, 8, 3
"""A detector of tf_keras that borrows layers of Keras 3."""
import math

import keras
import tensorflow as tf
import tf_keras
from tf_keras import layers


def conv_block(filters, strides=1):
    return tf_keras.Sequential(
        [
            layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    )


class Backbone(layers.Layer):  # <- KS203
    def __init__(self, widths=(4, 8), **kwargs):
        super().__init__(**kwargs)
        self.stages = [conv_block(width, strides=2) for width in widths]
        self.squeeze = tf_keras.Sequential(  # <- KS104
            [layers.GlobalAveragePooling2D(), keras.layers.Dense(widths[-1], activation="sigmoid")]
        )

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x * self.squeeze(x)[:, None, None, :]


class Neck(layers.Layer):  # <- KS203
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.lateral = layers.Conv2D(width, 1)
        self.smooth = layers.Conv2D(width, 3, padding="same")

    def call(self, x):
        return self.smooth(self.lateral(x))


class Detector(tf_keras.Model):  # <- KS203
    def __init__(self, classes, anchors=3, **kwargs):
        super().__init__(**kwargs)
        self.classes = classes
        self.stem = conv_block(4, strides=2)
        self.neck = Neck(4)
        sizes = {"classes": classes * anchors, "boxes": 4 * anchors}
        self.heads = {name: self.make_head(size) for name, size in sizes.items()}  # <- KS104

    def make_head(self, channels):
        bias = keras.initializers.Constant(-math.log(99.0))
        return keras.layers.Conv2D(channels, 1, bias_initializer=bias)

    def call(self, x):
        x = self.neck(self.stem(x))
        return self.heads["classes"](x)


def trained(model, images, steps=1):
    model.compile(tf_keras.optimizers.Adam(1e-3), "mse")
    targets = tf.zeros_like(model(images))
    model.fit(images, targets, epochs=steps, verbose=0)
    return model
