# Keras 3
# x: 2, 5, 4
# shows: trained-though-frozen | build_classifier(3)
# shows: trained-though-frozen | TemporalEncoder("lstm")
# shows: trained-though-frozen | PretrainedStage(8)
"""Clip classification: frozen frame and temporal encoders, and heads that train."""

import keras
import numpy as np
from tensorflow.keras import layers

CELLS = {"lstm": layers.LSTM, "gru": layers.GRU}


class FrozenMixin:
    """For stages that come with weights from another run."""

    def freeze(self):
        self.trainable = False  # <- KS403


class PretrainedStage(FrozenMixin, layers.Layer):
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.freeze()
        self.width = width
        self.normalize = layers.LayerNormalization()
        self.project = layers.Dense(width)

    def build(self, input_shape):
        self.normalize.build(input_shape)
        self.project.build(input_shape)
        super().build(input_shape)

    def call(self, frames):
        return self.project(self.normalize(frames))


class TemporalEncoder(layers.Layer):  # <- KS203
    def __init__(self, kind, width=6, **kwargs):
        super().__init__(**kwargs)
        recurrent = CELLS[kind]
        self.bidirectional = layers.Bidirectional(  # <- KS403
            recurrent(width, return_sequences=True), trainable=False
        )
        self.summary_of = recurrent(width, trainable=False)
        self.attention = layers.MultiHeadAttention(2, 4, name="pool", trainable=False)  # <- KS403

    def call(self, frames):
        encoded = self.bidirectional(frames)
        pooled = self.attention(encoded, encoded)
        return self.summary_of(pooled)


class TrainableEncoder(layers.Layer):
    """The same order, without a freeze; and with one at the end."""

    def __init__(self, width, frozen=False, **kwargs):
        super().__init__(**kwargs)
        self.frames = layers.TimeDistributed(layers.Dense(width))
        self.memory = layers.GRU(width)
        if frozen:
            self.trainable = False

    def build(self, input_shape):
        self.frames.build(input_shape)
        self.memory.build((*input_shape[:-1], self.frames.layer.units))
        self.built = True

    def call(self, frames):
        return self.memory(self.frames(frames))


def frame_encoder(width):
    return keras.Sequential(
        [layers.Dense(width, activation="relu"), layers.Dense(width)],
        name="frame_encoder",
    )


def build_classifier(classes, frames=5, features=4):
    inputs = keras.Input((frames, features))
    encoder = frame_encoder(8)
    encoder.trainable = False
    x = encoder(inputs)
    x = layers.TimeDistributed(layers.Dense(8), trainable=False)(x)  # <- KS403
    x = TemporalEncoder("gru")(x)
    outputs = layers.Dense(classes, activation="softmax")(x)
    return keras.Model(inputs, outputs)


def main():
    model = build_classifier(3)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(np.random.rand(8, 5, 4), np.random.randint(0, 3, 8), epochs=1)


if __name__ == "__main__":
    main()
