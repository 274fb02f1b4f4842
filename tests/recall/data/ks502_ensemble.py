# Keras 3
# shows: not-saved | Ensemble(3)
# shows: not-saved | CalibratedEnsemble(2)
"""An ensemble whose members are kept in a set, since their order has no meaning."""
import keras
from keras import layers, ops


def make_member(width, seed):
    initializer = keras.initializers.GlorotUniform(seed=seed)
    return keras.Sequential(
        [
            layers.Dense(width, activation="relu", kernel_initializer=initializer),
            layers.Dense(1, kernel_initializer=keras.initializers.RandomNormal(seed=seed)),
        ]
    )


class Pool(layers.Layer):
    """Holds the members, and knows how to add one."""

    def __init__(self, size, width=8, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.members = set()  # <- KS502
        for index in range(size):
            self.add_member(index)

    def add_member(self, index):
        member = make_member(self.width, seed=None)
        self.members.add(member)

    def build(self, input_shape):
        for member in self.members:
            member.build(input_shape)
        self.built = True

    def outputs(self, x):
        return ops.concatenate([member(x) for member in self.members], axis=-1)


class Ensemble(Pool):
    def call(self, x):
        return ops.mean(self.outputs(x), axis=-1, keepdims=True)


class CalibratedEnsemble(Pool):
    def __init__(self, size, **kwargs):
        super().__init__(size, **kwargs)
        self.temperature = self.add_weight(name="temperature", shape=(), initializer="ones")

    def call(self, x):
        votes = self.outputs(x)
        return ops.mean(votes, axis=-1, keepdims=True) / self.temperature


if __name__ == "__main__":
    model = keras.Sequential([keras.Input((4,)), CalibratedEnsemble(3)])
    model.summary()
