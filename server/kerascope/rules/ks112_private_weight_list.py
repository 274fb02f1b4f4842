"""KS112: writing into Keras' own lists of weights."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kerascope.project.meaning import Library
from kerascope.rules.hidden import statement_of, states
from kerascope.rules.places import in_own_file, receiver
from kerascope.rules.rule import Example, Fix, MakeFix, Report, Rule, Severity
from kerascope.source.document import Document
from kerascope.source.rewrite import remove
from kerascope.tracking.events import AddWeight, AttributeRead, PrivateListWrite
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Container, Layer, Value, Weight

_OWN = {
    2: {"_trainable_weights", "_non_trainable_weights"},
    3: {"_trainable_variables", "_non_trainable_variables"},
}
"""The lists that a layer keeps."""

_LISTS = {
    f"{kind}{name}" for kind in ("", "trainable_", "non_trainable_") for name in ("weights", "variables")
}


class PrivateWeightList(Rule):
    """
    ## What it does
    Reports `append`, `extend`, `+=` and assignments to Keras' own lists of weights:
    `self._trainable_weights` and relatives.

    ## Why it matters
    It is a common answer to "my inner layer has no weights", and it never helps: the weights of a
    sublayer that is an attribute are there as soon as it is built. In Keras 3 a layer has no
    `_trainable_weights`. Appending to it raises `AttributeError` at the first call (under another layer
    that error is swallowed, and the user sees a later one about a locked layer). In Keras 2 it adds
    nothing where Keras has the weight already. Where the sublayer was built by hand and doesn't set
    `built`, the call builds it again, and the list keeps the dead weights as well: measured, 2 trainable
    weights in place of 1, the first of them without a gradient.

    ## Example
    ```python
        def build(self, input_shape):
            self.inner.build(input_shape)
            self._trainable_weights.extend(self.inner.trainable_weights)
    ```

    ## Instead
    ```python
        def build(self, input_shape):
            self.inner.build(input_shape)
    ```
    For a variable of the layer's own, use `self.add_weight(...)`.

    ## When it is silent
    In Keras 2, for a variable that Keras would not find in another way, and where an assignment takes
    weights of the layer out of the list.

    ## Fix
    Deletes the statement, where it only repeats what Keras has already: the weights of a tracked
    sublayer, or a weight made by `add_weight`. Safe.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.__init__`: its lists are `_trainable_variables`
      and `_non_trainable_variables`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer._trainable_weights`,
      `Layer.trainable_weights`).
    - [keras-elmo #10](https://github.com/strongio/keras-elmo/issues/10): where the advice comes from:
      `_trainable_weights`, since `trainable_weights` can't be set.
    """

    code = "KS112"
    name = "private-weight-list"
    severity = {2: "warning", 3: "error"}  # noqa: RUF012
    summary = "Keras' own list of weights is written to."

    reporting = (
        Example(
            "the weights of a sublayer, built by hand",
            """\
import tensorflow as tf


class Inner(tf.keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], 4), initializer="ones", name="w")

    def call(self, x):
        return tf.matmul(x, self.w)


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def build(self, input_shape):
        self.inner.build(input_shape)  # <- KS206
        self._trainable_weights.extend(self.inner.trainable_weights)  # <- KS112

    def call(self, x):
        return self.inner(x)
""",
            symptom={2: "duplicated", 3: "raises"},
            fixed="""\
import tensorflow as tf


class Inner(tf.keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], 4), initializer="ones", name="w")

    def call(self, x):
        return tf.matmul(x, self.w)


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def build(self, input_shape):
        self.inner.build(input_shape)  # <- KS206

    def call(self, x):
        return self.inner(x)
