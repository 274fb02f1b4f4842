"""What the run says of a layer's state, held against what Keras was measured to do.

Each case: the constructor's body, the body of `call`, and for Keras 3 and Keras 2 how many layers are tracked after a
call and how many the call uses without Keras knowing of them.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from kerascope.project.project import Project
from kerascope.tracking.examine import Examiner
from kerascope.tracking.run import LayerRun
from kerascope.tracking.values import Layer, Weight

LOOP = "for d in self.ls:\n    x = d(x)\nreturn x"
VALUES = "for d in self.d.values():\n    x = d(x)\nreturn x"

CASES = {
    # case: (constructor, call, Keras 3 (tracked, lost), Keras 2 (tracked, lost))
    "A01": ("self.ls = [Dense(4) for _ in range(2)]", LOOP, (2, 0), (2, 0)),
    "A02": ("self.ls = []\nfor _ in range(2):\n    self.ls.append(Dense(4))", LOOP, (2, 0), (2, 0)),
    "A03": ("ls = []\nself.ls = ls\nls.append(Dense(4))", LOOP, (0, 0), (1, 0)),
    "A03b": ("ls = []\nself.ls = ls\nls.append(Dense(4))\nself.f = lambda x: [d(x) for d in ls]", "return self.f(x)", (0, 1), (1, 0)),
    "A04": ("ls = []\nls.append(Dense(4))\nself.ls = ls", LOOP, (1, 0), (1, 0)),
    "A05": ("self.d = {'a': Dense(4), 'b': Dense(4)}", VALUES, (2, 0), (2, 0)),
    "A06": ("self.d = {}\nself.d['a'] = Dense(4)", VALUES, (1, 0), (1, 0)),
    "A08": ("self.ls = (Dense(4), Dense(4))", LOOP, (2, 0), (2, 0)),
    "A09": ("self.ls = [[Dense(4)], [Dense(4)]]", "for r in self.ls:\n    for d in r:\n        x = d(x)\nreturn x", (2, 0), (2, 0)),
    "A13": ("self.ls = []\nself.ls.append([])\nself.ls[-1].append(Dense(4))", "return self.ls[0][0](x)", (0, 1), (1, 0)),
    "A13b": ("self.d = {}\nself.d['a'] = []\nself.d['a'].append(Dense(4))", "return self.d['a'][0](x)", (0, 1), (1, 0)),
    "A14": ("self.ls = []\nself.ls.append([Dense(4), Dense(4)])", "return self.ls[0][0](self.ls[0][1](x))", (2, 0), (2, 0)),
    "A14b": ("self.ls = []\nrow = []\nself.ls.append(row)\nrow.append(Dense(4))", "return self.ls[0][0](x)", (0, 1), (1, 0)),
    "A15": ("self.ls = [None] * 2\nfor i in range(2):\n    self.ls[i] = Dense(4)", LOOP, (0, 2), (2, 0)),
    "A16": ("self.ls = []\nself.ls += [Dense(4)]", LOOP, (1, 0), (1, 0)),
    "A16b": ("self.ls = []\nls = self.ls\nls += [Dense(4)]", LOOP, (0, 1), (1, 0)),
    "A17": ("self.ls = []\nself.ls.insert(0, Dense(4))", LOOP, (1, 0), (1, 0)),
    "A18": ("self.ls = []\nself.ls.extend([Dense(4), Dense(4)])", LOOP, (2, 0), (2, 0)),
    "A18b": ("self.ls = []\nself.ls.extend(Dense(4) for _ in range(2))", LOOP, (2, 0), (2, 0)),
    "A18c": ("self.ls = []\nself.ls[:] = [Dense(4), Dense(4)]", LOOP, (0, 2), (2, 0)),
    "A19": ("self.ls = []\nself.ls = self.ls + [Dense(4)]", LOOP, (1, 0), (1, 0)),
    "A20": ("self.ls = {Dense(4), Dense(4)}", LOOP, (2, 0), (0, 2)),
    "A21": ("self.ls = frozenset([Dense(4), Dense(4)])", LOOP, (0, 2), (0, 2)),
    "A22": ("self.ls = collections.deque([Dense(4)])", LOOP, (0, 1), (0, 1)),
    "A23b": ("d = collections.defaultdict(list)\nd['a'].append(Dense(4))\nself.d = d", "for r in self.d.values():\n    for d in r:\n        x = d(x)\nreturn x", (1, 0), (0, 1)),
    "A24": ("self.d = collections.OrderedDict(a=Dense(4))", VALUES, (1, 0), (1, 0)),
    "A25": ("self.ls = Pair(Dense(4), Dense(4))", "return self.ls.a(self.ls.b(x))", (2, 0), (2, 0)),
    "A26": ("self.h = Data(Dense(4), Dense(4))", "return self.h.a(self.h.b(x))", (0, 2), (0, 2)),
    "A27": ("self.h = types.SimpleNamespace(a=Dense(4))", "return self.h.a(x)", (0, 1), (0, 1)),
    "A29": ("self.ls = map(lambda n: Dense(n), [4, 4])", LOOP, (0, 2), (0, 2)),
    "A30": ("ls = [Dense(4), Dense(4)]\nself.ls = list(zip(ls, ls))", "for a, b in self.ls:\n    x = a(b(x))\nreturn x", (2, 0), (2, 0)),
    "A17b": ("self.ls = []\nself.ls.insert(0, [Dense(4)])", "return self.ls[0][0](x)", (1, 0), (0, 1)),
    "A31": ("self.d = {}\nself.d.setdefault('a', Dense(4))", VALUES, (0, 1), (1, 0)),
    "A31b": ("self.d = {}\nself.d.setdefault('a', []).append(Dense(4))", "return self.d['a'][0](x)", (0, 1), (0, 1)),
    "A33": ("self.d = {}\nself.d |= {'a': Dense(4)}", VALUES, (1, 0), (1, 0)),
    "A34": ("self.__dict__['a'] = Dense(4)", "return self.a(x)", (0, 1), (0, 1)),
    "A34b": ("object.__setattr__(self, 'a', Dense(4))", "return self.a(x)", (0, 1), (0, 1)),
    "A34c": ("self.__dict__.update(a=Dense(4))", "return self.a(x)", (0, 1), (0, 1)),
    "A33b": ("self.d = {}\nself.d |= {'a': [Dense(4)]}", "return self.d['a'][0](x)", (1, 0), (0, 1)),
    "A34d": ("vars(self)['a'] = Dense(4)", "return self.a(x)", (0, 1), (0, 1)),
    "A35": ("for i in range(2):\n    setattr(self, f'dense_{i}', Dense(4))", "return self.dense_0(self.dense_1(x))", (2, 0), (2, 0)),
    "A36": ("self.ls = np.array([Dense(4), Dense(4)], dtype=object)", LOOP, (0, 2), (0, 2)),
    "A37": ("self.ls = Layers([Dense(4)])", LOOP, (1, 0), (0, 1)),
    "A38": ("self.ls = collections.UserList([Dense(4)])", LOOP, (0, 1), (0, 1)),
    "A39b": ("self.d = types.MappingProxyType({'a': Dense(4)})", VALUES, (0, 1), (0, 1)),
    "A41": ("self.__d = Dense(4)", "return self.__d(x)", (1, 0), (1, 0)),
    "A42": ("self.ls = [Dense(4), None, 'a', Dense(4)]", "for d in self.ls:\n    if callable(d):\n        x = d(x)\nreturn x", (2, 0), (2, 0)),
    "A45": ("d = Dense(4)\nself.f = lambda x: d(x)", "return self.f(x)", (0, 1), (0, 1)),
    "A45b": ("self.ls = [lambda x, d=Dense(4): d(x) for _ in range(2)]", "for f in self.ls:\n    x = f(x)\nreturn x", (0, 2), (0, 2)),
    "A46": ("self.f = functools.partial(Dense(4))", "return self.f(x)", (0, 1), (0, 1)),
    "A46b": ("self.f = Dense(4).__call__", "return self.f(x)", (0, 1), (0, 1)),
    "A48": ("pass", "return self.class_dense(x)", (0, 1), (0, 1)),
    "A50": ("pass", "return module_dense(x)", (0, 1), (0, 1)),
    "A51": ("self.inner = keras.Sequential([Dense(4)])", "return self.inner(x)", (2, 0), (2, 0)),
    "A62": ("self.a = Dense(4)\nself.b = self.a", "return self.b(x)", (1, 0), (1, 0)),
    "B01": ("self.h = Helper()", "return self.h.run(x)", (0, 1), (0, 1)),
    "B01b": ("self.hs = [Helper(), Helper()]", "for h in self.hs:\n    x = h.run(x)\nreturn x", (0, 2), (0, 2)),
    "B04": ("self.h = ModuleHelper()", "return self.h.run(x)", (0, 1), (1, 0)),
    "C01": ("self.w = tf.Variable(tf.ones((4, 4)))", "return tf.matmul(x, self.w)", (0, 1), (1, 0)),
    "C03": ("self.ws = [tf.Variable(1.0), tf.Variable(2.0)]", "return x * self.ws[0] + self.ws[1]", (0, 2), (2, 0)),
    "C05": ("self.w = keras.Variable(1.0)", "return x * self.w", (1, 0), (1, 0)),
    "C06": ("self.ws = []\nself.ws.append(self.add_weight(shape=()))", "return x * self.ws[0]", (1, 0), (1, 0)),
    "C10": ("w = self.add_weight(shape=())\nself.f = lambda: w", "return x * self.f()", (1, 0), (1, 0)),
    "C10b": ("self.h = types.SimpleNamespace(w=self.add_weight(shape=()))", "return x * self.h.w", (1, 0), (1, 0)),
    "K22": ("block = Dense(4)\nself.ls = [copy.deepcopy(block) for _ in range(2)]", LOOP, (2, 0), (2, 0)),
    "K27": ("self.f = make_block()", "return self.f(x)", (0, 1), (0, 1)),
    "K28": ("self.f = make_block()\nself.g = self.f", "return self.g(x)", (0, 1), (0, 1)),
    "X02": ("self.ls = [[] for _ in range(2)]\nfor i in range(2):\n    self.ls[i].append(Dense(4))", "for r in self.ls:\n    for d in r:\n        x = d(x)\nreturn x", (2, 0), (2, 0)),
    "X03": ("self.d = {'a': []}\nself.d['a'].append(Dense(4))", "return self.d['a'][0](x)", (1, 0), (1, 0)),
    "X04": ("self.ls = [None] * 2\nself.ls = [Dense(4), Dense(4)]", LOOP, (2, 0), (2, 0)),
    "X05": ("self.ls = [[], []]\nrow = self.ls[0]\nrow.append(Dense(4))", "return self.ls[0][0](x)", (1, 0), (1, 0)),
    "X06": ("self.ls = []\nls = self.ls\nls.append(Dense(4))", LOOP, (1, 0), (1, 0)),
    "X06b": ("ls = self.ls = []\nls.append(Dense(4))", LOOP, (0, 0), (1, 0)),
    "X07": ("self.d = {}\nd = self.d\nd['a'] = Dense(4)", VALUES, (1, 0), (1, 0)),
    "X07b": ("d = {}\nself.d = d\nd['a'] = Dense(4)", VALUES, (0, 0), (1, 0)),
    "X08": ("self.ls = ([], [])\nself.ls[0].append(Dense(4))", "return self.ls[0][0](x)", (1, 0), (1, 0)),
    "X09": ("self.ls = []\nself.ls.append([Dense(4)])\nself.ls[0].append(Dense(4))", "return self.ls[0][0](self.ls[0][1](x))", (1, 1), (2, 0)),
    "X16": ("self.__setattr__('a', Dense(4))", "return self.a(x)", (1, 0), (1, 0)),
    "X22": ("self.ls = {'a': Dense(4)}.values()", LOOP, (0, 1), (0, 1)),
    "X23": ("self.ls = (Dense(4) for _ in range(2))", LOOP, (0, 2), (0, 2)),
    "X24": ("self.ls = reversed([Dense(4), Dense(4)])", LOOP, (0, 2), (0, 2)),
    "X29": ("self.bag = keras.layers.Layer()\nself.bag.d = Dense(4)", "return self.bag.d(x)", (2, 0), (2, 0)),
    "X31": ("self.h = Helper()\nself.tracked = [self.h.d]", "return self.h.run(x)", (1, 0), (1, 0)),
    "X47": ("self.d = Dense(4)\nself.p = Dense(4) if self.name == 'a' else None", "x = self.d(x)\nreturn self.p(x) if self.p is not None else x", (2, 0), (2, 0)),
}  # fmt: skip

MODULE = """
import collections, copy, functools, types, typing
from dataclasses import dataclass
import numpy as np
import tensorflow as tf
import keras
from keras.layers import Dense

