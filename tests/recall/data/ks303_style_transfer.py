# Keras 3
# x: 2, 6, 4
# shows: raises | AdaIN()
# shows: raises | SharedEncoder(4)
import keras
import tensorflow as tf
from keras import layers


class AdaIN(layers.Layer):
    """Learns the style's scale and offset; their size is known from the first input."""

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self._initialized = False

    def _initialize(self, channels):
        self.to_style = layers.Dense(2 * channels)  # <- KS303
        self._initialized = True

    def call(self, x):
        if not self._initialized:
            self._initialize(x.shape[-1])
        mean, variance = tf.nn.moments(x, axes=[1], keepdims=True)
        scale, offset = tf.split(self.to_style(mean), 2, axis=-1)
        return scale * (x - mean) / tf.sqrt(variance + self.epsilon) + offset


class SharedEncoder(keras.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.pool = layers.GlobalAveragePooling1D()

    def build(self, input_shape):
        self.temperature = self.add_weight(name="temperature", shape=(), initializer="ones")

    def call(self, x):
        x = self.pool(x)
        if not hasattr(self, "projection"):
            self.projection = keras.Sequential(  # <- KS303
                [layers.Dense(self.units, activation="relu"), layers.Dense(self.units)]
            )
        return self.projection(x) / self.temperature
