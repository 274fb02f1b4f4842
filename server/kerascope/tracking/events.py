"""What happens during a symbolic run, in order: rules read these."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Literal, TypeAlias

from kerascope.project.meaning import ClassDefinition
from kerascope.source.document import Site
from kerascope.source.frozen import frozen
from kerascope.tracking.values import Container, Layer, Phase, Plain, Value, Weight


@frozen
class Context:
    """Where in the run something happens.

    `site`: the statement or expression. `statement`: the innermost statement that contains it. `method`: the
    function being run, `owner_class` the class that defines that method (None: a plain function). `subject`:
    the layer whose constructor, `build` or `call` is running (None: code outside layers), `phase` which of
    them. `guards`: the conditions of the `if`, `while` and conditional expressions around it, in every
    function on the way from there, innermost last; `conditional`: one of them couldn't be decided; `in_loop`
    likewise;
    `once`: inside a function whose result is cached (`lru_cache`, `cached_property`). `calls`: the calls on
    the way, outermost first.
    """

    site: Site
    statement: ast.stmt | None
    method: str | None
    owner_class: str | None
    phase: Phase
    subject: Layer | None = None
    guards: tuple[ast.expr, ...] = ()
    conditional: bool = False
    in_loop: bool = False
    once: bool = False
    calls: tuple[Site, ...] = ()


@frozen
class Created:
    """A layer, weight, container or plain object was made."""

    at: Context
    value: Layer | Weight | Container | Plain


@frozen
class AttributeWrite:
    """`owner.name = value`. `stored` is what the attribute holds then (Keras 3 copies containers). `via` is
    how."""

    at: Context
    owner: Layer | Plain
    name: str | None
    """None: a name that isn't known, as in `setattr(self, f"dense_{i}", …)`."""
    value: Value
    stored: Value
    via: Literal["plain", "setattr", "__dict__", "object.__setattr__", "cached_property", "own __setattr__"]


@frozen
class StoredOutside:
    """A class's attribute was assigned (`type(self).dense = …`), or a `global` variable (`cls` None)."""

    at: Context
    cls: ClassDefinition | None
    name: str
    value: Value


@frozen
class AttributeDeleted:
    """`del owner.name`."""

    at: Context
    owner: Layer | Plain
    name: str


@frozen
class AttributeRead:
    """`owner.name` of a layer was read (only attributes that Keras owns: `weights`, `_trainable_weights`,
    `kernel` …)."""

    at: Context
    owner: Layer
    name: str


@frozen
class ModuleRead:
    """`module.trainable_variables` or `.variables` of a `tf.Module` that is no layer was read."""

    at: Context
    owner: Plain
    name: str


@frozen
class ContainerWrite:
    """A write into a container.

    `operation`: the method's name ("append", "insert", "extend", "setdefault", "update", "add", "appendleft",
    …), "[]=" for an index or key, "[:]=" for a slice, "+=" or "|=" on the container itself
    (`through_attribute` tells
    `self.ls += …`, which assigns the attribute again, from `ls += …`).
    """

    at: Context
    container: Container
    operation: str
    values: tuple[Value, ...]
    through: ast.expr
    """The expression by which the container was named: `ls`, `self.ls`, `self.ls[-1]`."""

    @property
    def through_attribute(self) -> bool:
        return isinstance(self.through, ast.Attribute)


@frozen
class LayerCalled:
    """A layer was called: `layer(x)`, or `layer.call(x)` (`method` "call", "__call__" otherwise)."""

    at: Context
    layer: Layer
    call: ast.Call
    arguments: tuple[Value, ...]
    method: str = "__call__"


@frozen
class LayerBuilt:
    """`layer.build(…)` was called, straight or by `super().build(…)` (`by_super`)."""

    at: Context
    layer: Layer
    call: ast.Call
    by_super: bool = False


@frozen
class Used:
    """The value of a weight or variable, or of a tensor made from weights, took part in a computation."""

    at: Context
    value: Value
    through: ast.expr


@frozen
class AddWeight:
    """`layer.add_weight(…)` was called. `keywords`: its keyword arguments, those of `**kwargs` too."""

    at: Context
    owner: Layer
    call: ast.Call
    weight: Weight
    keywords: Mapping[str, Value]
    arguments: tuple[Value, ...] = ()
    """The positional ones."""


@frozen
class InitReached:
    """Keras' own `__init__` was reached for `layer` (by super, or by naming the class). `trainable`: its
    argument of this name, if it is given."""

    at: Context
    layer: Layer
    trainable: Value | None = None


@frozen
class PrivateListWrite:
    """`layer._trainable_weights.append(…)`, `… = …`, `… += …` or a relative; `operation` as in
    ContainerWrite, "=" too."""

    at: Context
    layer: Layer
    name: str
    operation: str
    values: tuple[Value, ...]
    sources: tuple[ast.expr, ...]


@frozen
class LayerMethod:
    """Another of Keras' own methods was called on a layer: `summary`, `count_params`, `load_weights`, `fit`,
    `compile`, `add` …"""

    at: Context
    layer: Layer
    name: str
    call: ast.Call
    arguments: tuple[Value, ...] = ()
    """With those by keyword."""


@frozen
class Checkpointed:
    """A layer was given to `tf.train.Checkpoint`."""

    at: Context
    layer: Layer


@frozen
class Escaped:
    """A value was handed to code that the run can't see, which may build, track or call it."""

    at: Context
    value: Value
    to: str | None


Event: TypeAlias = (
    Created
    | AttributeWrite
    | StoredOutside
    | AttributeDeleted
    | AttributeRead
    | ModuleRead
    | ContainerWrite
    | LayerCalled
    | LayerBuilt
    | Used
    | AddWeight
    | InitReached
    | PrivateListWrite
    | LayerMethod
    | Checkpointed
    | Escaped
)
