"""What Keras' own classes are like, per generation: data generated from the real packages.

`keras3.json` and `keras2.json` are written by `server/generate_catalogue.py`; the server needs no Keras.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

Generation = Literal[2, 3]

Overwriting = Literal["layer", "layers", "flag"]
"""What an attribute of Keras' own is overwritten with."""


@dataclass(frozen=True, slots=True)
class LibraryClass:
    """One class of Keras: the public ones, and the private bases of these.

    `kind`: "layer", "model", "metric", "loss", "optimizer", "initializer", "regularizer", "constraint",
    "seed_generator", "variable" or "other". `has_weights`: whether an instance owns weights of its own after
    a build ("yes"; "no"; "depends" on its arguments or on the layers it wraps). `has_seed`: whether it owns
    a seed generator. `bases`: canonical names in method resolution order, itself left out.
    `init`/`build`/`call`: parameter names in order without self. `own_build`, `own_compute_output_shape`:
    whether it or a base below Layer overrides it. `wraps`: constructor parameters that take layers.
    `builds_in_init`: weights exist straight after construction.

    `weights`: names of the weights after a typical build ("kernel", "query/kernel"), empty where they depend
    on what is wrapped. `non_trainable`: those of them that don't train. `optional_weights`: weight → the
    constructor keyword that takes it away when False. `added_weights`: weight → the keyword that adds it
    when True.
    """

    name: str
    kind: str
    has_weights: Literal["yes", "no", "depends"]
    has_seed: bool
    bases: tuple[str, ...]
    init: tuple[str, ...]
    build: tuple[str, ...]
    call: tuple[str, ...]
    own_build: bool
    own_compute_output_shape: bool
    wraps: tuple[str, ...]
    builds_in_init: bool
    weights: tuple[str, ...] = ()
    non_trainable: tuple[str, ...] = ()
    optional_weights: Mapping[str, str] = field(default_factory=dict)
    added_weights: Mapping[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Literal["keras.layers.Layer", "keras.Model"]:
        """The base that all of its kind have."""
        return "keras.Model" if self.kind == "model" or self.is_a("keras.Model") else "keras.layers.Layer"

    def is_a(self, name: str) -> bool:
        """Whether this class is `name` or inherits from it (canonical name)."""
        return name == self.name or name in self.bases

    def weights_with(self, arguments: Mapping[str, object]) -> tuple[str, ...] | None:
        """Names of the weights of an instance made with these constructor arguments, by parameter name.

        The value of an argument that isn't a literal is given as `...`. None: it can't be known.
        """
        if self.has_weights == "no":
            return ()
        if not self.weights and not self.added_weights:
            return None
        names = []
        for table, when in ((dict.fromkeys(self.weights, ""), True), (self.added_weights, False)):
            for name, keyword in table.items():
                switch = self.optional_weights.get(name, "") if when else keyword
                value = arguments.get(switch, when)
                if value is ...:
                    return None
                if not switch or bool(value):
                    names.append(name)
        return tuple(names)


class Catalogue:
    """The classes of one Keras generation, by canonical name ("keras.layers.Dense")."""

    generation: Generation

    def __init__(self, generation: Generation) -> None:
        data = _data(generation)
        self.generation = generation
        self.measured: tuple[str, ...] = tuple(data["measured"])
        """The releases that the data were measured on."""
        self._rows: dict[str, dict[str, Any]] = data["classes"]
        self._aliases: dict[str, str] = data["aliases"]
        self._classes: dict[str, LibraryClass] = {}
        self._functions = frozenset(data["functions"])
        self._models = frozenset(data["models"])
        self._reserved: dict[str, dict[str, str]] = data["reserved"]
        self._overwritten: dict[str, dict[str, dict[str, str]]] = data["overwritten"]

    def get(self, name: str) -> LibraryClass | None:
        """The class with this canonical name; in a few cases the other generation's name for it will do."""
        known = self._classes.get(name)
        if known is None:
            own = name
            if own not in self._rows:
                own = self._aliases.get(name.removeprefix("keras.").removeprefix("src."), name)
            if own in self._rows:
                known = self._classes[name] = _class_from(own, self._rows[own])
        return known

    def __iter__(self) -> Iterator[str]:
        """The names of all classes."""
        return iter(self._rows)

    def is_function(self, name: str) -> bool:
        """Whether `name` is a public function of Keras ("keras.ops.matmul", "keras.Input")."""
        return name in self._functions

    def builds_model(self, name: str) -> bool:
        """Whether `name` is a function that returns a built Model ("keras.applications.VGG16")."""
        return name in self._models

    def reserved(self, base: Literal["keras.layers.Layer", "keras.Model"]) -> Mapping[str, str]:
        """Attributes of a bare instance → "attribute", "method", "property", or "read-only".

        Assigning anything to a read-only one raises: a property without setter, or with one that only says
        so.
        """
        return self._reserved[base]

    def overwritten(
        self, base: Literal["keras.layers.Layer", "keras.Model"], name: str
    ) -> Mapping[Overwriting, str]:
        """What it does to a layer with sublayers if its constructor assigns something to Keras' attribute
        `name`, by what that is: a layer, a list of layers, True.

        "assignment", "call", "weights", "functional", "fit", "saving": this raises. "untracked": weights are
        missing; "unsaved": values are lost on saving. What does no harm is left out.
        """
        rows = self._overwritten
        if self._reserved["keras.layers.Layer"].get(name) == self._reserved[base].get(name):
            base = "keras.layers.Layer"
        return rows[base].get(name, {})  # type: ignore[return-value]

    def methods(self, base: Literal["keras.layers.Layer", "keras.Model"]) -> frozenset[str]:
        """Names of the methods that a Layer or Model has from Keras."""
        return frozenset(name for name, kind in self._reserved[base].items() if kind == "method")


def _class_from(name: str, row: Mapping[str, Any]) -> LibraryClass:
    def names(key: str) -> tuple[str, ...]:
        return tuple(row.get(key, ()))

    return LibraryClass(
        name=name,
        kind=row.get("kind", "other"),
        has_weights=row.get("has_weights", "no"),
        has_seed=row.get("has_seed", False),
        bases=names("bases"),
        init=names("init"),
        build=names("build"),
        call=names("call"),
        own_build=row.get("own_build", False),
        own_compute_output_shape=row.get("own_compute_output_shape", False),
        wraps=names("wraps"),
        builds_in_init=row.get("builds_in_init", False),
        weights=names("weights"),
        non_trainable=names("non_trainable"),
        optional_weights=row.get("optional_weights", {}),
        added_weights=row.get("added_weights", {}),
    )


@cache
def _data(generation: Generation) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Path(__file__).with_name(f"keras{generation}.json").read_bytes())
    return data


