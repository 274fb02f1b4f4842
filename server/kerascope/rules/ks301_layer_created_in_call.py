"""KS301: a layer with weights that every call makes anew."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from kerascope.rules.lazy_creation import attribute_that_holds, made_in_every_call, make_in_init
from kerascope.rules.places import weight_places
from kerascope.rules.rule import Example, Related, Report, Rule
from kerascope.tracking.events import Created
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Layer, Weight


class LayerCreatedInCall(Rule):
    """
    ## What it does
    Reports a layer with weights that `call`, or a method or function that it uses, makes each time it runs.

    ## Why it matters
    Every call gets fresh, untrained weights. Measured for `return keras.layers.Dense(4)(x)` in `call`:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | trainable weights after a call | 0, though the call used 2 | 0, though the call used 2 |
    | new variables in the second call | 2 | 2 |
    | an eager training loop | runs, learns nothing, says nothing | runs, learns nothing, says nothing |
    | `fit` | ValueError: tf.function only supports singleton variables | ValueError |

    Where the layer is kept on `self`, Keras 3 raises in the first call ("You cannot add new elements of
    state"), and Keras 2 replaces the trained layer by a new one in every call.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def call(self, x):
            return keras.layers.Dense(4)(x)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense(x)
    ```

    ## When it is silent
    Layers without weights (`Activation`, `Add`, `Reshape`), and those whose weights are all of layers that
    attributes hold (`TimeDistributed(self.dense)`); creation under a condition that asks whether the
    layer is there already (KS303); functions that build a functional model, and a `__call__` of one's own
    in the place of Keras', which may do so; functions with a cached result.

    ## Fix
    Unsafe: makes the layer in `__init__` and uses it in `call`. Offered where its arguments mean the same
    there.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.__call__`, `Layer._lock_state`),
      `keras/src/utils/tracking.py` (`Tracker.add_to_store`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__call__`).
    - [keras #11736](https://github.com/keras-team/keras/issues/11736): a `Dense` made in `call` isn't
      trained.
    """

    code = "KS301"
    name = "layer-created-in-call"
    severity = {2: "error", 3: "error"}  # noqa: RUF012
    summary = "A layer with weights is made anew in every call."

    reporting = (
        Example(
            "a Dense made and used on the spot",
            """\
import keras


class Example(keras.layers.Layer):
    def call(self, x):
        return keras.layers.Dense(4)(x)  # <- KS301
""",
            symptom="created-every-call",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)  # <- KS301
""",
        ),
        Example(
            "a local variable in call",
            """\
from tensorflow import keras
from tensorflow.keras import layers


class Example(keras.Model):
    def __init__(self, units=4):
        super().__init__()
        self.units = units
        self.norm = layers.LayerNormalization()

    def call(self, inputs, training=None):
        project = layers.Dense(self.units, activation="relu")  # <- KS301
        x = project(inputs)
        return self.norm(x)
""",
            symptom="created-every-call",
            fixed="""\
from tensorflow import keras
from tensorflow.keras import layers


class Example(keras.Model):
    def __init__(self, units=4):
        super().__init__()
        self.units = units
        self.norm = layers.LayerNormalization()
        self.dense = layers.Dense(self.units, activation="relu")

    def call(self, inputs, training=None):
        project = self.dense  # <- KS301
        x = project(inputs)
        return self.norm(x)
""",
        ),
        Example(
            "assigned to self in every call",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = 0.5

    def call(self, x):
        self.project = keras.layers.Dense(4)  # <- KS301
        return self.project(x) * self.scale
""",
            symptom={2: "fewer-weights", 3: "raises"},
            evidence=(
                "(lambda old: (layer(x), any(a is not b for a, b in zip(old, layer.weights)))[1])"
                "(layer.weights)"
            ),
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = 0.5
        self.project = keras.layers.Dense(4)

    def call(self, x):
        return self.project(x) * self.scale
""",
        ),
        Example(
            "appended to a list in every call",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.steps = []

    def call(self, x):
        self.steps.append(keras.layers.Dense(4))  # <- KS301
        return self.steps[-1](x)
""",
            symptom={2: "created-every-call", 3: "raises"},
        ),
        Example(
            "in a method that call uses",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.depth = depth

    def call(self, x):
        return self._project(x)

    def _project(self, x):
        return keras.layers.Dense(4, activation="tanh")(x)  # <- KS301
""",
            symptom="created-every-call",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.depth = depth
        self.dense = keras.layers.Dense(4, activation="tanh")

    def call(self, x):
        return self._project(x)

    def _project(self, x):
        return self.dense(x)  # <- KS301
""",
        ),
        Example(
            "a function of the functional style, used inside a layer",
            """\
import keras


def block(x, units):
    x = keras.layers.Dense(units)(x)  # <- KS301
    return keras.layers.Activation("relu")(x)


class Example(keras.layers.Layer):
    def call(self, x):
        return block(x, 4)
""",
            symptom="created-every-call",
        ),
        Example(
            "an activation with a weight",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return keras.layers.PReLU()(self.dense(x))  # <- KS301
""",
            symptom="created-every-call",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.prelu = keras.layers.PReLU()

    def call(self, x):
        return self.prelu(self.dense(x))  # <- KS301
""",
        ),
        Example(
            "as wide as the input is: no fix",
            """\
import keras


class Example(keras.layers.Layer):
    def call(self, x):
        gate = keras.layers.Dense(x.shape[-1], activation="sigmoid")  # <- KS301
        return x * gate(x)
""",
            symptom="created-every-call",
        ),
        Example(
            "in a loop",
            """\
import keras


class Example(keras.layers.Layer):
    def call(self, x):
        for width in (8, 4):
            x = keras.layers.Dense(width)(x)  # <- KS301
        return x
""",
            symptom="created-every-call",
        ),
        Example(
            "under a condition on the call's own arguments",
            """\
import keras


class Example(keras.layers.Layer):
    def call(self, x, mask=None):
        if mask is None:
            x = keras.layers.Dense(4)(x)  # <- KS301
        return x
""",
            symptom="created-every-call",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(4)

    def call(self, x, mask=None):
        if mask is None:
            x = self.dense(x)  # <- KS301
        return x
""",
        ),
        Example(
            "a method that makes two layers in one call: no fix",
            """\
import keras


class Example(keras.layers.Layer):
    def call(self, x):
        return self._step(self._step(x))

    def _step(self, x):
        return keras.layers.Dense(4)(x)  # <- KS301
""",
            symptom="created-every-call",
        ),
        Example(
            "a layer of one's own",
            """\
import keras
import tensorflow as tf


class Linear(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), initializer="ones", name="w")

    def call(self, x):
        return tf.matmul(x, self.w)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.units = 3

    def call(self, x):
        return Linear(self.units)(x)  # <- KS301
""",
            symptom="created-every-call",
            fixed="""\
import keras
import tensorflow as tf


class Linear(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), initializer="ones", name="w")

    def call(self, x):
        return tf.matmul(x, self.w)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.units = 3
        self.linear = Linear(self.units)

    def call(self, x):
        return self.linear(x)  # <- KS301
""",
        ),
        Example(
            "a Sequential and its layers are one thing",
            """\
import keras


class Example(keras.layers.Layer):
    def call(self, x):
        network = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(2)])  # <- KS301
        return network(x)
""",
            symptom="created-every-call",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.sequential = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(2)])

    def call(self, x):
        network = self.sequential  # <- KS301
        return network(x)
""",
        ),
        Example(
            "a function that is right in a functional model",
            """\
import keras


def widened(x):
    return keras.layers.Dense(4)(x)


def make_model():
    inputs = keras.Input((4,))
    return keras.Model(inputs, widened(inputs))


class Example(keras.layers.Layer):
    def call(self, x):
        return x + widened(x)  # <- KS301
""",
            symptom="created-every-call",
        ),
    )
    silent = (
        Example(
            "a wrapper around a layer that an attribute holds",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return keras.layers.TimeDistributed(self.dense)(x[:, None, :])[:, 0, :]
""",
        ),
        Example(
            "a Sequential of layers that attributes hold",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(4)
        self.second = keras.layers.Dense(4)

    def call(self, x):
        return keras.Sequential([self.first, self.second])(x)
""",
            (3,),
        ),
        Example(
            "setdefault keeps the first one",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.heads = {}

    def call(self, x):
        head = self.heads.setdefault("main", keras.layers.Dense(4))
        return head(x)
""",
            (2,),
        ),
        Example(
            "a __call__ in the place of call, which makes the layers of a functional model",
            """\
import keras


class Head(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units
        self.hidden = keras.layers.Dense(8, activation="relu")

    def __call__(self, x):
        x = keras.layers.Dropout(0.1)(self.hidden(x))
        return keras.layers.Dense(self.units)(x)


inputs = keras.Input((4,))
model = keras.Model(inputs, Head(2)(inputs))
""",
            make="model",
        ),
        Example(
            "a __call__ that runs call itself, while a functional model is made",
            """\
import keras


class Block(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units

    def __call__(self, x):
        return self.call(x)

    def call(self, x):
        return keras.layers.Dense(self.units)(x)


inputs = keras.Input((4,))
model = keras.Model(inputs, Block(2)(inputs))
""",
            make="model",
        ),
        Example(
            "layers without weights",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        y = keras.layers.Activation("relu")(self.dense(x))
        y = keras.layers.Reshape((4,))(y)
        return keras.layers.Add()([x, y])
""",
        ),
        Example(
            "a function that builds a functional model",
            """\
import keras


def block(x):
    return keras.layers.Dense(4)(x)


def build_model():
    inputs = keras.Input((4,))
    return keras.Model(inputs, block(block(inputs)))
""",
            make="build_model()",
        ),
        Example(
            "made in the constructor and in build()",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.first = self._dense(8)

    def build(self, input_shape):
        self.second = self._dense(2)

    def _dense(self, units):
        return keras.layers.Dense(units)

    def call(self, x):
        return self.second(self.first(x))
""",
        ),
        Example(
            "made once, when it isn't there yet",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = None

    def call(self, x):
        if self.dense is None:
            self.dense = keras.layers.Dense(4)
        return self.dense(x)
""",
            (2,),
        ),
        Example(
            "made once, after an early return",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = None

    def _head(self):
        if self.dense is not None:
            return self.dense
        self.dense = keras.layers.Dense(4)
        return self.dense

    def call(self, x):
        return self._head()(x)
""",
            (2,),
        ),
        Example(
            "made once, in an exception handler",
            """\
import keras


class Example(keras.layers.Layer):
    def call(self, x):
        try:
            dense = self.dense
        except AttributeError:
            dense = self.dense = keras.layers.Dense(4)
        return dense(x)
""",
            (2,),
        ),
        Example(
            "a cached function makes it once",
            """\
import functools

import keras


@functools.lru_cache(maxsize=None)
def shared_projection():
    return keras.layers.Dense(4)


class Example(keras.layers.Layer):
    def call(self, x):
        return shared_projection()(x)
""",
            symptom="untracked",
        ),
        Example(
            "a metric",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        y = self.dense(x)
        if not hasattr(self, "size"):
            self.size = keras.metrics.Mean()
        return y
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        for creation, site in made_in_every_call(run, partial(_has_weights, run)):
            assert isinstance(creation.value, Layer)
            refused = run.generation == 3 and attribute_that_holds(run, creation) is not None
            if not refused and run.found_otherwise(creation.value):
                continue
            places, message = weight_places(run.weights_of(creation.value).weights), _message(run, creation)
            if site is not creation.at.site and creation.at.site.path == site.path:
                places = (Related(creation.at.site, "made here"), *places)
                message = f"By this, {message}"
            yield Report(
                site,
                message,
                places,
                partial(make_in_init, run=run, creation=creation),
            )


def _has_weights(run: LayerRun, layer: Layer | Weight) -> bool:
    return (
        isinstance(layer, Layer)
        and run.weights_of(layer).has == "yes"
        and not layer.cached
        and layer.library is not None
        and layer.library.kind in ("layer", "model")
    )


def _message(run: LayerRun, creation: Created) -> str:
    name = creation.value.class_name if isinstance(creation.value, Layer) else ""
    what = f"{name} is made anew in every call"
    if attribute_that_holds(run, creation) is not None and run.generation == 3:
        return f"{what}: Keras 3 refuses new sublayers once the layer is built. Make it in `__init__`."
    return f"{what}, with fresh weights that are never trained or saved. Make it in `__init__`."
