# Keras 3
# shows: untracked | MessagePassing(steps=2, units=4)
# shows: untracked | DeepSet(4, depth=3)
# shows: untracked | CrossNetwork(2)
import keras
from keras import layers, ops


def mlp(units, depth=2, activation="relu", name=None):
    """A Sequential of equal Dense layers."""
    stack = keras.Sequential(name=name)
    for _ in range(depth):
        stack.add(layers.Dense(units, activation=activation))
    return stack


class GraphLayer(layers.Layer):
    """Base class: `self.updates` holds one update network for every step."""

    def __init__(self, steps, units, **kwargs):
        super().__init__(**kwargs)
        self.steps = steps
        self.units = units
        self.updates = [None for _ in range(steps)]
        self._make_updates()

    def _make_updates(self):
        for step in range(self.steps):
            self.updates[step] = self.make_update(step)  # <- KS106

    def make_update(self, step):
        return layers.Dense(self.units, name=f"update_{step}")


class MessagePassing(GraphLayer):
    def make_update(self, step):
        return mlp(self.units, name=f"update_{step}")

    def call(self, nodes):
        for update in self.updates:
            messages = ops.mean(nodes, axis=0, keepdims=True)
            nodes = nodes + update(nodes + messages)
        return nodes


class DeepSet(layers.Layer):
    def __init__(self, units, depth=2, **kwargs):
        super().__init__(**kwargs)
        self.phi = []
        phi = self.phi
        phi += [layers.Dense(units, activation="relu") for _ in range(depth)]  # <- KS106
        self.rho = mlp(units)

    def build(self, input_shape):
        shape = input_shape
        for dense in self.phi:
            dense.build(shape)
            shape = (*shape[:-1], dense.units)
        self.rho.build(shape)

    def call(self, x):
        for dense in self.phi:
            x = dense(x)
        return self.rho(x)


class CrossNetwork(layers.Layer):
    """x0 * (W x + b) + x, a few times."""

    def __init__(self, depth, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth
        self.kernels = [None] * depth
        self.biases = [None] * depth

    def build(self, input_shape):
        dim = input_shape[-1]
        for i in range(self.depth):
            self.kernels[i] = self.add_weight(shape=(dim, dim), name=f"kernel_{i}")
            self.biases[i] = self.add_weight(shape=(dim,), initializer="zeros", name=f"bias_{i}")
        self.mixers = [None] * self.depth
        self.mixers[:] = [layers.Dense(dim) for _ in range(self.depth)]  # <- KS106
        for mixer in self.mixers:
            mixer.build(input_shape)

    def call(self, x):
        x0 = x
        for kernel, bias, mixer in zip(self.kernels, self.biases, self.mixers):
            x = x0 * (ops.matmul(x, kernel) + bias) + mixer(x)
        return x
