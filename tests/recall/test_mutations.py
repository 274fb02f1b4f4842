"""Defects planted into correct layers of published packages: how many of each kind are found, on the line."""

from __future__ import annotations

from collections import defaultdict

import pytest
from tests.recall.mutations import REAL, Finder, mutants
from tests.recall.planting import KINDS

FLOOR = 0.75
"""What part of each kind must be found at least. Not all can be: a layer may be made under a condition that
nobody knows, or be handed to code that isn't there."""

OF_EACH_KIND = 5


def test_planted_defects_are_found() -> None:
    if not (REAL / "keras_hub").is_dir():
        pytest.skip(f"keras_hub isn't in {REAL}: `make test` puts it there")
    finder = Finder()
    planted: dict[str, int] = defaultdict(int)
    missed: dict[str, list[str]] = defaultdict(list)
    for mutant in mutants(OF_EACH_KIND, every=2):
        planted[mutant.kind] += 1
        if not finder.finds(mutant):
            missed[mutant.kind].append(mutant.shown)
    assert set(planted) == set(KINDS), "there is nothing to plant the others into"
    complaints = [
        f"{kind}: {len(places)} of {planted[kind]} not found\n" + "\n".join(places)
        for kind, places in missed.items()
        if 1 - len(places) / planted[kind] < FLOOR
    ]
    assert not complaints, "\n".join(complaints)
