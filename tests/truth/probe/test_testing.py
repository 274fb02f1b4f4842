"""`kerascope.testing.assert_all_tracked` under pytest, beside real Keras: it fails where weights are lost,
shows the report, and hides its own frames."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.truth.probe.conftest import PYTHON

from kerascope.project.environment import Environment

SERVER = Path(__file__).parents[3] / "server"
PROGRAM = """\
import numpy as np
import pytest
import tensorflow as tf

from kerascope.testing import assert_all_tracked

keras = tf.keras
x = np.ones((2, 3), "float32")


class Head:
    def __init__(self, units):
        self.dense = keras.layers.Dense(units)


class Hidden(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.head = Head(units)

    def call(self, x):
        return self.head.dense(x)


class Fine(keras.layers.Layer):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = keras.layers.Dense(units)

    def call(self, x, mask=None, training=False):
        return self.dense(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Spare(Fine):
    def __init__(self):
        super().__init__()
        self.spare = keras.layers.Dense(4)


class Anew(keras.layers.Layer):
    def call(self, x):
        return keras.layers.Dense(4)(x)


class Pair(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.left = keras.layers.Dense(4)
        self.right = keras.layers.Dense(4)

    def call(self, inputs):
        return self.left(inputs["left"]) + self.right(inputs["right"])


def test_hidden(): assert_all_tracked(Hidden, x)
def test_hidden_instance(): assert_all_tracked(Hidden(), x)
def test_anew(): assert_all_tracked(Anew, x)
def test_raises(): assert_all_tracked(Fine, np.ones((2,), "float32"))
def test_no_inputs(): assert_all_tracked(Fine)
def test_no_layer(): assert_all_tracked(3, x)
def test_makes_none(): assert_all_tracked(lambda: 3, x)


def test_fine():
    assert_all_tracked(Fine, x)
    assert_all_tracked(lambda: Fine(units=7), x, training=True)
    assert_all_tracked(Fine(5), tf.constant(x), mask=np.ones((2,), bool))
    assert_all_tracked(Pair, {"left": x, "right": x})
    assert_all_tracked(keras.layers.Dense(3), x)


def test_values_are_kept():
    layer = Fine()
    layer(x)
    before = [value.copy() for value in layer.get_weights()]
    assert_all_tracked(layer, x)
    assert all((a == b).all() for a, b in zip(before, layer.get_weights()))
    assert len(layer.trainable_weights) == 2


def test_keras_is_as_before():
    layer, call = keras.layers.Layer.__new__, keras.layers.Layer.__call__
    assert_all_tracked(Fine, x)
    assert (keras.layers.Layer.__new__, keras.layers.Layer.__call__) == (layer, call)


def test_spare_is_a_warning():
    with pytest.warns(UserWarning, match="KS803 `self.spare`"):
        assert_all_tracked(Spare, x)
"""


@pytest.fixture(scope="module", params=["2", "3"])
def output(
    request: pytest.FixtureRequest, environment: Environment, tmp_path_factory: pytest.TempPathFactory
) -> str:
    needed = "import libcst, pytest"
    if subprocess.run([PYTHON, "-c", needed], check=False, capture_output=True).returncode:
        pytest.skip("needs pytest, and what Kerascope needs, beside Keras: make truth")
    folder = tmp_path_factory.mktemp("tests")
    (folder / "test_layers.py").write_text(PROGRAM, "utf-8")
    options = {"TF_USE_LEGACY_KERAS": "1" if request.param == "2" else "0", "TF_CPP_MIN_LOG_LEVEL": "3"}
    ended = subprocess.run(
        [PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--tb=long", "test_layers.py"],
        cwd=folder,
        env={
            **os.environ,
            **options,
            "PYTHONPATH": str(SERVER),
            "COLUMNS": "120",
        },
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return ended.stdout


def failure(output: str, test: str) -> str:
    """What pytest prints of a test that fails."""
    found = re.search(rf"^_+ {test} _+\n(.*?)^(?:_+ \w+ _+|=+ .*)$", output, re.M | re.S)
    assert found, output
    return found[1]


def test_which_tests_pass(output: str) -> None:
    failed = set(re.findall(r"^FAILED test_layers\.py::(\w+)", output, re.M))
    assert failed == {
        *("test_hidden", "test_hidden_instance", "test_anew", "test_raises"),
        *("test_no_inputs", "test_no_layer", "test_makes_none"),
    }, output


def test_a_failure_shows_the_report_and_no_frames_of_ours(output: str) -> None:
    shown = failure(output, "test_hidden")
    assert "AssertionError: 2 of 2 weights untracked" in shown
    assert "test_layers.py:13: KS802 `self.head.dense` (Dense) is not tracked" in shown
    assert "kernel    (3, 4)  float32" in shown
    assert "after a call" in shown
    for test in ("test_hidden", "test_anew", "test_no_inputs", "test_no_layer", "test_makes_none"):
        assert "kerascope/testing.py" not in failure(output, test)


def test_new_weights_in_every_call(output: str) -> None:
    assert "KS805" in failure(output, "test_anew")


def test_the_layer_s_own_exception_is_the_cause(output: str) -> None:
    shown = failure(output, "test_raises")
    assert "The above exception was the direct cause" in shown
    assert "KS801 Calling Fine" in shown


def test_wrong_arguments_are_type_errors(output: str) -> None:
    assert "TypeError: assert_all_tracked(layer, *inputs) needs what to call the layer on" in failure(
        output, "test_no_inputs"
    )
    assert "not 3 of type int" in failure(output, "test_no_layer")
    assert "this one made 3 of type int" in failure(output, "test_makes_none")
