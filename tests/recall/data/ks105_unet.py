# Keras 2 and 3
# x: 2, 8, 8, 3
# shows in Keras 3: fewer-weights | UNet(depth=2, width=4) | x | len(layer.trainable_weights) < 20
# shows in Keras 3: fewer-weights | Ensemble(3) | x | len(layer.trainable_weights) < 3 * 2
"""U-Net with encoder and decoder stages that a base class collects."""
from tensorflow import keras
from tensorflow.keras import layers


class Staged(keras.Model):
    """Models that consist of stages, made by `make_stage` of the subclass."""

    def __init__(self, depth, width, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth
        self.width = width
        self.downs, self.ups = self.make_stages()

    def make_stages(self):
        raise NotImplementedError


class DoubleConv(layers.Layer):  # <- KS203 in Keras 3
    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.conv1 = layers.Conv2D(filters, 3, padding="same", activation="relu")
        self.conv2 = layers.Conv2D(filters, 3, padding="same", activation="relu")

    def call(self, x):
        return self.conv2(self.conv1(x))


class UNet(Staged):  # <- KS203 in Keras 3
    def __init__(self, depth=3, width=16, classes=2, **kwargs):
        super().__init__(depth, width, **kwargs)
        self.pool = layers.MaxPooling2D()
        self.up = layers.UpSampling2D()
        skips = []
        self.skips = skips
        for level in range(depth):
            skips.append(layers.Conv2D(width, 1, name=f"skip_{level}"))  # <- KS105 in Keras 3
        self.classifier = layers.Conv2D(classes, 1)

    def make_stages(self):
        downs = [DoubleConv(self.width * 2**i) for i in range(self.depth)]
        ups = [DoubleConv(self.width * 2**i) for i in reversed(range(self.depth))]
        return downs, ups

    def call(self, x):
        kept = []
        for down in self.downs:
            x = down(x)
            kept.append(x)
            x = self.pool(x)
        for up, skip, y in zip(self.ups, self.skips, reversed(kept)):
            x = up(layers.concatenate([self.up(x), skip(y)]))
        return self.classifier(x)


class Ensemble(keras.Model):
    def __init__(self, members, units=4, **kwargs):
        super().__init__(**kwargs)
        self.flatten = layers.Flatten()
        members_by_name = self.members = {}
        for i in range(members):
            name = f"member_{i}"
            members_by_name[name] = layers.Dense(units, name=name)  # <- KS105 in Keras 3

    def call(self, x):
        x = self.flatten(x)
        return sum(member(x) for member in self.members.values()) + 0.0 * x[:, :1]


if __name__ == "__main__":
    import numpy as np

    images = np.random.rand(2, 32, 32, 3).astype("float32")
    print(UNet()(images).shape)
