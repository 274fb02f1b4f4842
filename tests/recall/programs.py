"""The programs in data/: what they say of themselves in comments. README.md tells the format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast, get_args

from kerascope.project.catalogue import Generation
from kerascope.rules.rule import Symptom

DATA = Path(__file__).parent / "data"

_HEADER = re.compile(r"# Keras (2|3|2 and 3)\n")
_SAYS = re.compile(r"# (shows|x)(?: in Keras ([23]))?: (.+)\n")
_MARK = re.compile(r"# <- (KS\d+.*)$")
_CODE = re.compile(r"(KS\d+)(?: in Keras ([23]))?(?:, |$)")


@dataclass(frozen=True)
class Shows:
    """What real Keras shows of a layer of the program: Example's `symptom`, `make`, `arguments` and
    `evidence`."""

    generation: Generation
    symptom: str
    make: str
    arguments: str = "x"
    evidence: str | None = None


@dataclass(frozen=True)
class Program:
    """A file of data/, or a folder whose modules import each other."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def code(self) -> str:
        """The rule that it is for: "KS101" of ks101_adapters.py."""
        return self.name[:5].upper()

    @cached_property
    def files(self) -> Mapping[str, str]:
        """The text of each module, by its path inside the program's folder."""
        if self.path.is_file():
            return {self.path.name: self.path.read_text("utf-8")}
        found = sorted(self.path.rglob("*.py"))
        return {file.relative_to(self.path).as_posix(): file.read_text("utf-8") for file in found}

    @property
    def root(self) -> Path:
        """The folder from which its modules are imported."""
        return self.path if self.path.is_dir() else self.path.parent

    @cached_property
    def main(self) -> str:
        """The module with the header."""
        (name,) = (name for name, text in self.files.items() if _HEADER.match(text))
        return name

    @cached_property
    def generations(self) -> tuple[Generation, ...]:
        header = _HEADER.match(self.files[self.main])
        assert header is not None
        return cast("tuple[Generation, ...]", tuple(int(number) for number in header[1].split(" and ")))

    @cached_property
    def shows(self) -> tuple[Shows, ...]:
        found = []
        for generation in self.generations:
            for kind, only, text in _SAYS.findall(self.files[self.main]):
                if kind == "shows" and only in ("", str(generation)):
                    found.append(Shows(generation, *(part.strip() for part in text.split("|"))))
        assert all(shows.symptom in get_args(Symptom) for shows in found), found
        return tuple(found)

    @property
    def shape(self) -> list[int]:
        """The shape of `x`."""
        (*_, text) = [
            "2, 4",
            *(text for kind, _, text in _SAYS.findall(self.files[self.main]) if kind == "x"),
        ]
        return [int(number) for number in text.split(",")]

    def marked(self, generation: Generation) -> list[tuple[str, int, str]]:
        """The module, line (from 1) and code of every finding that the marks ask for."""
        return sorted(
            (name, number, code)
            for name, text in self.files.items()
            for number, line in enumerate(text.splitlines(), 1)
            if (mark := _MARK.search(line)) is not None
            for code, only in _CODE.findall(mark[1])
            if only in ("", str(generation))
        )

    def request(self, shows: Shows) -> dict[str, Any]:
        """What tests/truth/worker.py is asked."""
        return {
            "files": self.files,
            "main": self.main,
            "make": shows.make,
            "arguments": shows.arguments,
            "evidence": shows.evidence,
            "shape": self.shape,
            "symptoms": [shows.symptom],
        }


@cache
def programs() -> tuple[Program, ...]:
    found = sorted(path for path in DATA.iterdir() if re.match(r"ks\d{3}_", path.name))
    return tuple(Program(path) for path in found)