""",
        ),
        Example(
            "the weights of a Dense, extended",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self._trainable_weights.extend(self.dense.trainable_weights)  # <- KS112
        super().build(input_shape)

    def call(self, x):
        return self.dense(x)
""",
            symptom={2: "without-effect", 3: "raises"},
            fixed="""\
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
""",
        ),
        Example(
            "the weights of a Dense, added",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        if not self.dense.built:
            self.dense.build(input_shape)
        self._trainable_weights += self.dense.trainable_weights  # <- KS112
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
            symptom={2: "without-effect", 3: "raises"},
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        if not self.dense.built:
            self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "the weights of a Dense, assigned",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self._trainable_weights = self.dense.trainable_weights  # <- KS112
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
            symptom="without-effect",
            fixed="""\
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
""",
        ),
        Example(
            "the list of Keras 3",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self._trainable_variables.extend(self.dense.trainable_variables)  # <- KS112

    def call(self, x):
        return self.dense(x)
""",
            symptom={2: "raises", 3: "without-effect"},
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a tf.Variable in the list of Keras 3",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        gain = tf.Variable(tf.ones([4]))
        self._trainable_variables.append(gain)  # <- KS112
        self._read = lambda: gain

    def call(self, x):
        return x * self._read()
""",
            generations=(3,),
            symptom="fit-raises",
        ),
        Example(
            "a variable that is kept elsewhere",
            """\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        gain = tf.Variable(tf.ones([4]))
        self._trainable_weights.append(gain)  # <- KS112
        self._read = lambda: gain

    def call(self, x):
        return x * self._read()
""",
            generations=(3,),
            symptom="raises",
        ),
        Example(
            "the weights of two sublayers together",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.up = keras.layers.Dense(8)
        self.down = keras.layers.Dense(4)

    def build(self, input_shape):
        self.up.build(input_shape)
        self.down.build((None, 8))
        self._trainable_weights = self.up.trainable_weights + self.down.trainable_weights  # <- KS112
        super().build(input_shape)

    def call(self, x):
        return self.down(self.up(x))
""",
            symptom="without-effect",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.up = keras.layers.Dense(8)
        self.down = keras.layers.Dense(4)

    def build(self, input_shape):
        self.up.build(input_shape)
        self.down.build((None, 8))
        super().build(input_shape)

    def call(self, x):
        return self.down(self.up(x))
""",
        ),
        Example(
            "the weights of sublayers in a loop",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [keras.layers.Dense(4), keras.layers.Dense(4)]

    def build(self, input_shape):
        for stage in self.stages:
            stage.build(input_shape)
            for weight in stage.trainable_weights:
                self._trainable_weights.append(weight)  # <- KS112

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            symptom={2: "without-effect", 3: "raises"},
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [keras.layers.Dense(4), keras.layers.Dense(4)]

    def build(self, input_shape):
        for stage in self.stages:
            stage.build(input_shape)
            for weight in stage.trainable_weights:
                pass

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
        ),
        Example(
            "a weight that add_weight has registered",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")
        self._trainable_weights.append(self.gain)  # <- KS112

    def call(self, x):
        return x * self.gain
""",
            symptom={2: "without-effect", 3: "raises"},
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")

    def call(self, x):
        return x * self.gain
""",
        ),
        Example(
            "the list that the public property gives",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")
        self.trainable_weights.append(self.gain)  # <- KS112

    def call(self, x):
        return x * self.gain
""",
            symptom="without-effect",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")

    def call(self, x):
        return x * self.gain
""",
        ),
        Example(
            "the public property",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")
        self.trainable_weights = [self.gain]  # <- KS112

    def call(self, x):
        return x * self.gain
""",
            symptom="raises",
        ),
        Example(
            "the list that isn't there, made longer",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self._trainable_weights = self._trainable_weights + self.dense.trainable_weights  # <- KS112

    def call(self, x):
        return self.dense(x)
""",
            (3,),
            symptom="raises",
        ),
    )

    silent = (
        Example(
            "the weights of a sublayer without any list",
            """\
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
""",
        ),
        Example(
            "in Keras 3, code for Keras 2",
            """\
import keras

KERAS_3 = keras.__version__.startswith("3")


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        if not KERAS_3:
            self._trainable_weights.extend(self.dense.trainable_weights)
        if hasattr(self, "_non_trainable_weights"):
            self._non_trainable_weights.extend(self.dense.non_trainable_weights)
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
            generations=(3,),
        ),
        Example(
            "in Keras 2, a variable that Keras would not find",
            """\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        gain = tf.Variable(tf.ones([4]))
        self._trainable_weights.append(gain)
        self._read = lambda: gain

    def call(self, x):
        return x * self._read()
""",
            generations=(2,),
        ),
        Example(
            "in Keras 2, the weights of a layer in a helper object",
            """\
import keras


class Head:
    def __init__(self):
        self.dense = keras.layers.Dense(4)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.head = Head()

    def build(self, input_shape):
        self.head.dense.build(input_shape)
        self._trainable_weights.extend(self.head.dense.trainable_weights)
        self.built = True

    def call(self, x):
        return self.head.dense(x)
""",
            generations=(2,),
        ),
        Example(
            "in Keras 2, a weight is taken out of the list",
            """\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        self.shift = self.add_weight(shape=(), initializer="zeros", name="shift")
        self._trainable_weights = [self.shift]
        self.built = True

    def call(self, x):
        return x * self.scale + self.shift
""",
            generations=(2,),
            symptom="untracked",
        ),
        Example(
            "a list of one's own by that name, in Keras 3",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self._trainable_weights = []
        self._trainable_weights.append(keras.Variable(2.0))

    def call(self, x):
        return x * self._trainable_weights[0]
""",
            generations=(3,),
        ),
        Example(
            "reading the list",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        found = []
        found.extend(self.dense.trainable_weights)
        self.names = [w.name for w in found]
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        assigned: set[str] = set()
        seen: set[int] = set()
        for write in run.events_of(PrivateListWrite):
            said = _says(run, write, assigned)
            if write.operation == "=" and write.layer is run.layer:
                assigned.add(write.name)
            site = in_own_file(run, write.at)
            if said is None or site is None or id(site.node) in seen:
                continue
            seen.add(id(site.node))
            message, severity = said
            yield Report(
                site, message, fix=_deletion(write) if _repeats(run, write) else None, severity=severity
            )


def _says(run: LayerRun, write: PrivateListWrite, assigned: set[str]) -> tuple[str, Severity | None] | None:
    """The message, and the severity where it isn't the rule's own."""
    name = f"{ast.unparse(receiver(write.at, write.name))}.{write.name}"
    repeats = _repeats(run, write)
    instead = _instead(write, repeats)
    if any(word in ast.unparse(guard) for guard in write.at.guards for word in ("hasattr", "version")):
        return None
    if not write.name.startswith("_"):
        if write.operation == "=":
            if not is_about_weights(write):
                return None
            return (
                f"`{name}` can't be assigned: it is a property, and this raises AttributeError. {instead}.",
                "error",
            )
        return f"`{name}` is a new list at every look: this changes nothing. {instead}.", "warning"
    if write.name in _OWN[run.generation]:
        if run.method(write.name.removeprefix("_")) is not None:
            return None  # the class says itself what its weights are, maybe by this list
        if repeats:
            return (
                f"Keras has these weights already: writing them to `{name}` adds nothing. {instead}.",
                "warning",
            )
        if run.generation == 3 and any(
            isinstance(v, Weight) and v.kind == "tf variable" for v in write.values
        ):
            return f"A tf.Variable in `{name}` makes Keras' optimizers raise AttributeError. {instead}.", None
        return None
    if write.operation == "=" and _empties(write) and isinstance(write.layer.cls, Library):
        owner = ast.unparse(receiver(write.at, write.name))
        return (
            f"Keras doesn't read `{name}`: this changes nothing, the weights stay what they are. "
            f"To freeze `{owner}`, set `{owner}.trainable = False`.",
            "warning",
        )
    reads_it = any(ast.unparse(source) == name for source in _sources(write))
    if write.operation == "=" and not (reads_it and write.name not in assigned):
        return (
            (f"Keras doesn't read `{name}`: this changes nothing. {instead}.", "warning") if repeats else None
        )
    if write.name in assigned or write.name in write.layer.attributes:
        return (
            (f"Keras doesn't read `{name}`: this changes nothing. {instead}.", "warning") if repeats else None
        )
    return (
        f"In Keras {run.generation} a layer has no `{write.name}`: this raises AttributeError. {instead}.",
        "error",
    )


def is_about_weights(write: PrivateListWrite) -> bool:
    """Whether what is assigned is meant as weights of the layer, not as something else by that name."""
    return (
        not write.name.startswith(("_", "weights", "variables"))
        or any(isinstance(state, Weight) for value in write.values for state in states(value))
        or any(_is_weight_list(source) for source in _sources(write))
    )


def _empties(write: PrivateListWrite) -> bool:
    """Whether an empty list is assigned."""
    return bool(write.sources) and all(isinstance(s, ast.List) and not s.elts for s in write.sources)


def _instead(write: PrivateListWrite, repeats: bool) -> str:
    if not repeats and not any(_is_weight_list(source) for source in _sources(write)):
        return "Make the weight with `self.add_weight(...)`, which registers it"
    if repeats and write.values and all(isinstance(value, Weight) for value in write.values):
        if all(value.kind == "weight" for value in write.values if isinstance(value, Weight)):
            return "Delete it: `add_weight` has registered the weight"
        return "Delete it: a variable that is an attribute is tracked by itself"
    return "Delete it: the weights of a sublayer that is an attribute are tracked by themselves"


def _repeats(run: LayerRun, write: PrivateListWrite) -> bool:
    """Whether all that is written are the weights of tracked sublayers, or tracked weights."""
    found = [state for value in write.values for state in states(value)]
    if write.operation == "=" and write.name in _OWN[run.generation]:
        made = [event.weight for event in run.events_of(AddWeight) if event.owner is write.layer]
        if any(not any(weight is state for state in found) for weight in made):
            return False  # it takes out those that aren't named
    known = all(isinstance(value, Weight) or _is_closed(value) for value in write.values)
    if found and known and all(run.tracked(state) == "yes" for state in found):
        return True
    reads = list(run.events_of(AttributeRead))
    sources = _sources(write)
    for source in sources:
        if _is_tracked_attribute(run, source):
            continue
        owners = [read.owner for read in reads if read.at.site.node is source]
        if not owners or not all(_is_tracked(run, owner) for owner in owners):
            return False
    return bool(sources)


def _is_tracked_attribute(run: LayerRun, source: ast.expr) -> bool:
    """Whether it is `self.kernel`, a weight or layer that Keras knows."""
    if not isinstance(source, ast.Attribute) or not isinstance(source.value, ast.Name):
        return False
    value = run.layer.attributes.get(source.attr) if source.value.id == "self" else None
    return isinstance(value, Weight) and run.tracked(value) == "yes"


def _is_closed(value: Value) -> bool:
    return isinstance(value, Container) and not value.open


def _sources(write: PrivateListWrite) -> list[ast.expr]:
    """The expressions that give the weights; `list(…)`, sums, slices and loops are taken apart."""
    found: list[ast.expr] = []
    waiting = list(write.sources)
    while waiting:
        source = waiting.pop(0)
        if isinstance(source, ast.Call) and isinstance(source.func, ast.Name) and source.func.id == "list":
            waiting.extend(source.args)
        elif isinstance(source, ast.Subscript) and isinstance(source.slice, ast.Slice):
            waiting.append(source.value)
        elif isinstance(source, ast.BinOp) and isinstance(source.op, ast.Add):
            waiting.extend((source.left, source.right))
        elif isinstance(source, ast.List | ast.Tuple) and source.elts:
            waiting.extend(source.elts)
        elif isinstance(source, ast.Name) and (loop := _loop_over(write, source.id)) is not None:
            waiting.append(loop.iter)
        else:
            found.append(source)
    return found


def _loop_over(write: PrivateListWrite, name: str) -> ast.For | None:
    """The loop around the statement whose turns have this name."""
    for top in write.at.site.statement.nodes:
        for node in ast.walk(top):
            if not isinstance(node, ast.For) or not isinstance(node.target, ast.Name):
                continue
            if node.target.id == name and any(inner is write.at.statement for inner in ast.walk(node)):
                return node
    return None


def _is_weight_list(source: ast.expr) -> bool:
    return isinstance(source, ast.Attribute) and source.attr.lstrip("_") in _LISTS


def _is_tracked(run: LayerRun, layer: Layer) -> bool:
    return layer is not run.layer and run.tracked(layer) == "yes"


def _deletion(write: PrivateListWrite) -> MakeFix | None:
    site = statement_of(write.at)
    if site is None or not isinstance(site.node, ast.Expr | ast.Assign | ast.AugAssign):
        return None

    def make(document: Document) -> Fix | None:
        edits = remove(document, site)
        return None if edits is None else Fix("Delete the statement", True, edits)

    return make
