# Keras 3
# shows: not-in-checkpoint | Generator(GanConfig())
# shows: not-in-checkpoint | Discriminator(GanConfig())
"""A small adversarial model, trained by a loop of its own that writes checkpoints."""
from dataclasses import dataclass

import tensorflow as tf
from tensorflow import keras


@dataclass
class GanConfig:
    width: int = 8
    depth: int = 2
    folder: str = "checkpoints"


class Generator(keras.Model):  # <- KS203
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.blocks = []
        for _ in range(config.depth):
            self.blocks.append(keras.layers.Dense(config.width, activation="relu"))
        self.out = keras.layers.Dense(4)

    def call(self, noise):
        x = noise
        for block in self.blocks:
            x = block(x)
        return self.out(x)


class Critic(keras.layers.Layer):  # <- KS203
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.stages = {
            "hidden": keras.layers.Dense(width, activation="relu"),
            "score": keras.layers.Dense(1),
        }

    def call(self, x):
        return self.stages["score"](self.stages["hidden"](x))


class Discriminator(keras.Model):  # <- KS203
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.critic = Critic(config.width)

    def call(self, x):
        return self.critic(x)


def make_checkpoints(config, generator, discriminator, optimizers):
    checkpoint = tf.train.Checkpoint(
        generator=generator,
        discriminator=discriminator,
        generator_optimizer=optimizers[0],
        discriminator_optimizer=optimizers[1],
    )
    return tf.train.CheckpointManager(checkpoint, config.folder, max_to_keep=3)


def train(config, batches):
    generator = Generator(config)
    discriminator = Discriminator(config)
    optimizers = keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)
    generator(tf.zeros((1, 4)))
    discriminator(tf.zeros((1, 4)))
    best = tf.train.Checkpoint(generator=generator, discriminator=discriminator)  # <- KS503
    for batch in batches:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(discriminator(generator(batch)))
        gradients = tape.gradient(loss, generator.trainable_weights)
        optimizers[0].apply_gradients(zip(gradients, generator.trainable_weights))
    best.save(config.folder + "/best")
    return generator
