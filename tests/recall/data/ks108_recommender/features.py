from functools import lru_cache

from keras import layers

HASH_BINS = 50


@lru_cache(maxsize=None)
def embedding_for(feature, dim=4):
    """One embedding table for every feature, shared by the towers."""
    return layers.Embedding(HASH_BINS, dim, name=f"embedding_{feature}")


normalizer = layers.BatchNormalization(name="normalizer")
