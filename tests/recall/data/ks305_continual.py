# Keras 3
# shows: raises | after_two_tasks(x)
# shows: raises | warm_started(x)
"""Continual learning: a shared body, and a head for each task, added as the tasks come."""

from dataclasses import dataclass, field
from typing import Dict

import keras
import numpy as np
from keras import layers, ops


@dataclass
class Task:
    name: str
    classes: int
    settings: Dict[str, float] = field(default_factory=dict)


class Adapter(layers.Layer):
    """A bottleneck beside a frozen layer."""

    def __init__(self, inner, size=2, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner
        self.size = size

    def build(self, input_shape):
        width = self.inner.units
        if not self.inner.built:
            self.inner.build(input_shape)
        self.down = self.add_weight(name="down", shape=(input_shape[-1], self.size))
        self.up = self.add_weight(name="up", shape=(self.size, width), initializer="zeros")

    def call(self, x):
        return self.inner(x) + ops.matmul(ops.matmul(x, self.down), self.up)


class ContinualModel(keras.Model):  # <- KS203
    def __init__(self, width=8, **kwargs):
        super().__init__(**kwargs)
        self.encoder = layers.Dense(width, activation="relu")
        self.hidden = layers.Dense(width, activation="relu")
        self.heads = {}
        self.active = None

    def add_task(self, task):
        self.heads[task.name] = layers.Dense(task.classes, name=f"{task.name}_head")
        self.active = task.name
        return self

    def call(self, x):
        x = self.hidden(self.encoder(x))
        return self.heads[self.active](x) if self.active is not None else x


def train(model, x, classes):
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, np.zeros(len(x)), epochs=1, verbose=0)
    return model.trainable_weights


def after_two_tasks(x):
    x = np.asarray(x)
    model = ContinualModel()
    model.add_task(Task("digits", 10))
    train(model, x, 10)
    model.add_task(Task("letters", 26))  # <- KS305
    train(model, x, 26)
    return model


def warm_started(x):
    """A second model on the encoder of the first."""
    first = ContinualModel(width=4)
    first.add_task(Task("digits", 10))
    first(x)
    second = ContinualModel(width=4)
    second.encoder = first.encoder
    second.add_task(Task("letters", 26))
    second(x)
    second.hidden = Adapter(second.hidden)  # <- KS305
    return second


if __name__ == "__main__":
    after_two_tasks(np.random.rand(16, 4).astype("float32"))
