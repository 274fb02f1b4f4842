"""What weights a layer will have: those of Keras' own layers by the catalogue, and how counts add up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from kerascope.project.meaning import Library
from kerascope.source.document import Site
from kerascope.tracking.machine import Machine
from kerascope.tracking.values import Constant, Layer

Tri = Literal["yes", "no", "unknown"]
Existence = Literal["init", "build", "call", "unknown"]


@dataclass(frozen=True, slots=True)
class OwnedWeight:
    """A weight that a layer will own: who owns it, where it is made, what it is called.

    `site` is None for a weight that Keras' own code makes (Dense's kernel). `exists_after` says when in the
    life of the layer that was asked about the weight is there: straight after its constructor, after
    `build(shape)`, or only after a call.
    """

    owner: str
    name: str | None
    site: Site | None
    exists_after: Existence = "unknown"


@dataclass(frozen=True, slots=True)
class WeightsOf:
    """What weights a layer object will have once built, its sublayers' included."""

    has: Tri
    weights: tuple[OwnedWeight, ...] = ()
    count: int | None = None
    """How many; None where that can't be known."""


def sum_weights(parts: Sequence[WeightsOf]) -> WeightsOf:
    """All these weights together."""
    has: Tri = "no"
    if any(part.has == "yes" for part in parts):
        has = "yes"
    elif any(part.has == "unknown" for part in parts):
        has = "unknown"
    weights = tuple(weight for part in parts for weight in part.weights)
    counts = [part.count if part.has != "no" else 0 for part in parts]
    known = [count for count in counts if count is not None]
    return WeightsOf(has, weights, sum(known) if len(known) == len(counts) else None)


def library_weights(run: Machine, layer: Layer, weights_of: Callable[[Layer], WeightsOf]) -> WeightsOf:
    """The weights of an object of Keras' own class."""
    assert isinstance(layer.cls, Library)
    if layer.cls.name.startswith("keras.applications."):
        return WeightsOf("yes", (OwnedWeight(layer.class_name, None, None, "init"),), None)
    entry = layer.library
    if entry is None:
        return WeightsOf("unknown")
    children = [
        _child(run, layer, weights_of(state)) for state in run.keras.direct(layer) if isinstance(state, Layer)
    ]
    if layer.open:
        known = sum_weights(children)
        return replace(known, count=None) if known.has == "yes" else WeightsOf("unknown")
    if entry.has_weights == "no" and not children:
        return WeightsOf("no", (), 0)
    arguments = {
        name: value.value if isinstance(value, Constant) else ...
        for name, value in {
            **dict(zip(entry.init, layer.arguments, strict=False)),
            **layer.keywords,
        }.items()
    }
    names = entry.weights_with(arguments)
    parts = list(children)
    if names:
        after: Existence = "init" if entry.builds_in_init else "build"
        own = tuple(OwnedWeight(layer.class_name, name, None, after) for name in names)
        parts.append(WeightsOf("yes", own, len(own)))
    elif entry.has_weights == "yes" and not children:
        parts.append(WeightsOf("yes", (OwnedWeight(layer.class_name, None, None, "build"),), None))
    if not parts:
        none = names == () or (
            entry.name == "keras.Sequential" and not layer.arguments and not layer.keywords
        )
        return WeightsOf("no" if none else "unknown", (), 0 if none else None)
    total = sum_weights(parts)
    if entry.name == "keras.layers.Bidirectional" and "backward_layer" not in arguments:
        total = sum_weights((total, total))  # it copies the layer that it is given
    return (
        replace(total, count=None)
        if names is None and entry.has_weights == "depends" and not children
        else total
    )


def _child(run: Machine, layer: Layer, found: WeightsOf) -> WeightsOf:
    """The weights of a layer that a library layer was given, with the time at which they exist in its
    life."""
    if layer.library is None or layer.library.kind != "model":
        return found
    after: Existence = "init" if layer.knows_input else "build"
    # Keras 3 lists what is there although the model isn't built; Keras 2's Sequential refuses.
    return replace(
        found,
        weights=tuple(
            w if w.exists_after == "init" and run.generation == 3 else replace(w, exists_after=after)
            for w in found.weights
        ),
    )
