"""KS407: a layer whose result, computed once, becomes a constant of a functional model."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from kerascope.project.meaning import Library
from kerascope.project.module import Module
from kerascope.project.project import Project
from kerascope.rules.lazy_creation import enclosing_function
from kerascope.rules.rule import Example, Report, Rule
from kerascope.tracking.events import LayerCalled
from kerascope.tracking.run import LayerRun, ScriptRun

_INPUTS = frozenset(("keras.Input", "keras.layers.Input", "keras.layers.InputLayer"))
_DISTRIBUTIONS = ("normal", "rand", "randn", "truncated_normal", "uniform")
_CONSTANTS = frozenset(
    (
        *(f"tensorflow.{name}" for name in ("range", "constant", "ones", "zeros", "fill", "eye", "linspace")),
        *(f"keras.ops.{name}" for name in ("arange", "ones", "zeros", "full", "eye", "linspace")),
        *(f"numpy.{name}" for name in ("arange", "ones", "zeros", "full", "eye", "linspace", "array")),
        *(f"keras.backend.{name}" for name in ("arange", "constant")),
        *(f"{place}.random.{name}" for place in ("keras", "numpy", "tensorflow") for name in _DISTRIBUTIONS),
    )
)
_COMPUTING = ("tensorflow.", "keras.ops.", "keras.backend.", "numpy.")
_ONLY_ASKS = frozenset(("shape", "dtype", "ndim"))
_ENDS = frozenset(("input", "inputs", "output", "outputs"))
"""The symbolic tensors of a functional model."""
_MODELS = frozenset(("keras.Model", "keras.models.Model"))


class LayerCalledOnConstant(Rule):
    """
    ## What it does
    Reports a layer with weights that is called on a constant (`Embedding(n, d)(ops.arange(n))`) while a
    functional model is put together, and whose result goes into that model.

    ## Why it matters
    Nothing in the call is symbolic, so Keras computes it at once, from the weights as they are at that
    moment. The model holds the resulting numbers, not the layer. Measured for positions that are added to
    the embedding of tokens, in both generations the same:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | `Embedding(6, 4)(tf.range(6))`, or on `np.arange(6)`: is it in `model.layers`? | no | no |
    | its weight in `model.trainable_weights` | no | no |
    | its weight after `fit` | as before | as before |
    | `save_weights`, then `load_weights` into the same model made anew | other outputs, no error | the same |
    | `model.save("m.keras")`, then `load_model` | same outputs: the numbers are in the file | the same |

    An `Embedding`, a `Dense`, a layer of your own or a layer of layers: it is the same for all. `summary()`
    shows an addition, and the number of parameters is too small.

    ## Example
    ```python
    import keras
    from keras import layers, ops


    def make_model(length=4, width=8):
        inputs = keras.Input((length,))
        x = layers.Dense(width)(layers.Reshape((length, 1))(inputs))
        x = x + layers.Embedding(length, width)(ops.arange(length))
        return keras.Model(inputs, x)
    ```

    ## Instead
    ```python
    import keras
    from keras import layers, ops


    class Positions(layers.Layer):
        def __init__(self, length, width):
            super().__init__()
            self.length = length
            self.embedding = layers.Embedding(length, width)

        def build(self, input_shape):
            self.embedding.build((self.length,))
            self.built = True

        def call(self, x):
            return x + self.embedding(ops.arange(self.length))


    def make_model(length=4, width=8):
        inputs = keras.Input((length,))
        x = layers.Dense(width)(layers.Reshape((length, 1))(inputs))
        return keras.Model(inputs, Positions(length, width)(x))
    ```
    Inside a layer's `call` the constant is part of the computation. keras_hub has such a layer,
    `PositionEmbedding`.

    ## When it is silent
    Where the constant depends on the model's input (`tf.shape(x)`), so that the call is symbolic; where the
    result goes nowhere, as in a call that only builds the layer; where the layer is called in the model, too;
    in a layer's `call`; on layers without weights; outside of functions and scripts that make an `Input`, or
    make a `Model` of another model's `output`, and of functions that these hand something symbolic.

    ## Fix
    None: the call has to move into a layer of its own.

    ## References
    - Keras 3.15.1: `keras/src/ops/operation.py` (`Operation.__call__`, `any_symbolic_tensors`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`_in_functional_construction_mode`).
    - [keras-io #688](https://github.com/keras-team/keras-io/issues/688): seen in an example of Keras' own
      site.
    """

    code = "KS407"
    name = "layer-called-on-constant"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = (
        "A layer is called on a constant while a functional model is made: its weights aren't in the model."
    )

    reporting = (
        Example(
            "an embedding of positions",
            """\
import keras
from keras import layers, ops


def make_model(length=4, width=8):
    inputs = keras.Input((length,))
    x = layers.Dense(width)(layers.Reshape((length, 1))(inputs))
    x = x + layers.Embedding(length, width)(ops.arange(length))  # <- KS407
    return keras.Model(inputs, x)
""",
            (3,),
            make="make_model()",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 3",
        ),
        Example(
            "positions under names of their own",
            """\
import tensorflow as tf
from tensorflow.keras import Input, Model, layers

LENGTH = 4


def build_classifier(width=8, positional=True):
    inputs = Input(shape=(LENGTH,))
    x = layers.Dense(width)(layers.Reshape((LENGTH, 1))(inputs))
    if positional:
        positions = tf.range(start=0, limit=LENGTH, delta=1)
        encoded = layers.Embedding(input_dim=LENGTH, output_dim=width)(positions)  # <- KS407
        x = x + encoded
    x = layers.GlobalAveragePooling1D()(x)
    return Model(inputs, layers.Dense(2)(x))
""",
            make="build_classifier()",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 5",
        ),
        Example(
            "learned queries, in a script",
            """\
import numpy as np
import tensorflow as tf
from tensorflow.keras import Input, Model, layers


class Queries(layers.Layer):
    def __init__(self, width):
        super().__init__()
        self.table = layers.Embedding(3, width)
        self.mix = layers.Dense(width)

    def build(self, shape):
        self.table.build(shape)
        self.mix.build((None, 3, 8))
        self.built = True

    def call(self, indices):
        return self.mix(self.table(indices))


inputs = Input((4,))
pairs = layers.Dense(8)(layers.Reshape((4, 1))(inputs))
queries = Queries(8)(np.arange(3)[None, :])  # <- KS407
scores = layers.Lambda(lambda both: tf.matmul(both[0], both[1], transpose_b=True))([pairs, queries])
model = Model(inputs, scores)
print(len(model.trainable_weights))
""",
            make="model",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 5",
        ),
        Example(
            "in the constructor of a functional model",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self, length=4, width=8):
        inputs = keras.Input((length,))
        dense = keras.layers.Dense(width)
        x = dense(keras.layers.Reshape((length, 1))(inputs))
        level = keras.layers.Dense(width)(tf.ones((1, length)))  # <- KS407
        super().__init__(inputs, keras.layers.add([x, x]) * level[:, None, :])
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 4",
        ),
        Example(
            "in a function that others call",
            """\
import keras
import tensorflow as tf
from keras import layers


def add_positions(x, length, width):
    positions = tf.range(length)
    table = layers.Embedding(length, width)
    return x + table(positions)  # <- KS407


def stem(x, length, width):
    return add_positions(layers.Dense(width)(layers.Reshape((length, 1))(x)), length, width)


def make_model(length=4, width=8):
    inputs = keras.Input((length,))
    return keras.Model(inputs, stem(inputs, length, width))
""",
            make="make_model()",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 3",
        ),
        Example(
            "positions by the static shape",
            """\
import keras
from keras import layers, ops


def make_model(length=4, width=8):
    inputs = keras.Input((length,))
    x = layers.Dense(width)(layers.Reshape((length, 1))(inputs))
    positions = ops.arange(ops.shape(x)[1])
    return keras.Model(inputs, x + layers.Embedding(length, width)(positions))  # <- KS407
""",
            (3,),
            make="make_model()",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 3",
        ),
        Example(
            "a condition, over another model's output",
            """\
import keras
import tensorflow as tf


def make_base():
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(4)(inputs))


