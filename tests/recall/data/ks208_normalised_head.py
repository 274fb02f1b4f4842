# Keras 2 and 3
# shows: raises | CosineHead(3)
# shows: raises | TemperatureHead(3)
"""Classification heads that share a base class."""

import keras
from keras import initializers, layers, regularizers

try:
    from keras import ops
except ImportError:
    import tensorflow as ops


HEADS = {}


def register_head(cls):
    HEADS[cls.__name__] = cls
    return cls


class Head(layers.Layer):
    """Base of all heads. Most of them hold sublayers only, so they count as built from the start."""

    def __init__(self, classes, dropout=0.0, **kwargs):
        super(Head, self).__init__(**kwargs)
        self.classes = classes
        self.dropout = layers.Dropout(dropout) if dropout else None
        self.built = True

    def drop(self, x, training):
        if self.dropout is not None:
            x = self.dropout(x, training=training)
        return x

    def get_config(self):
        config = super().get_config()
        config["classes"] = self.classes
        return config


@register_head
class LinearHead(Head):  # <- KS203 in Keras 3
    def __init__(self, classes, **kwargs):
        super().__init__(classes, **kwargs)
        self.logits = layers.Dense(classes)

    def call(self, x, training=None):
        return self.logits(self.drop(x, training))


@register_head
class CosineHead(Head):
    """Logits are the cosines between features and class prototypes."""

    def __init__(self, classes, scale=16.0, weight_decay=0.0, **kwargs):
        super().__init__(classes, **kwargs)
        self.scale = scale
        self.regularizer = regularizers.L2(weight_decay) if weight_decay else None
        self.initializer = initializers.get("orthogonal")

    def build(self, input_shape):  # <- KS208
        self.prototypes = self.add_weight(
            shape=(input_shape[-1], self.classes),
            initializer=self.initializer,
            regularizer=self.regularizer,
            name="prototypes",
        )

    def call(self, x, training=None):
        x = self.drop(x, training)
        return self.scale * ops.matmul(x, self.prototypes)


@register_head
class TemperatureHead(LinearHead):
    """Learns how sure it may be, one temperature for each class."""

    def build(self, input_shape):  # <- KS201, KS208
        super().build(input_shape)
        self.temperatures = [
            self.add_weight(shape=(), initializer="ones", name=f"temperature_{i}")
            for i in range(2)
        ]

    def call(self, x, training=None):
        logits = super().call(x, training=training)
        for temperature in self.temperatures:
            logits = logits / temperature
        return logits


@register_head
class FixedHead(Head):
    """Knows its input's width, builds itself, and may say so."""

    def __init__(self, classes, width, **kwargs):
        super().__init__(classes, **kwargs)
        self.built = False
        self.build((None, width))

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.classes), initializer="glorot_uniform", name="kernel"
        )
        self.built = True

    def call(self, x, training=None):
        return ops.matmul(self.drop(x, training), self.kernel)


def head(name, classes, **options):
    return HEADS[name](classes, **options)
