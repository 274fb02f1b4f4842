"""Objects that hold themselves: what is said of the rest stays said, and nothing runs round for ever."""

from __future__ import annotations

import pytest

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document

PATH = "/project/circles.py"

CIRCLES = {
    "a list in itself": "self.parts.append(self.parts)",
    "twice": "self.parts += [self.parts, self.parts]",
    "a list in a dict in the list": "self.parts.append({'all': self.parts})",
    "a tuple": "self.parts.append((self.parts,))",
    "the layer itself": "self.parts.append(self)",
    "an object": "self.part = type('Part', (), {})()\n        self.part.itself = self.part",
    "copied": "self.parts.append(self.parts)\n        self.others = copy.deepcopy(self.parts)",
    "a model of it": "self.parts.append(self.parts)\n        self.model = keras.Model([], self.parts)",
    "a stack of it": "self.parts.append(self.parts)\n        self.model = keras.Sequential(self.parts)",
    "a function": "self.function = lambda: self.function",
}

PROGRAM = """\
import copy

import keras


class Circular(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.parts = [1]
        HERE
        self.__dict__["dense"] = keras.layers.Dense(3)

    def build(self, shape):
        for part in self.parts:
            part.build(shape)

    def call(self, x):
        x = keras.ops.add(x, self.parts)
        y = keras.ops.stack([*self.parts, self.parts[:]] + self.parts)
        for part in self.parts:
            x = x + part
        return self.dense(x) + y


layer = Circular()
layer.parts = [layer.parts]
print(len(layer.weights))
"""


@pytest.mark.parametrize("circle", CIRCLES.values(), ids=CIRCLES)
@pytest.mark.parametrize("keras", ["2", "3"])
def test_a_circle_hides_nothing(circle: str, keras: str) -> None:
    project = Project(None)
    project.open(Document.from_text(PATH, PROGRAM.replace("HERE", circle)))
    checker = Checker(project, Settings(keras=keras))  # type: ignore[arg-type]
    lines = PROGRAM.replace("HERE", circle).splitlines()
    found = {(each.code, lines[each.range.start.line].strip()) for each in checker.check(PATH)}
    assert ("KS110", 'self.__dict__["dense"] = keras.layers.Dense(3)') in found
    runs = checker.examiner(2 if keras == "2" else 3).runs(project.module(PATH))  # type: ignore[arg-type]
    assert all(run.complete for run in runs)
    assert not any("self.<" in each.message for each in checker.check(PATH))
