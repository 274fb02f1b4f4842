"""KS204: Keras 3 puts a layer into a functional model without running its call, so parts stay unbuilt."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from kerascope.project.meaning import ClassDefinition, Library
from kerascope.rules.completed_build import add_builds, write_build
from kerascope.rules.places import in_own_class, named, sublayer_places
from kerascope.rules.rule import Example, MakeFix, Related, Report, Rule
from kerascope.rules.unbuilt import left_unbuilt
from kerascope.tracking.events import Created
from kerascope.tracking.run import LayerRun, Method, Reach, ScriptRun
from kerascope.tracking.values import Layer

_CELLS = ("keras.layers.LSTMCell", "keras.layers.GRUCell", "keras.layers.SimpleRNNCell")


class FunctionalSkipsCall(Rule):
    """
    ## What it does
    Reports a layer that tells its output shape itself, by `compute_output_shape` of its own or of the
    built-in layer that it derives from (`Dense`, `Conv2D`, `LSTM` …), while its `build()` leaves a sublayer
    unbuilt that has weights. Also a cell for `keras.layers.RNN` whose sublayers its `build()` doesn't build,
    and, in a functional model, a layer with weights as `activation` of another, or in a `TimeDistributed`
    that runs a build() which the layer doesn't have.

    ## Why it matters
    When such a layer is put into a functional model or a `Sequential`, Keras 3 builds it by `build()`, asks
    for the output shape, and never runs `call`. The model has none of the sublayer's weights until it is run
    on data. Measured on a layer with one `Dense` (2 weights), in a functional model that is not yet run:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | `compute_output_shape` and a `build()` that skips the `Dense` | 0 | 2 |
    | `RNN` over a cell without `build()` | 0 | 2 |
    | `Dense` subclass with a further `Dense` | 2 of 4 | 4 of 4 |
    | `Dense(4, activation=PReLU())` | 2 of 3 | 3 of 3 |
    | `load_weights` of a trained one into it | raises, "was never built" | works |

    `fit` builds what is missing first, and trains it.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def build(self, input_shape):
            self.built = True

        def call(self, x):
            return self.dense(x)

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 4)
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
            self.built = True

        def call(self, x):
            return self.dense(x)

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 4)
    ```

    ## When it is silent
    In Keras 2; where the class has no `build()` of any kind, since Keras runs `call` to build it then; where
    every sublayer with weights is built by `build()`; where that can't be known.

    ## Fix
    As KS201's: builds the sublayers in `build()`, where their shapes can be followed through `call`; a cell
    without a `build()` gets one. Unsafe, since the shapes are derived from the code.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.compute_output_spec`, `Layer._maybe_build`),
      `keras/src/layers/rnn/rnn.py` (`RNN.build`).
    - [keras #20004](https://github.com/keras-team/keras/issues/20004): weights of sublayers missing in
      Keras 3.
    """

    code = "KS204"
    name = "functional-skips-call"
    severity = {3: "warning"}  # noqa: RUF012
    summary = "A functional model around the layer lacks the weights of a sublayer that `build()` leaves out."

    reporting = (
        Example(
            "compute_output_shape, and a build() that leaves the sublayer out",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):  # <- KS201
        self.built = True

    def call(self, x):
        return self.dense(x)

    def compute_output_shape(self, input_shape):  # <- KS204
        return (*input_shape[:-1], 4)
""",
            (3,),
            symptom="missing-in-functional",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):  # <- KS201
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        return self.dense(x)

    def compute_output_shape(self, input_shape):  # <- KS204
        return (*input_shape[:-1], 4)
""",
        ),
        Example(
            "an adapter on top of Dense",
            """\
import keras


class Example(keras.layers.Dense):  # <- KS204
    def __init__(self, units=4, rank=2):
        super().__init__(units)
        self.down = keras.layers.Dense(rank, use_bias=False)
        self.up = keras.layers.Dense(units, use_bias=False, kernel_initializer="zeros")

    def call(self, x):
        return super().call(x) + self.up(self.down(x))
