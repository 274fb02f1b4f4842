"""Each pattern that was measured under real Keras proves a rule, the silence of all, or has a reason."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kerascope.check import Checker, Finding
from kerascope.project.catalogue import Generation
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules import all_rules
from kerascope.source.document import Document

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

PATH = "/project/example.py"
OPTIONAL = {"make", "arguments", "shape", "evidence", "fixed", "silent-because"}
ROWS: Mapping[str, Mapping[str, Any]] = tomllib.loads(
    Path(__file__).with_name("cases.toml").read_text("utf-8")
)
PROGRAMS = {name: row for name, row in ROWS.items() if "because" not in row}


def codes(name: str, generation: Generation) -> frozenset[str]:
    """What must be said of a program under one generation."""
    reports = PROGRAMS[name]["reports"]
    return frozenset(reports if isinstance(reports, list) else reports[f"keras{generation}"])


def reason_for_silence(name: str, generation: Generation) -> str | None:
    """Why nothing is said of a program that raises under a generation."""
    because = PROGRAMS[name].get("silent-because", {})
    return because if isinstance(because, str) else because.get(f"keras{generation}")


HEAD = """\
import collections, copy, functools, types, weakref
from dataclasses import dataclass
import numpy as np
import tensorflow as tf
import keras
from keras import layers
from keras.layers import Dense


class Helper:
    def __init__(self):
        self.d = Dense(4)

    def run(self, x):
        return self.d(x)


@dataclass
class Data:
    a: object
    b: object


class Layers(list):
    pass


class Named(dict):
    pass


Pair = collections.namedtuple("Pair", "a b")


def make_block():
    d = Dense(4)

    def block(x):
        return d(x)

    return block


"""


def said(name: str, generation: Generation, version: tuple[int, ...] | None = None) -> list[Finding]:
    """What is said of a program under a version of Keras, by default the newest: all errors and warnings; of
    severity information only what the row names."""
    project = Project(None)
    project.open(Document.from_text(PATH, HEAD + PROGRAMS[name]["program"], 1))
    keras_version = ".".join(map(str, version)) if version else None
    settings = Settings(keras="2" if generation == 2 else "3", keras_version=keras_version)
    findings = Checker(project, settings).check(PATH)
    return [f for f in findings if f.severity != "information" or f.code in codes(name, generation)]


def test_every_measured_pattern_is_there() -> None:
    assert len(ROWS) == 381
    for name, row in ROWS.items():
        assert row.keys() - OPTIONAL == ({"because"} if "because" in row else {"reports", "program"}), name


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("generation", [3, 2])
def test_what_is_said_of_a_measured_pattern(name: str, generation: Generation) -> None:
    """All errors and warnings; of severity information only what the row names."""
    expected = codes(name, generation) & {rule.code for rule in all_rules()}
    findings = said(name, generation)
    found = {finding.code for finding in findings}
    assert found == expected, "\n".join(finding.message for finding in findings)
