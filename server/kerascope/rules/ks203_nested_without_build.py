"""KS203: a layer with sublayers, and no build() that builds them."""

from __future__ import annotations

from collections.abc import Iterator

from kerascope.rules.completed_build import write_build
from kerascope.rules.places import in_own_class, named, sublayer_places
from kerascope.rules.rule import Example, Report, Rule
from kerascope.tracking.run import LayerRun, Reach
from kerascope.tracking.values import Layer


class NestedWithoutBuild(Rule):
    """
    ## What it does
    Reports a layer or model class whose `call` uses sublayers that have weights, while neither it nor a base
    of yours has a `build()`.

    ## Why it matters
    Such a layer is correct: the first call builds the sublayers, and from then on Keras tracks, trains and
    saves their weights. But nothing else builds them. Measured for the example below:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | weights after the constructor | 0 | 0 |
    | after `layer.build((None, 4))` | **0**, and a warning; marked as built | **0** (a Model: 2) |
    | after a call | 2 | 2 |

    In Keras 2, `Model.build` runs `call`.

    What reads the weights before the first call finds none: `summary()` says 0, an optimizer built on them
    rejects them later, and in Keras 3 `load_weights` after `build(shape)` loads nothing and says nothing (see
    KS202). This rule speaks for Keras 3.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.project = keras.layers.Dense(3)

        def call(self, inputs):
            return self.project(inputs)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.project = keras.layers.Dense(3)

        def build(self, input_shape):
            self.project.build(input_shape)
            self.built = True

        def call(self, inputs):
            return self.project(inputs)
    ```

    ## When it is silent
    Where the class or a base has a `build()` (KS201 looks into it), where all sublayers are built in the
    constructor or have no weights, and where a sublayer's class or a base can't be known. A subclass that
    adds nothing is not reported beside its base.

    ## Fix
    Unsafe: writes a `build()` that builds each sublayer, with the shapes threaded as `call` threads them.
    Offered where these shapes can be derived: chains of layers, loops over a list of layers, residuals,
    attention.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.build`: the warning; `Layer._maybe_build`: the first
      call).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer._maybe_build`), `keras/src/engine/training.py`
      (`Model.build`).
    - [keras #19229](https://github.com/keras-team/keras/issues/19229): `Model.build` doesn't build
      sublayers any more.
    - [keras #18763](https://github.com/keras-team/keras/issues/18763): a layer without `build()` whose
      `call` can't be traced, so that Keras 3 can't build it.
    - [keras #18699](https://github.com/keras-team/keras/issues/18699): the same, in another example of
      Keras' own.
    """

    code = "KS203"
    name = "nested-without-build"
    severity = {3: "information"}  # noqa: RUF012
    summary = "A layer with sublayers has no build(): their weights exist only after a call."

    reporting = (
        Example(
            "a Dense in a layer",
            """\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.project = keras.layers.Dense(3)

    def call(self, inputs):
        return self.project(inputs)
""",
            (3,),
            symptom="not-built-by-build",
            fixed="""\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.project = keras.layers.Dense(3)

    def build(self, input_shape):
        self.project.build(input_shape)
        self.built = True

    def call(self, inputs):
        return self.project(inputs)
""",
        ),
        Example(
            "a layer of one's own in another",
            """\
import tensorflow as tf


class Scale(tf.keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")

    def call(self, inputs):
        return inputs * self.gain


class Example(tf.keras.layers.Layer):  # <- KS203
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = Scale()

    def call(self, inputs):
        return self.scale(inputs)
""",
            (3,),
            symptom="not-built-by-build",
            fixed="""\
import tensorflow as tf


class Scale(tf.keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")

    def call(self, inputs):
        return inputs * self.gain


class Example(tf.keras.layers.Layer):  # <- KS203
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = Scale()

    def build(self, input_shape):
        self.scale.build(input_shape)
        self.built = True

    def call(self, inputs):
        return self.scale(inputs)
""",
        ),
        Example(
            "a subclass of Dense in another layer",
            """\
from tensorflow import keras


class Projection(keras.layers.Dense):
    def __init__(self, width, **kwargs):
        super().__init__(width, use_bias=False, **kwargs)


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.down = Projection(2)
        self.up = Projection(4)

    def call(self, inputs):
        return self.up(self.down(inputs))
""",
            (3,),
            symptom="not-built-by-build",
            fixed="""\
from tensorflow import keras


class Projection(keras.layers.Dense):
    def __init__(self, width, **kwargs):
        super().__init__(width, use_bias=False, **kwargs)


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.down = Projection(2)
        self.up = Projection(4)

    def build(self, input_shape):
        self.down.build(input_shape)
        inner_shape = self.down.compute_output_shape(input_shape)
        self.up.build(inner_shape)
        self.built = True

    def call(self, inputs):
        return self.up(self.down(inputs))
""",
        ),
        Example(
            "a model of several layers",
            """\
import keras
from keras import layers


class Example(keras.Model):  # <- KS203
    def __init__(self, classes=3):
        super().__init__()
        self.hidden = layers.Dense(8, activation="relu")
        self.norm = layers.LayerNormalization()
        self.drop = layers.Dropout(0.1)
        self.out = layers.Dense(classes)

    def call(self, inputs, training=False):
        x = self.hidden(inputs)
        x = keras.activations.gelu(self.norm(x))
        x = self.drop(x, training=training)
        return self.out(x)
""",
            (3,),
            symptom="not-built-by-build",
            fixed="""\
import keras
from keras import layers


class Example(keras.Model):  # <- KS203
    def __init__(self, classes=3):
        super().__init__()
        self.hidden = layers.Dense(8, activation="relu")
        self.norm = layers.LayerNormalization()
        self.drop = layers.Dropout(0.1)
        self.out = layers.Dense(classes)

    def build(self, input_shape):
        self.hidden.build(input_shape)
        x_shape = self.hidden.compute_output_shape(input_shape)
        self.norm.build(x_shape)
        self.out.build(x_shape)
        self.built = True

    def call(self, inputs, training=False):
        x = self.hidden(inputs)
        x = keras.activations.gelu(self.norm(x))
        x = self.drop(x, training=training)
        return self.out(x)
""",
        ),
        Example(
            "a list of layers",
            """\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.blocks = [keras.layers.Dense(width) for width in (8, 6)]

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            (3,),
            symptom="not-built-by-build",
            fixed="""\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.blocks = [keras.layers.Dense(width) for width in (8, 6)]

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
            "attention over a sequence",
            """\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.as_sequence = keras.layers.Reshape((2, 2))
        self.attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3)
        self.norm = keras.layers.LayerNormalization()

    def call(self, inputs):
        x = self.as_sequence(inputs)
        x = self.norm(self.attention(x, x))
        return x
""",
            (3,),
            symptom="not-built-by-build",
            fixed="""\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.as_sequence = keras.layers.Reshape((2, 2))
        self.attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3)
        self.norm = keras.layers.LayerNormalization()

    def build(self, input_shape):
        x_shape = self.as_sequence.compute_output_shape(input_shape)
        self.attention.build(x_shape, x_shape)
        self.norm.build(x_shape)
        self.built = True

    def call(self, inputs):
        x = self.as_sequence(inputs)
        x = self.norm(self.attention(x, x))
        return x
""",
        ),
        Example(
            "a transformer block",
            """\
import keras
from keras import layers


class Block(layers.Layer):  # <- KS203
    def __init__(self, width, heads=2, rate=0.1):
        super().__init__()
        self.attention = layers.MultiHeadAttention(num_heads=heads, key_dim=width)
        self.feed_forward = keras.Sequential([layers.Dense(8, activation="gelu"), layers.Dense(width)])
        self.norm1 = layers.LayerNormalization(epsilon=1e-6)
        self.norm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)
        self.dropout2 = layers.Dropout(rate)

    def call(self, inputs, training=False):
        attended = self.attention(inputs, inputs)
        attended = self.dropout1(attended, training=training)
        normed = self.norm1(inputs + attended)
        fed = self.feed_forward(normed)
        fed = self.dropout2(fed, training=training)
        return self.norm2(normed + fed)


class Example(layers.Layer):
    def __init__(self):
        super().__init__()
        self.block = Block(2)

    def build(self, input_shape):  # <- KS201
        self.block.build((input_shape[0], 2, 2))
        self.built = True

    def call(self, x):
        return self.block(keras.ops.reshape(x, (-1, 2, 2)))
""",
            (3,),
            symptom="not-built-by-build",
            fixed="""\
import keras
from keras import layers


class Block(layers.Layer):  # <- KS203
    def __init__(self, width, heads=2, rate=0.1):
        super().__init__()
        self.attention = layers.MultiHeadAttention(num_heads=heads, key_dim=width)
        self.feed_forward = keras.Sequential([layers.Dense(8, activation="gelu"), layers.Dense(width)])
        self.norm1 = layers.LayerNormalization(epsilon=1e-6)
        self.norm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)
        self.dropout2 = layers.Dropout(rate)

    def build(self, input_shape):
        self.attention.build(input_shape, input_shape)
        self.norm1.build(input_shape)
        self.feed_forward.build(input_shape)
        fed_shape = self.feed_forward.compute_output_shape(input_shape)
        inner_shape = keras.layers.Add().compute_output_shape([input_shape, fed_shape])
        self.norm2.build(inner_shape)
        self.built = True

    def call(self, inputs, training=False):
        attended = self.attention(inputs, inputs)
        attended = self.dropout1(attended, training=training)
        normed = self.norm1(inputs + attended)
        fed = self.feed_forward(normed)
        fed = self.dropout2(fed, training=training)
        return self.norm2(normed + fed)


class Example(layers.Layer):
    def __init__(self):
        super().__init__()
        self.block = Block(2)

    def build(self, input_shape):  # <- KS201
        self.block.build((input_shape[0], 2, 2))
        self.built = True

    def call(self, x):
        return self.block(keras.ops.reshape(x, (-1, 2, 2)))
""",
        ),
        Example(
            "pairs of layers, a residual and several heads",
            """\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.dense = [keras.layers.Dense(4) for _ in range(2)]
        self.norms = [keras.layers.BatchNormalization() for _ in range(2)]
        self.heads = [keras.layers.Dense(3), keras.layers.Dense(3)]
        self.join = keras.layers.Concatenate()
        self.out = keras.layers.Dense(2)

    def call(self, inputs):
        x = inputs
        for dense, norm in zip(self.dense, self.norms):
            x = keras.activations.relu(norm(dense(x)))
        x = keras.ops.add(x, inputs)
        first = self.heads[0](x)
        second = self.heads[1](x)
        joined = self.join([first, second])
        return self.out(joined)
""",
            (3,),
            symptom="not-built-by-build",
            fixed="""\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.dense = [keras.layers.Dense(4) for _ in range(2)]
        self.norms = [keras.layers.BatchNormalization() for _ in range(2)]
        self.heads = [keras.layers.Dense(3), keras.layers.Dense(3)]
        self.join = keras.layers.Concatenate()
        self.out = keras.layers.Dense(2)

    def build(self, input_shape):
        x_shape = input_shape
        for dense, norm in zip(self.dense, self.norms):
            dense.build(x_shape)
            inner_shape = dense.compute_output_shape(x_shape)
            norm.build(inner_shape)
            x_shape = inner_shape
        x_shape = keras.layers.Add().compute_output_shape([x_shape, input_shape])
        self.heads[0].build(x_shape)
        first_shape = self.heads[0].compute_output_shape(x_shape)
        self.heads[1].build(x_shape)
        second_shape = self.heads[1].compute_output_shape(x_shape)
        joined_shape = self.join.compute_output_shape([first_shape, second_shape])
        self.out.build(joined_shape)
        self.built = True

    def call(self, inputs):
        x = inputs
        for dense, norm in zip(self.dense, self.norms):
            x = keras.activations.relu(norm(dense(x)))
        x = keras.ops.add(x, inputs)
        first = self.heads[0](x)
        second = self.heads[1](x)
        joined = self.join([first, second])
        return self.out(joined)
""",
        ),
        Example(
            "a layer inside a wrapper",
            """\
import keras


class Twice(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(self.dense(x))


class Example(keras.layers.Wrapper):
    def __init__(self):
        super().__init__(Twice())

    def call(self, x):
        return self.layer(x)
""",
            (3,),
            symptom="not-built-by-build",
            fixed="""\
import keras


class Twice(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        return self.dense(self.dense(x))


class Example(keras.layers.Wrapper):
    def __init__(self):
        super().__init__(Twice())

    def call(self, x):
        return self.layer(x)
""",
        ),
        Example(
            "a shape that can't be derived: no fix",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.gate = keras.layers.Dense(4, activation="sigmoid")
        self.mix = keras.layers.Dense(4)

    def call(self, x):
        gated = tf.concat([x, self.gate(x)], axis=-1)
        return self.mix(gated)
""",
            (3,),
            symptom="not-built-by-build",
        ),
        Example(
            "a base class and a subclass that adds nothing to it",
            """\
import keras


class Encoder(keras.layers.Layer):  # <- KS203
    def __init__(self, units=4):
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


class Example(Encoder):
    def __init__(self):
        super().__init__(units=2)
""",
            (3,),
            symptom="not-built-by-build",
            fixed="""\
import keras


class Encoder(keras.layers.Layer):  # <- KS203
    def __init__(self, units=4):
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        return self.dense(x)


class Example(Encoder):
    def __init__(self):
        super().__init__(units=2)
""",
        ),
        Example(
            "a layer that is called in every step of a loop",
            """\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self, steps=3):
        super().__init__()
        self.steps = steps
        self.cell = keras.layers.Dense(4, activation="tanh")
        self.read = keras.layers.Dense(1)

    def call(self, x):
        state = x
        for _ in range(self.steps):
            state = self.cell(state) + x
        return self.read(state)
""",
            (3,),
            symptom="not-built-by-build",
            fixed="""\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self, steps=3):
        super().__init__()
        self.steps = steps
        self.cell = keras.layers.Dense(4, activation="tanh")
        self.read = keras.layers.Dense(1)

    def build(self, input_shape):
        state_shape = input_shape
        for _ in range(self.steps):
            if not self.cell.built:
                self.cell.build(state_shape)
            inner_shape = self.cell.compute_output_shape(state_shape)
            state_shape = keras.layers.Add().compute_output_shape([inner_shape, input_shape])
        self.read.build(state_shape)
        self.built = True

    def call(self, x):
        state = x
        for _ in range(self.steps):
            state = self.cell(state) + x
        return self.read(state)
