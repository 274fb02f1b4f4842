"""KS103: a `tf.Module` inside a Keras 3 layer, or Keras 3 layers inside a `tf.Module`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from kerascope.project.meaning import ClassDefinition, Library
from kerascope.rules.hidden import (
    WEIGHT_LISTS,
    attribute_of,
    class_of,
    entrance,
    lost_and_used,
    makers,
    several,
    weights_text,
)
from kerascope.rules.places import in_own_file
from kerascope.rules.rule import Example, Fix, MakeFix, Related, Report, Rule
from kerascope.source.document import Document, Site
from kerascope.source.position import Edit
from kerascope.tracking.events import AttributeRead, AttributeWrite, ContainerWrite, ModuleRead
from kerascope.tracking.keras2 import is_tf_module
from kerascope.tracking.run import LayerRun, Reach, ScriptRun
from kerascope.tracking.values import Choice, Container, Layer, Plain, State, Value, Weight


class TfModuleUntracked(Rule):
    """
    ## What it does
    Reports, for Keras 3, a `tf.Module` that holds variables or layers and is an attribute of a Keras layer;
    and a `tf.Module` that holds Keras layers and whose own `trainable_variables` or `variables` are read.

    ## Why it matters
    In Keras 2 a layer *is* a `tf.Module`, and both look into each other. Keras 3's layers have nothing to
    do with it any more, and neither side says so. Measured:

    | | Keras 3.15 | Keras 2.15 |
    | --- | --- | --- |
    | a `tf.Module` with a `tf.Variable`, in a Layer | 0 trainable weights, `fit` changes nothing | 1 |
    | a `tf.Module` with a `Dense`, in a Layer | 0 | 2 |
    | `module.trainable_variables` of a `tf.Module` with two `Dense` | 0 | 4 |
    | ... with a `keras.Variable` | 0 | there is no `keras.Variable` |

    In neither generation does `save_weights` to a `.weights.h5` file look into a `tf.Module`.

    ## Example
    ```python
    class Scale(tf.Module):
        def __init__(self):
            super().__init__()
            self.gain = tf.Variable(tf.ones([4]))


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.scale = Scale()
    ```

    ## Instead
    ```python
    class Scale(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.gain = self.add_weight(shape=(4,), initializer="ones")
    ```
    and its `__call__` becomes `call`.

    ## When it is silent
    In Keras 2; where the layer that the module holds is an attribute of the Keras layer as well; where the
    module's variables don't train; where the code reads `trainable_variables` of the layers themselves, or
    the module has a property of that name; for layers of `tf_keras`, which are `tf.Module`s still.

    ## Fix
    Makes the class a `keras.layers.Layer` and its `__call__` a `call`, where the module holds layers and no
    variables of its own. Unsafe: the weights begin to train, and Keras' `__call__` comes first.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer._initialize_tracker`: what is tracked).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`class Layer(tf.Module, ...)`, `Layer.__setattr__`).
    - [tensorflow #84019](https://github.com/tensorflow/tensorflow/issues/84019): a `tf.Module` that holds a
      `keras.Variable`, or layers of Keras 3, lists no variables.
    - [tensorflow #47264](https://github.com/tensorflow/tensorflow/issues/47264): the reverse, before it was
      mended in Keras 2: a layer doesn't list those of a `tf.Module`.
    """

    code = "KS103"
    name = "tf-module-untracked"
    severity = {3: "warning"}  # noqa: RUF012
    summary = "Keras 3 layers and `tf.Module`s don't see each other's weights."

    reporting = (
        Example(
            "a module with a variable, in a layer",
            """\
import keras
import tensorflow as tf


class Scale(tf.Module):
    def __init__(self, units):
        super().__init__()
        self.gain = tf.Variable(tf.ones([units]))

    def __call__(self, x):
        return x * self.gain


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.scale = Scale(4)  # <- KS103

    def call(self, x):
        return self.scale(self.dense(x))
""",
            generations=(3,),
            symptom="untracked",
        ),
        Example(
            "a module with layers, in a model",
            """\
import tensorflow as tf


class Tower(tf.Module):
    def __init__(self, depth, name=None):
        super().__init__(name=name)
        self.blocks = [tf.keras.layers.Dense(4) for _ in range(depth)]
        self.head = tf.keras.layers.Dense(2)

    def __call__(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Example(tf.keras.Model):
    def __init__(self, depth=2):
        super().__init__()
        self.tower = Tower(depth)  # <- KS103

    def call(self, x):
        return self.tower(x)
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import tensorflow as tf


class Tower(tf.keras.layers.Layer):
    def __init__(self, depth, name=None):
        super().__init__(name=name)
        self.blocks = [tf.keras.layers.Dense(4) for _ in range(depth)]
        self.head = tf.keras.layers.Dense(2)

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Example(tf.keras.Model):
    def __init__(self, depth=2):
        super().__init__()
        self.tower = Tower(depth)  # <- KS103

    def call(self, x):
        return self.tower(x)
""",
        ),
        Example(
            "modules in a list",
            """\
import keras
import tensorflow as tf


class Gate(tf.Module):
    def __init__(self, size):
        super().__init__()
        self.logits = tf.Variable(tf.zeros([size]))


class Example(keras.layers.Layer):
    def __init__(self, count=2):
        super().__init__()
        self.gates = []
        for _ in range(count):
            self.gates.append(Gate(4))  # <- KS103

    def call(self, x):
        for gate in self.gates:
            x = x * tf.sigmoid(gate.logits)
        return x
""",
            generations=(3,),
            symptom="untracked",
        ),
        Example(
            "a module that trains its layers by its own list",
            """\
import keras
import tensorflow as tf


class Network(tf.Module):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(4, activation="relu")
        self.out = keras.layers.Dense(2)

    def __call__(self, x):
        return self.out(self.hidden(x))

    def train_step(self, x, y, rate=0.1):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(x) - y))
        variables = self.trainable_variables  # <- KS103
        for variable, gradient in zip(variables, tape.gradient(loss, variables)):
            variable.assign_sub(rate * gradient)
        return loss
""",
            generations=(3,),
            make="keras.layers.Dense(2)",
            symptom="fewer-weights",
            evidence="[net := Network(), net(x), len(net.trainable_variables)][-1] < 4",
            fixed="""\
import keras
import tensorflow as tf


class Network(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(4, activation="relu")
        self.out = keras.layers.Dense(2)

    def call(self, x):
        return self.out(self.hidden(x))

    def train_step(self, x, y, rate=0.1):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(x) - y))
        variables = self.trainable_variables  # <- KS103
        for variable, gradient in zip(variables, tape.gradient(loss, variables)):
            variable.assign_sub(rate * gradient)
        return loss
