"""What code that serves both generations of Keras asks: which version this is, and what it has."""

from __future__ import annotations

import re

from kerascope.project.catalogue import Generation
from kerascope.tracking.values import UNKNOWN, Constant, Value

_NEWEST: dict[Generation, tuple[int, ...]] = {2: (2, 15, 0), 3: (3, 15, 1)}
"""Taken where the user's version isn't known."""

_ONLY_IN_KERAS_3 = frozenset(
    {
        "DTypePolicy", "Function", "KerasTensor", "Operation", "StatelessScope", "Variable", "config",
        "device", "distribution", "dtype_policies", "name_scope", "ops", "quantizers", "random", "tree",
        "version",
    }
)  # fmt: skip
"""Names of the package `keras` by which programs tell the generations apart (Keras 3.15.1, tf_keras 2.21)."""

_LISTS_OF_KERAS_2 = frozenset({"_trainable_weights", "_non_trainable_weights"})


def version_text(generation: Generation, known: tuple[int, ...] | None) -> Constant:
    """`keras.__version__`; `known`: the user's, as far as it is known."""
    if known is None or known[0] != generation:
        known = _NEWEST[generation]
    return Constant(".".join(map(str, (*known, 0, 0)[: max(3, len(known))])))


def keras_has(generation: Generation, name: str) -> bool | None:
    """Whether the package `keras` has this name; None: not known."""
    return generation == 3 if name in _ONLY_IN_KERAS_3 else None


def layer_has(generation: Generation, name: str) -> bool | None:
    """Whether every layer has this attribute, which is Keras' own; None: not known."""
    return generation == 2 if name in _LISTS_OF_KERAS_2 else None


def parsed(text: Value) -> Value:
    """`packaging.version.parse(text)`: what can be compared, as the numbers of the release."""
    if not isinstance(text, Constant) or not isinstance(text.value, str):
        return UNKNOWN
    release = re.match(r"\s*v?(\d+(?:\.\d+)*)", text.value)
    if release is None:
        return UNKNOWN
    numbers = [int(part) for part in release[1].split(".")]
    while numbers and numbers[-1] == 0:  # 3.0 and 3 are one version
        numbers.pop()
    return Constant(tuple(numbers))


def part_of_version(numbers: tuple[object, ...], name: str) -> Value:
    """`version.major` and its like."""
    place = {"major": 0, "minor": 1, "micro": 2}.get(name)
    if place is None:
        return Constant(numbers) if name == "release" else UNKNOWN
    return Constant(numbers[place] if place < len(numbers) else 0)
