"""A check says the same with and without a rehearsal before it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.truth.probe.conftest import PYTHON

import kerascope.probe.worker

WORKER = Path(kerascope.probe.worker.__file__).parent
PROGRAM = """\
import json, random, sys, types
package = types.ModuleType("_kerascope_worker")
package.__path__ = [sys.argv[1]]
sys.modules["_kerascope_worker"] = package
import keras
import tensorflow
if sys.argv[3] == "2":
    import tf_keras
from _kerascope_worker import check
check.warm()
random.seed(5)
modules, finders = set(sys.modules), list(sys.meta_path)
if sys.argv[2] == "rehearsed":
    check.rehearse()
    assert list(sys.meta_path) == finders
    assert not [name for name in sys.modules if "rehearsal" in name.split(".")[0]]
answer = {}
def send(message):
    answer.update(message.get("part", {}), **message.get("done", {}))
check.run_check(json.load(sys.stdin), send)
answer["name"] = [random.random(), (tf_keras if sys.argv[3] == "2" else keras).layers.Dense(1).name]
print("ANSWER" + json.dumps(answer, sort_keys=True))
"""
CODE = """\
import {keras} as keras
from {keras} import layers


class Example(layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)
        self.drop = layers.Dropout(0.5)
        self.later = {{}}

    def call(self, x):
        self.later["used"] = self.later.get("used") or self.dense.name
        return self.drop(self.dense(x))
"""


def answer(how: str, generation: int) -> object:
    text = CODE.format(keras="tf_keras" if generation == 2 else "keras")
    module = {"name": "example", "path": "/project/example.py", "text": text, "is_package": False}
    inputs = {
        "positional": [{"is": "TensorSpec", "shape": [None, 5], "dtype": "float32"}],
        "named": {},
        "is": "Inputs",
    }
    request = {
        "class_name": "Example",
        "slice": {"modules": [module], "target": "example", "left_out": []},
        "recipes": [
            {"is": "Direct", "origin": "given", "init": "", "inputs": inputs, "path": None, "line": None}
        ],
        "root": "/project",
        "call": "",
    }
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    environment["TF_USE_LEGACY_KERAS"] = "1" if generation == 2 else "0"
    done = subprocess.run(
        [PYTHON, "-c", PROGRAM, str(WORKER), how, str(generation)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.split("ANSWER")[-1])


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("generation", [2, 3])
def test_a_rehearsal_leaves_no_trace(generation: int) -> None:
    plain, rehearsed = answer("plain", generation), answer("rehearsed", generation)
    assert plain == rehearsed
    assert plain["status"] == "built"  # type: ignore[index]
