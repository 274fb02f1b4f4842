"""Functions in which a value goes through many hands: what a rule follows must not grow with the ways."""

from __future__ import annotations

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document

PATH = "/project/long.py"
CLASSES = """\
import tensorflow as tf
from tensorflow.keras import layers


class Classes(layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(4)

    def build(self, shape):
        self.dense.build(shape)
        self.built = True

    def call(self, x):
        y = self.dense(x)
"""


def found(text: str) -> list[tuple[str, int]]:
    project = Project(None)
    project.open(Document.from_text(PATH, text, 1))
    findings = Checker(project, Settings(keras="3")).check(PATH)
    return [(each.code, each.range.start.line + 1) for each in findings]


def classes_of(computed: str) -> str:
    """A layer that gives the place of the largest of what is computed from its sublayer's output."""
    return CLASSES + computed + "        return tf.argmax(y, -1)\n"


def test_a_layer_whose_output_is_computed_with_again_and_again() -> None:
    straight = "        y = 0.5 * y * (1.0 + tf.tanh(0.8 * (y + 0.04 * y * y * y)))\n" * 40
    repeated = "            y = tf.nn.relu(y) + y\n" * 40
    assert found(classes_of(f"{straight}        for _ in range(3):\n{repeated}")) == [("KS409", 15)]


def test_a_function_too_long_to_follow() -> None:
    assert found(classes_of("        y = tf.nn.relu(y)\n" * 2000)) == []


def test_variables_that_are_added_to_themselves() -> None:
    text = """\
import tensorflow as tf


def step(model, x):
    y = model(x)
    variables = model.trainable_variables
{more}
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(y)
    return tape.gradient(loss, variables)
"""
    assert found(text.format(more="    variables = variables + variables\n" * 40)) == [("KS410", 5)]
