"""The rules' examples under several versions of Keras: `make truth-matrix`.

`python -m tests.truth.matrix ENVIRONMENT …` runs tests/truth/test_truth.py with the interpreter of each
environment, one after the other, and prints a table: for each rule how many of its examples are as they say
under that Keras, and which are not.
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

TESTS = Path(__file__).with_name("test_truth.py")

_VERSIONS = """
from importlib.metadata import version
from importlib.util import find_spec
for name in ("keras", "tf_keras"):
    if find_spec(name):
        print(2 if name == "tf_keras" else version(name)[0], f"{name} {version(name)}")
"""

Outcome = tuple[str, int, str, bool]
"""Of one test: the rule's code, the generation, the test's name, whether it passed."""


def versions(python: Path) -> Mapping[int, str]:
    """What an environment has of each generation: {3: "keras 3.15.1"}."""
    told = subprocess.run([python, "-c", _VERSIONS], check=True, capture_output=True, text=True).stdout
    return {int(line[0]): line[2:] for line in told.splitlines()}


def outcomes(python: Path, arguments: Sequence[str]) -> Iterator[Outcome]:
    """The tests that ran with an interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", str(TESTS), f"--junitxml={report}", *arguments]
        subprocess.run(command, env={**os.environ, "KERASCOPE_TRUTH_PYTHON": str(python)}, check=False)
        for case in ElementTree.parse(report).iter("testcase"):
            named = re.search(r"\[(KS\d+)-\w+-keras(\d)-", case.get("name", ""))
            if named is not None and case.find("skipped") is None:
                passed = case.find("failure") is None and case.find("error") is None
                yield named[1], int(named[2]), case.get("name", ""), passed


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
    for rule in all_rules():
        row = [(good[rule.code, name], total[rule.code, name]) for name in columns]
        cells = [f"{fine} of {ran}" if fine < ran else str(ran or "–") for fine, ran in row]
        if any(ran for _, ran in row):
            print(f"| {rule.code} | " + " | ".join(cells) + " |")
    print(*failed, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
