# Keras 3
# x: 2, 8, 8, 3
# shows: created-every-call | UNet([4, 8])
# shows: created-every-call | Refiner(4)
import keras
from blocks import conv_block, down_block, up_block
from keras import layers


class UNet(keras.Model):
    def __init__(self, widths, classes=2, **kwargs):
        super().__init__(**kwargs)
        self.widths = widths
        self.classes = classes

    def encode(self, x):
        skips = []
        for width in self.widths:
            x, skip = down_block(x, width)  # <- KS301
            skips.append(skip)
        return x, skips

    def call(self, x):
        x, skips = self.encode(x)
        for width, skip in zip(reversed(self.widths), reversed(skips)):
            x = up_block(x, skip, width)  # <- KS301
        return layers.Conv2D(self.classes, 1)(x)  # <- KS301


class Refiner(layers.Layer):
    def __init__(self, filters, steps=2, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.steps = steps
        self.merge = layers.Conv2D(filters, 1)

    def build(self, input_shape):
        self.merge.build(input_shape)

    def call(self, x):
        x = self.merge(x)
        for _ in range(self.steps):
            x = x + conv_block(x, self.filters)  # <- KS301
        return x


def build_functional(size, widths):
    """Here the blocks are used as they are meant."""
    inputs = keras.Input((size, size, 3))
    x, skips = inputs, []
    for width in widths:
        x, skip = down_block(x, width)
        skips.append(skip)
    for width, skip in zip(reversed(widths), reversed(skips)):
        x = up_block(x, skip, width)
    return keras.Model(inputs, layers.Conv2D(2, 1)(x))
