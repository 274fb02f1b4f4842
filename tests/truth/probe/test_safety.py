"""Whatever the checked code does, with real Keras: the check ends and says so, and the next one works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.probe.hazards import HAZARDS, Hazard

from kerascope.probe.process import Workers
from kerascope.probe.request import Direct, Inputs, Limits, Request, Slice, SlicedModule, TensorSpec
from kerascope.project.environment import Environment

FINE = """
import keras

class Fine(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)
"""


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    workers = Workers()
    yield workers
    workers.close()


def run(
    workers: Workers, environment: Environment, text: str, class_name: str, **limits: Any
) -> dict[str, Any]:
    assert environment.python is not None
    request = Request(
        class_name,
        Slice((SlicedModule("model", "/project/model.py", text),), "model"),
        (Direct("given", "", Inputs((TensorSpec((None, 4)),), {})),),
        "/project",
        limits=Limits(**{"seconds": 30.0, **limits}),
    )
    return workers.run(environment.python, request)


@pytest.mark.parametrize("hazard", HAZARDS, ids=str)
def test_it_is_survived_and_told(hazard: Hazard, workers: Workers, environment: Environment) -> None:
    hazard.check(run(workers, environment, hazard.text, "Bad", **hazard.limits))
    after = run(workers, environment, FINE, "Fine")
    assert after["status"] == "built", after
    assert after["counts"]["call"]["weights"] == 2


def test_nothing_is_left(workers: Workers) -> None:
    marks = [worker._mark for worker in workers._started]
    workers.close()
    if Path("/proc/self").exists():
        from kerascope.probe.worker.kin import marked

        assert not any(marked(mark) for mark in marks)