def make_model():
    base = make_base()
    x = base.output
    scale = keras.layers.Dense(4)(tf.one_hot([1], 3))  # <- KS407
    shift = keras.layers.Dense(4)(tf.random.normal((1, 3)))  # <- KS407
    return keras.Model(base.input, x * scale + shift)
""",
            make="make_model()",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 6",
        ),
    )
    silent = (
        Example(
            "inside a layer",
            """\
import keras
from keras import layers, ops


class Positions(layers.Layer):
    def __init__(self, length, width):
        super().__init__()
        self.length = length
        self.embedding = layers.Embedding(length, width)

    def build(self, input_shape):
        self.embedding.build((self.length,))
        self.built = True

    def call(self, x):
        return x + self.embedding(ops.arange(self.length))


def make_model(length=4, width=8):
    inputs = keras.Input((length,))
    x = layers.Dense(width)(layers.Reshape((length, 1))(inputs))
    return keras.Model(inputs, Positions(length, width)(x))
""",
            (3,),
            make="make_model()",
        ),
        Example(
            "in Keras 2, positions that depend on the input",
            """\
import tensorflow as tf
from tensorflow.keras import Input, Model, layers


def make_model(length=4, width=8):
    inputs = Input((length,))
    x = layers.Dense(width)(layers.Reshape((length, 1))(inputs))
    count = tf.shape(x)[1]
    positions = tf.range(count)
    x = x + layers.Embedding(length, width)(positions)
    return Model(inputs, x)
