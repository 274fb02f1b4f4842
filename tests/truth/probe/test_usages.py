"""Layers under real Keras as the user's own code makes and calls them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.truth.probe.conftest import Measure

from kerascope.probe.report import Report

Check = Callable[[str], Report]
HEAD = "import keras\nimport numpy as np\nfrom keras import layers\n\n"


@pytest.fixture
def check(measure: Measure) -> Check:
    return lambda code: measure(HEAD + code, "Example", 3).report


@pytest.mark.parametrize("examples", [64, 6000])
def test_a_layer_that_is_made_for_the_batch_that_it_gets(check: Check, examples: int) -> None:
    report = check(f"""
class Example(layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x):
        return self.dense(keras.ops.reshape(x, ({examples}, 200)))


x = np.ones(({examples}, 200))
Example()(x)
""")
    assert (report.status, report.inputs) == ("built", f"float32 ({examples}, 200)")


def test_a_layer_around_one_that_was_built_and_frozen(check: Check) -> None:
    report = check("""
class Example(layers.Layer):
    def __init__(self, base):
        super().__init__()
        self.base = base

    def call(self, x):
        return self.base(x)


def main():
    base = layers.Dense(3)
    base.build((None, 4))
    base.trainable = False
    layer = Example(base)
    layer(np.ones((2, 4)))
""")
    assert report.status == "built"
    assert (report.counts["init"].weights, report.counts["init"].trainable) == (2, 0)


def test_a_layer_that_is_adapted_before_its_call(check: Check) -> None:
    report = check("""
class Example(layers.Layer):
    def __init__(self):
        super().__init__()
        self.known = None
        self.dense = layers.Dense(3)

    def adapt(self, words):
        self.known = words

    def call(self, x):
        return self.dense(x) * len(self.known)


layer = Example()
layer.adapt(["a", "b"])
layer(np.ones((2, 4)))
""")
    assert report.status == "built"


def test_an_example_that_is_wrong_is_no_fault_of_the_layer(check: Check) -> None:
    report = check('''
class Example(layers.Layer):
    """A layer.

    >>> Example(3)(np.ones(2, "int32"))
    """

    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[1], self.units))

    def call(self, x):
        return x @ self.kernel
''')
    assert (report.status, report.origin) == ("built", "search")


def test_the_defaults_of_the_command_line(check: Check) -> None:
    report = check("""
import argparse
import sys

DEPTH = int(sys.argv[1]) if len(sys.argv) > 1 else 2


class Example(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.all = [layers.Dense(units) for _ in range(DEPTH)]

    def call(self, x):
        for each in self.all:
            x = each(x)
        return x


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--units", type=int, default=7)
    args = parser.parse_args()
    layer = Example(args.units)
    layer(np.ones((2, 3)))
""")
    assert (report.status, report.init, report.counts["call"].weights) == ("built", "7", 4)
