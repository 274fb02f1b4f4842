"""Whole programs, as people write them: every defect in them is found, on its line, and nothing else.

They were written before anybody looked at what Kerascope says of them. What it missed then was mended in the
analysis, not in the program.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from tests.recall.programs import Program, programs

from kerascope.cli.workers import check_files
from kerascope.cli.workspace import Workspace
from kerascope.project.catalogue import Generation
from kerascope.project.environment import Environment
from kerascope.project.settings import Settings
from kerascope.rules import all_rules


def cases() -> list[Any]:
    return [
        pytest.param(program, generation, id=f"{program.name}-keras{generation}")
        for program in programs()
        for generation in program.generations
    ]


def found(program: Program, generation: Generation) -> list[tuple[str, int, str]]:
    """The module, line and code of each finding, as `kerascope check` gives them."""
    settings = Settings(keras=str(generation))  # type: ignore[arg-type]
    workspace = Workspace(str(program.root), False, settings, Environment())
    paths = {str(program.root / name): name for name in program.files}
    findings: set[tuple[str, int, str]] = set()
    for result in check_files(workspace.checker, sorted(paths), jobs=1):
        assert result.problem is None, result.problem
        findings.update(
            (paths[result.path], one.finding.range.start.line + 1, one.finding.code) for one in result.found
        )
    return sorted(findings)


@pytest.mark.parametrize(("program", "generation"), cases())
def test_finds_the_marked_lines_and_nothing_else(program: Program, generation: Generation) -> None:
    assert found(program, generation) == program.marked(generation)


@pytest.mark.parametrize("program", programs(), ids=lambda program: program.name)
def test_a_program_is_for_a_rule_that_it_shows(program: Program) -> None:
    codes = {code for generation in program.generations for _, _, code in program.marked(generation)}
    assert program.code in codes


def test_every_rule_has_two_programs() -> None:
    written = Counter(program.code for program in programs())
    released = sorted(rule.code for rule in all_rules() if not rule.measured)
    missing = [code for code in released if written[code] < 2]
    assert not missing, f"tests/recall/data needs two programs for each of {', '.join(missing)}"
