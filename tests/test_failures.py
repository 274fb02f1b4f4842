"""A failure of our own in one class costs the findings of that class alone."""

from __future__ import annotations

import logging

import pytest

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules import all_rules
from kerascope.source.document import Document
from kerascope.tracking.examine import Examiner

TEXT = """\
import keras
import tensorflow as tf


class First(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.w = tf.Variable(1.0)

    def call(self, x):
        return x * self.w


class Second(First):
    def build(self, shape):
        self.v = tf.Variable(1.0)

    def call(self, x):
        return x * self.v
"""


def findings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    monkeypatch.delenv("KERASCOPE_TRACEBACK", raising=False)
    project = Project(None)
    project.open(Document.from_text("/project/layers.py", TEXT, 1))
    found = Checker(project, Settings(keras="3")).check("/project/layers.py")
    return [(finding.code, finding.range.start.line + 1) for finding in found]


def test_a_class_that_can_t_be_run(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    real = Examiner._live

    def fails_on_first(self: Examiner, run: object, definition: object) -> object:
        if getattr(definition, "name", "") == "First":
            raise ValueError("broken")
        return real(self, run, definition)  # type: ignore[arg-type]

    monkeypatch.setattr(Examiner, "_live", fails_on_first)
    with caplog.at_level(logging.ERROR, "kerascope"):
        found = findings(monkeypatch)
    assert ("KS102", 16) in found
    assert [record.getMessage() for record in caplog.records] == [
        "Kerascope failed on First in /project/layers.py; please report that. (ValueError: broken)"
    ]


def test_a_rule_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    before = findings(monkeypatch)
    failing = next(rule for rule in all_rules() if rule.code == "KS203")
    monkeypatch.setattr(failing, "check_layer", lambda self, run: 1 / 0)
    assert [code for code, _ in findings(monkeypatch)].count("KS102") == [c for c, _ in before].count("KS102")
