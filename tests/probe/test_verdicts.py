"""What a build check says of the analysis' findings: each code confirmed, refuted, and left alone."""

from __future__ import annotations

from typing import Any

import pytest
from tests.probe.measured import PATH, Part, frame, layer, lost, weight

from kerascope.check import Checker
from kerascope.probe.report import Report, from_json
from kerascope.probe.verdicts import CONFIRMED, judged, verdict
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules.rule import Finding
from kerascope.source.document import Document

HELPER = """\
import keras


class Head:
    def __init__(self):
        self.dense = keras.layers.Dense(4)


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.head = Head()

    def build(self, input_shape):
        self.built = True

    def call(self, x):
        return self.head.dense(x)
"""
VARIABLE = """\
import keras
import tensorflow as tf


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(tf.ones((4,)))

    def call(self, x):
        return x * self.scale
"""
COUNTER = VARIABLE.replace("tf.Variable(tf.ones((4,)))", "tf.Variable(0.0, trainable=False)")
NESTED = """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
"""
IN_CALL = """\
import keras


class Example(keras.layers.Layer):
    def call(self, x):
        return keras.layers.Dense(4)(x)
"""
LAZY = """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = None

    def call(self, x):
        if self.dense is None:
            self.dense = keras.layers.Dense(4)
        return self.dense(x)
"""
NO_SUPER = """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        self.units = 4

    def call(self, x):
        return x
"""
TENSOR = """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(4,), initializer="ones", name="w") * 2.0

    def call(self, x):
        return x * self.w
"""
OVERWRITTEN = """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(4,), initializer="ones", name="w")

    def call(self, x):
        self.w = self.w * 2.0
        return x * self.w
"""
THRESHOLD = """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(shape=(4,), initializer="ones", name="w")

    def call(self, x):
        return keras.ops.where(x > self.w, x, 0.0)
"""
NAME_FIRST = """\
import keras


class Example(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight("w", shape=(4,))

    def call(self, x):
        return x * self.w
"""
PRIVATE = """\
import keras


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self._trainable_weights.extend(self.dense.trainable_weights)

    def call(self, x):
        return self.dense(x)
"""


def dense(line: int, called: int, *, known: bool, path: str = "dense", **fields: Any) -> Part:
    """A Dense that a line makes and a call builds, tracked or not."""
    made = weight if known else lost
    kernel = made(f"{path}.kernel", created=frame(called), held=frame(line), **fields)
    return layer(path, tracked=known, created=frame(line), library="keras", weights=[kernel])


def measured(*children: Part, weights: tuple[Part, ...] = (), **fields: Any) -> Report:
    tree = layer("", "Example", weights=list(weights), children=list(children))
    answer = {"status": "built", "tree": tree, "versions": {"generation": "3"}, **fields}
    return from_json(answer, path=PATH, class_name="Example", line=1)


def raised(line: int, stage: str = "call", message: str = "no") -> Report:
    error = {"stage": stage, "type": "RuntimeError", "message": message, "frames": [frame(line)]}
    answer = {"status": "raised", "raised": [error], "versions": {"generation": "3"}}
    return from_json(answer, path=PATH, class_name="Example", line=1)


def found(code: str, text: str, keras: str = "3") -> tuple[Finding, Document]:
    """The analysis' own finding in a program."""
    project = Project(None)
    document = Document.from_text(PATH, text, 1)
    project.open(document)
    checker = Checker(project, Settings(keras=keras))  # type: ignore[arg-type]
    (finding,) = [each for each in checker.check(PATH) if each.code == code]
    return finding, document


