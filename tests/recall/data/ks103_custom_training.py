# Keras 3
# shows: fewer-weights | keras.layers.Dense(2) | x | len(weights_after_a_call(Classifier(4, 3), x)) < 8
# shows: fewer-weights | keras.layers.Dense(2) | x | len(weights_after_a_call(TwoTowers(), x)) < 4
"""A training loop without fit: models are tf.Modules that own Keras layers."""
import argparse
import time

import keras
import tensorflow as tf


class MLP(tf.Module):
    def __init__(self, sizes, activation="relu", name=None):
        super().__init__(name=name)
        self.layers = []
        for size in sizes[:-1]:
            self.layers.append(keras.layers.Dense(size, activation=activation))
        self.layers.append(keras.layers.Dense(sizes[-1]))

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Classifier(tf.Module):
    def __init__(self, features, classes, width=16, rate=1e-3):
        super().__init__()
        self.features = features
        self.body = MLP([width, width, classes])
        self.norm = keras.layers.LayerNormalization()
        self.optimizer = keras.optimizers.Adam(rate)
        self.step_count = tf.Variable(0, trainable=False, dtype=tf.int64)

    def __call__(self, x):
        return self.body(self.norm(x))

    def loss(self, x, y):
        logits = self(x)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))

    def train_step(self, x, y):
        with tf.GradientTape() as tape:
            loss = self.loss(x, y)
        gradients = tape.gradient(loss, self.trainable_variables)  # <- KS103
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))  # <- KS103
        self.step_count.assign_add(1)
        return loss


class TwoTowers(tf.Module):
    def __init__(self, size=4):
        super().__init__()
        self.user = keras.layers.Dense(size)
        self.item = keras.layers.Dense(size)
        self.temperature = tf.Variable(1.0)

    def __call__(self, x):
        return tf.reduce_sum(self.user(x) * self.item(x), axis=-1) / self.temperature


class Linear(tf.Module):
    """Variables alone: these a tf.Module does know."""

    def __init__(self, features):
        super().__init__()
        self.w = tf.Variable(tf.zeros([features, 1]))

    def __call__(self, x):
        return x @ self.w

    def regularization(self):
        return sum(tf.nn.l2_loss(v) for v in self.trainable_variables)


def weights_after_a_call(module, x):
    module(x)
    return module.trainable_variables


def train_towers(steps, rate=0.1):
    towers = TwoTowers()
    x = tf.random.normal((8, 4))
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(towers(x)))
        variables = towers.trainable_variables  # <- KS103
        for variable, gradient in zip(variables, tape.gradient(loss, variables)):
            variable.assign_sub(rate * gradient)
    return towers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()
    model = Classifier(4, 3)
    started = time.time()
    for step in range(options.steps):
        loss = model.train_step(tf.random.normal((8, 4)), tf.zeros((8,), tf.int32))
    print(f"{options.steps} steps, loss {loss:.3f}, {time.time() - started:.1f} s")


if __name__ == "__main__":
    main()
