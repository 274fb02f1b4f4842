"""The programs of tests/measured under real Keras: each shows what the rules say of it, and no more.

One in three, which takes less than a minute; `make truth-matrix` takes all, under each version, and asks the
rules what they say under that.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.measured.test_cases import HEAD, PROGRAMS, reason_for_silence, said
from tests.truth.symptoms import Answer
from tests.truth.test_truth import ALWAYS, symptoms_of

from kerascope.project.catalogue import Generation
from kerascope.rules import all_rules

RULES = {rule.code: rule for rule in all_rules()}
NEW_IN_EACH_CALL = "created-every-call"
"""No layer tracks what is made in each call anew."""
NAMES = list(PROGRAMS)[:: 1 if os.environ.get("KERASCOPE_TRUTH_PROGRAMS") == "all" else 3]
Case = tuple[str, Generation]


class Asked(NamedTuple):
    """`symptoms`: what real Keras shows of each rule that reports."""

    symptoms: Mapping[str, set[str]]
    answer: Future[Answer]


def symptoms(name: str, generation: Generation, version: tuple[int, ...]) -> dict[str, set[str]]:
    reported = {finding.code for finding in said(name, generation, version)}
    return {code: symptoms_of(RULES[code], generation) for code in reported}


def request_of(name: str, symptoms: Iterable[set[str]], folder: Path) -> dict[str, Any]:
    row = PROGRAMS[name]
    asked = ALWAYS.union(*symptoms, {"fewer-weights"} if "evidence" in row else ())
    return {
        # Programs that save write where they stand.
        "code": f"import os; os.chdir({str(folder)!r})\n" + HEAD + row["program"],
        "fixed": HEAD + row["fixed"] if "fixed" in row else None,
        "make": row.get("make", "Example()"),
        "arguments": row.get("arguments", "x"),
        "shape": row.get("shape", [2, 4]),
        "evidence": row.get("evidence"),
        "symptoms": sorted(asked),
    }


@pytest.fixture(scope="module")
def answers(
    request: pytest.FixtureRequest, real_keras: Mapping[int, Any], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[Case, Asked]:
    """All selected cases, asked for at once, so that both generations work side by side."""
    pools = {generation: ThreadPoolExecutor(1) for generation in real_keras}
    asked: dict[Case, Asked] = {}
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.module is request.module:
            name, generation = item.callspec.params["name"], item.callspec.params["generation"]
            if generation in pools:
                keras = real_keras[generation]
                named = symptoms(name, generation, keras.version)
                wanted = request_of(name, named.values(), tmp_path_factory.mktemp(name))
                asked[name, generation] = Asked(named, pools[generation].submit(keras.measure, wanted))
    return asked


@pytest.mark.parametrize("generation", [3, 2])
@pytest.mark.parametrize("name", NAMES)
def test_keras_does_what_is_said(
    name: str, generation: Generation, answers: Mapping[Case, Asked], real_keras: Mapping[int, Any]
) -> None:
    assert real_keras[generation]
    named, answering = answers[name, generation]
    answer = answering.result()
    shown, notes = set(answer.shown), answer.notes
    assert "worker" not in notes, notes
    if "No module named 'tf_keras'" in str(notes):
        pytest.skip("this interpreter has no tf_keras")
    if reason_for_silence(name, generation):
        assert shown == {"raises"}, (shown, notes)
        return
    # A program that raises shows nothing else: one of the rules says so.
    if shown != {"raises"}:
        for code, proofs in named.items():
            assert not proofs or proofs & shown, (code, shown, notes)
    meant = set().union(*named.values())
    if NEW_IN_EACH_CALL in meant:
        meant.add("untracked")
    assert shown - meant == set(), (shown, notes)
