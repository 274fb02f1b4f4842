# Keras 3
# shows: not-in-checkpoint | make_model(Settings())
"""An experiment that goes on where it was interrupted."""
import os

import keras
import tensorflow as tf


class Settings:
    layers = 3
    width = 4
    every = 10
    folder = "run"


class Scales(keras.layers.Layer):
    """One learnt factor for each level."""

    def __init__(self, levels, **kwargs):
        super().__init__(**kwargs)
        self.levels = levels

    def build(self, input_shape):
        self.factors = [
            self.add_weight(name=f"factor_{level}", shape=(input_shape[-1],), initializer="ones")
            for level in range(self.levels)
        ]

    def call(self, x):
        total = 0
        for factor in self.factors:
            total = total + keras.ops.tanh(x * factor)
        return total


def make_model(settings):
    inputs = keras.Input((settings.width,))
    x = keras.layers.Dense(settings.width, activation="relu")(inputs)
    x = Scales(settings.layers)(x)
    outputs = keras.layers.Dense(1)(x)
    return keras.Model(inputs, outputs, name="scales")


class Experiment:
    def __init__(self, settings):
        self.settings = settings
        self.model = make_model(settings)
        self.optimizer = keras.optimizers.SGD(0.1)
        self.step = tf.Variable(0, dtype="int64")
        self.checkpoint = tf.train.Checkpoint(step=self.step, model=self.model)  # <- KS503
        self.manager = tf.train.CheckpointManager(
            self.checkpoint, os.path.join(settings.folder, "checkpoints"), max_to_keep=2
        )

    def run(self, batches):
        self.checkpoint.restore(self.manager.latest_checkpoint)
        for x, y in batches:
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(self.model(x) - y))
            gradients = tape.gradient(loss, self.model.trainable_weights)
            self.optimizer.apply_gradients(zip(gradients, self.model.trainable_weights))
            self.step.assign_add(1)
            if int(self.step) % self.settings.every == 0:
                self.manager.save()


if __name__ == "__main__":
    Experiment(Settings()).run([])
