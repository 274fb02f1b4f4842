"""KS410: a model that is called before the gradient tape records, whose gradients are asked of that tape."""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise

from kerascope.project.meaning import FunctionDefinition, Library
from kerascope.project.module import Module
from kerascope.project.project import Project
from kerascope.rules.own_code import methods, own_methods
from kerascope.rules.rule import Example, Fix, MakeFix, Related, Report, Rule
from kerascope.source.document import Document, Site
from kerascope.source.position import Edit, Position, Range
from kerascope.source.statement import Statement
from kerascope.tracking.run import LayerRun, ScriptRun

_TAPE = "GradientTape"
_WEIGHTS = frozenset(("trainable_variables", "trainable_weights", "variables", "weights"))
_NO_CALL = frozenset(("name", "dtype", "compiled_loss", "optimizer"))
"""What may be asked of a model without running it, or computing with its weights."""
_ADDS_LOSSES = r"regularizer|add_loss"
"""What `compute_loss` adds to the loss, by itself."""
_OF_LOSSES = re.compile(r"loss|criterion", re.I)
_PYTHON = frozenset(dir(builtins))
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class CalledOutsideTape(Rule):
    """
    ## What it does
    Reports the call of a model or layer that comes before `with tf.GradientTape()`, where the loss is
    computed inside from what it returned, and the tape is then asked for the gradients of that model's
    weights.

    ## Why it matters
    A tape knows what happens while it records. What was computed before is a constant to it: it gives None
    for each weight. Measured for a `train_step` that calls `self(x)` above the tape, and for a GAN whose
    generator runs in the step of the critic, and not again in its own:

    | | Keras 3.15 | Keras 2 (tf_keras 2.21) |
    | --- | --- | --- |
    | gradients of all weights of that model | None | None |
    | `apply_gradients` | ValueError: no gradients | ValueError: no gradients |
    | a loop that skips gradients of None | nothing is trained, silently | nothing is trained, silently |

    ## Example
    ```python
    import keras
    import tensorflow as tf


    class Example(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data
            y_pred = self(x, training=True)
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((y - y_pred) ** 2)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
            return {"loss": loss}
    ```

    ## Instead
    ```python
    import keras
    import tensorflow as tf


    class Example(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = tf.reduce_mean((y - y_pred) ** 2)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
            return {"loss": loss}
    ```

    ## When it is silent
    Where the model is called or handed on, its weights or `losses` are read, or a function that can't be seen
    may do so, while the tape records; where the tape watches something; where what the loss is made of isn't
    surely the earlier call's result; on `compute_loss` in a file that speaks of regularizers.

    ## Fix
    Safe: moves the call into the `with`. Offered where the call is the statement above it; else what belongs
    under the tape, only the author knows.

    ## References
    - Keras 3.15.1: `keras/src/backend/tensorflow/trainer.py` (`TensorFlowTrainer.train_step`),
      `keras/src/optimizers/base_optimizer.py` (`BaseOptimizer._filter_empty_gradients`).
    - tf_keras 2.21.0: `tf_keras/src/engine/training.py` (`Model.train_step`),
      `tf_keras/src/optimizers/utils.py` (`filter_empty_gradients`).
    - [tensorflow #31265](https://github.com/tensorflow/tensorflow/issues/31265): no gradients; the answer
      shows the call inside of the tape.
    """

    code = "KS410"
    name = "called-outside-tape"
    severity = {2: "error", 3: "error"}  # noqa: RUF012
    summary = "A model is called before the gradient tape records: the tape gives None for its weights."

    reporting = (
        Example(
            "a train_step that calls the model above the tape",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y = data
        y_pred = self(x, training=True)  # <- KS410
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - y_pred) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"loss": loss}
""",
            symptom="fit-raises",
            fixed="""\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)  # <- KS410
            loss = tf.reduce_mean((y - y_pred) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"loss": loss}
