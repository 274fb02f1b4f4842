"""KS305: a layer or weight that is added to a layer which Keras 3 has built, and so locked."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kerascope.rules.own_code import self_attributes
from kerascope.rules.places import in_own_class
from kerascope.rules.rule import Example, Related, Report, Rule
from kerascope.source.document import Site
from kerascope.source.statement import Statement
from kerascope.tracking.events import (
    AddWeight,
    AttributeWrite,
    ContainerWrite,
    Created,
    Event,
    LayerBuilt,
    LayerCalled,
    LayerMethod,
)
from kerascope.tracking.keras3 import FOLLOWED, TRACKING_WRITES
from kerascope.tracking.run import LayerRun, ScriptRun
from kerascope.tracking.values import Choice, Container, Layer, Value, Weight

_BUILDING = frozenset(("fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch"))
_PLAIN = frozenset(("plain", "setattr"))
_SIMPLE = (ast.Assign, ast.AnnAssign, ast.Expr, ast.AugAssign)
"""Statements without a body: in one that has a body, nothing is sure."""


class StateAddedAfterBuild(Rule):
    """
    ## What it does
    Reports code that gives a layer or model a new sublayer or weight when it has been built: after its first
    call, after `build(shape)` or `fit`, or in a method of its own that needs what `build` makes.

    ## Why it matters
    Keras 3 locks a layer when it is built. What comes later raises "ValueError: You cannot add new elements
    of state (variables or sub-layers) to a layer that is already built". A new head for another task, an
    adapter around a layer (LoRA), another block for a growing network: all of these worked in Keras 2.
    Measured, after the first call:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | `layer.extra = Dense(4)`, also a `Dropout` | ValueError | works |
    | `layer.dense = Dense(4)`, replacing another one | ValueError | works |
    | `layer.blocks.append(Dense(4))`, `layer.heads["b"] = Dense(4)` | ValueError | works |
    | `layer.add_weight(…)`, in a method or outside | ValueError | works |
    | the same after `layer.build(shape)`, `model.fit(…)`, `model.predict(…)` | ValueError | works |
    | a functional model or a `Sequential`; a `tf.Variable` | works | works |

    ## Example
    ```python
    import keras


    class Classifier(keras.Model):
        def __init__(self, classes):
            super().__init__()
            self.body = keras.layers.Dense(8)
            self.head = keras.layers.Dense(classes)

        def call(self, x):
            return self.head(self.body(x))


    def for_another_task(x):
        model = Classifier(10)
        model(x)
        model.head = keras.layers.Dense(2)
        return model
    ```

    ## Instead
    ```python
    import keras


    class Classifier(keras.Model):
        def __init__(self, classes):
            super().__init__()
            self.body = keras.layers.Dense(8)
            self.head = keras.layers.Dense(classes)

        def call(self, x):
            return self.head(self.body(x))


    def for_another_task(x):
        model = Classifier(10)
        model(x)
        other = Classifier(2)
        other.body = model.body
        return other
    ```
    What a layer may need later is made in `__init__` or `build`, and used later; or a new model takes over
    the old one's layers, before it is built.

    ## When it is silent
    In Keras 2; on functional and `Sequential` models, which aren't locked; on a layer that the object holds
    already; on a raw `tf.Variable`, which isn't tracked (KS102), and on metrics; where it isn't sure that the
    layer is built by then; where the code opens the lock itself, by `_tracker`. What `call` makes is KS301
    and KS303.

    ## Fix
    None: what a layer may need later has to be made earlier, and only its author knows what that is.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer._lock_state`), `keras/src/utils/tracking.py`
      (`Tracker.add_to_store`).
    - [keras #18601](https://github.com/keras-team/keras/issues/18601): the wish to replace layers.
    - [keras-core #823](https://github.com/keras-team/keras-core/pull/823): why functional models aren't
      locked, and others are.
    """

    code = "KS305"
    name = "state-added-after-build"
    severity = {3: "error"}  # noqa: RUF012
    summary = "A sublayer or weight is added to a layer that is built already, and so locked in Keras 3."

    reporting = (
        Example(
            "another head after the first call",
            """\
import keras


class Classifier(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.body = keras.layers.Dense(8)
        self.head = keras.layers.Dense(classes)

    def call(self, x):
        return self.head(self.body(x))


def for_another_task(x):
    model = Classifier(10)
    model(x)
    model.head = keras.layers.Dense(2)  # <- KS305
    return model
""",
            (3,),
            make="for_another_task(x)",
            symptom="raises",
        ),
        Example(
            "an adapter around a layer",
            """\
import keras
import numpy as np


class Lora(keras.layers.Layer):
    def __init__(self, inner, rank=2):
        super().__init__()
        self.inner = inner
        self.down = keras.layers.Dense(rank, use_bias=False)
        self.up = keras.layers.Dense(inner.units, use_bias=False, kernel_initializer="zeros")

    def call(self, x):
        return self.inner(x) + self.up(self.down(x))


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.query = keras.layers.Dense(4)

    def call(self, x):
        return self.query(x)


layer = Example()
layer.build((None, 4))
layer(np.ones((2, 4), "float32"))
layer.query = Lora(layer.query)  # <- KS305
""",
            (3,),
            symptom="raises",
        ),
        Example(
            "a network that grows",
            """\
import keras
import tensorflow as tf


class Growing(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [keras.layers.Dense(4)]

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


model = Growing()
model.compile("sgd", "mse")
model.fit(tf.ones((4, 4)), tf.ones((4, 4)), verbose=0)
for _ in range(2):
    model.blocks.append(keras.layers.Dense(4))  # <- KS305
""",
            (3,),
            symptom="raises",
        ),
        Example(
            "a method that needs the built layer",
            """\
import keras
from keras import ops


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.rank = None

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 3), name="kernel")

    def enable_lora(self, rank):
        if not self.built:
            raise ValueError("build the layer first")
        self.a = self.add_weight(shape=(self.kernel.shape[0], rank), name="a")  # <- KS305
        self.b = self.add_weight(shape=(rank, 3), initializer="zeros", name="b")  # <- KS305
        self.rank = rank

    def call(self, x):
        y = ops.matmul(x, self.kernel)
        return y if self.rank is None else y + ops.matmul(ops.matmul(x, self.a), self.b)


def adapted(x):
    layer = Example()
    layer(x)
    layer.enable_lora(2)
    return layer
""",
            (3,),
            make="adapted(x)",
            symptom="raises",
        ),
        Example(
            "a method that is called after fit",
            """\
import keras
import tensorflow as tf


class MultiTask(keras.Model):
    def __init__(self):
        super().__init__()
        self.body = keras.layers.Dense(4)
        self.heads = {"main": keras.layers.Dense(1)}

    def add_task(self, name, units):
        self.heads[name] = keras.layers.Dense(units)

    def call(self, x):
        x = self.body(x)
        return [head(x) for head in self.heads.values()]


def main():
    model = MultiTask()
    model.add_task("early", 2)
    print(len(model.trainable_weights))
    model(tf.ones((2, 4)))
    model.add_task("late", 2)  # <- KS305
    return model
""",
            (3,),
            make="main()",
            symptom="raises",
        ),
        Example(
            "a list of layers after the first call",
            """\
import keras


def extended(x):
    layer = keras.layers.Dense(4)
    outer = Outer(layer)
    outer(x)
    outer.heads = [keras.layers.Dense(2), keras.layers.Dense(3)]  # <- KS305
    return outer


class Outer(keras.layers.Layer):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def call(self, x):
        return self.body(x)
""",
            (3,),
            make="extended(x)",
            symptom="raises",
        ),
        Example(
            "in a method of a class that is no layer",
            """\
import keras


class Factory:
    def layer(self):
        layer = keras.layers.Dense(4)
        layer.build((None, 4))
        layer.head = keras.layers.Dense(2)  # <- KS305
        return layer
""",
            (3,),
            make="Factory().layer()",
            symptom="raises",
        ),
    )
    silent = (
        Example(
            "a method that builds its layer itself",
            """\
import keras


class Example(keras.Model):
    def __init__(self, width=4):
        super().__init__()
        self.width = width

    def build(self, shape):
        self.dense = keras.layers.Dense(self.width)
        self.dense.build(shape)
        super().build(shape)

    def call(self, x):
        return self.dense(x)

    def describe(self):
        if not self.built:
            self.build((None, 4))
        return len(self.trainable_weights)


model = Example()
model.compile("sgd", "mse")
print(model.describe())
""",
            make="model",
        ),
        Example(
            "a new model takes over layers",
            """\
import keras


class Classifier(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.body = keras.layers.Dense(8)
        self.head = keras.layers.Dense(classes)

    def call(self, x):
        return self.head(self.body(x))


def for_another_task(x):
    model = Classifier(10)
    model(x)
    other = Classifier(2)
    other.body = model.body
    return other
""",
            (3,),
            make="for_another_task(x)",
        ),
        Example(
            "before the first call",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.extra = None

    def call(self, x):
        x = self.dense(x)
        return x if self.extra is None else self.extra(x)


layer = Example()
layer.extra = keras.layers.Dense(2)
layer(tf.ones((2, 4)))
print(len(layer.weights))
""",
            (3,),
            make="layer",
        ),
        Example(
            "a functional model",
            """\
import keras
import tensorflow as tf

inputs = keras.Input((4,))
model = keras.Model(inputs, keras.layers.Dense(4)(inputs))
model(tf.ones((2, 4)))
model.loss_net = keras.layers.Dense(2)
print(len(model.weights))
""",
            (3,),
            make="model",
        ),
        Example(
            "the layer that is there already",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.active = self.dense

    def call(self, x):
        return self.active(x)


layer = Example()
layer(tf.ones((2, 4)))
layer.active = layer.dense
layer.note = "trained"
print(len(layer.weights))
""",
            (3,),
            make="layer",
        ),
        Example(
            "a method that is there to be called before",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = []

    def add_block(self, units):
        self.blocks.append(keras.layers.Dense(units))
        self.last = self.blocks[-1]
        return self

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            (3,),
            make="Example().add_block(4).add_block(2)",
        ),
        Example(
            "with the lock opened",
            """\
import keras
from keras import ops


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 3), name="kernel")

    def enable_scale(self):
        if not self.built:
            raise ValueError("build the layer first")
        self._tracker.unlock()
        self.scale = self.add_weight(shape=(self.kernel.shape[-1],), initializer="ones", name="scale")
        self._tracker.lock()

    def call(self, x):
        y = ops.matmul(x, self.kernel)
        return y * self.scale if hasattr(self, "scale") else y


def scaled(x):
    layer = Example()
    layer(x)
    layer.enable_scale()
    return layer
""",
            (3,),
            make="scaled(x)",
        ),
        Example(
            "in Keras 2",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)


layer = Example()
layer(tf.ones((2, 4)))
layer.dense = keras.layers.Dense(2)
print(len(layer.weights))
""",
            (2,),
            make="layer",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        if run.generation != 3 or not run.complete or _stays_open(run.layer):
            return
        in_life = {event.at.method for event in run.events}
        made = _made_by_build(run)
        for piece in run.definition.statement.body:
            for node in piece.nodes if piece.kind == "function" else ():
                if isinstance(node, ast.FunctionDef) and node.name not in in_life:
                    yield from _in_method(run, piece, node, made)

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        if run.generation != 3:
            return
        built: dict[int, Event] = {}
        held: dict[int, list[Value]] = {}
        reported: list[ast.AST] = []
        for event in run.events:
            match event:
                case LayerCalled(layer=layer) | LayerBuilt(layer=layer, by_super=False):
                    _note(built, layer, event)
                case LayerMethod(layer=layer, name=name) if name in _BUILDING:
                    _note(built, layer, event)
                case AttributeWrite(owner=Layer() as owner, value=value, via=via):
                    known = held.setdefault(id(owner), [])
                    new = [each for each in _state(value) if not any(each is old for old in known)]
                    known.extend(new)
                    if new and via in _PLAIN:
                        yield from _late(run, owner, new[0], event, built, reported)
                case ContainerWrite(container=container, operation=operation, values=values):
                    holder = container.tracker
                    if holder is None or operation not in TRACKING_WRITES.get(container.kind, ()):
                        continue
                    known = held.setdefault(id(holder), [])
                    new = [e for value in values for e in _state(value) if not any(e is o for o in known)]
                    known.extend(new)
                    if new:
                        yield from _late(run, holder, new[0], event, built, reported)
                case AddWeight(owner=owner, weight=weight):
                    held.setdefault(id(owner), []).append(weight)
                    yield from _late(run, owner, weight, event, built, reported)
                case _:
                    pass


def _note(built: dict[int, Event], layer: Layer, event: Event) -> None:
    if not event.at.conditional:
        built.setdefault(id(layer), event)


def _stays_open(layer: Layer) -> bool:
    """Whether Keras never locks it: a functional model or a `Sequential`."""
    library = layer.library
    if library is None or library.kind not in ("layer", "model"):
        return True
    return (
        layer.knows_input
        or layer.open
        or library.is_a("keras.Sequential")
        or (
            library.name.rpartition(".")[2] == "Functional"
            or layer.cls.name.startswith("keras.applications.")
        )
    )


def _state(value: Value, depth: int = 4) -> Iterator[Layer | Weight]:
    """The layers and weights in a value that Keras would track; nothing where one of several is meant."""
    if isinstance(value, Layer) or (isinstance(value, Weight) and value.kind != "tf variable"):
        yield value
    elif isinstance(value, Container) and value.kind in FOLLOWED and depth:
        for item in value.items:
            yield from _state(item.value, depth - 1)
    elif isinstance(value, Choice):
        known = [list(_state(option, depth - 1)) for option in value.options]
        if all(known):
            yield from known[0]


def _late(
    run: ScriptRun,
    owner: Layer,
    value: Layer | Weight,
    event: AttributeWrite | ContainerWrite | AddWeight,
    built: dict[int, Event],
    reported: list[ast.AST],
) -> Iterator[Report]:
    since = built.get(id(owner))
    if since is None or _stays_open(owner) or (event.at.subject is owner and event.at.phase != "other"):
        return
    if event.at.subject is not None and event.at.subject is not owner:
        return
    if not any(isinstance(each, Created) and each.value is value for each in run.events):
        return
    here = [event.at.site, *reversed(event.at.calls)]
    site = next((each for each in here if _in_script(run, each)), None)
    if site is None or any(site.node is node for node in reported):
        return
    if any(_opens_the_lock(each.statement) for each in here) or _is_said_in_class(run, owner, event):
        return
    reported.append(site.node)
    kind = f" ({value.class_name})" if isinstance(value, Layer) else ""
    if isinstance(event, AttributeWrite) and event.name is not None:
        what = f"`{event.name}`{kind}"
    elif isinstance(event, ContainerWrite):
        what = f"this {value.class_name}" if isinstance(value, Layer) else "this weight"
    else:
        what = "this weight"
    related = [Related(since.at.site, "built here")]
    if site is not event.at.site:
        related.append(Related(event.at.site, "added here"))
    yield Report(site, _message(what, owner.class_name), tuple(related))


def _is_said_in_class(
    run: ScriptRun, owner: Layer, event: AttributeWrite | ContainerWrite | AddWeight
) -> bool:
    """Whether the method that adds it is reported for itself."""
    inner = run.run_of(owner)
    if inner is None or event.at.subject is None:
        return False
    piece, made = event.at.site.statement, _made_by_build(inner)
    return any(
        isinstance(node, ast.FunctionDef) and any(_in_method(inner, piece, node, made))
        for node in piece.nodes
    )


def _in_script(run: ScriptRun, site: Site) -> bool:
    """Whether the place is in the code outside of classes that this run is about."""
    return site.path == run.module.path and (not site.statement.context or site.statement in run.pieces)


def _opens_the_lock(statement: Statement) -> bool:
    return "_tracker" in statement.text or "DotNotTrackScope" in statement.text


def _message(what: str, owner: str) -> str:
    return (
        f"{what} comes after {owner} is built, when Keras 3 has locked it: this raises ValueError. Make it "
        "in `__init__` or `build`, or give it to a new object before its first call."
    )


def _made_by_build(run: LayerRun) -> set[str]:
    """The attributes that hold state and that only `build` assigns."""
    early = {e.name for e in run.events_of(AttributeWrite) if e.owner is run.layer and e.at.phase == "init"}
    return {
        event.name
        for event in run.events_of(AttributeWrite)
        if event.owner is run.layer
        and event.at.phase == "build"
        and event.name is not None
        and event.name not in early
        and isinstance(event.value, Layer | Weight)
    }


def _in_method(run: LayerRun, piece: Statement, method: ast.FunctionDef, made: set[str]) -> Iterator[Report]:
    """What a method adds that only works on a built layer."""
    if _opens_the_lock(piece):
        return
    needs = False
    for statement in method.body:
        if isinstance(statement, ast.If) and _asks_for_built(statement.test):
            needs = needs or _leaves(statement.body)
            continue
        if made and not needs and not method.name.startswith("_") and "build" not in method.name:
            needs = isinstance(statement, _SIMPLE) and any(
                isinstance(node.ctx, ast.Load) and node.attr in made for node in self_attributes(statement)
            )
        if needs and isinstance(statement, _SIMPLE):
            for node in ast.walk(statement):
                what = _adds(run, node)
                site = Site(run.module.path, piece, node)
                if what is not None and in_own_class(run, site):
                    yield Report(site, _message(what, run.definition.name))


def _asks_for_built(test: ast.expr) -> bool:
    return ast.unparse(test) == "not self.built"


def _leaves(body: list[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Raise | ast.Return)


def _adds(run: LayerRun, node: ast.AST) -> str | None:
    """What an expression or statement adds to `self`: "`self.a`", or "this weight"."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "self.add_weight":
        return "this weight"
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call) or len(node.targets) != 1:
        return None
    target = node.targets[0]
    if not isinstance(target, ast.Attribute) or ast.unparse(target.value) != "self":
        return None
    return f"`self.{target.attr}`" if run.is_layer_class(ast.unparse(node.value.func)) else None
