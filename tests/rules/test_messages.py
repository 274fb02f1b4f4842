"""What a message calls things."""

from __future__ import annotations

import pytest

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


CLASSES = """\
import keras


class Plain(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)

    def call(self, x):
        return self.dense(x)


class WithBuild(Plain):
    def build(self, input_shape):
        super().build(input_shape)


class Inheriting(WithBuild):
    pass


class Outer(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(3)])

    def call(self, x):
        return self.inner(x)


"""
SEQUENTIAL = "keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(3)])"


# Measured with Keras 3.15.1 and tf_keras 2.21.0: None where it raises ValueError, else what it finds.
@pytest.mark.parametrize(
    ("made", "read", "keras2", "keras3"),
    [
        (SEQUENTIAL, "weights", None, 0),
        (SEQUENTIAL, "get_weights()", None, 0),
        (SEQUENTIAL, "summary()", None, 0),
        (SEQUENTIAL, "count_params()", None, None),
        (SEQUENTIAL, 'load_weights("a.weights.h5")', None, None),
        (SEQUENTIAL, 'save_weights("a.weights.h5")', 0, None),
        (SEQUENTIAL, 'save_weights("a.h5")', None, None),
        ("Plain()", "weights", 0, 0),
        ("Plain()", "summary()", None, 0),
        ("Plain()", 'save_weights("a.h5")', 0, None),
        ("WithBuild()", "trainable_weights", None, 0),
        ("Inheriting()", "trainable_weights", 0, 0),
        ("Outer()", "weights", None, 0),
        ("Outer()", "count_params()", None, None),
    ],
)
def test_what_a_read_before_the_first_call_finds(
    made: str, read: str, keras2: int | None, keras3: int | None
) -> None:
    for generation, found in (("2", keras2), ("3", keras3)):
        project = Project(None)
        project.open(Document.from_text(PATH, f"{CLASSES}model = {made}\nmodel.{read}\n", 1))
        checker = Checker(project, Settings(keras=generation, select=("KS202",)))
        (finding,) = checker.check(PATH)
        if found is None:
            assert "raises ValueError before" in finding.message
        else:
            assert f"finds {found} of" in finding.message


def test_a_bidirectional_layer_has_the_weights_of_two() -> None:
    both = "keras.layers.Bidirectional(keras.layers.LSTM(4))"
    code = f"import keras\n\nmodel = keras.Sequential([{both}, keras.layers.Dense(1)])\nmodel.summary()\n"
    project = Project(None)
    project.open(Document.from_text(PATH, code, 1))
    (finding,) = Checker(project, Settings(keras="3")).check(PATH)
    assert "finds 0 of its 8 weights" in finding.message


BACKEND_VARIABLE = """\
import tensorflow as tf

K = tf.keras.backend


class Example(tf.keras.layers.Layer):
    def build(self, input_shape):
        self.scale = K.variable([1.0])

    def call(self, x):
        return x * self.scale
"""


def test_what_to_do_with_a_variable_that_is_tracked_already() -> None:
    text = BACKEND_VARIABLE.replace(
        "[1.0])\n", "[1.0])\n        self._trainable_weights.append(self.scale)\n"
    )
    project = Project(None)
    project.open(Document.from_text(PATH, text, 1))
    (finding,) = Checker(project, Settings(keras="2")).check(PATH)
    assert finding.message.endswith("Delete it: a variable that is an attribute is tracked by itself.")


def test_the_layer_is_named_as_the_code_names_it() -> None:
    code = (
        "import keras\n\n"
        "layer = keras.layers.Dense(4)\nother = keras.layers.Dense(4)\n"
        'layer.losses = other.losses\nsetattr(layer, "losses", other.losses)\n'
    )
    project = Project(None)
    project.open(Document.from_text(PATH, code, 1))
    found = Checker(project, Settings(keras="3")).check(PATH)
    assert [finding.message.split()[0] for finding in found] == ["`layer.losses`"] * 2


WHICHEVER = """\
try:
    import keras
    from keras.layers import Dense
except ImportError:
    from tensorflow import keras
    from tensorflow.keras.layers import Dense


class Inner(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = Dense(4)

    def build(self, shape):
        self.dense.build(shape)

    def call(self, x):
        return self.dense(x)


class Outer(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def build(self, shape):
        super().build(shape)

    def call(self, x):
        return self.inner(x)


model = keras.Sequential([Dense(3), Dense(4)])
print(model.weights)
"""


@pytest.mark.parametrize("generation", ["2", "3"])
def test_keras_imported_from_where_it_is_is_one_keras(generation: str) -> None:
    project = Project(None)
    project.open(Document.from_text(PATH, WHICHEVER, 1))
    findings = Checker(project, Settings(keras=generation)).check(PATH)  # type: ignore[arg-type]
    assert [finding.code for finding in findings] == ["KS201", "KS202"]
    assert "its 4 weights" in findings[1].message
