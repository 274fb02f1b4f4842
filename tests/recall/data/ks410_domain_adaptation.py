# Keras 2 and 3
# shows: fit-raises | DomainAdversarial() | x
"""Domain-adversarial training: features that a critic can't tell apart."""

import tensorflow as tf

keras = tf.keras


class Encoder(keras.layers.Layer):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(units, activation="relu")
        self.out = keras.layers.Dense(units)

    def build(self, shape):
        self.hidden.build(shape)
        self.out.build((None, self.hidden.units))
        self.built = True

    def call(self, x):
        return self.out(self.hidden(x))


class DomainAdversarial(keras.Model):
    def __init__(self, weight=0.1, **kwargs):
        super().__init__(**kwargs)
        self.weight = weight
        self.encoder = Encoder()
        self.label = keras.layers.Dense(1)
        self.critic = keras.layers.Dense(1)
        self.critic_optimizer = keras.optimizers.SGD(1e-2)

    def call(self, x, training=False):
        return self.label(self.encoder(x))

    def critic_loss(self, source, target):
        return tf.reduce_mean(self.critic(source)) - tf.reduce_mean(self.critic(target))

    def train_step(self, data):
        x, y = data
        source, target = x[:1], x[1:]

        with tf.GradientTape() as tape:
            features = self.encoder(x)
            predicted = self.label(features)  # <- KS410
            task_loss = tf.reduce_mean((tf.reduce_mean(y, axis=-1, keepdims=True) - predicted) ** 2)
        weights = self.encoder.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(task_loss, weights), weights))

        with tf.GradientTape() as critic_tape:
            gap = self.critic_loss(self.encoder(source), self.encoder(target))
        weights = self.critic.trainable_weights
        self.critic_optimizer.apply_gradients(zip(critic_tape.gradient(gap, weights), weights))

        with tf.GradientTape() as label_tape:
            label_loss = self.weight * tf.reduce_mean(tf.abs(predicted))
        weights = self.label.trainable_weights
        self.optimizer.apply_gradients(zip(label_tape.gradient(label_loss, weights), weights))
        return {"loss": task_loss}
