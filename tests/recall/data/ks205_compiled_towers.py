# Keras 3
# shows: no-gradient | TwoTower(vocabulary=50) | tf.constant([[1, 2, 3], [4, 5, 0]])
# shows: no-gradient | QueryTower(vocabulary=50, width=4) | tf.constant([[1, 2, 3], [4, 5, 0]])
# shows: no-gradient | ItemOnly(50) | tf.constant([[1, 2, 3], [4, 5, 0]])
"""Retrieval with two towers; the base class compiles the forward pass of each."""
import tensorflow as tf


class Tower(tf.keras.layers.Layer):
    """Ends in unit vectors."""

    def __init__(self, vocabulary, width, reduce=True, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary = vocabulary
        self.width = width
        self.reduce = reduce
        self._graph = tf.function(self.forward)  # <- KS205

    def forward(self, inputs):
        raise NotImplementedError

    def call(self, inputs):
        return tf.math.l2_normalize(self._graph(inputs), axis=-1)

    def get_config(self):
        config = super().get_config()
        config.update(vocabulary=self.vocabulary, width=self.width, reduce=self.reduce)
        return config


class QueryTower(Tower):  # <- KS203
    def __init__(self, vocabulary, width, **kwargs):
        super().__init__(vocabulary, width, **kwargs)
        self.embedding = tf.keras.layers.Embedding(vocabulary, width)
        self.blocks = [
            tf.keras.Sequential([tf.keras.layers.Dense(width, activation="relu"), tf.keras.layers.Dense(width)])
            for _ in range(2)
        ]

    def forward(self, inputs):
        x = self.embedding(inputs)
        for block in self.blocks:
            x = x + block(x)
        return tf.reduce_mean(x, axis=1) if self.reduce else x


class ItemTower(Tower):
    """Builds what it uses."""

    def __init__(self, vocabulary, width, **kwargs):
        super().__init__(vocabulary, width, **kwargs)
        self.embedding = tf.keras.layers.Embedding(vocabulary, width)
        self.project = tf.keras.layers.Dense(width)

    def build(self, input_shape):
        self.embedding.build(input_shape)
        self.project.build((*input_shape, self.width))
        self.built = True

    def forward(self, inputs):
        x = self.project(self.embedding(inputs))
        return tf.reduce_mean(x, axis=1) if self.reduce else x


TOWERS = {"query": QueryTower, "item": ItemTower}


def make_tower(kind, vocabulary, width=4):
    return TOWERS[kind](vocabulary, width, name=f"{kind}_tower")


class TwoTower(tf.keras.Model):  # <- KS203
    def __init__(self, vocabulary, width=4, **kwargs):
        super().__init__(**kwargs)
        self.query = make_tower("query", vocabulary, width)
        self.item = make_tower("item", vocabulary, width)

    def call(self, inputs, training=None):
        left = self.query(inputs)
        right = self.item(inputs)  # <- KS205
        return tf.matmul(left, right, transpose_b=True)


class ItemOnly(tf.keras.Model):  # <- KS203
    """For the index, which needs no queries."""

    def __init__(self, vocabulary, width=4, **kwargs):
        super().__init__(**kwargs)
        self.tower = make_tower("item", vocabulary, width)
        self.scale = tf.keras.layers.Dense(1, use_bias=False)

    def call(self, inputs):
        return self.scale(self.tower(inputs))  # <- KS205
