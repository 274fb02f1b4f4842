"""Where a report stands and what it points at, when what it speaks of is in another class or file."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from kerascope.project.meaning import ClassDefinition
from kerascope.rules.rule import Related
from kerascope.source.document import Site
from kerascope.tracking.events import Context
from kerascope.tracking.run import LayerRun, OwnedWeight, Reach
from kerascope.tracking.values import Layer

_PLACES = 5


def in_own_class(run: LayerRun, site: Site) -> bool:
    """Whether `site` stands in the body of the class under examination, not in a base's."""
    own = run.definition
    if site.statement is not own.statement:
        return any(statement is site.statement for statement in own.statement.body)
    return any(node is site.node for node in ast.walk(own.node))


def in_own_file(run: LayerRun, at: Context) -> Site | None:
    """Where to report what happens at `at`: there, if it is in this file. Else on the class, if no other class's
    methods can be blamed (those are reported in their own file)."""
    if at.site.path == run.module.path:
        return at.site
    return run.site if at.owner_class is None else None


def weight_places(weights: Iterable[OwnedWeight]) -> tuple[Related, ...]:
    """The lines that make these weights, as far as they are the user's own."""
    places = []
    for weight in weights:
        if weight.site is not None:
            what = f"the weight `{weight.name}`" if weight.name else "a weight"
            places.append(Related(weight.site, f"{weight.owner} makes {what} here"))
    return tuple(places[:_PLACES])


def sublayer_places(run: LayerRun, reaches: Sequence[Reach]) -> tuple[Related, ...]:
    """The lines that make these sublayers, and those that make their weights."""
    places = [
        Related(reach.value.site, f"`{reach.text}` ({reach.value.class_name}) is made here")
        for reach in reaches
        if isinstance(reach.value, Layer)
    ]
    weights = (
        weight
        for reach in reaches
        if isinstance(reach.value, Layer)
        for weight in run.weights_of(reach.value).weights
    )
    return (*places[:_PLACES], *weight_places(weights))


def named(reaches: Sequence[Reach]) -> str:
    """The sublayers as text: "`self.a` (Dense), `self.b` (LSTM) and 3 more"."""
    texts = [
        f"`{reach.text}` ({reach.value.class_name})" for reach in reaches if isinstance(reach.value, Layer)
    ]
    if len(texts) > 3:
        texts = [*texts[:2], f"{len(texts) - 2} more"]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def same_class(first: ClassDefinition, second: ClassDefinition) -> bool:
    return first.statement is second.statement and first.node is second.node
