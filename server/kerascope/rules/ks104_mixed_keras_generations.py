"""KS104: a layer of tf_keras inside one of Keras 3, or the reverse."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Literal

from kerascope.project.meaning import ClassDefinition, Library
from kerascope.rules.places import in_own_file
from kerascope.rules.rule import Example, Related, Report, Rule
from kerascope.source.document import Site
from kerascope.tracking.events import AttributeWrite, ContainerWrite, Context, Created
from kerascope.tracking.run import LayerRun, ScriptRun
from kerascope.tracking.values import Choice, Container, Layer, Plain, Value, options

_HUB = "tensorflow_hub.KerasLayer"

Family = Literal["Keras 3", "tf_keras"]


class MixedKerasGenerations(Rule):
    """
    ## What it does
    Reports a layer of `tf_keras` (Keras 2), or a `hub.KerasLayer`, that a layer or model of Keras 3 holds,
    and a layer of Keras 3 that one of `tf_keras` holds.

    ## Why it matters
    They are two libraries whose classes have the same names. A layer of the one is any object to the other:
    calling it works with eager tensors, and that is all. `hub.KerasLayer` is a layer of `tf_keras` where
    TensorFlow has Keras 3. Measured with Keras 3.15 and tf_keras 2.21:

    | outer | inner | what comes of it |
    | --- | --- | --- |
    | Keras 3 Layer or Model | tf_keras Dense | 0 of 2 weights, `fit` changes nothing, nothing is saved |
    | tf_keras Layer | Keras 3 Dense | 0 of 2 weights |
    | tf_keras Model | Keras 3 Dense | 2 trainable weights are listed, and `fit` raises AttributeError |
    | `keras.Sequential`, `TimeDistributed`, `Bidirectional` | tf_keras layer | ValueError |
    | `tf_keras.Sequential` | Keras 3 layer | TypeError |

    With Keras 2 alone (TensorFlow up to 2.15), `keras`, `tf.keras` and TensorFlow Hub are one Keras.

    ## Example
    ```python
    import keras
    import tf_keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = tf_keras.layers.Dense(4)
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)
    ```
    or `tf_keras` throughout, which TensorFlow Hub needs: its layer works in a `tf_keras` model.

    ## When it is silent
    Where both come from one Keras: `tf.keras` and `keras` under Keras 3, `tf.keras` and `tf_keras` under
    Keras 2; where the layer isn't kept by another one, but converted or compared, say.

    ## Fix
    None: which of the two is meant is yours to say.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer._initialize_tracker`: what is tracked),
      `keras/src/models/sequential.py` (`Sequential.add`).
    - tf_keras 2.21.0: `tf_keras/src/engine/base_layer.py` (`Layer.__setattr__`),
      `tf_keras/src/engine/sequential.py` (`Sequential.add`).
    - [tensorflow #65419](https://github.com/tensorflow/tensorflow/issues/65419): a `hub.KerasLayer` in a
      `tf.keras.Sequential` raises.
    """

    code = "KS104"
    name = "mixed-keras-generations"
    severity = {2: "error", 3: "error"}  # noqa: RUF012
    summary = "A layer of tf_keras inside a layer of Keras 3, or the reverse."

    reporting = (
        Example(
            "a tf_keras layer in a Keras 3 layer",
            """\
import keras
import tf_keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = tf_keras.layers.Dense(4)  # <- KS104

    def call(self, x):
        return self.dense(x)
""",
            generations=(3,),
            symptom="untracked",
        ),
        Example(
            "a list of them, made by a factory",
            """\
import keras
from tf_keras.layers import Dense


def make_blocks(depth):
    return [Dense(4, activation="relu") for _ in range(depth)]


class Example(keras.Model):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = make_blocks(depth)  # <- KS104
        self.head = keras.layers.Dense(1)

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x)
""",
            generations=(3,),
            symptom="untracked",
        ),
        Example(
            "a Keras 3 layer in a tf_keras layer",
            """\
import keras
import tf_keras


class Example(tf_keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.norm = tf_keras.layers.LayerNormalization()
        self.dense = keras.layers.Dense(4)  # <- KS104

    def call(self, x):
        return self.dense(self.norm(x))
""",
            generations=(3,),
            symptom="untracked",
        ),
        Example(
            "in a Sequential, which raises",
            """\
import keras
import tf_keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.body = keras.Sequential([keras.layers.Dense(4), tf_keras.layers.Dense(4)])  # <- KS104

    def call(self, x):
        return self.body(x)
""",
            generations=(3,),
            symptom="raises",
        ),
        Example(
            "a class of the user's own, of the other library",
            """\
import tensorflow as tf
import tf_keras


class Gate(tf_keras.layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.gain


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = tf.keras.layers.Dense(4)
        self.gates = {"first": Gate()}  # <- KS104

    def call(self, x):
        return self.gates["first"](self.dense(x))
""",
            generations=(3,),
            symptom="untracked",
        ),
    )

    silent = (
        Example(
            "tf.keras and keras, one Keras 3",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.first = tf.keras.layers.Dense(4)
        self.second = keras.layers.Dense(4)

    def call(self, x):
        return self.second(self.first(x))
""",
            generations=(3,),
        ),
        Example(
            "tf_keras throughout",
            """\
import tf_keras
from tf_keras import layers


class Example(tf_keras.Model):
    def __init__(self):
        super().__init__()
        self.body = tf_keras.Sequential([layers.Dense(4), layers.Dense(4)])

    def call(self, x):
        return self.body(x)
""",
        ),
        Example(
            "tf_keras for its configuration alone",
            """\
import keras
import tf_keras


def converted(layer):
    return keras.layers.Dense(layer.units, activation="relu")


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        old = tf_keras.layers.Dense(4)
        self.dense = converted(old)

    def call(self, x):
        return self.dense(x)
""",
            generations=(3,),
        ),
        Example(
            "an optimizer and an initializer of the other",
            """\
import keras
import tf_keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.schedule = tf_keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
""",
            generations=(3,),
        ),
        Example(
            "whichever is handed in",
            """\
import keras


def make(keras):
    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(4)

        def call(self, x):
            return self.dense(x)

    return Example()


def old():
    import tf_keras

    return make(tf_keras)
""",
            make="make(keras)",
        ),
        Example(
            "one for each version, by a condition",
            """\
try:
    import tf_keras as keras
except ImportError:
    from tensorflow import keras


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
        own = None if _base_is_handed_in(run.definition) else _family_of_class(run, run.mro())
        seen: set[int] = set()
        put_in: set[int] = set()
        writes: list[ContainerWrite | AttributeWrite] = [*run.events_of(ContainerWrite)]
        writes += run.events_of(AttributeWrite)
        for write in writes if own is not None else ():
            if isinstance(write, ContainerWrite):
                values = [*write.values]
            elif write.owner is run.layer and write.via in ("plain", "setattr"):
                values = [write.stored]
            else:
                continue
            assert own is not None
            foreign = _foreign(run, own, values)
            site = in_own_file(run, write.at) if foreign is not None else None
            if foreign is None or site is None or id(site.node) in seen or id(foreign) in put_in:
                continue
            if isinstance(write, ContainerWrite):
                if not isinstance(write.through, ast.Attribute) or not _is_own(run, write.container):
                    continue
                attribute = ast.unparse(write.through)
            else:
                attribute = f"self.{write.name}"
            put_in.add(id(foreign))
            seen.add(id(site.node))
            yield _in_an_attribute(run, own, site, attribute, foreign)
        yield from _in_library_layers(run, seen)

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        yield from _in_library_layers(run, set())


def _base_is_handed_in(cls: ClassDefinition) -> bool:
    """Whether a base is named by a parameter: `def make(keras): class Block(keras.Model): ...`."""
    roots = {name.id for base in cls.node.bases for name in ast.walk(base) if isinstance(name, ast.Name)}
    return any(
        not roots.isdisjoint(
            argument.arg for argument in ast.walk(outer.args) if isinstance(argument, ast.arg)
        )
        for top in cls.statement.nodes
        if top is not cls.node
        for outer in ast.walk(top)
        if isinstance(outer, ast.FunctionDef) and any(inner is cls.node for inner in ast.walk(outer))
    )


def _family_of_class(
    run: LayerRun | ScriptRun, resolution: tuple[ClassDefinition | Library, ...]
) -> Family | None:
    """Which library a class comes from; None where that depends on what is installed."""
    for cls in resolution:
        if isinstance(cls, Library) and cls.name.startswith("keras."):
            if cls.origin == "tf_keras":
                return "tf_keras"
            # Whoever checks for Keras 2 has one Keras under both names, unless the file names tf_keras.
            return "Keras 3" if run.generation == 3 or cls.origin == "keras" else None
    return None


def _family(run: LayerRun | ScriptRun, value: Value) -> Family | None:
    if isinstance(value, Plain):
        return "tf_keras" if value.library == _HUB and run.generation == 3 else None
    if not isinstance(value, Layer):
        return None
    if isinstance(value.cls, Library):
        return _family_of_class(run, (value.cls,))
    if isinstance(run, LayerRun) and value is run.layer:
        return _family_of_class(run, run.mro())
    facts = run.facts_of(value)
    return _family_of_class(run, facts.resolution) if facts is not None and facts.known else None


def _foreign(run: LayerRun | ScriptRun, own: Family, values: Iterable[Value]) -> Layer | Plain | None:
    """A layer of the other library, among values or in their containers."""
    waiting = list(values)
    seen: set[int] = set()
    while waiting:
        part = waiting.pop(0)
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, Choice):
            families = {_family(run, option) for option in part.options}
            waiting.extend(part.options if own not in families else ())
        elif isinstance(part, Container):
            waiting.extend(item.value for item in part.items)
        elif isinstance(part, Layer | Plain) and _family(run, part) not in (None, own):
            return part
    return None


def _is_own(run: LayerRun, container: Container) -> bool:
    """Whether an attribute of the layer holds the container."""
    return any(
        option is container or (isinstance(option, Container) and option.copy_of is container)
        for value in run.layer.attributes.values()
        for option in options(value)
    )


def _name(value: Layer | Plain) -> str:
    return "hub.KerasLayer" if isinstance(value, Plain) else value.class_name


def _in_an_attribute(
    run: LayerRun, own: Family, site: Site, attribute: str, foreign: Layer | Plain
) -> Report:
    other = "tf_keras" if own == "Keras 3" else "Keras 3"
    loss = "`fit` raises" if own == "tf_keras" and run.is_model() else "its weights won't be trained or saved"
    return Report(
        site,
        f"The {_name(foreign)} in `{attribute}` is a layer of {other}, and `{run.definition.name}` one of "
        f"{own}, which doesn't know it: {loss}. Take both from the same Keras.",
        (Related(foreign.site, f"the layer of {other} is made here"),),
    )


def _in_library_layers(run: LayerRun | ScriptRun, seen: set[int]) -> Iterator[Report]:
    """Layers of the other library that a `Sequential` or wrapper is given."""
    given: list[tuple[Context, Layer, list[Value]]] = []
    for made in run.events_of(Created):
        layer = made.value
        if isinstance(layer, Layer) and isinstance(layer.cls, Library) and layer.library is not None:
            named = dict(zip(layer.library.init, layer.arguments, strict=False)) | layer.keywords
            names = (*layer.library.wraps, *(("layers",) if layer.class_name == "Sequential" else ()))
            given.append((made.at, layer, [named[name] for name in names if name in named]))
    for at, layer, values in given:
        own = _family(run, layer)
        site = in_own_file(run, at) if isinstance(run, LayerRun) else at.site
        if own is None or site is None or site.path != run.module.path or id(site.node) in seen:
            continue
        foreign = _foreign(run, own, values)
        if foreign is not None:
            seen.add(id(site.node))
            other = "tf_keras" if own == "Keras 3" else "Keras 3"
            error = "ValueError" if own == "Keras 3" or layer.class_name != "Sequential" else "TypeError"
            yield Report(
                site,
                f"This {layer.class_name} is of {own}, and the {_name(foreign)} in it a layer of {other}: "
                f"this raises {error}. Take both from the same Keras.",
                (Related(foreign.site, f"the layer of {other} is made here"),),
            )