""",
        ),
        Example(
            "one layer twice in a list, and by another name",
            """\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        shared = keras.layers.Dense(4, activation="relu")
        self.steps = [shared, shared]
        self.last = shared

    def call(self, x):
        for step in self.steps:
            x = step(x)
        return self.last(x)
""",
            (3,),
            symptom="not-built-by-build",
            fixed="""\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        shared = keras.layers.Dense(4, activation="relu")
        self.steps = [shared, shared]
        self.last = shared

    def build(self, input_shape):
        for step in self.steps:
            if not step.built:
                step.build(input_shape)
            input_shape = step.compute_output_shape(input_shape)
        self.built = True

    def call(self, x):
        for step in self.steps:
            x = step(x)
        return self.last(x)
""",
        ),
        Example(
            "a list of unknown length, and heads in a dict",
            """\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self, widths=(8, 6), heads=("click", "buy")):
        super().__init__()
        self.trunk = [keras.layers.Dense(width) for width in widths]
        self.heads = {head: keras.layers.Dense(1) for head in heads}

    def call(self, x):
        for layer in self.trunk:
            x = keras.activations.relu(layer(x))
        return {name: head(x) for name, head in self.heads.items()}
""",
            (3,),
            symptom="not-built-by-build",
            fixed="""\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self, widths=(8, 6), heads=("click", "buy")):
        super().__init__()
        self.trunk = [keras.layers.Dense(width) for width in widths]
        self.heads = {head: keras.layers.Dense(1) for head in heads}

    def build(self, input_shape):
        for layer in self.trunk:
            layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)
        for name, head in self.heads.items():
            head.build(input_shape)
        self.built = True

    def call(self, x):
        for layer in self.trunk:
            x = keras.activations.relu(layer(x))
        return {name: head(x) for name, head in self.heads.items()}