module_dense = Dense(4)


class Layers(list):
    pass


class Pair(typing.NamedTuple):
    a: Dense
    b: Dense


@dataclass
class Data:
    a: Dense
    b: Dense


class Helper:
    def __init__(self):
        self.d = Dense(4)

    def run(self, x):
        return self.d(x)


class ModuleHelper(tf.Module):
    def __init__(self):
        super().__init__()
        self.d = Dense(4)

    def run(self, x):
        return self.d(x)


def make_block():
    d = Dense(4)

    def run(x):
        return d(x)

    return run


class Example(keras.layers.Layer):
    class_dense = Dense(4)

    def __init__(self):
        super().__init__()
{constructor}

    def call(self, x):
{call}
"""


def run_of(folder: Path, constructor: str, call: str, generation: int) -> LayerRun:
    text = MODULE.replace("{constructor}", textwrap.indent(constructor, " " * 8))
    text = text.replace("{call}", textwrap.indent(call, " " * 8))
    path = folder / "example.py"
    path.write_text(text)
    project = Project(str(folder))
    examiner = Examiner(project, generation)  # type: ignore[arg-type]
    module = project.module(str(path))
    assert module is not None
    definition = next(cls for cls in examiner.layer_classes(module) if cls.name == "Example")
    run = examiner.run(definition)
    assert run is not None
    assert run.complete
    return run


@pytest.mark.parametrize("generation", [3, 2])
@pytest.mark.parametrize("case", CASES)
def test_tracked_and_lost(case: str, generation: int, tmp_path: Path) -> None:
    constructor, call, in_3, in_2 = CASES[case]
    run = run_of(tmp_path, constructor, call, generation)
    tracked = sum(value is not run.layer for value in run._reachable.values())
    used = {
        id(value): value
        for event in run.all_events
        for value in (getattr(event, "layer", None), getattr(event, "value", None))
        if isinstance(value, (Layer, Weight)) and run.used(value) == "yes"
    }
    lost = sum(run.tracked(value) == "no" for value in used.values())
    assert (tracked, lost) == (in_3 if generation == 3 else in_2)
