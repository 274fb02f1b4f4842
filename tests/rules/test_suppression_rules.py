"""Suppression comments that do nothing, or name no rule: what is reported, and what the fixes leave."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules.ks901_unused_suppression import UnusedSuppression, unused
from kerascope.rules.ks902_unknown_code import UnknownCode
from kerascope.rules.rule import Example, Finding, Rule
from kerascope.source.document import Document
from kerascope.source.suppression import suppressions

PATH = "/project/example.py"


def check(code: str) -> tuple[Document, Sequence[Finding]]:
    document = Document.from_text(PATH, code, 1)
    project = Project(None)
    project.open(document)
    return document, Checker(project, Settings(keras="3")).check(PATH)


def fixed(code: str, rule: type[Rule]) -> str:
    document, findings = check(code)
    for finding in findings:
        fix = finding.make_fix(document) if finding.code == rule.code and finding.make_fix else None
        if fix is not None:
            return document.edited(sorted(fix.edits, key=lambda edit: edit.range, reverse=True), 2).text
    return code


def examples(kind: str) -> list[Any]:
    return [
        pytest.param(rule, example, id=f"{rule.code}-{example.title.replace(' ', '_')}")
        for rule in (UnusedSuppression, UnknownCode)
        for example in getattr(rule, kind)
    ]


@pytest.mark.parametrize(("rule", "example"), examples("reporting") + examples("silent"))
def test_reports_the_marked_lines(rule: type[Rule], example: Example) -> None:
    _, findings = check(example.code)
    lines = [finding.range.start.line for finding in findings if finding.code == rule.code]
    marked = [n for n, line in enumerate(example.code.splitlines()) if re.search(rf"# <- {rule.code}", line)]
    assert lines == marked


@pytest.mark.parametrize(("rule", "example"), examples("reporting"))
def test_the_fix_gives_the_mended_program(rule: type[Rule], example: Example) -> None:
    assert fixed(example.code, rule) == (example.fixed or example.code)


def without_idle_comments(code: str) -> str:
    """The code after the first fix of KS901, in a file where nothing else is reported."""
    document = Document.from_text(PATH, code, 1)
    finding = next(unused(document, suppressions(document), []))
    fix = finding.make_fix(document) if finding.make_fix is not None else None
    assert fix is not None
    assert fix.safe
    return document.edited(fix.edits, 2).text


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("# kerascope: ignore", ""),
        ("# kerascope: ignore[KS101]", ""),
        ("# kerascope: ignore[KS101] the helper holds no weights", "  # the helper holds no weights"),
        ("# kerascope: ignore[KS101], E501", "  # E501"),
        ("# noqa: KS101", ""),
        ("# noqa: KS101, E501", "  # noqa: E501"),
        ("# noqa: E501,KS101,F401", "  # noqa: E501,F401"),
        ("# noqa: E501 KS101", "  # noqa: E501"),
        ("# type: ignore  # noqa: KS101", "  # type: ignore"),
        ("# noqa: KS101  # type: ignore", "  # type: ignore"),
    ],
)
def test_what_is_left_of_a_comment(comment: str, left: str) -> None:
    code = f"import keras\nx = 1  {comment}\ny = 2\n"
    assert without_idle_comments(code) == f"import keras\nx = 1{left}\ny = 2\n"


def test_a_line_of_its_own_goes_with_the_comment() -> None:
    assert without_idle_comments("import keras\n# kerascope: ignore-file\nx = 1\n") == "import keras\nx = 1\n"


def test_two_idle_codes_are_one_finding_if_nothing_else_is_left() -> None:
    _, findings = check("import keras\nx = 1  # kerascope: ignore[KS101, KS202]\n")
    assert [finding.message for finding in findings] == [
        "This comment suppresses nothing: there is no KS101 and KS202 here."
    ]


def test_a_comment_without_codes_that_is_not_used() -> None:
    _, findings = check("import keras\n\nlayer = keras.layers.Dense(4)  # kerascope: ignore\n")
    assert [finding.message for finding in findings] == [
        "This comment suppresses nothing: there is no finding here."
    ]


def test_an_unknown_code_is_not_called_unused_too() -> None:
    _, findings = check("import keras\nx = 1  # kerascope: ignore[KS998]\n")
    assert [finding.code for finding in findings] == ["KS902"]


def test_a_misspelt_code_gets_a_guess() -> None:
    code = "import keras\nx = 1  # kerascope: ignore[KS2O2]\n"
    assert "Did you mean KS202?" in check(code)[1][0].message
    assert "ignore[KS202]" in fixed(code, UnknownCode)


@given(st.text(alphabet="#kerascope: ignore[]-fileKS1029,noqaE \t", max_size=60))
def test_any_comment_gets_findings_and_fixes_that_change_only_comments(text: str) -> None:
    code = f"import keras\nx = 1  # {text}\ny = 2\n"
    document, findings = check(code)
    for finding in findings:
        fix = finding.make_fix(document) if finding.make_fix is not None else None
        if fix is not None:
            after = document.edited(sorted(fix.edits, key=lambda edit: edit.range, reverse=True), 2).text
            assert re.sub("#.*", "", after).split() == ["import", "keras", "x", "=", "1", "y", "=", "2"]
