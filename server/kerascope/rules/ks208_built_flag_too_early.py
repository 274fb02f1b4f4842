"""KS208: a constructor that says the layer is built, so that its build() never runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kerascope.rules.own_code import made_by_build, named, runs_its_build
from kerascope.rules.places import in_own_class
from kerascope.rules.rule import Example, Fix, MakeFix, Related, Report, Rule
from kerascope.source import rewrite
from kerascope.source.document import Document, Site
from kerascope.tracking.events import AttributeWrite, InitReached
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Constant


class BuiltFlagTooEarly(Rule):
    """
    ## What it does
    Reports `self.built = True` in the constructor of a class whose own `build()` makes weights, layers or
    attributes that `call` needs.

    ## Why it matters
    Before the first call Keras looks at `built`, and runs `build()` only where it is false. With the flag set
    in the constructor, `build()` never runs. Measured for a `build()` that makes one weight:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | the first call | AttributeError: no attribute 'w' | AttributeError: no attribute 'w' |
    | weights after `build(shape)` by hand | 1 | 1 |

    Where the constructor has set the attribute to None, `call` fails on the None, or goes without the weight.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.built = True

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

        def call(self, x):
            return x * self.w
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)

        def build(self, input_shape):
            self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

        def call(self, x):
            return x * self.w
    ```
    Keras sets `built` itself when `build()` has run.

    ## When it is silent
    Where the class has no `build()` of its own, or one that only builds sublayers, which the first call does
    as well; where the class itself calls its `build()`; where the flag is set before `super().__init__()`,
    which sets it back, or under a condition; with a `__call__` of one's own.

    ## Fix
    Safe: deletes the line.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer._maybe_build`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer._maybe_build`).
    - [keras #20871](https://github.com/keras-team/keras/issues/20871): layers of Keras set `built` in their
      constructor, so that the `build()` of a subclass never ran.
    - [keras #20880](https://github.com/keras-team/keras/pull/20880): mends it: they set it only where no
      subclass has a `build()`.
    """

    code = "KS208"
    name = "built-flag-too-early"
    severity = {2: "error", 3: "error"}  # noqa: RUF012
    summary = "The constructor sets `built`, so that Keras never runs the class's own build()."

    reporting = (
        Example(
            "the flag at the end of the constructor",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.built = True  # <- KS208

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

    def call(self, x):
        return x * self.w
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

    def call(self, x):
        return x * self.w
""",
        ),
        Example(
            "a model that makes its layers in build()",
            """\
from tensorflow import keras
from tensorflow.keras import layers


class Example(keras.Model):
    def __init__(self, widths=(8, 4)):
        super().__init__()
        self.widths = widths
        self.blocks = []
        self.head = layers.Dense(2)
        # So that summary() doesn't complain.
        self.built = True  # <- KS208

    def build(self, input_shape):
        self.scale = layers.Dense(int(input_shape[-1]))
        self.scale.build(input_shape)
        self.head.build(input_shape)

    def call(self, inputs):
        return self.head(self.scale(inputs))
""",
            symptom="raises",
            fixed="""\
from tensorflow import keras
from tensorflow.keras import layers


class Example(keras.Model):
    def __init__(self, widths=(8, 4)):
        super().__init__()
        self.widths = widths
        self.blocks = []
        self.head = layers.Dense(2)

    def build(self, input_shape):
        self.scale = layers.Dense(int(input_shape[-1]))
        self.scale.build(input_shape)
        self.head.build(input_shape)

    def call(self, inputs):
        return self.head(self.scale(inputs))
""",
        ),
        Example(
            "a base class for layers without weights",
            """\
import keras


class Stateless(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.built = True


class Example(Stateless):
    def build(self, input_shape):  # <- KS208
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")

    def call(self, x):
        return x * self.gain
""",
            symptom="raises",
        ),
        Example(
            "build() only remembers the shape",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, rate=0.5):
        super().__init__()
        self.rate = rate
        self.trainable, self.supports_masking = True, True
        self.built = True  # <- KS208

    def build(self, input_shape):
        self.width = int(input_shape[-1])

    def call(self, x):
        return x * self.rate / self.width
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, rate=0.5):
        super().__init__()
        self.rate = rate
        self.trainable, self.supports_masking = True, True

    def build(self, input_shape):
        self.width = int(input_shape[-1])

    def call(self, x):
        return x * self.rate / self.width
""",
        ),
        Example(
            "the attribute is None until build()",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.units = units
        self.kernel = None
        self.built = True  # <- KS208

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel"
        )

    def call(self, x):
        return x @ self.kernel
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.units = units
        self.kernel = None

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="kernel"
        )

    def call(self, x):
        return x @ self.kernel
""",
        ),
    )

    silent = (
        Example(
            "sublayers and no build() of its own",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "build() sets the flag when it is done",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")
        self.built = True

    def call(self, x):
        return x * self.w
""",
        ),
        Example(
            "the constructor knows the shape, and builds",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, width=4):
        super().__init__()
        self.build((None, width))
        self.built = True

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

    def call(self, x):
        return x * self.w
""",
        ),
        Example(
            "build() only builds the sublayer",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.built = True

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "set back by the constructor of Keras",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        self.built = True
        super().__init__()

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

    def call(self, x):
        return x * self.w
""",
            (2,),
        ),
        Example(
            "weights in the constructor, build() left empty",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, width=4):
        super().__init__()
        self.w = self.add_weight(shape=(width,), initializer="ones", name="w")
        self.built = True

    def build(self, input_shape):
        pass

    def call(self, x):
        return x * self.w
""",
        ),
        Example(
            "call() runs build() itself",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.built = True
        self.w = None

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

    def call(self, x):
        if self.w is None:
            self.build(x.shape)
        return x * self.w
""",
            (2,),
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        build, flag = run.own_build(), _flag(run)
        if build is None or flag is None or run.method("__call__") is not None or runs_its_build(run):
            return
        missing = made_by_build(run, run.method("call"))
        if not missing:
            return
        first = missing[0]
        statement = flag.at.statement
        own = statement is not None and in_own_class(run, flag.at.site)
        if not own and not in_own_class(run, build.site):
            return  # Another class has both, and is reported.
        where = "here" if own else f"in the constructor of {flag.at.owner_class}"
        remedy = "Delete this line" if own else "Set it to False after `super().__init__()`"
        verb, them = ("are", "them") if missing[1:] else ("is", "it")
        message = (
            f"`built` is set {where}, so Keras never runs `build()`: {named(missing)} {verb} never made, "
            f"and `call` fails without {them}. {remedy}."
        )
        if own and statement is not None:
            yield Report(
                Site(flag.at.site.path, flag.at.site.statement, statement),
                message,
                (Related(first.at.site, f"`build` makes `self.{first.name}` here"),),
                _delete(flag.at.site, statement),
            )
        else:
            yield Report(build.site, message, (Related(flag.at.site, "`built` is set here"),))


def _flag(run: LayerRun) -> AttributeWrite | None:
    """The write that leaves `built` true at the end of the constructor, whatever way it takes."""
    found = None
    for event in run.events:
        if isinstance(event, InitReached) and event.layer is run.layer:
            found = None
        elif (
            isinstance(event, AttributeWrite)
            and event.at.phase == "init"
            and event.owner is run.layer
            and event.name == "built"
        ):
            sure = event.value == Constant(True) and not event.at.conditional and not event.at.in_loop
            found = event if sure else None
    return found


def _delete(site: Site, statement: ast.stmt) -> MakeFix | None:
    if not isinstance(statement, ast.Assign) or len(statement.targets) > 1:
        return None
    if not isinstance(statement.targets[0], ast.Attribute):
        return None

    def fix(document: Document) -> Fix | None:
        edits = rewrite.remove(document, Site(site.path, site.statement, statement))
        return Fix("Delete `self.built = True`", True, tuple(edits)) if edits else None

    return fix
