"""Real code, checked whole: Keras, tf_keras and five libraries of layers, as they are published.

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

ENVIRONMENTS = {
    "Keras 3": {"keras": "3.15.1", "tensorflow": "2.21.0", "tf_keras": "2.21.0", "keras_hub": "0.32.0"},
    "TensorFlow 2.15": {"keras": "2.15.0", "tensorflow": "2.15.1"},
}
"""What is installed besides a package; that decides for which Keras a file of it is checked."""


@dataclass(frozen=True)
class Package:
    """A package that is checked: the folder of its metadata, and the environments that it is written for."""

    metadata: str
    environments: tuple[str, ...]


PACKAGES = {
    "keras": Package("keras-3.15.1", ("Keras 3",)),
    "keras_cv": Package("keras_cv-0.9.0", ("Keras 3", "TensorFlow 2.15")),
    "keras_hub": Package("keras_hub-0.32.0", ("Keras 3",)),
    "keras_rs": Package("keras_rs-0.4.0", ("Keras 3",)),
    "qkeras": Package("QKeras-0.9.0", ("TensorFlow 2.15",)),
    "tensorflow_addons": Package("tensorflow_addons-0.23.0", ("TensorFlow 2.15",)),
    "tf_keras": Package("tf_keras-2.21.0", ("Keras 3",)),
}
CHECKS = [(name, under) for name, package in PACKAGES.items() for under in package.environments]

VERDICTS: Mapping[str, Any] = tomllib.loads((HERE / "verdicts.toml").read_text("utf-8"))
INFORMATION: Mapping[str, Any] = tomllib.loads((HERE / "information.toml").read_text("utf-8"))
"""The judgement on findings of severity information, of which not all need be judged."""


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


def check(package: str, under: str) -> Sequence[FileResult]:
    """What checking every file of a package gives in an environment, as `kerascope check` does it."""
    if not (REAL / package).is_dir():
        pytest.skip(f"{package} isn't in {REAL}: `make test` puts it there")
    metadata = REAL / f"{PACKAGES[package].metadata}.dist-info"
    assert metadata.is_dir(), f"{metadata.name} isn't there: another version than was judged"
    files = [str(path) for path in sorted((REAL / package).rglob("*.py"))]
    environment = Environment(search_paths=(str(REAL),), versions=ENVIRONMENTS[under])
    workspace = Workspace(str(REAL), False, Settings(), environment)
    results = list(check_files(workspace.checker, files, jobs=2))
    assert sorted(result.path for result in results) == files
    return results


# One test for a package: tests may be spread over processes, and checking a package takes a while.
@pytest.mark.parametrize(("package", "under"), CHECKS)
def test_a_package_is_checked_without_a_crash_and_without_a_false_alarm(package: str, under: str) -> None:
    results = check(package, under)
    assert not [f"{result.path}: {result.problem}" for result in results if result.problem]

    findings = [found.finding for result in results for found in result.found]
    counts = Counter(finding.code for finding in findings if finding.severity == "information")
    found = Counter(place_of(finding) for finding in findings if finding.severity != "information")
    judged = Counter(judged_true(VERDICTS, package, under))
    told = Counter(place_of(finding) for finding in findings if finding.severity == "information")
    read = Counter(judged_true(INFORMATION, package, under))
    complaints = [
        *(f"Found, but nobody has judged it yet:\n{place}" for place in sorted((found - judged).elements())),
        *(f"Judged true, but no longer found:\n{place}" for place in sorted((judged - found).elements())),
        *(f"Judged true, but no longer found:\n{place}" for place in sorted((read - told).elements())),
    ]
    assert not complaints, "\n\n".join(complaints)
    expected = VERDICTS["information"][under].get(package, {})
    assert counts == expected, "findings of severity information"


def judged_true(verdicts: Mapping[str, Any], package: str, under: str) -> Iterator[Place]:
    for verdict in verdicts["true"]:
        if _belongs(verdict) == (package, under):
            yield Place(verdict["file"], verdict["code"], verdict["inside"], verdict["line"])


def _belongs(verdict: Mapping[str, str]) -> tuple[str, str]:
    """The package and the environment of a verdict: the package's first one, where it names none."""
    package = verdict["file"].split("/")[0]
    return package, verdict.get("under", PACKAGES[package].environments[0])


def test_every_verdict_has_a_reason_and_a_package() -> None:
    for verdict in (*VERDICTS["true"], *INFORMATION["true"]):
        assert verdict["because"].strip(), verdict
        assert _belongs(verdict) in CHECKS, verdict
