"""KS101: a layer or weight that Keras can't reach, since the object that holds it isn't followed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from kerascope.project.catalogue import LibraryClass
from kerascope.rules.hidden import (
    attribute_of,
    class_of,
    entrance,
    hands_out,
    lost_and_used,
    made_outside,
    makers,
    several,
    statement_of,
    weights_text,
)
from kerascope.rules.ks105_container_copied_on_assignment import late_writes
from kerascope.rules.places import in_own_file, told_there
from kerascope.rules.rule import Example, Fix, MakeFix, Report, Rule
from kerascope.source.document import Document
from kerascope.source.rewrite import append_to_body, insert_after
from kerascope.tracking.events import AttributeWrite, ContainerWrite
from kerascope.tracking.keras3 import COPIED
from kerascope.tracking.run import LayerRun, Reach
from kerascope.tracking.values import (
    Container,
    Function,
    Layer,
    Partial,
    Plain,
    State,
    Unknown,
    Value,
    Weight,
    options,
)

_ANOTHER_RULE = {"loss", "metric", "optimizer"}
"""Keras' own objects that aren't meant to train what they hold."""

_PUT_IN_RAW = {
    "setdefault": "Write `{}[key] = ...` instead",
    "insert": "Append it instead",
    "|=": "Use `update` instead",
}
"""How Keras 2's dicts and lists are given a list or dict that they shall look into, by what leaves it raw."""
_CONTAINERS = {
    "array": "the NumPy object array",
    "dict view": "the view of a dict",
    "iterator": "the iterator",
    "list subclass": "the subclass of `list`",
    "dict subclass": "the subclass of `dict`",
    "set subclass": "the subclass of `set`",
    "tuple subclass": "the subclass of `tuple`",
    "mappingproxy": "the `MappingProxyType`",
}
_STILL_SAVED = {"list subclass", "dict subclass"}
"""Saving looks into these by `isinstance`, though training doesn't."""

_AS_LIST = {
    **dict.fromkeys(("deque", "frozenset", "set", "UserList", "list subclass", "dict view"), "list({})"),
    "array": "list({}.flat)",
    **dict.fromkeys(
        ("UserDict", "ChainMap", "mappingproxy", "dict subclass", "defaultdict"), "list({}.values())"
    ),
}


