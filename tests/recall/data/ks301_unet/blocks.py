"""Functional building blocks. They are fine as long as nobody calls them from a layer's call()."""
from keras import layers


def conv_block(x, filters, kernel_size=3, name=None):
    x = layers.Conv2D(filters, kernel_size, padding="same", name=name)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x)


def down_block(x, filters):
    skip = conv_block(x, filters)
    return layers.MaxPooling2D()(skip), skip


def up_block(x, skip, filters):
    x = layers.UpSampling2D()(x)
    return conv_block(layers.Concatenate()([x, skip]), filters)
