"""Abstract values: what an expression can be while a layer class is run symbolically.

Values that have an identity in Python have one here, and change as the run goes on; everything else is
a frozen value. A value that can't be known is `UNKNOWN`, and no rule speaks of it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kerascope.project.catalogue import LibraryClass
from kerascope.project.meaning import ClassDefinition, FunctionDefinition, Library, ModuleDefinition
from kerascope.source.document import Site
from kerascope.source.frozen import frozen

Phase = Literal["init", "build", "call", "class body", "module", "other"]
"""In which part of a layer's life something happens: its constructor, `build`, `call`, the class body,
outside every class ("module"), or a method that none of these uses ("other")."""


WeightKind = Literal["weight", "keras variable", "tf variable"]


class Unknown:
    """A value about which nothing is known."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@frozen
class Constant:
    """A literal: a number, a string, None, True, False, Ellipsis or bytes."""

    value: object


@frozen
class ClassValue:
    """A class: one that a file defines, or a library's."""

    meaning: ClassDefinition | Library


@frozen
class LibraryValue:
    """A library's function, module or constant, by name."""

    name: str
    origin: str | None = None


@frozen
class ModuleValue:
    """A module whose file we read."""

    meaning: ModuleDefinition


@frozen
class Choice:
    """One of several values, by a condition that the run doesn't know."""

    options: tuple[Value, ...]


@frozen
class Tensor:
    """A tensor. `weights` are the weights and variables that it was computed from, `phase` says when,
    `site` the computation (None: it came from outside). `made_by` is the library function
    ("tensorflow.random.normal")."""

    weights: frozenset[Weight] = frozenset()
    phase: Phase = "call"
    site: Site | None = None
    made_by: str | None = None
    layers: frozenset[Layer] = frozenset()
    """The layers that were called on the way: a functional model over this tensor holds them."""


class _Object:
    """What has an identity shows its class and what it is, not all that it holds: objects hold each other."""

    __slots__ = ()

    def __repr__(self) -> str:
        name = (
            getattr(self, "class_name", None) or getattr(self, "kind", None) or getattr(self, "method", None)
        )
        return f"<{type(self).__name__} {name or ''}>"


@dataclass(eq=False, slots=True, repr=False)
class Layer(_Object):
    """A layer or model object.

    `cls`: its class; `library`: that class or its nearest base in Keras' catalogue. `site`: the expression
    that made it (for the layer under examination, the class itself). `attributes`: what its attributes can
    hold at the end of the run. `tracked`: what its own tracker holds under the generation of the run (not
    transitive; Keras 2 also containers and tf.Modules, whose contents it reads when asked). `phase`: the part
    of the life of the layer whose method made it.
    """

    cls: ClassDefinition | Library
    library: LibraryClass | None
    site: Site
    phase: Phase
    attributes: dict[str, Value] = field(default_factory=dict)
    tracked: list[Layer | Weight | Container | Plain] = field(default_factory=list)
    arguments: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)
    many: bool = False
    """Stands for several objects made by the same expression in a loop whose turns aren't known."""
    conditional: bool = False
    """Made under a condition that the run couldn't decide."""
    cached: bool = False
    """Made by a function whose result is cached (`lru_cache`), which may serve other objects too."""
    knows_input: bool = False
    """A model whose input shape is given with it: it is built as soon as it is made."""
    open: bool = False
    """May hold sublayers or weights that the run doesn't know (a functional model of unknown outputs,
    say)."""

    @property
    def class_name(self) -> str:
        return self.cls.name.rsplit(".", 1)[-1]


@dataclass(eq=False, slots=True, repr=False)
class Weight(_Object):
    """A weight or variable object.

    `kind`: "weight" (`self.add_weight`), "keras variable" (`keras.Variable`) or "tf variable"
    (`tf.Variable`).
    `owner`: the layer on which `add_weight` was called. `call`: the call that made it.
    """

    kind: WeightKind
    site: Site
    call: ast.Call
    phase: Phase
    owner: Layer | None = None
    trainable: bool | None = True
    """None: not known."""
    conditional: bool = False
    many: bool = False


@frozen
class Item:
    """An element of a container: `key` is a dict key or a known index, else UNKNOWN."""

    key: Value
    value: Value
    site: Site


KEYED = frozenset(
    ("dict", "OrderedDict", "defaultdict", "dict subclass", "UserDict", "ChainMap", "mappingproxy")
)
"""Kinds of containers that give their keys when they are iterated."""


@dataclass(eq=False, slots=True, repr=False)
class Container(_Object):
    """A list, dict, tuple, set or a relative.

    `kind` is the Python type: "list", "dict", "tuple", "set", "OrderedDict", "namedtuple", "frozenset",
    "deque", "defaultdict", "UserList", "UserDict", "ChainMap", "mappingproxy", "dict view", "iterator",
    "array", "list subclass", "dict subclass" …
    `tracker`: Keras 3, the layer whose tracked container this is. `copy_of`: Keras 3, the user's own object
    that was copied when this one was assigned to an attribute. `open`: may hold elements that the run doesn't
    know.
    """

    kind: str
    site: Site
    items: list[Item] = field(default_factory=list)
    tracker: Layer | None = None
    copy_of: Container | None = None
    open: bool = False
    repeated: bool = False
    """Made by `[x] * n`: all elements are the same object."""
    cls: ClassDefinition | None = None
    """The user's class, for one that derives from a container of Python's; its attributes aren't kept."""


