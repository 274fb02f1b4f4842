"""The `build()` that KS203 writes follows the shapes of `call`; where they can't be known, it writes none."""

from __future__ import annotations

import textwrap

import pytest

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document

PATH = "/project/example.py"


def built(init: str, call: str) -> list[str] | None:
    """The lines of the `build()` for a layer with this `__init__` and `call(self, x)`; None: no fix."""
    code = "import keras\nimport tensorflow as tf\nfrom keras import layers\n\n\n"
    code += "class Example(layers.Layer):\n"
    for header, body in (
        ("def __init__(self, n, sizes, flag):", "super().__init__()\n" + textwrap.dedent(init)),
        ("def call(self, x):", textwrap.dedent(call)),
    ):
        lines = [header, *(f"    {line}" for line in body.strip().splitlines())]
        code += "\n".join(f"    {line}" for line in lines) + "\n\n"
    document = Document.from_text(PATH, code, 1)
    project = Project(None)
    project.open(document)
    [finding] = [f for f in Checker(project, Settings(keras="3")).check(PATH) if f.code == "KS203"]
    fix = finding.make_fix(document) if finding.make_fix is not None else None
    if fix is None:
        return None
    [edit] = fix.edits
    lines = edit.text.strip().splitlines()
    assert lines[-1].strip() == "self.built = True"
    return textwrap.dedent("\n".join(lines[1:-1])).splitlines()


def test_loops_over_two_lists_with_one_variable() -> None:
    assert built(
        """
        self.encoder = [layers.Dense(6), layers.Dense(5)]
        self.decoder = [layers.Dense(7), layers.Dense(8)]
        """,
        """
        for block in self.encoder:
            x = block(x)
        for block in self.decoder:
            x = block(x)
        return x
        """,
    ) == [
        "for block in self.encoder:",
        "    block.build(input_shape)",
        "    input_shape = block.compute_output_shape(input_shape)",
        "for block in self.decoder:",
        "    block.build(input_shape)",
        "    input_shape = block.compute_output_shape(input_shape)",
    ]


def test_a_second_loop_over_the_same_list_builds_nothing_again() -> None:
    assert built(
        "self.blocks = [layers.Dense(8), layers.Dense(8)]",
        """
        for block in self.blocks:
            x = block(x)
        for block in reversed(self.blocks):
            x = block(x)
        return x
        """,
    ) == [
        "for block in self.blocks:",
        "    block.build(input_shape)",
        "    input_shape = block.compute_output_shape(input_shape)",
    ]


def test_the_last_of_a_list_apart() -> None:
    assert built(
        "self.fc = [layers.Dense(6), layers.Dense(4)]",
        """
        for i in range(len(self.fc) - 1):
            x = tf.nn.relu(self.fc[i](x))
        return self.fc[-1](x)
        """,
    ) == [
        "for i in range(len(self.fc) - 1):",
        "    self.fc[i].build(input_shape)",
        "    input_shape = self.fc[i].compute_output_shape(input_shape)",
        "if not self.fc[-1].built:",
        "    self.fc[-1].build(input_shape)",
    ]


def test_a_list_of_unknown_length() -> None:
    assert built(
        "self.blocks = [layers.Dense(size) for size in sizes]",
        """
        for block in self.blocks:
            x = block(x)
        return x
        """,
    ) == [
        "for block in self.blocks:",
        "    block.build(input_shape)",
        "    input_shape = block.compute_output_shape(input_shape)",
    ]


@pytest.mark.parametrize(
    "call",
    [
        "return {name: head(x) for name, head in self.heads.items()}",
        "out = {}\nfor name, head in self.heads.items():\n    out[name] = head(x)\nreturn out",
    ],
)
def test_a_dict_of_heads(call: str) -> None:
    assert built('self.heads = {"a": layers.Dense(2), "b": layers.Dense(3)}', call) == [
        "for name, head in self.heads.items():",
        "    head.build(input_shape)",
    ]


@pytest.mark.parametrize(
    ("init", "call"),
    [
        pytest.param(
            "self.flag = flag\nself.flat = layers.Flatten()\nself.out = layers.Dense(4)",
            "if self.flag:\n    x = self.flat(x)\nreturn self.out(x)",
            id="a branch that changes the shape",
        ),
        pytest.param(
            "self.a = layers.Dense(3)\nself.b = layers.Dense(3)",
            "scores = self.a(x) @ self.a(x)\nreturn self.b(scores)",
            id="a product of matrices",
        ),
        pytest.param(
            "self.conv = layers.Conv1D(4, 3)",
            "return tf.map_fn(lambda x: self.conv(x), x)",
            id="the argument of a lambda",
        ),
        pytest.param(
            "self.conv = layers.Conv1D(4, 3)",
            "return [self.conv(x) for x in tf.unstack(x, axis=1)]",
            id="the variable of a comprehension",
        ),
        pytest.param(
            "self.dense = layers.Dense(4)\nself.skip = None",
            "if self.skip is None and x.shape[-1] != 4:\n    self.skip = layers.Dense(4)\n"
            "return self.dense(x) if self.skip is None else self.dense(x) + self.skip(x)",
            id="call makes a layer, which a build() would lock out",
        ),
        pytest.param(
            "self.dense = layers.Dense(4)\nself.act = None",
            "if self.act is None:\n    self.act = layers.Activation('tanh')\nreturn self.act(self.dense(x))",
            id="call makes a layer without weights, which a build() would lock out as well",
        ),
    ],
)
def test_no_build_is_written(init: str, call: str) -> None:
    assert built(init, call) is None
