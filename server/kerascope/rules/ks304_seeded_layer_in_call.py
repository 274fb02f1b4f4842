"""KS304: a layer without weights, but with a random state, that every call makes anew."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from kerascope.rules.lazy_creation import attribute_that_holds, made_in_every_call, make_in_init
from kerascope.rules.rule import Example, Report, Rule
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Constant, Layer, Weight


class SeededLayerInCall(Rule):
    """
    ## What it does
    Reports `Dropout`, `GaussianNoise`, `RandomFlip` and other layers with a random state that `call`, or a
    method or function that it uses, makes each time it runs.

    ## Why it matters
    In Keras 3 such a layer owns a seed generator, which is a variable. Measured for
    `keras.layers.Dropout(0.5)(x, training=training)` in `call`:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | eagerly | runs | runs |
    | `fit` | ValueError: tf.function only supports singleton variables | learns |
    | the same with `RandomFlip` or `RandomRotation` | ValueError | ValueError |

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def call(self, x, training=None):
            x = self.dense(x)
            return keras.layers.Dropout(0.5)(x, training=training)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)
            self.dropout = keras.layers.Dropout(0.5)

        def call(self, x, training=None):
            x = self.dense(x)
            return self.dropout(x, training=training)
    ```

    ## When it is silent
    For layers with weights, which are KS301's; in Keras 2 for those without a generator of their own, as
    `Dropout`; for a rate of 0; under a condition that asks whether the layer is there already; in functions
    that build a functional model.

    ## Fix
    Unsafe: makes the layer in `__init__` and uses it in `call`. Offered where its arguments mean the same
    there.

    ## References
    - Keras 3.15.1: `keras/src/random/seed_generator.py` (`SeedGenerator.__init__`),
      `keras/src/layers/regularization/dropout.py` (`Dropout.__init__`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`BaseRandomLayer`).
    - [keras-cv #1951](https://github.com/keras-team/keras-cv/pull/1951): a `Dropout` that `call` made is
      made in the constructor, as TensorFlow needs it.
    """

    code = "KS304"
    name = "seeded-layer-in-call"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "A layer with a random state, such as Dropout, is made anew in every call."

    reporting = (
        Example(
            "Dropout on the spot",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x, training=None):
        x = self.dense(x)
        return keras.layers.Dropout(0.5)(x, training=training)  # <- KS304
""",
            (3,),
            symptom="fit-raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.dropout = keras.layers.Dropout(0.5)

    def call(self, x, training=None):
        x = self.dense(x)
        return self.dropout(x, training=training)  # <- KS304
""",
        ),
        Example(
            "noise under training only, with a rate from the configuration",
            """\
from tensorflow import keras
from tensorflow.keras import layers


class Example(keras.Model):
    def __init__(self, stddev=0.1):
        super().__init__()
        self.stddev = stddev
        self.encoder = layers.Dense(8, activation="relu")
        self.decoder = layers.Dense(4)

    def call(self, inputs, training=None):
        x = inputs
        if training:
            x = layers.GaussianNoise(self.stddev)(x, training=True)  # <- KS304
        return self.decoder(self.encoder(x))
""",
            (3,),
            symptom="fit-raises",
            fixed="""\
from tensorflow import keras
from tensorflow.keras import layers


class Example(keras.Model):
    def __init__(self, stddev=0.1):
        super().__init__()
        self.stddev = stddev
        self.encoder = layers.Dense(8, activation="relu")
        self.decoder = layers.Dense(4)
        self.gaussian_noise = layers.GaussianNoise(self.stddev)

    def call(self, inputs, training=None):
        x = inputs
        if training:
            x = self.gaussian_noise(x, training=True)  # <- KS304
        return self.decoder(self.encoder(x))
""",
        ),
        Example(
            "a block of the functional style, used in call()",
            """\
import keras


def regularised(x, rate):
    x = keras.layers.Activation("relu")(x)
    return keras.layers.Dropout(rate)(x)  # <- KS304


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.denses = [keras.layers.Dense(4) for _ in range(depth)]

    def call(self, x):
        for dense in self.denses:
            x = regularised(dense(x), 0.2)
        return x
""",
            (3,),
            symptom="fit-raises",
        ),
        Example(
            "a random augmentation",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x, training=None):
        image = keras.layers.Reshape((2, 2, 1))(x)
        image = keras.layers.RandomFlip("horizontal")(image, training=training)  # <- KS304
        return self.dense(keras.layers.Flatten()(image))
""",
            symptom="fit-raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.random_flip = keras.layers.RandomFlip("horizontal")

    def call(self, x, training=None):
        image = keras.layers.Reshape((2, 2, 1))(x)
        image = self.random_flip(image, training=training)  # <- KS304
        return self.dense(keras.layers.Flatten()(image))
""",
        ),
        Example(
            "kept on self",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[-1],), initializer="ones")

    def call(self, x):
        self.drop = keras.layers.Dropout(0.1)  # <- KS304
        return self.drop(x) * self.w
""",
            (3,),
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.drop = keras.layers.Dropout(0.1)

    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[-1],), initializer="ones")

    def call(self, x):
        return self.drop(x) * self.w
""",
        ),
    )

    silent = (
        Example(
            "Dropout in Keras 2",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x, training=None):
        return keras.layers.Dropout(0.5)(self.dense(x), training=training)
""",
            (2,),
        ),
        Example(
            "a function of the backend",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x, training=None):
        x = self.dense(x)
        return tf.nn.dropout(x, 0.5) if training else x
""",
        ),
        Example(
            "layers without a random state",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        x = keras.layers.Activation("relu")(self.dense(x))
        return keras.layers.Add()([x, x])
""",
        ),
        Example(
            "a rate of 0",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x, training=None):
        return keras.layers.Dropout(rate=0.0)(self.dense(x), training=training)
""",
        ),
        Example(
            "a functional model",
            """\
import keras


def block(x):
    return keras.layers.Dropout(0.5)(keras.layers.Dense(4)(x))


def build_model():
    inputs = keras.Input((4,))
    return keras.Model(inputs, block(inputs))
""",
            make="build_model()",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        for creation, site in made_in_every_call(run, partial(_is_seeded, run)):
            layer = creation.value
            assert isinstance(layer, Layer)
            if run.generation == 3 and attribute_that_holds(run, creation) is not None:
                why = "Keras 3 refuses new sublayers once the layer is built"
            else:
                kind = "seed" if run.generation == 3 else "random"
                why = f"its {kind} generator is a new variable, and `fit` raises ValueError"
            yield Report(
                site,
                f"{layer.class_name} is made anew in every call: {why}. Make it in `__init__`.",
                fix=partial(make_in_init, run=run, creation=creation),
            )


def _is_seeded(run: LayerRun, layer: Layer | Weight) -> bool:
    """Whether a layer has variables only for its random state."""
    if not isinstance(layer, Layer) or layer.library is None or layer.cached:
        return False
    library = layer.library
    if library.kind != "layer" or not library.has_seed or library.has_weights != "no":
        return False
    if run.generation == 2 and not library.name.startswith("keras.layers.Random"):
        return False
    first = layer.keywords.get(library.init[0] if library.init else "") or next(iter(layer.arguments), None)
    return not (isinstance(first, Constant) and first.value == 0) and run.weights_of(layer).has != "yes"
