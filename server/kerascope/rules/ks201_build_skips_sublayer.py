"""KS201: a build() that leaves a sublayer unbuilt."""

from __future__ import annotations

from collections.abc import Iterator

from kerascope.rules.completed_build import add_builds
from kerascope.rules.places import in_own_class, named, sublayer_places
from kerascope.rules.rule import Example, Report, Rule
from kerascope.rules.unbuilt import left_unbuilt
from kerascope.tracking.events import LayerBuilt
from kerascope.tracking.run import LayerRun


class BuildSkipsSublayer(Rule):
    """
    ## What it does
    Reports a layer or model whose own `build()` leaves a sublayer unbuilt that has weights and that `call`
    uses. A sublayer counts as built where `build()` calls its `build`, in a loop, by another method or by
    `super().build()` of a base of yours. Calling `build` on a sublayer whose own class has none builds
    nothing, and is reported too.

    ## Why it matters
    Keras takes the layer for built after its `build()`, whatever that did. The sublayer is built only when
    `call` reaches it. Measured on a layer with one `Dense` (2 weights), whose `build()` only calls
    `super().build()`:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | weights after `layer.build((None, 4))` | 0, no warning | 0 |
    | after a call | 2 | 2 |
    | `load_weights` into such a model after `build(shape)` | loads nothing, says nothing | raises |
    | functional model around it, where `compute_output_shape` is defined | 0 weights, lost on saving | 2 |

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def build(self, input_shape):
            super().build(input_shape)

        def call(self, x):
            return self.dense(x)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def build(self, input_shape):
            self.dense.build(input_shape)
            super().build(input_shape)

        def call(self, x):
            return self.dense(x)
    ```

    ## When it is silent
    Where there is no `build()` (KS203); where the sublayer has no weights, is built in the constructor, or is
    never used; where `build()` goes through all attributes, or hands it to code that Kerascope can't see; in
    Keras 2, for a model whose `build()` calls `super().build()`, which runs `call`.

    ## Fix
    Unsafe: adds `self.dense.build(input_shape)` to `build()`, where the shape that `call` gives the sublayer
    can be derived.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.__new__`: the wrapper that marks a layer as built;
      `Layer._maybe_build`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer._maybe_build`).
    - [keras #18875](https://github.com/keras-team/keras/issues/18875): a `build()` that makes its sublayers
      and doesn't build them: their saved weights can't be loaded.
    """

    code = "KS201"
    name = "build-skips-sublayer"
    severity = {2: "information", 3: "warning"}  # noqa: RUF012
    summary = "The layer has a build(), and a sublayer with weights is not built there."

    reporting = (
        Example(
            "build() does nothing but call super",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):  # <- KS201
        super().build(input_shape)

    def call(self, x):
        return self.dense(x)
""",
            symptom="not-built-by-build",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):  # <- KS201
        self.dense.build(input_shape)
        super().build(input_shape)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "build() makes a weight of its own and forgets the sublayer",
            """\
import tensorflow as tf
from tensorflow.keras import layers


class Example(layers.Layer):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.project = layers.Dense(units)

    def build(self, shape):  # <- KS201
        self.scale = self.add_weight(shape=(self.units,), initializer="ones", name="scale")

    def call(self, x):
        return self.project(x) * self.scale
""",
            symptom="not-built-by-build",
            fixed="""\
import tensorflow as tf
from tensorflow.keras import layers


class Example(layers.Layer):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.project = layers.Dense(units)

    def build(self, shape):  # <- KS201
        self.scale = self.add_weight(shape=(self.units,), initializer="ones", name="scale")
        self.project.build(shape)

    def call(self, x):
        return self.project(x) * self.scale
""",
        ),
        Example(
            "sublayers made in build() and left unbuilt",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):  # <- KS201
        self.hidden = keras.layers.Dense(2 * input_shape[-1], activation="relu")
        self.out = keras.layers.Dense(input_shape[-1])
        self.built = True

    def call(self, inputs):
        x = self.hidden(inputs)
        return self.out(x)
""",
            symptom="not-built-by-build",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):  # <- KS201
        self.hidden = keras.layers.Dense(2 * input_shape[-1], activation="relu")
        self.out = keras.layers.Dense(input_shape[-1])
        self.hidden.build(input_shape)
        x_shape = self.hidden.compute_output_shape(input_shape)
        self.out.build(x_shape)
        self.built = True

    def call(self, inputs):
        x = self.hidden(inputs)
        return self.out(x)
