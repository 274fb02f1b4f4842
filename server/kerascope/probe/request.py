"""What the worker is asked: the code to run, the ways to build the layer, and the limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Plain: TypeAlias = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input tensor. `None` in `shape` may vary: the worker feeds 2 for the first dimension, else 3."""

    shape: tuple[int | None, ...]
    dtype: str = "float32"


@dataclass(frozen=True, slots=True)
class Value:
    """An argument that is no tensor: `training=True`."""

    value: Plain


@dataclass(frozen=True, slots=True)
class Items:
    """A structure of inputs."""

    kind: Literal["list", "tuple"]
    items: tuple[Input, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A dictionary of inputs."""

    items: Mapping[str, Input]


Input: TypeAlias = TensorSpec | Value | Items | Named


@dataclass(frozen=True, slots=True)
class Inputs:
    """The arguments of the layer's call."""

    positional: tuple[Input, ...]
    named: Mapping[str, Input]


Origin = Literal["given", "comment", "usage", "outer", "search"]
"""Who says how to build: the command line, the comment above the class, the file's own code, the way in which
an outer layer makes it, nobody."""


@dataclass(frozen=True, slots=True)
class Direct:
    """`Class(<init>)`, then a call on `inputs`.

    `init`: the text of the arguments, evaluated in the class's module; None: found by the constructor's
    defaults, annotations and parameters' names. `inputs` None: found by trying common ranks and sizes.
    """

    origin: Origin
    init: str | None
    inputs: Inputs | None
    path: str | None = None
    line: int | None = None
    """Where the file says so, counted from 1."""
    example: bool = False
    """See `Program.example`."""


@dataclass(frozen=True, slots=True)
class Program:
    """The file's own statements that make and call the layer.

    `text` is a program in the namespace of `module` (blanked like a slice, so its lines are the file's); it
    is run while the class's constructor and call are watched. `expression`: instead of a watched statement,
    what to evaluate afterwards, for a function that must be called first ("make_model(3)").
    """

    origin: Origin
    module: str
    text: str
    path: str
    line: int
    expression: str | None = None
    example: bool = False
    """It isn't the file's own code as it is: an example in a docstring, or with values of ours for the
    command line's. What it raises is no defect of the class."""
    prepared: bool = False
    """The layer is changed between its constructor and its call (`layer.adapt(words)`): a fresh one needs
    that, too."""


@dataclass(frozen=True, slots=True)
class Outer:
    """The layer as another class of the slice makes and calls it."""

    origin: Origin
    class_name: str
    recipe: Direct | Program
    path: str
    line: int


Recipe: TypeAlias = Direct | Program | Outer


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Statements that aren't run, and why. Lines count from 1."""

    path: str
    line: int
    end_line: int
    text: str
    why: str
    names: tuple[str, ...] = ()
    """What they would have defined, for the message if the class turns out to need it."""


@dataclass(frozen=True, slots=True)
class SlicedModule:
    """A module of the project as far as it is run: statements left out are blank lines, so lines stay."""

    name: str
    path: str
    text: str
    is_package: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """All that must run before the class can be made. `target` is the module of the class."""

    modules: tuple[SlicedModule, ...]
    target: str
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for one check, megabytes that it may take beyond what the warm worker has, bytes of output."""

    seconds: float = 60.0
    memory: int = 4096
    output: int = 20_000


@dataclass(frozen=True, slots=True)
class Request:
    """One build check; `recipes` are tried in order. Frames in the folder `root` are the user's.

    `generation`: 2 where the file is checked for tf_keras although `import keras` gives Keras 3 (the worker
    then sets TF_USE_LEGACY_KERAS and takes tf_keras for `tf.keras`); None: what the imports give.
    `call`: text of further keyword arguments of the call, from `--call`.
    """

    class_name: str
    slice: Slice
    recipes: tuple[Recipe, ...]
    root: str
    call: str = ""
    limits: Limits = Limits()
    gpu: bool = False


def to_json(value: object) -> Any:
    """A request as JSON: dataclasses become objects with their class's name under "is"."""
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    fields = getattr(value, "__dataclass_fields__", None)
    if fields is None:
        return value
    return {"is": type(value).__name__, **{name: to_json(getattr(value, name)) for name in fields}}
