# Keras 3
# x: 2, 6, 4
# shows: fewer-weights | PatchEncoder(6, 4) | x | len(layer.trainable_weights) < 4
# shows: fewer-weights | AffineNorm() | x | len(layer.trainable_weights) < 2
"""A patch encoder with a class token, and a normalization of its own, ported from PyTorch."""

import keras
import numpy as np
from keras import layers, ops


class AffineNorm(layers.Layer):
    """RMS normalization with scale and shift."""

    def __init__(self, epsilon=1e-6, centered=True, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.centered = centered

    def reset_parameters(self, width):
        # nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.weight = ops.ones((width,))  # <- KS402
        self.bias = ops.zeros((width,)) if self.centered else None  # <- KS402

    def build(self, input_shape):
        self.reset_parameters(input_shape[-1])
        super().build(input_shape)

    def call(self, x):
        scale = ops.rsqrt(ops.mean(ops.square(x), axis=-1, keepdims=True) + self.epsilon)
        x = x * scale * self.weight
        if self.bias is not None:
            x = x + self.bias
        return x


class PatchEncoder(layers.Layer):
    def __init__(self, patches, width, token=True, **kwargs):
        super().__init__(**kwargs)
        self.patches = patches
        self.width = width
        self.project = layers.Dense(width)
        self.norm = layers.LayerNormalization(scale=False)
        self.use_token = token
        if token:
            self.token = keras.initializers.TruncatedNormal(stddev=0.02)((1, 1, width))  # <- KS402
        table = np.random.uniform(-0.02, 0.02, size=(1, patches + int(token), width))
        self.positions = ops.convert_to_tensor(table, "float32")
        self.drop_mask = ops.ones((1, patches, 1))

    def build(self, input_shape):
        self.project.build(input_shape)
        self.norm.build((*input_shape[:-1], self.width))
        self.built = True

    def call(self, patches):
        x = self.project(patches * self.drop_mask)
        if self.use_token:
            token = ops.repeat(self.token, ops.shape(x)[0], axis=0)
            x = ops.concatenate([token, x], axis=1)
        return self.norm(x + self.positions)


def make_encoder(patches=6, width=4, blocks=2):
    inputs = keras.Input((patches, width))
    x = PatchEncoder(patches, width)(inputs)
    for _ in range(blocks):
        attended = layers.MultiHeadAttention(2, width)(AffineNorm()(x), x)
        x = AffineNorm()(x + attended)
    return keras.Model(inputs, layers.GlobalAveragePooling1D()(x))


if __name__ == "__main__":
    model = make_encoder()
    model.summary()
