# Keras 2 and 3
# x: 2, 3, 4
# shows in Keras 3: raises | StackedRNN([4, 4])
# shows in Keras 3: raises | MetaLayer(4)
"""Pre-Keras-3 habits: the weights of inner layers are added to Keras' private lists by hand."""
import tensorflow as tf
from tensorflow.keras import layers


class WeightNormDense(layers.Layer):
    """Base class: `adopt` makes another layer's weights our own."""

    def adopt(self, layer):
        self._trainable_weights += layer.trainable_weights  # <- KS112
        self._non_trainable_weights += layer.non_trainable_weights  # <- KS112


class MetaLayer(WeightNormDense):
    def __init__(self, units, **kwargs):
        super(MetaLayer, self).__init__(**kwargs)
        self.units = units
        self.inner = layers.Dense(units)
        self.norm = layers.BatchNormalization()

    def build(self, input_shape):
        self.inner.build(input_shape)
        self.norm.build(tuple(input_shape[:-1]) + (self.units,))
        self.adopt(self.inner)
        self.adopt(self.norm)
        super(MetaLayer, self).build(input_shape)

    def call(self, x, training=None):
        return self.norm(self.inner(x), training=training)


class StackedRNN(tf.keras.layers.Layer):
    def __init__(self, sizes, **kwargs):
        super().__init__(**kwargs)
        self.cells = [layers.GRUCell(size) for size in sizes]
        self.rnn = layers.RNN(self.cells, return_sequences=True)

    def build(self, input_shape):
        shape = input_shape
        for cell in self.cells:
            cell.build(tuple(shape[:1]) + tuple(shape[2:]))
            self._trainable_weights.extend(cell.trainable_weights)  # <- KS112
            shape = tuple(shape[:-1]) + (cell.units,)
        self.built = True

    def call(self, x):
        return self.rnn(x)
