# Keras 3
# shows: no-gradient | Calibrated(4)
# shows: no-gradient | make_head("pooled", 4)
"""Heads for a frozen backbone: some of them were changed in place when requirements changed."""
import keras
import numpy as np
from keras import initializers, layers

REGISTRY = {}


def head(name):
    def wrap(cls):
        REGISTRY[name] = cls
        return cls

    return wrap


def make_head(name, width, **options):
    return REGISTRY[name](width, **options)


class Backbone(keras.Model):
    """Built at once, since its input is known."""

    def __init__(self, width):
        inputs = keras.Input((width,))
        outputs = layers.Dense(width, activation="relu")(inputs)
        super().__init__(inputs, outputs)


@head("calibrated")
class Calibrated(layers.Layer):
    """A temperature, per class since the second version."""

    def __init__(self, width, classes=3, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.classes = classes
        self.logits = layers.Dense(classes)

    def build(self, input_shape):
        self.logits.build(input_shape)
        self.temperature = self.add_weight(name="temperature", shape=(), initializer="ones")
        self._per_class()
        self.built = True

    def _per_class(self):
        start = initializers.Constant(1.0)
        self.temperature = self.add_weight(  # <- KS116
            name="temperature", shape=(self.classes,), initializer=start
        )

    def call(self, features):
        return self.logits(features) / self.temperature


@head("pooled")
class Pooled(layers.Layer):
    """Uses a backbone of its own until it learns that a smaller one will do."""

    def __init__(self, width, smaller=True, **kwargs):
        super().__init__(**kwargs)
        self.encoder = Backbone(width)
        self.samples = np.zeros((1, width), "float32")
        self.reference = self.encoder(self.samples)
        self.encoder = layers.Dense(width)  # <- KS116
        self.scores = {}
        for name in ("price", "rating"):
            self.scores[name] = layers.Dense(1, name=name)

    def build(self, input_shape):
        self.encoder.build(input_shape)
        for score in self.scores.values():
            score.build((None, self.encoder.units))
        self.built = True

    def call(self, features):
        x = self.encoder(features)
        return {name: score(x) for name, score in self.scores.items()}


@head("normalized")
class Normalized(layers.Layer):
    """Wraps what it had: nothing is lost."""

    def __init__(self, width, spectral=False, **kwargs):
        super().__init__(**kwargs)
        self.project = layers.Dense(width)
        self.project = layers.SpectralNormalization(self.project)
        self.norm = None
        if spectral:
            self.norm = layers.UnitNormalization()

    def build(self, input_shape):
        self.project.build(input_shape)
        self.built = True

    def call(self, features, training=False):
        x = self.project(features, training=training)
        return x if self.norm is None else self.norm(x)
