"""KS403: a layer that is frozen before the sublayers exist that it shall freeze."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from kerascope.project.meaning import ClassDefinition
from kerascope.rules.places import holds, in_own_class, in_own_file, named
from kerascope.rules.rule import Example, Fix, Related, Report, Rule
from kerascope.source import rewrite
from kerascope.source.document import Document, Site
from kerascope.tracking.events import (
    AttributeWrite,
    ContainerWrite,
    Created,
    Event,
    InitReached,
    LayerBuilt,
    LayerCalled,
    LayerMethod,
)
from kerascope.tracking.run import LayerRun, Method, Reach, ScriptRun
from kerascope.tracking.values import Constant, Layer, Weight, options

_MADE_IN_BUILD = frozenset(("keras.layers.MultiHeadAttention", "keras.layers.GroupQueryAttention"))
"""Keras' own layers that make their sublayers in `build`, and don't hand `trainable` on to them."""

_HANDED_ON = frozenset(("keras.layers.LSTM", "keras.layers.GRU", "keras.layers.SimpleRNN"))
"""Those that do hand it on to the sublayer that they make."""

_NOTHING_TRAINS = frozenset(("keras.layers.Normalization", "keras.layers.Discretization"))
_LIFE = ("__init__", "build", "call")
_DEPTH = 3


class FreezeWithoutEffect(Rule):
    """
    ## What it does
    Reports a layer of layers that is frozen too early for Keras 3: by `trainable=False` as argument of its
    constructor, by `trainable = False` in its class body, or by `self.trainable = False` before its sublayers
    are made.

    ## Why it matters
    In Keras 3 the flag freezes the sublayers that exist when it is *assigned*, and the layer's own weights.
    The constructor only keeps it. A model around the layer asks each variable for its own flag, and trains
    what the sublayers own; the layer itself, asked alone, says that it has no trainable weights. In Keras 2
    a model asks each layer. Measured, `trainable_weights` of a functional model around the layer, that of the
    layer itself being empty:

    | frozen | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | a layer that holds a `Dense`: `trainable=False` given to its constructor | 2 | 0 |
    | `self.trainable = False` above `self.dense = Dense(3)` | 2 | 0 |
    | `self.trainable = False` below it | 0 | 0 |
    | `trainable = False` in the class body of a layer that holds a `Dense` | 2 | 0 |
    | `Bidirectional(LSTM(3), trainable=False)`, `TimeDistributed(Dense(3), trainable=False)` | 6, 2 | 0, 0 |
    | `Sequential([Dense(3)], trainable=False)` | 2 | TypeError |
    | `Model(inputs, outputs, trainable=False)` | 2 | 0 |
    | `MultiHeadAttention(2, 2, trainable=False)`, or frozen before it is built | 8, 8 | 0, 0 |
    | `Dense(3, trainable=False)`, `LSTM(3, trainable=False)` | 0, 0 | 0, 0 |

    Nothing warns: in Keras 3 the weights of a "frozen" backbone move with the first batch. Saying it twice
    doesn't help with TensorFlow, where Keras 3 passes over the assignment of a value that the attribute has:
    after `Encoder(trainable=False)`, `encoder.trainable = False` changes nothing.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.trainable = False
            self.dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense(x)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)
            self.trainable = False

        def call(self, x):
            return self.dense(x)
    ```
    For an object of somebody else's class: `layer = Encoder()`, then `layer.trainable = False`; for one that
    makes its sublayers in `build()`, when it is built.

    ## When it is silent
    In Keras 2. On weights that the layer itself owns, and on layers without sublayers: these are frozen.
    Where the flag is assigned again below, or the sublayers' own flags are; where the value isn't surely
    False, as that of a parameter; where `call` uses `stop_gradient`, or a `train_step` takes the
    `trainable_variables` of single sublayers; in a script, where no other layer or model holds the frozen
    one.

    ## Fix
    Safe: moves `self.trainable = False` below the sublayers. Offered where all of them are made in the same
    constructor.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.trainable`, `Layer.trainable_variables`),
      `keras/src/layers/attention/multi_head_attention.py` (`_get_common_kwargs_for_sublayer`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer._gather_children_attribute`).
    """

    code = "KS403"
    name = "freeze-without-effect"
    severity = {3: "warning"}  # noqa: RUF012
    summary = "A layer is frozen before its sublayers exist: an outer model trains them in Keras 3."

    reporting = (
        Example(
            "the flag above the sublayer",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.trainable = False  # <- KS403
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
            (3,),
            symptom="trained-though-frozen",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.trainable = False  # <- KS403

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "the flag above a loop that makes the sublayers",
            """\
from tensorflow import keras


class Example(keras.Model):
    def __init__(self, widths=(4, 4), frozen=True):
        super().__init__()
        self.blocks = []
        if frozen:
            self.trainable = False  # <- KS403
        for width in widths:
            self.blocks.append(keras.layers.Dense(width, activation="relu"))
        self.head = keras.layers.Dense(2)

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)
""",
            (3,),
            symptom="trained-though-frozen",
        ),
        Example(
            "given to Keras' constructor",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4, **kwargs):
        super().__init__(trainable=False, **kwargs)  # <- KS403
        self.embed = keras.layers.Dense(units)
        self.norm = keras.layers.LayerNormalization()

    def call(self, x):
        return self.norm(self.embed(x))
""",
            (3,),
            symptom="trained-though-frozen",
        ),
        Example(
            "given to the constructor of a composite layer",
            """\
import keras


class Encoder(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder(4, trainable=False)  # <- KS403
        self.head = keras.layers.Dense(2)

    def call(self, x):
        return self.head(self.encoder(x))
""",
            (3,),
            symptom="trained-though-frozen",
        ),
        Example(
            "a Sequential",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.features = keras.Sequential(  # <- KS403
            [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(4)],
            trainable=False,
        )
        self.head = keras.layers.Dense(2)

    def call(self, x):
        return self.head(self.features(x))
""",
            (3,),
            symptom="trained-though-frozen",
        ),
        Example(
            "an attention layer, which makes its sublayers when it is built",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.split = keras.layers.Reshape((2, 2))
        self.attention = keras.layers.MultiHeadAttention(2, 2)
        self.attention.trainable = False  # <- KS403

    def call(self, x):
        pairs = self.split(x)
        return self.attention(pairs, pairs)
""",
            (3,),
            symptom="trained-though-frozen",
        ),
        Example(
            "in a functional model",
            """\
import keras


class Encoder(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


def make_model():
    inputs = keras.Input((4,))
    encoded = Encoder(8, trainable=False)(inputs)  # <- KS403
    return keras.Model(inputs, keras.layers.Dense(2)(encoded))
""",
            (3,),
            make="make_model()",
            symptom="trained-though-frozen",
        ),
        Example(
            "a sublayer that comes in build()",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.units = units
        self.trainable = False  # <- KS403

    def build(self, input_shape):
        self.dense = keras.layers.Dense(self.units)
        self.dense.build(input_shape)

    def call(self, x):
        return self.dense(x)
""",
            (3,),
            symptom="trained-though-frozen",
        ),
        Example(
            "a block that holds an attention layer",
            """\
import keras


class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm = keras.layers.LayerNormalization()
        self.attention = keras.layers.MultiHeadAttention(2, 2)

    def build(self, input_shape):
        self.norm.build(input_shape)
        self.attention.build(input_shape, input_shape)

    def call(self, x):
        y = self.norm(x)
        return x + self.attention(y, y)


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.split = keras.layers.Reshape((2, 2))
        self.encoder = keras.Sequential([Block(), Block()])
        self.encoder.trainable = False  # <- KS403
        self.head = keras.layers.Dense(2)

    def call(self, x):
        return self.head(self.encoder(self.split(x)))
""",
            (3,),
            symptom="trained-though-frozen",
        ),
        Example(
            "a Sequential that gets its layers later",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, widths=(8, 4)):
        super().__init__()
        self.features = keras.Sequential()
        self.features.trainable = False  # <- KS403
        for width in widths:
            self.features.add(keras.layers.Dense(width, activation="relu"))
        self.head = keras.layers.Dense(2)

    def call(self, x):
        return self.head(self.features(x))
""",
            (3,),
            symptom="trained-though-frozen",
        ),
        Example(
            "with TensorFlow, the flag twice",
            """\
from tensorflow import keras


class Encoder(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


class Frozen(keras.layers.Layer):
    def __init__(self):
        super().__init__(trainable=False)  # <- KS403
        self.dense = keras.layers.Dense(4)
        self.trainable = False

    def call(self, x):
        return self.dense(x)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder(4, trainable=False)  # <- KS403
        self.encoder.trainable = False
        self.frozen = Frozen()
        self.head = keras.layers.Dense(2)

    def call(self, x):
        return self.head(self.frozen(self.encoder(x)))
""",
            (3,),
            symptom="trained-though-frozen",
        ),
        Example(
            "in the class body",
            """\
import keras


class Example(keras.layers.Layer):
    trainable = False  # <- KS403

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
            (3,),
            symptom="trained-though-frozen",
        ),
    )
    silent = (
        Example(
            "in the class body of a layer without sublayers",
            """\
import keras


class Example(keras.layers.Layer):
    trainable = False

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

    def call(self, x):
        return x * self.scale
""",
        ),
        Example(
            "the flag below the sublayers",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = [keras.layers.Dense(4) for _ in range(2)]
        self.norm = keras.layers.LayerNormalization()
        self.trainable = False

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.norm(x)
""",
            (3,),
        ),
        Example(
            "a layer that owns its weight",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(trainable=False, **kwargs)

    def build(self, input_shape):
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.gain
""",
            (3,),
        ),
        Example(
            "layers without sublayers",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.fixed = keras.layers.Dense(4, trainable=False)
        self.memory = keras.layers.LSTM(4, trainable=False)
        self.head = keras.layers.Dense(2)

    def call(self, x):
        return self.head(self.memory(self.fixed(x)[:, None, :]))
""",
            (3,),
        ),
        Example(
            "a composite frozen when it has its sublayers",
            """\
import keras


class Encoder(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder(4)
        self.encoder.trainable = False
        self.head = keras.layers.Dense(2)

    def call(self, x):
        return self.head(self.encoder(x))
""",
            (3,),
        ),
        Example(
            "the sublayers are frozen, too",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__(trainable=False)
        self.first = keras.layers.Dense(units, trainable=False)
        self.second = keras.layers.Dense(units)
        for layer in (self.first, self.second):
            layer.trainable = False

    def call(self, x):
        return self.second(self.first(x))
""",
            (3,),
        ),
        Example(
            "only the head trains, on purpose",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.backbone = keras.layers.Dense(units)
        self.head = keras.layers.Dense(2)
        self.trainable = False
        self.head.trainable = True

    def call(self, x):
        return self.head(self.backbone(x))
""",
            (3,),
            symptom="trained-though-frozen",
        ),
        Example(
            "a train_step that trains the student alone",
            """\
import keras
import tensorflow as tf


class Teacher(keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


class Example(keras.Model):
    def __init__(self, units=4):
        super().__init__()
        self.teacher = Teacher(units, trainable=False)
        self.student = keras.layers.Dense(units)

    def call(self, x):
        return self.student(x) + 0.0 * self.teacher(x)

    def train_step(self, data):
        x, _ = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.teacher(x) - self.student(x)))
        variables = self.student.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return {"loss": loss}
""",
            (3,),
            symptom="trained-though-frozen",
        ),
        Example(
            "attention that is frozen when it is built",
            """\
import keras


class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.attention = keras.layers.MultiHeadAttention(2, 2)

    def build(self, input_shape):
        self.attention.build(input_shape, input_shape)

    def call(self, x):
        return self.attention(x, x)


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.split = keras.layers.Reshape((2, 2))
        self.block = Block()

    def build(self, input_shape):
        self.block.build((None, 2, 2))
        self.block.trainable = False

    def call(self, x):
        return self.block(self.split(x))
""",
            (3,),
        ),
        Example(
            "a setting that somebody gives",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4, trainable=True, **kwargs):
        super().__init__(trainable=trainable, **kwargs)
        self.dense = keras.layers.Dense(units, trainable=trainable)

    def call(self, x):
        return self.dense(x)
""",
            (3,),
        ),
        Example(
            "in Keras 2",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.trainable = False
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
            (2,),
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        if run.generation != 3 or not run.complete:
            return
        own, others = _own_freeze(run), list(_freezes(run, run.all_events))
        flag = _flag_of_the_body(run)
        if (own is None and flag is None and not others) or _decides_itself(run):
            return
        if flag is not None:
            yield from _of_the_body(run, flag)
        elif own is not None:
            yield from _of_the_class(run, own)
        for freeze in others:
            if freeze.layer is run.layer or run.tracked(freeze.layer) != "yes":
                continue
            made = freeze.event.at
            site = in_own_file(run, made) if made.subject is run.layer else None
            if site is not None:
                yield from _of_an_object(run, freeze, site)

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        if run.generation != 3:
            return
        held: set[int] | None = None
        for freeze in _freezes(run, run.events):
            if freeze.event.at.subject is not None:
                continue
            if held is None:
                held = _held(run)
            if id(freeze.layer) in held:
                yield from _of_an_object(run, freeze, freeze.event.at.site)


@dataclass(frozen=True, slots=True)
class _Freeze:
    """The last time that a layer is frozen: by its constructor's argument, or by an assignment."""

    layer: Layer
    event: Created | AttributeWrite | InitReached
    index: int
    by_argument: bool
    in_vain: AttributeWrite | None = None
    """A later assignment that changes nothing."""


def _again(run: LayerRun | ScriptRun, before: _Freeze | None, event: AttributeWrite, index: int) -> _Freeze:
    """A layer that is frozen once more. With TensorFlow, assigning the value that an attribute has does
    nothing (`KerasAutoTrackable.__setattr__`): nothing is handed on to the sublayers then."""
    if before is None or before.event.at.conditional or not _on_tensorflow(run):
        assert isinstance(event.owner, Layer)
        return _Freeze(event.owner, event, index, False)
    return replace(before, in_vain=event)


def _on_tensorflow(run: LayerRun | ScriptRun) -> bool:
    return run.project.mentions(run.module.path, r"\btensorflow\b") > 0


def _own_freeze(run: LayerRun) -> _Freeze | None:
    """How the class freezes itself; None if it doesn't, or something isn't sure."""
    found: _Freeze | None = None
    for index, event in enumerate(run.all_events):
        if isinstance(event, InitReached) and event.layer is run.layer:
            found = _Freeze(run.layer, event, index, True) if _is_false(event.trainable) else found
        elif _sets_flag(event, run.layer):
            assert isinstance(event, AttributeWrite)
            found = _again(run, found, event, index) if _is_false(event.value) else None
    return found


def _flag_of_the_body(run: LayerRun) -> Site | None:
    """`trainable = False` in the class body, if nothing sets another flag."""
    found = run.class_binding("trainable")
    if found is None or any(_sets_flag(event, run.layer) for event in run.all_events):
        return None
    cls, statement, node = found
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    if not isinstance(value, ast.Constant) or value.value is not False:
        return None
    site = Site(cls.module.path, statement, node)
    return site if in_own_class(run, site) else None


def _of_the_body(run: LayerRun, flag: Site) -> Iterator[Report]:
    """Which sublayers does a flag in the class body leave as they are?"""
    late = [
        reach
        for reach in run.sublayers()
        if isinstance(reach.value, Layer)
        and _trains(run, reach.value)
        and not _has_own_flag(run.all_events, reach.value)
    ]
    if late:
        yield Report(
            flag,
            f"`trainable = False` in the class body freezes only {run.definition.name}'s own weights in "
            f"Keras 3: a model around it trains those of {named(late)}. Set `self.trainable = False` below "
            "the sublayers instead.",
            tuple(Related(reach.value.site, "made here") for reach in late[:3]),
        )


def _freezes(run: LayerRun | ScriptRun, events: Sequence[Event]) -> Iterator[_Freeze]:
    """The layers that this code makes or takes, and freezes, each with the last time."""
    last: dict[int, _Freeze | None] = {}
    for index, event in enumerate(events):
        if isinstance(event, Created) and isinstance(event.value, Layer):
            if _is_false(event.value.keywords.get("trainable")):
                last[id(event.value)] = _Freeze(event.value, event, index, True)
        elif isinstance(event, AttributeWrite) and isinstance(event.owner, Layer):
            if event.name == "trainable" and event.at.subject is not event.owner:
                frozen = _is_false(event.value)
                before = last.get(id(event.owner))
                last[id(event.owner)] = _again(run, before, event, index) if frozen else None
            elif event.name == "trainable":
                last.pop(id(event.owner), None)
    reached = {
        id(event.layer) for event in events if isinstance(event, InitReached) and _is_false(event.trainable)
    }
    for freeze in last.values():
        if freeze is not None and (not freeze.by_argument or id(freeze.layer) in reached):
            yield freeze


def _is_false(value: object) -> bool:
    return isinstance(value, Constant) and value.value is False


def _sets_flag(event: Event, layer: Layer) -> bool:
    return isinstance(event, AttributeWrite) and event.owner is layer and event.name == "trainable"


def _decides_itself(run: LayerRun) -> bool:
    """Whether the class says in its own way what trains: a `trainable` of its own, a `train_step` that
    takes the variables of some sublayers, flags of objects that aren't known, or gradients that `call`
    stops."""
    if run.method("trainable") is not None or _chooses_variables(run.method("train_step")):
        return True
    known = {
        id(event.at.site.node)
        for event in run.all_events
        if isinstance(event, AttributeWrite) and event.name == "trainable"
    }
    for name in _LIFE:
        method = run.method(name)
        for node in ast.walk(method.node) if method is not None else ():
            if not isinstance(node, ast.Attribute):
                continue
            if node.attr == "trainable" and isinstance(node.ctx, ast.Store) and id(node) not in known:
                return True
            if node.attr == "stop_gradient":
                return True
    return False


def _chooses_variables(step: Method | None) -> bool:
    """Whether a `train_step` reads the trainable variables of sublayers, and not those of the model."""
    owners = [
        ast.unparse(node.value)
        for node in (ast.walk(step.node) if step is not None else ())
        if isinstance(node, ast.Attribute) and node.attr in ("trainable_variables", "trainable_weights")
    ]
    return bool(owners) and "self" not in owners


def _of_the_class(run: LayerRun, freeze: _Freeze) -> Iterator[Report]:
    """The class freezes itself: which of its sublayers come later, or make their own later?"""
    late = [reach for reach in run.sublayers() if _is_late(run, reach, freeze)]
    frozen = freeze.event.at
    # A base class of another file that freezes what its subclasses add can't be judged there.
    told_there = any(reach.value.site.path == frozen.site.path for reach in late)
    site = in_own_file(run, frozen, told_there) if late else None
    if site is None:
        return
    places = tuple(Related(reach.value.site, "made here") for reach in late[:3])
    if frozen.site.path != run.module.path:
        places = (Related(frozen.site, "frozen here"), *places)
    what = named(late)
    if freeze.in_vain is not None:
        yield _said_twice(site, freeze, f"those of {what}", places)
    elif freeze.by_argument:
        yield Report(
            site,
            f"trainable=False freezes only {run.definition.name}'s own weights in Keras 3: a model around it "
            f"trains those of {what}. Set `self.trainable = False` below the sublayers instead.",
            places,
        )
    else:
        yield Report(
            site,
            f"`self.trainable = False` comes before the weights of {what}: Keras 3 doesn't freeze these, and "
            "a model around it trains them. Set it below the sublayers.",
            places,
            partial(_move_down, run=run, freeze=freeze, late=late),
        )


def _said_twice(site: Site, freeze: _Freeze, whose: str, places: tuple[Related, ...]) -> Report:
    assert freeze.in_vain is not None
    return Report(
        site,
        f"Keras 3 doesn't freeze {whose} by this, and the second `trainable = False` changes nothing: with "
        "TensorFlow, assigning the value that an attribute has is passed over. Leave this one out.",
        (Related(freeze.in_vain.at.site, "the second time"), *places),
    )


def _is_late(run: LayerRun, reach: Reach, freeze: _Freeze) -> bool:
    layer = reach.value
    if not isinstance(layer, Layer) or not _trains(run, layer) or _has_own_flag(run.all_events, layer):
        return False
    if freeze.by_argument or _joins(run, layer) > freeze.index:
        return True
    return _makes_more(run, layer, freeze.index)


def _joins(run: LayerRun, layer: Layer) -> int:
    """When the layer becomes part of the class's object."""
    created = 0
    for index, event in enumerate(run.all_events):
        if isinstance(event, AttributeWrite) and event.owner is run.layer:
            if holds(event.value, layer):
                return index
        elif isinstance(event, ContainerWrite):
            if event.container.tracker is run.layer and any(holds(value, layer) for value in event.values):
                return index
        elif isinstance(event, Created) and event.value is layer:
            created = index
    return created


def _makes_more(run: LayerRun | ScriptRun, layer: Layer, before: int, depth: int = _DEPTH) -> bool:
    """Whether a layer frozen at this moment makes sublayers with weights after it, or one of its own does."""
    for event in run.all_events[:before]:
        if isinstance(event, LayerBuilt | LayerCalled) and event.layer is layer:
            return False
    if layer.cls.name in _MADE_IN_BUILD:
        return True
    if depth == 0:
        return False
    if not isinstance(layer.cls, ClassDefinition):
        if layer.knows_input:  # it is built when it is made
            return False
        children = [child for child in run.children(layer) if not _has_own_flag(run.all_events, child)]
        return any(_makes_more(run, child, before, depth - 1) for child in children)
    inner = run.run_of(layer)
    if inner is None or not inner.complete or inner.layer is layer or _decides_itself(inner):
        return False
    if inner.layer.knows_input:
        return False
    made = [event.at.subject is inner.layer and event.at.phase != "init" for event in inner.all_events]
    end = made.index(True) if True in made else len(made)
    for reach in inner.sublayers():
        child = reach.value
        if not isinstance(child, Layer) or _has_own_flag(inner.all_events, child):
            continue
        if child.phase in ("build", "call"):
            if _trains(inner, child):
                return True
        elif _makes_more(inner, child, end, depth - 1):
            return True
    return False


def _trains(run: LayerRun | ScriptRun, layer: Layer, depth: int = _DEPTH) -> bool:
    """Whether a layer surely will own a weight that trains."""
    if run.weights_of(layer).has != "yes" or layer.cls.name in _NOTHING_TRAINS:
        return False
    inner = run.run_of(layer) if isinstance(layer.cls, ClassDefinition) else None
    if inner is None or not depth:
        return not isinstance(layer.cls, ClassDefinition)
    for reach in inner.reaches():
        value = reach.value
        if reach.breaks is None and isinstance(value, Weight) and value.trainable:
            return True
        if isinstance(value, Layer) and value is not inner.layer and _trains(inner, value, depth - 1):
            return True
    return False


def _has_own_flag(events: Sequence[Event], layer: Layer) -> bool:
    """Whether somebody sets the layer's own `trainable`, or may do so by `**kwargs`."""
    if "trainable" in layer.keywords:
        return True
    node = layer.site.node
    if isinstance(node, ast.Call) and any(keyword.arg is None for keyword in node.keywords):
        return True
    return any(_sets_flag(event, layer) for event in events)


def _of_an_object(run: LayerRun | ScriptRun, freeze: _Freeze, site: Site) -> Iterator[Report]:
    """An object of another class is frozen: what of it isn't?"""
    layer = freeze.layer
    name = layer.class_name
    events = run.all_events
    if not freeze.by_argument:
        if _makes_more(run, layer, freeze.index):
            yield Report(site, f"{_made_later(layer)} Freeze it when it is built.")
        elif added := _added_later(run, layer, freeze.index):
            yield Report(
                site,
                f"{name} gets layers after this: Keras 3 doesn't freeze them, and a model around it trains "
                "them. Freeze it when it has them all.",
                tuple(Related(child.site, "made here") for child in added[:3]),
            )
        return
    if layer.cls.name in _MADE_IN_BUILD:
        yield Report(
            site,
            f"{name} doesn't hand trainable=False on to its sublayers in Keras 3: a model around it trains "
            "them. Set `.trainable = False` when it is built.",
        )
        return
    late: list[Reach] = []
    inner = run.run_of(layer)
    if inner is not None:
        if not inner.complete or _decides_itself(inner) or _own_freeze(inner) is not None:
            return
        late = [
            reach
            for reach in inner.sublayers()
            if isinstance(reach.value, Layer)
            and _trains(inner, reach.value)
            and not _has_own_flag(inner.all_events, reach.value)
        ]
    elif layer.cls.name not in _HANDED_ON:
        late = [
            Reach(child, f"its {child.class_name}", (child,), None)
            for child in run.children(layer)
            if _trains(run, child) and not _has_own_flag(events, child)
        ]
    if not late:
        return
    what = named(late) if inner is not None else ", ".join(dict.fromkeys(reach.text for reach in late))
    if freeze.in_vain is not None:
        places = tuple(Related(reach.value.site, "made here") for reach in late[:3])
        yield _said_twice(site, freeze, f"what {name} holds", places)
        return
    after = (
        "when it is built"
        if any(isinstance(reach.value, Layer) and reach.value.phase in ("build", "call") for reach in late)
        and inner is not None
        else "on the object instead"
    )
    yield Report(
        site,
        f"trainable=False given to {name} freezes only its own weights in Keras 3: a model around it trains "
        f"those of {what}. Set `.trainable = False` {after}.",
        tuple(Related(reach.value.site, "made here") for reach in late[:3]),
    )


def _made_later(layer: Layer) -> str:
    whose = "its sublayers" if layer.cls.name in _MADE_IN_BUILD else "sublayers"
    return (
        f"{layer.class_name} makes {whose} when it is built, after this: Keras 3 doesn't freeze them, and a "
        "model around it trains them."
    )


def _added_later(run: LayerRun | ScriptRun, layer: Layer, index: int) -> list[Layer]:
    """The layers with weights that are given to a `Sequential` after it is frozen."""
    return [
        option
        for event in run.all_events[index:]
        if isinstance(event, LayerMethod) and event.layer is layer and event.name == "add"
        for argument in event.arguments
        for option in options(argument)
        if isinstance(option, Layer) and _trains(run, option) and not _has_own_flag(run.all_events, option)
    ]


def _held(run: ScriptRun) -> set[int]:
    """The layers that other layers of the script hold, by `id`."""
    return {
        id(child)
        for event in run.events
        if isinstance(event, Created) and isinstance(event.value, Layer)
        for child in run.children(event.value)
    }


def _move_down(document: Document, run: LayerRun, freeze: _Freeze, late: list[Reach]) -> Fix | None:
    """Below the last statement of the constructor that makes one of the late sublayers."""
    init, write = run.method("__init__"), freeze.event.at
    if init is None or init.owner != run.definition or not in_own_class(run, write.site):
        return None
    body = init.node.body
    statement = write.statement
    if statement not in body or not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    last = -1
    for reach in late:
        joins = run.all_events[_joins(run, reach.value)] if isinstance(reach.value, Layer) else None
        place = next(
            (
                index
                for index, each in enumerate(body)
                if joins is not None and any(node is joins.at.site.node for node in ast.walk(each))
            ),
            None,
        )
        if place is None:
            return None
        last = max(last, place)
    if last <= body.index(statement):
        return None
    there = Site(write.site.path, init.statement, body[last])
    here = Site(write.site.path, init.statement, statement)
    inserted = rewrite.insert_after(document, there, rewrite.text_of(document, here))
    removed = rewrite.remove(document, here)
    if not inserted or not removed:
        return None
    return Fix("Freeze it below its sublayers", True, (*removed, *inserted))
