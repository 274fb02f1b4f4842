# Keras 3
# shows: fewer-weights | build_encoder(EncoderConfig()) | x | len(layer.trainable_weights) < 1 + 2 * 16 + 1
# shows: fewer-weights | build_pooler(4, 8) | x | len(layer.trainable_weights) < 2 + 8 + 1
"""A functional text encoder in the manner of BERT, and a pooler with learned queries."""

from dataclasses import dataclass

import keras
from keras import layers, ops


@dataclass
class EncoderConfig:
    vocabulary: int = 50
    length: int = 4
    width: int = 8
    heads: int = 2
    depth: int = 2
    dropout: float = 0.0


def transformer_block(x, config, index):
    attended = layers.MultiHeadAttention(config.heads, config.width // config.heads)(x, x)
    attended = layers.Dropout(config.dropout)(attended)
    x = layers.LayerNormalization(name=f"attention_norm_{index}")(x + attended)
    hidden = layers.Dense(config.width * 4, activation="gelu")(x)
    hidden = layers.Dense(config.width)(hidden)
    return layers.LayerNormalization(name=f"norm_{index}")(x + hidden)


def embeddings(tokens, config):
    """The embeddings of tokens; those of positions are added by the caller."""
    return layers.Embedding(config.vocabulary, config.width, name="tokens")(tokens)


def build_encoder(config):
    tokens = layers.Input(shape=(config.length,), name="token_ids")
    x = embeddings(tokens, config)
    position_embedding = layers.Embedding(config.length, config.width, name="positions")
    positions = ops.expand_dims(ops.arange(config.length), 0)
    encoded = position_embedding(positions)  # <- KS407
    x = layers.Add()([x, encoded])
    for index in range(config.depth):
        x = transformer_block(x, config, index)
    return keras.Model(tokens, x, name="encoder")


def build_pooler(length, width, queries=3):
    inputs = keras.Input((length,))
    sequence = layers.Dense(width)(layers.Reshape((length, 1))(inputs))
    learned = layers.Embedding(queries, width)(ops.arange(queries, dtype="int32"))[None]  # <- KS407
    learned = ops.broadcast_to(learned, (1, queries, width))
    scores = ops.einsum("bld,nqd->blq", sequence, learned)
    mixed = layers.MultiHeadAttention(2, width)(query=sequence, value=sequence)
    return keras.Model(inputs, ops.matmul(ops.transpose(scores, (0, 2, 1)), mixed))


def build_tagger(config, tags=3):
    """Positions by a layer, as it should be; the encoder is tried on numbers first."""
    encoder = build_encoder(config)
    probe = encoder(ops.zeros((1, config.length), dtype="int32"))
    inputs = keras.Input((config.length,), dtype="int32")
    features = encoder(inputs)
    assert probe.shape[-1] == config.width
    return keras.Model(inputs, layers.Dense(tags)(features))


if __name__ == "__main__":
    build_encoder(EncoderConfig()).summary()
    print(len(build_tagger(EncoderConfig()).trainable_weights))