""",
        ),
        Example(
            "with the loss that Keras computes",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y = data
        y_pred = self(x, training=True)  # <- KS410
        print(y_pred.shape)
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"loss": loss}
""",
            symptom="fit-raises",
        ),
        Example(
            "a generator that isn't run again in its own step",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.generator = keras.layers.Dense(4)
        self.critic = keras.layers.Dense(1)

    def call(self, x):
        return self.generator(x)

    def train_step(self, data):
        x, real = data
        with tf.GradientTape() as tape:
            fake = self.generator(x)  # <- KS410
            loss = tf.reduce_mean(self.critic(fake)) - tf.reduce_mean(self.critic(real))
        weights = self.critic.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))

        with tf.GradientTape() as tape:
            generator_loss = -tf.reduce_mean(self.critic(fake))
        gradients = tape.gradient(generator_loss, self.generator.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.generator.trainable_weights))
        return {"loss": generator_loss}
""",
            symptom="fit-raises",
        ),
        Example(
            "a loop of one's own, which skips what has no gradient",
            """\
import keras
import tensorflow as tf

model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
loss_fn = keras.losses.MeanSquaredError()
batches = [(tf.ones((2, 4)), tf.ones((2, 1)))]


def gradients_of(batches):
    found = []
    for x, y in batches:
        predictions = model(x)  # <- KS410
        with tf.GradientTape() as tape:
            loss = loss_fn(y, predictions)
        variables = model.trainable_variables
        found = tape.gradient(loss, variables)
    return [gradient for gradient in found if gradient is not None]
""",
            make="model",
            symptom="fewer-weights",
            evidence="len(gradients_of(batches)) < len(layer.trainable_variables)",
            fixed="""\
import keras
import tensorflow as tf

model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
loss_fn = keras.losses.MeanSquaredError()
batches = [(tf.ones((2, 4)), tf.ones((2, 1)))]


def gradients_of(batches):
    found = []
    for x, y in batches:
        with tf.GradientTape() as tape:
            predictions = model(x)  # <- KS410
            loss = loss_fn(y, predictions)
        variables = model.trainable_variables
        found = tape.gradient(loss, variables)
    return [gradient for gradient in found if gradient is not None]
""",
        ),
    )
    silent = (
        Example(
            "called while the tape records",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = tf.reduce_mean((y - y_pred) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"loss": loss}
""",
        ),
        Example(
            "called once to build it, and again under the tape",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y = data
        before = self(x, training=False)
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = tf.reduce_mean((y - y_pred) ** 2 + (before - y_pred) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"loss": loss}
""",
        ),
        Example(
            "a penalty on the weights, which has a gradient",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y = data
        y_pred = self(x, training=True)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((y - y_pred) ** 2)
            loss += 0.01 * tf.add_n([tf.nn.l2_loss(weight) for weight in self.trainable_variables])
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"loss": loss}
""",
        ),
        Example(
            "the critic's own step",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.generator = keras.layers.Dense(4)
        self.critic = keras.layers.Dense(1)

    def call(self, x):
        return self.generator(x)

    def critic_of(self, x):
        return self.critic(self.generator(x))

    def train_step(self, data):
        x, real = data
        fake = self.generator(x)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.critic(fake)) - tf.reduce_mean(self.critic(real))
        weights = self.critic.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(self.critic_of(x)) + 0.0 * tf.reduce_mean(fake)
        weights = self.generator.trainable_weights
        gradients = tape.gradient(loss, weights)
        return {"loss": loss, "parts": len(gradients)}
""",
        ),
        Example(
            "a function that runs the model",
            """\
import keras
import tensorflow as tf

model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])


def penalty(predictions):
    return tf.reduce_mean(model(tf.ones((2, 4)))) + tf.reduce_mean(predictions)


def gradients_of(x):
    predictions = model(x)
    with tf.GradientTape() as tape:
        loss = penalty(predictions)
    return tape.gradient(loss, model.trainable_variables)
