"""The rules' examples and the measured programs under several versions of Keras: `make truth-matrix`.

`python -m tests.truth.matrix ENVIRONMENT …` runs the tests of both with the interpreter of each environment,
one after the other, and prints a table: for each rule how many of its examples are as they say under that
Keras, how many of the programs show what is said of them, and which don't.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from kerascope.rules import all_rules

TESTS = [str(Path(__file__).with_name(name)) for name in ("test_truth.py", "test_measured.py")]
PROGRAMS = "measured"

_VERSIONS = """
from importlib.metadata import version
from importlib.util import find_spec
for name in ("keras", "tf_keras"):
    if find_spec(name):
        print(2 if name == "tf_keras" else version(name)[0], f"{name} {version(name)}")
"""

Outcome = tuple[str, int, str, bool]
"""Of one test: the rule's code or PROGRAMS, the generation, the test's name, whether it passed."""


def versions(python: Path) -> Mapping[int, str]:
    """What an environment has of each generation: {3: "keras 3.15.1"}."""
    told = subprocess.run([python, "-c", _VERSIONS], check=True, capture_output=True, text=True).stdout
    return {int(line[0]): line[2:] for line in told.splitlines()}


def outcomes(python: Path, arguments: Sequence[str]) -> Iterator[Outcome]:
    """The tests that ran with an interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", *TESTS, f"--junitxml={report}", *arguments]
        settings = {"KERASCOPE_TRUTH_PYTHON": str(python), "KERASCOPE_TRUTH_PROGRAMS": "all"}
        subprocess.run(command, env={**os.environ, **settings}, check=False)
        for case in ElementTree.parse(report).iter("testcase"):
            test = case.get("name", "")
            example = re.search(r"\[(KS\d+)-\w+-keras(\d)-", test)
            program = re.search(r"\[\w+-(\d)\]", test)
            if case.find("skipped") is None:
                passed = case.find("failure") is None and case.find("error") is None
                if example is not None:
                    yield example[1], int(example[2]), test, passed
                elif program is not None:
                    yield PROGRAMS, int(program[1]), test, passed


def main(arguments: Sequence[str]) -> int:
    """Run all, print the table; 1 if an example isn't as it says."""
    environments = [Path(argument) for argument in arguments if Path(argument, "bin").is_dir()]
    others = [argument for argument in arguments if Path(argument) not in environments]
    columns: list[str] = []
    total: Counter[tuple[str, str]] = Counter()
    good: Counter[tuple[str, str]] = Counter()
    failed: list[str] = []
    for environment in environments:
        python = environment.absolute() / "bin" / "python"
        names = versions(python)
        print(f"== {', '.join(names.values())}", flush=True)
        columns += names.values()
        for code, generation, test, passed in outcomes(python, others):
            total[code, names[generation]] += 1
            good[code, names[generation]] += passed
            if not passed:
                failed.append(f"{names[generation]}: {test}")
    print("\n| rule | " + " | ".join(columns) + " |\n|" + " --- |" * (len(columns) + 1))
    for label in (*(rule.code for rule in all_rules()), PROGRAMS):
        row = [(good[label, name], total[label, name]) for name in columns]
        cells = [f"{fine} of {ran}" if fine < ran else str(ran or "–") for fine, ran in row]
        if any(ran for _, ran in row):
            print(f"| {label} | " + " | ".join(cells) + " |")
    print(*failed, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
