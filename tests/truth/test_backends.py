"""A sample of the rules' examples under Keras 3 on JAX and on PyTorch: `make truth-backends`.

Of each rule what first reports, is mended, and is silent, as far as it says nothing of TensorFlow.
`KERASCOPE_TRUTH_JAX` and `KERASCOPE_TRUTH_TORCH` name the interpreters; without them the tests are skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from tests.truth.conftest import RealKeras
from tests.truth.test_truth import Case, cases, is_as_it_says, request_of

ABOUT_TENSORFLOW = ("tensorflow", "tf_keras", "tf.", "not-in-checkpoint")
MODULE = "a Keras layer is a torch.nn.Module"
OTHERWISE = {
    ("jax", "KS304-reports"): "only TensorFlow's fit refuses a generator of random numbers that call makes",
    ("torch", "KS304-reports"): "only TensorFlow's fit refuses a generator of random numbers that call makes",
    ("torch", "KS109-silent"): f"{MODULE}, whose attributes hide behind those of the class",
    ("torch", "KS113-silent"): f"{MODULE}, which has a method double()",
    ("torch", "KS209-reports"): f"{MODULE}, and forward() is what it calls",
    ("torch", "KS306-silent"): f"{MODULE}, which takes no other before its __init__",
    ("torch", "KS307-silent"): f"{MODULE}, which takes no other before its __init__",
    ("torch", "KS401-reports"): "gradients go through what build() computed",
}
"""Which examples of the sample a backend runs otherwise than TensorFlow does, and why."""


def is_neutral(case: Case) -> bool:
    """Whether an example of Keras 3 is about Keras alone."""
    _, _, example, generation = case
    said = (example.code, example.fixed, example.make, example.arguments, example.symptom_in(generation))
    text = " ".join(filter(None, said))
    return generation == 3 and not any(name in text for name in ABOUT_TENSORFLOW)


def sample() -> list[Any]:
    """Of each rule, the first that reports, the first that is mended, and the first that is silent."""
    first: dict[tuple[str, str], Any] = {}
    for each in cases():
        rule, stage, _, _ = case = each.values[0]
        if is_neutral(case):
            first.setdefault((rule.code, stage), each)
    return list(first.values())


Backend = tuple[str, RealKeras]


@pytest.fixture(scope="module", params=["jax", "torch"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    variable = f"KERASCOPE_TRUTH_{request.param.upper()}"
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{variable} names no interpreter")
    running = RealKeras(3, python, request.param)
    yield request.param, running
    running.end()


@pytest.mark.parametrize("case", sample())
def test_keras_does_the_same(case: Case, backend: Backend, request: pytest.FixtureRequest) -> None:
    name, keras = backend
    rule, stage, _, _ = case
    why = OTHERWISE.get((name, f"{rule.code}-{stage}"))
    if why is not None:
        request.applymarker(pytest.mark.xfail(reason=why, raises=AssertionError, strict=True))
    is_as_it_says(case, keras.measure(request_of(case)), keras.version)
