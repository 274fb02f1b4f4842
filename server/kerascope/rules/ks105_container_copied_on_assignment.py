"""KS105: Keras 3 copies a list or dict on assignment; what is put into the original later stays outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from kerascope.rules.hidden import class_of, lost, makers, several, weights_text
from kerascope.rules.places import in_own_file
from kerascope.rules.rule import Example, Fix, MakeFix, Related, Report, Rule
from kerascope.source.document import Document, Site
from kerascope.source.position import Edit
from kerascope.tracking.events import AttributeWrite, ContainerWrite
from kerascope.tracking.keras3 import COPIED, TRACKING_WRITES
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Choice, Container, Function, State, Value


class ContainerCopiedOnAssignment(Rule):
    """
    ## What it does
    Reports layers or weights that are put into a list or dict through its local name after it was
    assigned to an attribute: `ls = self.ls = []`, or `self.ls = ls`, and then `ls.append(layer)`.

    ## Why it matters
    Keras 3 doesn't keep the list that you assign. It makes a tracked copy, and the attribute holds the
    copy. What goes into your own list afterwards is neither in the attribute nor among the weights.
    Measured: `self.ls = ls` and then `ls.append(Dense(4))` twice gives `len(self.ls) == 0` and 0
    trainable weights in Keras 3.15, so that a loop over `self.ls` in `call` does nothing at all; Keras
    2.15 has 4.

    ## Example
    ```python
            self.blocks = blocks = []
            for _ in range(depth):
                blocks.append(keras.layers.Dense(units))
    ```

    ## Instead
    ```python
            self.blocks = []
            for _ in range(depth):
                self.blocks.append(keras.layers.Dense(units))
    ```
    or fill the list first and assign it when it is complete.

    ## When it is silent
    In Keras 2, where both names are one list; when the local name was taken from the attribute (`blocks =
    self.blocks`), which is the tracked copy itself; when the list is assigned again after it is filled;
    when the layers are tracked in another way.

    ## Fix
    Fills the container through the attribute. Safe; offered where the local name serves for nothing else
    afterwards.

    ## References
    - Keras 3.15.1: `keras/src/utils/tracking.py` (`Tracker.track`, `TrackedList.__init__`,
      `TrackedDict.__init__`).
    """

    code = "KS105"
    name = "container-copied-on-assignment"
    severity = {3: "warning"}  # noqa: RUF012
    summary = "A list or dict is filled after it was assigned to an attribute, which holds a copy."

    reporting = (
        Example(
            "assigned first, filled afterwards",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        blocks = []
        self.blocks = blocks
        blocks.append(keras.layers.Dense(4))  # <- KS105
        blocks.append(keras.layers.Dense(4))  # <- KS105

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            generations=(3,),
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 4",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        blocks = []
        self.blocks = blocks
        self.blocks.append(keras.layers.Dense(4))  # <- KS105
        self.blocks.append(keras.layers.Dense(4))  # <- KS105

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "call uses the original through a closure",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        blocks = [keras.layers.Dense(4)]
        self.blocks = blocks
        blocks.append(keras.layers.Dense(4))  # <- KS105

        def run(x):
            for block in blocks:
                x = block(x)
            return x

        self.run = run

    def call(self, x):
        return self.run(x)
""",
            generations=(3,),
            symptom="untracked",
        ),
        Example(
            "two names in one assignment, local name first",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        blocks = self.blocks = []
        for _ in range(depth):
            blocks.append(keras.layers.Dense(4))  # <- KS105

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            generations=(3,),
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 4",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        blocks = self.blocks = []
        for _ in range(depth):
            self.blocks.append(keras.layers.Dense(4))  # <- KS105

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "two names in one assignment, attribute first",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = blocks = []
        for _ in range(depth):
            blocks += [keras.layers.Dense(4)]  # <- KS105

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            generations=(3,),
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 4",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.blocks = blocks = []
        for _ in range(depth):
            self.blocks += [keras.layers.Dense(4)]  # <- KS105

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "a dict",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        heads = {}
        self.heads = heads
        for name in ("mean", "scale"):
            heads[name] = keras.layers.Dense(4)  # <- KS105

    def call(self, x):
        return [x] + [head(x) for head in self.heads.values()]
""",
            generations=(3,),
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 4",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        heads = {}
        self.heads = heads
        for name in ("mean", "scale"):
            self.heads[name] = keras.layers.Dense(4)  # <- KS105

    def call(self, x):
        return [x] + [head(x) for head in self.heads.values()]
""",
        ),
        Example(
            "pairs and items that Keras wouldn't take through the attribute either",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, names=("a", "b")):
        super().__init__()
        self.heads = heads = {}
        heads.update((name, keras.layers.Dense(4)) for name in names)  # <- KS105
        blocks = [None]
        self.blocks = blocks
        blocks[0] = keras.layers.Dense(4)  # <- KS105
        self.run = lambda x: blocks[0](sum(head(x) for head in heads.values()))

    def call(self, x):
        return self.run(x)
