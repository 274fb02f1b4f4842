"""KS106: writes into a list or dict of a layer that Keras 3 doesn't notice."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kerascope.rules.building_first import assigned_when_full
from kerascope.rules.hidden import class_of, lost, lost_and_used, makers, several, statement_of, weights_text
from kerascope.rules.places import in_own_file
from kerascope.rules.rule import Example, Fix, MakeFix, Report, Rule
from kerascope.source.document import Document, Site
from kerascope.source.position import Edit
from kerascope.source.rewrite import replace
from kerascope.tracking.events import AttributeWrite, ContainerWrite
from kerascope.tracking.keras3 import TRACKING_WRITES
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Constant, Container, Value, options


class ContainerWriteUntracked(Rule):
    """
    ## What it does
    Reports a layer or weight that is put into a list, dict or set of the layer in a way that Keras 3
    doesn't notice: `self.ls[i] = layer`, `self.ls[:] = [...]`, `self.d.setdefault(key, layer)`, and `+=`
    or `|=` through a local name (`ls = self.ls; ls += [layer]`).

    ## Why it matters
    Keras 3 replaces a list, dict or set on an attribute by one that tells the layer what is put in. Only
    `append`, `insert`, `extend`, item assignment of a *dict*, `update` and `add` tell it. After the
    others the layer is in the list and works, but its weights aren't the layer's. Measured on `self.ls =
    [None] * 2` filled by `self.ls[i] = Dense(4)`: Keras 3.15 has 0 trainable weights of 4, `fit` changes
    nothing; Keras 2.15 has all 4.

    ## Example
    ```python
            self.blocks = [None] * depth
            for i in range(depth):
                self.blocks[i] = keras.layers.Dense(units)
    ```

    ## Instead
    ```python
            self.blocks = [keras.layers.Dense(units) for _ in range(depth)]
    ```

    ## When it is silent
    In Keras 2; for `self.ls += [...]` and `self.d |= {...}`, which assign the attribute again; for item
    assignment of a dict; when the attribute is assigned again afterwards; when the layers are tracked in
    another way; for values without weights, and for those that may be one.

    ## Fix
    Item assignment in place of `setdefault` (safe where a test for the key guards it), the attribute in
    place of the local name for `+=` (safe), a whole assignment in place of `self.ls[:] = ...`, and the
    list built under a local name and assigned once in place of `self.ls[i] = ...` (both unsafe).

    ## References
    - Keras 3.15.1: `keras/src/utils/tracking.py` (`TrackedList`, `TrackedDict`, `TrackedSet`: the methods
      that they override).
    """

    code = "KS106"
    name = "container-write-untracked"
    severity = {3: "warning"}  # noqa: RUF012
    summary = "A layer is put into a list or dict in a way that Keras 3 doesn't notice."

    reporting = (
        Example(
            "by index into a prepared list",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = [None] * depth
        for i in range(depth):
            self.blocks[i] = keras.layers.Dense(4)  # <- KS106

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        blocks = [None] * depth
        for i in range(depth):
            blocks[i] = keras.layers.Dense(4)  # <- KS106
        self.blocks = blocks

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "a layer is replaced by index",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.stages = [keras.layers.Dense(4), keras.layers.Dense(4)]
        self.stages[-1] = keras.layers.Dense(1)  # <- KS106

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        stages = [keras.layers.Dense(4), keras.layers.Dense(4)]
        stages[-1] = keras.layers.Dense(1)  # <- KS106
        self.stages = stages

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
        ),
        Example(
            "+= on a local name",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = []
        blocks = self.blocks
        for _ in range(depth):
            blocks += [keras.layers.Dense(4)]  # <- KS106

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = []
        blocks = self.blocks
        for _ in range(depth):
            self.blocks += [keras.layers.Dense(4)]  # <- KS106

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "slice assignment",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = []
        self.blocks[:] = [keras.layers.Dense(4), keras.layers.Dense(4)]  # <- KS106

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = []
        self.blocks = [keras.layers.Dense(4), keras.layers.Dense(4)]  # <- KS106

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "setdefault of a dict",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.heads = {}
        for name in ("mean", "scale"):
            self.heads.setdefault(name, keras.layers.Dense(4))  # <- KS106

    def call(self, x):
        return self.heads["mean"](x) * self.heads["scale"](x)
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.heads = {}
        for name in ("mean", "scale"):
            self.heads[name] = keras.layers.Dense(4)  # <- KS106

    def call(self, x):
        return self.heads["mean"](x) * self.heads["scale"](x)
""",
        ),
        Example(
            "by index into an inner list",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.branches = {"left": [None], "right": [None]}
        self.branches["left"][0] = keras.layers.Dense(4)  # <- KS106

    def call(self, x):
        return self.branches["left"][0](x)
""",
            generations=(3,),
            symptom="untracked",
        ),
        Example(
            "setdefault of a list in a dict",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.groups = {}
        for name in ("encoder", "encoder", "decoder"):
            self.groups.setdefault(name, []).append(keras.layers.Dense(4))  # <- KS106

    def call(self, x):
        for group in self.groups.values():
            for layer in group:
                x = layer(x)
        return x
""",
            generations=(3,),
            symptom="untracked",
        ),
    )

    silent = (
        Example(
            "a wrapper in the place of the layer that it wraps",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.steps = [keras.layers.Dense(4), keras.layers.Dense(4)]
        for index in range(2):
            self.steps[index] = keras.layers.TimeDistributed(self.steps[index])

    def call(self, x):
        x = x[:, None, :]
        for step in self.steps:
            x = step(x)
        return x[:, 0, :]
""",
            (3,),
        ),
        Example(
            "a wrapper that only keeps an untrained weight of its own",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.steps = [keras.layers.Dense(4), keras.layers.Dense(4)]
        for index in range(2):
            self.steps[index] = keras.layers.SpectralNormalization(self.steps[index])

    def call(self, x):
        for step in self.steps:
            x = step(x)
        return x
""",
            (3,),
        ),
        Example(
            "+= on the attribute",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = []
        self.blocks += [keras.layers.Dense(4)]
        self.heads = {}
        self.heads |= {"a": keras.layers.Dense(4)}

    def call(self, x):
        return self.heads["a"](self.blocks[0](x))
""",
        ),
        Example(
            "append, insert, extend, update and item assignment of a dict",
            """\
import keras
from keras.layers import Dense


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = []
        self.blocks.append(Dense(4))
        self.blocks.insert(0, Dense(4))
        self.blocks.extend([Dense(4)])
        self.blocks.extend(Dense(4) for _ in range(2))
        self.heads = {}
        self.heads["a"] = Dense(4)
        self.heads.update({"b": Dense(4)})

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.heads["b"](self.heads["a"](x))
""",
        ),
        Example(
            "the attribute is assigned again afterwards",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = [None] * depth
        blocks = [keras.layers.Dense(4) for _ in range(depth)]
        self.blocks = blocks

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "a local list, assigned when it is complete",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        blocks = [None] * depth
        for i in range(depth):
            blocks[i] = keras.layers.Dense(4)
        self.blocks = blocks

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "plain values and layers without weights",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.sizes = [0] * depth
        self.sizes[0] = 4
        self.between = [None]
        self.between[0] = keras.layers.Flatten()

    def call(self, x):
        return self.between[0](self.dense(x))
""",
        ),
        Example(
            "what is put there may have weights or not",
            """\
import keras


def activation(name):
    if name == "prelu":
        return keras.layers.PReLU()
    return keras.layers.Activation(name)


class Example(keras.layers.Layer):
    def __init__(self, last="relu"):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.activations = [keras.layers.Activation("relu")]
        self.activations[-1] = activation(last)

    def call(self, x):
        return self.activations[0](self.dense(x))
""",
        ),
        Example(
            "every way works in Keras 2",
            """\
import keras
from keras.layers import Dense


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = [None]
        self.blocks[0] = Dense(4)
        self.more = []
        self.more[:] = [Dense(4)]
        more = self.more
        more += [Dense(4)]
        self.heads = {}
        self.heads.setdefault("a", Dense(4))

    def call(self, x):
        return self.heads["a"](self.more[1](self.more[0](self.blocks[0](x))))
""",
            generations=(2,),
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        seen: set[int] = set()
        for write in untracked_writes(run):
            site = in_own_file(run, write.at)
            found = lost_and_used(run, [value for value in write.values if _has_weights(run, value)])
            if site is None or not found or id(site.node) in seen:
                continue
            seen.add(id(site.node))
            attribute = _attribute(run, write.container)
            place = attribute or ast.unparse(write.through)
            yield Report(
                site,
                f"Keras 3 doesn't notice {_how(write)}: the weights of the "
                f"{class_of(found[0])}{several(found)} put into `{place}` here"
                f"{weights_text(run, found)} won't be trained. {_advice(write, place)}.",
                makers(run, found),
                _fix(write, attribute),
            )


def untracked_writes(run: LayerRun) -> Iterator[ContainerWrite]:
    """Writes into the layer's tracked containers of which its tracker isn't told."""
    for write in run.events_of(ContainerWrite):
        container = write.container
        if container.tracker is None or write.operation in TRACKING_WRITES.get(container.kind, ()):
            continue
        if write.operation in ("+=", "|=", "*=") and write.through_attribute:
            continue
        yield write


def _has_weights(run: LayerRun, value: Value) -> bool:
    """Whether it is lost whichever of several things it is: with the others, the program may be correct."""
    return all(option == Constant(None) or lost(run, [option]) for option in options(value))


def _attribute(run: LayerRun, container: Container) -> str | None:
    """The attribute that holds the container; None for one inside another."""
    for write in run.events_of(AttributeWrite):
        if write.stored is container and write.name is not None:
            return f"self.{write.name}"
    return None


def _how(write: ContainerWrite) -> str:
    if write.operation == "[]=":
        return "item assignment in a list"
    if write.operation == "[:]=":
        return "slice assignment"
    if write.operation in ("+=", "|="):
        return f"`{write.operation}` through a local name"
    return f"`{write.operation}`"


def _advice(write: ContainerWrite, attribute: str) -> str:
    if write.operation == "setdefault":
        return f"Write `{attribute}[key] = ...` instead"
    if write.operation in ("+=", "|="):
        return f"Write `{attribute} {write.operation} ...` instead"
    if write.operation == "[:]=":
        return f"Write `{attribute} = [...]` instead"
    return "Build the whole list first, then assign it once"


def _fix(write: ContainerWrite, attribute: str | None) -> MakeFix | None:
    site = statement_of(write.at)
    if site is None or attribute is None:
        return None
    if write.operation == "setdefault":
        return _item_assignment(site, write)
    if write.operation in ("+=", "|="):
        return _through_attribute(write, attribute)
    if write.operation == "[:]=":
        return _whole_assignment(site, attribute)
    if write.operation == "[]=":
        return assigned_when_full(write, attribute)
    return None


def _item_assignment(site: Site, write: ContainerWrite) -> MakeFix | None:
    """`self.d[key] = layer` for `self.d.setdefault(key, layer)`."""
    node = site.node
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call) or len(node.value.args) != 2:
        return None
    key, value = node.value.args
    guarded = any(
        isinstance(guard, ast.Compare)
        and isinstance(guard.ops[0], ast.NotIn)
        and ast.dump(guard.left) == ast.dump(key)
        for guard in write.at.guards
    )

    def make(document: Document) -> Fix | None:
        texts = []
        for part in (write.through, key, value):
            place = document.extent_of(Site(site.path, site.statement, part))
            if place is None:
                return None
            texts.append(document.text_of(place))
        edits = replace(document, site, f"{texts[0]}[{texts[1]}] = {texts[2]}")
        return None if edits is None else Fix("Assign the item", guarded, edits)

    return make


def _through_attribute(write: ContainerWrite, attribute: str) -> MakeFix | None:
    through = Site(write.at.site.path, write.at.site.statement, write.through)
    if not isinstance(write.through, ast.Name):
        return None

    def make(document: Document) -> Fix | None:
        place = document.extent_of(through)
        return (
            Fix(f"Write to `{attribute}` itself", True, (Edit(place, attribute),))
            if place is not None
            else None
        )

    return make


def _whole_assignment(site: Site, attribute: str) -> MakeFix | None:
    node = site.node
    if (
        not isinstance(node, ast.Assign)
        or len(node.targets) != 1
        or not isinstance(node.value, ast.List | ast.ListComp)
    ):
        return None
    target = node.targets[0]
    if not isinstance(target, ast.Subscript) or not isinstance(target.slice, ast.Slice):
        return None
    if target.slice.lower is not None or target.slice.upper is not None:
        return None
    at = Site(site.path, site.statement, target)

    def make(document: Document) -> Fix | None:
        place = document.extent_of(at)
        return Fix("Assign the whole list", False, (Edit(place, attribute),)) if place is not None else None

    return make
