# Keras 3
# shows: untracked | Classifier(Settings()) | tf.constant([[1, 2], [3, 0]])
# shows: untracked | Pooler(4) | tf.ones((2, 3, 4))
"""A text classifier in the middle of its move to Keras 3: the new model still takes old parts."""
from dataclasses import dataclass

import keras
import tensorflow as tf
import tf_keras


@dataclass
class Settings:
    vocabulary: int = 16
    width: int = 4
    depth: int = 2
    classes: int = 3
    dropout: float = 0.0


class LegacyEncoder(tf_keras.layers.Layer):  # <- KS203
    """Written for Keras 2; weights of the old runs are loaded into it."""

    def __init__(self, width, depth, **kwargs):
        super().__init__(**kwargs)
        self.blocks = []
        for index in range(depth):
            self.blocks.append(tf_keras.layers.Dense(width, activation="relu", name=f"block_{index}"))
        self.norm = tf_keras.layers.LayerNormalization()

    def call(self, x):
        for block in self.blocks:
            x = x + block(x)
        return self.norm(x)


class BaseModel(keras.Model):
    def __init__(self, settings, **kwargs):
        super().__init__(**kwargs)
        self.settings = settings
        self.embed = keras.layers.Embedding(settings.vocabulary, settings.width)
        self.pool = keras.layers.GlobalAveragePooling1D()
        self.encoder = self.make_encoder()  # <- KS104

    def make_encoder(self):
        return LegacyEncoder(self.settings.width, self.settings.depth)

    def features(self, tokens):
        return self.pool(self.encoder(self.embed(tokens)))


class Classifier(BaseModel):  # <- KS203
    def __init__(self, settings, **kwargs):
        super().__init__(settings, **kwargs)
        self.head = keras.layers.Dense(settings.classes)

    def call(self, tokens):
        return self.head(self.features(tokens))


class Pooler(keras.layers.Layer):  # <- KS203
    """Attention over time, with a scorer for each head."""

    SCORERS = {"linear": tf_keras.layers.Dense, "constant": None}

    def __init__(self, width, heads=2, scorer="linear", **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.scorers = []
        for _ in range(heads):
            self.scorers.append(tf_keras.layers.Dense(1, use_bias=False))  # <- KS104

    def call(self, x):
        pooled = [tf.reduce_sum(tf.nn.softmax(scorer(x), axis=1) * x, axis=1) for scorer in self.scorers]
        return tf.concat(pooled, axis=-1)


def load_old(path):
    """The old model as it was: all of tf_keras, and right."""
    inputs = tf_keras.Input((None, 4))
    outputs = LegacyEncoder(4, 2)(inputs)
    model = tf_keras.Model(inputs, outputs)
    model.load_weights(path)
    return model
