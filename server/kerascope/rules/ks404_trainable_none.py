"""KS404: `trainable=None`, which Keras 2 took for "as always" and Keras 3 takes for "no"."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import partial

from kerascope.rules.places import in_own_class, in_own_file
from kerascope.rules.rule import Example, Fix, Report, Rule
from kerascope.source.document import Document, Site
from kerascope.source.position import Edit, Position, Range
from kerascope.tracking.events import AddWeight, Created, Event
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Constant, Weight

_NOTHING_ELSE = re.compile(r"\s*,?\s*(#.*)?")


class TrainableNone(Rule):
    """
    ## What it does
    Reports `self.add_weight(…, trainable=None)` in Keras 3, also where the None comes from the default of a
    method of yours, and `keras.Variable(…, trainable=None)`.

    ## Why it matters
    In Keras 2 `trainable=None` means the default: the weight trains. Keras 3 takes None for False: the weight
    is frozen, and nothing says so. Measured for a layer with one such weight, in a model of its own:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | `model.trainable_weights` | 0 | 1 |
    | after one step of `fit` (SGD) | the weight is as before | the weight has changed |
    | `keras.Variable(…, trainable=None).trainable` | False | there is no `keras.Variable` |

    A layer's own argument is checked: `Dense(4, trainable=None)` raises, ValueError in Keras 3 and TypeError
    in Keras 2.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def build(self, input_shape):
            self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", trainable=None)

        def call(self, x):
            return x * self.gain
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def build(self, input_shape):
            self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones")

        def call(self, x):
            return x * self.gain
    ```
    A weight that shall be frozen says so: `trainable=False`.

    ## When it is silent
    In Keras 2; where the value isn't surely None: a parameter of the constructor may be given, whatever its
    default; where an `add_weight` of your own turns None into something else.

    ## Fix
    Safe: leaves the argument out. Offered where `trainable=None` is written in the call itself.

    ## References
    - Keras 3.15.1: `keras/src/backend/common/variables.py` (`Variable.__init__`: `bool(trainable)`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.add_weight`).
    """

    code = "KS404"
    name = "trainable-none"
    severity = {3: "warning"}  # noqa: RUF012
    summary = "add_weight(trainable=None) makes a frozen weight in Keras 3."

    reporting = (
        Example(
            "written in the call",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", trainable=None)  # <- KS404

    def call(self, x):
        return x * self.gain
""",
            (3,),
            symptom="frozen",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones")  # <- KS404

    def call(self, x):
        return x * self.gain
""",
        ),
        Example(
            "among the arguments of a call that was written for Keras 2",
            """\
import tensorflow as tf
from tensorflow.keras import layers


class Example(layers.Layer):
    def __init__(self, units=3, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.kernel_initializer = tf.keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(int(input_shape[-1]), self.units),
            initializer=self.kernel_initializer,
            regularizer=None,
            trainable=None,  # <- KS404
            dtype=tf.float32,
        )
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs):
        return tf.matmul(inputs, self.kernel) + self.bias
""",
            (3,),
            symptom="frozen",
            fixed="""\
import tensorflow as tf
from tensorflow.keras import layers


class Example(layers.Layer):
    def __init__(self, units=3, kernel_initializer="glorot_uniform", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.kernel_initializer = tf.keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(int(input_shape[-1]), self.units),
            initializer=self.kernel_initializer,
            regularizer=None,
            dtype=tf.float32,
        )
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs):
        return tf.matmul(inputs, self.kernel) + self.bias
""",
        ),
        Example(
            "the default of a method that makes the weights",
            """\
import keras


class Example(keras.layers.Layer):
    def make_weight(self, name, shape, initializer="ones", trainable=None):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            trainable=trainable,  # <- KS404
        )

    def build(self, input_shape):
        self.gain = self.make_weight("gain", (input_shape[-1],))
        self.offset = self.make_weight("offset", (input_shape[-1],), "zeros", trainable=True)

    def call(self, x):
        return x * self.gain + self.offset
""",
            (3,),
            symptom="frozen",
        ),
        Example(
            "a Keras variable",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.temperature = keras.Variable(1.0, trainable=None, dtype="float32")  # <- KS404

    def call(self, x):
        return x / self.temperature
""",
            (3,),
            symptom="frozen",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.temperature = keras.Variable(1.0, dtype="float32")  # <- KS404

    def call(self, x):
        return x / self.temperature