""",
            (2,),
            make="make_model()",
        ),
        Example(
            "a call that builds the layer",
            """\
import keras
import tensorflow as tf


def make_model():
    body = keras.layers.Dense(3)
    shape = body(tf.ones((1, 4))).shape
    inputs = keras.Input((4,))
    head = keras.layers.Dense(shape[-1])
    return keras.Model(inputs, head(body(inputs)))
""",
            make="make_model()",
        ),
        Example(
            "a function that only numbers are given to",
            """\
import keras
import numpy as np


def project(x, width=3):
    table = keras.layers.Embedding(5, width)
    return x + np.array(table(np.arange(5)))


def make_model():
    shift = float(project(np.zeros((5, 3))).sum())
    inputs = keras.Input((4,))
    return keras.Model(inputs, keras.layers.Dense(2)(inputs) + shift)
""",
            make="make_model()",
        ),
        Example(
            "a generator that is tried on noise, beside the model",
            """\
import keras
import tensorflow as tf


def make_model():
    inputs = keras.Input((4,))
    generator = keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(4)])
    sample = generator(tf.random.normal((1, 4)))
    assert sample.shape == (1, 4)
    return keras.Model(inputs, keras.layers.Dense(1)(generator(inputs)))
""",
            make="make_model()",
        ),
        Example(
            "constants without weights",
            """\
import keras
import tensorflow as tf


def make_model():
    inputs = keras.Input((4,))
    scale = keras.layers.Rescaling(0.5)(tf.ones((1, 4)))
    return keras.Model(inputs, keras.layers.Dense(2)(inputs * scale))
""",
            make="make_model()",
        ),
        Example(
            "a training loop beside it",
            """\
import keras
import tensorflow as tf

inputs = keras.Input((4,))
hidden = keras.layers.Dense(3)(inputs)
model = keras.Model(inputs, keras.layers.Dense(2)(hidden))
x = tf.ones((2, 4))
with tf.GradientTape() as tape:
    loss = tf.reduce_sum(model(x))
variables = model.trainable_variables
gradients = tape.gradient(loss, variables)
print([variable.shape for variable, gradient in zip(variables, gradients)])
""",
            make="model",
        ),
        Example(
            "a model that is tried on numbers",
            """\
import keras
import tensorflow as tf


def make_model():
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(2)(inputs)
    model = keras.Model(inputs, outputs)
    sample = model(tf.zeros((1, 4)))
    assert sample.shape == (1, 2)
    return model
