# Keras 3
# shows: missing-in-functional | Forecaster(ForecastConfig()).recurrent_model()
# shows: missing-in-functional | keras.Sequential([keras.layers.Reshape((2, 2)), keras.layers.RNN(CELLS["mixture"](2))])
"""Recurrent cells for a forecasting study, and the models made of them."""
from dataclasses import dataclass

import keras
from keras import layers, ops


@dataclass
class ForecastConfig:
    cell: str = "minimal"
    units: int = 3
    steps: int = 2
    horizon: int = 1


CELLS = {}


def cell(name):
    def register(cls):
        CELLS[name] = cls
        return cls

    return register


class BaseCell(layers.Layer):
    """One state of `units` numbers."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units
        self.output_size = units

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.state_size), dtype=self.compute_dtype)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@cell("minimal")
class MinimalCell(BaseCell):  # <- KS203, KS204
    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.forget = layers.Dense(units, activation="sigmoid")
        self.candidate = layers.Dense(units, activation="tanh")

    def call(self, inputs, states, training=False):
        (previous,) = states
        gate = self.forget(inputs)
        state = gate * previous + (1.0 - gate) * self.candidate(inputs)
        return state, [state]


@cell("mixture")
class MixtureCell(BaseCell):
    """Weighs the outputs of several experts, each of them a small network."""

    def __init__(self, units, experts=2, **kwargs):
        super().__init__(units, **kwargs)
        self.experts = [layers.Dense(units, activation="tanh") for _ in range(experts)]
        self.router = layers.Dense(experts, activation="softmax")

    def build(self, input_shape):  # <- KS201, KS204
        self.mix = self.add_weight(name="mix", shape=(self.units,), initializer="zeros")
        self.router.build(input_shape)
        self.built = True

    def call(self, inputs, states, training=False):
        (previous,) = states
        weights = self.router(inputs)
        found = [expert(inputs) for expert in self.experts]
        state = sum(weights[:, i : i + 1] * value for i, value in enumerate(found))
        state = state + ops.sigmoid(self.mix) * previous
        return state, [state]


@cell("careful")
class CarefulCell(BaseCell):
    """Builds all that it has."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.update = layers.Dense(units, activation="sigmoid")
        self.norm = layers.LayerNormalization()

    def build(self, input_shape):
        self.update.build(input_shape)
        self.norm.build((input_shape[0], self.units))
        self.built = True

    def call(self, inputs, states, training=False):
        (previous,) = states
        state = self.norm(previous + self.update(inputs))
        return state, [state]


class Forecaster:
    """Makes and trains models; no layer itself."""

    def __init__(self, config: ForecastConfig):
        self.config = config

    def recurrent_model(self):
        chosen = CELLS[self.config.cell](self.config.units)
        return keras.Sequential(
            [
                layers.Reshape((self.config.steps, -1)),
                layers.RNN(chosen),
                layers.Dense(self.config.horizon),
            ]
        )

    def train(self, x, y, epochs=1):
        model = self.recurrent_model()
        model.compile("adam", "mse")
        model.fit(x, y, epochs=epochs, verbose=0)
        return model
