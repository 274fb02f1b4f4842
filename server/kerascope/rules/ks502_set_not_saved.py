"""KS502: Keras 3 trains layers in a set, and leaves them out of its files."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kerascope.project.meaning import ClassDefinition
from kerascope.rules.hidden import class_of, makers, several, weights_text
from kerascope.rules.places import in_own_file
from kerascope.rules.rule import Example, Fix, MakeFix, Report, Rule
from kerascope.rules.saving import SETS, LeftOut, unsaved
from kerascope.source.document import Document, Site
from kerascope.source.position import Edit, Position, Range
from kerascope.tracking.run import LayerRun


class SetNotSaved(Rule):
    """
    ## What it does
    Reports an attribute that holds layers in a set.

    ## Why it matters
    Keras 3 finds layers in a set when it looks for weights to train, but since 3.15 it passes over sets when
    it writes or reads a `.weights.h5` or `.keras` file. Loading raises nothing: the layers keep the random
    values with which they were made. Measured with two Dense layers, one after the other, after
    `save_weights` and `load_weights` into a fresh model:

    | | trained weights | the loaded model gives the same outputs |
    | --- | --- | --- |
    | Keras 3.15, in a set | 4 | no |
    | Keras 3.15, in a list | 4 | yes |
    | Keras 3.4, 3.8, 3.13, in a set | 4 | yes, or ValueError where their shapes differ |
    | Keras 2.15, tf_keras 2.21, in a set | 0 | not trained either ([KS101](KS101.md)) |

    ## Example
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.experts = {keras.layers.Dense(4), keras.layers.Dense(4)}

        def call(self, x):
            total = 0
            for expert in self.experts:
                total = total + expert(x)
            return total
    ```

    ## Instead
    ```python
    import keras


    class Example(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.experts = [keras.layers.Dense(4), keras.layers.Dense(4)]

        def call(self, x):
            total = 0
            for expert in self.experts:
                total = total + expert(x)
            return total
    ```

    ## When it is silent
    In Keras 2, which doesn't follow sets at all, so that another rule speaks. When the layers can be reached
    in another way too: an attribute, a list, a sublayer that holds them. When the owner is a `Model`: the
    file's walk sees its `layers`. When the layers have no weights.

    ## Fix
    Writes a list in place of the set. Safe where the set is made in the class from layers that are made
    there, and is only looped over, added to and measured; not offered elsewhere.

    ## Versions
    Since Keras 3.15. Before, files had what is in a set, in an order that differs from run to run.

    ## References
    - Keras 3.15.1: `keras/src/saving/saving_lib.py` (`_save_state`, `_save_container_state`: "list, dict,
      tuple"); `keras/src/utils/tracking.py` (`TrackedSet`).
    - Keras 3.14.0: `keras/src/saving/saving_lib.py` (`_save_state`: "list, dict, tuple, set").
    - [keras #22362](https://github.com/keras-team/keras/pull/22362): the change that writes nested
      containers, and leaves sets out.
    """

    code = "KS502"
    name = "set-not-saved"
    severity = {3: "warning"}  # noqa: RUF012
    summary = "Layers in a set are trained, but not saved."

    reporting = (
        Example(
            "a set of layers",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.experts = {keras.layers.Dense(4), keras.layers.Dense(4)}  # <- KS502

    def call(self, x):
        total = 0
        for expert in self.experts:
            total = total + expert(x)
        return total
""",
            (3,),
            symptom="not-saved",
            since=(3, 15),
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.experts = [keras.layers.Dense(4), keras.layers.Dense(4)]  # <- KS502

    def call(self, x):
        total = 0
        for expert in self.experts:
            total = total + expert(x)
        return total
""",
        ),
        Example(
            "filled with add",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, count=2):
        super().__init__()
        self.branches = set()  # <- KS502
        for _ in range(count):
            self.branches.add(keras.layers.Dense(4, activation="tanh"))
        self.merge = keras.layers.Add()

    def call(self, x):
        outputs = [branch(x) for branch in self.branches]
        return self.merge(outputs) / len(self.branches)
""",
            (3,),
            symptom="not-saved",
            since=(3, 15),
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, count=2):
        super().__init__()
        self.branches = []  # <- KS502
        for _ in range(count):
            self.branches.append(keras.layers.Dense(4, activation="tanh"))
        self.merge = keras.layers.Add()

    def call(self, x):
        outputs = [branch(x) for branch in self.branches]
        return self.merge(outputs) / len(self.branches)
""",
        ),
        Example(
            "a comprehension, in a class that others inherit",
            """\
import keras


class Ensemble(keras.layers.Layer):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.members = {self.make_member() for _ in range(size)}  # <- KS502

    def make_member(self):
        return keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(4)])

    def call(self, x):
        return sum(member(x) for member in self.members)


class Example(Ensemble):
    def __init__(self):
        super().__init__(size=2)
        self.scale = keras.layers.Dense(4)

    def call(self, x):
        return self.scale(super().call(x))
""",
            (3,),
            symptom="not-saved",
            since=(3, 15),
            fixed="""\
import keras


class Ensemble(keras.layers.Layer):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.members = [self.make_member() for _ in range(size)]  # <- KS502

    def make_member(self):
        return keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(4)])

    def call(self, x):
        return sum(member(x) for member in self.members)


class Example(Ensemble):
    def __init__(self):
        super().__init__(size=2)
        self.scale = keras.layers.Dense(4)

    def call(self, x):
        return self.scale(super().call(x))
""",
        ),
        Example(
            "filled with update, in a layer below",
            """\
import keras


class Bank(keras.layers.Layer):
    def __init__(self, size):
        super().__init__()
        self.filters = set()  # <- KS502
        self.filters.update(keras.layers.Dense(4, use_bias=False) for _ in range(size))

    def call(self, x):
        return sum(keras.ops.relu(layer(x)) for layer in self.filters)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.bank = Bank(3)
        self.out = keras.layers.Dense(2)

    def call(self, x):
        return self.out(self.bank(x))
""",
            (3,),
            symptom="not-saved",
            since=(3, 15),
        ),
    )

    silent = (
        Example(
            "a list",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.experts = [keras.layers.Dense(4), keras.layers.Dense(4)]

    def call(self, x):
        return sum(expert(x) for expert in self.experts)
""",
        ),
        Example(
            "a set of layers that a list holds, too",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = [keras.layers.Dense(4) for _ in range(3)]
        self.skipped = {self.blocks[0], self.blocks[2]}

    def call(self, x):
        for block in self.blocks:
            x = x + block(x) if block in self.skipped else block(x)
        return x
""",
            (3,),
        ),
        Example(
            "a set of names and numbers",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.taps = {0, 2}
        self.names = set()
        self.blocks = []
        for index in range(3):
            self.blocks.append(keras.layers.Dense(4))
            self.names.add(f"block_{index}")

    def call(self, x):
        outputs = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.taps:
                outputs.append(x)
        return outputs[0] + outputs[1]
""",
        ),
        Example(
            "a Model, which has its layers in a property",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.experts = {keras.layers.Dense(4), keras.layers.Dense(4)}

    def call(self, x):
        total = 0
        for expert in self.experts:
            total = total + expert(x)
        return total
""",
            (3,),
        ),
        Example(
            "a set of layers without weights",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.activations = {keras.layers.ReLU(), keras.layers.Activation("tanh")}

    def call(self, x):
        x = self.dense(x)
        return sum(activation(x) for activation in self.activations)
""",
            (3,),
        ),
        Example(
            "a set before Keras 3.15",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.experts = {keras.layers.Dense(4), keras.layers.Dense(4)}

    def call(self, x):
        total = 0
        for expert in self.experts:
            total = total + expert(x)
        return total
""",
            (3,),
            before=(3, 15),
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        if run.before(3, 15):
            return
        for attribute in unsaved(run, lambda around: all(part.kind not in SETS for part in around)):
            site = in_own_file(run, attribute.written.at)
            if site is None:
                continue
            layers = attribute.states
            more = several(layers)
            yield Report(
                site,
                f"`.weights.h5` and `.keras` files of Keras 3 leave out the {class_of(layers[0])}{more} in "
                f"`self.{attribute.name}`{weights_text(run, layers)}, which {'are' if more else 'is'} in a "
                "set: trained, but not saved. Keep them in a list.",
                makers(run, layers),
                _as_list(run, attribute) if len(attribute.containers) == 1 else None,
            )


def _as_list(run: LayerRun, attribute: LeftOut) -> MakeFix | None:
    """A list in place of the set, and `append` in place of `add`; where nothing else is done with it."""
    uses = list(_uses(run, attribute.name))
    if not all(_is_spared(around) or _change(around) is not None for around, _ in uses):
        return None
    changes = [(site, change) for around, site in uses if (change := _change(around)) is not None]
    if not changes:
        return None

    def make(document: Document) -> Fix | None:
        edits: list[Edit] = []
        for site, (node, old, new) in changes:
            place = document.extent_of(Site(site.path, site.statement, node))
            if place is None:
                return None
            start, end = place.start, place.end
            if old == "{}":
                edits.append(Edit(Range(start, Position(start.line, start.column + 1)), "["))
                edits.append(Edit(Range(Position(end.line, end.column - 1), end), "]"))
            else:
                changed = Range(Position(end.line, end.column - len(old)), end) if old else place
                edits.append(Edit(changed, new))
        return Fix(f"Keep the layers of `self.{attribute.name}` in a list", True, tuple(edits))

    return make


def _uses(run: LayerRun, name: str) -> Iterator[tuple[list[ast.AST], Site]]:
    """Where the user's classes name the attribute: the expressions around it, innermost first, itself too."""
    for cls in run.mro():
        if isinstance(cls, ClassDefinition):
            for statement in cls.statement.body:
                for node in statement.nodes:
                    for path in _paths(node):
                        if isinstance(path[-1], ast.Attribute) and path[-1].attr == name:
                            yield path[::-1], Site(cls.module.path, statement, path[-1])


def _paths(node: ast.AST) -> Iterator[list[ast.AST]]:
    """Every node below `node`, with the nodes on the way to it."""
    waiting = [[node]]
    while waiting:
        path = waiting.pop()
        yield path
        waiting.extend([*path, child] for child in ast.iter_child_nodes(path[-1]))


def _is_spared(around: list[ast.AST]) -> bool:
    """Whether a list does as well as a set."""
    match around:
        case [use, ast.For(iter=looped) | ast.comprehension(iter=looped), *_]:
            return looped is use
        case [_, ast.Call(func=ast.Name(id="len" | "sum" | "list" | "sorted" | "enumerate")), *_]:
            return True
        case [use, ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[right]), *_]:
            return right is use
    return False


def _change(around: list[ast.AST]) -> tuple[ast.AST, str, str] | None:
    """What to write for a use: a node, the end of its text, and what comes in its place. "{}" stands for its
    brackets, "" for all of it."""
    match around:
        case [_, ast.Assign(targets=[_], value=value) | ast.AnnAssign(value=ast.expr() as value), *_]:
            match value:
                case ast.Set(elts=elements) if all(isinstance(element, ast.Call) for element in elements):
                    return value, "{}", "[]"
                case ast.SetComp(elt=ast.Call()):
                    return value, "{}", "[]"
                case ast.Call(func=ast.Name(id="set"), args=[]):
                    return value, "", "[]"
        case [_, ast.Attribute(attr="add") as method, ast.Call(args=[ast.Call()]), *_]:
            return method, "add", "append"
    return None
