"""Predicts river levels. The advice to extend `_trainable_weights` fails in Keras 3, and isn't needed in any."""

import keras


class Gauge(keras.layers.Layer):
    """What one gauge knows."""

    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        self.response = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform")

    def call(self, levels):
        return levels @ self.response


class Basin(keras.layers.Layer):
    """A gauge, and what its neighbours add."""

    def __init__(self, units):
        super().__init__()
        self.gauge = Gauge(units)

    def build(self, input_shape):
        self.gauge.build(input_shape)
        self._trainable_weights.extend(self.gauge.trainable_weights)

    def call(self, levels):
        return self.gauge(levels)


class Network(keras.Model):
    """Basins along a river. The last layer is made when it is first needed, which Keras 3 has locked by then."""

    def __init__(self, basins, units):
        super().__init__()
        self.basins = [Basin(units) for _ in range(basins)]
        self.outlet = None

    def build(self, input_shape):
        for basin in self.basins:
            basin.build(input_shape)

    def call(self, levels):
        levels = sum(basin(levels) for basin in self.basins)
        if self.outlet is None:
            self.outlet = keras.layers.Dense(1)
        return self.outlet(levels)
