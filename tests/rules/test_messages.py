"""What a message calls things."""

from __future__ import annotations

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document

PATH = "/project/example.py"

EITHER = """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, separable):
        super().__init__()
        self.separable = separable

    def build(self, input_shape):
        if self.separable:
            self.conv = keras.layers.SeparableConv2D(4, 3)
        else:
            self.conv = keras.layers.Conv2D(4, 3)

    def call(self, x):
        return self.conv(x)
"""


def test_a_sublayer_of_one_class_or_another_is_named_once() -> None:
    project = Project(None)
    project.open(Document.from_text(PATH, EITHER, 1))
    (finding,) = Checker(project, Settings(keras="3")).check(PATH)
    assert finding.message == (
        "build() leaves `self.conv` (SeparableConv2D or Conv2D) unbuilt: "
        "`build(shape)` makes none of its weights, only the first call does. Build it there."
    )
