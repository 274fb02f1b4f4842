"""KS206: in Keras 2, a build() called by hand that doesn't say that the layer is built runs a second time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kerascope.project.meaning import Library
from kerascope.rules.hidden import states
from kerascope.rules.lazy_creation import append_to_build
from kerascope.rules.places import in_own_file
from kerascope.rules.rule import Example, Fix, MakeFix, Related, Report, Rule
from kerascope.source.document import Document, Site
from kerascope.tracking.events import (
    AddWeight,
    AttributeWrite,
    ContainerWrite,
    Created,
    LayerBuilt,
    LayerCalled,
    LayerMethod,
)
from kerascope.tracking.run import LayerRun, Method, ScriptRun
from kerascope.tracking.values import Layer, Weight

_GROWING = frozenset({"append", "extend", "insert", "add", "appendleft", "+="})
_TWICE = "and has its weights twice"
_LOST = "with new weights, and drops what was loaded"
_LOADING = frozenset({"set_weights", "load_weights"})
_BUILDS_ONCE = ("keras.layers.RNN", "keras.layers.Wrapper", "keras.Model")
"""Keras' own layers whose `build` leaves alone what is built."""


class BuiltTwice(Rule):
    """
    ## What it does
    Reports a `build()` that is called by hand, `self.block.build(shape)`, on a layer whose class never says
    that it is built: its `build()` neither sets `self.built = True` nor calls `super().build()`.

    ## Why it matters
    Keras 2 builds a layer at its first call unless `built` is set, and only `Layer.build` and the first call
    set it. So the first call runs such a `build()` again. The weights that the first one made are dropped,
    with all that was loaded into them; what the `build()` appends to a list is there twice. Nothing fails.
    Measured on Keras 2.15 and tf_keras 2.21:

    | | Keras 2.15, tf_keras 2.21 | Keras 3.15 |
    | --- | --- | --- |
    | `layer.built` after `layer.build(shape)` | False | True |
    | `build`, `set_weights`, first call: values kept | no | yes |
    | weights in a list that `build` appends to, after the first call | 2 in place of 1 | 1 |
    | sublayers that `build` appends and builds | 2 in place of 1 | 1 |

    ## Example
    ```python
    import keras


    class Scale(keras.layers.Layer):
        def build(self, input_shape):
            self.gain = self.add_weight(name="gain", shape=(input_shape[-1],), initializer="ones")

        def call(self, x):
            return x * self.gain


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.scale = Scale()

        def build(self, input_shape):
            self.scale.build(input_shape)
            self.built = True

        def call(self, x):
            return self.scale(x)
    ```

    ## Instead
    ```python
    import keras


    class Scale(keras.layers.Layer):
        def build(self, input_shape):
            self.gain = self.add_weight(name="gain", shape=(input_shape[-1],), initializer="ones")
            self.built = True

        def call(self, x):
            return x * self.gain


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.scale = Scale()

        def build(self, input_shape):
            self.scale.build(input_shape)
            self.built = True

        def call(self, x):
            return self.scale(x)
    ```

    ## When it is silent
    In Keras 3, which sets `built` itself after every `build()`; when the caller sets the flag
    (`self.scale.built = True`); when the layer is never called afterwards; when a second `build()` does no
    harm, since it makes nothing, or asks first whether it is there; when something that can't be known
    decides whether the `build()` runs. In code outside layers, where nothing is there twice, only a
    `set_weights` or `load_weights` between `build()` and the first call is reported.

    ## Fix
    Ends the `build()` with `self.built = True`. Safe; offered where the class is in the same file.

    ## References
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer._maybe_build`, `Layer.build`).
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.__new__`, `build_wrapper`).
    - [keras #4315](https://github.com/keras-team/keras/pull/4315): odd errors from a layer that was built
      twice.
    """

    code = "KS206"
    name = "built-twice"
    severity = {2: "warning"}  # noqa: RUF012
    summary = "A `build()` called by hand doesn't set `built`, so the first call builds the layer again."

    reporting = (
        Example(
            "a sublayer built by hand",
            """\
import keras


class Scale(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.gain


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = Scale()

    def build(self, input_shape):
        self.scale.build(input_shape)  # <- KS206
        self.built = True

    def call(self, x):
        return self.scale(x)
""",
            (2,),
            symptom="values-lost",
            fixed="""\
import keras


class Scale(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],), initializer="ones")
        self.built = True

    def call(self, x):
        return x * self.gain


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = Scale()

    def build(self, input_shape):
        self.scale.build(input_shape)  # <- KS206
        self.built = True

    def call(self, x):
        return self.scale(x)
""",
        ),
        Example(
            "a build() that appends its weights to a list",
            """\
import keras


class LowRank(keras.layers.Layer):
    def __init__(self, rank=2):
        super().__init__()
        self.rank = rank
        self.factors = []

    def build(self, input_shape):
        width = input_shape[-1]
        for shape in ((width, self.rank), (self.rank, width)):
            self.factors.append(self.add_weight(name="factor", shape=shape))

    def call(self, x):
        return x @ self.factors[0] @ self.factors[1]


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm = keras.layers.LayerNormalization()
        self.adapter = LowRank()

    def build(self, input_shape):
        self.norm.build(input_shape)
        self.adapter.build(input_shape)  # <- KS206
        super().build(input_shape)

    def call(self, x):
        return x + self.adapter(self.norm(x))
""",
            (2,),
            symptom="duplicated",
            fixed="""\
import keras


class LowRank(keras.layers.Layer):
    def __init__(self, rank=2):
        super().__init__()
        self.rank = rank
        self.factors = []

    def build(self, input_shape):
        width = input_shape[-1]
        for shape in ((width, self.rank), (self.rank, width)):
            self.factors.append(self.add_weight(name="factor", shape=shape))
        self.built = True

    def call(self, x):
        return x @ self.factors[0] @ self.factors[1]


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm = keras.layers.LayerNormalization()
        self.adapter = LowRank()

    def build(self, input_shape):
        self.norm.build(input_shape)
        self.adapter.build(input_shape)  # <- KS206
        super().build(input_shape)

    def call(self, x):
        return x + self.adapter(self.norm(x))
""",
        ),
        Example(
            "blocks in a loop, whose build() builds their own sublayers",
            """\
import keras


class Block(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.hidden = keras.layers.Dense(units, activation="relu")
        self.out = keras.layers.Dense(4)

    def build(self, input_shape):
        self.hidden.build(input_shape)
        self.out.build(self.hidden.compute_output_shape(input_shape))

    def call(self, x):
        return x + self.out(self.hidden(x))


class Example(keras.Model):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = [Block(8) for _ in range(depth)]

    def build(self, input_shape):
        for block in self.blocks:
            block.build(input_shape)  # <- KS206
        self.built = True

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            (2,),
            symptom="values-lost",
            fixed="""\
import keras


class Block(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.hidden = keras.layers.Dense(units, activation="relu")
        self.out = keras.layers.Dense(4)

    def build(self, input_shape):
        self.hidden.build(input_shape)
        self.out.build(self.hidden.compute_output_shape(input_shape))
        self.built = True

    def call(self, x):
        return x + self.out(self.hidden(x))


class Example(keras.Model):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = [Block(8) for _ in range(depth)]

    def build(self, input_shape):
        for block in self.blocks:
            block.build(input_shape)  # <- KS206
        self.built = True

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "a layer that builds itself in its constructor",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, width=4):
        super().__init__()
        self.build((None, width))  # <- KS206

    def build(self, input_shape):
        self.center = self.add_weight(name="center", shape=(input_shape[-1],))

    def call(self, x):
        return x - self.center
""",
            (2,),
            symptom="values-lost",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, width=4):
        super().__init__()
        self.build((None, width))  # <- KS206

    def build(self, input_shape):
        self.center = self.add_weight(name="center", shape=(input_shape[-1],))
        self.built = True

    def call(self, x):
        return x - self.center
""",
        ),
    )
    silent = (
        Example(
            "build() ends with self.built = True",
            """\
import keras


class Scale(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],))
        self.built = True

    def call(self, x):
        return x * self.gain


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = Scale()

    def build(self, input_shape):
        self.scale.build(input_shape)
        self.built = True

    def call(self, x):
        return self.scale(x)
""",
            (2,),
        ),
        Example(
            "build() calls super().build(), through a base class",
            """\
import keras


class Base(keras.layers.Layer):
    def build(self, input_shape):
        self.width = input_shape[-1]
        super().build(input_shape)


class Scale(Base):
    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],))
        super().build(input_shape)

    def call(self, x):
        return x * self.gain


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = Scale()

    def build(self, input_shape):
        self.scale.build(input_shape)
        super().build(input_shape)

    def call(self, x):
        return self.scale(x)
""",
            (2,),
        ),
        Example(
            "the caller marks it as built",
            """\
import keras


class Scale(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],))

    def call(self, x):
        return x * self.gain


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = Scale()

    def build(self, input_shape):
        if not self.scale.built:
            self.scale.build(input_shape)
            self.scale.built = True
        self.built = True

    def call(self, x):
        return self.scale(x)
""",
            (2,),
        ),
        Example(
            "left to the first call",
            """\
import keras


class Scale(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],))

    def call(self, x):
        return x * self.gain


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.scale = Scale()

    def call(self, x):
        return self.scale(x)
""",
            (2,),
        ),
        Example(
            "a second build() makes nothing",
            """\
import keras


class Scale(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = None

    def build(self, input_shape):
        if self.gain is None:
            self.gain = self.add_weight(name="gain", shape=(input_shape[-1],))

    def call(self, x):
        return x * self.gain


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = Scale()

    def build(self, input_shape):
        self.scale.build(input_shape)
        self.built = True

    def call(self, x):
        return self.scale(x)
""",
            (2,),
        ),
        Example(
            "only its methods are used afterwards",
            """\
import keras


class Table(keras.layers.Layer):
    def build(self, input_shape):
        self.rows = self.add_weight(name="rows", shape=(3, input_shape[-1]))

    def mean(self):
        return keras.backend.mean(self.rows, axis=0)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.table = Table()

    def build(self, input_shape):
        self.table.build(input_shape)
        self.built = True

    def call(self, x):
        return x * self.table.mean()
""",
            (2,),
        ),
        Example(
            "Keras 3 marks it as built itself",
            """\
import keras


class Scale(keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],))

    def call(self, x):
        return x * self.gain


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = Scale()

    def build(self, input_shape):
        self.scale.build(input_shape)

    def call(self, x):
        return self.scale(x)
""",
            (3,),
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        reported: set[int] = set()
        for event in run.events_of(LayerBuilt):
            child = run.run_of(event.layer)
            build = child.own_build() if child is not None else None
            if child is None or build is None or event.by_super or event.at.phase not in ("init", "build"):
                continue
            if child is run and (event.at.phase != "init" or event.at.method == "build"):
                continue
            if id(child.definition.node) in reported or _undecided(event) or _is_marked(run, event.layer):
                continue
            site = in_own_file(run, event.at)
            if site is None or (child is not run and not _is_called(run, event.layer)):
                continue
            if harm := _harm(child):
                reported.add(id(child.definition.node))
                yield _report(site, event, child, build, harm)

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        waiting: dict[int, LayerBuilt] = {}
        loaded: set[int] = set()
        for event in run.events:
            if event.at.subject is not None:
                continue
            if isinstance(event, LayerBuilt):
                if not event.by_super and not _undecided(event):
                    waiting.setdefault(id(event.layer), event)
            elif isinstance(event, LayerMethod):
                if event.name in _LOADING and id(event.layer) in waiting:
                    loaded.add(id(event.layer))
            elif isinstance(event, AttributeWrite):
                if event.name == "built":
                    waiting.pop(id(event.owner), None)
            elif isinstance(event, LayerCalled) and event.method == "__call__":
                built = waiting.pop(id(event.layer), None)
                child = run.run_of(event.layer) if built is not None else None
                build = child.own_build() if child is not None else None
                if built is None or child is None or build is None or built.at.site.path != run.module.path:
                    continue
                harm = _harm(child)
                if harm == _TWICE or (harm and id(event.layer) in loaded):
                    yield _report(built.at.site, built, child, build, harm)


def _undecided(event: LayerBuilt) -> bool:
    """Whether it isn't known that the `build` runs; `if not layer.built:` is no such question."""
    asked = _questions(event)
    return event.at.conditional and bool(asked) and not re.search(r"\bbuilt\b", ast.unparse(asked[-1]))


def _questions(event: LayerBuilt) -> list[ast.expr]:
    """The conditions under which the `build` runs. Which of several layers it is, in a loop, is none."""
    return [guard for guard in event.at.guards if guard is not event.call.func]


def _is_marked(run: LayerRun, layer: Layer) -> bool:
    """Whether somebody else says that the layer is built."""
    return any(
        isinstance(event, AttributeWrite) and event.owner is layer and event.name in ("built", "_built", None)
        for event in run.all_events
    )


def _is_called(run: LayerRun, layer: Layer) -> bool:
    return any(
        isinstance(event, LayerCalled)
        and event.layer is layer
        and event.at.phase == "call"
        and event.method == "__call__"
        for event in run.all_events
    )


def _harm(child: LayerRun) -> str | None:
    """What a second `build` of this class does to the weights of the first; None if it isn't sure."""
    if not child.complete or child.escaped(child.layer):
        return None
    lost = False
    for event in child.events:
        if event.at.phase != "build":
            continue
        if isinstance(event, AttributeWrite) and event.owner is child.layer:
            if event.name in ("built", "_built", None):
                return None
        elif isinstance(event, LayerBuilt) and event.layer is child.layer and event.by_super:
            return None
    for event in child.events:
        guards = _questions(event) if isinstance(event, LayerBuilt) else event.at.guards
        if event.at.phase != "build" or guards:
            continue
        if isinstance(event, ContainerWrite):
            kept = any(
                isinstance(made, Created) and made.value is event.container and made.at.phase == "init"
                for made in child.events
            )
            if (
                kept
                and event.operation in _GROWING
                and any(states(value) for value in event.values)
                and _is_held(child, event)
            ):
                return _TWICE
        elif (
            isinstance(event, AddWeight)
            or (isinstance(event, Created) and isinstance(event.value, Weight))
            or (isinstance(event, LayerBuilt) and _makes_anew(child, event.layer))
        ):
            lost = True
    return _LOST if lost else None


def _is_held(child: LayerRun, event: ContainerWrite) -> bool:
    """Whether the layer keeps the container, and Keras follows it."""
    return any(child.tracked(state) == "yes" for value in event.values for state in states(value))


def _makes_anew(run: LayerRun, layer: Layer) -> bool:
    """Whether each `layer.build()` makes new weights."""
    if isinstance(layer.cls, Library):
        library = layer.library
        return (
            library is not None
            and library.has_weights == "yes"
            and library.own_build
            and not any(library.is_a(name) for name in _BUILDS_ONCE)
        )
    own = run.run_of(layer)
    return own is not None and own is not run and own.weights_of(own.layer).has == "yes"


def _report(site: Site, event: LayerBuilt, child: LayerRun, build: Method, harm: str) -> Report:
    named = build.owner.name
    called = ast.unparse(event.call.func)
    return Report(
        site,
        f"`{called}()` leaves {child.definition.name} marked as unbuilt: in Keras 2 the first call builds it "
        f"again, {harm}. End {named}.build() with `self.built = True`.",
        (Related(build.site, f"{named}.build() doesn't set `built`"),),
        _mark(build) if build.owner.module.path == site.path else None,
    )


def _mark(build: Method) -> MakeFix:
    def make(document: Document) -> Fix | None:
        last = build.node.body[-1]
        if isinstance(last, ast.Raise) or any(
            isinstance(node, ast.Return) and node is not last for node in ast.walk(build.node)
        ):
            return None
        edits = append_to_build(document, build, ["self.built = True"])
        return Fix(f"Set `self.built = True` in {build.owner.name}.build()", True, edits) if edits else None

    return make
