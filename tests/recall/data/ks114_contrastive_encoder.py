# Keras 2 and 3
# x: 2, 8, 8, 3
# shows: untracked | ProjectedEncoder(units=(8, 4))
# shows in Keras 2: untracked | TwoStep()
# shows in Keras 3: raises | TwoStep()
"""A small convolutional encoder with a projection for contrastive training, after a blog post."""
import keras
from keras import layers


class ConvBlock(layers.Layer):
    def __init__(self, filters, stride=1, **kwargs):
        super().__init__(**kwargs)
        self.conv = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)
        self.norm = layers.BatchNormalization()

    def build(self, input_shape):
        self.conv.build(input_shape)
        self.norm.build(self.conv.compute_output_shape(input_shape))
        self.built = True

    def call(self, x, training=None):
        return keras.activations.relu(self.norm(self.conv(x), training=training))


class Encoder(keras.Sequential):
    filters = (4, 8)

    def __init__(self, **kwargs):
        super().__init__(name=kwargs.pop("name", "encoder"))
        for index, filters in enumerate(self.filters):
            self.add(ConvBlock(filters, stride=1 + index % 2))
        self.add(layers.GlobalAveragePooling2D())


class ProjectionHead(layers.Layer):
    """Dense layers, the last one linear."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.hidden = [layers.Dense(n, activation="relu") for n in units[:-1]]
        self.out = layers.Dense(units[-1], use_bias=False)

    def build(self, input_shape):
        shape = input_shape
        for layer in self.hidden:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.out.build(shape)
        self.built = True

    def call(self, x):
        for layer in self.hidden:
            x = layer(x)
        return self.out(x)


class ProjectedEncoder(Encoder):
    """Projects what the encoder says; for the probe, `represent` leaves the projection out."""

    def __init__(self, units=(16, 8), temperature=0.1, **kwargs):
        super().__init__(**kwargs)
        self.temperature = temperature
        self.projection = ProjectionHead(units)  # <- KS114

    def represent(self, images, training=None):
        return super().call(images, training=training)

    def call(self, images, training=None, mask=None):
        return self.projection(self.represent(images, training)) / self.temperature


class TwoStep(keras.Sequential):
    """Somebody took Sequential for Model."""

    def __init__(self, filters=4, classes=2):
        super().__init__()
        self.first = layers.Conv2D(filters, 3, activation="relu")  # <- KS114
        self.pool = layers.GlobalMaxPooling2D()
        self.second = layers.Dense(classes)  # <- KS114

    def call(self, inputs, training=None, mask=None):
        return self.second(self.pool(self.first(inputs)))
