"""Real code, checked whole: Keras 3, tf_keras and Keras Hub as they are published.

Every warning and error there has been judged by a person, in `verdicts.toml`. A finding without a verdict is
either a mistake of Kerascope, to be mended, or true, to be written down with its reason.
"""

from __future__ import annotations

import ast
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kerascope.cli.results import FileResult
from kerascope.cli.workers import check_files
from kerascope.cli.workspace import Workspace
from kerascope.project.environment import Environment
from kerascope.project.settings import Settings
from kerascope.rules.rule import Finding

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

HERE = Path(__file__).parent
REAL = Path(os.environ.get("KERASCOPE_REAL_CODE", HERE.parents[1] / ".real-code"))
"""A folder with the packages of requirements/real-code.txt; they are read, never imported."""

VERSIONS = {"keras": "3.15.1", "tf_keras": "2.21.0", "keras_hub": "0.32.0"}

VERDICTS: Mapping[str, Any] = tomllib.loads((HERE / "verdicts.toml").read_text("utf-8"))


@dataclass(frozen=True, order=True)
class Place:
    """Where a finding stands, in words that outlive other changes of the file."""

    file: str
    code: str
    inside: str
    line: str

    def __str__(self) -> str:
        return (
            f'[[true]]\nfile = "{self.file}"\ncode = "{self.code}"\n'
            f"inside = \"{self.inside}\"\nline = '{self.line}'\nbecause = "
        )


def place_of(finding: Finding) -> Place:
    text = _text(finding.path)
    start = finding.range.start.line
    file = Path(finding.path).relative_to(REAL).as_posix()
    return Place(file, finding.code, _inside(finding.path, start + 1), text.splitlines()[start].strip())


@cache
def _text(path: str) -> str:
    return Path(path).read_text("utf-8")


def _inside(path: str, line: int) -> str:
    """The names of the classes and functions around a line, "Block.build"."""
    names = []
    body: Sequence[ast.AST] = _tree(path).body
    while found := [
        node for node in body if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or 0)
    ]:
        if isinstance(found[0], ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.append(found[0].name)
        body = list(ast.iter_child_nodes(found[0]))
    return ".".join(names)


@cache
def _tree(path: str) -> ast.Module:
    return ast.parse(_text(path))


def check(package: str) -> Sequence[FileResult]:
    """What checking every file of a package gives, as `kerascope check` does it."""
    if not (REAL / package).is_dir():
        pytest.skip(f"{package} isn't in {REAL}: `make test` puts it there")
    assert (REAL / f"{package}-{VERSIONS[package]}.dist-info").is_dir(), "another version than was judged"
    files = [str(path) for path in sorted((REAL / package).rglob("*.py"))]
    environment = Environment(search_paths=(str(REAL),), versions=VERSIONS)
    workspace = Workspace(str(REAL), False, Settings(), environment)
    results = list(check_files(workspace.checker, files, jobs=2))
    assert sorted(result.path for result in results) == files
    return results


# One test for a package: tests may be spread over processes, and checking a package takes a while.
@pytest.mark.parametrize("package", VERSIONS)
def test_a_package_is_checked_without_a_crash_and_without_a_false_alarm(package: str) -> None:
    results = check(package)
    assert not [f"{result.path}: {result.problem}" for result in results if result.problem]

    findings = [found.finding for result in results for found in result.found]
    counts = Counter(finding.code for finding in findings if finding.severity == "information")
    found = Counter(place_of(finding) for finding in findings if finding.severity != "information")
    judged = Counter(place for place in judged_true() if place.file.startswith(f"{package}/"))
    complaints = [
        *(f"Found, but nobody has judged it yet:\n{place}" for place in sorted((found - judged).elements())),
        *(f"Judged true, but no longer found:\n{place}" for place in sorted((judged - found).elements())),
    ]
    assert not complaints, "\n\n".join(complaints)
    assert counts == VERDICTS["information"].get(package, {}), "findings of severity information"


def judged_true() -> Iterator[Place]:
    for verdict in VERDICTS["true"]:
        yield Place(verdict["file"], verdict["code"], verdict["inside"], verdict["line"])


def test_every_verdict_has_a_reason_and_a_package() -> None:
    for verdict in VERDICTS["true"]:
        assert verdict["because"].strip(), verdict
        assert verdict["file"].split("/")[0] in VERSIONS, verdict
