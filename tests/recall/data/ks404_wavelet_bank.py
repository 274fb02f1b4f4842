# Keras 3
# shows: frozen | WaveletBank(3)
# shows: frozen | WaveletClassifier(2)
"""Learned wavelets for one-dimensional signals, moved from tf.keras to Keras 3."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers


@dataclass
class BankConfig:
    wavelets: int = 4
    length: int = 9
    normalize: bool = True


class BaseBank(layers.Layer):
    """Scales that are learned in logarithms, so that they stay positive."""

    learn_scales = None

    def __init__(self, wavelets, length=9, name="bank", **kwargs):
        super().__init__(name=name, **kwargs)
        self.wavelets = wavelets
        self.length = length
        self.grid = np.linspace(-1.0, 1.0, length).astype("float32")

    def build(self, input_shape):
        self.log_scales = self.add_weight(
            name="log_scales",
            shape=(self.wavelets,),
            initializer=keras.initializers.RandomUniform(-1.0, 1.0),
            dtype="float32",
            trainable=None,  # <- KS404
        )
        self.amplitudes = self.add_weight(
            name="amplitudes", shape=(self.wavelets,), initializer="ones", trainable=True
        )
        super().build(input_shape)

    def kernels(self):
        scales = tf.exp(self.log_scales)[:, None]
        t = self.grid[None, :] / scales
        return self.amplitudes[:, None] * (1.0 - t**2) * tf.exp(-0.5 * t**2)

    def get_config(self):
        config = super().get_config()
        config.update(wavelets=self.wavelets, length=self.length)
        return config


class WaveletBank(BaseBank):
    def call(self, signal):
        kernels = tf.transpose(self.kernels())[:, None, :]
        return tf.nn.conv1d(signal[..., None], kernels, stride=1, padding="SAME")


class ChannelGate(layers.Layer):
    def build(self, input_shape):
        channels = int(input_shape[-1])
        self.gates = []
        for index in range(2):
            self.gates.append(
                self.add_weight(
                    shape=(channels,), name=f"gate_{index}", initializer="zeros", trainable=None  # <- KS404
                )
            )
        self.floor = self.add_weight(shape=(), name="floor", initializer="ones", trainable=False)

    def call(self, x):
        for gate in self.gates:
            x = x * (self.floor + tf.sigmoid(gate))
        return x


class WaveletClassifier(keras.Model):  # <- KS203
    def __init__(self, classes, config=None):
        super().__init__()
        config = config or BankConfig()
        self.bank = WaveletBank(config.wavelets, config.length)
        self.gate = ChannelGate()
        self.pool = layers.GlobalAveragePooling1D()
        self.head = layers.Dense(classes, activation="softmax")

    def call(self, signal, training=False):
        features = self.gate(self.bank(signal))
        return self.head(self.pool(features))


def main():
    model = WaveletClassifier(3)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(np.random.randn(32, 64).astype("float32"), np.random.randint(0, 3, 32), epochs=2)


if __name__ == "__main__":
    main()
