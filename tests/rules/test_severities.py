"""Where the catalogue tells two cases of one rule apart, they have their own severity."""

from __future__ import annotations

import pytest

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document

PATH = "/project/example.py"
VARIABLE = """\
import keras
import tensorflow as tf


class Outer(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.v = {0}

    def call(self, x):
        return x * tf.cast(self.v, x.dtype)
"""
LIST = """\
import keras


class Outer(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        {0}
        self.built = True

    def call(self, x):
        return self.dense(x)
"""


def severities(code: str, keras: str) -> dict[str, str]:
    document = Document.from_text(PATH, code, 1)
    project = Project(None)
    project.open(document)
    found = Checker(project, Settings(keras=keras)).check(PATH)  # type: ignore[arg-type]
    return {finding.code: finding.severity for finding in found}


@pytest.mark.parametrize(
    ("value", "severity"),
    [
        ("tf.Variable(1.0)", "warning"),
        ("tf.Variable(tf.zeros([4]), trainable=True)", "warning"),
        ("tf.Variable(1.0, trainable=False)", "information"),
        ("tf.Variable(0)", "information"),
        ("tf.Variable(False)", "information"),
        ("tf.Variable(0, dtype=tf.int64)", "information"),
    ],
)
def test_a_variable_that_never_trains_only_loses_its_value(value: str, severity: str) -> None:
    assert severities(VARIABLE.format(value), "3")["KS102"] == severity


@pytest.mark.parametrize(
    ("statement", "keras", "severity"),
    [
        ("self._trainable_weights.extend(self.dense.trainable_weights)", "3", "error"),
        ("self._trainable_weights.extend(self.dense.trainable_weights)", "2", "warning"),
        ("self._trainable_weights = self.dense.trainable_weights", "3", "warning"),
        ("self._trainable_variables.extend(self.dense.trainable_variables)", "3", "warning"),
        ("self._trainable_variables.extend(self.dense.trainable_variables)", "2", "error"),
        ("self.trainable_weights = self.dense.trainable_weights", "2", "error"),
    ],
)
def test_what_raises_is_an_error_and_what_does_nothing_a_warning(
    statement: str, keras: str, severity: str
) -> None:
    assert severities(LIST.format(statement), keras)["KS112"] == severity


def test_for_both_generations_the_worse_one_counts() -> None:
    statement = "self._trainable_weights.extend(self.dense.trainable_weights)"
    assert severities(LIST.format(statement), "both")["KS112"] == "error"
