"""KS115: a list that was meant to hold several layers holds one layer several times."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from kerascope.project.meaning import Library
from kerascope.rules.hidden import attribute_of, created_at, trains
from kerascope.rules.lazy_creation import function_around
from kerascope.rules.rule import Example, Fix, MakeFix, Related, Report, Rule
from kerascope.source.document import Document, Site
from kerascope.source.rewrite import replace
from kerascope.tracking.events import ContainerWrite, Created
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Container, Layer, options

_SHARED = re.compile("(?:^|_)(?:shared|common|tied|same|single|one)(?:_|$)", re.IGNORECASE)


class SameLayerRepeated(Rule):
    """
    ## What it does
    Reports `[Dense(4)] * n`, `dict.fromkeys(names, Dense(4))` and lists filled by a cached factory, where
    they are kept on the layer: all their elements are one and the same layer.

    ## Why it matters
    Python makes the layer once and repeats the reference. Keras counts it once, so a stack of three has
    the weights of one, all of them shared. Nothing fails. Measured on `[Dense(4)] * 3`: 2 trainable
    weights in place of 6, in Keras 3.15 and Keras 2.15.

    ## Example
    ```python
            self.stages = [keras.layers.Dense(units)] * 3
    ```

    ## Instead
    ```python
            self.stages = [keras.layers.Dense(units) for _ in range(3)]
    ```

    ## When it is silent
    When the repeated layer's name tells that sharing is meant (`[shared] * 3`), or is read elsewhere too;
    another name (`[layer] * 3`) makes it information only;
    when the list is only a step towards another that holds copies; for layers without weights.

    ## Fix
    A comprehension. Unsafe: there are more weights then, and older weight files no longer fit.

    ## References
    - Python: multiplying a list repeats references to its items, and copies none of them.
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.variables`: each layer once).
    - [practical_seq2seq #61](https://github.com/suriyadeepan/practical_seq2seq/issues/61): the same with
      TensorFlow 1: one LSTM cell, repeated for all the layers of a stack.
    """

    code = "KS115"
    name = "same-layer-repeated"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "A list holds one layer several times, not several layers."

    reporting = (
        Example(
            "a list times a number",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [keras.layers.Dense(4)] * 3  # <- KS115

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 6",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [keras.layers.Dense(4) for _ in range(3)]  # <- KS115

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
        ),
        Example(
            "a block times a depth",
            """\
import tensorflow as tf


class Block(tf.keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = tf.keras.layers.Dense(units)

    def call(self, x):
        return x + self.dense(x)


class Example(tf.keras.Model):
    def __init__(self, depth=3):
        super().__init__()
        blocks = depth * [Block(4)]  # <- KS115
        self.blocks = blocks

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 6",
            fixed="""\
import tensorflow as tf


class Block(tf.keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = tf.keras.layers.Dense(units)

    def call(self, x):
        return x + self.dense(x)


class Example(tf.keras.Model):
    def __init__(self, depth=3):
        super().__init__()
        blocks = [Block(4) for _ in range(depth)]  # <- KS115
        self.blocks = blocks

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x
""",
        ),
        Example(
            "in a tuple",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        stages = [keras.layers.Dense(4)] * 3  # <- KS115
        self.stages = tuple(stages)

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 6",
        ),
        Example(
            "a cached factory",
            """\
from functools import lru_cache

import keras


@lru_cache
def dense(units):
    return keras.layers.Dense(units)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [dense(4) for _ in range(3)]  # <- KS115

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 6",
        ),
        Example(
            "one layer for all keys",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.heads = dict.fromkeys(("a", "b"), keras.layers.Dense(4))  # <- KS115

    def call(self, x):
        return self.heads["a"](x) + self.heads["b"](x)
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 4",
        ),
        Example(
            "itertools.repeat",
            """\
import itertools

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = list(itertools.repeat(keras.layers.Dense(4), 3))  # <- KS115

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 6",
        ),
        Example(
            "a layer made above the loop, and above the comprehension",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        stage = keras.layers.Dense(4)
        self.stages = []
        for _ in range(3):
            self.stages.append(stage)  # <- KS115
        head = keras.layers.Dense(4)
        self.heads = [head for _ in range(2)]  # <- KS115

    def call(self, x):
        for stage in self.stages + self.heads:
            x = stage(x)
        return x
""",
            symptom="fewer-weights",
            evidence="len(layer.trainable_weights) < 10",
        ),
    )

    silent = (
        Example(
            "a layer of the loop, and one that is read elsewhere too",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = []
        for _ in range(3):
            stage = keras.layers.Dense(4)
            self.stages.append(stage)
        last = keras.layers.Dense(4)
        for _ in range(2):
            self.stages.append(last)
        self.last = last

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return self.last(x)
""",
        ),
        Example(
            "a comprehension",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [keras.layers.Dense(4) for _ in range(3)]

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            evidence="len(layer.trainable_weights) < 6",
        ),
        Example(
            "copies of each element",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        same = [keras.layers.Dense(4)] * 3
        self.stages = [keras.layers.Dense.from_config({"units": layer.units}) for layer in same]

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            evidence="len(layer.trainable_weights) < 6",
        ),
        Example(
            "weights that are shared on purpose",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        shared = keras.layers.Dense(4)
        self.stages = [shared] * 3
        self.again = [self.stages[0], shared]

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
        ),
        Example(
            "one element, values and layers without weights",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [keras.layers.Dense(4)] * 1
        self.sizes = [4] * 3
        self.later = [None] * 3
        self.between = [keras.layers.Flatten()] * 3

    def call(self, x):
        return self.between[0](self.stages[0](x))
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        seen: set[int] = set()
        for made in run.events_of(Created):
            container = made.value
            if not isinstance(container, Container) or container.site.path != run.module.path:
                continue
            repeated = _repeated(container) or _from_cache(run, container)
            named = None if repeated is not None else _by_name(container)
            repeated = repeated or named
            attribute = _held_in(run, repeated) if repeated is not None else None
            if repeated is None or attribute is None or id(container.site.node) in seen:
                continue
            if not trains(run, repeated) or not _is_used(run, repeated):
                continue
            seen.add(id(container.site.node))
            yield Report(
                container.site,
                f"{attribute} are one and the same {repeated.class_name}, with one set of weights. "
                f"Make one for each: {_instead(container, repeated)}.",
                (Related(repeated.site, f"the one {repeated.class_name} is made here"),),
                _comprehension(container.site) if container.repeated and named is None else None,
                severity="information" if named is not None else None,
            )
        yield from _put_in_turns(run)


def _instead(container: Container, layer: Layer) -> str:
    if container.kind == "dict":
        return f"`{{name: {layer.class_name}(...) for name in names}}`"
    return f"`[{layer.class_name}(...) for _ in range(n)]`"


def _put_in_turns(run: LayerRun) -> Iterator[Report]:
    """`layer = Layer(…)`, and below it a loop that puts the one layer into a list at each turn."""
    reported: list[ast.AST] = []
    for write in run.events_of(ContainerWrite):
        call, at = write.at.site.node, write.at
        if write.operation != "append" or not isinstance(call, ast.Call) or len(call.args) != 1:
            continue
        function = function_around(at.site) if isinstance(call.args[0], ast.Name) else None
        if function is None or at.site.path != run.module.path or any(call is each for each in reported):
            continue
        for layer in (option for value in write.values for option in options(value)):
            if not isinstance(layer, Layer) or not _only_meant_here(function, call.args[0], [layer]):
                continue
            loops = [
                each
                for each in ast.walk(function)
                if isinstance(each, ast.For | ast.While)
                and any(inner is call for inner in ast.walk(each))
                and not any(inner is layer.site.node for inner in ast.walk(each))
            ]
            if loops and _held_in(run, layer) is not None and trains(run, layer) and _is_used(run, layer):
                reported.append(call)
                yield Report(
                    at.site,
                    f"Every turn puts one and the same {layer.class_name} into the list, with one set of "
                    "weights. Make it inside the loop.",
                    (Related(layer.site, f"the one {layer.class_name} is made here"),),
                    severity="information",
                )


def _held_in(run: LayerRun, layer: Layer) -> str | None:
    """The attribute whose container holds the layer, or the attributes that hold it one by one."""
    for reach in run.reaches():
        if reach.value is layer and any(isinstance(step, Container) for step in reach.steps):
            return f"All elements of `{attribute_of(reach)}`"
    names = [f"`self.{name}`" for name, value in run.layer.attributes.items() if value is layer]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else None


def _is_used(run: LayerRun, layer: Layer) -> bool:
    """Whether `call` may use the layer, or a layer of Keras' own that was given it."""
    return run.used(layer) != "no" or any(
        isinstance(step, Layer) and isinstance(step.cls, Library) and run.used(step) == "yes"
        for reach in run.reaches()
        if reach.value is layer
        for step in reach.steps
    )


def _repeated(container: Container) -> Layer | None:
    """The layer that `[Layer(…)] * n` makes once, or `dict.fromkeys(names, Layer(…))`."""
    node = container.site.node
    if container.repeated and isinstance(node, ast.Call):
        inside = [each for argument in node.args for each in ast.walk(argument)]
        return next((each for each in _layers(container) if any(each.site.node is n for n in inside)), None)
    if not container.repeated or not isinstance(node, ast.BinOp):
        return None
    sides = [side for side in (node.left, node.right) if isinstance(side, ast.List | ast.Tuple)]
    counts = [side for side in (node.left, node.right) if isinstance(side, ast.Constant)]
    if len(sides) != 1 or any(count.value in (0, 1) for count in counts):
        return None
    return next(
        (each for each in _layers(container) if any(each.site.node is part for part in sides[0].elts)), None
    )


def _layers(container: Container) -> Iterator[Layer]:
    for item in container.items:
        yield from (option for option in options(item.value) if isinstance(option, Layer))


def _by_name(container: Container) -> Layer | None:
    """The layer of `layer = Layer(…)`, then `[layer] * n` or `[layer for _ in range(n)]`; not where the name
    says that it is shared, or is read elsewhere."""
    node = container.site.node
    if isinstance(node, ast.BinOp) and container.repeated:
        sides = [side for side in (node.left, node.right) if isinstance(side, ast.List | ast.Tuple)]
        part = sides[0].elts[0] if len(sides) == 1 and len(sides[0].elts) == 1 else None
    else:
        part = node.elt if isinstance(node, ast.ListComp) else None
    function = function_around(container.site) if isinstance(part, ast.Name) else None
    return _only_meant_here(function, part, _layers(container)) if function is not None else None


def _only_meant_here(function: ast.AST, part: ast.expr | None, layers: Iterable[Layer]) -> Layer | None:
    """The layer that a function makes for a variable which it reads only there, and which isn't called
    shared."""
    if not isinstance(part, ast.Name) or _SHARED.search(part.id):
        return None
    uses = [each for each in ast.walk(function) if isinstance(each, ast.Name) and each.id == part.id]
    if len(uses) != 2 or isinstance(uses[0].ctx, ast.Load) == isinstance(uses[1].ctx, ast.Load):
        return None
    made = [
        each.value
        for each in ast.walk(function)
        if isinstance(each, ast.Assign) and each.targets[0] in uses and len(each.targets) == 1
    ]
    return next((each for each in layers if any(each.site.node is value for value in made)), None)


def _from_cache(run: LayerRun, container: Container) -> Layer | None:
    """The layer that a cached factory gives to every turn of a comprehension."""
    node = container.site.node
    if not isinstance(node, ast.ListComp) or not isinstance(node.elt, ast.Call):
        return None
    turning = {
        name.id for each in node.generators for name in ast.walk(each.target) if isinstance(name, ast.Name)
    }
    if turning & {name.id for name in ast.walk(node.elt) if isinstance(name, ast.Name)}:
        return None
    for item in container.items:
        for layer in options(item.value):
            made = created_at(run, layer) if isinstance(layer, Layer) else None
            if isinstance(layer, Layer) and made is not None and made.once:
                return layer
    return None


def _comprehension(site: Site) -> MakeFix | None:
    """`[Layer(…) for _ in range(n)]` for `[Layer(…)] * n`."""
    node = site.node
    if not isinstance(node, ast.BinOp):
        return None
    elements, count = (node.left, node.right) if isinstance(node.left, ast.List) else (node.right, node.left)
    if not isinstance(elements, ast.List) or len(elements.elts) != 1:
        return None
    element = elements.elts[0]

    def make(document: Document) -> Fix | None:
        texts = []
        for part in (element, count):
            place = document.extent_of(Site(site.path, site.statement, part))
            if place is None:
                return None
            texts.append(document.text_of(place))
        edits = replace(document, site, f"[{texts[0]} for _ in range({texts[1]})]")
        return None if edits is None else Fix("Make one for each", False, edits)

    return make
