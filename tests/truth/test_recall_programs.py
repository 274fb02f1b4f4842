"""The programs of tests/recall under real Keras: each has the defect for which it was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.recall.programs import Program, Shows, programs


def cases() -> list[Any]:
    return [
        pytest.param(program, shows, id=f"{program.name}-keras{shows.generation}-{shows.make.split('(')[0]}")
        for program in programs()
        for shows in program.shows
    ]


@pytest.mark.parametrize(("program", "shows"), cases())
def test_keras_shows_the_defect(program: Program, shows: Shows, real_keras: Mapping[int, Any]) -> None:
    answer = real_keras[shows.generation].measure(program.request(shows))
    assert answer.shown == {shows.symptom}, answer.notes