@cache
def catalogue(generation: Generation) -> Catalogue:
    """The catalogue of a generation, read on first use."""
    return Catalogue(generation)


# Every package under which Keras, or a copy of it, can be imported; what follows is one vocabulary in all.
_PACKAGES = re.compile(
    r"""
    (?: (?P<tf> (?:tf|tensorflow|tensorflow_core)
              (?: \.python | \._api\.v\d | \.contrib | \.compat\.v\d | \.v\d )* \.keras )
      | (?P<tf_keras> tf_keras )
      | (?P<keras> keras | keras_core )
    )
    (?: \.src | \._tf_keras (?:\.keras)? | \.api (?: \._v\d (?:\.keras)? )? )*
    (?= \. | $ )
    """,
    re.VERBOSE,
)
_TENSORFLOW = re.compile(r"(?:tf|tensorflow|tensorflow_core)(?:\.compat\.v\d|\._api\.v\d|\.v\d)*(?=\.|$)")
_TENSORFLOW_SOURCES = {
    "python.ops.variables.Variable": "Variable",
    "python.ops.resource_variable_ops.ResourceVariable": "Variable",
    "python.module.module.Module": "Module",
    "python.eager.def_function.function": "function",
    "python.eager.polymorphic_function.polymorphic_function.function": "function",
}
_TENSORFLOW_INITIALIZERS = {
    "random_normal_initializer": "keras.initializers.RandomNormal",
    "random_uniform_initializer": "keras.initializers.RandomUniform",
    "ones_initializer": "keras.initializers.Ones",
    "zeros_initializer": "keras.initializers.Zeros",
}
"""Names of TensorFlow's own for what Keras has, too."""


def canonical(dotted: str) -> tuple[str, str] | None:
    """`(canonical name, origin)` of a dotted Keras or TensorFlow name in any spelling, None for others.

    "tf.keras.layers.Dense" → ("keras.layers.Dense", "tf"); "keras.src.layers.Dense" → (…, "keras");
    "tensorflow.Variable" → ("tensorflow.Variable", "tf"). Modules too: "tensorflow.keras" → ("keras", "tf").
    """
    if not dotted.startswith(("keras", "tf", "tensorflow")):
        return None
    if found := _PACKAGES.match(dotted):
        below = dotted[found.end() + 1 :]
        return (_keras_name(below) if below else "keras"), str(found.lastgroup)
    if found := _TENSORFLOW.match(dotted):
        below = dotted[found.end() + 1 :]
        if below in _TENSORFLOW_INITIALIZERS:
            return _TENSORFLOW_INITIALIZERS[below], "tf"
        below = _TENSORFLOW_SOURCES.get(below, below)
        return (f"tensorflow.{below}" if below else "tensorflow"), "tf"
    return None


@cache
def _aliases() -> dict[str, str]:
    """Spellings of both generations; a name that one of them lists itself is nobody's alias."""
    both = {**_data(2)["aliases"], **_data(3)["aliases"]}
    return {spelling: name for spelling, name in both.items() if not _is_listed(f"keras.{spelling}")}


@cache
def _keras_name(below: str) -> str:
    """The canonical name of "layers.core.dense.Dense" (a spelling without its package), members kept."""
    parts = below.split(".")
    for end in range(len(parts), 0, -1):
        known = _known(parts[:end])
        if known is not None:
            return ".".join([known, *parts[end:]])
    return f"keras.{below}"


def _known(parts: list[str]) -> str | None:
    spelling = ".".join(parts)
    if alias := _aliases().get(spelling):
        return alias
    if _is_listed(f"keras.{spelling}"):
        return f"keras.{spelling}"
    # Releases have moved their files about ("layers.convolutional.Conv2D", "engine.topology.Layer",
    # "optimizer_v2.adam.Adam"): a class is found by its area and its own name.
    area, last = parts[0], parts[-1]
    if len(parts) > 2 or area == "engine":
        for place in _MOVED.get(area, (area,)):
            name = _aliases().get(f"{place}.{last}") or f"keras.{place}.{last}"
            if last[:1].isupper() and _is_listed(name):
                return name
    return None


_MOVED = {
    "engine": ("layers", "models"),
    "legacy_tf_layers": ("layers",),
    "optimizer_v1": ("optimizers",),
    "optimizer_v2": ("optimizers",),
}


def _is_listed(name: str) -> bool:
    return name in _data(3)["classes"] or name in _data(2)["classes"]
