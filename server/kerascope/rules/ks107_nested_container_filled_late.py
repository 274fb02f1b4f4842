"""KS107: a list inside a tracked list or dict, put there empty and filled afterwards."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from kerascope.rules.building_first import put_in_when_full
from kerascope.rules.hidden import class_of, lost_and_used, makers, several, weights_text
from kerascope.rules.places import in_own_file
from kerascope.rules.rule import Example, Related, Report, Rule
from kerascope.tracking.events import ContainerWrite
from kerascope.tracking.keras3 import TRACKING_WRITES, WRAPPING_WRITES
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Container, options


class NestedContainerFilledLate(Rule):
    """
    ## What it does
    Reports layers or weights that are put into an inner list or dict after the inner one was appended to
    (or stored in) a list or dict of the layer: `self.stages.append([])`, then
    `self.stages[-1].append(layer)`.

    ## Why it matters
    When a list is appended to a tracked list, Keras 3 notes the layers that are in it at that moment, and
    stores the list as it is. It isn't tracked itself, so what is put in later is not among the weights.
    Measured: `self.ls.append([]); self.ls[-1].append(Dense(4))` twice gives 0 trainable weights of 4 in
    Keras 3.15, and all 4 in Keras 2.15; with one layer in the inner list before and one after, 2 of 4.

    ## Example
    ```python
            self.stages = []
            for _ in range(2):
                self.stages.append([])
                for _ in range(3):
                    self.stages[-1].append(keras.layers.Dense(units))
    ```

    ## Instead
    ```python
            for _ in range(2):
                stage = [keras.layers.Dense(units) for _ in range(3)]
                self.stages.append(stage)
    ```

    ## When it is silent
    In Keras 2; when the inner list is already there at the assignment of the attribute (`self.stages =
    [[], []]`, `self.d = {"a": []}`), since those become tracked too; when it is full before it is
    appended; when the layers are tracked in another way.

    ## Fix
    Puts the inner list in when it is full, where both happen in one block. Unsafe: the order of the
    statements changes.

    ## References
    - Keras 3.15.1: `keras/src/utils/tracking.py` (`TrackedList.append`, `TrackedList.insert`,
      `TrackedDict.__setitem__`: they store the value that they were given).
    - [tensorflow #29073](https://github.com/tensorflow/tensorflow/issues/29073): lists of layers appended
      to a list of the model: no trainable variables, in a preview of TensorFlow 2.0.
    """

    code = "KS107"
    name = "nested-container-filled-late"
    severity = {3: "warning"}  # noqa: RUF012
    summary = "An inner list is filled after it was put into a tracked list or dict."

    reporting = (
        Example(
            "an empty list is appended, then filled",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = []
        for _ in range(2):
            self.stages.append([])
            self.stages[-1].append(keras.layers.Dense(4))  # <- KS107

    def call(self, x):
        for stage in self.stages:
            for layer in stage:
                x = layer(x)
        return x
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = []
        for _ in range(2):
            inner = []
            inner.append(keras.layers.Dense(4))  # <- KS107
            self.stages.append(inner)

    def call(self, x):
        for stage in self.stages:
            for layer in stage:
                x = layer(x)
        return x
""",
        ),
        Example(
            "a list in a dict",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.branches = {}
        for name in ("left", "right"):
            self.branches[name] = []
            for _ in range(2):
                self.branches[name].append(keras.layers.Dense(4))  # <- KS107

    def call(self, x):
        for branch in self.branches.values():
            for layer in branch:
                x = layer(x)
        return x
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.branches = {}
        for name in ("left", "right"):
            inner = []
            for _ in range(2):
                inner.append(keras.layers.Dense(4))  # <- KS107
            self.branches[name] = inner

    def call(self, x):
        for branch in self.branches.values():
            for layer in branch:
                x = layer(x)
        return x
""",
        ),
        Example(
            "a local list is appended, then filled",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = []
        row = []
        self.stages.append(row)
        row.append(keras.layers.Dense(4))  # <- KS107
        row.append(keras.layers.Dense(4))  # <- KS107

    def call(self, x):
        for stage in self.stages:
            for layer in stage:
                x = layer(x)
        return x
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = []
        row = []
        row.append(keras.layers.Dense(4))  # <- KS107
        row.append(keras.layers.Dense(4))  # <- KS107
        self.stages.append(row)

    def call(self, x):
        for stage in self.stages:
            for layer in stage:
                x = layer(x)
        return x
""",
        ),
        Example(
            "one layer before, one after",
            """\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.stages = []
        self.stages.append([keras.layers.Dense(4)])
        self.stages[0].append(keras.layers.Dense(1))  # <- KS107

    def call(self, x):
        for stage in self.stages:
            for layer in stage:
                x = layer(x)
        return x
""",
            generations=(3,),
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.stages = []
        inner = [keras.layers.Dense(4)]
        inner.append(keras.layers.Dense(1))  # <- KS107
        self.stages.append(inner)

    def call(self, x):
        for stage in self.stages:
            for layer in stage:
                x = layer(x)
        return x
""",
        ),
    )

    silent = (
        Example(
            "the inner list is full when it is appended",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = []
        for _ in range(2):
            self.stages.append([keras.layers.Dense(4), keras.layers.Dense(4)])
        for _ in range(2):
            stage = []
            stage.append(keras.layers.Dense(4))
            self.stages.append(stage)

    def call(self, x):
        for stage in self.stages:
            for layer in stage:
                x = layer(x)
        return x
""",
        ),
        Example(
            "the inner lists are there at the assignment",
            """\
import keras
from keras.layers import Dense


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [[] for _ in range(2)]
        for i in range(2):
            self.stages[i].append(Dense(4))
        self.branches = {"a": [], "b": []}
        self.branches["a"].append(Dense(4))
        self.pair = ([], [])
        self.pair[0].append(Dense(4))
        row = self.stages[0]
        row.append(Dense(4))

    def call(self, x):
        for stage in self.stages:
            for layer in stage:
                x = layer(x)
        return self.pair[0][0](self.branches["a"][0](x))
""",
        ),
        Example(
            "plain values in inner lists",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.shapes = []
        self.shapes.append([])
        self.shapes[-1].append(4)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "inner lists are tracked in Keras 2",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = []
        self.stages.append([])
        self.stages[-1].append(keras.layers.Dense(4))

    def call(self, x):
        return self.stages[0][0](x)
""",
            generations=(2,),
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        seen: set[int] = set()
        for late in _late_fillings(run):
            site = in_own_file(run, late.write.at)
            found = lost_and_used(run, late.write.values)
            if site is None or not found or id(site.node) in seen:
                continue
            seen.add(id(site.node))
            inner, outer = ast.unparse(late.write.through), ast.unparse(late.put_in.through)
            yield Report(
                site,
                f"`{inner}` was put into `{outer}` before this, and Keras 3 only noted what was in it then: "
                f"the weights of the {class_of(found[0])}{several(found)} put in here"
                f"{weights_text(run, found)} won't be trained. "
                f"Fill the inner {late.write.container.kind} first, then put it in.",
                (Related(late.put_in.at.site, "the inner container is put in here"), *makers(run, found)),
                put_in_when_full(late.put_in, late.write),
            )


@dataclass(frozen=True, slots=True)
class _LateFilling:
    """A write into an inner container, and the one by which that came into a tracked container."""

    write: ContainerWrite
    put_in: ContainerWrite


def _late_fillings(run: LayerRun) -> Iterator[_LateFilling]:
    stored: dict[int, ContainerWrite] = {}
    for write in run.events_of(ContainerWrite):
        container = write.container
        if id(container) in stored:
            yield _LateFilling(write, stored[id(container)])
        noted = TRACKING_WRITES.get(container.kind, frozenset()) - WRAPPING_WRITES
        if id(container) in stored or (container.tracker is not None and write.operation in noted):
            for value in write.values:
                for option in options(value):
                    if isinstance(option, Container) and option.tracker is None:
                        stored[id(option)] = write