""",
        ),
        Example(
            "two inputs",
            """\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.left = keras.layers.Dense(3)
        self.right = keras.layers.Dense(3)

    def call(self, first, second):
        return self.left(first) + self.right(second)
""",
            (3,),
            arguments="x, x",
            symptom="not-built-by-build",
            fixed="""\
import keras


class Example(keras.layers.Layer):  # <- KS203
    def __init__(self):
        super().__init__()
        self.left = keras.layers.Dense(3)
        self.right = keras.layers.Dense(3)

    def build(self, first_shape, second_shape):
        self.left.build(first_shape)
        self.right.build(second_shape)
        self.built = True

    def call(self, first, second):
        return self.left(first) + self.right(second)
""",
        ),
    )
    silent = (
        Example(
            "a build() that builds the sublayer",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.project = keras.layers.Dense(3)

    def build(self, input_shape):
        self.project.build(input_shape)
        self.built = True

    def call(self, inputs):
        return self.project(inputs)
""",
            (3,),
        ),
        Example(
            "sublayers without weights",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.drop = keras.layers.Dropout(0.2)
        self.act = keras.layers.Activation("tanh")

    def call(self, x):
        return self.act(self.drop(x))
""",
            (3,),
        ),
        Example(
            "a functional model made in the constructor",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        inputs = keras.Input((4,))
        hidden = keras.layers.Dense(8)(inputs)
        self.network = keras.Model(inputs, keras.layers.Dense(2)(hidden))

    def call(self, x):
        return self.network(x)
""",
            (3,),
        ),
        Example(
            "a Sequential that knows its input",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(2)])

    def call(self, x):
        return self.network(x)
