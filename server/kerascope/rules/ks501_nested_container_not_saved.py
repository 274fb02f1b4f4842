"""KS501: layers in a container inside a container are trained, but files leave out their weights."""

from __future__ import annotations

from collections.abc import Iterator

from kerascope.rules.hidden import class_of, makers, several, weights_text
from kerascope.rules.places import in_own_file
from kerascope.rules.rule import Example, Fix, MakeFix, Report, Rule
from kerascope.rules.saving import DICTS, LISTS, LeftOut, unsaved
from kerascope.source.document import Document
from kerascope.source.rewrite import append_to_body
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Container, Layer, options


class NestedContainerNotSaved(Rule):
    """
    ## What it does
    Reports an attribute of a `Layer` that holds layers in a container inside a container: a list of lists, a
    list of dicts, a dict of lists, a list of pairs.

    ## Why it matters
    Keras finds these layers when it looks for weights to train, but not when it writes a `.weights.h5` or
    `.keras` file. For the file it walks the attributes of each layer, and goes into a list, tuple or dict
    only one level deep. The layers below train, and are missing from the file. Loading it raises nothing:
    they keep the random values with which they were made. Measured with two Dense layers in a list of
    lists, after `save_weights("model.weights.h5")` and `load_weights` into a fresh model:

    | | trained weights | the loaded model gives the same outputs |
    | --- | --- | --- |
    | Keras 2.15, tf_keras 2.21 | 4 | no |
    | Keras 3.4, 3.8, 3.13 | 4 | no |
    | Keras 3.15 | 4 | yes |

    In Keras 2, `.h5` files and TensorFlow's checkpoints keep them.

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.stages = []
            for depth in (1, 2):
                self.stages.append([keras.layers.Dense(4) for _ in range(depth)])

        def call(self, x):
            for stage in self.stages:
                for block in stage:
                    x = block(x)
            return x
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.stages = []
            for depth in (1, 2):
                self.stages.append([keras.layers.Dense(4) for _ in range(depth)])
            self.stages_flat = [layer for inner in self.stages for layer in inner]

        def call(self, x):
            for stage in self.stages:
                for block in stage:
                    x = block(x)
            return x
    ```
    or one list and the number of layers in each stage; or a layer of your own for each stage.

    ## When it is silent
    When the owner is a `Model`: the file's walk sees the `layers` of a Model, which has them all. When the
    layers can be reached in another way too: an attribute, a flat list, a sublayer that holds them, a
    property that reads the attribute. When they have no weights. When the class has its own
    `save_own_variables` or `load_own_variables`.

    ## Fix
    Keeps the layers in a flat list, too, where the constructor alone fills the containers. Unsafe: files that
    were written before lack these weights.

    ## Versions
    Keras 3.15 writes nested containers, and reads old files without them. In Keras 3 it is reported only
    where the installed Keras, or the setting `keras-version`, is older than 3.15.

    ## References
    - Keras 3.13.0: `keras/src/saving/saving_lib.py` (`_save_state`, `_save_container_state`); Keras 3.15.1:
      the same functions, with `visited_containers`.
    - Keras 2.15.0: `keras/src/saving/saving_lib.py` (`_save_container_state`).
    - [keras #20598](https://github.com/keras-team/keras/issues/20598): layers in nested lists aren't saved
      and loaded correctly.
    - [keras #22362](https://github.com/keras-team/keras/pull/22362): mends it, in Keras 3.15.
    - [tensorflow #22140](https://github.com/tensorflow/tensorflow/issues/22140): a layer in a tuple in a
      list isn't saved, in TensorFlow 1.10.
    """

    code = "KS501"
    name = "nested-container-not-saved"
    severity = {2: "information", 3: "warning"}  # noqa: RUF012
    summary = "Layers in a container inside a container are trained, but not saved."

    reporting = (
        Example(
            "a list of lists",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = []  # <- KS501
        for depth in (1, 2):
            self.stages.append([keras.layers.Dense(4) for _ in range(depth)])

    def call(self, x):
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return x
""",
            symptom="not-saved",
            before=(3, 15),
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = []  # <- KS501
        for depth in (1, 2):
            self.stages.append([keras.layers.Dense(4) for _ in range(depth)])
        self.stages_flat = [layer for inner in self.stages for layer in inner]

    def call(self, x):
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return x
""",
        ),
        Example(
            "a dict of lists",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, names=("mean", "scale")):
        super().__init__()
        self.shared = keras.layers.Dense(4)
        self.heads = {  # <- KS501
            name: [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)] for name in names
        }

    def call(self, x):
        x = self.shared(x)
        outputs = []
        for name in sorted(self.heads):
            y = x
            for layer in self.heads[name]:
                y = layer(y)
            outputs.append(y)
        return outputs[0] + outputs[1]