""",
            make="model",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        if _TAPE not in run.definition.statement.text:
            return
        of_class = frozenset(method.name for method in methods(run))
        for method in own_methods(run):
            for scope in ast.walk(method.node) if _TAPE in method.statement.text else ():
                if isinstance(scope, ast.FunctionDef):
                    yield from _Scope(run.project, run.module, method.statement, scope, of_class).reports()

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        for statement in run.pieces:
            if _TAPE not in statement.text:
                continue
            of_class = _methods_around(run, statement)
            for top in statement.nodes:
                scopes = [node for node in ast.walk(top) if isinstance(node, ast.FunctionDef)]
                for scope in scopes if top in scopes else (top, *scopes):
                    yield from _Scope(run.project, run.module, statement, scope, of_class).reports()


def _methods_around(run: ScriptRun, statement: Statement) -> frozenset[str] | None:
    """The methods of the class around a statement; None if it may have others, from its bases."""
    for cls in run.module.document.statements:
        if cls.kind == "class" and statement in cls.body:
            header = next((node for node in cls.nodes if isinstance(node, ast.ClassDef)), None)
            if header is None or any(
                ast.unparse(base) not in ("object", "ABC", "abc.ABC") for base in header.bases
            ):
                return None
            return frozenset(piece.name for piece in cls.body if piece.name)
    return frozenset()


@dataclass(frozen=True)
class _Tape:
    """A `with tf.GradientTape() as tape:`, and the gradients that it is asked for."""

    block: ast.With
    asked: Sequence[ast.Call]

    def body(self) -> Iterator[ast.AST]:
        return (node for statement in self.block.body for node in ast.walk(statement))


class _Scope:
    """One function, or a statement of a module outside of them. `of_class`: the methods of the class around
    it; None if it may have others."""

    def __init__(
        self,
        project: Project,
        module: Module,
        statement: Statement,
        node: ast.AST,
        of_class: frozenset[str] | None,
    ) -> None:
        self._project = project
        self._module = module
        self._statement = statement
        self._of_class = of_class
        self._node = node
        self._nodes = sorted(_within(node), key=lambda each: (each.lineno, each.col_offset))
        self._local = {
            each.arg if isinstance(each, ast.arg) else each.id
            for each in self._nodes
            if isinstance(each, ast.arg) or (isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))
        }

    @cached_property
    def _asked_for(self) -> set[str]:
        """The models whose gradients are asked for: none of them runs another one."""
        return {model for tape in self._tapes for call in tape.asked for model in self._models(call)}

    @cached_property
    def _blocks(self) -> list[list[ast.stmt]]:
        """The statements that follow each other."""
        return [
            block
            for node in (self._node, *self._nodes)
            for name in ("body", "orelse", "finalbody")
            if isinstance(block := getattr(node, name, None), list)
        ]

    def reports(self) -> Iterator[Report]:
        seen: set[int] = set()
        for tape in self._tapes:
            for gradient in tape.asked:
                for model in self._models(gradient):
                    call = self._earlier_call(tape, gradient, model)
                    if call is None or id(call) in seen:
                        continue
                    seen.add(id(call))
                    what = "This model" if model == "self" else f"`{model}`"
                    yield Report(
                        self._site(call),
                        f"{what} is called before the tape records, so "
                        f"`{ast.unparse(gradient.func)}(…)` gives None for each of its weights: they don't "
                        "train. Call it inside that `with`.",
                        (Related(self._site(gradient), "gives None for each weight"),),
                        self._fix(tape, call),
                    )

    def _fix(self, tape: _Tape, call: ast.Call) -> MakeFix | None:
        """Moves the call into the `with`, if nothing stands between them."""
        for block in self._blocks:
            for above, below in pairwise(block):
                if below is tape.block and isinstance(above, ast.Assign) and above.value is call:
                    return partial(_moved, above=self._site(above), first=self._site(tape.block.body[0]))
        return None

    def _site(self, node: ast.AST) -> Site:
        return Site(self._module.path, self._statement, node)

    @cached_property
    def _tapes(self) -> list[_Tape]:
        """The tapes of this scope, each with what is asked of it before its name is given to another one."""
        found: list[_Tape] = []
        blocks: list[tuple[ast.With, str]] = []
        for node in self._nodes:
            for item in node.items if isinstance(node, ast.With) else ():
                made, name = item.context_expr, item.optional_vars
                if isinstance(made, ast.Call) and isinstance(name, ast.Name) and self._is_tape(made.func):
                    assert isinstance(node, ast.With)
                    blocks.append((node, name.id))
        calls = [
            node
            for node in self._nodes
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ]
        for place, (block, tape) in enumerate(blocks):
            later = [each.lineno for each, same in blocks[place + 1 :] if same == tape]
            end = min(later, default=None)
            mine = [
                call
                for call in calls
                if ast.unparse(call.func).split(".")[0] == tape
                and call.lineno >= block.lineno
                and (end is None or call.lineno < end)
            ]
            names = {call.func.attr for call in mine if isinstance(call.func, ast.Attribute)}
            if "gradient" in names and not names - {"gradient"}:
                found.append(_Tape(block, mine))
        return found

    def _is_tape(self, function: ast.expr) -> bool:
        return any(meaning.name == "tensorflow.GradientTape" for meaning in self._meant(function))

    def _meant(self, function: ast.expr) -> list[Library]:
        """What an expression names outside of the project."""
        if (
            not isinstance(function, ast.Name | ast.Attribute)
            or ast.unparse(function).split(".")[0] in self._local
        ):
            return []
        meanings = self._project.resolve(self._module, ast.unparse(function))
        return [meaning for meaning in meanings if isinstance(meaning, Library)]

    # --- whose gradients are asked for -----------------------------------------------------------

    def _models(self, gradient: ast.Call) -> list[str]:
        """The models whose weights the gradients are those of: "model", "self.generator"."""
        found: list[str] = []
        waiting = [*gradient.args[1:2], *(each.value for each in gradient.keywords if each.arg == "sources")]
        seen: set[int] = set()
        while waiting:
            sources = waiting.pop()
            if id(sources) in seen:
                continue
            seen.add(id(sources))
            if isinstance(sources, ast.BinOp) and isinstance(sources.op, ast.Add):
                waiting += [sources.left, sources.right]
            elif (
                isinstance(sources, ast.Attribute) and sources.attr in _WEIGHTS and _is_dotted(sources.value)
            ):
                found.append(ast.unparse(sources.value))
            elif isinstance(sources, ast.Name):
                values = self._values(sources.id, sources.lineno)
                waiting += [values[-1][1]] if values else []
        return found

    @cached_property
    def _assigned(self) -> dict[str, list[tuple[int, ast.expr]]]:
        """What variables are given, and on which line; those that only assignments give a value."""
        found: dict[str, list[tuple[int, ast.expr]]] = {}
        stores: Counter[str] = Counter()
        for node in self._nodes:
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                stores[node.id] += 1
            elif isinstance(node, ast.Assign) and len(node.targets) == 1:
                target = node.targets[0]
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append((node.lineno, node.value))
        return {name: values for name, values in found.items() if len(values) == stores[name]}

    def _values(self, name: str, before: int) -> list[tuple[int, ast.expr]]:
        """What assignments above a line give a variable; nothing where anything else gives it a value."""
        return [each for each in self._assigned.get(name, ()) if each[0] < before]

    # --- what is computed while the tape records -------------------------------------------------

    def _earlier_call(self, tape: _Tape, gradient: ast.Call, model: str) -> ast.Call | None:
        """The call of a model above the tape whose result is all that the tape sees of it."""
        loss = gradient.args[0] if gradient.args else None
        body = list(tape.body())
        if not isinstance(loss, ast.Name) or not any(
            isinstance(node, ast.Name) and node.id == loss.id and isinstance(node.ctx, ast.Store)
            for node in body
        ):
            return None
        calls: dict[str, ast.Call] = {}
        for node in body:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in calls:
                values = self._values(node.id, tape.block.lineno)
                made = values[-1][1] if values else None
                if isinstance(made, ast.Call) and ast.unparse(made.func) == model:
                    calls[node.id] = made
        if not calls or self._may_run(body, model, set(calls)):
            return None
        return next(iter(calls.values()))

    def _may_run(self, body: Sequence[ast.AST], model: str, results: set[str]) -> bool:
        """Whether the model may be run, or computed with, while the tape records."""
        attributes = [node for node in body if isinstance(node, ast.Attribute)]
        asked = {id(node.value) for node in attributes if node.attr in _NO_CALL}
        called = {id(node.func): node for node in body if isinstance(node, ast.Call)}
        if model == "self":
            # Its loss functions may be called, nothing else of it.
            asked |= {
                id(node.value)
                for node in attributes
                if id(node) in called and _OF_LOSSES.search(node.attr) and self._is_only_loss(node.attr)
            }
        results = results | {
            node.id for node in body if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        first = model.split(".")[0]
        for node in body:
            if isinstance(node, (*_SCOPES, ast.Await)):
                return True
            named = isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) == model
            if named and id(node) not in asked:
                return True
            if isinstance(node, ast.Call) and self._is_unseen(node, model, first, results):
                return True
        return False

    def _is_only_loss(self, name: str) -> bool:
        """Whether a method of a model adds nothing to the loss that has a gradient of its own."""
        return name != "compute_loss" or not self._project.mentions(self._module.path, _ADDS_LOSSES)

    def _is_unseen(self, call: ast.Call, model: str, first: str, results: set[str]) -> bool:
        """Whether a call in the body may run the model where that isn't seen."""
        function = call.func
        if self._meant(function):
            return False
        given = {
            node.id
            for argument in [*call.args, *(each.value for each in call.keywords)]
            for node in ast.walk(argument)
            if isinstance(node, ast.Name)
        }
        if first == "self" and "self" in {
            argument.id for argument in call.args if isinstance(argument, ast.Name)
        }:
            return True
        if not _is_dotted(function):
            # A method of what another call gives: `loss_fn(y, p).mean()`.
            return not isinstance(function, ast.Attribute)
        text = ast.unparse(function)
        if text.split(".")[0] in results or text in self._asked_for:
            return False  # a method of the tensor, or another model
        if text in _PYTHON and text not in self._local:
            return False
        if not given & results:
            return True
        if text.startswith("self."):
            name = text.split(".")[1]
            if self._of_class is None or name in self._of_class:
                return True  # a method, which may do anything
            return model == "self" and not _OF_LOSSES.search(name)
        if text in self._local:
            return False
        for meaning in self._project.resolve(self._module, text):
            if isinstance(meaning, FunctionDefinition):
                pieces = ast.unparse(meaning.node)
                return re.search(rf"\b{re.escape(model.split('.')[-1])}\b", pieces) is not None
        return False


