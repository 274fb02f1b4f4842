"""KS408: `call` assigns a tensor to the attribute that holds a weight, instead of changing the weight."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from kerascope.project.meaning import Library
from kerascope.rules.places import in_own_class, in_own_file, told_there
from kerascope.rules.rule import Example, Fix, Related, Report, Rule
from kerascope.source.document import Document, Site
from kerascope.source.position import Edit, Range
from kerascope.source.statement import Statement
from kerascope.tracking.events import AttributeDeleted, AttributeWrite
from kerascope.tracking.run import LayerRun, ScriptRun
from kerascope.tracking.values import Constant, Tensor, Weight, options

_STEPS = frozenset(("train_step", "test_step", "predict_step"))
"""Methods of a model that Keras traces as it does `call`."""
_IN_PLACE = {ast.Add: "assign_add", ast.Sub: "assign_sub"}
_OPERATORS = {ast.Mult: "*", ast.Div: "/", ast.Pow: "**", ast.FloorDiv: "//", ast.Mod: "%", ast.MatMult: "@"}
_EQUALS = re.compile(r"\s*=[ \t]*")


class WeightOverwrittenInCall(Rule):
    """
    ## What it does
    Reports a statement of `call`, of a method that `call` uses, or of a `train_step`, that assigns a tensor
    to the attribute that holds a weight: `self.mean = 0.9 * self.mean + 0.1 * batch_mean`, `self.count += 1`.
    The same in the `update_state` of a metric.

    ## Why it matters
    Such a statement doesn't change the weight, it puts a tensor in its place. The weight keeps the value that
    it was made with, and that value is saved. In `fit`, `call` runs once, to be traced: the attribute then
    holds a tensor of that graph, and whatever reads it next raises. Measured for a layer that averages
    (`self.mean = 0.9 * self.mean + …` when training), one that clips (`self.w = clip(self.w, -1, 1)`) and one
    that counts (`self.count += 1`):

    | | Keras 3.15 | tf_keras 2.21 |
    | --- | --- | --- |
    | `weights` after one call: averages, clips, counts | 2, 1, 1 | 1, 0, RuntimeError |
    | value of the mean, of the count after `fit` | 0, 0 | - |
    | gradient of the clipped weight on the second step | None | no weight left |
    | `fit` of a functional model: averages | passes | TypeError |
    | … clips, counts | TypeError, TypeError | TypeError, RuntimeError |
    | `predict` after such a `fit` | TypeError: out of scope | - |
    | `fit` of a subclassed model | InaccessibleTensorError | TypeError, TypeError, RuntimeError |
    | first call, where the layer has sublayers and no `build()` | TypeError: out of scope | passes |

    Keras 2 forgets a weight as soon as its attribute is given anything else. And `+=` on a `tf.Variable`, as
    each weight of Keras 2 is one, raises at once.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def build(self, input_shape):
            shape = (input_shape[-1],)
            self.mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
            self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")

        def call(self, x):
            self.mean = 0.9 * self.mean + 0.1 * keras.ops.mean(x, axis=0)
            return (x - self.mean) * self.scale
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def build(self, input_shape):
            shape = (input_shape[-1],)
            self.mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
            self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")

        def call(self, x):
            self.mean.assign(0.9 * self.mean + 0.1 * keras.ops.mean(x, axis=0))
            return (x - self.mean) * self.scale
    ```
    For a weight that trains, a local variable is mostly what is meant: `w = keras.ops.clip(self.w, -1, 1)`.

    ## When it is silent
    Where the attribute doesn't surely hold a weight when `call` begins; where what is assigned can't be
    known, or may be a weight; where the same method gives the attribute its weight back; on attributes of
    other objects (`self.dense.kernel = …`).

    ## Fix
    Unsafe, for weights with `trainable=False`: `self.mean.assign(…)`, `assign_add(…)` for `+=`. The layer
    then computes what it was meant to, which isn't what it did.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.__setattr__`), `keras/src/backend/common/variables.py`
      (`Variable.assign`, `Variable.__add__`).
    - tf_keras 2.21.0: `tf_keras/src/engine/base_layer.py` (`Layer.__setattr__`, `Layer.__delattr__`).
    - [tensorflow #32889](https://github.com/tensorflow/tensorflow/issues/32889): states assigned to an
      attribute in `call`; a Keras developer says to make them in `build` and assign to them.
    - [keras #16107](https://github.com/keras-team/keras/issues/16107): a memory made by `add_weight`,
      which `call` updates with `=`: "an op outside of the function building code".
    """

    code = "KS408"
    name = "weight-overwritten-in-call"
    severity = {2: "error", 3: "error"}  # noqa: RUF012
    summary = "call puts a tensor in the place of a weight, instead of changing the weight."

    reporting = (
        Example(
            "a moving average",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
        self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")

    def call(self, x):
        self.mean = 0.9 * self.mean + 0.1 * keras.ops.mean(x, axis=0)  # <- KS408
        return (x - self.mean) * self.scale
""",
            (3,),
            symptom="predict-raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
        self.scale = self.add_weight(shape=shape, initializer="ones", name="scale")

    def call(self, x):
        self.mean.assign(0.9 * self.mean + 0.1 * keras.ops.mean(x, axis=0))  # <- KS408
        return (x - self.mean) * self.scale
""",
        ),
        Example(
            "a moving average over several lines",
            """\
import tensorflow as tf
from tensorflow import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.mean = self.add_weight(shape=(4,), initializer="zeros", trainable=False, name="mean")
        self.scale = self.add_weight(shape=(4,), initializer="ones", name="scale")

    def call(self, x):
        self.mean = (  # <- KS408
            0.9 * self.mean  # what was
            + 0.1 * tf.reduce_mean(x, axis=0)  # what is
        )
        return (x - self.mean) * self.scale
""",
            symptom="predict-raises",
            fixed="""\
import tensorflow as tf
from tensorflow import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.mean = self.add_weight(shape=(4,), initializer="zeros", trainable=False, name="mean")
        self.scale = self.add_weight(shape=(4,), initializer="ones", name="scale")

    def call(self, x):
        self.mean.assign(  # <- KS408
            0.9 * self.mean  # what was
            + 0.1 * tf.reduce_mean(x, axis=0)  # what is
        )
        return (x - self.mean) * self.scale
""",
        ),
        Example(
            "a weight that is clipped",
            """\
import tensorflow as tf
from tensorflow import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")
        self.built = True

    def call(self, x):
        self.w = tf.clip_by_value(self.w, -1.0, 1.0)  # <- KS408
        return x * self.w
""",
            symptom={2: "fewer-weights", 3: "no-gradient"},
            evidence="len(layer.trainable_weights) < 1",
        ),
        Example(
            "a counter",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        self.count += 1.0  # <- KS408
        return self.dense(x) / self.count
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        self.count.assign_add(1.0)  # <- KS408
        return self.dense(x) / self.count
""",
        ),
        Example(
            "a temperature that decays, in a method that call uses",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.temperature = self.add_weight(shape=(), initializer="ones", trainable=False, name="temperature")
        self.dense = keras.layers.Dense(4)

    def cool(self):
        self.temperature *= 0.5 + 0.5  # <- KS408

    def call(self, x):
        self.cool()
        return tf.nn.softmax(self.dense(x) / self.temperature)
""",
            symptom="raises",
            fixed="""\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.temperature = self.add_weight(shape=(), initializer="ones", trainable=False, name="temperature")
        self.dense = keras.layers.Dense(4)

    def cool(self):
        self.temperature.assign(self.temperature * (0.5 + 0.5))  # <- KS408

    def call(self, x):
        self.cool()
        return tf.nn.softmax(self.dense(x) / self.temperature)
""",
        ),
        Example(
            "what assign returns",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        self.count = self.count.assign_add(1.0)  # <- KS408
        return self.dense(x) / self.count
""",
            symptom={2: "predict-raises", 3: "raises"},
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        self.count.assign_add(1.0)  # <- KS408
        return self.dense(x) / self.count
""",
        ),
        Example(
            "the state of a recurrent layer, in a model",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self, units=4):
        super().__init__()
        self.dense = keras.layers.Dense(units)
        self.recurrent = keras.layers.Dense(units, use_bias=False)
        self.state = tf.Variable(tf.zeros((1, units)), trainable=False)

    def call(self, x):
        new = tf.tanh(self.dense(x) + self.recurrent(self.state))
        self.state = tf.reduce_mean(new, axis=0, keepdims=True)  # <- KS408
        return new
""",
            symptom={2: "predict-raises", 3: "raises"},
            fixed="""\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self, units=4):
        super().__init__()
        self.dense = keras.layers.Dense(units)
        self.recurrent = keras.layers.Dense(units, use_bias=False)
        self.state = tf.Variable(tf.zeros((1, units)), trainable=False)

    def call(self, x):
        new = tf.tanh(self.dense(x) + self.recurrent(self.state))
        self.state.assign(tf.reduce_mean(new, axis=0, keepdims=True))  # <- KS408
        return new
""",
        ),
        Example(
            "a metric that counts",
            """\
import keras
import tensorflow as tf


class Total(keras.metrics.Metric):
    def __init__(self, name="total"):
        super().__init__(name=name)
        self.total = self.add_weight(name="total", shape=(), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total = self.total + tf.reduce_sum(y_pred)  # <- KS408

    def result(self):
        return self.total


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.total = Total()

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        y = self.dense(x)
        self.total.update_state(x, y)
        return y
""",
            symptom="predict-raises",
            fixed="""\
import keras
import tensorflow as tf


class Total(keras.metrics.Metric):
    def __init__(self, name="total"):
        super().__init__(name=name)
        self.total = self.add_weight(name="total", shape=(), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign(self.total + tf.reduce_sum(y_pred))  # <- KS408

    def result(self):
        return self.total


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.total = Total()

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        y = self.dense(x)
        self.total.update_state(x, y)
        return y
""",
        ),
    )
    silent = (
        Example(
            "changed in place, and a tensor kept in a local variable",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

    def call(self, x):
        self.count.assign_add(1.0)
        w = self.w * 2.0
        w += 1.0
        return x * w
""",
        ),
        Example(
            "an attribute that never held a weight",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.calls = 0
        self.last = None
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        self.calls += 1
        self.last = self.dense(x)
        return self.last
""",
        ),
        Example(
            "the weight given back",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")
        self.built = True

    def scaled(self, x):
        return x * self.w

    def call(self, x):
        kept = self.w
        self.w = kept * 2.0
        y = self.scaled(x)
        self.w = kept
        return y
""",
            (3,),
        ),
        Example(
            "a weight that build() may not have made",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, learned=False):
        super().__init__()
        self.learned = learned
        self.scale = 1.0

    def build(self, input_shape):
        if self.learned:
            self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        self.built = True

    def call(self, x):
        if not self.learned:
            self.scale = 2.0
        return x * self.scale
""",
        ),
        Example(
            "in a method that runs between trainings",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

    def call(self, x):
        return x * self.w

    def freeze(self):
        self.w = keras.ops.stop_gradient(self.w * 1.0)
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        cls = run.definition.statement
        if run.generation == 2:  # in which a metric is a layer
            for piece in cls.body:
                if piece.name == "update_state" and _is_metric(run, cls):
                    yield from _of_metric(run, cls, piece)
        traced = [
            event
            for event in run.events_of(AttributeWrite)
            if event.owner is run.layer and _is_traced(run, event)
        ]
        held = _held_by_build(run) if traced else {}
        overwritten: dict[str, list[_Overwritten]] = {}
        for event in traced:
            if event.name in held:
                overwritten.setdefault(event.name, []).append(_Overwritten(event, held[event.name]))
        for name, writes in overwritten.items():
            if not all(write.is_tensor for write in writes):
                continue
            seen: set[int] = set()
            for write in writes:
                site = in_own_file(run, write.event.at, told_there(run, write.event.at, self.check_layer))
                if site is None or id(site.node) in seen:
                    continue
                seen.add(id(site.node))
                yield Report(
                    site,
                    _message(run, name, write),
                    tuple(Related(weight.site, "the weight is made here") for weight in write.weights),
                    fix=partial(_in_place, run=run, write=write) if write.is_fixable else None,
                )

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        for piece in run.pieces:
            if piece.name != "update_state" or not piece.context:
                continue
            for cls in run.document.statements:
                if cls.kind == "class" and piece in cls.body and _is_metric(run, cls):
                    yield from _of_metric(run, cls, piece)


def _is_metric(run: LayerRun | ScriptRun, cls: Statement) -> bool:
    header = next((node for node in cls.nodes if isinstance(node, ast.ClassDef)), None)
    return header is not None and any(
        isinstance(meaning, Library) and meaning.name == "keras.metrics.Metric"
        for base in header.bases
        for meaning in run.project.resolve(run.module, ast.unparse(base))
    )


def _of_metric(run: LayerRun | ScriptRun, cls: Statement, piece: Statement) -> Iterator[Report]:
    """What a metric's `update_state` puts in the place of its weights."""
    made = {
        name: site for method in cls.body if method.name == "__init__" for name, site in _made(run, method)
    }
    writes: dict[str, list[ast.Assign | ast.AugAssign]] = {}
    for top in piece.nodes:
        for node in ast.walk(top):
            if not isinstance(node, ast.Assign | ast.AugAssign):
                continue
            target = _target(node)
            own = isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self"
            if isinstance(target, ast.Attribute) and own and target.attr in made:
                writes.setdefault(target.attr, []).append(node)
    for name, nodes in writes.items():
        if not all(isinstance(node, ast.AugAssign) or _computes_with(node.value, name) for node in nodes):
            continue
        for node in nodes:
            raises = run.generation == 2 and isinstance(node, ast.AugAssign)
            why = (
                "raises RuntimeError: it is a tf.Variable"
                if raises
                else "puts a tensor in its place: `fit` counts nothing, and what follows it raises"
            )
            method = _in_place_method(node)
            site = Site(run.module.path, piece, node)
            yield Report(
                Site(run.module.path, piece, _target(node) or node),
                f"`self.{name}` is a weight of this metric, and `update_state` {why}. Change it by "
                f"`self.{name}.{method}(…)`.",
                (Related(made[name], "the weight is made here"),),
                partial(_changed_in_place, site=site),
            )


def _made(run: LayerRun | ScriptRun, init: Statement) -> Iterator[tuple[str, Site]]:
    """The attributes to which a constructor assigns a weight, and nothing else."""
    found: dict[str, list[ast.Assign]] = {}
    for top in init.nodes:
        for node in ast.walk(top):
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self":
                assert isinstance(node, ast.Assign)
                found.setdefault(target.attr, []).append(node)
    for name, nodes in found.items():
        value = nodes[0].value
        made = ast.unparse(value.func) if isinstance(value, ast.Call) else ""
        if len(nodes) == 1 and made in ("self.add_weight", "self.add_variable"):
            yield name, Site(run.module.path, init, value)


def _computes_with(value: ast.expr, name: str) -> bool:
    """Whether an expression surely gives a tensor: a sum, say, with `self.total` in it."""
    return isinstance(value, ast.BinOp) and any(
        isinstance(node, ast.Attribute) and node.attr == name for node in ast.walk(value)
    )


@dataclass(frozen=True)
class _Overwritten:
    """A statement that gives an attribute something, and the weights that it held."""

    event: AttributeWrite
    weights: Sequence[Weight]

    @property
    def statement(self) -> ast.stmt | None:
        return self.event.at.statement

    @property
    def assigns(self) -> bool:
        """Whether it keeps what `assign` returns: `self.count = self.count.assign_add(1)`."""
        statement = self.statement
        value = statement.value if isinstance(statement, ast.Assign) else None
        function = value.func if isinstance(value, ast.Call) else None
        if not isinstance(statement, ast.Assign) or not isinstance(function, ast.Attribute):
            return False
        same = ast.unparse(function.value) == ast.unparse(statement.targets[0])
        return same and function.attr in ("assign", "assign_add", "assign_sub")

    @property
    def is_tensor(self) -> bool:
        if self.assigns:
            return True
        return all(
            isinstance(option, Tensor) and option.phase in ("call", "other")
            for option in options(self.event.value)
        )

    @property
    def is_fixable(self) -> bool:
        target = _target(self.statement)
        own = isinstance(target, ast.Attribute) and target.attr == self.event.name
        return own and all(weight.trainable is False for weight in self.weights)


def _held_by_build(run: LayerRun) -> dict[str, list[Weight]]:
    """The attributes that surely hold a weight, or None, when `call` begins."""
    held: dict[str, list[Weight]] = {}
    for event in run.events:
        if event.at.phase not in ("init", "build"):
            continue
        if isinstance(event, AttributeDeleted) and event.owner is run.layer:
            held.pop(event.name, None)
        if not isinstance(event, AttributeWrite) or event.owner is not run.layer or event.name is None:
            continue
        values = options(event.stored)
        weights = [value for value in values if isinstance(value, Weight)]
        nothing = all(isinstance(value, Constant) and value.value is None for value in values)
        if event.via != "plain" or len(weights) != len(values):
            if not nothing or not event.at.conditional:
                held.pop(event.name, None)
        elif not event.at.conditional or _before_is_none(run, event):
            held[event.name] = weights
    return held


def _before_is_none(run: LayerRun, event: AttributeWrite) -> bool:
    """Whether an attribute that is given a weight under a condition holds nothing otherwise."""
    others = [
        each.stored
        for each in run.events_of(AttributeWrite)
        if each.owner is run.layer and each.name == event.name and each.at.phase in ("init", "build")
    ]
    return all(
        isinstance(value, Weight) or (isinstance(value, Constant) and value.value is None)
        for stored in others
        for value in options(stored)
    )


def _is_traced(run: LayerRun, event: AttributeWrite) -> bool:
    """Whether Keras traces the method that does it."""
    if event.at.phase == "call":
        return event.via in ("plain", "setattr")
    return event.at.phase == "other" and event.at.method in _STEPS and run.is_model() and event.via == "plain"


def _message(run: LayerRun, name: str, write: _Overwritten) -> str:
    statement, weights = write.statement, write.weights
    if write.assigns:
        return (
            f"`self.{name}` gets what `assign` returns, in the place of the weight: `fit`, or what follows "
            f"it, raises. Leave out `self.{name} =`: `assign` changes the weight by itself."
        )
    method = write.event.at.method if write.event.at.method in _STEPS else "call"
    in_place = _in_place_method(statement)
    instead = f"Change the weight by `self.{name}.{in_place}(…)`."
    if any(weight.trainable is not False for weight in weights):
        instead = f"Keep the result in a local variable, or change the weight by `self.{name}.{in_place}(…)`."
    variable = run.generation == 2 or all(weight.kind == "tf variable" for weight in weights)
    if isinstance(statement, ast.AugAssign) and variable:
        return (
            f"`{_operator(statement.op)}=` on the weight `self.{name}` raises RuntimeError: it is a "
            f"tf.Variable. {instead}"
        )
    return (
        f"`{method}` puts a tensor in the place of the weight `self.{name}` of {run.definition.name}: the "
        f'weight never changes, and `fit`, or what follows it, raises "out of scope". {instead}'
    )


def _in_place_method(statement: ast.stmt | None) -> str:
    """The method of a weight that does in place what an assignment was meant to."""
    return _IN_PLACE.get(type(statement.op), "assign") if isinstance(statement, ast.AugAssign) else "assign"


def _target(statement: ast.stmt | None) -> ast.expr | None:
    """What an assignment assigns to, if that is one thing."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        return statement.targets[0]
    return statement.target if isinstance(statement, ast.AugAssign) else None


def _operator(operator: ast.operator) -> str:
    return {ast.Add: "+", ast.Sub: "-"}.get(type(operator)) or _OPERATORS.get(type(operator), "")


def _in_place(document: Document, run: LayerRun, write: _Overwritten) -> Fix | None:
    """`self.mean.assign(…)` instead of the assignment."""
    at = write.event.at
    if write.statement is None or not in_own_class(run, at.site):
        return None
    site = Site(at.site.path, at.site.statement, write.statement)
    return _changed_in_place(document, site, write.assigns)


def _changed_in_place(document: Document, site: Site, assigns: bool = False) -> Fix | None:
    statement = site.node
    if not isinstance(statement, ast.Assign | ast.AugAssign) or (target := _target(statement)) is None:
        return None

    def extent(node: ast.AST) -> Range | None:
        return document.extent_of(Site(site.path, site.statement, node))

    left, right, whole = extent(target), extent(statement.value), extent(statement)
    if left is None or right is None or whole is None:
        return None
    named = ast.unparse(target)
    if assigns:
        return Fix(f"Leave out `{named} =`", False, (Edit(Range(left.start, right.start), ""),))
    between = document.text[document.offset_of(left.end) : document.offset_of(right.start)]
    value = document.text[document.offset_of(right.start) : document.offset_of(right.end)]
    if isinstance(statement, ast.AugAssign):
        method, operator = _IN_PLACE.get(type(statement.op)), _OPERATORS.get(type(statement.op))
        if between.strip() != f"{_operator(statement.op)}=" or whole.end != right.end:
            return None
        if method is None:
            if operator is None:
                return None
            simple = isinstance(statement.value, ast.Name | ast.Attribute | ast.Constant | ast.Call)
            method, value = "assign", f"{named} {operator} {value if simple else f'({value})'}"
        return Fix(
            f"Use `{named}.{method}(…)`", False, (Edit(Range(left.end, whole.end), f".{method}({value})"),)
        )
    equals = _EQUALS.match(between)
    if equals is None:
        return None
    start = document.offset_of(left.end)
    gone = Range(left.end, document.position_of(start + equals.end()))
    if between[equals.end() :].startswith("("):
        # The brackets around the value become those of the call.
        edits: tuple[Edit, ...] = (Edit(gone, ".assign"),)
    else:
        edits = (Edit(gone, ".assign("), Edit(Range(whole.end, whole.end), ")"))
    return Fix(f"Use `{named}.assign(…)`", False, edits)
