"""The build check with real Keras: programs in, reports and findings out, under either generation.

The interpreter is this one, or the one that `KERASCOPE_TRUTH_PYTHON` names, as for the other truth tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from kerascope.check import Checker
from kerascope.probe.build_check import BuildCheck
from kerascope.probe.findings import combined, findings
from kerascope.probe.process import Workers
from kerascope.probe.recipe import Given
from kerascope.probe.report import Report
from kerascope.project.catalogue import Generation
from kerascope.project.environment import Environment, find_environment
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules.rule import Finding
from kerascope.source.document import Document

PYTHON = os.environ.get("KERASCOPE_TRUTH_PYTHON", sys.executable)
PATH = "/project/example.py"


@dataclass(frozen=True)
class Measured:
    """What checking a program both ways gave."""

    report: Report
    findings: Sequence[Finding]
    """Those of the build check, before suppressions and settings."""
    shown: Sequence[Finding]
    """All that a user sees of the file."""
    static: Sequence[Finding]
    log: Sequence[str]

    def lines(self, code: str) -> list[int]:
        """The lines, counted from 1, of the findings with a code."""
        return sorted(each.range.start.line + 1 for each in self.findings if each.code == code)


Measure = Callable[..., Measured]


@pytest.fixture(scope="session")
def environment() -> Environment:
    look = "from importlib.util import find_spec as f; exit(not all(map(f, ('tensorflow', 'tf_keras'))))"
    if subprocess.run([PYTHON, "-c", look], check=False, capture_output=True).returncode:
        pytest.skip("needs TensorFlow, Keras 3 and tf_keras: make truth")
    return find_environment(None, setting=PYTHON, environ={"PATH": os.environ.get("PATH", "")})


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    running = Workers()
    yield running
    running.close()


@pytest.fixture(scope="session")
def measure(environment: Environment, workers: Workers) -> Measure:
    """`measure(code, "Example", 3, init=…, on=…, call=…)`."""

    def measured(
        code: str,
        class_name: str = "Example",
        generation: Generation = 3,
        *,
        init: str | None = None,
        on: str | None = None,
        call: str | None = None,
    ) -> Measured:
        project = Project("/project", environment.search_paths)
        document = Document.from_text(PATH, code, 1)
        project.open(document)
        checker = Checker(project, Settings(keras="2" if generation == 2 else "3"), environment)
        check = BuildCheck(checker, workers)
        given = Given(init, on, call) if (init, on, call) != (None, None, None) else None
        (prepared,) = check.prepare(PATH, class_name, given)
        report = check.run(prepared)
        static = checker.check(PATH)
        shown, log = combined(checker, PATH, static, [report])
        return Measured(report, findings(report, document), shown, static, log)

    return measured
