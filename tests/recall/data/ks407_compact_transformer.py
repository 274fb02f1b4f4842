# Keras 2 and 3
# x: 2, 8, 8, 1
# shows: fewer-weights | CompactTransformer(4) | x | positions_missing(layer)
# shows: fewer-weights | create_vit(4) | x | positions_missing(layer)
"""Image classifiers with tokenized patches, after the examples of keras.io."""

import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

IMAGE_SIZE, PATCH_SIZE, PROJECTION = 8, 4, 6
NUM_PATCHES = (IMAGE_SIZE // PATCH_SIZE) ** 2


class Patches(layers.Layer):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def call(self, images):
        patches = tf.nn.space_to_depth(images, self.size)
        return tf.reshape(patches, (-1, NUM_PATCHES, self.size * self.size))


class PositionTable(layers.Layer):
    """A weight of its own."""

    def build(self, shape):
        self.table = self.add_weight(
            name="position_table", shape=(NUM_PATCHES, PROJECTION), initializer="random_normal"
        )
        super().build(shape)

    def call(self, indices):
        return tf.gather(self.table, indices)


class ScaledPatches(layers.Layer):
    """Here the constant is inside of a layer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.project = layers.Dense(PROJECTION)
        self.level = layers.Dense(1)

    def build(self, shape):
        self.project.build(shape)
        self.level.build((None, 1))
        self.built = True

    def call(self, patches):
        return self.project(patches) * self.level(tf.ones((1, 1)))


def mlp(x, units, rate):
    for width in units:
        x = layers.Dense(width, activation="relu")(x)
        x = layers.Dropout(rate)(x)
    return x


def create_vit(classes):
    inputs = layers.Input(shape=(IMAGE_SIZE, IMAGE_SIZE, 1))
    patches = Patches(PATCH_SIZE)(inputs)
    encoded = ScaledPatches()(patches)
    positions = tf.range(start=0, limit=NUM_PATCHES, delta=1)
    encoded += PositionTable()(positions)  # <- KS407
    for _ in range(2):
        x1 = layers.LayerNormalization()(encoded)
        x2 = layers.Add()([mlp(x1, [12, PROJECTION], 0.1), encoded])
        encoded = layers.LayerNormalization()(x2)
    features = mlp(layers.Flatten()(encoded), [8], 0.0)
    return keras.Model(inputs=inputs, outputs=layers.Dense(classes)(features))


class CompactTransformer(keras.Model):
    def __init__(self, classes, pool=True):
        image = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1))
        tokens = layers.Conv2D(PROJECTION, PATCH_SIZE, strides=PATCH_SIZE)(image)
        tokens = layers.Reshape((NUM_PATCHES, PROJECTION))(tokens)
        order = tf.cast(tf.range(NUM_PATCHES), "int32")
        table = layers.Embedding(NUM_PATCHES, PROJECTION, name="position_table")
        tokens = tokens + table(order)  # <- KS407
        tokens = layers.MultiHeadAttention(2, 3)(tokens, tokens)
        pooled = layers.GlobalAveragePooling1D()(tokens) if pool else layers.Flatten()(tokens)
        super().__init__(image, layers.Dense(classes)(pooled))


def positions_missing(model):
    names = [getattr(weight, "path", weight.name) for weight in model.trainable_weights]
    return not any("position_table" in name for name in names)