""",
        ),
    )

    silent = (
        Example(
            "in Keras 2",
            """\
import tensorflow as tf


class Scale(tf.Module):
    def __init__(self):
        super().__init__()
        self.gain = tf.Variable(tf.ones([4]))


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = Scale()

    def call(self, x):
        return x * self.scale.gain
""",
            generations=(2,),
        ),
        Example(
            "the layer is an attribute as well",
            """\
import keras
import tensorflow as tf


class Projection(tf.Module):
    def __init__(self, dense):
        super().__init__()
        self.dense = dense

    def __call__(self, x):
        return self.dense(x)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.project = Projection(self.dense)

    def call(self, x):
        return self.project(x)
""",
        ),
        Example(
            "a module without state that trains",
            """\
import keras
import tensorflow as tf


class Normalizer(tf.Module):
    def __init__(self, mean):
        super().__init__()
        self.mean = tf.constant(mean)
        self.count = tf.Variable(0, trainable=False)

    def __call__(self, x):
        self.count.assign_add(1)
        return x - self.mean


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.normalize = Normalizer(0.5)

    def call(self, x):
        return self.dense(self.normalize(x))
""",
        ),
        Example(
            "a module for export, beside the layer",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)


class Served(tf.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    @tf.function
    def serve(self, x):
        return self.layer(x)
""",
        ),
        Example(
            "the module reads the weights of its layers",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)


