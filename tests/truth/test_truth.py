"""Every example of every rule under real Keras: the symptom is where the rule reports, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from tests.truth.conftest import RealKeras
from tests.truth.symptoms import Answer

from kerascope.project.catalogue import Generation
from kerascope.rules import all_rules
from kerascope.rules.rule import Example, Rule

# Whatever a rule is about, an example on which it is silent shows none of these.
ALWAYS = {"raises", "untracked"}

Answers = Mapping[str, Future[Answer]]
Case = tuple[type[Rule], str, Example, Generation]


def cases() -> list[Any]:
    found: list[Case] = []
    for rule in all_rules():
        for example in rule.reporting:
            for generation in example.generations:
                found.append((rule, "reports", example, generation))
                if example.fixed is not None:
                    found.append((rule, "fixed", example, generation))
        found.extend(
            (rule, "silent", example, generation)
            for example in rule.silent
            for generation in example.generations
        )
    return [pytest.param(case, id=_name(case)) for case in found]


def _name(case: Case) -> str:
    rule, stage, example, generation = case
    return f"{rule.code}-{stage}-keras{generation}-{example.title.replace(' ', '_')}"


def symptoms_of(rule: type[Rule], generation: Generation) -> set[str]:
    """What the rule's examples prove of this generation."""
    examples = (example for example in rule.reporting if generation in example.generations)
    return {symptom for example in examples if (symptom := example.symptom_in(generation))}


def request_of(case: Case) -> dict[str, Any]:
    rule, stage, example, generation = case
    symptoms = symptoms_of(rule, generation) | ALWAYS
    return {
        "code": example.fixed if stage == "fixed" else example.code,
        "fixed": example.fixed,
        "make": example.make,
        "arguments": example.arguments,
        "evidence": example.evidence,
        "symptoms": sorted(symptoms - {"without-effect"} if stage == "fixed" else symptoms),
    }


@pytest.fixture(scope="module")
def answers(request: pytest.FixtureRequest, real_keras: Mapping[int, RealKeras]) -> Answers:
    """All selected cases, asked for at once, so that both generations work side by side."""
    pools = {generation: ThreadPoolExecutor(1) for generation in real_keras}
    asked = {}
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.module is request.module:
            case: Case = item.callspec.params["case"]  # type: ignore[assignment]
            if case[3] in pools:
                asked[item.name] = pools[case[3]].submit(real_keras[case[3]].measure, request_of(case))
    return asked


@pytest.mark.parametrize("case", cases())
def test_keras_does_what_the_example_says(
    case: Case, request: pytest.FixtureRequest, answers: Answers, real_keras: Mapping[int, RealKeras]
) -> None:
    keras = real_keras[case[3]]
    is_as_it_says(case, answers[request.node.name].result(), keras.version)


def is_as_it_says(case: Case, answer: Answer, version: tuple[int, ...]) -> None:
    """Fails unless a version of Keras shows the symptom where the rule reports, and nowhere else."""
    _, stage, example, generation = case
    shown, notes = answer.shown, answer.notes
    assert "worker" not in notes, notes
    if "No module named 'tf_keras'" in str(notes):
        pytest.skip("this interpreter has no tf_keras")
    named = example.symptom_in(generation)
    if not example.holds(generation, version):
        assert stage == "silent" or named not in shown, (shown, notes)
    elif stage == "reports":
        assert named is not None, "an example that reports names its symptom in each of its generations"
        assert named in shown, (shown, notes)
    else:
        allowed = {named} if stage == "silent" and named else set()
        assert shown - allowed == set(), (shown, notes)
        assert allowed <= shown, (shown, notes)
