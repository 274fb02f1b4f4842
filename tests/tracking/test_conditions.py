"""A condition on settings that the code itself gives: only the branch that is taken counts."""

from __future__ import annotations

import pytest

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document

PATH = "/project/model.py"

HIDDEN_IF = """\
import keras


def make(kind, layer):
    kinds = {{"plain": 1, "hidden": 2}}
    if {condition}:
        return {{"plain": layer}}, [layer]
    return layer


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        made = make({given!r}, keras.layers.Dense(4))
        self.__dict__["layer"] = made

    def call(self, x):
        return self.layer(x)
"""


def found(text: str) -> list[str]:
    project = Project(None)
    project.open(Document.from_text(PATH, text))
    return [finding.code for finding in Checker(project, Settings(keras="3")).check(PATH)]


@pytest.mark.parametrize(
    ("condition", "given"),
    [
        ('kind == "plain"', "plain"),
        ('kind.lower() == "plain"', "PLAIN"),
        ('kind.strip().replace("_", "") == "plain"', " pl_ain "),
        ('kind.startswith("pl")', "plain"),
        ('"{}-{}".format(kind, 2) == "plain-2"', "plain"),
        ('"lai" in kind', "plain"),
        ('kind in ("plain", "simple")', "plain"),
        ("kind in kinds", "plain"),
        ("kind not in kinds", "other"),
    ],
)
def test_only_the_branch_that_is_taken_counts(condition: str, given: str) -> None:
    one = HIDDEN_IF.format(condition=condition, given=given)
    other = HIDDEN_IF.format(condition=f"not ({condition})", given=given)
    assert "KS110" not in found(one)
    assert "KS110" in found(other)


@pytest.mark.parametrize(
    "condition",
    ['kind.lower(1) == "plain"', '"{0.real:9}".format(kind)', "kind.nothing()", "3 in kind"],
)
def test_what_cant_be_known_is_no_mistake(condition: str) -> None:
    assert "KS901" not in found(HIDDEN_IF.format(condition=condition, given="plain"))
