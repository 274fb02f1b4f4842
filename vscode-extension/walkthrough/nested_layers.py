"""An encoder whose blocks Keras 3 never finds: it trains nothing, and says nothing."""

import keras


class Block(keras.layers.Layer):
    """Normalizes, then mixes."""

    def __init__(self, width):
        super().__init__()
        self.norm = keras.layers.LayerNormalization()
        self.dense = keras.layers.Dense(width, activation="gelu")

    def build(self, input_shape):
        self.norm.build(input_shape)
        self.dense.build(input_shape)

    def call(self, x):
        return x + self.dense(self.norm(x))


class Encoder(keras.layers.Layer):
    """Blocks one after the other."""

    def __init__(self, depth=2, width=16):
        super().__init__()
        blocks = []
        self.blocks = blocks
        for _ in range(depth):
            blocks.append(Block(width))

    def build(self, input_shape):
        for block in self.blocks:
            block.build(input_shape)

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


encoder = Encoder()
encoder(keras.random.normal((4, 16)))
print(len(encoder.trainable_weights), "weights will train")
