# Keras 2 and 3
# shows: fewer-weights | Trainer(make_classifier()).model | x | gradients_after_a_step(layer) == 0
# shows: fewer-weights | make_classifier() | x | len(adversarial_gradients(layer, layer)) == 0
"""A training loop of its own, with a schedule, gradient clipping and logs; and an adversarial step."""

import logging

import tensorflow as tf
from tensorflow import keras

log = logging.getLogger(__name__)


def make_classifier(classes=3):
    return keras.Sequential(
        [
            keras.layers.Input((4,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(classes, activity_regularizer="l2"),
        ]
    )


class Trainer:
    def __init__(self, model, rate=1e-3, clip=1.0):
        self.model = model
        self.loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.optimizer = keras.optimizers.Adam(rate)
        self.clip = clip
        self.accuracy = keras.metrics.SparseCategoricalAccuracy()
        self.gradients = []

    def train_step(self, x, y):
        logits = self.model(x, training=True)  # <- KS410
        with tf.GradientTape() as tape:
            loss = self.loss(y, logits)
            loss = tf.reduce_mean(loss)
        weights = self.model.trainable_weights
        gradients = tape.gradient(loss, weights)
        self.gradients = [g for g in gradients if g is not None]
        if self.gradients:
            clipped, norm = tf.clip_by_global_norm(self.gradients, self.clip)
            log.debug("norm %s", norm)
            self.optimizer.apply_gradients(zip(clipped, weights))
        self.accuracy.update_state(y, logits)
        return loss

    def validate(self, batches):
        self.accuracy.reset_state()
        for x, y in batches:
            self.accuracy.update_state(y, self.model(x, training=False))
        return float(self.accuracy.result())


def gradients_after_a_step(model):
    trainer = Trainer(model)
    trainer.train_step(tf.ones((2, 4)), tf.constant([0, 1]))
    return len(trainer.gradients)


def adversarial_gradients(model, teacher):
    """Distils a teacher into a model, on inputs that were moved."""
    x = tf.Variable(tf.ones((2, 4)))
    expected = teacher(x)
    with tf.GradientTape() as inner:
        moved = tf.reduce_sum(model(x) ** 2)
    step = inner.gradient(moved, [x])[0]
    outputs = model(x + 0.1 * tf.sign(step))  # <- KS410
    with tf.GradientTape() as tape:
        difference = tf.reduce_mean(tf.square(outputs - expected))
    gradients = tape.gradient(difference, model.trainable_variables)
    return [each for each in gradients if each is not None]
