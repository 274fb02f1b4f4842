"""Forecasts rain from radar pictures. The tower is filled through a list that Keras 3 has copied."""

import keras


class Cell(keras.layers.Layer):
    """Looks at one scale."""

    def __init__(self, width):
        super().__init__()
        self.width = width
        self.norm = keras.layers.LayerNormalization()
        self.mix = keras.layers.Dense(width, activation="gelu")

    def build(self, input_shape):
        self.norm.build(input_shape)
        self.mix.build(input_shape)

    def call(self, picture):
        return picture + self.mix(self.norm(picture))


class Tower(keras.layers.Layer):
    """Cells one after the other, then as many refinements."""

    def __init__(self, depth, width):
        super().__init__()
        cells = []
        self.cells = cells
        for _ in range(depth):
            cells.append(Cell(width))
        self.refinements = [keras.layers.Dense(width)] * depth

    def call(self, picture):
        for cell in self.cells:
            picture = cell(picture)
        for refine in self.refinements:
            picture = refine(picture)
        return picture