class Trainer(tf.Module):
    def __init__(self):
        super().__init__()
        self.layer = Example()
        self.temperature = tf.Variable(1.0)

    def step(self, x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(self.layer(x)) / self.temperature
        weights = [*self.trainable_variables, *self.layer.trainable_variables]
        return tape.gradient(loss, weights)
""",
        ),
        Example(
            "a module with variables alone reads its own list",
            """\
import keras
import tensorflow as tf


class Line(tf.Module):
    def __init__(self):
        super().__init__()
        self.slope = tf.Variable(1.0)

    def step(self, x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(self.slope * x)
        return tape.gradient(loss, self.trainable_variables)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        if run.generation != 3:
            return
        found: dict[int, list[Reach]] = {}
        writes: dict[int, AttributeWrite | ContainerWrite] = {}
        for reach, write in _hidden(run):
            found.setdefault(id(write.at.site.node), []).append(reach)
            writes[id(write.at.site.node)] = write
        for node, reaches in found.items():
            site = in_own_file(run, writes[node].at)
            if site is not None:
                yield _in_a_layer(run, site, reaches)
        yield from _in_modules(run)

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        if run.generation == 3:
            yield from _in_modules(run)


def _hidden(run: LayerRun) -> Iterator[tuple[Reach, AttributeWrite | ContainerWrite]]:
    """What only a `tf.Module` holds, each with the write by which that came in."""
    for reach in run.reaches():
        if not isinstance(reach.breaks, Plain) or not is_tf_module(reach.breaks):
            continue
        # What a layer holds is that layer's matter.
        if any(isinstance(step, Layer) for step in reach.steps[:-1]) or not lost_and_used(run, [reach.value]):
            continue
        index = next(i for i, step in enumerate(reach.steps) if step is reach.breaks)
        write = entrance(run, reach.steps, index)
        if write is not None and getattr(write, "via", "plain") in ("plain", "setattr"):
            yield reach, write


def _in_a_layer(run: LayerRun, site: Site, reaches: Sequence[Reach]) -> Report:
    module = reaches[0].breaks
    assert isinstance(module, Plain)
    held = [reach.value for reach in reaches]
    advice = f"Make `{module.class_name}` a keras.layers.Layer"
    if any(isinstance(state, Weight) for state in held):
        advice += ", and its variables with `add_weight`"
    return Report(
        site,
        f"Keras 3 doesn't look into a tf.Module: the {class_of(held[0])}{several(held)} of the "
        f"`{module.class_name}` in `{attribute_of(reaches[0])}` won't be trained or saved"
        f"{weights_text(run, held)}. {advice}.",
        makers(run, held),
        _as_layer(run, module),
    )


def _in_modules(run: LayerRun | ScriptRun) -> Iterator[Report]:
    """Modules whose own list of variables is read, although it lacks those of their layers."""
    read_themselves = {id(read.owner) for read in run.events_of(AttributeRead) if read.name in WEIGHT_LISTS}
    seen: set[int] = set()
    for read in run.events_of(ModuleRead):
        site = read.at.site
        if site.path != run.module.path or id(site.node) in seen:
            continue
        held = [
            state
            for state in _held(read.owner)
            if not (isinstance(state, Layer) and run.weights_of(state).has != "yes")
        ]
        if not held or any(id(state) in read_themselves for state in held):
            continue
        seen.add(id(site.node))
        yield Report(
            site,
            f"A tf.Module doesn't see the weights of Keras 3: `{read.name}` of `{read.owner.class_name}` "
            f"lacks those of its {class_of(held[0])}{several(held)}. Make `{read.owner.class_name}` a "
            f"keras.layers.Layer, or read `{read.name}` of each layer.",
            tuple(Related(state.site, f"the {class_of(state)} is made here") for state in held[:4]),
            _as_layer(run, read.owner),
        )


def _held(module: Plain) -> list[State]:
    """The layers and variables of Keras 3 in a module, in those that it holds, and in their containers."""
    found: list[State] = []
    seen: set[int] = set()
    waiting: list[Value] = list(module.attributes.values())
    while waiting:
        value = waiting.pop(0)
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Choice):
            waiting.extend(value.options)
        elif isinstance(value, Container):
            waiting.extend(item.value for item in value.items)
        elif is_tf_module(value) and isinstance(value, Plain):
            waiting.extend(value.attributes.values())
        elif (isinstance(value, Weight) and value.kind == "keras variable") or (
            isinstance(value, Layer)
            and not (isinstance(value.cls, Library) and value.cls.origin == "tf_keras")
        ):
            found.append(value)
    return found


def _as_layer(run: LayerRun | ScriptRun, module: Plain) -> MakeFix | None:
    """Another base for the module's class, and another name for its `__call__`."""
    cls = module.cls
    if not isinstance(cls, ClassDefinition) or cls.module.path != run.module.path or len(cls.node.bases) != 1:
        return None
    base = cls.node.bases[0]
    text = ast.unparse(base)
    if not re.fullmatch(r"\w+\.Module", text) or not all(
        isinstance(state, Layer) for value in module.attributes.values() for state in _all_states(value)
    ):
        return None
    if run.project.resolve(cls.module, "keras.layers.Layer") == (Library("keras.layers.Layer", "keras"),):
        layer = "keras.layers.Layer"
    else:
        layer = f"{text.removesuffix('Module')}keras.layers.Layer"
    pieces = cls.statement.body
    names = {piece.name for piece in pieces}
    whole = cls.statement.text
    if "call" in names or "__init__" not in names or "name_scope" in whole or "submodules" in whole:
        return None
    if "super(" not in whole:
        return None
    header = Site(cls.module.path, cls.statement, base)
    calls = [
        Site(cls.module.path, piece, node)
        for piece in pieces
        if piece.name == "__call__"
        for node in piece.nodes
    ]

    def make(document: Document) -> Fix | None:
        place = document.extent_of(header)
        if place is None:
            return None
        edits = [Edit(place, layer)]
        for site in calls:
            name = document.range_of(site)
            if name is None:
                return None
            edits.append(Edit(name, "call"))
        return Fix(f"Make `{cls.name}` a Keras layer", False, tuple(edits))

    return make


def _all_states(value: Value, depth: int = 4) -> Iterator[State | Plain]:
    """The layers, variables and modules in a value."""
    if isinstance(value, Layer | Weight | Plain):
        yield value
    elif isinstance(value, Choice):
        for option in value.options:
            yield from _all_states(option, depth)
    elif isinstance(value, Container) and depth:
        for item in value.items:
            yield from _all_states(item.value, depth - 1)
