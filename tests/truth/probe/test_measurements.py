"""What the build check measures of a layer under real Keras: each measurement on a program that shows it.

`KERASCOPE_TRUTH_KERAS2` (Keras 2.15), `KERASCOPE_TRUTH_JAX` and `KERASCOPE_TRUTH_TORCH` name further
interpreters; without them their tests are skipped.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from tests.truth.probe.conftest import PATH, Measure

from kerascope.check import Checker
from kerascope.probe.build_check import BuildCheck
from kerascope.probe.process import Workers
from kerascope.probe.recipe import Given
from kerascope.probe.report import Node, Report, Weight
from kerascope.project.environment import find_environment
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document

BOTH = pytest.mark.parametrize("generation", [2, 3])

Check = Callable[..., Report]


@pytest.fixture
def check(measure: Measure) -> Check:
    return lambda code, generation=3, **given: measure(code, "Example", generation, **given).report


def weight(report: Report, path: str) -> Weight:
    (found,) = [each for each in report.weights if each.path == path]
    return found


def node(report: Report, path: str) -> Node:
    (found,) = [each for each in report.nodes if each.path == path]
    return found


def line_of(code: str, text: str) -> int:
    """The line, counted from 1, that holds a text."""
    (found,) = [number for number, line in enumerate(code.splitlines(), 1) if text in line]
    return found


HEAD = """\
import keras
import tensorflow as tf
from keras import layers

"""

NESTED = (
    HEAD
    + """
class Inner(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), name="w")

    def call(self, x):
        return tf.matmul(x, self.w)


