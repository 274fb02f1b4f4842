"""A condition on settings that the code itself gives: only the branch that is taken counts."""

from __future__ import annotations

import pytest

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import KerasSetting, Settings
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


def found(text: str, keras: KerasSetting = "3") -> list[str]:
    project = Project(None)
    project.open(Document.from_text(PATH, text))
    return [finding.code for finding in Checker(project, Settings(keras=keras)).check(PATH)]


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
        ("isinstance(kind, str)", "plain"),
        ("isinstance(kind, (list, tuple))", ["plain"]),
        ("isinstance(kind, int) and not isinstance(kind, bool)", 3),
        ("not isinstance(layer, (str, list))", "plain"),
        ("kind not in kinds", "other"),
    ],
)
def test_only_the_branch_that_is_taken_counts(condition: str, given: object) -> None:
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


OF_ONE_GENERATION = """\
import keras
from packaging import version

MAJOR = int(keras.__version__.split(".")[0])
NUMBERS = tuple(map(int, keras.__version__.split(".")[:2]))


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        first, *_ = keras.__version__.split(".")
        made = keras.layers.Dense(4)
        if {condition}:
            self.__dict__["layer"] = made
        else:
            self.layer = made

    def call(self, x):
        return self.layer(x)
"""


@pytest.mark.parametrize(
    "condition",
    [
        'keras.__version__.startswith("3")',
        'keras.__version__[0] == "3"',
        'keras.__version__[:2] == "3."',
        'keras.__version__ >= "3"',
        "MAJOR >= 3",
        'first == "3"',
        "NUMBERS >= (3, 0)",
        'version.parse(keras.__version__) >= version.parse("3.0.0")',
        "version.parse(keras.__version__).major == 3",
        'hasattr(keras, "ops")',
        'not hasattr(self, "_trainable_weights")',
        'getattr(keras, "Variable", None) is not None',
    ],
)
def test_code_for_one_generation_counts_for_that(condition: str) -> None:
    one = OF_ONE_GENERATION.format(condition=condition)
    other = OF_ONE_GENERATION.format(condition=f"not ({condition})")
    assert "KS110" in found(one, "3")
    assert "KS110" not in found(one, "2")
    assert "KS110" not in found(other, "3")
    assert "KS110" in found(other, "2")


TESTED_CLASS = """\
import keras


class Example(keras.layers.Layer):
    def __init__(self, wide):
        super().__init__()
        layer = keras.layers.Dense(4) if wide else keras.layers.Dropout(0.5)
        if {condition}:
            self.__dict__["layer"] = layer
        else:
            self.layer = layer

    def call(self, x):
        return self.layer(x)
"""


@pytest.mark.parametrize("dense", ["keras.layers.Dense", "(keras.layers.Conv2D, keras.layers.Dense)"])
def test_a_layer_that_passed_a_test_with_isinstance_is_of_that_class(dense: str) -> None:
    for condition in (f"isinstance(layer, {dense})", "not isinstance(layer, keras.layers.Dropout)"):
        assert "KS110" in found(TESTED_CLASS.format(condition=condition))
    for condition in (f"not isinstance(layer, {dense})", "isinstance(layer, keras.layers.Dropout)"):
        assert "KS110" not in found(TESTED_CLASS.format(condition=condition))


@pytest.mark.parametrize("cls", ["wide", "type(wide)", "unknown.Thing"])
def test_a_class_that_isnt_known_tells_nothing(cls: str) -> None:
    for condition in (f"isinstance(layer, {cls})", f"not isinstance(layer, {cls})"):
        assert "KS110" not in found(TESTED_CLASS.format(condition=condition))


LEFT_EARLY = """\
import keras


def kept(layer, holder):
    if {condition}:
        return
    holder.__dict__["layer"] = layer


class Example(keras.layers.Layer):
    def __init__(self, wide):
        super().__init__()
        layer = keras.layers.Dense(4) if wide else keras.layers.Dropout(0.5)
        self.layer = None
        kept(layer, self)

    def call(self, x):
        return self.layer(x)
"""


def test_what_follows_an_early_return_has_failed_its_test() -> None:
    assert "KS110" in found(LEFT_EARLY.format(condition="isinstance(layer, keras.layers.Dropout)"))
    assert "KS110" not in found(LEFT_EARLY.format(condition="isinstance(layer, keras.layers.Dense)"))


def test_a_test_that_no_option_passes_is_decided() -> None:
    """Neither a Dense nor a Dropout is a list: only the other branch runs."""
    assert "KS110" not in found(TESTED_CLASS.format(condition="isinstance(layer, (list, keras.layers.RNN))"))
    assert "KS110" in found(TESTED_CLASS.format(condition="not isinstance(layer, keras.layers.RNN)"))
