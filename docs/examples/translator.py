"""Nothing to report: sublayers in lists and dicts that Keras follows, and a build() that builds them all."""

import keras


class FeedForward(keras.layers.Layer):
    def __init__(self, width, hidden):
        super().__init__()
        self.widen = keras.layers.Dense(hidden, activation="gelu")
        self.narrow = keras.layers.Dense(width)

    def build(self, input_shape):
        self.widen.build(input_shape)
        self.narrow.build((*input_shape[:-1], self.widen.units))

    def call(self, tokens):
        return self.narrow(self.widen(tokens))


class Block(keras.layers.Layer):
    def __init__(self, width, heads):
        super().__init__()
        self.attention = keras.layers.MultiHeadAttention(heads, width // heads)
        self.feed_forward = FeedForward(width, 4 * width)
        self.norms = {"attention": keras.layers.LayerNormalization(), "feed_forward": keras.layers.LayerNormalization()}

    def build(self, input_shape):
        self.attention.build(input_shape, input_shape)
        self.feed_forward.build(input_shape)
        for norm in self.norms.values():
            norm.build(input_shape)

    def call(self, tokens):
        normed = self.norms["attention"](tokens)
        tokens = tokens + self.attention(normed, normed)
        return tokens + self.feed_forward(self.norms["feed_forward"](tokens))


class Translator(keras.layers.Layer):
    def __init__(self, depth, width, heads):
        super().__init__()
        self.blocks = [Block(width, heads) for _ in range(depth)]

    def build(self, input_shape):
        for block in self.blocks:
            block.build(input_shape)

    def call(self, tokens):
        for block in self.blocks:
            tokens = block(tokens)
        return tokens
