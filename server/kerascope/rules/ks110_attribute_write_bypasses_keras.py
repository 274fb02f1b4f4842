"""KS110: state stored on the layer in a way that Keras' `__setattr__` never sees."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kerascope.rules.hidden import created_at, lost_and_used, makers, statement_of, weights_text
from kerascope.rules.places import in_own_file
from kerascope.rules.rule import Example, Fix, MakeFix, Report, Rule
from kerascope.source.document import Document, Site
from kerascope.source.rewrite import replace
from kerascope.tracking.events import AttributeWrite
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Layer

_WAYS = {
    "__dict__": "is put into the layer's `__dict__`",
    "object.__setattr__": "is stored by `object.__setattr__`",
    "cached_property": "is kept by a `cached_property`",
    "own __setattr__": "is stored by your own `__setattr__`, which doesn't call `super().__setattr__`",
}


class AttributeWriteBypassesKeras(Rule):
    """
    ## What it does
    Reports a layer or weight that is stored by `self.__dict__[...]`, `vars(self)[...]`,
    `object.__setattr__(self, ...)`, a `functools.cached_property`, or under a `__setattr__` of your own
    that doesn't call `super().__setattr__`.

    ## Why it matters
    Keras learns of a sublayer when it is assigned: `Layer.__setattr__` notes it. What is put past it is
    an attribute like any other and works in `call`, but its weights aren't the layer's. Measured on
    `self.__dict__["dense"] = Dense(4)`: 2 variables used, 0 trainable, `fit` changes nothing; the same in
    Keras 3.15 and Keras 2.15.

    ## Example
    ```python
            object.__setattr__(self, "dense", keras.layers.Dense(4))
    ```

    ## Instead
    ```python
            self.dense = keras.layers.Dense(4)
    ```
    Instead of a `cached_property`, make the layer in `__init__` or `build`.

    ## When it is silent
    For `setattr(self, name, layer)` and `self.__setattr__(name, layer)`, which Keras sees; when the layer
    is an attribute or in a followed container as well; for values without weights; for a layer that the
    constructor is given, whose weights may be those of whoever made it.

    ## Fix
    A plain assignment. Safe; for a `cached_property` and a `__setattr__` of your own there is none.

    ## References
    - Keras 3.15.1: `keras/src/layers/layer.py` (`Layer.__setattr__`).
    - Keras 2.15.0: `keras/src/engine/base_layer.py` (`Layer.__setattr__`).
    - [keras #19908](https://github.com/keras-team/keras/pull/19908): a discussion of the same: what is
      stored without `__setattr__` works, and isn't tracked.
    """

    code = "KS110"
    name = "attribute-write-bypasses-keras"
    severity = {2: "warning", 3: "warning"}  # noqa: RUF012
    summary = "A layer or weight is stored past Keras' `__setattr__`."

    reporting = (
        Example(
            "through __dict__",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.__dict__["dense"] = keras.layers.Dense(4)  # <- KS110

    def call(self, x):
        return self.dense(x)
""",
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)  # <- KS110

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "through vars",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        for name in ("first", "second"):
            vars(self)[name] = keras.layers.Dense(4)  # <- KS110

    def call(self, x):
        return self.second(self.first(x))
""",
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        for name in ("first", "second"):
            setattr(self, name, keras.layers.Dense(4))  # <- KS110

    def call(self, x):
        return self.second(self.first(x))
""",
        ),
        Example(
            "through object.__setattr__",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        object.__setattr__(self, "head", keras.layers.Dense(4))  # <- KS110

    def call(self, x):
        return self.head(x)
""",
            symptom="untracked",
            fixed="""\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.head = keras.layers.Dense(4)  # <- KS110

    def call(self, x):
        return self.head(x)
""",
        ),
        Example(
            "an update of __dict__",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.__dict__.update(query=keras.layers.Dense(4), key=keras.layers.Dense(4))  # <- KS110

    def call(self, x):
        return self.query(x) * self.key(x)
""",
            symptom="untracked",
        ),
        Example(
            "a cached property",
            """\
from functools import cached_property

import keras


class Example(keras.layers.Layer):
    @cached_property
    def dense(self):
        return keras.layers.Dense(4)  # <- KS110

    def call(self, x):
        return self.dense(x)
""",
            symptom="untracked",
        ),
        Example(
            "a cached property, touched in the constructor",
            """\
from functools import cached_property

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense

    @cached_property
    def dense(self):
        return keras.layers.Dense(4)  # <- KS110

    def call(self, x):
        return self.dense(x)
""",
            symptom="untracked",
        ),
        Example(
            "a __setattr__ that doesn't call super",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)  # <- KS110

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)

    def call(self, x):
        return self.dense(x)
