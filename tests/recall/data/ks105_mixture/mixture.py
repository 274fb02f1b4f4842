# Keras 3
# shows: fewer-weights | MixtureOfExperts(3, 4) | x | len(layer.trainable_weights) < 7
# shows: fewer-weights | Towers({"a": [4, 4], "b": [4]}) | x | len(layer.trainable_weights) < 6
import keras
from experts import Gate, fill_with_experts
from keras import ops


class MixtureOfExperts(keras.layers.Layer):
    def __init__(self, count, units, **kwargs):
        super().__init__(**kwargs)
        experts = []
        self.experts = experts
        fill_with_experts(experts, count, units)  # <- KS105
        self.gate = Gate(count)
        self.count = count
        self.units = units

    def build(self, input_shape):
        self.gate.build(input_shape)
        for expert in self.experts:
            expert.build(input_shape)

    def call(self, x):
        weights = self.gate(x)
        total = 0.0
        for index, expert in enumerate(self.experts):
            total = total + weights[:, index : index + 1] * expert(x)
        return total + 0.0 * ops.sum(weights)

    def get_config(self):
        return {**super().get_config(), "count": self.count, "units": self.units}


class Towers(keras.Model):  # <- KS203
    """One tower of Dense layers for every input feature group."""

    def __init__(self, groups, **kwargs):
        super().__init__(**kwargs)
        towers = {}
        self.towers = towers
        self.out = keras.layers.Dense(1)
        for name, sizes in groups.items():
            towers[name] = keras.Sequential(  # <- KS105
                [keras.layers.Dense(size, activation="relu", name=f"{name}_{i}") for i, size in enumerate(sizes)]
            )

    def call(self, x):
        outputs = [tower(x) for tower in self.towers.values()]
        return self.out(ops.concatenate([x, *outputs], axis=-1))
