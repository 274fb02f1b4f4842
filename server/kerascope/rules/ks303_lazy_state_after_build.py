"""KS303: state that `call` makes when it isn't there yet, after Keras 3 has locked the layer."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from kerascope.rules.lazy_creation import attribute_that_holds, creations_in_call, is_made_once
from kerascope.rules.lazy_creation import moved_to_build as _moved
from kerascope.rules.own_code import is_member, methods, reads, self_attributes
from kerascope.rules.places import in_own_class, in_own_file
from kerascope.rules.rule import Example, Fix, Related, Report, Rule
from kerascope.source.document import Document, Site
from kerascope.tracking.events import Created, LayerBuilt, LayerCalled, LayerMethod
from kerascope.tracking.run import LayerRun, ScriptRun
from kerascope.tracking.values import UNKNOWN, Choice, Layer, Value, Weight

# Sublayers that count as built from their constructor on: `Layer._build_at_init`.
_BUILT_AT_INIT = frozenset(
    f"keras.layers.{name}"
    for name in (
        "Activation",
        "ActivityRegularization",
        "AlphaDropout",
        "AveragePooling1D",
        "AveragePooling2D",
        "AveragePooling3D",
        "Dropout",
        "ELU",
        "GaussianDropout",
        "GaussianNoise",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "GlobalAveragePooling3D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "GlobalMaxPooling3D",
        "Identity",
        "LeakyReLU",
        "Masking",
        "MaxPooling1D",
        "MaxPooling2D",
        "MaxPooling3D",
        "ReLU",
        "Reshape",
        "Softmax",
        "UnitNormalization",
    )
)


class LazyStateAfterBuild(Rule):
    """
    ## What it does
    Reports a sublayer or weight that `call` makes under a condition such as `if self.dense is None`, in a
    class that Keras 3 has locked by then; and what it makes only `if not self.built`, which is never so by
    then.

    ## Why it matters
    Keras 3 locks a layer when it is built, which is before `call` runs for the first time. What `call` then
    adds raises "ValueError: You cannot add new elements of state (variables or sub-layers) to a layer that is
    already built". In Keras 2 the same code works. Measured for a `Dense` made in `call` under `if self.dense
    is None`:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | the first call | ValueError | 2 weights |
    | in a class with another sublayer, not built yet, and no `build()` | 2 more weights | 2 more weights |
    | the same after `layer.build(shape)` | ValueError | 2 more weights |

    A raw `tf.Variable` made that way isn't refused, but Keras doesn't track it, and a functional model around
    the layer can't be made.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = None

        def call(self, x):
            if self.dense is None:
                self.dense = keras.layers.Dense(4)
            return self.dense(x)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = None

        def build(self, input_shape):
            self.dense = keras.layers.Dense(4)
            self.dense.build(input_shape)
            self.built = True

        def call(self, x):
            return self.dense(x)
    ```

    ## When it is silent
    In Keras 2; where the class has another sublayer that isn't built yet, and no `build()` of its own: Keras
    3 then runs `call` once on symbolic tensors before it locks (but see the table); where `build()` has made
    the state already; where the new layer isn't kept on the layer.

    ## Fix
    Unsafe: makes the state in `build()`. Offered where `call` does nothing else under the condition, and its
    arguments mean the same in `build()`; `x.shape` of the input becomes `input_shape`.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer._maybe_build`, `Layer._lock_state`),
      `keras/src/utils/tracking.py` (`Tracker.add_to_store`).
    - [keras-io #647](https://github.com/keras-team/keras-io/pull/647): for Keras 2, the guide allowed state
      that the first call makes.
    - [keras-core #820](https://github.com/keras-team/keras-core/pull/820): for Keras 3, `build()` called by
      hand locks the layer, too.
    """

    code = "KS303"
    name = "lazy-state-after-build"
    severity = {3: "error"}  # noqa: RUF012
    summary = "call makes a sublayer or weight when the layer is already locked."

    reporting = (
        Example(
            "a sublayer made when it is still None",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = None

    def call(self, x):
        if self.dense is None:
            self.dense = keras.layers.Dense(4)  # <- KS303
        return self.dense(x)
""",
            (3,),
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = None

    def build(self, input_shape):
        self.dense = keras.layers.Dense(4)
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a sublayer made when there is no such attribute",
            """\
from tensorflow import keras


class Example(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def call(self, inputs):
        if not hasattr(self, "project"):
            self.project = keras.layers.Dense(inputs.shape[-1])  # <- KS303
        return inputs + self.project(inputs)
""",
            (3,),
            symptom="raises",
            fixed="""\
from tensorflow import keras


class Example(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.project = keras.layers.Dense(input_shape[-1])
        self.project.build(input_shape)
        self.built = True

    def call(self, inputs):
        return inputs + self.project(inputs)
""",
        ),
        Example(
            "a dictionary filled on demand",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.heads = {}

    def call(self, x, task="main"):
        if task not in self.heads:
            self.heads[task] = keras.layers.Dense(4)  # <- KS303
        return self.heads[task](x)
""",
            (3,),
            symptom="raises",
        ),
        Example(
            "a model",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.head = None

    def call(self, x):
        if self.head is None:
            self.head = keras.layers.Dense(2)  # <- KS303
        return self.head(x)
""",
            (3,),
            symptom="raises",
            fixed="""\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.head = None

    def build(self, input_shape):
        self.head = keras.layers.Dense(2)
        self.head.build(input_shape)
        self.built = True

    def call(self, x):
        return self.head(x)
""",
        ),
        Example(
            "a weight made in call",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def call(self, x):
        if not hasattr(self, "w"):
            self.w = self.add_weight(shape=(x.shape[-1], 3), initializer="ones", name="w")  # <- KS303
        return tf.matmul(x, self.w)
""",
            (3,),
            symptom="raises",
            fixed="""\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], 3), initializer="ones", name="w")
        self.built = True

    def call(self, x):
        return tf.matmul(x, self.w)
""",
        ),
        Example(
            "a build() that makes something else",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = None

    def build(self, input_shape):
        self.offset = self.add_weight(shape=(), initializer="zeros", name="offset")
        super().build(input_shape)

    def call(self, x):
        if self.scale is None:
            self.scale = self.add_weight(shape=(), initializer="ones", name="scale")  # <- KS303
        return x * self.scale + self.offset
""",
            (3,),
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = None

    def build(self, input_shape):
        self.offset = self.add_weight(shape=(), initializer="zeros", name="offset")
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        super().build(input_shape)

    def call(self, x):
        return x * self.scale + self.offset
""",
        ),
        Example(
            "a raw variable, which a functional model can't hold",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = None

    def call(self, x):
        if self.gain is None:
            self.gain = tf.Variable(tf.ones((4,)))  # <- KS303
        return x * self.gain
""",
            (3,),
            arguments="keras.Input((4,))",
            symptom="raises",
        ),
        Example(
            "a Keras variable",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = None

    def call(self, x):
        if self.gain is None:
            self.gain = keras.Variable(keras.ops.ones((4,)))  # <- KS303
        return x * self.gain
""",
            (3,),
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = None

    def build(self, input_shape):
        self.gain = keras.Variable(keras.ops.ones((4,)))
        self.built = True

    def call(self, x):
        return x * self.gain
""",
        ),
        Example(
            "in a method that call uses, after an early return",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.units = units
        self._dense = None

    def head(self):
        if self._dense is not None:
            return self._dense
        self._dense = keras.layers.Dense(self.units)  # <- KS303
        return self._dense

    def call(self, x):
        return self.head()(x)
""",
            (3,),
            symptom="raises",
        ),
        Example(
            "beside a sublayer, after build(shape)",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(4)
        self.second = None

    def call(self, x):
        if self.second is None:
            self.second = keras.layers.Dense(4)
        return self.second(self.first(x))


layer = Example()
layer.build((None, 4))  # <- KS303
layer(tf.ones((2, 4)))
""",
            (3,),
            symptom="raises",
        ),
        Example(
            "if not self.built, which is never so",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.units = units

    def call(self, x):
        if not self.built:
            self.dense = keras.layers.Dense(self.units)  # <- KS303
        return self.dense(x)
""",
            (3,),
            symptom="raises",
        ),
        Example(
            "a question to __dict__",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(4)

    def build(self, input_shape):
        self.first.build(input_shape)

    def call(self, x):
        if "second" not in self.__dict__:
            self.second = keras.layers.Dense(4)  # <- KS303
        return self.second(self.first(x))
""",
            (3,),
            symptom="raises",
        ),
    )
    silent = (
        Example(
            "beside a sublayer that isn't built yet",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(4)
        self.second = None

    def call(self, x):
        if self.second is None:
            self.second = keras.layers.Dense(4)
        return self.second(self.first(x))
""",
            (3,),
        ),
        Example(
            "a weight beside a sublayer that isn't built yet",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(4)
        self.gain = None

    def call(self, x):
        if self.gain is None:
            self.gain = self.add_weight(shape=(), initializer="ones", name="gain")
        return self.first(x) * self.gain
""",
            (3,),
        ),
        Example(
            "build() has made it by then",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = None

    def build(self, input_shape):
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        if self.dense is None:
            self.dense = keras.layers.Dense(4)
        return self.dense(x)
""",
            (3,),
        ),
        Example(
            "in a method that build() uses too",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, scaled=True):
        super().__init__()
        self.scaled = scaled
        self.made = False

    def make(self):
        if not self.made:
            self.gain = self.add_weight(shape=(), initializer="ones", name="gain")
            self.made = True

    def build(self, input_shape):
        if self.scaled:
            self.make()

    def call(self, x):
        if not self.scaled:
            return x
        self.make()
        return x * self.gain
""",
            (3,),
        ),
        Example(
            "made in build() when it isn't there",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, dense=None):
        super().__init__()
        self.dense = dense

    def build(self, input_shape):
        if self.dense is None:
            self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
            (3,),
        ),
        Example(
            "a tensor kept on the layer",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.last = None

    def call(self, x):
        if self.last is None:
            self.last = x
        return x * 2.0
""",
            (3,),
        ),
        Example(
            "a metric",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.size = None

    def call(self, x):
        if self.size is None:
            self.size = keras.metrics.Mean()
        return self.dense(x)
""",
            (3,),
        ),
        Example(
            "if not self.built, where another sublayer isn't built yet",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(4)

    def call(self, x):
        if not self.built:
            self.second = keras.layers.Dense(4)
        return self.second(self.first(x))
""",
            (3,),
        ),
        Example(
            "under a condition that asks whether the layer is built",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        if not self.built and not hasattr(self, "extra"):
            self.extra = self.add_weight(shape=(), initializer="ones", name="extra")
        return self.dense(x)
""",
            (3,),
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        creations = list(_lazy_creations(run)) if run.generation == 3 else []
        never = list(_never_made(run)) if run.generation == 3 else []
        if not (creations or never) or not _is_locked(run):
            return
        for creation in creations:
            site = in_own_file(run, creation.at)
            if site is not None:
                yield Report(
                    site,
                    _message(run, creation),
                    fix=partial(_move, run=run, creation=creation),
                )
        for site, name in never:
            yield Report(
                site,
                f"`self.{name}` is never made: `self.built` is True before Keras 3 runs `call`, which then "
                "raises AttributeError. Make it in `__init__` or `build`.",
            )

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        if run.generation != 3:
            return
        built: dict[int, LayerBuilt] = {}
        called: set[int] = set()
        for event in run.events:
            match event:
                case LayerBuilt(layer=layer, by_super=False) if event.at.subject is None:
                    if id(layer) not in called:
                        built[id(layer)] = event
                case LayerCalled(layer=layer) | LayerMethod(layer=layer, name="fit" | "predict" | "evaluate"):
                    called.add(id(layer))
                    if id(layer) in built:
                        yield from _built_by_hand(run, built.pop(id(layer)))
                case _:
                    pass


def _built_by_hand(run: ScriptRun, event: LayerBuilt) -> Iterator[Report]:
    layer = run.run_of(event.layer)
    if layer is None or not layer.complete or _has_build(layer) or _is_locked(layer):
        return
    for creation in _lazy_creations(layer):
        if isinstance(creation.value, Weight) and creation.value.kind == "tf variable":
            continue
        name = event.layer.class_name
        yield Report(
            event.at.site,
            f"build(shape) locks {name}, and its call() makes "
            f"`{attribute_that_holds(layer, creation) or 'a weight'}` later: "
            "Keras 3 raises ValueError in the first call. Leave out this build.",
            (Related(creation.at.site, "made here, in `call`"),),
        )
        return


def _lazy_creations(run: LayerRun) -> Iterator[Created]:
    earlier = _made_before_call(run)
    for creation in creations_in_call(run):
        if creation.value.site.node in earlier:
            continue
        if not is_made_once(run, creation.at) or _asks_whether_built(creation):
            continue
        if isinstance(creation.value, Layer):
            library = creation.value.library
            if library is None or library.kind not in ("layer", "model"):
                continue
        if _is_added_weight(run, creation) or attribute_that_holds(run, creation) is not None:
            yield creation


def _never_made(run: LayerRun) -> Iterator[tuple[Site, str]]:
    """What `call` makes only if the layer isn't built, on attributes that nothing else sets."""
    call = run.method("call")
    if call is None or not in_own_class(run, call.site) or run.method("__call__") is not None:
        return
    for branch in call.node.body:
        if not isinstance(branch, ast.If) or branch.orelse or ast.unparse(branch.test) != "not self.built":
            continue
        for statement in branch.body:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if (
                isinstance(target, ast.Attribute)
                and _is_set_there_alone(run, target)
                and reads(call, target.attr)
            ):
                yield Site(call.site.path, call.statement, statement), target.attr


def _is_set_there_alone(run: LayerRun, target: ast.Attribute) -> bool:
    """Whether no other place of the class and its bases sets an attribute, or sets `built` back."""
    if ast.unparse(target.value) != "self" or is_member(run, target.attr):
        return False
    for method in methods(run):
        if any(
            isinstance(node, ast.Name) and node.id in ("setattr", "vars") for node in ast.walk(method.node)
        ):
            return False
        for node in self_attributes(method.node):
            if node is target or isinstance(node.ctx, ast.Load):
                continue
            if node.attr == target.attr or (
                node.attr == "built" and method.name not in ("__init__", "build")
            ):
                return False
    return not run.escaped(run.layer)


def _made_before_call(run: LayerRun) -> set[ast.AST]:
    """The expressions that make a layer or weight in `__init__` or `build`. A method that `build` and `call`
    share asks in `call` for what `build` has made."""
    return {
        event.value.site.node
        for event in run.events_of(Created)
        if event.at.phase in ("init", "build") and isinstance(event.value, Layer | Weight)
    }


def _is_added_weight(run: LayerRun, creation: Created) -> bool:
    """`add_weight` registers its weight by itself."""
    value = creation.value
    return isinstance(value, Weight) and value.kind == "weight" and value.owner is run.layer


def _asks_whether_built(creation: Created) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr == "built"
        for guard in creation.at.guards
        for node in ast.walk(guard)
    )


def _has_build(run: LayerRun) -> bool:
    library = run.layer.library
    return run.own_build() is not None or (library is not None and library.own_build)


def _is_locked(run: LayerRun) -> bool:
    """Whether the layer is surely locked when `call` runs for the first time (`Layer._maybe_build`)."""
    library = run.layer.library
    if library is None or not run.complete or run.layer.open:
        return False
    if library.is_a("keras.Sequential") or library.name.rpartition(".")[2] == "Functional":
        return False
    if _has_build(run):
        return True
    for reach in run.sublayers():
        layer = reach.value
        if isinstance(layer, Layer) and layer.phase != "call" and layer.cls.name not in _BUILT_AT_INIT:
            return False
    return not any(_may_be_layer(run, name, value) for name, value in run.layer.attributes.items())


def _may_be_layer(run: LayerRun, name: str, value: Value) -> bool:
    """Whether an attribute whose value isn't known is used as a layer, or as a list of layers."""
    options = value.options if isinstance(value, Choice) else (value,)
    if UNKNOWN not in options:
        return False
    for statement in run.definition.statement.body:
        for top in statement.nodes:
            for node in ast.walk(top):
                used = (
                    node.func
                    if isinstance(node, ast.Call)
                    else node.iter
                    if isinstance(node, ast.For)
                    else None
                )
                if used is not None and any(
                    isinstance(inner, ast.Attribute) and inner.attr == name for inner in ast.walk(used)
                ):
                    return True
    return False


def _message(run: LayerRun, creation: Created) -> str:
    name = attribute_that_holds(run, creation)
    value = creation.value
    what = f"`{name}`" if name is not None else "this weight"
    if isinstance(value, Weight) and value.kind == "tf variable":
        return (
            f"{what} is made in `call`: Keras 3 doesn't track it, nor can a functional model hold the layer. "
            "Make it in `__init__` or `build`."
        )
    kind = f" ({value.class_name})" if isinstance(value, Layer) else ""
    return (
        f"{what}{kind} is made in `call`, when Keras 3 has locked the layer: the first call raises "
        "ValueError. Make it in `__init__` or `build`."
    )


def _move(document: Document, run: LayerRun, creation: Created) -> Fix | None:
    if isinstance(creation.value, Weight) and creation.value.kind == "tf variable":
        return None
    edits = _moved(document, run, creation)
    return Fix("Make it in build()", False, edits) if edits else None