""",
            symptom="untracked",
        ),
        Example(
            "a __setattr__ that lets Keras see some names only",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self._inner = keras.layers.Dense(units)  # <- KS110
        self.outer = keras.layers.Dense(units)

    def __setattr__(self, name, value):
        if name.startswith("_inner"):
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    def call(self, x):
        return self.outer(self._inner(x))
""",
            symptom="untracked",
        ),
        Example(
            "all local names",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        inner = keras.layers.Dense(units)
        self.__dict__.update({k: v for k, v in locals().items() if k in ("units", "inner")})  # <- KS110

    def call(self, x):
        return self.inner(x)
""",
            symptom="untracked",
        ),
    )

    silent = (
        Example(
            "a layer that whoever made it has among its own",
            """\
import keras


class Tied(keras.layers.Layer):
    def __init__(self, embedding: keras.layers.Dense):
        super().__init__()
        object.__setattr__(self, "embedding", embedding)

    def call(self, x):
        return self.embedding(x)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.embedding = keras.layers.Dense(4)
        self.tied = Tied(self.embedding)

    def call(self, x):
        return self.tied(self.embedding(x))
""",
        ),
        Example(
            "setattr in a loop",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, depth=2):
        super().__init__()
        self.depth = depth
        for i in range(depth):
            setattr(self, f"dense_{i}", keras.layers.Dense(4))

    def call(self, x):
        for i in range(self.depth):
            x = getattr(self, f"dense_{i}")(x)
        return x
""",
        ),
        Example(
            "self.__setattr__",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.__setattr__("dense", keras.layers.Dense(4))

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a __setattr__ that calls super",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.names = []
        self.dense = keras.layers.Dense(4)

    def __setattr__(self, name, value):
        if isinstance(value, keras.layers.Layer):
            self.names.append(name)
        super().__setattr__(name, value)

    def call(self, x):
        return self.dense(x)
""",
        ),
        Example(
            "a __setattr__ that keeps other values from Keras, local names by setattr",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        inner = keras.layers.Dense(units)
        for name, value in list(locals().items()):
            if name in ("units", "inner"):
                setattr(self, name, value)

    def __setattr__(self, name, value):
        if isinstance(value, int):
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def call(self, x):
        return self.inner(x)
""",
        ),
        Example(
            "the layer is an attribute as well",
            """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.__dict__["alias"] = self.dense

    def call(self, x):
        return self.alias(x)
""",
        ),
        Example(
            "plain values",
            """\
from functools import cached_property

import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)
        self.__dict__["units"] = 4
        object.__setattr__(self, "scale", 0.5)

    @cached_property
    def factor(self):
        return self.units * self.scale

    def call(self, x):
        return self.dense(x) * self.factor
""",
        ),
    )

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        seen: set[int] = set()
        for write in run.events_of(AttributeWrite):
            found = (
                lost_and_used(run, [write.value]) if write.owner is run.layer and write.via in _WAYS else []
            )
            found = [state for state in found if created_at(run, state) is not None]
            site = _place(run, write, found[0].site) if found else None
            if site is None or id(site.node) in seen:
                continue
            seen.add(id(site.node))
            what = f"This {found[0].class_name}" if isinstance(found[0], Layer) else "This variable"
            advice = (
                "Make it in `__init__` or `build`, and assign it to an attribute"
                if write.via == "cached_property"
                else "Call `super().__setattr__(name, value)` there"
                if write.via == "own __setattr__"
                else f"Write `self.{write.name} = ...`"
                if write.name is not None
                else "Use `setattr(self, name, ...)`"
            )
            yield Report(
                site,
                f"{what} {_WAYS[write.via]}, past Keras: its weights{weights_text(run, found)} won't be "
                f"trained. {advice}.",
                makers(run, found),
                _plain_assignment(write),
            )


def _place(run: LayerRun, write: AttributeWrite, made: Site) -> Site | None:
    """The write; for a property, the line that makes its value."""
    if write.via == "cached_property":
        return made if made.path == run.module.path else None
    return in_own_file(run, write.at)


def _plain_assignment(write: AttributeWrite) -> MakeFix | None:
    """`self.name = value`, or `setattr` where the name is computed."""
    site = statement_of(write.at)
    if site is None:
        return None
    parts = _parts(site.node)
    if parts is None:
        return None
    owner, name, value = parts

    def make(document: Document) -> Fix | None:
        texts = []
        for part in (owner, name, value):
            place = document.extent_of(Site(site.path, site.statement, part))
            if place is None:
                return None
            texts.append(document.text_of(place))
        if isinstance(name, ast.Constant) and isinstance(name.value, str) and name.value.isidentifier():
            code = f"{texts[0]}.{name.value} = {texts[2]}"
        else:
            code = f"setattr({texts[0]}, {texts[1]}, {texts[2]})"
        edits = replace(document, site, code)
        return None if edits is None else Fix("Assign it to the attribute", True, edits)

    return make


def _parts(node: ast.AST) -> tuple[ast.expr, ast.expr, ast.expr] | None:
    """Object, name and value of `self.__dict__[name] = value` and its relatives."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Subscript):
        target = node.targets[0]
        if isinstance(target.value, ast.Attribute) and target.value.attr == "__dict__":
            return target.value.value, target.slice, node.value
        if isinstance(target.value, ast.Call) and len(target.value.args) == 1:
            return target.value.args[0], target.slice, node.value
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and len(node.value.args) == 3:
        function = node.value.func
        if isinstance(function, ast.Attribute) and ast.unparse(function) == "object.__setattr__":
            return node.value.args[0], node.value.args[1], node.value.args[2]
    return None
