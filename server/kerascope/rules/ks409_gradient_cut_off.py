"""KS409: a weight, or a sublayer's output, that only functions without a gradient use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from kerascope.project.meaning import Library
from kerascope.rules.own_code import methods, parents, self_attributes
from kerascope.rules.places import in_own_class, sublayer_places
from kerascope.rules.rule import Example, Related, Report, Rule
from kerascope.source.document import Site
from kerascope.tracking.events import AddWeight, AttributeWrite, Created, LayerMethod
from kerascope.tracking.run import LayerRun, Method
from kerascope.tracking.values import Layer, Weight

_STEPS = frozenset(
    (
        *(
            "argmax",
            "argmin",
            "argsort",
            "argpartition",
            "ceil",
            "count_nonzero",
            "digitize",
            "equal",
            "floor",
        ),
        *(
            "floor_divide",
            "floordiv",
            "greater",
            "greater_equal",
            "is_finite",
            "is_inf",
            "is_nan",
            "isfinite",
        ),
        *("isinf", "isnan", "less", "less_equal", "nonzero", "not_equal", "one_hot", "rint", "round"),
        *("searchsorted", "trunc"),
    )
)
"""Functions of TensorFlow and of keras.ops whose result has no gradient; each is measured."""
_ROUNDED = frozenset(("ceil", "floor", "rint", "round", "trunc"))
_CASTS = frozenset(("cast", "saturate_cast"))
_WHOLE = ("int", "uint", "bool")
_ONLY_ASKS = frozenset(("shape", "dtype", "ndim", "name", "device", "path", "trainable"))
_SIDE_EFFECTS = frozenset(("print", "py_function", "numpy_function", "custom_gradient", "cond", "while_loop"))
"""Functions of a library that may do anything with what they are given."""
_LIFE = frozenset(("__init__", "build"))
_NOT_A_USE = frozenset(("get_config", "compute_output_shape", "compute_output_spec", "from_config"))
_ALL_WEIGHTS = frozenset(("weights", "trainable_weights", "variables", "trainable_variables", "layers"))
_OWN_LOSS = frozenset(("train_step", "test_step", "get_loss", "compute_loss"))
_PHASES = ("init", "build")
_MANY = 150
"""Assignments that are followed: each costs a few levels of recursion."""
_SHORT = 40
_TWO = 2
_SHAPE_AND_START = 2
"""The positional arguments of `add_weight` that say nothing of its type."""
_FAMILIES = ("tensorflow.", "keras.", "numpy.", "jax.", "torch.")


class GradientCutOff(Rule):
    """
    ## What it does
    Reports a trainable weight that a layer only uses in comparisons, `round`, `floor`, `argmax`, casts to
    whole numbers and relatives; and a sublayer whose output goes nowhere else.

    ## Why it matters
    Such a function is a staircase: flat almost everywhere. TensorFlow says that there is no gradient, JAX
    and PyTorch that it is zero. The weight is tracked, saved, and listed as trainable, but no step of
    training ever changes it. Measured, the gradients of a learned threshold
    (`x * cast(x > self.threshold, x.dtype)`), of a rounded kernel (`x @ round(self.kernel)`) and of a router
    whose `argmax` picks an expert:

    | | Keras 3.15 | Keras 2 (tf_keras 2.21) |
    | --- | --- | --- |
    | gradient of the threshold, the kernel, the router's two weights | None | None |
    | `fit`, where nothing else is trained | ValueError: no gradients | ValueError: no gradients |
    | `fit`, where other weights are | a warning | a warning |

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def build(self, input_shape):
            self.threshold = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="threshold")

        def call(self, x):
            return x * keras.ops.cast(x > self.threshold, x.dtype)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def build(self, input_shape):
            self.threshold = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="threshold")

        def call(self, x):
            return x * keras.ops.sigmoid(10.0 * (x - self.threshold))
    ```
    For a rounded weight, the straight-through estimator: `w + stop_gradient(round(w) - w)`. For a router,
    multiply what the chosen expert says by its softmax, as mixtures of experts do.

    ## When it is silent
    Where the weight, or the output, has any other use; with `trainable=False`, a frozen layer, or one whose
    weights are loaded; for a weight with a regularizer, which has a gradient of its own; on sublayers that
    are handed in, or are models; where `stop_gradient` says that it is meant; where another method, other
    code of the file, or another file that knows the class, has a use for the attribute.

    ## Fix
    None: what shall be smooth instead, only the author knows.

    ## References
    - Keras 3.15.1: `keras/src/trainers/trainer.py` (`Trainer.train_step`),
      `keras/src/optimizers/base_optimizer.py` (`BaseOptimizer._filter_empty_gradients`).
    - tf_keras 2.21.0: `tf_keras/src/optimizers/utils.py` (`filter_empty_gradients`).
    - [keras #6926](https://github.com/keras-team/keras/issues/6926): a trainable threshold that is only
      compared.
    - [tensorflow #44125](https://github.com/tensorflow/tensorflow/issues/44125): what a layer says is only
      compared with random numbers: no gradients.
    """

    code = "KS409"
    name = "gradient-cut-off"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "A weight or sublayer is used only where no gradient passes: argmax, round, a comparison."

    reporting = (
        Example(
            "a learned threshold",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.threshold = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="threshold")

    def call(self, x):
        return x * keras.ops.cast(x > self.threshold, x.dtype)  # <- KS409
""",
            (3,),
            symptom="no-gradient",
        ),
        Example(
            "a learned threshold, with tf.where",
            """\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    def __init__(self, slope=0.1):
        super().__init__()
        self.slope = slope
        self.level = self.add_weight(shape=(), initializer="zeros", name="level")

    def call(self, x):
        low = tf.less(x, 2.0 * self.level)  # <- KS409
        return tf.where(low, self.slope * x, x)
""",
            symptom="no-gradient",
        ),
        Example(
            "a rounded kernel",
            """\
import tensorflow as tf
from tensorflow import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        shape = (input_shape[-1], 3)
        self.kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="kernel")

    def call(self, x):
        steps = tf.round(self.kernel * 16.0) / 16.0  # <- KS409
        return tf.matmul(x, steps)
""",
            symptom="no-gradient",
        ),
        Example(
            "a router of experts",
            """\
import keras
from keras import layers, ops


class Example(layers.Layer):
    def __init__(self, experts=3):
        super().__init__()
        self.router = layers.Dense(experts)
        self.experts = [layers.Dense(4) for _ in range(experts)]

    def build(self, input_shape):
        self.router.build(input_shape)
        for expert in self.experts:
            expert.build(input_shape)

    def call(self, x):
        scores = self.router(x)  # <- KS409
        scores = ops.softmax(scores)
        chosen = ops.argmax(scores, axis=-1)
        weights = ops.one_hot(chosen, len(self.experts))
        y = 0.0
        for i, expert in enumerate(self.experts):
            y = y + weights[:, i : i + 1] * expert(x)
        return y
""",
            (3,),
            symptom="no-gradient",
        ),
        Example(
            "scores that only choose",
            """\
import keras
from keras import layers, ops


class Example(layers.Layer):
    def __init__(self, kept=1):
        super().__init__()
        self.kept = kept
        self.score = layers.Dense(4)

    def build(self, input_shape):
        self.score.build(input_shape)

    def call(self, x):
        scores = self.score(x)  # <- KS409
        _, chosen = ops.top_k(scores, self.kept)
        return ops.take_along_axis(x, chosen, axis=-1)
""",
            (3,),
            symptom="no-gradient",
        ),
        Example(
            "codes of a learned hash",
            """\
import tensorflow as tf


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.project = tf.keras.layers.Dense(4, use_bias=False)
        self.table = tf.keras.layers.Embedding(16, 4)

    def build(self, input_shape):
        self.project.build(input_shape)
        self.table.build((None,))
        self.built = True

    def call(self, x):
        bits = tf.cast(self.project(x) > 0.0, tf.int32)  # <- KS409
        return self.table(tf.reduce_sum(bits * [1, 2, 4, 8], axis=-1))
""",
            symptom="no-gradient",
        ),
    )
    silent = (
        Example(
            "a soft threshold",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.threshold = self.add_weight(shape=(input_shape[-1],), initializer="zeros", name="threshold")

    def call(self, x):
        return x * keras.ops.sigmoid(10.0 * (x - self.threshold))
""",
            (3,),
        ),
        Example(
            "the straight-through estimator",
            """\
import tensorflow as tf
from tensorflow import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        shape = (input_shape[-1], 3)
        self.kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="kernel")

    def call(self, x):
        w = self.kernel
        rounded = w + tf.stop_gradient(tf.round(w) - w)
        return tf.matmul(x, rounded)
""",
        ),
        Example(
            "a router whose softmax is used, too",
            """\
import tensorflow as tf
from tensorflow.keras import layers


class Example(layers.Layer):
    def __init__(self, experts=3):
        super().__init__()
        self.router = layers.Dense(experts)
        self.experts = [layers.Dense(4) for _ in range(experts)]

    def build(self, input_shape):
        self.router.build(input_shape)
        for expert in self.experts:
            expert.build(input_shape)
        self.built = True

    def call(self, x):
        scores = tf.nn.softmax(self.router(x))
        chosen = tf.one_hot(tf.argmax(scores, axis=-1), len(self.experts))
        gates = chosen * scores
        y = 0.0
        for i, expert in enumerate(self.experts):
            y = y + gates[:, i : i + 1] * expert(x)
        return y
""",
        ),
        Example(
            "logits in training, a class otherwise",
            """\
import tensorflow as tf
from tensorflow.keras import layers


class Example(layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, x, training=True):
        logits = self.dense(x)
        if not training:
            return tf.argmax(logits, axis=-1)
        return logits
""",
        ),
        Example(
            "a threshold that isn't trained",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.level = self.add_weight(shape=(), initializer="zeros", trainable=False, name="level")

    def call(self, x):
        return tf.where(x > self.level, x, 0.1 * x)
""",
        ),
        Example(
            "kept close to one by a regularizer",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.level = self.add_weight(shape=(), initializer="ones", name="level", regularizer="l2")

    def call(self, x):
        return tf.where(x > self.level, x, 0.1 * x)
""",
        ),
        Example(
            "a gradient of one's own",
            """\
import keras
import tensorflow as tf


@tf.custom_gradient
def binary(w):
    return tf.cast(w > 0.0, tf.float32), lambda upstream: upstream


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="w")

    def call(self, x):
        return x * binary(self.w * 1.0)
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        if not run.complete:
            return
        code = _Code(run)
        for name, value in run.layer.attributes.items():
            if not isinstance(value, Weight | Layer) or not _may_be_meant_to_train(run, value):
                continue
            cuts = code.cuts(name, isinstance(value, Layer))
            if not cuts or run.used(value) != "yes" or run.tracked(value) != "yes":
                continue
            ways = [reach for reach in run.reaches() if reach.value is value]
            if [way.text for way in ways] != [f"self.{name}"] or run.mentions(rf"(?<!\bself)\.{name}\b"):
                continue
            first = cuts[0]
            if not in_own_class(run, first.site) or _is_used_elsewhere(run, name):
                continue
            places = (
                (Related(value.site, "the weight is made here"),)
                if isinstance(value, Weight)
                else sublayer_places(run, ways)
            )
            yield Report(first.site, _message(name, value, first), places)


def _is_used_elsewhere(run: LayerRun, name: str) -> bool:
    """Whether another file that knows the class has an attribute of this name, which may be this one."""
    word = re.escape(run.definition.name.rpartition(".")[2])
    return run.project.mentioned_elsewhere(run.module.path, rf"\b{word}\b", rf"(?<!\bself)\.{name}\b")


def _may_be_meant_to_train(run: LayerRun, value: Weight | Layer) -> bool:
    if isinstance(value, Weight):
        made = next((event for event in run.events_of(AddWeight) if event.weight is value), None)
        if (
            made is None
            or value.trainable is not True
            or value.many
            or len(made.arguments) > _SHAPE_AND_START
        ):
            return False
        given = {keyword.arg for keyword in value.call.keywords} | set(made.keywords)
        return not given & {"regularizer", "dtype", "constraint", None}
    if not isinstance(value.cls, Library) or value.library is None or value.library.kind != "layer":
        return False
    if (
        value.conditional
        or value.open
        or any(key != "name" and "regularizer" in key for key in value.keywords)
    ):
        return False
    if "trainable" in value.keywords or "weights" in value.keywords or run.weights_of(value).has != "yes":
        return False
    made_here = any(event.value is value for event in run.events_of(Created) if event.at.phase in _PHASES)
    changed = any(event.owner is value for event in run.events_of(AttributeWrite))
    return made_here and not changed and all(event.layer is not value for event in run.events_of(LayerMethod))


@dataclass(frozen=True)
class _Cut:
    """Where a gradient ends."""

    site: Site
    by: str
    """The code that has none: "x > self.threshold"."""
    what: str


_Known: TypeAlias = "dict[int, list[_Cut] | None]"
"""Where what an assignment gives goes, by the assignment."""


class _Code:
    """The uses of a layer's attributes in the text of its class and of the bases."""

    def __init__(self, run: LayerRun) -> None:
        self._run = run
        self._parents: dict[int, dict[ast.AST, ast.AST]] = {}

    @cached_property
    def _mentions(self) -> dict[str, list[tuple[Method, ast.Attribute]]]:
        """Each `self.name`, by name, and in which method."""
        found: dict[str, list[tuple[Method, ast.Attribute]]] = {}
        for method in methods(self._run):
            if method.name not in _NOT_A_USE:
                for read in self_attributes(method.node):
                    found.setdefault(read.attr, []).append((method, read))
        return found

    @cached_property
    def _asks_for_all_weights(self) -> bool:
        """Whether the class computes with the list of its weights."""
        return any(
            method.name not in _OWN_LOSS | _LIFE
            for name in _ALL_WEIGHTS
            for method, _ in self._mentions.get(name, ())
        )

    def cuts(self, name: str, is_layer: bool) -> list[_Cut]:
        """Where the uses of `self.name` end, if all of them end where no gradient passes; else none."""
        found: list[_Cut] = []
        if self._asks_for_all_weights:
            return found
        for method, read in self._mentions.get(name, ()):
            if isinstance(read.ctx, ast.Store) and method.name in _LIFE:
                continue
            ends = self._uses(method, read, is_layer)
            if ends is None:
                return []
            found.extend(ends)
        return found

    def _uses(self, method: Method, read: ast.Attribute, is_layer: bool) -> list[_Cut] | None:
        """Where one mention of the attribute ends; None if that isn't known, or a gradient passes."""
        outer = self._outer(method)
        around = outer.get(read)
        if method.name in _LIFE:
            asked = around.attr if isinstance(around, ast.Attribute) else ""
            return [] if asked in _ONLY_ASKS or (is_layer and asked in ("build", "built")) else None
        if not is_layer:
            return self._ends(method, read, read, {})
        if not isinstance(around, ast.Call) or around.func is not read:
            return None
        return self._ends(method, around, around, {})

    def _ends(self, method: Method, start: ast.expr, node: ast.expr, known: _Known) -> list[_Cut] | None:
        """Where the value of an expression goes. `start` is where the weight or output appears."""
        outer = self._outer(method)
        while True:
            around = outer.get(node)
            if isinstance(around, ast.keyword):
                node, around = around, outer.get(around)  # type: ignore[assignment]
            if isinstance(around, ast.Attribute):
                return [] if around.attr in _ONLY_ASKS else None
            if isinstance(around, ast.Compare):
                if any(isinstance(each, ast.Is | ast.IsNot | ast.In | ast.NotIn) for each in around.ops):
                    return []
                return [self._cut(method, start, around, "a comparison")]
            if isinstance(around, ast.Call):
                if node is around.func:
                    return None
                name = self._library_function(method, around.func)
                if name is None or name in _SIDE_EFFECTS or name.startswith("stop_"):
                    return None
                if name in _STEPS:
                    return [self._cut(method, start, around, f"`{name}`")]
                if name == "top_k":
                    return self._places_of_top(method, start, around, known)
                if name in _CASTS and _to_whole(around):
                    return [self._cut(method, start, around, "a cast to whole numbers")]
            elif isinstance(around, ast.BinOp) and isinstance(around.op, ast.FloorDiv):
                return [self._cut(method, start, around, "`//`")]
            elif isinstance(around, ast.Subscript):
                if node is not around.value:
                    return None
            elif isinstance(around, ast.Assign):
                return self._loads(method, start, around, known)
            elif isinstance(around, ast.Expr):
                return []
            elif isinstance(around, ast.UnaryOp):
                if isinstance(around.op, ast.Not):
                    return None
            elif isinstance(around, ast.IfExp):
                if node is around.test:
                    return None
            elif not isinstance(around, ast.BinOp | ast.List | ast.Tuple):
                return None
            assert isinstance(around, ast.expr)
            node = around

    def _places_of_top(
        self, method: Method, start: ast.expr, call: ast.Call, known: _Known
    ) -> list[_Cut] | None:
        """Where `top_k` ends: its values have a gradient, the places of these have none."""
        cut = [self._cut(method, start, call, "the indices of `top_k`")]
        around = self._outer(method).get(call)
        if isinstance(around, ast.Attribute) and around.attr == "indices":
            return cut
        if (
            isinstance(around, ast.Subscript)
            and around.value is call
            and ast.unparse(around.slice) in ("1", "-1")
        ):
            return cut
        target = around.targets[0] if isinstance(around, ast.Assign) else None
        if (
            not isinstance(around, ast.Assign)
            or not isinstance(target, ast.Tuple)
            or len(target.elts) != _TWO
        ):
            return None
        values = self._loads(method, start, around, known, target.elts[0])
        return None if values is None else cut

    def _loads(
        self,
        method: Method,
        start: ast.expr,
        assign: ast.Assign,
        known: _Known,
        target: ast.expr | None = None,
    ) -> list[_Cut] | None:
        """Where the uses of a local variable end, up to its next assignment."""
        target = target or assign.targets[0]
        if len(assign.targets) != 1 or not isinstance(target, ast.Name):
            return None
        if id(assign) not in known:
            if len(known) == _MANY:
                return None
            known[id(assign)] = []  # meanwhile, for the next turn of a loop
            known[id(assign)] = self._ends_of_all(method, start, assign, target.id, known)
        return known[id(assign)]

    def _ends_of_all(
        self, method: Method, start: ast.expr, assign: ast.Assign, name: str, known: _Known
    ) -> list[_Cut] | None:
        found: list[_Cut] = []
        for load in self._reached(method, assign, name):
            ends = self._ends(method, start, load, known) if load is not None else None
            if ends is None:
                return None
            found = found or ends[:1]
        return found

    def _reached(self, method: Method, assign: ast.Assign, name: str) -> Iterator[ast.Name | None]:
        """Each place that may read what the assignment gives the variable; None: one that can't be told."""
        outer = self._outer(method)
        block: ast.AST | None = outer.get(assign)
        inner: ast.AST = assign
        while block is not None:
            if isinstance(block, ast.For | ast.While | ast.AsyncFor | ast.Try):
                # The next turn, or a handler, may read it, too.
                yield from _names(block, name)
            for field in ("body", "orelse"):
                statements = getattr(block, field, None)
                if not isinstance(statements, list) or inner not in statements:
                    continue
                for statement in statements[statements.index(inner) + 1 :]:
                    yield from _names(statement, name)
                    if isinstance(statement, ast.Assign) and any(
                        isinstance(target, ast.Name) and target.id == name for target in statement.targets
                    ):
                        return
            if block is method.node:
                return
            if isinstance(block, ast.FunctionDef | ast.AsyncFunctionDef):
                yield None
                return
            inner, block = block, outer.get(block)

    def _cut(self, method: Method, start: ast.expr, end: ast.expr, what: str) -> _Cut:
        return _Cut(Site(method.owner.module.path, method.statement, start), ast.unparse(end), what)

    def _library_function(self, method: Method, function: ast.expr) -> str | None:
        """The short name of a library's function: "argmax"."""
        if not isinstance(function, ast.Name | ast.Attribute):
            return None
        for meaning in self._run.project.resolve(method.owner.module, ast.unparse(function)):
            if isinstance(meaning, Library) and meaning.name.startswith(_FAMILIES):
                return meaning.name.rpartition(".")[2]
        return None

    def _outer(self, method: Method) -> dict[ast.AST, ast.AST]:
        found = self._parents.get(id(method.node))
        if found is None:
            found = self._parents[id(method.node)] = parents(method.node)
        return found


