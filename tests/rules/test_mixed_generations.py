"""KS104 where a file's Keras isn't set: naming tf_keras makes it one of Keras 2, whatever else it imports."""

from __future__ import annotations

import pytest

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document

PATH = "/project/example.py"

MIXED = """\
import tf_keras
{0}


class Example({1}.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = {2}.layers.Dense(4)

    def call(self, x):
        return self.dense(x)
"""

HUB = """\
import tensorflow as tf
import tensorflow_hub as hub


class Example(tf.keras.Model):
    def __init__(self, url):
        super().__init__()
        self.encoder = hub.KerasLayer(url, trainable=True)

    def call(self, x):
        return self.encoder(x)


def classifier(url):
    model = tf.keras.Sequential([hub.KerasLayer(url, input_shape=(224, 224, 3)), tf.keras.layers.Dense(2)])
    model.summary()
    return model
"""


def messages(code: str, keras: str) -> list[str]:
    project = Project(None)
    project.open(Document.from_text(PATH, code, 1))
    settings = Settings(keras=keras, select=("KS104",))  # type: ignore[arg-type]
    return [finding.message for finding in Checker(project, settings).check(PATH)]


@pytest.mark.parametrize(
    ("imports", "outer", "inner", "reported"),
    [
        ("import keras", "keras", "tf_keras", True),
        ("import keras", "tf_keras", "keras", True),
        ("import tensorflow as tf", "tf_keras", "tf.keras", False),
        ("import keras", "tf_keras", "tf_keras", False),
    ],
)
def test_in_a_file_that_names_tf_keras(imports: str, outer: str, inner: str, reported: bool) -> None:
    assert len(messages(MIXED.format(imports, outer, inner), "auto")) == reported


def test_a_hub_layer_is_one_of_tf_keras_beside_keras_3() -> None:
    first, second = messages(HUB, "3")
    assert "The hub.KerasLayer in `self.encoder` is a layer of tf_keras" in first
    assert "this raises ValueError" in second
    assert messages(HUB, "2") == []
