"""KS503: tf.train.Checkpoint leaves out what Keras 3 layers hold in lists and dicts."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kerascope.project.meaning import Library
from kerascope.rules.hidden import class_of, makers, several, states, weights_text
from kerascope.rules.rule import Example, Related, Report, Rule
from kerascope.rules.saving import LeftOut, left_out
from kerascope.tracking.events import Checkpointed
from kerascope.tracking.run import LayerRun, ScriptRun
from kerascope.tracking.values import Container, Layer, Tensor, options

_DEPTH = 6


class NotInTfCheckpoint(Rule):
    """
    ## What it does
    Reports a `tf.train.Checkpoint` of a layer or model that keeps layers or weights in a list, dict or set
    and nowhere else.

    ## Why it matters
    A checkpoint follows what TensorFlow tracks, not what Keras does. Of a Keras 3 layer that is its
    attributes, and tuples of layers; the tracked lists, dicts and sets that Keras 3 makes are nothing to
    TensorFlow. What is in them is missing from the checkpoint; `restore` raises nothing, and neither does
    `assert_consumed`. Measured with two Dense layers:

    | | weights | in the checkpoint | restored |
    | --- | --- | --- | --- |
    | in a list or a set, Keras 3.4, 3.8, 3.13, 3.15 | 4 | 0 | no |
    | weights in a list, Keras 3.4, 3.8, 3.13, 3.15 | 1 | 0 | no |
    | in a tuple, Keras 3.4, 3.8, 3.13, 3.15 | 4 | 4 | yes |
    | in a list, Keras 2.15, tf_keras 2.21 | 4 | 4 | yes |

    ## Example
    ```python
    import keras
    import tensorflow as tf


    class Example(keras.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [keras.layers.Dense(4) for _ in range(2)]

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return x


    model = Example()
    checkpoint = tf.train.Checkpoint(model=model)
    ```

    ## Instead
    ```python
    import keras
    import tensorflow as tf


    class Example(keras.Model):
        def __init__(self):
            super().__init__()
            self.blocks = tuple(keras.layers.Dense(4) for _ in range(2))

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return x


    model = Example()
    checkpoint = tf.train.Checkpoint(model=model)
    ```
    or `model.save_weights("model.weights.h5")`, which goes into lists and dicts.

    ## When it is silent
    In Keras 2, whose lists and dicts TensorFlow follows. When each layer has an attribute of its own or is in
    a tuple, too; when the checkpoint is given parts of the model, too. When the model comes from elsewhere,
    so that its class isn't known. When nothing makes a checkpoint.

    ## Fix
    None: whether to change the class or the kind of file is for its author to say.

    ## References
    - Keras 3.15.1: `keras/src/backend/tensorflow/trackable.py` (`KerasAutoTrackable`,
      `sticky_attribute_assignment`); `keras/src/utils/tracking.py` (`TrackedList`, `TrackedDict`,
      `TrackedSet`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__setattr__`).
    - [keras #18398](https://github.com/keras-team/keras/issues/18398): layers in lists and dicts are
      missing from what TensorFlow saves.
    - [keras #19425](https://github.com/keras-team/keras/issues/19425): the same, reported again.
    - [keras #18507](https://github.com/keras-team/keras/pull/18507): mends it for SavedModel.
    - [tensorflow #19250](https://github.com/tensorflow/tensorflow/issues/19250): the same in TensorFlow
      1.8: layers in a list aren't restored, those on attributes are.
    """

    code = "KS503"
    name = "not-in-tf-checkpoint"
    severity = {3: "warning"}  # noqa: RUF012
    summary = "tf.train.Checkpoint leaves out layers that are only in lists, dicts or sets."

    reporting = (
        Example(
            "a list of layers",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [keras.layers.Dense(4) for _ in range(2)]

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


model = Example()
checkpoint = tf.train.Checkpoint(model=model)  # <- KS503
""",
            (3,),
            symptom="not-in-checkpoint",
        ),
        Example(
            "a dict in a layer below, saved by a function",
            """\
import keras
from tensorflow import train


class Heads(keras.layers.Layer):
    def __init__(self, names):
        super().__init__()
        self.heads = {}
        for name in names:
            self.heads[name] = keras.layers.Dense(2)

    def call(self, x):
        return [self.heads[name](x) for name in sorted(self.heads)]


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.trunk = keras.layers.Dense(4, activation="relu")
        self.heads = Heads(("mean", "scale"))

    def call(self, x):
        return self.heads(self.trunk(x))


def train_model(data, folder):
    model = Example()
    optimizer = keras.optimizers.Adam()
    model.compile(optimizer, "mse")
    model.fit(data)
    checkpoint = train.Checkpoint(model=model, optimizer=optimizer)  # <- KS503
    train.CheckpointManager(checkpoint, folder, max_to_keep=3).save()
    return model
""",
            (3,),
            symptom="not-in-checkpoint",
        ),
        Example(
            "weights in a list, the checkpoint in a class",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self, levels=2):
        super().__init__()
        self.scales = []
        for level in range(levels):
            self.scales.append(self.add_weight(name=f"scale_{level}", shape=(4,), initializer="uniform"))

    def call(self, x):
        for scale in self.scales:
            x = x * scale
        return x


class Trainer:
    def __init__(self, folder):
        self.layer = Example()
        self.steps = tf.Variable(0)
        self.checkpoint = tf.train.Checkpoint(layer=self.layer, steps=self.steps)  # <- KS503
        self.manager = tf.train.CheckpointManager(self.checkpoint, folder, max_to_keep=1)
""",
            (3,),
            symptom="not-in-checkpoint",
        ),
        Example(
            "a functional model around it",
            """\
import keras
import tensorflow as tf


class Tower(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.steps = [(keras.layers.Dense(8), keras.layers.Dense(4)) for _ in range(2)]

    def call(self, x):
        for up, down in self.steps:
            x = x + down(up(x))
        return x


def make_model():
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(1)(Tower()(inputs))
    return keras.Model(inputs, outputs)


def restored(path):
    model = make_model()
    tf.train.Checkpoint(model).restore(path).expect_partial()  # <- KS503
    return model
""",
            (3,),
            make="make_model()",
            symptom="not-in-checkpoint",
        ),
    )

    silent = (
        Example(
            "a tuple of layers",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = tuple(keras.layers.Dense(4) for _ in range(2))

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


model = Example()
checkpoint = tf.train.Checkpoint(model=model)
""",
        ),
        Example(
            "each layer is an attribute, too",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = []
        for index in range(2):
            block = keras.layers.Dense(4)
            setattr(self, f"block_{index}", block)
            self.blocks.append(block)

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


model = Example()
checkpoint = tf.train.Checkpoint(model=model)
""",
        ),
        Example(
            "a list in Keras 2",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [keras.layers.Dense(4) for _ in range(2)]

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


model = Example()
checkpoint = tf.train.Checkpoint(model=model)
""",
            (2,),
        ),
        Example(
            "no checkpoint, but Keras' own files",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [keras.layers.Dense(4) for _ in range(2)]

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def keep(path):
    model = Example()
    model(keras.ops.zeros((1, 4)))
    model.save_weights(path)
""",
            (3,),
            symptom="not-in-checkpoint",
        ),
        Example(
            "Keras' own containers of layers",
            """\
import keras
import tensorflow as tf


def make_model():
    inputs = keras.Input((4,))
    hidden = keras.Sequential([keras.layers.Dense(8), keras.layers.Dense(4)])(inputs)
    return keras.Model(inputs, keras.layers.Dense(1)(hidden))


model = make_model()
checkpoint = tf.train.Checkpoint(model=model)
""",
            make="make_model()",
        ),
        Example(
            "a list of layers without weights, and of numbers",
            """\
import keras
import tensorflow as tf


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.widths = [8, 4]
        self.activations = [keras.layers.ReLU(), keras.layers.Activation("tanh")]
        self.first = keras.layers.Dense(self.widths[0])
        self.second = keras.layers.Dense(self.widths[1])

    def call(self, x):
        return self.activations[1](self.second(self.activations[0](self.first(x))))


model = Example()
checkpoint = tf.train.Checkpoint(model=model)
""",
        ),
    )

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        given: dict[int, list[Checkpointed]] = {}
        for event in run.events:
            if isinstance(event, Checkpointed) and event.at.site.path == run.module.path:
                given.setdefault(id(event.at.site.node), []).append(event)
        for events in given.values():
            found = [part for event in events for part in _missing(run, event.layer)]
            if not found or _given_in_parts(events[0].at.site.node):
                continue
            inner, attribute = found[0]
            more = "another attribute" if len(found) == 2 else f"{len(found) - 1} more attributes"
            others = f", and of {more}" if len(found) > 1 else ""
            yield Report(
                events[0].at.site,
                f"This checkpoint leaves out the {class_of(attribute.states[0])}{several(attribute.states)} "
                f"of {_named(inner, attribute)}{weights_text(inner, attribute.states)}{others}: in Keras 3, "
                "TensorFlow doesn't see what is in lists, dicts and sets, and `restore` says nothing. Use "
                "`save_weights`, or keep them in a tuple.",
                tuple(place for inner, attribute in found[:3] for place in _places(inner, attribute)),
            )


def _named(run: LayerRun, attribute: LeftOut) -> str:
    return f"`{run.definition.name}.{attribute.name}`"


def _places(run: LayerRun, attribute: LeftOut) -> tuple[Related, ...]:
    assigned = Related(attribute.written.at.site, f"{_named(run, attribute)} is assigned here")
    return assigned, *makers(run, attribute.states)


def _missing(
    run: ScriptRun | LayerRun, layer: Layer, depth: int = _DEPTH
) -> Iterator[tuple[LayerRun, LeftOut]]:
    """The attributes that a checkpoint of `layer` leaves out, in it and in those sublayers that it sees."""
    if depth == 0:
        return
    if isinstance(layer.cls, Library):
        inner_layers = list(_held(layer))
        inner: ScriptRun | LayerRun = run
    else:
        found = run.run_of(layer)
        if found is None or _is_keras_2(found):
            return
        missing = list(left_out(found, _reads, lambda part: isinstance(part.cls, Library)))
        yield from ((found, attribute) for attribute in missing)
        hidden = {id(state) for attribute in missing for state in attribute.states}
        inner = found
        inner_layers = [
            reach.value
            for reach in found.sublayers()
            if isinstance(reach.value, Layer) and id(reach.value) not in hidden
        ]
    seen = set()
    for part in inner_layers:
        if part.cls not in seen:
            seen.add(part.cls)
            yield from _missing(inner, part, depth - 1)


def _is_keras_2(run: LayerRun) -> bool:
    """Whether the class is one of tf_keras, whatever the file that makes the checkpoint is checked for."""
    return any(isinstance(base, Library) and base.origin == "tf_keras" for base in run.mro())


def _reads(around: tuple[Container, ...]) -> bool:
    """Whether TensorFlow sees what Keras 3 layers hold in these containers."""
    return all(part.kind in ("tuple", "namedtuple") for part in around)


def _held(layer: Layer) -> Iterator[Layer]:
    """What one of Keras' own models or wrappers was given, or was made of."""
    parts = (*layer.tracked, *layer.arguments, *layer.keywords.values())
    for part in parts:
        yield from (state for state in states(part) if isinstance(state, Layer))
        for option in options(part):
            if isinstance(option, Tensor):
                yield from option.layers


def _given_in_parts(call: ast.AST) -> bool:
    """Whether a checkpoint is given a model and parts of it: `Checkpoint(m=model, blocks=model.blocks)`."""
    if not isinstance(call, ast.Call):
        return False
    texts = [ast.unparse(value) for value in (*call.args, *(keyword.value for keyword in call.keywords))]
    return any(part.startswith(f"{whole}.") for whole in texts for part in texts)