""",
            make="make_model()",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        calls = [event for event in run.events_of(LayerCalled) if event.at.phase == "init"]
        yield from _reports(run, calls)

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        yield from _reports(run, list(run.events_of(LayerCalled)))


def _reports(run: LayerRun | ScriptRun, calls: Sequence[LayerCalled]) -> Iterator[Report]:
    bodies: dict[int, _Body] = {}
    reported: list[ast.AST] = []
    for event in calls:
        call = event.call
        if event.method != "__call__" or event.at.site.path != run.module.path or not call.args:
            continue
        if any(call is node for node in reported):
            continue
        body = _body(run, event, bodies)
        if not body.is_constant(call) or not body.symbolic or not body.goes_on(call):
            helper = _called_with_symbols(run, event) if isinstance(run, ScriptRun) else None
            if helper is None or not helper.is_constant(call) or not helper.goes_on(call):
                continue
        if any(other.layer is event.layer and other.call is not call for other in calls):
            continue
        if run.weights_of(event.layer).has != "yes":
            continue
        reported.append(call)
        name = event.layer.class_name
        yield Report(
            event.at.site,
            f"{name} is called on a constant while the model is made: the model gets the numbers, not the "
            f"layer, so {name}'s weights aren't in it, don't train and aren't saved. Call it in a layer's "
            "`call`.",
        )


def _body(run: LayerRun | ScriptRun, event: LayerCalled, bodies: dict[int, _Body]) -> _Body:
    function = enclosing_function(event.at)
    key = id(function)
    if key not in bodies:
        statements = (
            list(function.body)
            if function is not None
            else [
                node
                for piece in run.document.statements
                if piece.kind == "other"
                for node in piece.nodes
                if isinstance(node, ast.stmt)
            ]
        )
        bodies[key] = _Body(run.project, run.module, _simple(statements))
    return bodies[key]


def _called_with_symbols(run: ScriptRun, event: LayerCalled, depth: int = 2) -> _Body | None:
    """The function around a call of a layer that it makes itself, if what it is given is symbolic: another
    function hands it on from an `Input`."""
    function = enclosing_function(event.at)
    if function is None or enclosing_function(replace(event.at, site=event.layer.site)) is not function:
        return None
    known = _symbolic_parameters(run, function, depth)
    first = function.args.args[0].arg if function.args.args else "self"
    used = (rf"\b{re.escape(function.name)}\(", r"\bInput\(")
    if not known and first != "self" and run.project.mentioned_elsewhere(run.module.path, *used):
        known = frozenset((first,))
    return _Body(run.project, run.module, _simple(function.body), known) if known else None


def _symbolic_parameters(run: ScriptRun, function: ast.AST, depth: int) -> frozenset[str]:
    """The parameters of a function that others of this file give something symbolic."""
    assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
    names = [argument.arg for argument in [*function.args.posonlyargs, *function.args.args]]
    found: set[str] = set()
    for statement in run.document.walk():
        if statement.kind == "class" or not names or function.name not in statement.own_text:
            continue
        for top in statement.nodes:
            calls = [
                node
                for node in ast.walk(top)
                if isinstance(node, ast.Call) and _last_name(node.func) == function.name
            ]
            if not calls or top is function:
                continue
            inside = top.body if isinstance(top, ast.FunctionDef) else [top]
            given = frozenset[str]()
            if isinstance(top, ast.FunctionDef) and depth > 1:
                given = _symbolic_parameters(run, top, depth - 1)
            code = _simple([each for each in inside if isinstance(each, ast.stmt)])
            body = _Body(run.project, run.module, code, given)
            for call in calls:
                own = names[1:] if names[0] == "self" else names
                pairs = [*zip(own, call.args, strict=False)]
                pairs += [(keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg]
                found |= {name for name, value in pairs if body.is_symbolic(value)}
    return frozenset(found)


def _last_name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _simple(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The simple statements in a block and in the blocks inside it, in order of the text."""
    found: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        blocks = [
            block for name in ("body", "orelse", "finalbody") if (block := getattr(statement, name, None))
        ]
        if blocks:
            for block in blocks:
                found.extend(_simple(block))
        else:
            found.append(statement)
    return found


def _makes_object(call: ast.Call) -> bool:
    """Whether a class is called by its name: a layer or model is no tensor, whatever it is made of."""
    return _last_name(call.func)[:1].isupper()