""",
            (3,),
            symptom="missing-in-functional",
        ),
        Example(
            "a cell for RNN without a build()",
            """\
import keras


class Example(keras.layers.Layer):  # <- KS204
    def __init__(self, units=3):
        super().__init__()
        self.state_size = units
        self.hidden = keras.layers.Dense(units, activation="tanh")

    def call(self, inputs, states):
        outputs = self.hidden(inputs) + 0.5 * states[0]
        return outputs, [outputs]
""",
            (3,),
            make="keras.Sequential([keras.layers.Reshape((2, 2)), keras.layers.RNN(Example())])",
            symptom="missing-in-functional",
            fixed="""\
import keras


class Example(keras.layers.Layer):  # <- KS204
    def __init__(self, units=3):
        super().__init__()
        self.state_size = units
        self.hidden = keras.layers.Dense(units, activation="tanh")

    def build(self, input_shape):
        self.hidden.build(input_shape)
        self.built = True

    def call(self, inputs, states):
        outputs = self.hidden(inputs) + 0.5 * states[0]
        return outputs, [outputs]
""",
        ),
        Example(
            "a cell whose build() makes a weight and leaves a sublayer out",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=2):
        super().__init__()
        self.units = units
        self.update = keras.layers.Dense(units, activation="sigmoid")

    @property
    def state_size(self):
        return self.units

    def build(self, input_shape):  # <- KS201, KS204
        self.start = self.add_weight(name="start", shape=(self.units,), initializer="ones")
        self.built = True

    def call(self, inputs, states):
        gate = self.update(inputs)
        state = gate * states[0] + (1.0 - gate) * self.start
        return state, [state]
""",
            (3,),
            make="keras.Sequential([keras.layers.Reshape((2, 2)), keras.layers.RNN(Example())])",
            symptom="missing-in-functional",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=2):
        super().__init__()
        self.units = units
        self.update = keras.layers.Dense(units, activation="sigmoid")

    @property
    def state_size(self):
        return self.units

    def build(self, input_shape):  # <- KS201, KS204
        self.start = self.add_weight(name="start", shape=(self.units,), initializer="ones")
        self.update.build(input_shape)
        self.built = True

    def call(self, inputs, states):
        gate = self.update(inputs)
        state = gate * states[0] + (1.0 - gate) * self.start
        return state, [state]
""",
        ),
        Example(
            "a cell derived from Keras' own, with a sublayer more",
            """\
import keras


class Example(keras.layers.LSTMCell):  # <- KS204
    def __init__(self, units=3):
        super().__init__(units)
        self.norm = keras.layers.LayerNormalization()

    def call(self, inputs, states, training=False):
        outputs, states = super().call(inputs, states, training=training)
        return self.norm(outputs), states
""",
            (3,),
            make="keras.Sequential([keras.layers.Reshape((2, 2)), keras.layers.RNN(Example())])",
            symptom="missing-in-functional",
        ),
        Example(
            "a layer with weights as activation",
            """\
import keras


def make_model():
    inputs = keras.Input((4,))
    x = keras.layers.Dense(8, activation=keras.layers.PReLU())(inputs)  # <- KS204
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.summary()
    return model
""",
            (3,),
            make="make_model()",
            symptom="missing-in-functional",
        ),
        Example(
            "in a TimeDistributed, which runs the build() that isn't there",
            """\
import keras


class Frame(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.units = units
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)


def make_model():
    inputs = keras.Input((4,))
    x = keras.layers.Reshape((2, 2))(inputs)
    x = keras.layers.TimeDistributed(Frame())(x)  # <- KS204
    model = keras.Model(inputs, keras.layers.Flatten()(x))
    model.summary()
    return model