UNUSED: Part = {"watched": False, "effect": False}
COUNTS = {"build": {"weights": 2}, "call": {"weights": 2}}
FEWER = {"build": {"weights": 0}, "call": {"weights": 2}}
MADE = frame(8, "self.scale = tf.Variable(…)")
VALUE = {"raw": True, "name": "Variable"}
CASES = [
    ("KS101", HELPER, measured(dense(6, 18, known=False, path="head.dense")), "confirmed"),
    ("KS101", HELPER, measured(dense(6, 18, known=True, path="head.dense")), "refuted"),
    ("KS101", HELPER, measured(dense(99, 99, known=True, path="other")), None),
    (
        "KS101",
        HELPER,
        measured(dense(6, 18, known=True, path="head.dense", watched=False, effect=False)),
        None,
    ),
    ("KS101", HELPER, raised(18), None),
    (
        "KS102",
        VARIABLE,
        measured(weights=(lost("scale", (4,), created=MADE, **VALUE),)),
        "confirmed",
    ),
    ("KS102", VARIABLE, measured(weights=(weight("scale", (4,), created=MADE),)), "refuted"),
    ("KS102", VARIABLE, measured(), None),
    (
        "KS102",
        COUNTER,
        measured(weights=(lost("scale", (), trainable=False, created=MADE, saved=False, **VALUE),)),
        "confirmed",
    ),
    (
        "KS102",
        COUNTER,
        measured(weights=(lost("scale", (), trainable=False, created=MADE, saved=None, **VALUE),)),
        None,
    ),
    ("KS203", NESTED, measured(dense(7, 10, known=True), counts=FEWER), "confirmed"),
    ("KS203", NESTED, measured(dense(7, 10, known=True), counts=COUNTS), "refuted"),
    ("KS203", NESTED, measured(dense(7, 10, known=True)), None),
    ("KS203", NESTED, raised(10), None),
    (
        "KS301",
        IN_CALL,
        measured(new_every_call=[lost("", created=frame(6), held=frame(6))]),
        "confirmed",
    ),
    ("KS301", IN_CALL, raised(6), "confirmed"),
    ("KS301", IN_CALL, measured(dense(6, 6, known=True)), "refuted"),
    ("KS301", IN_CALL, measured(dense(6, 6, known=True), not_measured={"again": "stopped"}), None),
    ("KS301", IN_CALL, measured(), None),
    ("KS303", LAZY, raised(11), "confirmed"),
    ("KS303", LAZY, measured(dense(11, 12, known=True)), "refuted"),
    ("KS303", LAZY, measured(), None),
    ("KS306", NO_SUPER, raised(6, "construct"), "confirmed"),
    ("KS306", NO_SUPER, raised(9, "call", "you forgot to call `super().__init__()`"), "confirmed"),
    ("KS306", NO_SUPER, measured(), "refuted"),
    ("KS306", NO_SUPER, raised(9, "call", "shapes don't fit"), None),
    ("KS401", TENSOR, measured(weights=(weight("w", (4,), created=frame(6), gradient=False),)), "confirmed"),
    ("KS401", TENSOR, measured(weights=(weight("w", (4,), created=frame(6)),)), "refuted"),
    ("KS401", TENSOR, raised(6), "confirmed"),
    ("KS401", TENSOR, measured(weights=(weight("w", (4,), created=frame(6), gradient=None),)), None),
    ("KS408", OVERWRITTEN, raised(9), "confirmed"),
    (
        "KS408",
        OVERWRITTEN,
        measured(weights=(weight("w", (4,), created=frame(6), gradient=False),)),
        "confirmed",
    ),
    ("KS408", OVERWRITTEN, measured(weights=(weight("w", (4,), created=frame(6)),)), None),
    (
        "KS409",
        THRESHOLD,
        measured(weights=(weight("w", (4,), created=frame(6), gradient=False),)),
        "confirmed",
    ),
    ("KS409", THRESHOLD, measured(weights=(weight("w", (4,), created=frame(6)),)), "refuted"),
    ("KS405", NAME_FIRST, raised(6), "confirmed"),
    ("KS405", NAME_FIRST, measured(weights=(weight("w", (4,), created=frame(6)),)), "refuted"),
    ("KS405", NAME_FIRST, raised(9), None),
    ("KS112", PRIVATE, raised(11), "confirmed"),
    ("KS112", PRIVATE, measured(dense(7, 10, known=True)), None),
]


@pytest.mark.parametrize(("code", "text", "report", "said"), CASES)
def test_a_finding_is_confirmed_refuted_or_left_alone(
    code: str, text: str, report: Report, said: str | None
) -> None:
    finding, document = found(code, text)
    assert verdict(finding, report, document) == said


def test_a_confirmed_finding_says_so_and_a_refuted_one_is_withdrawn_and_logged() -> None:
    finding, document = found("KS203", NESTED)
    kept, log = judged([finding], [measured(dense(7, 10, known=True), counts=FEWER)], document)
    assert [each.message for each in kept] == [f"{finding.message} {CONFIRMED}"]
    assert log == ()
    kept, log = judged([finding], [measured(dense(7, 10, known=True), counts=COUNTS)], document)
    assert kept == ()
    assert log == (f"{PATH}:4: the build check refutes KS203, withdrawn: {finding.message}",)


def test_what_one_generation_refutes_may_hold_in_the_other() -> None:
    finding, document = found("KS101", HELPER, "both")
    assert set(finding.generations) == {2, 3}
    refuted = measured(dense(6, 18, known=True, path="head.dense"))
    assert judged([finding], [refuted], document)[0] == (finding,)
    tree = layer("", "Example", children=[dense(6, 18, known=True, path="head.dense")])
    answer = {"status": "built", "tree": tree, "versions": {"generation": "2"}}
    other = from_json(answer, path=PATH, class_name="Example", line=9)
    assert judged([finding], [refuted, other], document)[0] == ()


def test_a_check_that_confirms_counts_more_than_one_that_refutes() -> None:
    finding, document = found("KS101", HELPER)
    reports = [measured(dense(6, 18, known=known, path="head.dense")) for known in (True, False)]
    ((kept,), _) = judged([finding], reports, document)
    assert kept.message.endswith(CONFIRMED)


def test_a_report_on_another_file_says_nothing() -> None:
    finding, document = found("KS203", NESTED)
    tree = layer("", "Example")
    answer = {"status": "built", "tree": tree, "counts": COUNTS, "versions": {"generation": "3"}}
    other = from_json(answer, path="/project/other.py", class_name="Other", line=1)
    assert verdict(finding, other, document) is None