""",
            generations=(3,),
            symptom="untracked",
        ),
    )

    silent = (
        Example(
            "filled first, then assigned",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        blocks = []
        for _ in range(depth):
            blocks.append(keras.layers.Dense(4))
        self.blocks = blocks

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            evidence="len(layer.trainable_weights) < 4",
        ),
        Example(
            "the local name is taken from the attribute",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = []
        blocks = self.blocks
        blocks.append(keras.layers.Dense(4))
        self.heads = {}
        heads = self.heads
        heads["a"] = keras.layers.Dense(4)

    def call(self, x):
        return self.heads["a"](self.blocks[0](x))
""",
            evidence="len(layer.trainable_weights) < 4",
        ),
        Example(
            "assigned again when it is complete",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.blocks = blocks = []
        blocks.append(keras.layers.Dense(4))
        self.blocks = blocks

    def call(self, x):
        return self.blocks[0](x)
""",
            evidence="len(layer.trainable_weights) < 2",
        ),
        Example(
            "one list in Keras 2",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        blocks = self.blocks = []
        blocks.append(keras.layers.Dense(4))

    def call(self, x):
        return self.blocks[0](x)
""",
            generations=(2,),
            evidence="len(layer.trainable_weights) < 2",
        ),
        Example(
            "the layers have attributes of their own",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.order = order = []
        self.first = keras.layers.Dense(4)
        order.append(self.first)

    def call(self, x):
        return self.first(x)
""",
            evidence="len(layer.trainable_weights) < 2",
        ),
        Example(
            "filled with plain values",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.names = names = []
        names.append("dense")

    def call(self, x):
        return self.dense(x)
""",
            evidence="len(layer.trainable_weights) < 2",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        seen: set[int] = set()
        for late in late_writes(run):
            site = in_own_file(run, late.write.at)
            if site is None or id(site.node) in seen or late.assignment.name is None:
                continue
            seen.add(id(site.node))
            attribute, local = f"self.{late.assignment.name}", ast.unparse(late.write.through)
            whole = f"assign it when `{local}` is complete"
            advice = (
                f"Use `{attribute}` here, or {whole}" if _would_be_noticed(late.write) else whole.capitalize()
            )
            yield Report(
                site,
                f"In Keras 3, `{attribute}` holds a copy of `{local}`, made when it was assigned: the "
                f"{class_of(late.states[0])}{several(late.states)} put into `{local}` here won't be in it, "
                f"nor be trained{weights_text(run, late.states)}. {advice}.",
                (Related(late.assignment.at.site, "the copy is made here"), *makers(run, late.states)),
                _through_attribute(run, late, attribute),
            )


@dataclass(frozen=True, slots=True)
class LateWrite:
    """A write into a container after Keras 3 made a copy of it for an attribute."""

    write: ContainerWrite
    assignment: AttributeWrite
    states: list[State]
    """What of the written values Keras won't find."""


def late_writes(run: LayerRun) -> Iterator[LateWrite]:
    """Layers and weights that go into the user's own container, while the attribute holds a copy."""
    if run.generation != 3:
        return
    copied: dict[int, AttributeWrite] = {}
    for event in run.events:
        if isinstance(event, AttributeWrite):
            values = event.value.options if isinstance(event.value, Choice) else (event.value,)
            given = {id(value) for value in values}
            for stored in event.stored.options if isinstance(event.stored, Choice) else (event.stored,):
                original = stored.copy_of if isinstance(stored, Container) else None
                if original is not None and id(original) in given:
                    copied[id(original)] = event
        elif isinstance(event, ContainerWrite) and id(event.container) in copied:
            states = lost(run, event.values)
            if states:
                yield LateWrite(event, copied[id(event.container)], states)


def _would_be_noticed(write: ContainerWrite) -> bool:
    """Whether Keras 3 would take the same write to the attribute's container."""
    if write.operation in ("+=", "|="):
        return True  # it assigns the attribute again
    if write.operation not in TRACKING_WRITES.get(COPIED.get(write.container.kind, ""), ()):
        return False
    node = write.at.site.node
    if write.operation != "update" or not isinstance(node, ast.Call):
        return True
    # `TrackedDict.update` takes one mapping, no pairs and no keyword arguments.
    return not node.keywords and all(isinstance(given, ast.Dict | ast.DictComp) for given in node.args)


def _pairs(value: Value, stored: Value) -> Iterator[tuple[Value, Value]]:
    for one in value.options if isinstance(value, Choice) else (value,):
        for other in stored.options if isinstance(stored, Choice) else (stored,):
            yield one, other


def _through_attribute(run: LayerRun, late: LateWrite, attribute: str) -> MakeFix | None:
    """The attribute instead of the local name, if that name has no other use afterwards."""
    write = late.write
    if not _would_be_noticed(write):
        return None
    if not isinstance(write.through, ast.Name) or write.at.method != late.assignment.at.method:
        return None
    if late.assignment.at.site.statement is not write.at.site.statement or _is_held(run, write.container):
        return None
    through = Site(write.at.site.path, write.at.site.statement, write.through)

    def make(document: Document) -> Fix | None:
        place = document.extent_of(through)
        return (
            Fix(f"Fill `{attribute}` itself", True, (Edit(place, attribute),)) if place is not None else None
        )

    return make


def _is_held(run: LayerRun, container: Container) -> bool:
    """Whether a function or another attribute keeps the user's own container."""
    for event in run.events_of(AttributeWrite):
        for option, _ in _pairs(event.value, event.stored):
            if isinstance(option, Function) and any(
                held is container for scope in option.closure for held in scope.values()
            ):
                return True
    return False