""",
            (3,),
            make="make_model()",
            symptom="missing-in-functional",
        ),
    )
    silent = (
        Example(
            "no build(): Keras runs call to build it",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 4)
""",
        ),
        Example(
            "a cell that builds its sublayer",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=3):
        super().__init__()
        self.state_size = units
        self.hidden = keras.layers.Dense(units)

    def build(self, input_shape):
        self.hidden.build(input_shape)
        self.built = True

    def call(self, inputs, states):
        outputs = self.hidden(inputs) + states[0]
        return outputs, [outputs]
""",
            make="keras.Sequential([keras.layers.Reshape((2, 2)), keras.layers.RNN(Example())])",
        ),
        Example(
            "a cell derived from Keras' own that builds its sublayer",
            """\
import keras


class Example(keras.layers.GRUCell):
    def __init__(self, units=3):
        super().__init__(units)
        self.norm = keras.layers.LayerNormalization()

    def build(self, input_shape):
        super().build(input_shape)
        self.norm.build((input_shape[0], self.units))

    def call(self, inputs, states, training=False):
        outputs, states = super().call(inputs, states, training=training)
        return self.norm(outputs), states
""",
            make="keras.Sequential([keras.layers.Reshape((2, 2)), keras.layers.RNN(Example())])",
        ),
        Example(
            "build() builds the sublayers one after the other",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(8, activation="relu")
        self.drop = keras.layers.Dropout(0.1)
        self.out = keras.layers.Dense(4)

    def build(self, input_shape):
        self.hidden.build(input_shape)
        self.out.build((*input_shape[:-1], 8))
        self.built = True

    def call(self, x):
        return self.out(self.drop(self.hidden(x)))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 4)
""",
        ),
        Example(
            "a Dense subclass with a sublayer that has no weights",
            """\
import keras


class Example(keras.layers.Dense):
    def __init__(self):
        super().__init__(4)
        self.drop = keras.layers.Dropout(0.2)

    def call(self, x):
        return super().call(self.drop(x))
""",
        ),
        Example(
            "a subclass of Wrapper, which builds what it wraps",
            """\
import keras


class Example(keras.layers.Wrapper):
    def __init__(self):
        super().__init__(keras.layers.Dense(4))

    def call(self, x):
        return x + self.layer(x)

    def compute_output_shape(self, input_shape):
        return input_shape
""",
            (3,),
        ),
        Example(
            "a build() that leaves the sublayer out, but no compute_output_shape: KS201 alone",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "the activation stands for itself",
            """\
import keras


def make_model():
    inputs = keras.Input((4,))
    x = keras.layers.Dense(8, activation=keras.layers.ReLU())(inputs)
    x = keras.layers.PReLU()(keras.layers.Dense(8)(x))
    model = keras.Model(inputs, keras.layers.Dense(1)(x))
    model.summary()
    return model
""",
            make="make_model()",
        ),
        Example(
            "in a TimeDistributed, with a build()",
            """\
import keras


class Frame(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.units = units
        self.dense = keras.layers.Dense(units)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)


def make_model():
    inputs = keras.Input((4,))
    x = keras.layers.Reshape((2, 2))(inputs)
    x = keras.layers.TimeDistributed(Frame())(x)
    model = keras.Model(inputs, keras.layers.Flatten()(x))
    model.summary()
    return model
""",
            make="make_model()",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        library = run.layer.library
        if not run.complete or library is None:
            return
        shape = _tells_shape(run)
        cell = shape is None and _is_cell(run)
        build = run.own_build()
        if shape is None and not cell:
            return
        if build is None and not library.own_build and not cell:
            return
        late = [reach for reach in run.sublayers() if left_unbuilt(run, reach.value)]
        if not late:
            return
        told = build if cell else shape
        own = isinstance(told, Method) and in_own_class(run, told.site)
        call = run.method("call")
        here = own or (call is not None and in_own_class(run, call.site))
        if not here and not any(in_own_class(run, reach.value.site) for reach in late):
            return  # the base has it already
        them = "it" if len({reach.text for reach in late}) == 1 else "them"
        asked = "the RNN's output shape" if cell else "compute_output_shape"
        yield Report(
            told.site if own and isinstance(told, Method) else run.site,
            f"A functional model of {run.definition.name} lacks the weights of {named(late)} until it is "
            f"run: Keras 3 asks for {asked} and runs no `call`, and build() doesn't build {them}. "
            f"Build {them} there.",
            sublayer_places(run, late),
            _fix(run, build, late),
        )

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        created = [event.value for event in run.events_of(Created) if isinstance(event.value, Layer)]
        models = [made for made in created if made.library is not None and made.library.kind == "model"]
        for layer in created:
            yield from _wrapped(run, layer, models)
            inner = layer.keywords.get("activation")
            library = layer.library if isinstance(layer.cls, Library) else None
            if not isinstance(inner, Layer) or library is None or not library.own_compute_output_shape:
                continue
            weights = run.weights_of(inner)
            late = weights.has == "yes" and any(w.exists_after in ("build", "call") for w in weights.weights)
            held = any(layer is part for model in models for part in model.tracked)
            if late and held and layer.site.path == run.module.path:
                name, its = inner.class_name, layer.class_name
                yield Report(
                    layer.site,
                    f"The functional model lacks the weights of the {name} given as `activation` until it is "
                    f"run: {its} doesn't build it, and Keras 3 runs no `call`. Put the {name} after the "
                    f"{its}, as a layer of its own.",
                    (Related(inner.site, f"the {name} is made here"),),
                )


def _wrapped(run: ScriptRun, wrapper: Layer, models: Sequence[Layer]) -> Iterator[Report]:
    """A layer without build() that tells its shape, in the TimeDistributed of a functional model."""
    if wrapper.cls.name != "keras.layers.TimeDistributed" or wrapper.site.path != run.module.path:
        return
    inner = wrapper.arguments[0] if wrapper.arguments else wrapper.keywords.get("layer")
    cls = inner.cls if isinstance(inner, Layer) else None
    if not isinstance(inner, Layer) or not isinstance(cls, ClassDefinition):
        return
    if not run.project.member_of(cls, "compute_output_shape") or run.project.member_of(cls, "build"):
        return
    weights = run.weights_of(inner)
    late = weights.has == "yes" and all(weight.exists_after == "call" for weight in weights.weights)
    functional = (made for made in models if made.cls.name == "keras.Model")
    if late and any(part is wrapper for made in functional for part in made.tracked):
        yield Report(
            wrapper.site,
            f"The functional model lacks the weights of this {inner.class_name} until it is run: "
            "TimeDistributed runs its build(), which it doesn't have, and no `call`. Give "
            f"{inner.class_name} a build() that builds its sublayers.",
            (Related(inner.site, f"the {inner.class_name} is made here"),),
        )


def _tells_shape(run: LayerRun) -> Method | Library | None:
    """What Keras asks for the output's shape instead of running `call`; None if it runs `call`."""
    own = run.method("compute_output_spec") or run.method("compute_output_shape")
    if own is not None:
        builds = any(isinstance(node, ast.Attribute) and node.attr == "build" for node in ast.walk(own.node))
        return None if builds else own
    library = run.layer.library
    if library is None or not library.own_compute_output_shape or library.is_a("keras.Sequential"):
        return None
    return Library(library.name)


def _is_cell(run: LayerRun) -> bool:
    """Whether it is made to be given to `keras.layers.RNN`, which runs its `call` no sooner than on data."""
    call = run.method("call")
    if call is None or len(call.node.args.args) < 3:
        return False
    library = run.layer.library
    if library is not None and any(library.is_a(cell) for cell in _CELLS):
        return True
    return "state_size" in run.layer.attributes or run.method("state_size") is not None


def _fix(run: LayerRun, build: Method | None, late: Sequence[Reach]) -> MakeFix | None:
    if build is None:
        library = run.layer.library
        if library is None or library.own_build:
            return None
        return lambda document: write_build(document, run, late, one_shape=True)
    if not in_own_class(run, build.site):
        return None
    return lambda document: add_builds(document, run, build, late)