class Example(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.inner = Inner(units)

    def call(self, x):
        return self.inner(x)
"""
)


@BOTH
def test_weights_at_each_moment(check: Check, generation: int) -> None:
    report = check(NESTED, generation, init="3", on="(None, 5)")
    assert report.status == "built", report.message
    assert {moment: count.weights for moment, count in report.counts.items()} == {
        "init": 0,
        "build": 0,
        "call": 1,
        "functional": 1,
    }
    assert report.counts["call"].parameters == 15
    assert report.inputs == "float32 (2, 5)"
    found = weight(report, "inner.w")
    assert (found.shape, found.dtype, found.parameters) == ((5, 3), "float32", 15)
    assert (found.owner, found.exists_after, found.tracked, found.trained) == ("Inner", "call", True, True)
    assert found.watched
    assert found.gradient
    assert found.effect
    assert found.saved
    assert found.created is not None
    assert found.created.line == line_of(NESTED, "self.add_weight")
    assert found.held is not None
    assert found.held.line == line_of(NESTED, "self.inner = Inner(units)")
    assert node(report, "inner").built
    assert node(report, "inner").called
    assert report.restored["weights-file"]


@BOTH
def test_weights_that_build_makes(check: Check, generation: int) -> None:
    code = NESTED.replace(
        "    def call(self, x):\n        return self.inner(x)",
        "    def build(self, shape):\n        self.inner.build(shape)\n        self.built = True\n\n"
        "    def call(self, x):\n        return self.inner(x)",
    )
    report = check(code, generation, init="3", on="(None, 5)")
    assert report.counts["build"].weights == 1
    # Keras 2 builds the inner layer once more when it is called: that copy is what the layer then has.
    again = [each for each in report.weights if each.exists_after == "build"]
    assert len(again) == 1


HIDDEN = (
    HEAD
    + """
class Bag:
    def __init__(self, dense):
        self.dense = dense


class Example(layers.Layer):
    def __init__(self):
        super().__init__()
        self.first = layers.Dense(4)
        self.bag = Bag(layers.Dense(3))  # made here

    def call(self, x):
        return self.bag.dense(self.first(x))  # called here
"""
)


@BOTH
def test_a_layer_that_keras_does_not_know(check: Check, generation: int) -> None:
    report = check(HIDDEN, generation, init="", on="(None, 5)")
    hidden = node(report, "bag.dense")
    assert not hidden.tracked
    assert hidden.through == "a helper object of class Bag"
    assert hidden.called
    assert hidden.created is not None
    assert hidden.created.line == line_of(HIDDEN, "# made here")
    kernel = weight(report, "bag.dense.kernel")
    assert (kernel.tracked, kernel.trained, kernel.watched, kernel.saved) == (False, False, True, False)
    assert kernel.gradient is None
    assert kernel.created is not None
    assert kernel.created.line == line_of(HIDDEN, "# called here")
    assert weight(report, "first.kernel").saved
    assert report.restored["weights-file"] is False
    assert report.loose == ()


HOLDERS = {
    "a deque": "collections.deque([layers.Dense(3)])",
    "the closure of <lambda>": "(lambda dense: lambda x: dense(x))(layers.Dense(3))",
    "a functools.partial": "functools.partial(layers.Dense(3))",
    "a bound method": "layers.Dense(3).__call__",
    "a frozenset": "frozenset([layers.Dense(3)])",
    "a SimpleNamespace": "types.SimpleNamespace(dense=layers.Dense(3))",
    "a default argument of <lambda>": "lambda x, dense=layers.Dense(3): dense(x)",
    "a NumPy array": "numpy.array([layers.Dense(3)], dtype=object)",
}


@pytest.mark.parametrize("through", HOLDERS)
def test_what_holds_it(check: Check, through: str) -> None:
    use = {
        "a deque": "self.held[0](x)",
        "a frozenset": "next(iter(self.held))(x)",
        "a SimpleNamespace": "self.held.dense(x)",
        "a NumPy array": "self.held[0](x)",
    }.get(through, "self.held(x)")
    code = f"""\
import collections, functools, types
import keras
import numpy
from keras import layers


class Example(layers.Layer):
    def __init__(self):
        super().__init__()
        self.held = {HOLDERS[through]}

    def call(self, x):
        return {use}
"""
    report = check(code, 3, init="", on="(None, 5)")
    assert report.status == "built", report.message
    assert report.tree is not None
    (hidden,) = report.tree.children
    assert (hidden.tracked, hidden.through) == (False, through)
    assert len(hidden.weights) == 2


@BOTH
def test_a_global_layer_is_not_saved_though_two_instances_share_it(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nshared = layers.Dense(3)\n\n\nclass Example(layers.Layer):\n"
        "    def call(self, x):\n        return shared(x)\n"
    )
    report = check(code, generation, init="", on="(None, 5)")
    assert node(report, "shared").through == "a global of the module"
    assert weight(report, "shared.kernel").saved is False
    assert report.restored["weights-file"] is False


@BOTH
def test_a_layer_of_the_module_that_it_gets_is_there_once(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(keras.Model):\n"
        "    def __init__(self, net):\n        super().__init__()\n        self.net = net\n"
        "        self.width = spare.units\n\n"
        "    def call(self, x):\n        return self.net(x)\n\n\n"
        "spare = layers.Dense(7)\nspare.build((None, 2))\n"
        "net = keras.Sequential([keras.Input((5,)), layers.Dense(3)])\n"
        "model = Example(net)\nmodel.compile('sgd')\n"
    )
    report = check(code, generation)
    assert report.status == "built", report.message
    assert [each.path for each in report.weights] == ["net.layers[0].kernel", "net.layers[0].bias"]
    assert all(each.tracked for each in report.weights)
    assert report.summary == "2 weights · 18 parameters · all tracked"


RAW = (
    HEAD
    + """
class Example(layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = tf.Variable(1.0)

    def call(self, x):
        return x * self.scale
"""
)


@BOTH
def test_a_variable_of_tensorflow(check: Check, generation: int) -> None:
    report = check(RAW, generation, init="", on="(None, 5)")
    found = weight(report, "scale")
    assert (found.raw, found.tracked) == ((True, False) if generation == 3 else (False, True))
    assert found.watched
    assert found.created is not None
    assert found.created.line == line_of(RAW, "tf.Variable")
    # Its first value is the same in every instance; that it is lost shows all the same.
    assert report.restored["weights-file"] is (generation == 2)


@BOTH
def test_a_weight_without_gradient_and_one_without_effect(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def build(self, shape):\n"
        "        self.used = self.add_weight(shape=(3,), name='used')\n"
        "        self.cut = self.add_weight(shape=(3,), name='cut')\n"
        "        self.idle = self.add_weight(shape=(3,), name='idle')\n"
        "        self.built = True\n\n"
        "    def call(self, x):\n"
        "        return x * self.used + tf.stop_gradient(x * self.cut)\n"
    )
    report = check(code, generation, init="", on="(None, 3)")
    gradients = {each.path: (each.gradient, each.effect) for each in report.weights}
    assert gradients == {"used": (True, True), "cut": (False, True), "idle": (False, False)}


@BOTH
def test_a_scale_of_zero_hides_no_effect(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.dense = layers.Dense(3)\n"
        "        self.scale = self.add_weight(shape=(), initializer='zeros', name='scale')\n\n"
        "    def call(self, x):\n"
        "        return x + self.scale * self.dense(x)\n"
    )
    report = check(code, generation, init="", on="(None, 3)")
    assert [each.effect for each in report.weights] == [True, True, True]


@BOTH
def test_a_weight_that_only_training_uses_has_an_effect(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self):\n        super().__init__()\n        self.drop = layers.Dropout(0.5)\n"
        "        self.shift = self.add_weight(shape=(3,), trainable=False, name='shift')\n\n"
        "    def call(self, x, training=None):\n"
        "        y = self.drop(x, training=training)\n"
        "        return y + tf.stop_gradient(self.shift) if training else y\n"
    )
    assert weight(check(code, generation, init="", on="(None, 3)"), "shift").effect


@BOTH
def test_moving_averages_have_an_effect_and_no_gradient(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.norm = layers.BatchNormalization()\n"
        "        self.drop = layers.Dropout(0.5)\n\n"
        "    def call(self, x):\n"
        "        return self.drop(self.norm(x))\n"
    )
    report = check(code, generation, init="", on="(None, 3)")
    mean = weight(report, "norm.moving_mean")
    assert (mean.trained, mean.gradient, mean.effect, mean.saved) == (False, None, True, True)
    assert report.restored["weights-file"]


@BOTH
def test_weights_made_by_every_call(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n    def call(self, x):\n        return layers.Dense(3)(x)  # here\n"
    )
    report = check(code, generation, init="", on="(None, 5)")
    assert sorted(each.shape for each in report.new_every_call) == [(3,), (5, 3)]
    assert {each.created.line for each in report.new_every_call if each.created} == {line_of(code, "# here")}
    assert "different outputs" in report.not_measured["weights-file"]


@BOTH
def test_a_sublayer_that_is_never_called(check: Check, generation: int) -> None:
    code = HIDDEN.replace("self.bag.dense(self.first(x))", "self.first(x)")
    code = code.replace("self.bag = Bag(layers.Dense(3))", "self.bag = layers.Dense(3)")
    report = check(code, generation, init="", on="(None, 5)")
    assert (node(report, "bag").built, node(report, "bag").called) == (False, False)


@BOTH
def test_noise_is_no_loss(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self):\n        super().__init__()\n        self.dense = layers.Dense(3)\n\n"
        "    def call(self, x):\n        return self.dense(x) + tf.random.normal((3,))\n"
    )
    report = check(code, generation, init="", on="(None, 5)")
    assert report.restored["weights-file"] is None
    assert "different outputs" in report.not_measured["weights-file"]
    assert weight(report, "dense.kernel").saved


@BOTH
def test_a_counter_is_no_noise(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def build(self, shape):\n"
        "        self.calls = self.add_weight(\n"
        "            shape=(), initializer='zeros', trainable=False, name='calls')\n"
        "        self.built = True\n\n"
        "    def call(self, x):\n        self.calls.assign_add(1.0)\n        return x * self.calls\n"
    )
    report = check(code, generation, init="", on="(None, 5)")
    assert report.restored["weights-file"] is True


def test_frozen_weights_have_no_gradient_to_miss(check: Check) -> None:
    code = HIDDEN.replace("self.first = layers.Dense(4)", "self.first = layers.Dense(4, trainable=False)")
    report = check(code, 3, init="", on="(None, 5)")
    assert (weight(report, "first.kernel").trained, weight(report, "first.kernel").gradient) == (False, None)


def test_outputs_without_numbers_to_differentiate(check: Check) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self):\n        super().__init__()\n        self.dense = layers.Dense(3)\n\n"
        "    def call(self, x):\n        return tf.argmax(self.dense(x), -1)\n"
    )
    report = check(code, 3, init="", on="(None, 5)")
    assert "floating-point" in report.not_measured["gradients"]
    assert weight(report, "dense.kernel").gradient is None


def test_a_weight_that_only_a_loss_uses_has_a_gradient(check: Check) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def build(self, shape):\n        self.codes = self.add_weight(shape=(5,), name='codes')\n\n"
        "    def call(self, x):\n"
        "        self.add_loss(tf.reduce_mean((x - self.codes) ** 2))\n        return x\n"
    )
    report = check(code, 3, init="", on="(None, 5)")
    assert weight(report, "codes").gradient
    assert weight(report, "codes").effect


@BOTH
def test_a_model_with_a_train_step_of_its_own(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(keras.Model):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.first = layers.Dense(3)\n        self.second = layers.Dense(3)\n\n"
        "    def call(self, x):\n        return self.first(x) + 0 * tf.stop_gradient(self.second(x))\n\n"
        "    def train_step(self, data):\n        return {}\n"
    )
    report = check(code, generation, init="", on="(None, 5)")
    assert "train_step" in report.not_measured["gradients"]
    assert all(each.gradient is None for each in report.weights)


# Files of whole models.

CONFIG = (
    HEAD
    + """
class Example(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units)

    def call(self, x):
        return self.dense(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
"""
)


@BOTH
def test_a_model_file(check: Check, generation: int) -> None:
    assert check(CONFIG, generation, init="3", on="(None, 5)").restored["model-file"] is True


@BOTH
def test_a_layer_that_no_file_can_bring_back_is_not_measured(check: Check, generation: int) -> None:
    report = check(CONFIG.replace(', "units": self.units', ""), generation, init="3", on="(None, 5)")
    assert "model-file" not in report.restored
    assert "get_config" in report.not_measured["model-file"]
    assert report.restored["weights-file"]


@BOTH
def test_a_subclassed_model(check: Check, generation: int) -> None:
    code = CONFIG.replace("layers.Layer", "keras.Model")
    report = check(code, generation, init="3", on="(None, 5)")
    assert report.counts["call"].weights == 2
    assert report.restored["weights-file"]
    assert "model-file" in report.restored


@BOTH
def test_sequential_and_functional_models(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(keras.Sequential):\n"
        "    def __init__(self):\n        super().__init__([layers.Dense(4), layers.Dense(2)])\n"
    )
    report = check(code, generation, init="", on="(None, 5)")
    assert [each.path for each in report.weights] == [
        f"layers[{index}].{name}" for index in (0, 1) for name in ("kernel", "bias")
    ]
    code = HEAD + (
        "\nclass Example(keras.Model):\n"
        "    def __init__(self):\n        x = keras.Input((5,))\n"
        "        super().__init__(x, layers.Dense(2)(x))\n"
    )
    report = check(code, generation, init="", on="(None, 5)")
    assert report.status == "built", report.message
    assert report.counts["init"].weights == 2
    assert all(each.tracked and each.path.startswith("layers[") for each in report.weights)


# Ways to build.


@BOTH
def test_as_the_file_makes_and_calls_it(check: Check, generation: int) -> None:
    code = CONFIG + (
        "\n\nx = tf.ones((4, 7))\nmask = tf.constant([1, 0, 2, 1])\nlayer = Example(units=6)\ny = layer(x)\n"
    )
    report = check(code, generation)
    assert (report.status, report.origin) == ("built", "usage"), report.message
    assert (report.init, report.inputs) == ("units=6", "float32 (4, 7)")


@BOTH
def test_in_a_functional_model(check: Check, generation: int) -> None:
    code = CONFIG + "\n\ninputs = keras.Input((7,))\nmodel = keras.Model(inputs, Example(6)(inputs))\n"
    report = check(code, generation)
    assert (report.status, report.origin, report.inputs) == ("built", "usage", "float32 (2, 7)")
    assert report.counts["call"].parameters == 48


@BOTH
def test_a_layer_that_gets_a_layer(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self, inner):\n        super().__init__()\n        self.inner = inner\n\n"
        "    def call(self, x):\n        return self.inner(x)\n\n\n"
        "layer = Example(layers.Dense(3))\ny = layer(tf.ones((2, 5)))\n"
    )
    report = check(code, generation)
    assert report.status == "built", report.message
    assert report.restored["weights-file"]
    assert weight(report, "inner.kernel").saved
    assert report.counts["init"].weights == 0


@BOTH
def test_as_the_outer_layer_makes_it(check: Check, generation: int) -> None:
    code = CONFIG + (
        "\n\nclass Outer(layers.Layer):\n"
        "    def __init__(self):\n        super().__init__()\n        self.inner = Example(4)\n\n"
        "    def call(self, x):\n        return self.inner(tf.concat([x, x], -1))\n\n\n"
        "y = Outer()(tf.ones((3, 5)))\n"
    )
    report = check(code, generation)
    assert report.status == "built", report.message
    assert (report.init, report.inputs) == ("4", "float32 (3, 10)")


def test_named_inputs_masks_and_further_arguments(check: Check) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.attention = layers.MultiHeadAttention(2, 4, dropout=0.5)\n\n"
        "    def call(self, query, value, mask=None, training=False):\n"
        "        y = self.attention(query, value, attention_mask=mask, training=training)\n"
        "        return {'out': y, 'all': [y, query]}\n"
    )
    on = "(None, 3, 8), value=(None, 4, 8), mask=bool(None, 3, 4)"
    report = check(code, 3, init="", on=on, call="training=True")
    assert report.status == "built", report.message
    assert report.inputs == "float32 (2, 3, 8), value=float32 (2, 4, 8), mask=bool (2, 3, 4)"
    assert len(report.weights) == 8
    assert all(each.gradient and each.effect and each.saved for each in report.weights)
    assert report.restored["weights-file"]


SEARCHED = {
    "Conv": ("layers.Conv2D(filters, 3)", "(self, filters)", "x", "self.inner(x)", "float32 (2, 8, 8, 3)"),
    "LSTM": ("layers.LSTM(units)", "(self, units)", "x", "self.inner(x)", "float32 (2, 5, 8)"),
    "tokens": ("layers.Embedding(vocab_size, 4)", "(self, vocab_size)", "x", "self.inner(x)", "int32 (2, 5)"),
    "pair": ("layers.Dense(units)", "(self, units)", "inputs", "self.two(*inputs)", None),
}


@BOTH
@pytest.mark.parametrize("name", SEARCHED)
def test_arguments_and_inputs_are_found(check: Check, name: str, generation: int) -> None:
    inner, init, argument, body, expected = SEARCHED[name]
    code = HEAD + (
        f"\nclass Example(layers.Layer):\n    def __init__{init}:\n        super().__init__()\n"
        f"        self.inner = {inner}\n\n"
        "    def two(self, a, b):\n        return self.inner(a) + self.inner(b)\n\n"
        f"    def call(self, {argument}):\n        return {body}\n"
    )
    report = check(code, generation)
    assert (report.status, report.origin) == ("built", "search"), report.message
    if expected is not None:
        assert report.inputs == expected
    assert report.counts["call"].weights > 0


def test_a_size_that_the_message_asks_for(check: Check) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self, units):\n        super().__init__()\n"
        "        self.w = self.add_weight(shape=(11, units), name='w')\n\n"
        "    def call(self, x):\n        return tf.matmul(x, self.w)\n"
    )
    assert check(code, 3).inputs == "float32 (2, 11)"


def test_a_list_that_the_call_takes_apart(check: Check) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self):\n        super().__init__()\n        self.dense = layers.Dense(3)\n\n"
        "    def call(self, inputs):\n        left, right = inputs\n"
        "        return self.dense(left) + self.dense(right)\n"
    )
    assert check(code, 3).inputs == "[float32 (2, 8), float32 (2, 8)]"


def test_a_list_that_build_takes_apart(check: Check) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def build(self, shape):\n"
        "        self.w = self.add_weight(shape=(shape[0][-1], 3), name='w')\n\n"
        "    def call(self, inputs):\n        return tf.matmul(inputs[0], self.w)\n"
    )
    report = check(code, 3)
    assert report.status == "built", report.message
    assert report.inputs.startswith("[float32 (2, 8), float32 (2, 8)")


def test_the_inputs_of_a_model_that_it_holds(check: Check) -> None:
    code = HEAD + (
        "\nclass Example(keras.Model):\n"
        "    def __init__(self, net):\n        super().__init__()\n        self.net = net\n\n"
        "    def call(self, x):\n        return self.net(x)\n\n\n"
        "inputs = [keras.Input((7, 2)), keras.Input((7, 2))]\n"
        "net = keras.Model(inputs, layers.Dense(3)(inputs[0] + inputs[1]))\n"
        "model = Example(net)\n"
    )
    report = check(code, 3)
    assert (report.status, report.origin) == ("built", "usage"), report.message
    assert report.inputs == "[float32 (2, 7, 2), float32 (2, 7, 2)]"


@BOTH
def test_a_cell(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self, units):\n        super().__init__()\n"
        "        self.state_size = units\n        self.dense = layers.Dense(units)\n\n"
        "    def call(self, x, states):\n        h = self.dense(x) + states[0]\n        return h, [h]\n"
    )
    report = check(code, generation)
    assert report.status == "built", report.message
    assert report.inputs == "float32 (2, 8), [float32 (2, 8)]"


def test_what_can_not_be_found_is_asked_for(check: Check) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self, config):\n        super().__init__()\n"
        "        self.dense = layers.Dense(config.units)\n\n"
        "    def call(self, x):\n        return self.dense(x)\n"
    )
    report = check(code, 3)
    assert report.status == "unknown"
    assert "config=" in report.missing
    assert report.raised == ()


def test_an_argument_of_a_class_of_the_file(check: Check) -> None:
    code = (
        "import dataclasses\n"
        + HEAD
        + (
            "\n@dataclasses.dataclass\nclass Config:\n    units: int = 6\n\n\n"
            "class Example(layers.Layer):\n"
            "    def __init__(self, config: Config):\n        super().__init__()\n"
            "        self.dense = layers.Dense(config.units)\n\n"
            "    def call(self, x):\n        return self.dense(x)\n"
        )
    )
    for text in (code, f"from __future__ import annotations\n{code}"):
        report = check(text, 3)
        assert (report.status, report.init) == ("built", "config=Config()"), report.message


def test_a_layer_that_takes_texts(check: Check) -> None:
    code = HEAD + (
        "vectorize = layers.TextVectorization(max_tokens=20, output_sequence_length=6)\n"
        "vectorize.adapt(['a b c', 'b c d'])\n\n\n"
        "class Example(layers.Layer):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.vectorize = vectorize\n        self.embed = layers.Embedding(20, 4)\n\n"
        "    def call(self, text):\n        return self.embed(self.vectorize(text))\n"
    )
    report = check(code, 3)
    assert report.status == "built", report.message
    assert report.inputs.startswith("string (2,")


def test_one_of_several_optional_arguments(check: Check) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self, units=None, dense=None):\n        super().__init__()\n"
        "        if units is None and dense is None:\n"
        "            raise ValueError('One of `units` or `dense` must be set.')\n"
        "        self.dense = dense or layers.Dense(units)\n\n"
        "    def call(self, x):\n        return self.dense(x)\n"
    )
    report = check(code, 3)
    assert (report.status, report.init) == ("built", "units=8"), report.message


def test_a_constructor_without_required_arguments_that_fails(check: Check) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self, units=3):\n        super().__init__()\n"
        "        self.dense = Dens(units)\n\n"
        "    def call(self, x):\n        return self.dense(x)\n"
    )
    report = check(code, 3)
    assert (report.status, report.raised[0].stage) == ("raised", "construct")
    assert report.raised[0].frames[-1].line == line_of(code, "= Dens(")


def test_a_model_gets_its_constructors_arguments(check: Check) -> None:
    code = CONFIG.replace("layers.Layer", "keras.Model") + "\n\ny = Example(units=6)(tf.ones((4, 7)))\n"
    report = check(code, 3)
    assert (report.status, report.init) == ("built", "units=6"), report.message


NORMALIZED = (
    HEAD
    + """
norm = layers.Normalization()
norm.adapt(tf.constant([[1.0, 4.0, 2.0], [3.0, 9.0, 7.0]]))


class Example(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = norm
        self.head = layers.Dense(2)

    def call(self, x):
        return self.head(self.norm(x))


y = Example()(tf.ones((2, 3)))
"""
)


@BOTH
def test_a_layer_that_keeps_what_it_makes_of_its_weights(check: Check, generation: int) -> None:
    report = check(NORMALIZED, generation)
    assert report.status == "built", report.message
    assert report.restored == {"weights-file": True, "model-file": True}


@BOTH
def test_an_adapted_layer(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(layers.Normalization):\n    pass\n\n\n"
        "layer = Example()\nlayer.adapt(tf.constant([[1.0, 4.0, 2.0], [3.0, 9.0, 7.0]]))\n"
        "y = layer(tf.ones((2, 3)))\n"
    )
    report = check(code, generation)
    assert report.status == "built", report.message
    assert report.restored["weights-file"]
    assert report.restored.get("model-file", True)


@BOTH
def test_a_tensor_that_is_no_weight_is_not_restored(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self):\n        super().__init__()\n        self.dense = layers.Dense(3)\n"
        "        self.noise = tf.random.normal((3,))\n\n"
        "    def call(self, x):\n        return self.dense(x) + self.noise\n"
    )
    report = check(code, generation, init="", on="(None, 3)")
    assert report.restored["weights-file"] is False
    assert all(each.saved for each in report.weights)


@BOTH
def test_instances_that_share_a_layer(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self, dense=layers.Dense(3)):\n        super().__init__()\n"
        "        self.dense = dense\n\n"
        "    def call(self, x):\n        return self.dense(x)\n"
    )
    report = check(code, generation, init="", on="(None, 5)")
    assert "build" not in report.counts
    assert report.not_measured["build"] == report.not_measured["functional"] == "its instances share layers"


@BOTH
def test_a_model_that_is_only_trained(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(keras.Model):\n"
        "    def __init__(self, units):\n        super().__init__()\n"
        "        self.net = keras.Sequential([keras.Input((5,)), layers.Dense(units)])\n\n"
        "    def train_step(self, data):\n        return {'loss': tf.reduce_mean(self.net(data))}\n\n\n"
        "model = Example(3)\n"
    )
    report = check(code, generation)
    assert report.status == "built", report.message
    assert report.counts["init"].weights == 2
    assert set(report.counts) == {"init"}
    assert "train_step" in report.not_measured["call"]
    assert report.raised == ()


@BOTH
def test_a_call_that_must_be_told_whether_it_trains(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self):\n        super().__init__()\n        self.dense = layers.Dense(3)\n\n"
        "    def call(self, x, training):\n        return self.dense(x)\n"
    )
    report = check(code, generation)
    assert (report.status, report.inputs) == ("built", "float32 (2, 8), training=False"), report.message


@BOTH
def test_a_sequential_that_is_not_built_hides_no_weights(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(keras.Model):\n"
        "    def __init__(self):\n        super().__init__()\n        self.dense = layers.Dense(3)\n"
        "        self.unused = keras.Sequential([layers.Dense(4)])\n\n"
        "    def call(self, x):\n        return self.dense(x)\n"
    )
    report = check(code, generation, init="", on="(None, 4)")
    kernel = weight(report, "dense.kernel")
    assert (kernel.tracked, kernel.trained, kernel.gradient, kernel.saved) == (True, True, True, True)
    assert report.counts["call"].trainable == 2
    assert [each.path for each in report.unbuilt] == ["unused"]
    # Keras 2 refuses to list any of them.
    assert ("weights" in report.not_measured) == (generation == 2)


@BOTH
def test_a_frozen_layer_that_keras_does_not_know_is_not_lost(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nframe = {'dense': layers.Dense(4)}\n\nframe['dense'].trainable = False\n\n"
        "class Example(layers.Layer):\n"
        "    def call(self, x):\n        return frame['dense'](x)\n"
    )
    report = check(code, generation, init="", on="(None, 4)")
    (kernel,) = [each for each in report.weights if each.name == "kernel"]
    assert (kernel.tracked, kernel.trainable, kernel.lost) == (False, False, False)


@BOTH
def test_a_class_that_is_called_in_a_way_of_its_own(check: Check, generation: int) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self):\n        super().__init__()\n        self.dense = layers.Dense(3)\n\n"
        "    def __call__(self, x):\n        return super().__call__(x)\n\n"
        "    def call(self, x):\n        return self.dense(x)\n"
    )
    report = check(code, generation, init="", on="(None, 4)")
    assert report.raised == () and report.restored["weights-file"], report.raised
    assert weight(report, "dense.kernel").saved


ONLY_IN_TRAINING = (
    HEAD
    + """
class Example(layers.Layer):
    def __init__(self, rate=0.5):
        super().__init__()
        self.rate = rate

    def call(self, x, training=None):
        if not training:
            return x
        batch, height, width, channels = x.shape
        return x * tf.cast(tf.random.uniform((batch, height, width, 1)) > self.rate, x.dtype)


layer = Example()
"""
)


@BOTH
def test_a_guessed_input_must_do_for_training_too(check: Check, generation: int) -> None:
    report = check(ONLY_IN_TRAINING, generation)
    assert (report.status, report.inputs) == ("built", "float32 (2, 8, 8, 3)"), report.message
    assert report.raised == ()


@BOTH
def test_what_a_guessed_input_raises_in_training_is_no_defect(check: Check, generation: int) -> None:
    code = ONLY_IN_TRAINING.replace("x.shape\n", "x.shape[:4] + (3, 3, 3, 3, 3)\n")
    report = check(code, generation)
    assert report.status == "built", report.message
    assert report.raised == ()
    assert report.not_measured["again"].startswith("with training=True: ")


def test_a_defect_that_no_input_avoids(check: Check) -> None:
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        "    def __init__(self):\n        super().__init__()\n        self.dense = None\n\n"
        "    def call(self, x):\n        if self.dense is None:\n"
        "            self.dense = layers.Dense(3)\n        return self.dense(x)\n"
    )
    report = check(code, 3)
    assert (report.status, report.raised[0].stage) == ("raised", "call"), report.message
    assert report.raised[0].frames[-1].line == line_of(code, "layers.Dense(3)")


def test_a_name_that_is_not_run_is_no_defect(check: Check) -> None:
    code = (
        "import json\n"
        + HEAD
        + (
            "CONFIG = json.load(open('no_such_file.json'))\n\n\n"
            "class Example(layers.Layer):\n"
            "    def __init__(self):\n        super().__init__()\n"
            "        self.dense = layers.Dense(CONFIG['units'])\n\n"
            "    def call(self, x):\n        return self.dense(x)\n"
        )
    )
    report = check(code, 3)
    assert report.status == "unknown"
    assert "CONFIG" in report.message
    assert f"line {line_of(code, 'CONFIG = ')} of" in report.message
    assert report.raised == ()


# What raises.


@BOTH
@pytest.mark.parametrize("stage", ["construct", "call"])
def test_what_raises_is_told_with_the_users_lines(check: Check, stage: str, generation: int) -> None:
    raising = "        raise ValueError('not like this')\n"
    init, call = (raising, "") if stage == "construct" else ("", raising)
    code = HEAD + (
        "\nclass Example(layers.Layer):\n"
        f"    def __init__(self):\n        super().__init__()\n{init}\n"
        f"    def call(self, x):\n{call}        return x\n"
    )
    report = check(code, generation, init="", on="(None, 5)")
    assert report.status == "raised"
    (raised,) = report.raised
    assert (raised.stage, raised.type) == (stage, "ValueError")
    assert "not like this" in raised.message
    assert raised.frames[-1].line == line_of(code, "not like this")
    assert raised.frames[-1].path == PATH
    assert "\x1b" not in raised.message


def test_sys_exit_is_told(check: Check) -> None:
    code = (
        "import sys\n"
        + HEAD
        + "\nclass Example(layers.Layer):\n    def call(self, x):\n        sys.exit(3)\n"
    )
    report = check(code, 3, init="", on="(None, 5)")
    assert report.status == "raised"
    assert report.raised[0].type == "SystemExit"


def test_an_import_that_fails(check: Check) -> None:
    code = "import no_such_package\n" + CONFIG.replace("layers.Dense(units)", "no_such_package.make(units)")
    report = check(code, 3, init="3", on="(None, 5)")
    assert report.status == "raised"
    assert report.raised[0].stage == "import"
    assert report.raised[0].frames[-1].line == 1


def test_a_layer_whose_constructor_never_reached_keras(check: Check) -> None:
    code = CONFIG.replace("        super().__init__(**kwargs)\n", "")
    report = check(code, 3, init="3", on="(None, 5)")
    assert report.status == "raised"
    assert "super().__init__()" in report.message


# Other interpreters.


def in_python(variable: str, code: str, workers: Workers) -> Report:
    python = os.environ.get(variable)
    if not python:
        pytest.skip(f"{variable} names no interpreter")
    environment = find_environment(None, setting=python, environ={"PATH": os.environ.get("PATH", "")})
    project = Project("/project", environment.search_paths)
    project.open(Document.from_text(PATH, code, 1))
    checker = Checker(project, Settings(), environment)
    check = BuildCheck(checker, workers)
    (prepared,) = check.prepare(PATH, "Example", Given("", "(None, 5)", None))
    return check.run(prepared)


NO_TENSORFLOW = HIDDEN.replace("import tensorflow as tf\n", "")


def test_keras_2(workers: Workers) -> None:
    report = in_python("KERASCOPE_TRUTH_KERAS2", HIDDEN, workers)
    assert report.status == "built", report.message
    assert weight(report, "bag.dense.kernel").saved is False
    assert weight(report, "first.kernel").gradient


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backend)
    workers = Workers()
    try:
        report = in_python(f"KERASCOPE_TRUTH_{backend.upper()}", NO_TENSORFLOW, workers)
    finally:
        workers.close()
    assert report.status == "built", report.message
    assert report.versions["backend"] == backend
    hidden = weight(report, "bag.dense.kernel")
    assert (hidden.tracked, hidden.watched, hidden.saved) == (False, True, False)
    seen = weight(report, "first.kernel")
    assert (seen.tracked, seen.gradient, seen.effect, seen.saved) == (True, True, True, True)
    assert report.restored["weights-file"] is False
