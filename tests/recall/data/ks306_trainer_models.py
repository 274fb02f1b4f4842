# Keras 3
# shows: raises | Autoencoder(AutoencoderConfig(latent=2))
# shows: raises | DoubleHead(4)
from dataclasses import dataclass

import keras
from keras import layers


@dataclass
class AutoencoderConfig:
    latent: int = 8
    hidden: int = 16
    out: int = 4


class Autoencoder(keras.Model):  # <- KS203
    def __init__(self, config: AutoencoderConfig):  # <- KS306
        self.config = config
        self.encoder = self.make_stack([config.hidden, config.latent])
        self.decoder = self.make_stack([config.hidden, config.out])

    def make_stack(self, sizes):
        return keras.Sequential([layers.Dense(size, activation="relu") for size in sizes])

    def call(self, x):
        return self.decoder(self.encoder(x))


class Head(layers.Layer):  # <- KS203
    def __init__(self, units, name=None):  # <- KS306
        self.units = units
        self.dense = layers.Dense(units, name=name)

    def call(self, x):
        return self.dense(x)


class DoubleHead(Head):  # <- KS203
    def __init__(self, units):
        super().__init__(units, name="first")
        self.second = layers.Dense(units)

    def call(self, x):
        return super().call(x) + self.second(x)