@dataclass
class _Body:
    """The code that makes a functional model: which of its names are symbolic."""

    project: Project
    module: Module
    statements: list[ast.stmt]
    given: frozenset[str] = frozenset()
    """The parameters that are symbolic."""

    @cached_property
    def _makes_model(self) -> bool:
        """Whether a functional model is made here."""
        return any(
            isinstance(node, ast.Call)
            and len(node.args) + len(node.keywords) > 1
            and self.name_of(node.func) in _MODELS
            for statement in self.statements
            for node in ast.walk(statement)
        )

    @cached_property
    def _bindings(self) -> list[tuple[set[str], ast.expr]]:
        """The names that each assignment binds, and its value."""
        found = []
        for statement in self.statements:
            if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign) and statement.value:
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                nodes = (node for target in targets for node in ast.walk(target))
                found.append(({node.id for node in nodes if isinstance(node, ast.Name)}, statement.value))
        return found

    @cached_property
    def values(self) -> dict[str, list[ast.expr]]:
        """What each name is bound to."""
        found: dict[str, list[ast.expr]] = {}
        for names, value in self._bindings:
            for name in names:
                found.setdefault(name, []).append(value)
        return found

    @cached_property
    def symbolic(self) -> set[str]:
        """The names that depend on an `Input`."""
        found = set(self.given)
        for _ in range(2):
            for names, value in self._bindings:
                if self._depends(value, found):
                    found |= names
        return found

    def name_of(self, function: ast.expr) -> str | None:
        """The library function or class that is named."""
        if not isinstance(function, ast.Name | ast.Attribute):
            return None
        for meaning in self.project.resolve(self.module, ast.unparse(function)):
            if isinstance(meaning, Library):
                return meaning.name
        return None

    def is_symbolic(self, node: ast.AST) -> bool:
        """Whether an expression depends on an `Input` by more than its static shape."""
        return self._depends(node, self.symbolic)

    def _depends(self, node: ast.AST, symbolic: set[str]) -> bool:
        if isinstance(node, ast.Name):
            return node.id in symbolic
        if isinstance(node, ast.Attribute) and node.attr in _ONLY_ASKS:
            return False
        if isinstance(node, ast.Attribute) and node.attr in _ENDS and self._makes_model:
            return True
        if isinstance(node, ast.Call):
            name = self.name_of(node.func)
            if name in _INPUTS:
                return True
            if name == "keras.ops.shape":  # numbers, where the tensor is symbolic
                return False
        if isinstance(node, ast.Lambda) or (isinstance(node, ast.Call) and _makes_object(node)):
            return False
        return any(self._depends(child, symbolic) for child in ast.iter_child_nodes(node))

    def is_constant(self, call: ast.Call) -> bool:
        """Whether a layer is called on nothing but what is computed at once."""
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        return self._computed(call.args[0]) and not any(self.is_symbolic(each) for each in given)

    def _computed(self, node: ast.expr, depth: int = 4) -> bool:
        if isinstance(node, ast.Name):
            values = self.values.get(node.id, [])
            return bool(values) and depth > 0 and all(self._computed(value, depth - 1) for value in values)
        if isinstance(node, ast.Subscript):
            return self._computed(node.value, depth)
        if isinstance(node, ast.List | ast.Tuple) and node.elts:
            return all(self._is_literal(element) for element in node.elts)
        if not isinstance(node, ast.Call):
            return False
        name = self.name_of(node.func) or ""
        if name in _CONSTANTS:
            return not any(
                isinstance(inner, ast.Call) and self._asks_shape(inner) for inner in ast.walk(node)
            )
        if name.startswith(_COMPUTING):
            return bool(node.args) and self._computed(node.args[0], depth)
        return (
            isinstance(node.func, ast.Attribute)
            and node.func.attr in ("astype", "reshape")
            and self._computed(node.func.value, depth)
        )

    def _is_literal(self, node: ast.expr) -> bool:
        if isinstance(node, ast.List | ast.Tuple):
            return all(self._is_literal(element) for element in node.elts)
        return isinstance(node, ast.Constant) and isinstance(node.value, int | float)

    def _asks_shape(self, call: ast.Call) -> bool:
        name = self.name_of(call.func) or ""
        return name.endswith(".shape") and name != "keras.ops.shape"

    def goes_on(self, call: ast.Call) -> bool:
        """Whether the result of `call` is computed with together with something symbolic."""
        baked: set[str] = set()
        for statement in self.statements:
            value = getattr(statement, "value", None)
            if not isinstance(value, ast.expr):
                continue
            if self._meets(value, call, baked):
                return True
            if isinstance(statement, ast.AugAssign):
                if self._holds(value, call, baked) and self.is_symbolic(statement.target):
                    return True
            elif isinstance(statement, ast.Assign | ast.AnnAssign) and self._holds(value, call, baked):
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                baked |= {target.id for target in targets if isinstance(target, ast.Name)}
        return False

    def _meets(self, value: ast.expr, call: ast.Call, baked: set[str]) -> bool:
        for node in ast.walk(value):
            parts: list[ast.expr] = []
            if isinstance(node, ast.BinOp):
                parts = [node.left, node.right]
            elif isinstance(node, ast.Call):
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                for each in given:
                    parts.extend(each.elts if isinstance(each, ast.List | ast.Tuple) else [each])
            if any(self._holds(part, call, baked) for part in parts) and any(
                self.is_symbolic(part) for part in parts
            ):
                return True
        return False

    def _holds(self, node: ast.AST, call: ast.Call, baked: set[str]) -> bool:
        """Whether the value of `call` is in an expression, by more than its shape."""
        if node is call or (isinstance(node, ast.Name) and node.id in baked):
            return True
        if isinstance(node, ast.Attribute) and node.attr in _ONLY_ASKS:
            return False
        return any(self._holds(child, call, baked) for child in ast.iter_child_nodes(node))
