# Keras 3
# shows: raises | pruned(x)
# shows: raises | grown(x)
# shows: raises | with_temperature(x)
"""Progressive growing of a generator, and layers that are changed when they are trained."""

import keras
import tensorflow as tf
from tensorflow.keras import layers


class ToImage(layers.Layer):
    def __init__(self, channels=3, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(shape[-1], self.channels))
        self.built = True

    def call(self, x):
        return tf.tanh(tf.matmul(x, self.kernel))


class PrunableDense(layers.Layer):
    """A dense layer that gets a mask when it has been trained."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.mask = None

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(shape[-1], self.units))
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def prune(self, share=0.5):
        threshold = tf.sort(tf.reshape(tf.abs(self.kernel), [-1]))[int(share * self.units)]
        self.mask = self.add_weight(  # <- KS305
            name="mask", shape=self.kernel.shape, initializer="ones", trainable=False
        )
        self.mask.assign(tf.cast(tf.abs(self.kernel) > threshold, "float32"))

    def call(self, x):
        kernel = self.kernel if self.mask is None else self.kernel * self.mask
        return tf.matmul(x, kernel) + self.bias


class Generator(keras.Model):  # <- KS203
    def __init__(self, stages=1, width=8):
        super().__init__()
        self.stages = [layers.Dense(width, activation="relu") for _ in range(stages)]
        self.to_image = ToImage()

    def grow(self, width):
        self.stages.append(layers.Dense(width, activation="relu"))
        self.to_image = ToImage()

    def call(self, z):
        for stage in self.stages:
            z = stage(z)
        return self.to_image(z)


def pruned(x):
    layer = PrunableDense(4)
    layer(x)
    layer.prune()
    return layer


def grown(x, steps=2):
    generator = Generator()
    generator.grow(8)
    before = len(generator(x).shape)
    for step in range(steps):
        generator.grow(8 // (step + 1))  # <- KS305
    print(before, len(generator.trainable_weights))
    return generator


def with_temperature(x):
    model = Generator(2)
    model.build((None, 4))
    model(x)
    model.temperature = model.add_weight(name="temperature", shape=(), initializer="ones")  # <- KS305
    return model


def untouched(x):
    """Everything is made before the first call, or isn't Keras' business."""
    model = Generator(2)
    model.grow(4)
    model(x)
    model.seen = tf.Variable(0, trainable=False)
    model.to_image = model.to_image
    model.label = "trained"
    return model.weights