def _names(statement: ast.AST, name: str) -> Iterator[ast.Name | None]:
    """The loads of a name in a statement; None if a nested function, or `+=`, may use it."""
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            if any(isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(node)):
                yield None
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            yield None
        elif isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
            yield node


def _to_whole(call: ast.Call) -> bool:
    """Whether a cast is to integers or booleans."""
    given = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "dtype")]
    for each in given:
        text = each.value if isinstance(each, ast.Constant) else getattr(each, "attr", "")
        if isinstance(text, str) and text.startswith(_WHOLE):
            return True
    return False


def _message(name: str, value: Weight | Layer, cut: _Cut) -> str:
    if isinstance(value, Weight):
        by = f"`{cut.by}`" if len(cut.by) <= _SHORT else cut.what
        rounded = cut.what.strip("`") in _ROUNDED
        smooth = "add what rounding changes as `stop_gradient(…)`" if rounded else "use sigmoid or the like"
        return (
            f"No gradient passes {by}: training never changes the weight `self.{name}`, though it is "
            f"trainable. Instead, {smooth}, or say `trainable=False`."
        )
    return (
        f"No gradient passes {cut.what}, and the output of `self.{name}` ({value.class_name}) goes nowhere "
        "else: its weights never train. Use the output itself as well, or freeze the layer."
    )
