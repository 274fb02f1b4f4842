# Keras 3
# shows: fewer-weights | make_model("adaptive") | x | unchanged(layer)
"""Segmentation of signals: a registry of losses, one of which learns how to weigh its terms."""

from typing import Callable, Dict

import keras
from keras import layers, losses, ops

LOSSES: Dict[str, Callable[..., losses.Loss]] = {}


def register(name):
    def add(cls):
        LOSSES[name] = cls
        return cls

    return add


@register("dice")
class Dice(losses.Loss):
    def __init__(self, smooth=1.0, **kwargs):
        super().__init__(**kwargs)
        self.smooth = smooth

    def call(self, y_true, y_pred):
        overlap = ops.sum(y_true * y_pred, axis=-1)
        total = ops.sum(y_true, axis=-1) + ops.sum(y_pred, axis=-1)
        return 1.0 - (2.0 * overlap + self.smooth) / (total + self.smooth)


@register("adaptive")
class AdaptiveSum(losses.Loss):
    """Dice and cross entropy, with weights from their own uncertainties (Kendall et al.)."""

    def __init__(self, terms=2, gate_units=4, **kwargs):
        super().__init__(**kwargs)
        self.dice = Dice()
        self.cross_entropy = losses.BinaryCrossentropy(reduction=None)
        self.uncertainties = [  # <- KS406
            keras.Variable(0.0, name=f"log_variance_{i}") for i in range(terms)
        ]
        self.gate = keras.Sequential(  # <- KS406
            [layers.Dense(gate_units, activation="tanh"), layers.Dense(terms, activation="softmax")]
        )

    def build_terms(self, y_true, y_pred):
        return [self.dice.call(y_true, y_pred), self.cross_entropy(y_true, y_pred)]

    def call(self, y_true, y_pred):
        shares = self.gate(y_pred)
        total = 0.0
        for index, (term, log_variance) in enumerate(zip(self.build_terms(y_true, y_pred), self.uncertainties)):
            total += shares[:, index] * (ops.exp(-log_variance) * term + log_variance)
        return total

    def get_config(self):
        return {**super().get_config(), "terms": len(self.uncertainties)}


@register("boundary")
class Boundary(losses.Loss):
    """Compares edges, found by a filter that stays as it is."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.edges = layers.Conv1D(1, 3, padding="same", use_bias=False, trainable=False)

    def call(self, y_true, y_pred):
        return ops.mean(ops.abs(self.edges(y_true[..., None]) - self.edges(y_pred[..., None])), axis=(1, 2))


def make_model(loss, features=4):
    inputs = keras.Input((features,))
    hidden = layers.Dense(8, activation="relu")(inputs)
    model = keras.Model(inputs, layers.Dense(features, activation="sigmoid")(hidden))
    model.compile("sgd", loss=LOSSES[loss]())
    return model


def unchanged(model):
    x = keras.random.uniform((4, 4))
    model.fit(x, x, verbose=0)
    gate = vars(model.loss)["gate"]
    before = gate.get_weights()
    model.fit(x, x, verbose=0)
    return bool(before) and all((a == b).all() for a, b in zip(before, gate.get_weights()))