def _moved(document: Document, above: Site, first: Site) -> Fix | None:
    """The statement above a `with` becomes the first one in it."""
    old, new = document.extent_of(above), document.extent_of(first)
    if old is None or new is None or old.start.line != old.end.line:
        return None
    line, indent = document.line(old.start.line), document.line(new.start.line)[: new.start.column]
    if line[: old.start.column].strip() or indent.strip():
        return None  # not on lines of their own
    both = Range(Position(old.start.line, 0), Position(new.start.line, 0))
    text = document.text[document.offset_of(both.start) : document.offset_of(both.end)]
    after = document.offset_of(Position(old.start.line + 1, 0)) - document.offset_of(both.start)
    moved = text[after:] + indent + text[:after].lstrip()
    return Fix("Call it while the tape records", True, (Edit(both, moved),))


def _is_dotted(node: ast.AST) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _within(node: ast.AST) -> Iterator[ast.expr | ast.stmt | ast.arg]:
    """The code of a function, or of a statement, without that of functions inside it."""
    waiting: list[ast.AST] = [node]
    while waiting:
        outer = waiting.pop()
        for child in ast.iter_child_nodes(outer):
            if isinstance(child, ast.expr | ast.stmt | ast.arg):
                yield child
            if not isinstance(child, _SCOPES):
                waiting.append(child)
