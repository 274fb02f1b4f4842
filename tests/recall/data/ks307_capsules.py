# Keras 2 and 3
# shows: raises | PrimaryCapsules(4, 8)
# shows: raises | DigitCapsules(3, 4)
"""Capsule layers with learned routing logits, and a margin that each class learns for itself."""

import keras
import tensorflow as tf
from keras import layers


def squash(vectors, axis=-1):
    squared = tf.reduce_sum(tf.square(vectors), axis, keepdims=True)
    return squared / (1.0 + squared) * vectors / tf.sqrt(squared + 1e-7)


class Named:
    """Remembers under which name a layer appears in the reports."""

    def __init__(self, *args, report_as=None, **kwargs):
        self.report_as = report_as
        super().__init__(*args, **kwargs)


class CapsuleBase(Named, layers.Layer):
    def __init__(self, capsules, size, **kwargs):
        self.capsules = capsules
        self.size = size
        self.prepare()
        super().__init__(**kwargs)

    def prepare(self):
        """For subclasses: what doesn't depend on the input."""

    def get_config(self):
        config = super().get_config()
        config.update(capsules=self.capsules, size=self.size)
        return config


class PrimaryCapsules(CapsuleBase):  # <- KS203 in Keras 3
    def prepare(self):
        self.project = layers.Dense(self.capsules * self.size)
        self.gain = self.add_weight(  # <- KS307
            name="gain", shape=(self.capsules, 1), initializer="ones"
        )

    def call(self, x):
        capsules = tf.reshape(self.project(x), (-1, self.capsules, self.size))
        return squash(capsules * self.gain)


class DigitCapsules(layers.Layer):
    def __init__(self, classes, size, rounds=3, margin=0.9, **kwargs):
        for index in range(rounds):
            setattr(
                self,
                f"temperature_{index}",
                self.add_weight(name=f"temperature_{index}", shape=(), initializer="ones"),  # <- KS307
            )
        super(DigitCapsules, self).__init__(**kwargs)
        self.classes, self.size, self.rounds = classes, size, rounds
        self.margin = margin

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(int(input_shape[-1]), self.classes * self.size), initializer="glorot_uniform"
        )
        super().build(input_shape)

    def call(self, x):
        votes = tf.reshape(tf.matmul(x, self.kernel), (-1, self.classes, self.size))
        for index in range(self.rounds):
            votes = squash(votes / getattr(self, f"temperature_{index}"))
        return votes


class Margins(layers.Layer):
    """What the two above should do: Keras' constructor first."""

    def __init__(self, classes, **kwargs):
        self.classes = classes
        super().__init__(**kwargs)
        self.margins = self.add_weight(name="margins", shape=(classes,), initializer="ones")

    def call(self, lengths):
        return tf.nn.relu(self.margins - lengths)


def build_model(features=4, classes=3):
    inputs = keras.Input((features,))
    digits = DigitCapsules(classes, 8)(inputs)
    lengths = layers.Lambda(lambda v: tf.norm(v, axis=-1))(digits)
    return keras.Model(inputs, Margins(classes)(lengths))
