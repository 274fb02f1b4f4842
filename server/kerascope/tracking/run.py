"""The result of a symbolic run: the questions that rules may ask."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from kerascope.project.catalogue import Generation
from kerascope.project.meaning import ClassDefinition
from kerascope.project.module import Module
from kerascope.project.project import Project
from kerascope.source.document import Site
from kerascope.source.statement import Statement
from kerascope.tracking.events import Event
from kerascope.tracking.values import Container, Layer, State, Value, Weight

Tri = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Method:
    """A method as found in method resolution order: its node, the piece that holds it, and the class that defines it."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    statement: Statement
    owner: ClassDefinition

    @property
    def site(self) -> Site:
        return Site(self.owner.module.path, self.statement, self.node)


@dataclass(frozen=True, slots=True)
class OwnedWeight:
    """A weight that a layer will own: who owns it, where it is made, what it is called.

    `site` is None for a weight that Keras' own code makes (Dense's kernel).
    """

    owner: str
    name: str | None
    site: Site | None


@dataclass(frozen=True, slots=True)
class WeightsOf:
    """What weights a layer object will have once built, its sublayers' included."""

    has: Tri
    weights: tuple[OwnedWeight, ...] = ()
    count: int | None = None
    """How many; None where that can't be known."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How `self` reaches an object at the end of the run.

    `text`: Python for the way ("self.helper.dense", "self.blocks[0]", "self.fn → d"). `steps`: the objects on the way,
    from self's attribute value to the object itself. `breaks`: the first step that Keras doesn't follow (None where it
    follows all, as the tracker sees it).
    """

    value: State
    text: str
    steps: tuple[Value, ...]
    breaks: Value | None


class LayerRun:
    """One layer class, run symbolically under one Keras generation."""

    generation: Generation
    project: Project
    module: Module
    definition: ClassDefinition
    layer: Layer
    """The object under examination: `self`."""
    events: Sequence[Event]
    complete: bool
    """Every base is known, and the run ended by itself. Rules that argue from the absence of something ask this."""

    @property
    def site(self) -> Site:
        """The class's own name, in its header."""
        raise NotImplementedError

    def events_of(self, *kinds: type) -> Iterator[Event]:
        """The events of these kinds, in order."""
        raise NotImplementedError

    def method(self, name: str) -> Method | None:
        """The user's method `name`, by method resolution order; None if only Keras has it, or none has."""
        raise NotImplementedError

    def own_build(self) -> Method | None:
        """The user's own `build`, inherited from a user's base class too."""
        raise NotImplementedError

    def is_model(self) -> bool:
        """Whether the class is a `Model` (for Keras 2, whose `Model.build` runs `call`)."""
        raise NotImplementedError

    def tracked(self, value: State) -> Tri:
        """Whether Keras reaches `value` from the layer at the end of the run ("unknown": it escaped where it may be)."""
        raise NotImplementedError

    def used(self, value: State) -> Tri:
        """Whether `call` calls (or reads) `value`."""
        raise NotImplementedError

    def reaches(self) -> Iterator[Reach]:
        """Every layer, weight and variable that `self` reaches in any way, nearest first."""
        raise NotImplementedError

    def sublayers(self) -> Iterator[Reach]:
        """The layers that the tracker of `self` follows directly (through containers too), one for each object."""
        raise NotImplementedError

    def built_in_build(self, value: Layer) -> Tri:
        """Whether `self.build(shape)` builds `value`: by `value.build`, by calling it, by an escape ("unknown")."""
        raise NotImplementedError

    def weights_of(self, value: Layer) -> WeightsOf:
        """The weights that a layer will have once built."""
        raise NotImplementedError

    def escaped(self, value: Value) -> bool:
        """Whether `value` (or something that holds it) was handed to code that the run can't see."""
        raise NotImplementedError


class ScriptRun:
    """Module-level code, or one function outside layer classes, run in the order of the code."""

    generation: Generation
    project: Project
    module: Module
    events: Sequence[Event]
    """`Created` of layers, `LayerCalled`, `LayerBuilt`, `AttributeRead`, `LayerMethod`, `Escaped` …, in order."""

    def events_of(self, *kinds: type) -> Iterator[Event]:
        raise NotImplementedError

    def run_of(self, layer: Layer) -> LayerRun | None:
        """The symbolic run of the class of a layer made in this script, if a file defines it."""
        raise NotImplementedError

    def weights_of(self, layer: Layer) -> WeightsOf:
        raise NotImplementedError


__all__ = [
    "Container",
    "LayerRun",
    "Method",
    "OwnedWeight",
    "Reach",
    "ScriptRun",
    "Tri",
    "Weight",
    "WeightsOf",
]
