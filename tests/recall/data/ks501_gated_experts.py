# Keras 2
# shows: not-saved | make_model()
"""A mixture of experts whose members are made when the input's width is known."""
from tensorflow import keras


class Router(keras.layers.Layer):
    def __init__(self, tasks, **kwargs):
        super().__init__(**kwargs)
        self.gates = {task: keras.layers.Dense(1, activation="sigmoid") for task in tasks}

    def build(self, input_shape):
        for gate in self.gates.values():
            gate.build(input_shape)
        super().build(input_shape)

    def call(self, x, task):
        return self.gates[task](x)


class ExpertBank(keras.layers.Layer):
    def __init__(self, tasks, hidden, **kwargs):
        super().__init__(**kwargs)
        self.tasks = list(tasks)
        self.hidden = hidden
        self.router = Router(self.tasks)

    def build(self, input_shape):
        width = int(input_shape[-1])
        self.experts = {}  # <- KS501
        for task in self.tasks:
            self.experts[task] = self._make_expert(task, width)
        for layers in self.experts.values():
            shape = input_shape
            for layer in layers:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)
        self.router.build(input_shape)
        super().build(input_shape)

    def _make_expert(self, task, width):
        expand = keras.layers.Dense(self.hidden, activation="relu", name=f"{task}_expand")
        reduce = keras.layers.Dense(width, name=f"{task}_reduce")
        return [expand, keras.layers.Dropout(0.1), reduce]

    def call(self, x, training=False):
        total = x
        for task in self.tasks:
            y = x
            for layer in self.experts[task]:
                y = layer(y, training=training) if isinstance(layer, keras.layers.Dropout) else layer(y)
            total = total + self.router(x, task) * y
        return total


def make_model(tasks=("click", "buy")):
    inputs = keras.Input((4,))
    x = ExpertBank(tasks, 8)(inputs)
    return keras.Model(inputs, keras.layers.Dense(1)(x))


if __name__ == "__main__":
    model = make_model()
    model.compile("adam", "mse")
    model.save("experts.keras")
