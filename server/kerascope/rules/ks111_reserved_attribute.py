"""KS111: an attribute that Keras itself keeps on every layer is assigned."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from kerascope.project.catalogue import LibraryClass, Overwriting, catalogue
from kerascope.project.meaning import ClassDefinition
from kerascope.rules.ks112_private_weight_list import is_about_weights
from kerascope.rules.places import in_own_class, in_own_file, receiver
from kerascope.rules.rule import Example, Fix, MakeFix, Report, Rule, Severity
from kerascope.source.document import Document, Site
from kerascope.source.position import Edit, Position, Range
from kerascope.tracking.events import AttributeWrite, PrivateListWrite
from kerascope.tracking.run import LayerRun, ScriptRun
from kerascope.tracking.values import Constant, Container, Layer, Value, options


class ReservedAttribute(Rule):
    """
    ## What it does
    Reports an assignment to an attribute that Keras itself keeps on every Layer or Model, where that is
    known to do harm: a property without a setter (`metrics`, `losses`, `weights`, `output`, on a Model
    also `layers`), one of Keras' own lists (`_layers`, `_metrics`, `_tracker`), a method (`call`,
    `predict`) that a layer replaces.

    ## Why it matters
    A name that sounds free is not. Mostly an error says so, though not always which one; `_layers` is the
    bad case, since nothing does. Measured on a layer that has two more sublayers:

    | | Keras 3.15 | Keras 2.15 |
    | --- | --- | --- |
    | `self.metrics = [...]`, `self.losses`, `self.output` | AttributeError | AttributeError |
    | `self.layers = [...]` on a Model | AttributeError | AttributeError |
    | `self.layers = [...]` on a Layer | nothing: the name is free | nothing |
    | `self._layers = [Dense(4), Dense(4)]` | 4 of 8 weights, trained and saved | 8 of 8 |
    | `self._losses = [Dense(4), Dense(4)]` | emptied at every call | `fit` raises |
    | `self.path = [...]` | AttributeError | nothing |
    | `self.submodules = [...]`, `self.updates` | nothing | AttributeError |
    | `self.predict = Dense(4)` on a Model | `predict()` raises | the weights aren't tracked |

    So a program that works with one generation fails with the other. The list of names comes with
    Kerascope: every attribute of a bare layer and model was overwritten, under both generations, and the
    layer called, trained, saved and loaded.

    ## Example
    ```python
    class Example(keras.Model):
        def __init__(self, depth=2):
            super().__init__()
            self.layers = [keras.layers.Dense(4) for _ in range(depth)]
    ```

    ## Instead
    ```python
    class Example(keras.Model):
        def __init__(self, depth=2):
            super().__init__()
            self.own_layers = [keras.layers.Dense(4) for _ in range(depth)]
    ```

    ## When it is silent
    For a name that the class itself defines, by a property or a class attribute; for what Keras' own
    setters take (`trainable`, `input_spec`, `supports_masking`); for a method that a function replaces
    (`self.call = tf.function(self.call)`); for names whose overwriting did no harm; for the `_layers` of a
    Model that holds no other layers; in `try`, and where a
    condition asks `hasattr`, for a version, or whether the attribute is None, which it never is.

    ## Fix
    Renames the attribute in the whole class, `layers` to `own_layers`. Unsafe: other classes may use it.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer`: its properties; `Layer._initialize_tracker`),
      `keras/src/models/model.py` (`Model.layers`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__setattr__`: "Can't set the attribute"),
      `keras/src/engine/training.py` (`Model.layers`).
    - [keras #20260](https://github.com/keras-team/keras/issues/20260): layers in a list called
      `self._layers` aren't saved, and nothing says so.
    - [keras #22359](https://github.com/keras-team/keras/pull/22359): a proposal to warn of that.
    - [tensorflow #28108](https://github.com/tensorflow/tensorflow/issues/28108): `self.input_shape` on a
      Model.
    """

    code = "KS111"
    name = "reserved-attribute"
    severity = {2: "error", 3: "error"}  # noqa: RUF012
    summary = "An attribute that Keras itself keeps on every layer or model is overwritten."

    reporting = (
        Example(
            "layers of a Model",
            """\
import keras


class Example(keras.Model):
    def __init__(self, depth=2):
        super().__init__()
        self.layers = [keras.layers.Dense(4) for _ in range(depth)]  # <- KS111

    def call(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.Model):
    def __init__(self, depth=2):
        super().__init__()
        self.own_layers = [keras.layers.Dense(4) for _ in range(depth)]  # <- KS111

    def call(self, x):
        for layer in self.own_layers:
            x = layer(x)
        return x
""",
        ),
        Example(
            "_layers, in Keras 3",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.embed = keras.layers.Dense(4)
        self._layers = []  # <- KS111
        for _ in range(depth):
            self._layers.append(keras.layers.Dense(4))
        self.head = keras.layers.Dense(1)

    def call(self, x):
        x = self.embed(x)
        for layer in self._layers:
            x = layer(x)
        return self.head(x)
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.embed = keras.layers.Dense(4)
        self._own_layers = []  # <- KS111
        for _ in range(depth):
            self._own_layers.append(keras.layers.Dense(4))
        self.head = keras.layers.Dense(1)

    def call(self, x):
        x = self.embed(x)
        for layer in self._own_layers:
            x = layer(x)
        return self.head(x)
""",
        ),
        Example(
            "a list of all its sublayers in self._layers: trained, and not saved",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self._layers = [keras.layers.Dense(4, activation="relu"), keras.layers.Dense(4)]  # <- KS111

    def call(self, x):
        for layer in self._layers:
            x = layer(x)
        return x
""",
            generations=(3,),
            symptom="not-saved",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self._own_layers = [keras.layers.Dense(4, activation="relu"), keras.layers.Dense(4)]  # <- KS111

    def call(self, x):
        for layer in self._own_layers:
            x = layer(x)
        return x
""",
        ),
        Example(
            "_layers as a dict, in Keras 3",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, names=("query", "value")):
        super().__init__()
        self._layers = {}  # <- KS111
        for name in names:
            self._layers[name] = keras.layers.Dense(4)

    def call(self, x):
        return sum(layer(x) for layer in self._layers.values())
""",
            generations=(3,),
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, names=("query", "value")):
        super().__init__()
        self._own_layers = {}  # <- KS111
        for name in names:
            self._own_layers[name] = keras.layers.Dense(4)

    def call(self, x):
        return sum(layer(x) for layer in self._own_layers.values())
""",
        ),
        Example(
            "metrics and input_shape, whatever the value",
            """\
from tensorflow import keras


class Example(keras.layers.Layer):
    def __init__(self, metrics=("mse",)):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.metrics = metrics  # <- KS111

    def call(self, x):
        return self.dense(x)
""",
            symptom="raises",
            fixed="""\
from tensorflow import keras


class Example(keras.layers.Layer):
    def __init__(self, metrics=("mse",)):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.own_metrics = metrics  # <- KS111

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "the output layer",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(4)

    def build(self, input_shape):
        self.output = keras.layers.Dense(1)  # <- KS111
        self.hidden.build(input_shape)
        self.output.build((*input_shape[:-1], 4))
        self.built = True

    def call(self, x):
        return self.output(self.hidden(x))
""",
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.hidden = keras.layers.Dense(4)

    def build(self, input_shape):
        self.own_output = keras.layers.Dense(1)  # <- KS111
        self.hidden.build(input_shape)
        self.own_output.build((*input_shape[:-1], 4))
        self.built = True

    def call(self, x):
        return self.own_output(self.hidden(x))
""",
        ),
        Example(
            "in Keras 2, submodules",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.submodules = [keras.layers.Dense(4), keras.layers.Dense(4)]  # <- KS111

    def call(self, x):
        return self.submodules[1](self.submodules[0](x))
""",
            generations=(2,),
            symptom="raises",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.own_submodules = [keras.layers.Dense(4), keras.layers.Dense(4)]  # <- KS111

    def call(self, x):
        return self.own_submodules[1](self.own_submodules[0](x))
""",
        ),
        Example(
            "in Keras 2, a layer under the name of a method",
            """\
from tensorflow import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.encode = keras.layers.Dense(4)
        self.predict = keras.layers.Dense(1)  # <- KS111

    def call(self, x):
        return self.predict(self.encode(x))
""",
            generations=(2,),
            symptom="untracked",
            fixed="""\
from tensorflow import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.encode = keras.layers.Dense(4)
        self.own_predict = keras.layers.Dense(1)  # <- KS111

    def call(self, x):
        return self.own_predict(self.encode(x))
""",
        ),
        Example(
            "build set instead of built",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.gain = self.add_weight(shape=(4,), initializer="ones", name="gain")
        self.build = True  # <- KS111

    def call(self, x):
        return x * self.gain
""",
            symptom="raises",
        ),
    )

    silent = (
        Example(
            "a model whose sublayers are all in its self._layers",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self._layers = [keras.layers.Dense(4, activation="relu"), keras.layers.Dense(4)]

    def call(self, x):
        for layer in self._layers:
            x = layer(x)
        return x
""",
        ),
        Example(
            "only where it isn't there yet, which is never",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4, name=self.name + "_dense")

    def build(self, input_shape):
        self.dense.build(input_shape)
        if self.name is None:
            self.name = "example"
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "layers of a Layer",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.layers = [keras.layers.Dense(4) for _ in range(depth)]

    def call(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
""",
        ),
        Example(
            "what Keras lets one set",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.trainable = True
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.built = True

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a property of the class's own",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.metrics = [self.loss_tracker]

    @property
    def metrics(self):
        return self._kept

    @metrics.setter
    def metrics(self, found):
        self._kept = found

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a function in the place of a method",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, scale=2.0):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.compute_mask = lambda inputs, previous_mask=None: None
        self.scale = scale

    def call(self, x):
        return self.scale * self.dense(x)
""",
        ),
        Example(
            "a class that is no layer",
            """\
import keras


class Stack:
    def __init__(self, layers):
        self.layers = layers
        self.weights = []
        self.metrics = {}


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(4)
        self.stack = Stack([self.first])

    def call(self, x):
        return self.stack.layers[0](x)
""",
        ),
        Example(
            "names that only look reserved",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.inputs = keras.layers.Dense(4)
        self.outputs = [keras.layers.Dense(4)]
        self.kernel = None
        self.cell = keras.layers.Dense(4)
        self.loss = "mse"
        self._name = "example"

    def call(self, x):
        return self.cell(self.outputs[0](self.inputs(x)))
""",
        ),
        Example(
            "tried, and given up",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        try:
            self.output_shape = (None, 4)
        except AttributeError:
            pass

    def call(self, x):
        return self.dense(x)
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        seen: set[int] = set()
        for write in _writes(run):
            said = _says(run, write)
            site = in_own_file(run, write.at) if said is not None else None
            if said is None or site is None or id(site.node) in seen:
                continue
            seen.add(id(site.node))
            message, severity = said
            fix = None
            if _owner(write) is run.layer and write.name is not None and in_own_class(run, write.at.site):
                fix = _renaming(run, write.name)
            yield Report(site, message, fix=fix, severity=severity)

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        for write in _writes(run):
            said = _says(run, write)
            if said is not None and write.at.site.path == run.module.path:
                yield Report(write.at.site, said[0], severity=said[1])


_Write = AttributeWrite | PrivateListWrite


def _writes(run: LayerRun | ScriptRun) -> Iterator[_Write]:
    yield from run.events_of(AttributeWrite)
    yield from run.events_of(PrivateListWrite)


def _owner(write: _Write) -> Value:
    return write.owner if isinstance(write, AttributeWrite) else write.layer


def _says(run: LayerRun | ScriptRun, write: _Write) -> tuple[str, Severity | None] | None:
    """The message, and the severity where it isn't the rule's own."""
    owner, name = _owner(write), write.name
    if name is None or not isinstance(owner, Layer) or owner.library is None:
        return None
    if isinstance(write, PrivateListWrite):
        if write.operation != "=" or (isinstance(run, LayerRun) and is_about_weights(write)):
            return None  # KS112's
        values: tuple[Value, ...] = write.values
    elif write.via in ("plain", "setattr"):
        values = (write.stored,)  # in Keras 3 the copy, into which more may be put later
    else:
        return None
    data = catalogue(run.generation)
    kind = data.reserved(owner.library.root).get(name)
    if kind is None:
        return None
    effects = data.overwritten(owner.library.root, name)
    given = {form for value in values if (form := _kind_of(value)) is not None}
    effect = effects.get(given.pop()) if len(given) == len(values) == 1 else None
    if effect is None and run.generation == 3 and name in _ITERATED and _is_dict_of_layers(values):
        effect = "call"
    if name == "_layers" and effect == "untracked" and _holds_all(run, owner, values):
        effect = "unsaved" if owner.library.root == "keras.layers.Layer" else None
    if (kind != "read-only" and effect is None) or _is_defined(run, owner, name) or _is_tried(write):
        return None
    text = f"`{ast.unparse(receiver(write.at, name))}.{name}`"
    what = f"{'Model' if owner.library.root == 'keras.Model' else 'Layer'}"
    if kind == "read-only":
        return (
            f"{text} can't be assigned: `{name}` is a property of every Keras {run.generation} {what}, and "
            f"this raises AttributeError. Choose another name.",
            None,
        )
    assert effect is not None
    if kind == "method":
        return _method(run, owner.library, text, name, effect)
    return _overwritten(run, text, what, effect)


def _holds_all(run: LayerRun | ScriptRun, owner: Layer, values: tuple[Value, ...]) -> bool:
    """Whether the layer has no weights but those of the layers in the list that takes the place of Keras'."""
    held = {
        id(one)
        for value in values
        for option in options(value)
        if isinstance(option, Container)
        for item in option.items
        for one in options(item.value)
    }
    return all(
        id(other) in held or (isinstance(other, Layer) and run.weights_of(other).has == "no")
        for other in owner.tracked
        if isinstance(other, Layer)
    )


_ITERATED = frozenset({"_layers", "_losses", "_loss_ids"})
"""Records that Keras 3 goes over, or adds, at the first call: a dict in their place gives names instead."""


def _is_dict_of_layers(values: Sequence[Value]) -> bool:
    return len(values) == 1 and all(
        isinstance(option, Container)
        and option.kind in ("dict", "OrderedDict")
        and bool(option.items)
        and all(isinstance(one, Layer) for item in option.items for one in options(item.value))
        for option in options(values[0])
    )


def _kind_of(value: Value) -> Overwriting | None:
    """As what of the measured things a value counts."""
    kinds: set[Overwriting | None] = set()
    for option in options(value):
        if isinstance(option, Layer):
            kinds.add("layer")
        elif isinstance(option, Container) and option.kind in ("list", "tuple"):
            held = [one for item in option.items for one in options(item.value)]
            layers = bool(held) and all(isinstance(one, Layer) for one in held)
            kinds.add("layers" if layers else None)
        elif isinstance(option, Constant) and option.value is not None:
            kinds.add("flag")
        else:
            kinds.add(None)
    return kinds.pop() if len(kinds) == 1 else None


def _method(
    run: LayerRun | ScriptRun, library: LibraryClass, text: str, name: str, effect: str
) -> tuple[str, Severity | None]:
    what = f"{text} replaces the method `{name}` of Keras' {library.root.rsplit('.', 1)[-1]}"
    if effect == "untracked" and run.generation == 2:
        return (
            f"{what}: Keras 2 doesn't track what is assigned under that name, so its weights won't be "
            f"trained. Choose another name.",
            "warning",
        )
    return f"{what}: {_STAGES[effect]}. Choose another name.", _severity(effect)


def _overwritten(run: LayerRun | ScriptRun, text: str, what: str, effect: str) -> tuple[str, Severity | None]:
    return (
        f"Keras {run.generation} keeps records of its own in {text}, on every {what}: with these in their "
        f"place, {_STAGES[effect]}. Choose another name.",
        _severity(effect),
    )


_STAGES = {
    "assignment": "this raises",
    "call": "the first call raises",
    "weights": "reading its weights raises",
    "functional": "a functional model with it raises",
    "fit": "`fit` raises",
    "saving": "saving raises",
    "untracked": "weights of the layer are lost, and won't be trained or saved",
    "unsaved": "weights of the layer won't be saved",
}
"""What follows from overwriting, by the stage of a layer's life that shows it first."""


def _severity(effect: str) -> Severity | None:
    return "warning" if effect in ("untracked", "unsaved") else None


def _is_defined(run: LayerRun | ScriptRun, owner: Layer, name: str) -> bool:
    """Whether a class of the user's has its own attribute of that name, or may have."""
    if not isinstance(owner.cls, ClassDefinition):
        return False
    own = run if isinstance(run, LayerRun) and owner is run.layer else run.run_of(owner)
    if not isinstance(own, LayerRun) or not own.facts.known:
        return True
    return own.class_binding(name) is not None


def _is_tried(write: _Write) -> bool:
    """Whether an error is awaited, or a condition looks at what Keras there is."""
    texts = [ast.unparse(guard) for guard in write.at.guards]
    if any(f".{write.name} is None" in text for text in texts):
        return True  # what Keras keeps is never None
    if any(word in text for text in texts for word in ("hasattr", "version", "keras", "isinstance")):
        return True
    return any(
        isinstance(node, ast.Try) and any(part is write.at.statement for part in ast.walk(node))
        for top in write.at.site.statement.nodes
        for node in ast.walk(top)
    )


def _renaming(run: LayerRun, name: str) -> MakeFix | None:
    """Another name for the attribute, wherever the class has it."""
    bare = name.lstrip("_")
    other = f"{name[: len(name) - len(bare)]}own_{bare}"
    definition = run.definition
    found = [
        (piece, node)
        for piece in definition.statement.body or (definition.statement,)
        for top in piece.nodes
        for node in ast.walk(top)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    ]
    if any(node.attr == other for _, node in found):
        return None

    def make(document: Document) -> Fix | None:
        edits = []
        for piece, node in found:
            if node.attr != name:
                continue
            extent = document.extent_of(Site(definition.module.path, piece, node))
            if extent is None or extent.end.column < len(name):
                return None
            start = Position(extent.end.line, extent.end.column - len(name))
            if document.text_of(Range(start, extent.end)) != name:
                return None
            edits.append(Edit(Range(start, extent.end), other))
        return Fix(f"Rename it to `{other}` in the class", False, tuple(edits)) if edits else None

    return make
