# Keras 2
# shows: untracked | Decoder(HParams(vocab=11, units=4)) | tf.constant([[1, 2, 3]])
# shows: untracked | Attention(HParams(vocab=11, units=4))
"""Translation with attention; the layers declare their parts as class attributes."""
from collections import namedtuple
from typing import List, Optional

import tensorflow as tf

HParams = namedtuple("HParams", ["vocab", "units"])

layers = tf.keras.layers


class Attention(layers.Layer):
    units: int = 0
    use_scale: bool = True
    scale: Optional[tf.Variable] = None
    query_proj: Optional[layers.Layer] = None
    key_proj: Optional[layers.Layer] = None

    def __init__(self, hparams, **kwargs):
        super().__init__(**kwargs)
        self.units = hparams.units
        self.query_proj = layers.Dense(hparams.units, use_bias=False)  # <- KS109
        self.key_proj = layers.Dense(hparams.units, use_bias=False)  # <- KS109

    def build(self, input_shape):
        if self.use_scale:
            self.scale = tf.Variable(1.0, name="attention_scale")  # <- KS109
        self.query_proj.build(input_shape)
        self.key_proj.build(input_shape)
        super().build(input_shape)

    def call(self, x):
        q = self.query_proj(x)
        k = self.key_proj(x)
        scores = tf.matmul(q, k, transpose_b=True)
        if self.scale is not None:
            scores *= self.scale
        return tf.matmul(tf.nn.softmax(scores), x)


class Residual(layers.Layer):
    """Wraps what a subclass or a caller gives; `inner` has no default, only a type."""

    inner: layers.Layer

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner
        self.norm = layers.LayerNormalization()

    def call(self, x):
        return x + self.inner(self.norm(x))


class Decoder(tf.keras.Model):
    embedding: Optional[layers.Embedding] = None
    blocks: List[layers.Layer] = []
    output_bias: Optional[tf.Variable] = None

    def __init__(self, hparams, depth=2, tie=False, **kwargs):
        super().__init__(**kwargs)
        self.hparams = hparams
        self.embedding = layers.Embedding(hparams.vocab, hparams.units)  # <- KS109
        blocks = []
        for _ in range(depth):
            blocks.append(Residual(Attention(hparams)))
            blocks.append(
                Residual(
                    tf.keras.Sequential(
                        [layers.Dense(2 * hparams.units, activation="relu"), layers.Dense(hparams.units)]
                    )
                )
            )
        self.blocks = blocks  # <- KS109
        self.logits = layers.Dense(hparams.vocab)

    def call(self, tokens):
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x)
        return self.logits(x)


def masked_loss(labels, logits):
    loss = tf.keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    mask = tf.cast(labels != 0, loss.dtype)
    return tf.reduce_sum(loss * mask) / tf.reduce_sum(mask)


if __name__ == "__main__":
    model = Decoder(HParams(vocab=8000, units=64))
    model.compile("adam", masked_loss)
    print(model(tf.zeros((1, 5), tf.int32)).shape)
