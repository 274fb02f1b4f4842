"""The rules' pages are what the rules say: none missing, none left over, none out of date."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from kerascope.rules import all_rules
from kerascope.rules.rule import Rule

ROOT = Path(__file__).parent.parent.parent
PAGES = ROOT / "docs" / "rules"

GENERATOR: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "generate_rule_pages.py"))


def headings(text: str) -> list[str]:
    return re.findall(r"^## (.*)$", text, re.MULTILINE)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_a_docstring_has_every_heading_and_no_other(rule: type[Rule]) -> None:
    sections = dict(GENERATOR["sections_of"](rule))
    assert list(sections) == list(GENERATOR["HEADINGS"][:-1])
    assert all(text.strip() for text in sections.values())
    assert GENERATOR["lead_of"](rule) in ("", rule.summary), (
        "the page would lose what stands before its headings"
    )


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_a_rule_is_in_a_group_of_the_index(rule: type[Rule]) -> None:
    assert rule.code[:3] in GENERATOR["GROUPS"]


def test_every_page_is_there_and_up_to_date() -> None:
    made: dict[Path, str] = GENERATOR["documents"]()
    old = [path.name for path, text in made.items() if not path.exists() or path.read_text("utf-8") != text]
    assert old == [], "run `make docs`"
    assert {path for path in made if path.parent == PAGES} == set(PAGES.iterdir())


def test_every_page_has_the_same_headings() -> None:
    for rule in all_rules():
        page = (PAGES / f"{rule.code}.md").read_text("utf-8")
        assert page.startswith(f"# {rule.code} `{rule.name}`\n")
        assert headings(page) == list(GENERATOR["HEADINGS"])
