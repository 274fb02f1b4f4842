"""The figures of the programs that the project began with, by `kerascope build`: what an article says of
nested layers that have "zero trainable parameters", and what Keras really does. The programs are our own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.truth.probe.conftest import PYTHON, Measure

from kerascope.project.environment import Environment

SERVER = Path(__file__).parents[3] / "server"

INNER = """\
import tensorflow as tf


class Projection(tf.keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal")

    def call(self, inputs):
        return tf.matmul(inputs, self.w)


"""
NESTED = """\
class Outer(tf.keras.layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.inner = Projection(units)

    def call(self, inputs):
        return self.inner(inputs)


batch = tf.random.normal((10, 5))
outer = Outer(units=3)
print(outer(batch))
print(f"{len(outer.trainable_weights)} trainable weights")
"""
ADVISED = NESTED.replace(
    "    def call",
    "    def build(self, input_shape):\n"
    "        self.inner.build(input_shape)\n"
    "        self._trainable_weights.extend(self.inner.trainable_weights)\n\n"
    "    def call",
)
DENSE = """\
import tensorflow as tf


class Projection(tf.keras.layers.Dense):
    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)


"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory, environment: Environment) -> Path:
    folder = tmp_path_factory.mktemp("programs")
    for name, text in (("nested", INNER + NESTED), ("advised", INNER + ADVISED), ("dense", DENSE + NESTED)):
        (folder / f"{name}.py").write_text(text, "utf-8")
    return folder


def build(folder: Path, program: str, keras: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the report of the real command."""
    options = ["--python", PYTHON, "--keras", keras, "--json"]
    ended = subprocess.run(
        [sys.executable, "-m", "kerascope", "build", f"{program}.py::Outer", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SERVER)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert ended.stderr == ""
    (report,) = json.loads(ended.stdout)
    return ended.returncode, report


def figures(report: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Weights and parameters at each moment."""
    return {moment: (count["weights"], count["parameters"]) for moment, count in report["counts"].items()}


def codes(report: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in report["findings"]]


@pytest.mark.parametrize("keras", ["2", "3"])
@pytest.mark.parametrize(("program", "weights", "parameters"), [("nested", 1, 15), ("dense", 2, 18)])
def test_a_nested_layer_has_no_weights_until_it_is_called(
    programs: Path, program: str, weights: int, parameters: int, keras: str
) -> None:
    status, report = build(programs, program, keras)
    there = (weights, parameters)
    assert figures(report) == {"init": (0, 0), "build": (0, 0), "functional": there, "call": there}
    assert report["inputs"] == "float32 (10, 5)"
    assert report["init"] in ("units=3", "3")
    assert report["restored"]["weights-file"] is True
    assert report["summary"].endswith("all tracked")
    assert (status, codes(report)) == (0, ["KS808"])
    if keras == "3":
        assert {"code": "KS203", "line": 16 if program == "nested" else 9, "verdict": "confirmed"} in report[
            "analysis"
        ]


def test_the_advised_line_raises_in_keras_3(programs: Path) -> None:
    status, report = build(programs, "advised", "3")
    assert (status, report["status"], codes(report)) == (1, "raised", ["KS801"])
    (finding,) = report["findings"]
    assert "AttributeError: 'Outer' object has no attribute '_trainable_weights'" in finding["message"]
    assert finding["line"] == 23
    assert {"code": "KS112", "line": 23, "verdict": "confirmed"} in report["analysis"]


def test_the_advised_line_makes_a_weight_twice_in_keras_2(programs: Path) -> None:
    status, report = build(programs, "advised", "2")
    assert figures(report)["call"] == (2, 30)
    assert figures(report)["build"] == (1, 15)
    assert (status, codes(report)) == (1, ["KS804", "KS806", "KS808"])
    said = [finding["message"] for finding in report["findings"]]
    assert "`build` ran twice" in said[0]
    assert "can't be loaded" in said[1]


def test_what_a_script_does_at_its_top_level_is_not_run(programs: Path) -> None:
    _, report = build(programs, "nested", "3")
    assert report["output"] == ""
    assert any("trainable weights" in piece["text"] for piece in report["left_out"])


def test_a_helper_s_layer_is_lost_and_a_list_s_is_not(measure: Measure) -> None:
    code = """\
import keras


class Heads:
    def __init__(self):
        self.by_name = {"a": keras.layers.Dense(2), "b": keras.layers.Dense(3)}


class Example(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = [keras.layers.Dense(4) for _ in range(3)]
        self.heads = Heads()

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return {name: head(x) for name, head in self.heads.by_name.items()}
"""
    found = measure(code, "Example", 3, init="", on="(2, 4)")
    assert found.report.summary == "4 of 10 weights untracked"
    assert found.lines("KS802") == [6]
    (finding,) = [each for each in found.shown if each.code == "KS101"]
    assert finding.message.endswith("(confirmed by the build check)")
