"""What Keras' own classes are like, per generation: data generated from the real packages.

`keras3.json` and `keras2.json` are written by `server/generate_catalogue.py`; the server needs no Keras.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Generation = Literal[2, 3]


@dataclass(frozen=True, slots=True)
class LibraryClass:
    """One public class of Keras.

    `kind`: "layer", "model", "metric", "loss", "optimizer", "initializer", "regularizer", "constraint",
    "seed_generator", "variable" or "other". `has_weights`: whether an instance owns weights of its own after
    a build ("yes"; "no"; "depends" on its arguments or on the layers it wraps). `has_seed`: whether it owns a
    seed generator. `bases`: canonical names in method resolution order, itself left out. `init`/`build`/`call`:
    parameter names in order without self. `own_build`, `own_compute_output_shape`: whether it or a base below
    Layer overrides it. `wraps`: constructor parameters that take layers. `builds_in_init`: weights exist
    straight after construction.
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


class Catalogue:
    """The classes of one Keras generation, by canonical name ("keras.layers.Dense")."""

    generation: Generation

    def get(self, name: str) -> LibraryClass | None:
        raise NotImplementedError


def catalogue(generation: Generation) -> Catalogue:
    """The catalogue of a generation, read on first use."""
    raise NotImplementedError


def canonical(dotted: str) -> tuple[str, str] | None:
    """`(canonical name, origin)` of a dotted Keras or TensorFlow name in any spelling; None for other libraries.

    "tf.keras.layers.Dense" → ("keras.layers.Dense", "tf"); "keras.src.layers.Dense" → (…, "keras");
    "tensorflow.Variable" → ("tensorflow.Variable", "tf"). Modules too: "tensorflow.keras" → ("keras", "tf").
    """
    raise NotImplementedError
