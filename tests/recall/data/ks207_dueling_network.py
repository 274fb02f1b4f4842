# Keras 2 and 3
# shows: unbuilt | DuelingNetwork(3)
# shows: unbuilt | NoisyNetwork(3)
"""Q networks that share a base class."""

import abc

import keras


class QNetwork(keras.Model, abc.ABC):
    """Base: subclasses use what they need of its layers."""

    def __init__(self, actions, hidden=(8, 8), **kwargs):
        super().__init__(**kwargs)
        self.actions = actions
        self.body = [keras.layers.Dense(units, activation="relu") for units in hidden]
        self.q = self.head(actions, "q")

    def head(self, units, name):
        return keras.layers.Dense(units, kernel_initializer="he_normal", name=name)

    def features(self, x):
        for dense in self.body:
            x = dense(x)
        return x

    @abc.abstractmethod
    def call(self, states, training=None):
        """Values of all actions."""


class PlainNetwork(QNetwork):  # <- KS203 in Keras 3
    def call(self, states, training=None):
        return self.q(self.features(states))


class DuelingNetwork(QNetwork):  # <- KS203 in Keras 3
    """The advantages were forgotten when the value was added."""

    def __init__(self, actions, **kwargs):
        super().__init__(actions, **kwargs)
        self.value = keras.layers.Dense(1, name="value")
        self.advantage = keras.layers.Dense(actions, name="advantage")  # <- KS207

    def call(self, states, training=None):
        x = self.features(states)
        return self.value(x) + self.q(x)

    def get_config(self):
        return {**super().get_config(), "actions": self.actions}


class NoisyNetwork(QNetwork):  # <- KS203 in Keras 3
    def __init__(self, actions, depth=2, **kwargs):
        super().__init__(actions, **kwargs)
        self.perturbations = {}
        for level in range(depth):
            self.perturbations[f"level_{level}"] = keras.layers.Dense(8)  # <- KS207
        self.normalize = keras.layers.LayerNormalization()

    def call(self, states, training=None):
        x = self.normalize(self.features(states))
        return self.q(x)


NETWORKS = {"plain": PlainNetwork, "dueling": DuelingNetwork, "noisy": NoisyNetwork}


def make_network(kind, actions, **options):
    return NETWORKS[kind](actions, **options)