""",
        ),
    )
    silent = (
        Example(
            "in Keras 2, where None trains",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", trainable=None)

    def call(self, x):
        return x * self.gain
""",
            (2,),
        ),
        Example(
            "frozen on purpose",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.mean = self.add_weight(shape=(input_shape[-1],), initializer="zeros", trainable=False)

    def call(self, x):
        return x - self.mean
""",
            (3,),
            symptom="frozen",
        ),
        Example(
            "an add_weight of one's own that knows None",
            """\
import keras


class Compatible(keras.layers.Layer):
    def add_weight(self, name=None, shape=None, trainable=None, **kwargs):
        if trainable is None:
            trainable = True
        return super().add_weight(name=name, shape=shape, trainable=trainable, **kwargs)


class Example(Compatible):
    def build(self, input_shape):
        self.gain = self.add_weight("gain", (input_shape[-1],), initializer="ones", trainable=None)

    def call(self, x):
        return x * self.gain
""",
            (3,),
        ),
        Example(
            "a setting of the layer, None unless somebody gives it",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, trainable_gain=None, **kwargs):
        super().__init__(**kwargs)
        self.trainable_gain = trainable_gain

    def build(self, input_shape):
        self.gain = self.add_weight(
            shape=(input_shape[-1],), initializer="ones", trainable=self.trainable_gain
        )

    def call(self, x):
        return x * self.gain
""",
            (3,),
            make="Example(trainable_gain=True)",
        ),
        Example(
            "None for the other arguments",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(
            name="gain",
            shape=(input_shape[-1],),
            dtype=None,
            initializer="ones",
            regularizer=None,
            constraint=None,
            trainable=True,
        )

    def call(self, x):
        return x * self.gain
""",
            (3,),
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        reported: list[ast.Call] = []
        for event in run.events:
            weight = _frozen_by_none(run, event)
            if weight is None or any(weight.call is each for each in reported):
                continue
            site = in_own_file(run, event.at)
            if site is None:
                continue
            reported.append(weight.call)
            argument = _argument(weight.call)
            here = site is event.at.site and argument is not None
            yield Report(
                Site(site.path, site.statement, argument) if here and argument is not None else site,
                _message(run, weight),
                fix=partial(_without_it, run=run, site=event.at.site, weight=weight),
            )


def _frozen_by_none(run: LayerRun, event: Event) -> Weight | None:
    """The weight that is made, if its `trainable` is None."""
    if isinstance(event, AddWeight):
        given = event.keywords.get("trainable")
        frozen = isinstance(given, Constant) and given.value is None and event.owner is run.layer
        return event.weight if frozen else None
    made = event.value if isinstance(event, Created) else None
    if not isinstance(made, Weight) or made.kind != "keras variable":
        return None
    return made if _is_none(_argument(made.call)) else None


def _argument(call: ast.Call) -> ast.keyword | None:
    return next((keyword for keyword in call.keywords if keyword.arg == "trainable"), None)


def _is_none(argument: ast.keyword | None) -> bool:
    return argument is not None and isinstance(argument.value, ast.Constant) and argument.value.value is None


def _message(run: LayerRun, weight: Weight) -> str:
    held = next((reach.text for reach in run.reaches() if reach.value is weight), None)
    what = f"`{held}`" if held is not None else "a weight"
    return (
        f"trainable=None freezes {what} of {run.definition.name}: Keras 3 takes None for False "
        "(Keras 2 trained it). Leave `trainable` out, or say False."
    )


def _without_it(document: Document, run: LayerRun, site: Site, weight: Weight) -> Fix | None:
    call, argument = weight.call, _argument(weight.call)
    whole = document.extent_of(Site(site.path, site.statement, call))
    gone = _what_goes(document, site, call, argument) if _is_none(argument) else None
    if gone is None or whole is None or not in_own_class(run, site):
        return None
    text = document.text
    first, last = document.offset_of(whole.start), document.offset_of(whole.end)
    start, end = document.offset_of(gone.start), document.offset_of(gone.end)
    try:
        changed = ast.parse(f"({text[first:start]}{text[end:last]})", mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(changed, ast.Call) or len(changed.keywords) != len(call.keywords) - 1:
        return None
    return Fix("Leave out trainable=None", True, (Edit(gone, ""),))


def _what_goes(document: Document, site: Site, call: ast.Call, argument: ast.keyword | None) -> Range | None:
    """The argument's whole lines if it has them for itself; else up to the next argument, or from the end of
    the one before."""
    assert argument is not None
    every: list[ast.expr | ast.keyword] = sorted(
        [*call.args, *call.keywords], key=lambda each: (each.lineno, each.col_offset)
    )
    place = every.index(argument)
    extents = [document.extent_of(Site(site.path, site.statement, each)) for each in every]
    own = extents[place]
    if own is None:
        return None
    before_it = document.line(own.start.line)[: own.start.column]
    after_it = document.line(own.end.line)[own.end.column :]
    if not before_it.strip() and _NOTHING_ELSE.fullmatch(after_it.rstrip("\r\n")):
        return Range(Position(own.start.line, 0), Position(own.end.line + 1, 0))
    gone = own
    if place + 1 < len(every) and (following := extents[place + 1]) is not None:
        gone = Range(own.start, following.start)
    elif place and (previous := extents[place - 1]) is not None:
        gone = Range(previous.end, own.end)
    text = document.text[document.offset_of(gone.start) : document.offset_of(gone.end)]
    return gone if "#" not in text else None
