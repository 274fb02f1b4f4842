# Keras 3
# shows: fewer-weights | Ensemble(4) | x | len(layer.trainable_weights) < 6
import keras
from keras import layers


class Member(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units)

    def build(self, input_shape):  # kerascope: ignore[KS201, KS203]  # <- KS901
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x)


class Ensemble(keras.Model):  # kerascope: ignore[KS203]
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.members = [Member(units)] * 3  # kerascope: ignore[KS115] one member, evaluated three times
        self.dropout = layers.Dropout(0.5)  # kerascope: ignore  # <- KS901

    def call(self, x, training=None):
        outputs = [self.dropout(member(x), training=training) for member in self.members]
        return sum(outputs) / len(outputs)
