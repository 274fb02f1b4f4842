"""KS114: a Sequential knows only the layers that were added to it, not those on its attributes; so does a
functional model before Keras 3.15, which knows those of its graph."""

from __future__ import annotations

from collections.abc import Iterator

from kerascope.rules.hidden import entrance, looked_after, makers, trains, weights_text
from kerascope.rules.places import in_own_file
from kerascope.rules.rule import Example, Report, Rule
from kerascope.tracking.events import LayerCalled
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Container, Layer, Unknown, options


class SequentialWithExtraLayer(Rule):
    """
    ## What it does
    Reports a layer that a subclass of `Sequential` keeps on an attribute and uses, but never adds to the
    stack. Before Keras 3.15 also one that a subclass keeps which gives `inputs` and `outputs` to
    `keras.Model`, if these outputs aren't computed by it.

    ## Why it matters
    A `Sequential` tells as its weights those of the layers that were given to its constructor or to `add`.
    A layer on an attribute is called, has weights, and is in no list: it isn't trained, and nothing warns.
    Measured on a `Sequential` of one `Dense` with a second `Dense` on an attribute, used by `call`: 2
    trainable weights in place of 4, in Keras 3.15, Keras 2.15 and tf_keras 2.21, whether the attribute is
    set before or after `add`, and with or without a `keras.Input`. With nothing added at all, Keras 3 raises
    at the first call, and Keras 2 has 0 weights.

    The same happens in Keras 3.4, 3.8 and 3.13 to a class that calls `super().__init__(inputs, outputs)`:
    with one `Dense` in the graph and a second on an attribute, used by `call`, `fit` trains 2 weights of 4,
    whether the attribute is set before or after. In Keras 3.15 and in Keras 2 it trains all 4.

    ## Example
    ```python
    class Example(keras.Sequential):
        def __init__(self):
            super().__init__([keras.layers.Dense(4, activation="relu")])
            self.head = keras.layers.Dense(2)

        def call(self, inputs, training=None, mask=None):
            return self.head(super().call(inputs))
    ```

    ## Instead
    ```python
    class Example(keras.Model):
        def __init__(self):
            super().__init__()
            self.body = keras.Sequential([keras.layers.Dense(4, activation="relu")])
            self.head = keras.layers.Dense(2)

        def call(self, inputs):
            return self.head(self.body(inputs))
    ```

    ## When it is silent
    When the layer is added too, or is part of a layer that is; when it is called while the functional model
    is made; when a file writes to `_layers`; when nothing uses it; for layers without weights; for weights
    made by `add_weight`, which are found (measured).

    ## Fix
    None: whether the layer belongs to the stack, or the class should be a `Model`, only its author knows.

    ## Versions
    Functional models only before Keras 3.15 (`keras-version` names the one that counts).

    ## References
    - Keras 3.15.1: `keras/src/models/sequential.py` (`Sequential.__init__` sets `_layers`).
    - Keras 3.14.1: `keras/src/models/functional.py` (`Functional.__init__` sets `_layers`; not in 3.15.1).
    - Keras 2.15.0: `keras/src/engine/sequential.py` (`Sequential.layers`, `Sequential.add`).
    """

    code = "KS114"
    name = "sequential-with-extra-layer"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "A `Sequential` subclass uses a layer on an attribute, which is not among its layers."

    reporting = (
        Example(
            "a head on an attribute",
            """\
import keras


class Example(keras.Sequential):
    def __init__(self):
        super().__init__([keras.layers.Dense(4, activation="relu")])
        self.head = keras.layers.Dense(2)  # <- KS114

    def call(self, inputs, training=None, mask=None):
        return self.head(super().call(inputs))
""",
            symptom="untracked",
        ),
        Example(
            "a shortcut around the stack",
            """\
import keras


class Example(keras.models.Sequential):
    def __init__(self, units=(8, 4)):
        super().__init__(name="example")
        self.shortcut = keras.layers.Dense(units[-1], use_bias=False)  # <- KS114
        for n in units:
            self.add(keras.layers.Dense(n, activation="relu"))

    def call(self, inputs, training=None, mask=None):
        x = inputs
        for layer in self.layers:
            x = layer(x)
        return x + self.shortcut(inputs)
""",
            symptom="untracked",
        ),
        Example(
            "a list of layers, in a subclass of a stack",
            """\
import keras


class Stack(keras.Sequential):
    def __init__(self, depth):
        super().__init__([keras.Input((4,))])
        for _ in range(depth):
            self.add(keras.layers.Dense(4, activation="relu"))


class Example(Stack):
    def __init__(self, depth=2):
        super().__init__(depth)
        self.heads = [keras.layers.Dense(1) for _ in range(3)]  # <- KS114

    def call(self, inputs, training=None, mask=None):
        x = super().call(inputs)
        return [head(x) for head in self.heads]
""",
            symptom="untracked",
        ),
        Example(
            "layers only on attributes",
            """\
import keras


class Example(keras.Sequential):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(8, activation="relu")  # <- KS114
        self.out = keras.layers.Dense(2)  # <- KS114

    def call(self, inputs, training=None, mask=None):
        return self.out(self.hidden(inputs))
""",
            symptom={2: "untracked", 3: "raises"},
        ),
        Example(
            "a head beside the graph, before Keras 3.15",
            """\
import keras


class Example(keras.Model):
    def __init__(self, units=8):
        inputs = keras.Input((4,))
        outputs = keras.layers.Dense(units, activation="relu")(inputs)
        super().__init__(inputs=inputs, outputs=outputs)
        self.head = keras.layers.Dense(2)  # <- KS114

    def call(self, inputs, training=None, mask=None):
        return self.head(super().call(inputs))
""",
            (3,),
            symptom="untracked",
            before=(3, 15),
        ),
        Example(
            "set before the constructor, before Keras 3.15",
            """\
import keras
from keras import layers


class Example(keras.Model):
    def __init__(self, depth=2):
        self.blocks = [layers.Dense(4) for _ in range(depth)]  # <- KS114
        pixels = keras.Input((4,), name="pixels")
        hidden = layers.LayerNormalization()(pixels)
        super().__init__([pixels], {"hidden": layers.Dense(4)(hidden)})

    def call(self, inputs, training=None, mask=None):
        x = super().call(inputs)["hidden"]
        for block in self.blocks:
            x = x + block(x)
        return x
""",
            (3,),
            symptom="untracked",
            before=(3, 15),
        ),
    )

    silent = (
        Example(
            "the layer is added, too",
            """\
import keras


class Example(keras.Sequential):
    def __init__(self):
        super().__init__([keras.layers.Dense(4, activation="relu")])
        self.head = keras.layers.Dense(2)
        self.add(self.head)

    def call(self, inputs, training=None, mask=None):
        x = inputs
        for layer in self.layers:
            x = self.head(x) if layer is self.head else layer(x)
        return x
""",
        ),
        Example(
            "an attribute for one of the layers",
            """\
import keras


class Example(keras.Sequential):
    def __init__(self):
        super().__init__([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(2)])
        self.head = self.layers[-1]

    def call(self, inputs, training=None, mask=None):
        x = inputs
        for layer in self.layers[:-1]:
            x = layer(x)
        return self.head(x)
""",
        ),
        Example(
            "part of a layer that is added",
            """\
import keras


class Residual(keras.layers.Layer):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def call(self, x):
        return x + self.inner(x)


class Example(keras.Sequential):
    def __init__(self):
        super().__init__()
        self.projection = keras.layers.Dense(4)
        self.add(Residual(self.projection))

    def call(self, inputs, training=None, mask=None):
        return self.projection(super().call(inputs))
""",
        ),
        Example(
            "a layer without weights",
            """\
import keras


class Example(keras.Sequential):
    def __init__(self):
        super().__init__([keras.layers.Dense(4)])
        self.activate = keras.layers.ReLU()

    def call(self, inputs, training=None, mask=None):
        return self.activate(super().call(inputs))
""",
        ),
        Example(
            "a weight of its own",
            """\
import keras


class Example(keras.Sequential):
    def __init__(self):
        super().__init__([keras.layers.Dense(4)])
        self.temperature = self.add_weight(shape=(), initializer="ones", name="temperature")

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs) / self.temperature
""",
        ),
        Example(
            "a Model that holds a Sequential",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.body = keras.Sequential([keras.layers.Dense(4, activation="relu")])
        self.head = keras.layers.Dense(2)

    def call(self, inputs):
        return self.head(self.body(inputs))
""",
        ),
        Example(
            "a layer of the graph that is called once more",
            """\
import keras


class Example(keras.Model):
    def __init__(self, passes=2):
        inputs = keras.Input((4,))
        self.body = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(4)])
        super().__init__(inputs, self.body(inputs))
        self.last = self.body.layers[-1]
        self.passes = passes

    def call(self, inputs, training=None, mask=None):
        x = super().call(inputs)
        for _ in range(self.passes):
            x = self.last(self.body(x))
        return x
