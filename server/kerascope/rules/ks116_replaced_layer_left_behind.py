"""KS116: Keras 3 keeps what an attribute held before it was overwritten or deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kerascope.rules.hidden import class_of, states
from kerascope.rules.places import in_own_file
from kerascope.rules.rule import Example, Related, Report, Rule
from kerascope.tracking.events import (
    AttributeDeleted,
    AttributeWrite,
    LayerBuilt,
    LayerCalled,
)
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Layer, State, Tensor, Value, Weight, options


class ReplacedLayerLeftBehind(Rule):
    """
    ## What it does
    Reports an attribute of a layer that holds a sublayer or a weight, and is overwritten or deleted
    afterwards, in the constructor or in `build()`.

    ## Why it matters
    Keras 3 only ever adds to what it tracks. A weight that was replaced stays in `weights`, is saved, and
    gets no gradient; a sublayer that was replaced stays among the sublayers, with its weights if it was
    built, else unbuilt for ever. Measured:

    | | Keras 3.15 | Keras 2.15, tf_keras 2.21 |
    | --- | --- | --- |
    | `self.w = self.add_weight(...)` twice | 2 weights, one without gradient | 1 |
    | a built `Dense` overwritten by another | 4 weights, two without gradient | 2 |
    | a built `Dense` deleted | 2 dead weights | none |
    | an unbuilt `Dense` overwritten | 2 weights, and a warning of unbuilt state at every `build` | 2 |
    | a weight deleted | gone (before 3.5: a dead weight) | gone |

    `fit` warns "Gradients do not exist for variables" of the dead ones.

    ## Example
    ```python
    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.scale = self.add_weight(name="scale", shape=(4,), initializer="ones")
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")

        def call(self, x):
            return x * self.scale
    ```

    ## Instead
    ```python
    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")

        def call(self, x):
            return x * self.scale
    ```
    Decide before making it which one it shall be; let a base class make it in a method that a subclass
    overrides.

    ## When it is silent
    In Keras 2, which forgets what no attribute holds; when the old object is still used or held, by another
    attribute, a list or the new layer; when a condition that can't be known decides which of them stays; for
    an unbuilt sublayer of a class with its own `build()`, where nothing warns; for what is not built and has
    no weights; for a deleted weight, since Keras 3.5.

    ## Fix
    None: which of the two is wanted, only the author knows.

    ## Versions
    Since Keras 3.5, a weight whose attribute is deleted is forgotten; before, it is reported. Before Keras
    3.6, some layers without weights, such as ReLU, stay unbuilt when they are replaced, too: not reported.

    ## References
    - Keras 3.15.1: `keras/src/utils/tracking.py` (`Tracker.add_to_store`), `keras/src/layers/layer.py`
      (`Layer.__setattr__`, `Layer.__delattr__`).
    - [keras #23124](https://github.com/keras-team/keras/pull/23124): a proposal that Keras forget what is
      replaced.
    """

    code = "KS116"
    name = "replaced-layer-left-behind"
    severity = {3: "information"}  # noqa: RUF012
    summary = "A layer or weight was replaced on its attribute, but Keras 3 keeps the old one."

    reporting = (
        Example(
            "a weight, made twice",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = self.add_weight(name="scale", shape=(4,), initializer="ones")
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones")  # <- KS116

    def call(self, x):
        return x * self.scale
""",
            (3,),
            symptom="no-gradient",
        ),
        Example(
            "a subclass replaces what its base has built",
            """\
import keras


class Base(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.projection = keras.layers.Dense(units)
        self.projection.build((None, 4))

    def call(self, x):
        return self.projection(x)


class Example(Base):
    def __init__(self):
        super().__init__()
        self.projection = keras.layers.Dense(4, use_bias=False)  # <- KS116
""",
            (3,),
            symptom="no-gradient",
        ),
        Example(
            "a layer that is overwritten before it is built",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4, activation="gelu"):
        super().__init__()
        self.dense = keras.layers.Dense(units)
        self.dense = keras.layers.Dense(units, activation=activation)  # <- KS116

    def call(self, x):
        return self.dense(x)
""",
            (3,),
            symptom="unbuilt",
        ),
        Example(
            "a helper that is deleted",
            """\
import keras
import numpy as np


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.probe = keras.layers.Dense(4)
        self.width = self.probe(np.zeros((1, 4), "float32")).shape[-1]
        del self.probe  # <- KS116
        self.dense = keras.layers.Dense(self.width)

    def call(self, x):
        return self.dense(x)
