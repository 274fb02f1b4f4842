"""Every rule says what its examples claim, on the marked lines and only there; fixes give what they show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from kerascope.check import Checker
from kerascope.project.catalogue import Generation
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules import all_rules
from kerascope.rules.rule import Example, Finding, Rule
from kerascope.source.document import Document
from kerascope.source.position import Edit

MARK = re.compile(r"# <- (KS\d+(?:, ?KS\d+)*)")
PATH = "/project/example.py"


def check(
    code: str, generation: Generation, version: tuple[int, ...] | None = None
) -> tuple[Document, Sequence[Finding]]:
    """The findings of one file under one generation, without any file system."""
    document = Document.from_text(PATH, code, 1)
    project = Project(None)
    project.open(document)
    keras_version = ".".join(map(str, version)) if version else None
    settings = Settings(keras=str(generation), keras_version=keras_version)  # type: ignore[arg-type]
    checker = Checker(project, settings)
    return document, checker.check(PATH)


def marked(code: str, rule: str) -> list[int]:
    """The lines, counted from 1, that are marked as reported by a rule."""
    return [
        number
        for number, line in enumerate(code.splitlines(), 1)
        if (mark := MARK.search(line)) and rule in mark[1].split(", ")
    ]


def applied(document: Document, edits: Sequence[Edit]) -> Document:
    """The document after one fix, whose edits all speak of the same version."""
    ordered = sorted(edits, key=lambda edit: edit.range, reverse=True)
    return document.edited(ordered, (document.version or 0) + 1)


def mended(example: Example, code: str, rule: type[Rule], generation: Generation) -> str:
    """The code of an example after the rule's fixes, one after the other."""
    for _ in range(20):
        document, findings = check(code, generation, example.version_in(generation))
        fixes = [f.make_fix(document) for f in findings if f.code == rule.code and f.make_fix is not None]
        fix = next((fix for fix in fixes if fix is not None), None)
        if fix is None:
            return code
        code = applied(document, fix.edits).text
    raise AssertionError("a fix that leaves its finding")


def cases(kind: str, measured: bool = False) -> list[Any]:
    """Rules, examples and generations; those of what only the build check reports only if asked for."""
    return [
        pytest.param(
            rule, example, generation, id=f"{rule.code}-keras{generation}-{example.title.replace(' ', '_')}"
        )
        for rule in all_rules()
        if measured or not rule.measured
        for example in getattr(rule, kind)
        for generation in example.generations
    ]


def fixable() -> list[Any]:
    return [case for case in cases("reporting") if case.values[1].fixed is not None]


@pytest.mark.parametrize(("rule", "example", "generation"), cases("reporting"))
def test_reports_the_marked_lines(rule: type[Rule], example: Example, generation: Generation) -> None:
    _, findings = check(example.code, generation, example.version_in(generation))
    lines = sorted(f.range.start.line + 1 for f in findings if f.code == rule.code)
    assert lines == marked(example.code, rule.code), [f.message for f in findings]


@pytest.mark.parametrize(
    ("rule", "example", "generation"),
    [case for case in cases("reporting") if case.values[1].since or case.values[1].before],
)
def test_other_versions_of_keras_are_spared(
    rule: type[Rule], example: Example, generation: Generation
) -> None:
    for version in (example.since, example.before):
        if version is not None and version[0] == generation:
            outside = version if version == example.before else (version[0], version[1] - 1)
            assert not example.holds(generation, outside)
            _, findings = check(example.code, generation, outside)
            assert rule.code not in [finding.code for finding in findings]


@pytest.mark.parametrize(("rule", "example", "generation"), cases("reporting", measured=True))
def test_says_nothing_else(rule: type[Rule], example: Example, generation: Generation) -> None:
    _, findings = check(example.code, generation, example.version_in(generation))
    others = [f for f in findings if f.code != rule.code and f.severity != "information"]
    unmarked = [f for f in others if f.range.start.line + 1 not in marked(example.code, f.code)]
    assert unmarked == []


@pytest.mark.parametrize(("rule", "example", "generation"), cases("reporting", measured=True))
def test_what_the_analysis_says_is_marked_and_what_is_marked_it_says(
    rule: type[Rule], example: Example, generation: Generation
) -> None:
    _, findings = check(example.code, generation, example.version_in(generation))
    for other in all_rules():
        if (
            not other.measured
            and generation in other.severity
            and other.severity[generation] != "information"
        ):
            lines = sorted(f.range.start.line + 1 for f in findings if f.code == other.code)
            assert lines == marked(example.code, other.code), other.code


@pytest.mark.parametrize(("rule", "example", "generation"), cases("silent"))
def test_is_silent(rule: type[Rule], example: Example, generation: Generation) -> None:
    for version in {each.version_in(generation) for each in (*rule.reporting, example)} | {None}:
        if example.holds(generation, version):
            _, findings = check(example.code, generation, version)
            assert [f.message for f in findings if f.code == rule.code] == []


@pytest.mark.parametrize(
    ("rule", "example", "generation"),
    fixable(),
)
def test_the_fix_gives_the_mended_program(rule: type[Rule], example: Example, generation: Generation) -> None:
    assert mended(example, example.code, rule, generation) == example.fixed


@pytest.mark.parametrize(
    ("rule", "example", "generation"),
    fixable(),
)
@pytest.mark.parametrize(("old", "new"), [("\n", "\r\n"), ("    ", "\t")], ids=["CRLF", "tabs"])
def test_the_fix_writes_as_the_document_does(
    rule: type[Rule], example: Example, generation: Generation, old: str, new: str
) -> None:
    assert example.fixed is not None
    code = example.code.replace(old, new)
    assert mended(example, code, rule, generation) == example.fixed.replace(old, new)


@pytest.mark.parametrize(("rule", "example", "generation"), cases("reporting"))
def test_messages_are_one_sentence_line(rule: type[Rule], example: Example, generation: Generation) -> None:
    _, findings = check(example.code, generation, example.version_in(generation))
    for finding in findings:
        assert "\n" not in finding.message
        assert finding.message.endswith(".")
