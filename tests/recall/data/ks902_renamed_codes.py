# Keras 3
# shows: untracked | Encoder(4)
import keras
import tensorflow as tf
from keras import layers


class Encoder(layers.Layer):  # kerascope: ignore[KS023]  # <- KS203, KS902
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units)
        self.gain = tf.Variable(1.0)  # kerascope: ignore[KS0102]  # <- KS102, KS902

    def call(self, x):
        return self.dense(x) * self.gain
