# Keras 3
# shows: trained-though-frozen | Distiller(DistillConfig(), 3)
# shows: trained-though-frozen | Student(DistillConfig(), 3)
"""Distillation of a text classifier's features: a frozen teacher inside the model that trains the student."""

from dataclasses import dataclass

import keras
from keras import layers, ops


@dataclass
class DistillConfig:
    width: int = 32
    depth: int = 2
    temperature: float = 2.0
    freeze_stem: bool = True


class ResidualBlock(layers.Layer):
    """Its projection depends on the input, so it is made in build()."""

    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.norm = layers.LayerNormalization()

    def build(self, input_shape):
        self.norm.build(input_shape)
        self.expand = layers.Dense(self.width * 2, activation="gelu")
        self.expand.build(input_shape)
        self.project = layers.Dense(input_shape[-1])
        self.project.build((*input_shape[:-1], self.width * 2))
        self.built = True

    def call(self, x):
        return x + self.project(self.expand(self.norm(x)))


class Backbone(layers.Layer):  # <- KS203
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.stem = layers.Dense(config.width)
        self.blocks = [ResidualBlock(config.width, name=f"block_{i}") for i in range(config.depth)]

    def call(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return x


class Student(keras.Model):  # <- KS203
    """A small backbone, whose stem comes from the teacher and isn't trained at first."""

    def __init__(self, config, classes, **kwargs):
        super().__init__(**kwargs)
        self.stem = ResidualBlock(config.width)
        if config.freeze_stem:
            self.stem.trainable = False  # <- KS403
        self.body = layers.Dense(config.width, activation="relu")
        self.head = layers.Dense(classes)

    def call(self, x):
        return self.head(self.body(self.stem(x)))


class Distiller(keras.Model):  # <- KS203
    def __init__(self, config, classes, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.teacher = Backbone(config, name="teacher", trainable=False)  # <- KS403
        self.teacher_head = layers.Dense(classes, trainable=False)
        self.student = layers.Dense(config.width, activation="relu")
        self.student_head = layers.Dense(classes)
        self.distance = keras.losses.KLDivergence()

    def call(self, x):
        wanted = ops.softmax(self.teacher_head(self.teacher(x)) / self.config.temperature)
        logits = self.student_head(self.student(x))
        self.add_loss(self.distance(wanted, ops.softmax(logits / self.config.temperature)))
        return logits


def main():
    config = DistillConfig()
    model = Distiller(config, classes=4)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = keras.random.normal((64, 16)), keras.random.randint((64,), 0, 4)
    model.fit(x, y, epochs=1, batch_size=16)


if __name__ == "__main__":
    main()