""",
            (3,),
            before=(3, 15),
        ),
        Example(
            "put into the list of layers by hand",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        inputs = keras.Input((4,))
        super().__init__(inputs, keras.layers.Dense(8)(inputs))
        self.head = keras.layers.Dense(2)
        self._layers.append(self.head)

    def call(self, inputs, training=None, mask=None):
        return self.head(super().call(inputs))
""",
            (3,),
            before=(3, 15),
        ),
        Example(
            "a head beside the graph, since Keras 3.15",
            """\
import keras


class Example(keras.Model):
    def __init__(self, units=8):
        inputs = keras.Input((4,))
        super().__init__(inputs, keras.layers.Dense(units)(inputs))
        self.head = keras.layers.Dense(2)

    def call(self, inputs, training=None, mask=None):
        return self.head(super().call(inputs))
""",
            since=(3, 15),
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        library = run.layer.library
        if library is None or not run.complete:
            return
        if library.is_a("keras.Sequential"):
            added = [layer for layer in _added(run) if isinstance(layer, Layer)]
            problem = (
                "is not among the layers of this Sequential, which knows only those that are added",
                "Add it, or derive from `keras.Model`",
            )
        elif run.generation == 3 and run.before(3, 15) and _is_functional(run):
            added = [
                event.layer
                for event in run.all_events
                if isinstance(event, LayerCalled) and event.at.phase != "call"
            ]
            problem = (
                "is not among the layers of this functional model, which before Keras 3.15 knows only those "
                "that compute its outputs",
                "Keep the functional model on an attribute of a `keras.Model`",
            )
        else:
            return
        seen: set[int] = set()
        for reach in run.sublayers():
            layer = reach.value
            if not isinstance(layer, Layer) or any(run.holds(outer, layer) for outer in added):
                continue
            if run.used(layer) != "yes" or run.escaped(layer) or looked_after(run, layer):
                continue
            write = entrance(run, reach.steps, len(reach.steps) - 1)
            site = in_own_file(run, write.at) if write is not None else None
            if site is None or id(site.node) in seen or not trains(run, layer):
                continue
            seen.add(id(site.node))
            yield Report(
                site,
                f"`{reach.text}` {problem[0]}: the weights of the {layer.class_name}"
                f"{weights_text(run, [layer])} never train. {problem[1]}.",
                makers(run, [layer]),
            )


def _added(run: LayerRun) -> Iterator[object]:
    """The layers that were given to the constructor or to `add`."""
    for held in options(run.layer.attributes.get("layers", Unknown())):
        if isinstance(held, Container):
            for item in held.items:
                yield from options(item.value)


def _is_functional(run: LayerRun) -> bool:
    """Whether the class gives known inputs and outputs to the constructor of `keras.Model`."""
    model = run.layer
    assert model.library is not None
    return (
        model.library.is_a("keras.Model")
        and model.knows_input
        and not model.open
        and not run.escaped(model)
        and not run.mentions(r"\._layers\b")
    )
