# Keras 2 and 3
# shows: untracked | Policy(3)
"""Comments with codes that don't exist."""
from types import SimpleNamespace

from tensorflow import keras


class Policy(keras.Model):
    def __init__(self, actions, **kwargs):
        super().__init__(**kwargs)
        self.nets = SimpleNamespace(  # <- KS101
            actor=keras.layers.Dense(actions),
            critic=keras.layers.Dense(1),
        )
        self.actions = actions  # kerascope: ignore[KS1O1]  # <- KS902
        self.discount = 0.99  # kerascope: ignore[KS999]  # <- KS902

    def call(self, x):
        return self.nets.actor(x), self.nets.critic(x)