""",
        ),
        Example(
            "one of two sublayers is forgotten",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.query = keras.layers.Dense(4)
        self.value = keras.layers.Dense(4)

    def build(self, input_shape):  # <- KS201
        self.query.build(input_shape)
        self.built = True

    def call(self, x):
        return self.query(x) * self.value(x)
""",
            symptom="not-built-by-build",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.query = keras.layers.Dense(4)
        self.value = keras.layers.Dense(4)

    def build(self, input_shape):  # <- KS201
        self.query.build(input_shape)
        self.value.build(input_shape)
        self.built = True

    def call(self, x):
        return self.query(x) * self.value(x)
""",
        ),
        Example(
            "build() of a sublayer that has no build() itself",
            """\
import keras


class Middle(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.middle = Middle()

    def build(self, input_shape):  # <- KS201
        self.middle.build(input_shape)
        self.built = True

    def call(self, x):
        return self.middle(x)
""",
            symptom="not-built-by-build",
        ),
        Example(
            "a model that only says it is built",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(8, activation="relu")
        self.out = keras.layers.Dense(2)

    def build(self, input_shape):  # <- KS201
        self.built = True

    def call(self, x):
        return self.out(self.hidden(x))
""",
            symptom="not-built-by-build",
            fixed="""\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(8, activation="relu")
        self.out = keras.layers.Dense(2)

    def build(self, input_shape):  # <- KS201
        self.hidden.build(input_shape)
        inner_shape = self.hidden.compute_output_shape(input_shape)
        self.out.build(inner_shape)
        self.built = True

    def call(self, x):
        return self.out(self.hidden(x))
""",
        ),
        Example(
            "a model that relies on super().build()",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):  # <- KS201
        super().build(input_shape)

    def call(self, x):
        return self.dense(x)
""",
            (3,),
            symptom="not-built-by-build",
            fixed="""\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):  # <- KS201
        self.dense.build(input_shape)
        super().build(input_shape)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a list of sublayers beside a weight",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.steps = [keras.layers.Dense(4, activation="tanh") for _ in range(3)]

    def build(self, input_shape):  # <- KS201
        self.bias = self.add_weight(shape=(4,), initializer="zeros", name="bias")
        self.built = True

    def call(self, x):
        for step in self.steps:
            x = step(x)
        return x + self.bias
""",
            symptom="not-built-by-build",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.steps = [keras.layers.Dense(4, activation="tanh") for _ in range(3)]

    def build(self, input_shape):  # <- KS201
        self.bias = self.add_weight(shape=(4,), initializer="zeros", name="bias")
        for step in self.steps:
            step.build(input_shape)
            input_shape = step.compute_output_shape(input_shape)
        self.built = True

    def call(self, x):
        for step in self.steps:
            x = step(x)
        return x + self.bias
""",
        ),
        Example(
            "build() inherited from a base that doesn't know the new sublayer",
            """\
import keras


class Scaled(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")
        self.built = True


class Example(Scaled):  # <- KS201
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x) * self.gain
""",
            symptom="not-built-by-build",
        ),
        Example(
            "a sublayer that gets something else than the input: no fix",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):  # <- KS201
        self.built = True

    def call(self, x):
        return self.dense(tf.concat([x, x], axis=-1))
""",
            symptom="not-built-by-build",
        ),
    )
    silent = (
        Example(
            "the sublayers of a sublayer are built one by one",
            """\
import keras


class Router(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.gates = {name: keras.layers.Dense(units) for name in ("a", "b")}

    def call(self, x):
        return self.gates["a"](x) + self.gates["b"](x)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.router = Router(4)
        self.out = keras.layers.Dense(2)

    def build(self, input_shape):
        for gate in self.router.gates.values():
            gate.build(input_shape)
        self.out.build((*input_shape[:-1], 4))
        self.built = True

    def call(self, x):
        return self.out(self.router(x))
""",
        ),
        Example(
            "sublayers made and built in build()",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.dense = keras.layers.Dense(4)
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "built as long as there are some",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.left = keras.layers.Dense(4)
        self.right = keras.layers.Dense(4)

    def build(self, input_shape):
        waiting = [self.left, self.right]
        while waiting:
            waiting.pop().build(input_shape)
        self.built = True

    def call(self, x):
        return self.left(x) + self.right(x)
""",
        ),
        Example(
            "every element of a list is built",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = [keras.layers.Dense(4) for _ in range(2)]

    def build(self, input_shape):
        for block in self.blocks:
            block.build(input_shape)
            input_shape = block.compute_output_shape(input_shape)
        self.built = True

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "the sublayer that isn't built is never used",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, wide=False):
        super().__init__()
        self.narrow = keras.layers.Dense(2)
        self.spare = keras.layers.Dense(8)

    def build(self, input_shape):
        self.narrow.build(input_shape)
        self.built = True

    def call(self, x):
        return self.narrow(x)