""",
            (3,),
        ),
        Example(
            "a sublayer built in the constructor",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.project = keras.layers.Dense(3)
        self.project.build((None, 4))

    def call(self, inputs):
        return self.project(inputs)
""",
            (3,),
        ),
        Example(
            "a subclass of Sequential",
            """\
import keras


class Example(keras.Sequential):
    def __init__(self):
        super().__init__([keras.layers.Dense(8), keras.layers.Dense(2)])
""",
            (3,),
        ),
        Example(
            "a subclass of Dense, and weights of the layer's own",
            """\
import keras


class Example(keras.layers.Dense):
    def __init__(self, **kwargs):
        super().__init__(4, activation="relu", **kwargs)
""",
            (3,),
        ),
        Example(
            "a wrapper, whose build() builds what it wraps",
            """\
import keras


class Example(keras.layers.Wrapper):
    def __init__(self):
        super().__init__(keras.layers.Dense(4))

    def call(self, x):
        return self.layer(x) * 2.0
""",
            (3,),
        ),
        Example(
            "a sublayer that no call uses",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.spare = keras.layers.Dense(3)

    def call(self, inputs):
        return inputs * 2.0
""",
            (3,),
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        if run.generation != 3 or not run.complete or run.own_build() is not None:
            return
        library = run.layer.library
        if library is None or library.own_build or run.layer.open:
            return
        late = [reach for reach in run.sublayers() if _is_late(run, reach)]
        call = run.method("call")
        if not late or call is None:
            return
        if not in_own_class(run, call.site) and not any(
            in_own_class(run, reach.value.site) for reach in late
        ):
            return
        yield Report(
            run.site,
            f"{run.definition.name} has no build(): `build(shape)` makes no weights of {named(late)}, "
            "only the first call does.",
            sublayer_places(run, late),
            lambda document: write_build(document, run, late),
        )


def _is_late(run: LayerRun, reach: Reach) -> bool:
    """Whether only a call makes weights of this sublayer."""
    layer = reach.value
    if not isinstance(layer, Layer) or layer.phase == "call":
        return False
    if run.used(layer) != "yes" or run.built_in_build(layer) != "no":
        return False
    found = run.weights_of(layer)
    return (
        found.has == "yes"
        and not run.escaped(layer)
        and any(weight.exists_after in ("build", "call") for weight in found.weights)
    )
