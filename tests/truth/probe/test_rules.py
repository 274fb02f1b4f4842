"""Every example of KS801 to KS808 under the build check: findings on the marked lines, and nowhere else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.truth.probe.conftest import Measure

from kerascope.project.catalogue import Generation
from kerascope.rules import all_rules
from kerascope.rules.rule import Example, Rule

MARK = re.compile(r"# <- (KS\d+(?:, ?KS\d+)*)")


def cases(kind: str, measured: bool = True) -> list[Any]:
    return [
        pytest.param(
            rule, example, generation, id=f"{rule.code}-keras{generation}-{example.title.replace(' ', '_')}"
        )
        for rule in all_rules()
        if rule.measured is measured
        for example in getattr(rule, kind)
        for generation in example.generations
    ]


def marked(code: str) -> list[tuple[int, str]]:
    """The lines, counted from 1, that are marked as reported by the build check."""
    return [
        (number, rule)
        for number, line in enumerate(code.splitlines(), 1)
        if (mark := MARK.search(line))
        for rule in mark[1].split(", ")
        if rule.startswith("KS8")
    ]


@pytest.mark.parametrize(("rule", "example", "generation"), cases("reporting"))
def test_reports_the_marked_lines(
    rule: type[Rule], example: Example, generation: Generation, measure: Measure
) -> None:
    found = measure(example.code, "Example", generation, init="", on="(2, 4)")
    worse = [each for each in found.findings if each.code == rule.code or each.severity != "information"]
    lines = sorted((each.range.start.line + 1, each.code) for each in worse)
    assert lines == marked(example.code), [found.report.message, *(each.message for each in found.findings)]
    for each in found.findings:
        assert "\n" not in each.message
        assert each.message.endswith((".", "?"))


@pytest.mark.parametrize(("rule", "example", "generation"), cases("silent"))
def test_is_silent(rule: type[Rule], example: Example, generation: Generation, measure: Measure) -> None:
    found = measure(example.code, "Example", generation, init="", on="(2, 4)")
    assert found.report.status == "built", found.report.message
    assert [each.message for each in found.findings if each.severity != "information"] == []
    assert found.lines(rule.code) == []


@pytest.mark.parametrize(("rule", "example", "generation"), cases("reporting", measured=False))
def test_withdraws_no_true_finding(
    rule: type[Rule], example: Example, generation: Generation, measure: Measure
) -> None:
    if (example.make, example.arguments) != ("Example()", "x"):
        pytest.skip("made or called in a way of its own")
    found = measure(example.code, "Example", generation, init="", on="(2, 4)")
    assert [line for line in found.log if rule.code in line] == []