""",
            symptom="not-saved",
            before=(3, 15),
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, names=("mean", "scale")):
        super().__init__()
        self.shared = keras.layers.Dense(4)
        self.heads = {  # <- KS501
            name: [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)] for name in names
        }
        self.heads_flat = [layer for inner in self.heads.values() for layer in inner]

    def call(self, x):
        x = self.shared(x)
        outputs = []
        for name in sorted(self.heads):
            y = x
            for layer in self.heads[name]:
                y = layer(y)
            outputs.append(y)
        return outputs[0] + outputs[1]
""",
        ),
        Example(
            "pairs of layers, made with zip",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        attentions = [keras.layers.Dense(4) for _ in range(2)]
        norms = [keras.layers.LayerNormalization() for _ in range(2)]
        self.blocks = list(zip(attentions, norms))  # <- KS501

    def call(self, x):
        for attention, norm in self.blocks:
            x = x + attention(norm(x))
        return x
""",
            symptom="not-saved",
            before=(3, 15),
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        attentions = [keras.layers.Dense(4) for _ in range(2)]
        norms = [keras.layers.LayerNormalization() for _ in range(2)]
        self.blocks = list(zip(attentions, norms))  # <- KS501
        self.blocks_flat = [layer for inner in self.blocks for layer in inner]

    def call(self, x):
        for attention, norm in self.blocks:
            x = x + attention(norm(x))
        return x
""",
        ),
        Example(
            "a list of dicts, filled in build by a method",
            """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.levels = [self.level(4) for _ in range(2)]  # <- KS501
        for level in self.levels:
            for layer in level.values():
                layer.build(input_shape)
        self.built = True

    def level(self, units):
        return {"update": keras.layers.Dense(units), "gate": keras.layers.Dense(units, activation="sigmoid")}

    def call(self, x):
        for level in self.levels:
            x = x + level["gate"](x) * level["update"](x)
        return x
""",
            symptom="not-saved",
            before=(3, 15),
        ),
        Example(
            "inner lists that are there from the start",
            """\
import keras


class Pyramid(keras.layers.Layer):
    def __init__(self, levels):
        super().__init__()
        self.levels = levels
        self.towers = [[] for _ in range(levels)]  # <- KS501
        for level in range(levels):
            for _ in range(2):
                self.towers[level].append(keras.layers.Dense(4, activation="tanh"))

    def call(self, x):
        outputs = []
        for level in range(self.levels):
            y = x
            for layer in self.towers[level]:
                y = layer(y)
            outputs.append(y)
        return keras.layers.concatenate(outputs)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.pyramid = Pyramid(3)
        self.head = keras.layers.Dense(1)

    def call(self, x):
        return self.head(self.pyramid(x))
""",
            symptom="not-saved",
            before=(3, 15),
            fixed="""\
import keras


class Pyramid(keras.layers.Layer):
    def __init__(self, levels):
        super().__init__()
        self.levels = levels
        self.towers = [[] for _ in range(levels)]  # <- KS501
        for level in range(levels):
            for _ in range(2):
                self.towers[level].append(keras.layers.Dense(4, activation="tanh"))
        self.towers_flat = [layer for inner in self.towers for layer in inner]

    def call(self, x):
        outputs = []
        for level in range(self.levels):
            y = x
            for layer in self.towers[level]:
                y = layer(y)
            outputs.append(y)
        return keras.layers.concatenate(outputs)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.pyramid = Pyramid(3)
        self.head = keras.layers.Dense(1)

    def call(self, x):
        return self.head(self.pyramid(x))
""",
        ),
    )

    silent = (
        Example(
            "a list of lists since Keras 3.15",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [[keras.layers.Dense(4)], [keras.layers.Dense(4), keras.layers.Dense(4)]]

    def call(self, x):
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return x
""",
            (3,),
            since=(3, 15),
        ),
        Example(
            "a flat list",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depths=(1, 2)):
        super().__init__()
        self.depths = list(depths)
        self.blocks = [keras.layers.Dense(4) for _ in range(sum(depths))]

    def call(self, x):
        first = 0
        for depth in self.depths:
            for block in self.blocks[first : first + depth]:
                x = block(x)
            first += depth
        return x
""",
        ),
        Example(
            "a Model, which has its layers in a property",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.stages = [[keras.layers.Dense(4)], [keras.layers.Dense(4), keras.layers.Dense(4)]]

    def call(self, x):
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return x
""",
        ),
        Example(
            "each layer is an attribute, too",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.pairs = []
        for index in range(2):
            gate = keras.layers.Dense(4, activation="sigmoid")
            update = keras.layers.Dense(4)
            setattr(self, f"gate_{index}", gate)
            setattr(self, f"update_{index}", update)
            self.pairs.append((gate, update))

    def call(self, x):
        for gate, update in self.pairs:
            x = x + gate(x) * update(x)
        return x
""",
        ),
        Example(
            "a property that gives out the layers of all stages",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [[keras.layers.Dense(4)], [keras.layers.Dense(4)]]

    @property
    def blocks(self):
        return [block for stage in self.stages for block in stage]

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "a layer for each stage",
            """\
import keras


class Stage(keras.layers.Layer):
    def __init__(self, depth):
        super().__init__()
        self.blocks = [keras.layers.Dense(4) for _ in range(depth)]

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [Stage(1), Stage(2)]

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
        ),
        Example(
            "layers without weights, and a list of Sequentials",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.activations = [[keras.layers.Activation("relu")], [keras.layers.Activation("tanh")]]
        self.branches = [
            keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(4)]),
            keras.Sequential([keras.layers.Dense(4)]),
        ]

    def call(self, x):
        outputs = []
        for branch, activations in zip(self.branches, self.activations):
            outputs.append(activations[0](branch(x)))
        return outputs[0] + outputs[1]
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        if run.generation == 3 and not run.before(3, 15):
            return
        for attribute in unsaved(run, lambda around: len(around) == 1):
            site = in_own_file(run, attribute.written.at)
            if site is None:
                continue
            layers = attribute.states
            more = several(layers)
            keras, update = (
                ("Keras 2", "") if run.generation == 2 else ("Keras before 3.15", "update Keras, or ")
            )
            yield Report(
                site,
                f"`.weights.h5` and `.keras` files of {keras} leave out the {class_of(layers[0])}{more} in "
                f"`self.{attribute.name}`{weights_text(run, layers)}, which {'are' if more else 'is'} in "
                f"{_nested(attribute)}: trained, but not saved. To have them saved, {update}keep them in one "
                "flat list.",
                makers(run, layers),
                _flat_too(run, attribute),
            )


def _nested(attribute: LeftOut) -> str:
    """ "a list inside a dict"."""
    inner, outer = attribute.containers[-1].kind, attribute.containers[-2].kind
    return f"a {_word(inner)} inside a {_word(outer)}"


def _word(kind: str) -> str:
    return "dict" if kind in DICTS else "list" if kind.startswith("list") else "tuple"


def _flat_too(run: LayerRun, attribute: LeftOut) -> MakeFix | None:
    """Another attribute, assigned at the end of the constructor, that is a list of all the layers."""
    init = run.method("__init__")
    name = f"{attribute.name}_flat"
    if init is None or init.owner != run.definition or name in run.layer.attributes:
        return None
    if attribute.written.at.method != "__init__" or any(layer.phase != "init" for layer in attribute.states):
        return None
    outer: list[Container] = []
    inner: list[Container] = []
    for option in options(run.layer.attributes[attribute.name]):
        if not isinstance(option, Container):
            return None
        outer.append(option)
        for item in option.items:
            for one in options(item.value):
                if not isinstance(one, Container):
                    return None
                inner.append(one)
    leaves = [one for part in inner for item in part.items for one in options(item.value)]
    if not all(isinstance(leaf, Layer) for leaf in leaves):
        return None
    ways = [_elements(f"self.{attribute.name}", outer), _elements("inner", inner)]
    if None in ways:
        return None
    code = f"self.{name} = [layer for inner in {ways[0]} for layer in {ways[1]}]"

    def make(document: Document) -> Fix | None:
        edits = append_to_body(document, init.site, code)
        return (
            Fix(f"Keep the layers in a flat list, too: `self.{name}`", False, tuple(edits)) if edits else None
        )

    return make


def _elements(text: str, containers: list[Container]) -> str | None:
    """How to loop over what containers hold; None where they aren't alike."""
    kinds = {container.kind for container in containers}
    return text if kinds <= LISTS else f"{text}.values()" if kinds <= DICTS else None