""",
        ),
        Example(
            "sublayers without weights",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.drop = keras.layers.Dropout(0.1)
        self.flat = keras.layers.Flatten()

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")
        self.built = True

    def call(self, x):
        return self.flat(self.drop(x) * self.scale)
""",
        ),
        Example(
            "a loop over all sublayers",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(4)
        self.second = keras.layers.Dense(4)

    def build(self, input_shape):
        for layer in self._flatten_layers(include_self=False, recursive=False):
            layer.build(input_shape)
        self.built = True

    def call(self, x):
        return self.second(self.first(x))
""",
        ),
        Example(
            "another method builds the sublayers",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gate = keras.layers.Dense(4, activation="sigmoid")

    def build(self, input_shape):
        self._build_gate(input_shape)
        super().build(input_shape)

    def _build_gate(self, shape):
        self.gate.build(shape)

    def call(self, x):
        return x * self.gate(x)
""",
        ),
        Example(
            "the base's build() builds what the subclass made",
            """\
import keras


class Block(keras.layers.Layer):
    def build(self, input_shape):
        self.body.build(input_shape)
        self.built = True

    def call(self, x):
        return self.body(x)


class Example(Block):
    def __init__(self):
        super().__init__()
        self.body = keras.layers.Dense(4)

    def build(self, input_shape):
        self.offset = self.add_weight(shape=(), initializer="zeros", name="offset")
        super().build(input_shape)
""",
        ),
        Example(
            "built in the constructor",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4)])
        self.dense = keras.layers.Dense(4)
        self.dense.build((None, 4))

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(4,), initializer="ones", name="scale")
        self.built = True

    def call(self, x):
        return self.dense(self.network(x)) * self.scale
""",
        ),
        Example(
            "no build() at all, which is KS203's",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
            symptom="not-built-by-build",
        ),
        Example(
            "in Keras 2, Model.build() runs call",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        super().build(input_shape)

    def call(self, x):
        return self.dense(x)
""",
            (2,),
        ),
        Example(
            "attention is built with two shapes",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.as_sequence = keras.layers.Reshape((2, 2))
        self.attention = keras.layers.MultiHeadAttention(num_heads=1, key_dim=2)

    def build(self, input_shape):
        shape = self.as_sequence.compute_output_shape(input_shape)
        self.attention.build(shape, shape)
        self.built = True

    def call(self, x):
        x = self.as_sequence(x)
        return self.attention(x, x)
""",
            (3,),
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        build = run.own_build()
        if build is None or not run.complete:
            return
        if run.generation == 2 and run.is_model() and _runs_call(run):
            return
        skipped = [reach for reach in run.sublayers() if left_unbuilt(run, reach.value)]
        if not skipped:
            return
        own = in_own_class(run, build.site)
        if not own and not any(in_own_class(run, reach.value.site) for reach in skipped):
            return
        which = "build()" if own else f"{build.owner.name}.build(), which this class inherits,"
        one = len({reach.text for reach in skipped}) == 1
        them, whose = ("it", "its") if one else ("them", "their")
        yield Report(
            build.site if own else run.site,
            f"{which} leaves {named(skipped)} unbuilt: `build(shape)` makes none of {whose} weights, "
            f"only the first call does. Build {them} there.",
            sublayer_places(run, skipped),
            (lambda document: add_builds(document, run, build, skipped)) if own else None,
        )


def _runs_call(run: LayerRun) -> bool:
    """Whether `build()` reaches Keras 2's `Model.build`, which runs `call`."""
    return any(
        isinstance(event, LayerBuilt) and event.layer is run.layer and event.by_super
        for event in run.events_of(LayerBuilt)
    )
