"""Counts what will train, too early: a layer of layers has no weights before it is called."""

import keras


class Squeeze(keras.layers.Layer):
    """Weighs the channels of a picture by what is in it."""

    def __init__(self, channels, ratio=4):
        super().__init__()
        self.pool = keras.layers.GlobalAveragePooling2D(keepdims=True)
        self.down = keras.layers.Dense(channels // ratio, activation="relu")
        self.up = keras.layers.Dense(channels, activation="sigmoid")

    def call(self, picture):
        return picture * self.up(self.down(self.pool(picture)))


class Stage(keras.layers.Layer):
    def __init__(self, channels):
        super().__init__()
        self.convolve = keras.layers.Conv2D(channels, 3, padding="same")
        self.squeeze = Squeeze(channels)

    def call(self, picture):
        return self.squeeze(self.convolve(picture))


stage = Stage(16)
print("before the call:", len(stage.trainable_weights))  # 0
stage(keras.random.normal((1, 8, 8, 3)))
print("after the call:", len(stage.trainable_weights))  # 6
