# Keras 2
# shows: untracked | UNetSmall(num_classes=3)
# shows: untracked | FPNSmall(num_classes=3)
# x: 2, 8, 8, 3
"""A family of segmentation models: the base class says what a model has, subclasses make it."""
import abc

import tensorflow as tf
from tensorflow.keras import Model
from tensorflow.keras import layers as L


class ConvBlock(L.Layer):
    def __init__(self, filters, strides=1, **kwargs):
        super(ConvBlock, self).__init__(**kwargs)
        self.conv = L.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)
        self.norm = L.BatchNormalization()
        self.act = L.Activation("relu")

    def call(self, x, training=None):
        return self.act(self.norm(self.conv(x), training=training))


class SegmentationModel(Model, metaclass=abc.ABCMeta):
    """encoder -> neck (optional) -> decoder -> head"""

    encoder_stages = None
    neck = None
    decoder = None
    stride = 4

    def __init__(self, num_classes, width=4, **kwargs):
        super(SegmentationModel, self).__init__(**kwargs)
        self.num_classes = num_classes
        self.width = width
        self.encoder_stages = self.make_encoder()  # <- KS109
        self.decoder = self.make_decoder()  # <- KS109
        self.head = L.Conv2D(num_classes, 1, name="head")

    def make_encoder(self):
        stages = []
        filters = self.width
        for index in range(2):
            stages.append(ConvBlock(filters, strides=2, name="stage%d" % index))
            filters *= 2
        return stages

    @abc.abstractmethod
    def make_decoder(self):
        raise NotImplementedError

    def encode(self, x, training=None):
        features = []
        for stage in self.encoder_stages:
            x = stage(x, training=training)
            features.append(x)
        return features

    def call(self, x, training=None):
        features = self.encode(x, training=training)
        if self.neck is not None:
            features = self.neck(features)
        y = self.decoder(features)
        return self.head(y)

    def get_config(self):
        return {"num_classes": self.num_classes, "width": self.width}


class UpAndAdd(L.Layer):
    def __init__(self, filters, **kwargs):
        super(UpAndAdd, self).__init__(**kwargs)
        self.lateral = L.Conv2D(filters, 1)
        self.up = L.UpSampling2D(2)

    def call(self, features):
        y = features[-1]
        for feature in reversed(features[:-1]):
            y = self.up(self.lateral(y))[..., : feature.shape[-1]] + feature
        return y


class UNetSmall(SegmentationModel):
    stride = 2

    def make_decoder(self):
        return UpAndAdd(2 * self.width)


class PyramidNeck(L.Layer):
    def __init__(self, filters, levels, **kwargs):
        super(PyramidNeck, self).__init__(**kwargs)
        self.convs = [L.Conv2D(filters, 1) for _ in range(levels)]

    def call(self, features):
        return [conv(feature) for conv, feature in zip(self.convs, features)]


class FPNSmall(SegmentationModel):
    def __init__(self, num_classes, **kwargs):
        super(FPNSmall, self).__init__(num_classes, **kwargs)
        self.neck = PyramidNeck(self.width, levels=len(self.encoder_stages))  # <- KS109

    def make_decoder(self):
        return UpAndAdd(self.width)


def iou(y_true, y_pred, num_classes):
    metric = tf.keras.metrics.MeanIoU(num_classes)
    metric.update_state(y_true, tf.argmax(y_pred, axis=-1))
    return metric.result()
