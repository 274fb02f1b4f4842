# Keras 2 and 3
# x: 2, 6, 4
# shows: not-built-by-build | EncoderLayer(4, 2, 8)
# shows in Keras 3: not-built-by-build | Encoder(ViTConfig())
"""A transformer encoder in the usual style: all sublayers in the constructors, nobody writes a build()."""
from dataclasses import dataclass

import tensorflow as tf
from tensorflow.keras import layers


@dataclass
class ViTConfig:
    dim: int = 4
    heads: int = 2
    mlp_dim: int = 8
    depth: int = 2
    dropout: float = 0.0


class MLP(tf.keras.layers.Layer):  # <- KS203 in Keras 3
    def __init__(self, hidden, out, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.fc1 = layers.Dense(hidden, activation=tf.nn.gelu)
        self.fc2 = layers.Dense(out)
        self.dropout = layers.Dropout(dropout)

    def call(self, x, training=None):
        return self.dropout(self.fc2(self.fc1(x)), training=training)


class EncoderLayer(tf.keras.layers.Layer):  # <- KS203 in Keras 3
    def __init__(self, dim, heads, mlp_dim, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self.attention = layers.MultiHeadAttention(heads, dim // heads)
        self.mlp = MLP(mlp_dim, dim, dropout)

    def call(self, x, training=None):
        y = self.norms[0](x)
        x = x + self.attention(y, y, training=training)
        return x + self.mlp(self.norms[1](x), training=training)


class PositionEmbedding(tf.keras.layers.Layer):
    def build(self, input_shape):
        self.table = self.add_weight(name="table", shape=tuple(input_shape[1:]))
        super().build(input_shape)

    def call(self, x):
        return x + self.table


class Encoder(tf.keras.Model):  # <- KS203 in Keras 3
    def __init__(self, config: ViTConfig, **kwargs):
        super().__init__(**kwargs)
        self.position = PositionEmbedding()
        self.blocks = [
            EncoderLayer(config.dim, config.heads, config.mlp_dim, config.dropout, name=f"block_{i}")
            for i in range(config.depth)
        ]

    def call(self, x, training=None):
        x = self.position(x)
        for block in self.blocks:
            x = block(x, training=training)
        return x
