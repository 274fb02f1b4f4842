# Keras 3
# x: 2, 8, 4
# shows: not-built-by-build | GatedConv(4, 3)
# shows: not-built-by-build | WaveNet(4, layers=2)
# shows: not-built-by-build | Critic(4)
import keras
from keras import layers as L


class Base(keras.layers.Layer):
    """Keeps the configuration."""

    def __init__(self, **kwargs):
        name = kwargs.pop("name", None)
        super().__init__(name=name)
        self.config = kwargs
        self.setup(**kwargs)

    def setup(self, **config):
        pass

    def get_config(self):
        return {**super().get_config(), **self.config}


class Gated(Base):  # <- KS203
    def setup(self, filters, kernel_size, dilation=1):
        options = dict(padding="causal", dilation_rate=dilation)
        self.filter = L.Conv1D(filters, kernel_size, activation="tanh", **options)
        self.gate = L.Conv1D(filters, kernel_size, activation="sigmoid", **options)

    def call(self, x):
        return self.filter(x) * self.gate(x)


class GatedConv(keras.layers.Layer):  # <- KS203
    def __init__(self, filters, kernel_size, dilation=1, **kwargs):
        super().__init__(**kwargs)
        self.gated = Gated(filters=filters, kernel_size=kernel_size, dilation=dilation)
        self.residual = L.Conv1D(filters, 1)
        self.skip = L.Conv1D(filters, 1)

    def call(self, x):
        y = self.gated(x)
        return x + self.residual(y), self.skip(y)


class WaveNet(keras.Model):  # <- KS203
    def __init__(self, filters, layers, classes=5, **kwargs):
        super().__init__(**kwargs)
        self.stem = L.Conv1D(filters, 2, padding="causal")
        for i in range(layers):
            setattr(self, f"block_{i}", GatedConv(filters, 3, 2**i))
        self.depth = layers
        self.out = keras.Sequential([L.ReLU(), L.Conv1D(classes, 1)])

    def call(self, x):
        x = self.stem(x)
        total = 0.0
        for i in range(self.depth):
            x, skip = getattr(self, f"block_{i}")(x)
            total = total + skip
        return self.out(total)


class Critic(WaveNet):  # <- KS203
    """Ends in one score."""

    def __init__(self, filters, **kwargs):
        super().__init__(filters, layers=1, **kwargs)
        self.score = L.Dense(1)

    def call(self, x):
        return self.score(L.GlobalAveragePooling1D()(super().call(x)))
