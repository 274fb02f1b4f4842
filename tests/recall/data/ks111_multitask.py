# Keras 3
# shows: untracked | MultiTask({"click": 1, "rating": 5}) | x
# shows: raises | Monitored({"click": 1}) | x
# shows: raises | PathEncoder([4, 4]) | x
"""Multi-task ranking: shared experts, a tower for each task, and metrics of its own."""
import abc

import keras
from keras import layers, ops


class TaskModel(keras.Model, abc.ABC):  # <- KS203
    """Keeps the tasks; a subclass makes the shared part."""

    def __init__(self, tasks, units=8, **kwargs):
        super().__init__(**kwargs)
        self.tasks = dict(tasks)
        self.units = units
        self.shared = self.make_shared()
        self._prepare()

    @abc.abstractmethod
    def make_shared(self):
        """The layer before the towers."""

    def _prepare(self):
        self._layers = []  # <- KS111
        for name, width in self.tasks.items():
            self._layers.append(self.make_tower(name, width))

    def make_tower(self, name, width):
        return keras.Sequential(
            [layers.Dense(self.units, activation="relu"), layers.Dense(width)],
            name=f"tower_{name}",
        )

    def call(self, x, training=None):
        x = self.shared(x, training=training)
        return ops.concatenate([tower(x, training=training) for tower in self._layers], axis=-1)


class Experts(layers.Layer):
    def __init__(self, units, count=3, **kwargs):
        super().__init__(**kwargs)
        self.gate = layers.Dense(count, activation="softmax")
        self.experts = [layers.Dense(units, activation="gelu") for _ in range(count)]

    def build(self, input_shape):
        self.gate.build(input_shape)
        for expert in self.experts:
            expert.build(input_shape)
        self.built = True

    def call(self, x):
        gates = ops.expand_dims(self.gate(x), 1)
        outputs = ops.stack([expert(x) for expert in self.experts], axis=-1)
        return ops.sum(outputs * gates, axis=-1)


class MultiTask(TaskModel):  # <- KS203
    def make_shared(self):
        return Experts(self.units)


class PathEncoder(layers.Layer):  # <- KS203
    """Encodes the path that a user took to an item."""

    def __init__(self, path, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(4)
        self.path = path  # <- KS111

    def call(self, x):
        for _ in self.path:
            x = self.dense(x)
        return x


class Monitored(keras.Model):  # <- KS203
    """One metric a task, updated by hand."""

    def __init__(self, tasks, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(len(tasks))
        self.metrics = {name: keras.metrics.Mean(name=name) for name in tasks}  # <- KS111

    def call(self, x):
        return self.dense(x)

    def test_step(self, data):
        x, y = data
        error = ops.square(self(x) - y)
        for index, metric in enumerate(self.metrics.values()):
            metric.update_state(error[:, index])
        return {name: metric.result() for name, metric in self.metrics.items()}
