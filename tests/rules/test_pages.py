"""A rule's page says nothing that isn't proven: its programs are examples, its headings always the same."""

from __future__ import annotations

import inspect
import re

import pytest

from kerascope.rules import all_rules
from kerascope.rules.rule import Rule

HEADINGS = [
    "What it does",
    "Why it matters",
    "Example",
    "Instead",
    "When it is silent",
    "Fix",
    "Versions",
    "References",
]
SOURCE = re.compile(r"- (?:(?:Keras|tf_keras) \d+\.\d+\.\d+|Python): ")
REPORT = re.compile(r"- \[([\w.-]+) #(\d+)\]\(https://github\.com/[\w.-]+/\1/(?:issues|pull)/\2\):\s")
MARK = re.compile(r"  # <- KS\d+(?:, ?KS\d+)*$", re.M)


def page(rule: type[Rule]) -> str:
    return f"{inspect.cleandoc(rule.__doc__ or '')}\n"


def section(rule: type[Rule], heading: str) -> str:
    return page(rule).split(f"## {heading}\n")[1].split("\n## ")[0]


def programs(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.S)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_headings(rule: type[Rule]) -> None:
    found = re.findall(r"^## (.*)$", page(rule), re.M)
    assert found == [heading for heading in HEADINGS if heading != "Versions" or gated(rule)]


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_the_references_have_one_form(rule: type[Rule]) -> None:
    text = section(rule, "References").strip()
    items = [] if text.startswith("None of Keras'") else re.split(r"\n(?!  )", text)
    for item in items:
        assert SOURCE.match(item) or REPORT.match(item), item
    assert len(re.findall("https?://", page(rule))) == sum(bool(REPORT.match(item)) for item in items)
    assert items == sorted(items, key=lambda item: bool(REPORT.match(item))), "public reports come last"


def gated(rule: type[Rule]) -> bool:
    """Whether the rule depends on more than the generation."""
    return any(example.since or example.before for example in rule.reporting + rule.silent)


@pytest.mark.parametrize("rule", [rule for rule in all_rules() if gated(rule)], ids=lambda rule: rule.code)
def test_versions_are_named(rule: type[Rule]) -> None:
    text = section(rule, "Versions")
    for example in rule.reporting + rule.silent:
        for version in (example.since, example.before):
            assert version is None or f"{version[0]}.{version[1]}" in text


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_the_figures_name_both_generations(rule: type[Rule]) -> None:
    text = " ".join(section(rule, "Why it matters").split())
    assert "Keras 3" in text
    assert "Keras 2" in text


@pytest.mark.parametrize(
    "rule", [rule for rule in all_rules() if rule.code[2] in "23489"], ids=lambda rule: rule.code
)
def test_the_programs_are_examples(rule: type[Rule]) -> None:
    (shown,) = programs(section(rule, "Example"))
    (instead,) = programs(section(rule, "Instead"))
    assert shown == MARK.sub("", rule.reporting[0].code)
    proven = [example.fixed or "" for example in rule.reporting] + [example.code for example in rule.silent]
    assert instead in [MARK.sub("", code) for code in proven]
