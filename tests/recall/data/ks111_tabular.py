# Keras 2 and 3
# shows: raises | TabNet([3, 2])
# shows in Keras 3: fewer-weights | FeatureTower(widths=(8, 4)) | x | len(layer.trainable_weights) < 11
# shows in Keras 2: fit-raises | FeatureTower(widths=(8, 4))
# shows: raises | Calibrated(TabularClassifier(2))
"""Models for tables: towers of dense blocks, entity embeddings, a calibrated head."""
from __future__ import annotations

import math
from typing import Sequence

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers


def make_block(units, rate=0.0, name=None):
    return keras.Sequential(
        [layers.Dense(units, activation="relu"), layers.LayerNormalization(), layers.Dropout(rate)],
        name=name,
    )


class FeatureTower(layers.Layer):  # <- KS203 in Keras 3
    """Blocks of falling width, each with a residual projection."""

    def __init__(self, widths: Sequence[int], rate: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.widths = list(widths)
        self.rate = rate
        self.norm = layers.LayerNormalization()
        self._losses = [make_block(width, rate) for width in self.widths]  # <- KS111
        self.projection = layers.Dense(self.widths[-1], use_bias=False)

    def call(self, x, training=None):
        y = self.norm(x)
        for block in self._losses:
            y = block(y, training=training)
        return y + self.projection(x)

    def get_config(self):
        config = super().get_config()
        config.update(widths=self.widths, rate=self.rate)
        return config


class TabularClassifier(keras.Model):  # <- KS203 in Keras 3
    def __init__(self, classes: int, widths: Sequence[int] = (8, 4), **kwargs):
        super().__init__(**kwargs)
        self.classes = classes
        self.embed = layers.Dense(8)
        self.blocks = [make_block(width) for width in widths]
        self.head = layers.Dense(classes)

    def call(self, x, training=None):
        x = self.embed(x)
        for block in self.blocks:
            x = block(x, training=training)
        return self.head(x)


class TabNet(keras.Model):  # <- KS203 in Keras 3
    """One mask and one transformer a step."""

    def __init__(self, steps, units=4, **kwargs):
        super().__init__(**kwargs)
        self.steps = steps
        self.masks = []
        found = []
        for index, width in enumerate(steps):
            self.masks.append(layers.Dense(units, name=f"mask_{index}"))
            found.append(make_block(width, name=f"step_{index}"))
        self.layers = found  # <- KS111
        self.head = layers.Dense(1)

    def call(self, x, training=None):
        outputs = []
        for mask, block in zip(self.masks, self.layers):
            masked = x * tf.nn.softmax(mask(x))
            outputs.append(tf.reduce_mean(block(masked, training=training), axis=-1, keepdims=True))
        return self.head(tf.concat(outputs, axis=-1))


class Calibrated(layers.Layer):
    """Temperature scaling over a trained model."""

    def __init__(self, model: keras.Model, temperature: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.model = model
        self.model.trainable = False
        self.weights = [1.0] * model.classes  # <- KS111
        self.start = math.log(temperature)

    def build(self, input_shape):
        self.log_temperature = self.add_weight(
            name="log_temperature", shape=(), initializer=keras.initializers.Constant(self.start)
        )
        self.built = True

    def call(self, x):
        return self.model(x) * self.weights / tf.exp(self.log_temperature)


def main():
    model = TabularClassifier(2)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(tf.random.normal((32, 4)), tf.zeros((32,), tf.int32), epochs=1)


if __name__ == "__main__":
    main()