""",
            (3,),
            symptom="no-gradient",
        ),
        Example(
            "a weight that is deleted, before Keras 3.5",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.draft = self.add_weight(name="draft", shape=(4,), initializer="ones")
        del self.draft  # <- KS116
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones")

    def call(self, x):
        return x * self.scale
""",
            (3,),
            symptom="no-gradient",
            before=(3, 5),
        ),
    )
    silent = (
        Example(
            "wrapped by what replaces it",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.dense = keras.layers.SpectralNormalization(self.dense)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "still held by another attribute",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = []
        for _ in range(2):
            self.last = keras.layers.Dense(4)
            self.blocks.append(self.last)

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "a subclass replaces a sublayer, and build() builds it",
            """\
import keras


class Base(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        return self.dense(x)


class Example(Base):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4, use_bias=False)
""",
            symptom={3: "unbuilt"},
        ),
        Example(
            "overwritten only if asked for",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, wide=False):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        if wide:
            self.dense = keras.layers.Dense(8)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "None first, and a layer without weights",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = None
        self.dense = keras.layers.Dense(4)
        self.activation = keras.layers.ReLU()
        self.activation = keras.layers.Activation("gelu")

    def call(self, x):
        return self.activation(self.dense(x))
""",
            since=(3, 6),
        ),
        Example(
            "a weight that is deleted",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.draft = self.add_weight(name="draft", shape=(4,), initializer="ones")
        del self.draft
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones")

    def call(self, x):
        return x * self.scale
""",
            since=(3, 5),
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        if not run.complete:
            return
        held: dict[int, None] | None = None
        for lost in _replaced(run):
            if held is None:
                held = {id(reach.value): None for reach in run.reaches()}
            site = in_own_file(run, lost.at.at)
            if site is None or id(lost.state) in held or not _is_left(run, lost):
                continue
            weight = isinstance(lost.state, Weight)
            built = weight or _is_built(run, lost.state)
            if not built and run.own_build() is not None:
                continue
            what = class_of(lost.state)
            done = "deleted" if isinstance(lost.at, AttributeDeleted) else "replaced"
            if weight:
                stays = "stays in `weights`, without a gradient"
            elif built:
                stays = "stays among the sublayers, and its weights in `weights`, without a gradient"
            else:
                stays = "stays among the sublayers, unbuilt: Keras warns of it at every build"
            yield Report(
                site,
                f"The {what} that `self.{lost.at.name}` held is {done}, but Keras 3 doesn't forget it: it "
                f"{stays}. Make only the one that is used.",
                (Related(lost.state.site, f"the {what} is made here"),),
            )


@dataclass(frozen=True)
class _Lost:
    """What an attribute held, and what overwrote or deleted it."""

    state: State
    at: AttributeWrite | AttributeDeleted


def _replaced(run: LayerRun) -> Iterator[_Lost]:
    """The layers and weights that an attribute surely held, and surely holds no more."""
    now: dict[str, AttributeWrite] = {}
    for event in run.events:
        if not isinstance(event, AttributeWrite | AttributeDeleted) or event.owner is not run.layer:
            continue
        if event.name is None or event.at.phase not in ("init", "build"):
            continue
        before = now.pop(event.name, None)
        if before is not None and not event.at.conditional and not before.at.conditional:
            for state in states(before.stored):
                deleted = isinstance(event, AttributeDeleted)
                forgotten = deleted and isinstance(state, Weight) and not run.before(3, 5)
                if not forgotten and _is_certain(before.stored, state):
                    yield _Lost(state, event)
        if isinstance(event, AttributeWrite) and event.via in ("plain", "setattr"):
            now[event.name] = event


def _is_certain(stored: Value, state: State) -> bool:
    """Whether the attribute held just this, or a container with it, and not one of several."""
    return len(options(stored)) == 1 and not state.conditional


def _is_left(run: LayerRun, lost: _Lost) -> bool:
    """Whether Keras still knows what was replaced, and nothing else has a use for it."""
    state = lost.state
    if run.tracked(state) != "yes" or run.used(state) != "no" or run.escaped(state):
        return False
    if isinstance(state, Layer) and (state.open or run.weights_of(state).has != "yes"):
        return False
    if isinstance(state, Weight) and (state.kind == "tf variable" or state.trainable is not True):
        return False
    new = lost.at.stored if isinstance(lost.at, AttributeWrite) else None
    for option in options(new) if new is not None else ():
        if isinstance(option, Layer) and (option.open or run.holds(option, state)):
            return False
        if isinstance(option, Tensor) and (state in option.weights or state in option.layers):
            return False
    return True


def _is_built(run: LayerRun, layer: State) -> bool:
    """Whether a layer was built or called before the end of `build`, or has its weights from the start."""
    if isinstance(layer, Layer) and (layer.knows_input or (layer.library and layer.library.builds_in_init)):
        return True
    return any(
        isinstance(event, LayerBuilt | LayerCalled) and event.layer is layer
        for event in run.all_events
        if event.at.phase in ("init", "build")
    )