class StateInUnfollowedObject(Rule):
    """
    ## What it does
    Reports a sublayer or weight that `call` uses, while the layer reaches it only through an object that
    Keras doesn't follow: a plain helper object, a dataclass, a `SimpleNamespace`, a `deque`, a
    `frozenset`, a NumPy object array, a dict view, a generator, a closure, a `functools.partial`, a bound
    method. In Keras 2 a set, a `defaultdict` and every subclass of `list` or `dict` too, and a list or dict
    that `setdefault`, `insert` or `|=` puts into one that is an attribute. In Keras 3 a `defaultdict` is
    followed, but it becomes a plain dict and loses its factory: looking up a missing key raises `KeyError`.

    ## Why it matters
    Keras finds weights by the attributes of layers. What it can't find there is used in every call, but
    no optimizer updates it, `summary()` doesn't count it and in most cases saving leaves it out, without
    an error. Measured on a layer whose `Dense` sits in a helper object: 2 variables used by the call, 0
    in `trainable_weights`, `fit` changes nothing, saved and loaded weights give other outputs; the same
    in Keras 3.15 and Keras 2.15. Only a model without any other weight gets a warning, in Keras 3.

    ## Example
    ```python
    class Head:
        def __init__(self, units):
            self.dense = keras.layers.Dense(units)


    class Classifier(keras.layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.head = Head(units)

        def call(self, x):
            return self.head.dense(x)
    ```

    ## Instead
    Make the helper a layer (`class Head(keras.layers.Layer)`), or assign its layer to an attribute as
    well:
    ```python
            self.head = Head(units)
            self.head_dense = self.head.dense
    ```
    Instead of a `deque`, `frozenset`, view or generator, keep a list, tuple or dict.

    ## When it is silent
    When any other attribute or followed container holds the same layer; when `call` doesn't use it; when
    it has no weights, or frozen ones; when the class reads its weights itself; when it was handed to code
    that Kerascope can't see; when it is handed out by a function that takes nothing and only returns it
    (`lambda: teacher`), the usual way to hide a model on purpose. To hide one otherwise, write
    `# kerascope: ignore[KS101]`.

    ## Fix
    Assigns the hidden layer to an attribute too. Unsafe: its weights begin to train and to be saved, and
    older weight files no longer fit.

    ## References
    - Keras 3.15.1: `keras/src/utils/tracking.py` (`Tracker.track`), `keras/src/layers/layer.py`
      (`Layer.__setattr__`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__setattr__`, `_flatten_modules`); TensorFlow
      2.15.1: `tensorflow/python/trackable/data_structures.py` (`sticky_attribute_assignment`).
    """

    code = "KS101"
    name = "state-in-unfollowed-object"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "A sublayer or weight is kept in an object that Keras doesn't look into."

    reporting = (
        Example(
            "a plain helper object",
            """\
import keras


class Head:
    def __init__(self, units):
        self.dense = keras.layers.Dense(units)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.head = Head(4)  # <- KS101

    def call(self, x):
        return self.head.dense(x)
""",
            symptom="untracked",
            fixed="""\
import keras


class Head:
    def __init__(self, units):
        self.dense = keras.layers.Dense(units)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.head = Head(4)  # <- KS101
        self.head_dense = self.head.dense

    def call(self, x):
        return self.head.dense(x)
""",
        ),
        Example(
            "a helper that is called like a layer",
            """\
from tensorflow import keras
from tensorflow.keras import layers


class FeedForward:
    def __init__(self, width):
        self.up = layers.Dense(2 * width, activation="gelu")
        self.down = layers.Dense(width)

    def __call__(self, x):
        return self.down(self.up(x))


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.norm = layers.LayerNormalization()
        self.mlp = FeedForward(4)  # <- KS101

    def call(self, x):
        return x + self.mlp(self.norm(x))
""",
            symptom="untracked",
        ),
        Example(
            "a list of helper objects",
            """\
import keras


class Branch:
    def __init__(self, units):
        self.dense = keras.layers.Dense(units)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.branches = [Branch(4), Branch(4)]  # <- KS101

    def call(self, x):
        for branch in self.branches:
            x = branch.dense(x)
        return x
""",
            symptom="untracked",
        ),
        Example(
            "helper objects appended to a list",
            """\
import keras


class Branch:
    def __init__(self, units):
        self.dense = keras.layers.Dense(units)


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.branches = []
        for _ in range(depth):
            self.branches.append(Branch(4))  # <- KS101

    def call(self, x):
        for branch in self.branches:
            x = branch.dense(x)
        return x
""",
            symptom="untracked",
        ),
        Example(
            "a helper that is given",
            """\
import keras


class Adapter:
    def __init__(self, units=4):
        self.down = keras.layers.Dense(units)

    def __call__(self, x):
        return self.down(x)


class Example(keras.layers.Layer):
    def __init__(self, adapter: Adapter | None = None):
        super().__init__()
        self.adapter = adapter or Adapter()  # <- KS101

    def call(self, x):
        return self.adapter(x)
""",
            make="Example(Adapter())",
            symptom="untracked",
            fixed="""\
import keras


class Adapter:
    def __init__(self, units=4):
        self.down = keras.layers.Dense(units)

    def __call__(self, x):
        return self.down(x)


class Example(keras.layers.Layer):
    def __init__(self, adapter: Adapter | None = None):
        super().__init__()
        self.adapter = adapter or Adapter()  # <- KS101
        self.adapter_down = self.adapter.down

    def call(self, x):
        return self.adapter(x)
""",
        ),
        Example(
            "a helper that goes over layers, as a list does",
            """\
import keras


class Stack:
    def __init__(self):
        self._parts = []

    def append(self, part):
        self._parts.append(part)

    def __iter__(self):
        return iter(self._parts)


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.stack = Stack()  # <- KS101
        for _ in range(depth):
            self.stack.append(keras.layers.Dense(4))

    def call(self, x):
        for part in self.stack:
            x = part(x)
        return x
""",
            symptom="untracked",
        ),
        Example(
            "a chain made by an operator",
            """\
import keras


class Chain:
    def __init__(self, *parts):
        self.parts = list(parts)

    def __rshift__(self, part):
        return Chain(*self.parts, part)

    def __call__(self, x):
        for part in self.parts:
            x = part(x)
        return x


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.chain = Chain(keras.layers.Dense(4)) >> keras.layers.Dense(4)  # <- KS101

    def call(self, x):
        return self.chain(x)
""",
            symptom="untracked",
        ),
        Example(
            "a helper that lists its own weights",
            """\
import keras


class Projection:
    def __init__(self):
        self.dense = keras.layers.Dense(4)

    @property
    def trainable_weights(self):
        return self.dense.trainable_weights

    @property
    def non_trainable_weights(self):
        return self.dense.non_trainable_weights


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.projection = Projection()  # <- KS101

    def call(self, x):
        return self.projection.dense(x)
""",
            symptom="untracked",
        ),
        Example(
            "a variable in a helper object",
            """\
import tensorflow as tf


class Scale:
    def __init__(self):
        self.gain = tf.Variable(1.0)


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = Scale()  # <- KS101

    def call(self, x):
        return x * self.scale.gain
""",
            symptom="untracked",
        ),
        Example(
            "a nested layer in a helper object",
            """\
import tensorflow as tf


class Linear(tf.keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), initializer="ones", name="w")

    def call(self, x):
        return tf.matmul(x, self.w)


class Block(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.linear = Linear(4)

    def call(self, x):
        return self.linear(x)


class Tools:
    pass


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        tools = Tools()
        tools.block = Block()
        self.tools = tools  # <- KS101

    def call(self, x):
        return self.tools.block(x)
""",
            symptom="untracked",
        ),
        Example(
            "a dataclass",
            """\
from dataclasses import dataclass

import keras


@dataclass
class Projections:
    query: keras.layers.Layer
    key: keras.layers.Layer


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.projections = Projections(  # <- KS101
            query=keras.layers.Dense(4),
            key=keras.layers.Dense(4),
        )

    def call(self, x):
        return self.projections.query(x) * self.projections.key(x)
""",
            symptom="untracked",
        ),
        Example(
            "a SimpleNamespace",
            """\
from types import SimpleNamespace

import keras
from keras import layers


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.parts = SimpleNamespace(encoder=layers.Dense(4), decoder=layers.Dense(4))  # <- KS101

    def call(self, x):
        return self.parts.decoder(self.parts.encoder(x))
""",
            symptom="untracked",
        ),
        Example(
            "a SimpleNamespace, by names that the caller gives",
            """\
from types import SimpleNamespace

import keras


class Example(keras.layers.Layer):
    def __init__(self, names=("query", "value")):
        super().__init__()
        self.parts = SimpleNamespace(**{name: keras.layers.Dense(4) for name in names})  # <- KS101

    def call(self, x):
        return self.parts.query(x) + self.parts.value(x)
""",
            symptom="untracked",
        ),
        Example(
            "a deque",
            """\
from collections import deque

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = deque([keras.layers.Dense(4), keras.layers.Dense(4)])  # <- KS101

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            symptom="untracked",
            fixed="""\
from collections import deque

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = deque([keras.layers.Dense(4), keras.layers.Dense(4)])  # <- KS101
        self.stages_layers = list(self.stages)

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
        ),
        Example(
            "a deque that is filled after it was assigned",
            """\
from collections import deque

import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.stack = deque()  # <- KS101
        for _ in range(depth):
            self.stack.appendleft(keras.layers.Dense(4))

    def call(self, x):
        for layer in self.stack:
            x = layer(x)
        return x
""",
            symptom="untracked",
            fixed="""\
from collections import deque

import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.stack = deque()  # <- KS101
        for _ in range(depth):
            self.stack.appendleft(keras.layers.Dense(4))
        self.stack_layers = list(self.stack)

    def call(self, x):
        for layer in self.stack:
            x = layer(x)
        return x
""",
        ),
        Example(
            "an object that gets its layers after it was assigned",
            """\
import keras


class State:
    pass


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.state = State()  # <- KS101
        self.state.encoder = keras.layers.Dense(4)

    def call(self, x):
        return self.state.encoder(x)
""",
            symptom="untracked",
            fixed="""\
import keras


class State:
    pass


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.state = State()  # <- KS101
        self.state.encoder = keras.layers.Dense(4)
        self.state_encoder = self.state.encoder

    def call(self, x):
        return self.state.encoder(x)
""",
        ),
        Example(
            "one of two helpers, each with layers of its own",
            """\
import keras


class Discrete:
    def __init__(self):
        self.head = keras.layers.Dense(4)

    def logits(self, x):
        return self.head(x)


class Gaussian:
    def __init__(self):
        self.mean = keras.layers.Dense(4)

    def logits(self, x):
        return self.mean(x)


POLICIES = {"discrete": Discrete, "gaussian": Gaussian}


class Example(keras.layers.Layer):
    def __init__(self, policy="discrete"):
        super().__init__()
        self.policy = POLICIES[policy]()  # <- KS101

    def call(self, x):
        return self.policy.logits(x)
""",
            symptom="untracked",
        ),
        Example(
            "a table of layers in a NumPy array",
            """\
import keras
import numpy as np


class Example(keras.layers.Layer):
    def __init__(self, rows=2, columns=2):
        super().__init__()
        table = np.empty((rows, columns), dtype=object)
        for row in range(rows):
            for column in range(columns):
                table[row, column] = keras.layers.Dense(4)
        self.table = table  # <- KS101

    def call(self, x):
        for layer in self.table.ravel():
            x = layer(x)
        return x
""",
            symptom="untracked",
            fixed="""\
import keras
import numpy as np


class Example(keras.layers.Layer):
    def __init__(self, rows=2, columns=2):
        super().__init__()
        table = np.empty((rows, columns), dtype=object)
        for row in range(rows):
            for column in range(columns):
                table[row, column] = keras.layers.Dense(4)
        self.table = table  # <- KS101
        self.table_layers = list(self.table.flat)

    def call(self, x):
        for layer in self.table.ravel():
            x = layer(x)
        return x
""",
        ),
        Example(
            "a frozenset",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.heads = frozenset({keras.layers.Dense(4), keras.layers.Dense(4)})  # <- KS101

    def call(self, x):
        return sum(head(x) for head in self.heads)
""",
            symptom="untracked",
        ),
        Example(
            "a NumPy array of layers",
            """\
import keras
import numpy as np


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.grid = np.array([keras.layers.Dense(4), keras.layers.Dense(4)], dtype=object)  # <- KS101

    def call(self, x):
        return self.grid[1](self.grid[0](x))
""",
            symptom="untracked",
        ),
        Example(
            "a UserList",
            """\
from collections import UserList

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stack = UserList([keras.layers.Dense(4)])  # <- KS101

    def call(self, x):
        for layer in self.stack:
            x = layer(x)
        return x
""",
            symptom="untracked",
        ),
        Example(
            "a subclass of UserList with a constructor and a method of its own",
            """\
from collections import UserList

import keras


class Stack(UserList):
    def __init__(self, *parts):
        super().__init__(parts)

    def run(self, x):
        for part in self:
            x = part(x)
        return x


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stack = Stack(keras.layers.Dense(4), keras.layers.Dense(4))  # <- KS101

    def call(self, x):
        return self.stack.run(x)
""",
            symptom="untracked",
        ),
        Example(
            "a read-only mapping",
            """\
from types import MappingProxyType

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.heads = MappingProxyType({"a": keras.layers.Dense(4), "b": keras.layers.Dense(4)})  # <- KS101

    def call(self, x):
        return self.heads["a"](x) + self.heads["b"](x)
""",
            symptom="untracked",
        ),
        Example(
            "the values of a dict",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        heads = {"mean": keras.layers.Dense(4), "scale": keras.layers.Dense(4)}
        self.heads = heads.values()  # <- KS101

    def call(self, x):
        return sum(head(x) for head in self.heads)
""",
            symptom="untracked",
        ),
        Example(
            "a generator",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = (keras.layers.Dense(4) for _ in range(2))  # <- KS101

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
""",
            symptom="untracked",
        ),
        Example(
            "a reversed list",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        layers = [keras.layers.Dense(4), keras.layers.Dense(4)]
        self.decoder = reversed(layers)  # <- KS101

    def call(self, x):
        for layer in self.decoder:
            x = layer(x)
        return x
""",
            symptom="untracked",
        ),
        Example(
            "a closure",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        dense = keras.layers.Dense(4)
        self.transform = lambda x: keras.activations.relu(dense(x))  # <- KS101

    def call(self, x):
        return self.transform(x)
""",
            symptom="untracked",
        ),
        Example(
            "lambdas with a layer as default argument",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.steps = [lambda x, d=keras.layers.Dense(4): d(x) for _ in range(2)]  # <- KS101

    def call(self, x):
        for step in self.steps:
            x = step(x)
        return x
""",
            symptom="untracked",
        ),
        Example(
            "a block made by a function",
            """\
import keras


def make_block(units):
    first = keras.layers.Dense(units, activation="relu")
    second = keras.layers.Dense(units)

    def block(x):
        return second(first(x))

    return block


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.block = make_block(4)  # <- KS101

    def call(self, x):
        return self.block(x)
""",
            symptom="untracked",
        ),
        Example(
            "functools.partial",
            """\
from functools import partial

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.project = partial(keras.layers.Dense(4))  # <- KS101

    def call(self, x):
        return self.project(x)
""",
            symptom="untracked",
        ),
        Example(
            "a bound method",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.project = keras.layers.Dense(4).__call__  # <- KS101

    def call(self, x):
        return self.project(x)
""",
            symptom="untracked",
        ),
        Example(
            "a set, in Keras 2",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.heads = {keras.layers.Dense(4), keras.layers.Dense(4)}  # <- KS101

    def call(self, x):
        return sum(head(x) for head in self.heads)
""",
            generations=(2,),
            symptom="untracked",
        ),
        Example(
            "a subclass of list, in Keras 2",
            """\
import keras


class Stack(list):
    def run(self, x):
        for layer in self:
            x = layer(x)
        return x


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stack = Stack([keras.layers.Dense(4), keras.layers.Dense(4)])  # <- KS101

    def call(self, x):
        for layer in self.stack:
            x = layer(x)
        return x
""",
            generations=(2,),
            symptom="untracked",
        ),
        Example(
            "a subclass of dict, in Keras 2",
            """\
import keras


class Registry(dict):
    pass


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.heads = Registry(a=keras.layers.Dense(4), b=keras.layers.Dense(4))  # <- KS101

    def call(self, x):
        return self.heads["a"](x) + self.heads["b"](x)
""",
            generations=(2,),
            symptom="untracked",
        ),
        Example(
            "a defaultdict that is filled by looking up",
            """\
from collections import defaultdict

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.groups = defaultdict(list)  # <- KS101
        self.groups["encoder"].append(keras.layers.Dense(4))

    def call(self, x):
        for layer in self.groups["encoder"]:
            x = layer(x)
        return x
""",
            symptom={2: "untracked", 3: "raises"},
        ),
        Example(
            "a defaultdict that counts, in Keras 3",
            """\
from collections import defaultdict

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.calls = defaultdict(int)  # <- KS101

    def call(self, x):
        self.calls["eager"] += 1
        return self.dense(x)
""",
            generations=(3,),
            symptom="raises",
        ),
        Example(
            "lists put into a dict by setdefault, in Keras 2",
            """\
from tensorflow import keras
from tensorflow.keras import layers


class Example(keras.layers.Layer):
    def __init__(self, groups=("local", "global", "local")):
        super().__init__()
        self.groups = groups
        self.heads = {}
        for group in groups:
            self.heads.setdefault(group, []).append(layers.Dense(4))  # <- KS101

    def call(self, x):
        return sum(head(x) for group in set(self.groups) for head in self.heads[group])
""",
            (2,),
            symptom="untracked",
        ),
        Example(
            "a stage inserted at the front, in Keras 2",
            """\
from tensorflow import keras
from tensorflow.keras import layers


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [[layers.Dense(4)]]
        self.stages.insert(0, [layers.Dense(4, use_bias=False)])  # <- KS101

    def call(self, x):
        for stage in self.stages:
            for layer in stage:
                x = layer(x)
        return x
""",
            (2,),
            symptom="untracked",
        ),
        Example(
            "a defaultdict filled beforehand, in Keras 2",
            """\
from collections import defaultdict

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        groups = defaultdict(list)
        groups["encoder"].append(keras.layers.Dense(4))
        self.groups = groups  # <- KS101

    def call(self, x):
        for layer in self.groups["encoder"]:
            x = layer(x)
        return x
""",
            generations=(2,),
            symptom="untracked",
        ),
        Example(
            "a UserDict made of keywords",
            """\
from collections import UserDict

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.parts = UserDict(head=keras.layers.Dense(4))  # <- KS101

    def call(self, x):
        return self.parts["head"](x)
""",
            symptom="untracked",
        ),
        Example(
            "an object of one's own that can be iterated",
            """\
import keras


class Stack:
    def __init__(self, *layers):
        self.layers = list(layers)

    def __iter__(self):
        return iter(self.layers)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stack = Stack(keras.layers.Dense(4), keras.layers.Dense(4))  # <- KS101

    def call(self, x):
        for layer in self.stack:
            x = layer(x)
        return x
""",
            symptom="untracked",
        ),
        Example(
            "a tf.function made of a layer",
            """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.head = tf.function(keras.layers.Dense(4))  # <- KS101

    def call(self, x):
        return self.head(x)
""",
            symptom="untracked",
        ),
    )

    silent = (
        Example(
            "a Sequential over layers that attributes hold as well",
            """\
from types import SimpleNamespace

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(4)
        self.second = keras.layers.Dense(4)
        self.parts = SimpleNamespace(network=keras.Sequential([self.first, self.second]))

    def call(self, x):
        return self.parts.network(x)
""",
        ),
        Example(
            "the layer is assigned as well",
            """\
import keras


class Head:
    def __init__(self, units):
        self.dense = keras.layers.Dense(units)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.head = Head(4)
        self.head_layers = [self.head.dense]

    def call(self, x):
        return self.head.dense(x)
""",
        ),
        Example(
            "all that the helper holds is assigned as well",
            """\
from dataclasses import dataclass

import keras


@dataclass
class Heads:
    first: keras.layers.Layer
    second: keras.layers.Layer


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.heads = Heads(keras.layers.Dense(4), keras.layers.Dense(4))
        self.head_layers = list(vars(self.heads).values())

    def call(self, x):
        return self.heads.second(self.heads.first(x))
""",
        ),
        Example(
            "the helper is a layer",
            """\
import keras


class Head(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = keras.layers.Dense(units)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.head = Head(4)

    def call(self, x):
        return self.head.dense(x)
""",
        ),
        Example(
            "the helper was given a layer that is an attribute",
            """\
import keras


class Runner:
    def __init__(self, layers):
        self.layers = layers

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(4)
        self.second = keras.layers.Dense(4)
        self.run = Runner((self.first, self.second))

    def call(self, x):
        return self.run(x)
""",
        ),
        Example(
            "a bare Layer as a bag",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.bag = keras.layers.Layer()
        self.bag.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.bag.dense(x)
""",
        ),
        Example(
            "lists, tuples, dicts and named tuples, nested too",
            """\
from collections import OrderedDict, namedtuple

import keras
from keras.layers import Dense

Pair = namedtuple("Pair", "a b")


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.plain = [Dense(4), None, "between", Dense(4)]
        self.fixed = (Dense(4), [Dense(4)])
        self.named = {"a": Dense(4), "rest": [Dense(4)]}
        self.ordered = OrderedDict(a=Dense(4))
        self.pair = Pair(Dense(4), Dense(4))

    def call(self, x):
        x = self.plain[3](self.plain[0](x))
        x = self.fixed[1][0](self.fixed[0](x))
        x = self.named["rest"][0](self.named["a"](x))
        x = self.ordered["a"](x)
        return self.pair.b(self.pair.a(x))
""",
        ),
        Example(
            "a weight of this layer in a helper object",
            """\
import keras


class Store:
    pass


class Example(keras.layers.Layer):
    def build(self, shape):
        self.store = Store()
        self.store.gain = self.add_weight(shape=(shape[-1],), initializer="ones", name="gain")

    def call(self, x):
        return x * self.store.gain
""",
        ),
        Example(
            "a bound method of an attribute, a lambda over self",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.project = self.dense.__call__
        self.transform = lambda x: self.dense(x)

    def call(self, x):
        return self.transform(x) + self.project(x)
""",
        ),
        Example(
            "a hidden layer without weights",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        flatten = keras.layers.Flatten()
        self.flat = lambda x: flatten(x)

    def call(self, x):
        return self.flat(self.dense(x))
""",
        ),
        Example(
            "a factory: every call makes a new layer",
            """\
from functools import partial

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.make = partial(keras.layers.Dense, 4)

    def call(self, x):
        return self.make()(x)
""",
            symptom="untracked",
        ),
        Example(
            "a teacher that is hidden on purpose",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, teacher):
        super().__init__()
        self.student = keras.layers.Dense(4)
        self._teacher = lambda: teacher

    def call(self, x):
        return self.student(x) - self._teacher()(x)
""",
            make="Example(keras.Sequential([keras.layers.Dense(4)]))",
            symptom="untracked",
        ),
        Example(
            "a hidden model that the layer makes itself",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.student = keras.layers.Dense(4)
        teacher = keras.layers.Dense(4)
        self._teacher = lambda: teacher

    def call(self, x):
        return self.student(x) - self._teacher()(x)
""",
            symptom="untracked",
        ),
        Example(
            "a set, a defaultdict filled beforehand and subclasses of list and dict, in Keras 3",
            """\
from collections import defaultdict

import keras
from keras.layers import Dense


class Stack(list):
    pass


class Registry(dict):
    pass


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.either = {Dense(4), Dense(4)}
        groups = defaultdict(list)
        groups["a"].append(Dense(4))
        self.groups = groups
        self.stack = Stack([Dense(4)])
        self.registry = Registry(a=Dense(4))

    def call(self, x):
        for layer in self.either:
            x = layer(x)
        for layer in self.groups["a"]:
            x = layer(x)
        return self.registry["a"](self.stack[0](x))
""",
            generations=(3,),
        ),
        Example(
            "setdefault on a dict that isn't an attribute yet, and of layers themselves, in Keras 2",
            """\
from tensorflow import keras
from tensorflow.keras import layers


class Example(keras.layers.Layer):
    def __init__(self, groups=("local", "global")):
        super().__init__()
        heads = {}
        for group in groups:
            heads.setdefault(group, []).append(layers.Dense(4))
        self.heads = heads
        self.norms = {}
        self.norms.setdefault("all", layers.LayerNormalization())
        self.more = {}
        self.more.setdefault("last", []).append(layers.Dense(4))
        self.last = self.more["last"]

    def call(self, x):
        x = self.norms["all"](self.heads["local"][0](x) + self.heads["global"][0](x))
        return self.more["last"][0](x)
""",
            (2,),
        ),
        Example(
            "setdefault that finds a list, in Keras 2",
            """\
from tensorflow import keras
from tensorflow.keras import layers


class Example(keras.layers.Layer):
    def __init__(self, branches=(("local", 4), ("global", 4))):
        super().__init__()
        self.heads = {name: [] for name, _ in branches}
        for name, units in branches:
            self.heads.setdefault(name, []).append(layers.Dense(units))

    def call(self, x):
        return sum(head(x) for heads in self.heads.values() for head in heads)
""",
            (2,),
        ),
        Example(
            "a defaultdict that counts, in Keras 2",
            """\
from collections import defaultdict

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.calls = defaultdict(int)

    def call(self, x):
        self.calls["eager"] += 1
        return self.dense(x)
""",
            generations=(2,),
        ),
        Example(
            "a frozen layer in a helper object",
            """\
import keras


class Teacher:
    def __init__(self, model):
        model.trainable = False
        self.model = model


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.student = keras.layers.Dense(4)
        self.teacher = Teacher(keras.layers.Dense(4))

    def call(self, x):
        return self.student(x) - self.teacher.model(x)
""",
        ),
        Example(
            "weights that the class hands to the optimizer itself",
            """\
import keras
import tensorflow as tf


class Critic:
    def __init__(self):
        self.dense = keras.layers.Dense(4)


class Example(keras.Model):
    def __init__(self):
        super().__init__()
        self.critic = Critic()

    def call(self, x):
        return self.critic.dense(x)

    def train_step(self, x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(self(x))
        weights = self.critic.dense.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"loss": loss}
""",
            symptom="untracked",
        ),
        Example(
            "a tf.Module, which Keras 2 follows and another rule tells of in Keras 3",
            """\
import tensorflow as tf


class Scale(tf.Module):
    def __init__(self):
        super().__init__()
        self.gain = tf.Variable(2.0)


class Example(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = Scale()

    def call(self, x):
        return x * self.scale.gain
""",
            symptom={3: "untracked"},
        ),
        Example(
            "a loss that holds a layer, another rule's",
            """\
import keras
import tensorflow as tf


class Perceptual(keras.losses.Loss):
    def __init__(self):
        super().__init__()
        self.features = keras.layers.Dense(4)

    def call(self, y_true, y_pred):
        return tf.reduce_mean(tf.square(self.features(y_true) - self.features(y_pred)), axis=-1)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.perceptual = Perceptual()

    def call(self, x):
        y = self.dense(x)
        self.add_loss(self.perceptual(x, y))
        return y
""",
            symptom="untracked",
        ),
        Example(
            "a tf_keras layer in a Keras 3 layer, another rule's",
            """\
import keras
import tf_keras


class Holder:
    def __init__(self):
        self.dense = tf_keras.layers.Dense(4)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.holder = Holder()

    def call(self, x):
        return self.holder.dense(x)
""",
            generations=(3,),
            symptom="untracked",
        ),
        Example(
            "a helper object without layers",
            """\
from dataclasses import dataclass, field

import keras


@dataclass
class Config:
    units: int = 4
    names: list = field(default_factory=list)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.config = Config()
        self.dense = keras.layers.Dense(self.config.units)

    def call(self, x):
        return self.dense(x)
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        found: dict[int, list[Reach]] = {}
        writes: dict[int, AttributeWrite | ContainerWrite] = {}
        for reach, write in _hidden(run):
            found.setdefault(id(write.at.site.node), []).append(reach)
            writes[id(write.at.site.node)] = write
        for node, reaches in found.items():
            yield from self._report(run, writes[node], reaches)
        if run.generation == 3:
            yield from _missing_factories(run)

    def _report(
        self, run: LayerRun, write: AttributeWrite | ContainerWrite, reaches: list[Reach]
    ) -> Iterator[Report]:
        site = in_own_file(run, write.at, told_there(run, write.at, self.check_layer))
        first = reaches[0]
        if site is None or first.breaks is None:
            return
        hidden = [reach.value for reach in reaches]
        holder, instead = _holder(first.breaks), _advice(run, first)
        if isinstance(write, ContainerWrite) and write.operation in _PUT_IN_RAW:
            holder, instead = f"what `{write.operation}` puts", _PUT_IN_RAW[write.operation]
            instead = instead.format(attribute_of(first))
        yield Report(
            site,
            f"{_subject(first)}{several(hidden)} {'are' if hidden[1:] else 'is'} only reachable through "
            f"{holder} in `{attribute_of(first)}`, which {_keras(first.breaks)} "
            f"doesn't look into: {_loss(run, hidden, first.breaks)}. {instead}.",
            makers(run, hidden),
            _assign_too(run, write, reaches),
        )


def _hidden(run: LayerRun) -> Iterator[tuple[Reach, AttributeWrite | ContainerWrite]]:
    """The objects that only an unfollowed object holds, each with the write by which that one came in."""
    late = {id(state) for write in late_writes(run) for state in write.states}
    for reach in run.reaches():
        breaks = reach.breaks
        if breaks is reach.value or not isinstance(breaks, Plain | Container | Function | Partial):
            continue
        # What a layer holds is that layer's matter: of the examined ones, or of a hidden one.
        if any(isinstance(step, Layer) for step in reach.steps[:-1]):
            continue
        if hands_out(breaks) or _is_of_another_rule(breaks):
            continue
        if id(reach.value) in late or made_outside(run, reach.value) or not lost_and_used(run, [reach.value]):
            continue
        write = entrance(run, reach.steps, next(i for i, step in enumerate(reach.steps) if step is breaks))
        if write is not None and getattr(write, "via", "plain") in ("plain", "setattr"):
            yield reach, write


def _is_of_another_rule(value: Value) -> bool:
    if not isinstance(value, Plain):
        return False
    if isinstance(value.library, LibraryClass):
        return value.library.kind in _ANOTHER_RULE
    return value.library == "tensorflow.Module"


def _subject(reach: Reach) -> str:
    """The hidden object: by the Python for the way to it, where there is any."""
    cls, last = class_of(reach.value), reach.text.rsplit(" → ", 1)[-1]
    if last.isidentifier() and isinstance(reach.breaks, Function):
        return f"`{last}` ({cls})"
    if "→" in reach.text or reach.text == attribute_of(reach):
        return f"A {cls}"
    return f"`{reach.text}` ({cls})"


def _holder(value: Value) -> str:
    """The unfollowed object, in words."""
    if isinstance(value, Plain):
        return f"the `{value.class_name}` object"
    if isinstance(value, Container) and value.cls is not None:
        return f"the `{value.cls.name}`"
    if isinstance(value, Container):
        return _CONTAINERS.get(value.kind, f"the `{value.kind}`")
    if isinstance(value, Partial):
        return "the bound method" if value.method else f"the `{value.made_by}`"
    return "the function"


def _keras(value: Value) -> str:
    """Which Keras doesn't look into it: of some kinds, only Keras 2."""
    return "Keras 2" if isinstance(value, Container) and value.kind in COPIED else "Keras"


def _loss(run: LayerRun, hidden: list[State], breaks: Value) -> str:
    saved = isinstance(breaks, Container) and breaks.kind in _STILL_SAVED
    verb = "won't be trained" if saved else "won't be trained or saved"
    if isinstance(hidden[0], Weight):
        return f"{'they' if hidden[1:] else 'it'} {verb}"
    return f"{'their' if hidden[1:] else 'its'} weights{weights_text(run, hidden)} {verb}"


def _advice(run: LayerRun, reach: Reach) -> str:
    if isinstance(reach.value, Weight) and reach.value.kind == "tf variable" and run.generation == 3:
        return "Make weights with `self.add_weight`"
    also = "assign what it holds to an attribute of the layer as well"
    if isinstance(reach.breaks, Plain) and not reach.breaks.class_name.startswith("SimpleNamespace"):
        return f"Make `{reach.breaks.class_name}` a Layer, or {also}"
    if isinstance(reach.breaks, Container):
        kind = "dict" if "values()" in _AS_LIST.get(reach.breaks.kind, "") else "list"
        return f"Keep a {kind} instead, or {also}"
    return also[0].upper() + also[1:]


def _assign_too(
    run: LayerRun, write: AttributeWrite | ContainerWrite, reaches: list[Reach]
) -> MakeFix | None:
    """Lines after the write that assign what is hidden to attributes."""
    site = statement_of(write.at)
    if site is None or not isinstance(write, AttributeWrite) or write.name is None or write.at.in_loop:
        return None
    if write.at.owner_class is None or write.at.phase not in ("init", "build"):
        return None
    lines = []
    late = False
    for reach in reaches:
        if isinstance(reach.value, Weight) and reach.value.kind == "tf variable" and run.generation == 3:
            return None
        if re.fullmatch(r"self(\.[A-Za-z]\w*){2,}", reach.text) and _is_there(run, reach.text):
            name, text = "_".join(reach.text.split(".")[1:]), reach.text
        elif isinstance(reach.breaks, Container) and len(reach.steps) == 2 and reach.breaks.kind in _AS_LIST:
            attribute = attribute_of(reach)
            name, text = f"{write.name}_layers", _AS_LIST[reach.breaks.kind].format(attribute)
        else:
            return None
        if name in run.layer.attributes or run.method(name) is not None:
            return None
        line = f"self.{name} = {text}"
        if line not in lines:
            lines.append(line)
        late = late or _comes_later(run, write, reach)
    method = run.method("__init__") if late else None
    if late and (method is None or method.owner != run.definition or write.at.method != "__init__"):
        return None

    def make(document: Document) -> Fix | None:
        code = "\n".join(lines)
        edits = append_to_body(document, method.site, code) if method else insert_after(document, site, code)
        return None if edits is None else Fix("Assign the hidden layer to an attribute as well", False, edits)

    return make


def _is_there(run: LayerRun, text: str) -> bool:
    """Whether an attribute of an attribute is there, whichever of several objects it is."""
    found: list[Value] = [run.layer]
    for name in text.split(".")[1:]:
        held = [owner.attributes.get(name) for owner in found if isinstance(owner, Layer | Plain)]
        if len(held) < sum(not isinstance(owner, Unknown) for owner in found) or None in held:
            return False
        found = [option for value in held if value is not None for option in options(value)]
    return True


def _comes_later(run: LayerRun, write: AttributeWrite, reach: Reach) -> bool:
    """Whether the hidden object gets into its holder only after that was assigned to the attribute."""
    events = run.all_events
    for event in reversed(events):
        if event is write:
            return False
        if isinstance(event, AttributeWrite):
            holder: Value = event.owner
            put = options(event.value)
        elif isinstance(event, ContainerWrite):
            holder = event.container
            put = tuple(option for value in event.values for option in options(value))
        else:
            continue
        if any(step is holder for step in reach.steps) and any(
            p is step for p in put for step in reach.steps
        ):
            return True
    return False


def _missing_factories(run: LayerRun) -> Iterator[Report]:
    """Keras 3: a `defaultdict`, empty when it is assigned, is looked up as if it still made items."""
    for write in run.events_of(AttributeWrite):
        value = write.value
        if write.owner is not run.layer or write.name is None or not isinstance(value, Container):
            continue
        if value.kind != "defaultdict" or value.open or not _is_empty(value) or _is_filled(run, write):
            continue
        site = in_own_file(run, write.at)
        if site is not None and _is_looked_up(run, write.name):
            yield Report(
                site,
                f"Keras 3 turns the `defaultdict` in `self.{write.name}` into a dict without its factory: "
                f"looking up a missing key raises KeyError. Keep a dict and put missing items in yourself.",
            )


def _is_empty(value: Container) -> bool:
    """Whether a `defaultdict` has nothing but its factory."""
    factories = [item for item in value.items if getattr(item.key, "value", None) == "*factory*"]
    return len(factories) == 1 == len(value.items)


def _is_filled(run: LayerRun, write: AttributeWrite) -> bool:
    """Whether items are put in through the attribute, or it is assigned more than once."""
    for event in run.events:
        if isinstance(event, AttributeWrite) and event is not write:
            if event.owner is run.layer and event.name == write.name:
                return True
        elif isinstance(event, ContainerWrite) and event.container is write.stored:
            statement = event.at.statement
            if not (isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Subscript)):
                return True
    return False


def _is_looked_up(run: LayerRun, name: str) -> bool:
    """Whether the layer's methods read `self.name[key]` without asking whether the key is there."""
    for method in (run.method("__init__"), run.own_build(), run.method("call")):
        if method is None:
            continue
        text = ast.unparse(method.node)
        if f"in self.{name}" in text:
            return False
        for node in ast.walk(method.node):
            if not isinstance(node, ast.Subscript) or ast.unparse(node.value) != f"self.{name}":
                continue
            if isinstance(node.ctx, ast.Load) or f"{ast.unparse(node)} +=" in text:
                return True
    return False