@dataclass(eq=False, slots=True, repr=False)
class Plain(_Object):
    """An object of a class that is no layer: the user's helper, dataclass, SimpleNamespace, tf.Module, Loss …

    `library`: its catalogue class or the dotted name of its nearest library base, None for a plain class.
    """

    cls: ClassDefinition | Library
    site: Site
    attributes: dict[str, Value] = field(default_factory=dict)
    library: LibraryClass | str | None = None
    dataclass: bool = False

    @property
    def class_name(self) -> str:
        return self.cls.name.rsplit(".", 1)[-1]


@dataclass(eq=False, slots=True, repr=False)
class Function(_Object):
    """A function made while running: a lambda, an inner `def`, a method bound to `bound`, a module-level
    function.

    `closure`: the enclosing scopes' variables that it can see (innermost last), shared with those scopes.
    """

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    site: Site
    module_path: str
    closure: tuple[dict[str, Value], ...] = ()
    bound: Value | None = None
    defaults: dict[str, Value] = field(default_factory=dict)
    owner: ClassDefinition | None = None
    """The class whose body defines it, for methods."""
    definition: FunctionDefinition | None = None
    cached: bool = False
    """Decorated with functools.cache or lru_cache."""


@dataclass(eq=False, slots=True, repr=False)
class Partial(_Object):
    """`functools.partial(function, …)`, or a bound method of a library object (`Dense(4).__call__`)."""

    function: Value
    site: Site
    arguments: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)
    method: str | None = None
    """For a bound method: its name; `function` is then the object."""
    made_by: str = "functools.partial"


Value: TypeAlias = (
    Unknown
    | Constant
    | ClassValue
    | LibraryValue
    | ModuleValue
    | Choice
    | Tensor
    | Layer
    | Weight
    | Container
    | Plain
    | Function
    | Partial
)

State: TypeAlias = Layer | Weight
"""What Keras would have to know of."""


MAX_OPTIONS = 8
"""Of how many values one may be; objects are never dropped, up to `MAX_OBJECTS`."""

MAX_OBJECTS = 256


def options(value: Value) -> tuple[Value, ...]:
    """The values that `value` can be."""
    return value.options if isinstance(value, Choice) else (value,)


def join(values: Iterable[Value]) -> Value:
    """One of `values`, it isn't known which."""
    values = list(values)
    if len(values) == 1:
        return values[0]
    first = values[0] if values else None
    if first is not None and all(value is first for value in values):
        return first
    found: dict[object, Value] = {}
    tensors: list[Tensor] = []
    for value in values:
        for option in value.options if isinstance(value, Choice) else (value,):
            if isinstance(option, Tensor):
                tensors.append(option)
            else:
                known = found.setdefault(_same(option), option)
                if known is not option and _origin(option) == "tf":
                    found[_same(option)] = option
    if tensors:
        found[Tensor] = _join_tensors(tensors)
    if not found:
        return Constant(None)
    joined = list(found.values())
    if len(joined) > MAX_OPTIONS:
        joined.sort(key=lambda option: isinstance(option, (Constant, Unknown, Tensor)))
        objects = sum(not isinstance(option, (Constant, Unknown, Tensor)) for option in joined)
        joined = joined[: min(max(objects, MAX_OPTIONS), MAX_OBJECTS)]
    return joined[0] if len(joined) == 1 else Choice(tuple(joined))


def _same(option: Value) -> object:
    """What two values have in common that are the same: Keras' own, imported from TensorFlow or from Keras,
    whichever is there, too. Of these, "tf" stands for both: it says less of which Keras it is."""
    if isinstance(option, Constant):
        return option
    named = option.meaning if isinstance(option, ClassValue) else option
    if isinstance(named, Library | LibraryValue):
        return type(named), named.name, named.origin == "tf_keras"
    return named if isinstance(option, ClassValue) else id(option)


def _origin(option: Value) -> str | None:
    named = option.meaning if isinstance(option, ClassValue) else option
    return named.origin if isinstance(named, Library | LibraryValue) else None


def _join_tensors(tensors: list[Tensor]) -> Tensor:
    """One tensor that comes from all that any of these comes from."""
    first = next((tensor for tensor in tensors if tensor.weights), tensors[0])
    if all(tensor is first for tensor in tensors):
        return first
    weights = frozenset(weight for tensor in tensors for weight in tensor.weights)
    layers = frozenset(layer for tensor in tensors for layer in tensor.layers)
    if weights == first.weights and layers == first.layers:
        return first
    return Tensor(weights, first.phase, first.site, first.made_by, layers)
