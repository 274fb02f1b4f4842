"""What a file says that is checked for both generations of Keras."""

from __future__ import annotations

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules.rule import Finding
from kerascope.source.document import Document

PATH = "/project/layers.py"
ADDED_IN_CALL = """
import keras


class Scale(keras.layers.Layer):
    def call(self, x):
        self.w = self.add_weight(shape=(), initializer="ones")
        return x * self.w
"""
DROPOUT_IN_CALL = """
import tensorflow as tf


class Block(tf.keras.layers.Layer):
    def call(self, x):
        return tf.keras.layers.Dropout(0.5)(x)
"""
NAME_FIRST = """
import keras


class Scale(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight("w", shape=())
"""


def check(text: str, keras: str) -> list[Finding]:
    project = Project(None)
    project.open(Document.from_text(PATH, text))
    return list(Checker(project, Settings(keras=keras)).check(PATH))  # type: ignore[arg-type]


def messages(text: str, keras: str) -> dict[str, str]:
    return {finding.code: finding.message for finding in check(text, keras)}


def test_what_each_generation_does_is_said_by_its_name() -> None:
    both, two, three = (messages(ADDED_IN_CALL, keras)["KS302"] for keras in ("both", "2", "3"))
    assert two != three
    for generation, text in ((2, two), (3, three)):
        assert (text if f"Keras {generation}" in text else f"Keras {generation}: {text}") in both


def test_what_one_generation_does_names_it() -> None:
    three = messages(DROPOUT_IN_CALL, "3")["KS304"]
    assert "KS304" not in messages(DROPOUT_IN_CALL, "2")
    assert messages(DROPOUT_IN_CALL, "both")["KS304"] == f"Keras 3: {three}"


def test_a_message_that_names_its_generation_stays() -> None:
    assert messages(NAME_FIRST, "both")["KS405"] == messages(NAME_FIRST, "3")["KS405"]


def test_a_file_of_tf_keras_alone_has_no_findings_of_keras_3() -> None:
    text = DROPOUT_IN_CALL.replace("import tensorflow as tf", "import tf_keras").replace(
        "tf.keras", "tf_keras"
    )
    assert check(text, "both") == []
