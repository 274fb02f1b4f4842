"""Plants defects into correct layers of published packages, and counts how many are found on their line.

`python -m tests.recall.mutations` measures as many as there are; test_mutations.py a few of each kind.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.recall import kinds, spellings  # noqa: F401 (what they plant)
from tests.recall.planting import HERE, KINDS, Source

from kerascope.check import Checker
from kerascope.project.environment import Environment
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document

REAL = Path(os.environ.get("KERASCOPE_REAL_CODE", Path(__file__).parents[2] / ".real-code"))


@dataclass(frozen=True)
class Mutant:
    """A text with one defect."""

    kind: str
    code: str
    path: str
    text: str
    line: int

    @property
    def shown(self) -> str:
        return f"{self.path}:{self.line}: {self.text.splitlines()[self.line - 1].strip()}"


def files() -> list[Path]:
    """Where layers are."""
    folders = ["keras/src/layers", "keras_hub/src/layers", "keras_hub/src/models"]
    found = [path for folder in folders for path in sorted((REAL / folder).rglob("*.py"))]
    return [path for path in found if not path.name.endswith("_test.py")]


def mutants(most: int | None = None, every: int = 1) -> Iterator[Mutant]:
    """`most`: of each kind, spread over all files. `every`: 3 for a third of the files."""
    found: dict[str, list[Mutant]] = defaultdict(list)
    for path in files()[::every]:
        text = path.read_text("utf-8")
        if "def call(" not in text or not text.isascii():
            continue
        source = Source(path)
        for name, (code, plant) in KINDS.items():
            for planted in plant(source):
                before, _, after = planted.partition(HERE)
                found[name].append(Mutant(name, code, str(path), before + after, before.count("\n") + 1))
    for planted_of_kind in found.values():
        count = len(planted_of_kind)
        step = 1 if most is None else max(1, -(-count // most))
        for mutant in planted_of_kind[::step]:
            ast.parse(mutant.text)
            yield mutant


class Finder:
    """Checks mutants, one after the other, in one project."""

    def __init__(self) -> None:
        self._project = Project(str(REAL), (str(REAL),))
        self._checker = Checker(self._project, Settings(keras="3"), Environment(search_paths=(str(REAL),)))
        self._version = 1
        self._last: str | None = None

    def finds(self, mutant: Mutant) -> bool:
        if self._last is not None and self._last != mutant.path:
            self._open(self._last, Path(self._last).read_text("utf-8"))
        self._last = mutant.path
        self._open(mutant.path, mutant.text)
        return any(
            finding.code == mutant.code and finding.range.start.line + 1 == mutant.line
            for finding in self._checker.check(mutant.path)
        )

    def _open(self, path: str, text: str) -> None:
        self._version += 1
        self._project.open(Document.from_text(path, text, self._version))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.recall.mutations", description=__doc__)
    parser.add_argument("--most", type=int, help="how many of each kind (all)")
    parser.add_argument("--kind", action="append", choices=sorted(KINDS))
    parser.add_argument("--missed", action="store_true", help="show those that are not found")
    options = parser.parse_args(arguments)
    finder, planted, found = Finder(), defaultdict(int), defaultdict(int)  # type: ignore[var-annotated]
    for mutant in mutants(options.most):
        if options.kind and mutant.kind not in options.kind:
            continue
        planted[mutant.kind] += 1
        if finder.finds(mutant):
            found[mutant.kind] += 1
        elif options.missed:
            print(f"{mutant.code} {mutant.shown}")
    for name, count in planted.items():
        print(f"{KINDS[name][0]} {name:24} {found[name]:4} of {count:4}  {found[name] / count:4.0%}")
    print(f"{sum(found.values())} of {sum(planted.values())}")


if __name__ == "__main__":
    main(sys.argv[1:])
