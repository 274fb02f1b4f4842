# Keras 3
# shows: untracked | PoseNetwork(Settings())
# shows: untracked | RefinedPose(Settings(stages=1))
# shows: created-every-call | depth_model(Settings())
"""Pose estimation from features: stages that refine each other, ported from a script of the first Keras."""
from dataclasses import dataclass
from functools import partial

import keras
from keras import layers, ops


@dataclass(frozen=True)
class Settings:
    joints: int = 3
    width: int = 4
    stages: int = 2
    activation: str = "relu"
    sharpness: float = 2.0


def sharpen(x, power):
    return ops.power(ops.abs(x), power)


def soft_position(scores):
    places = ops.softmax(scores, axis=-1)
    grid = ops.arange(ops.shape(scores)[-1], dtype="float32")
    return ops.sum(places * grid, axis=-1, keepdims=True)


def refine(x, layer, activation):
    return x + activation(layer(x))  # <- KS113


class Stage(layers.Layer):
    """Two dense layers, the second without an activation."""

    def __init__(self, settings: Settings, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(settings.width, activation=settings.activation)
        self.second = layers.Dense(settings.width)
        self.sharp = layers.Lambda(partial(sharpen, power=settings.sharpness))
        self.joined = layers.Lambda(lambda x: self.second(self.sharp(x)))

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build((*input_shape[:-1], self.first.units))

    def call(self, x):
        return self.joined(self.first(x))


class BaseNetwork(keras.Model):  # <- KS203
    def __init__(self, settings: Settings, **kwargs):
        super().__init__(**kwargs)
        self.settings = settings
        self.stages = [Stage(settings, name=f"stage_{i}") for i in range(settings.stages)]
        self.head = layers.Dense(settings.joints)
        self.position = layers.Lambda(soft_position)

    def features(self, x, training=False):
        for stage in self.stages:
            x = stage(x)
        return x

    def call(self, x, training=False):
        return self.position(self.head(self.features(x, training=training)))


class PoseNetwork(BaseNetwork):  # <- KS203
    def __init__(self, settings: Settings, **kwargs):
        super().__init__(settings, **kwargs)
        gate = layers.Dense(settings.width, activation="sigmoid", name="gate")
        self.gating = keras.Sequential(
            [layers.LayerNormalization(), layers.Lambda(lambda x: x * gate(x))],  # <- KS113
            name="gating",
        )

    def features(self, x, training=False):
        return self.gating(super().features(x, training=training))


class RefinedPose(BaseNetwork):  # <- KS203
    def __init__(self, settings: Settings, **kwargs):
        super().__init__(settings, **kwargs)
        correction = layers.Dense(settings.width)
        activation = keras.activations.get(settings.activation)
        self.refinement = layers.Lambda(
            partial(refine, layer=correction, activation=activation), name="refinement"
        )

    def call(self, x, training=False):
        x = self.refinement(self.features(x, training=training))
        return self.position(self.head(x))


def depth_of(features, units):
    hidden = layers.Dense(units, activation="relu")(features)  # <- KS113
    return ops.mean(hidden, axis=-1, keepdims=True)


def depth_model(settings: Settings):
    inputs = keras.Input((4,))
    x = Stage(settings)(inputs)
    depth = layers.Lambda(depth_of, arguments={"units": settings.width}, output_shape=(1,))(x)
    return keras.Model(inputs, layers.Concatenate()([x, depth]))
