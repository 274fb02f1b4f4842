"""What is built, and which of a file's lines make and call it."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.project.trees import Tree

from kerascope.probe.recipe import IN_FUNCTION, REPLACED, Given, LayerClass, Plan, layer_classes, plan
from kerascope.probe.request import Direct, Inputs, Outer, Program, Recipe, TensorSpec
from kerascope.project.project import Project
from kerascope.source.document import Document
from kerascope.tracking.examine import Examiner

HEAD = """\
import keras
import numpy as np
import tensorflow as tf


class Foo(keras.layers.Layer):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


"""
FIVE = Inputs((TensorSpec((None, 5)),), {})
SEARCH = Direct("search", None, None)


def planned(tree: Tree, name: str = "m.py", class_name: str = "Foo", given: Given | None = None) -> Plan:
    module = tree.project.module(tree.path(name))
    assert module is not None
    made = plan(tree.project, Examiner(tree.project, 3), module, class_name, given)
    for recipe in made.recipes:
        inner = recipe.recipe if isinstance(recipe, Outer) else recipe
        if isinstance(inner, Program):
            compile(inner.text, inner.path, "exec")
    for part in made.slice.modules:
        compile(part.text, part.path, "exec")
    return made


def recipes(
    tmp_path: Path, text: str, class_name: str = "Foo", given: Given | None = None
) -> tuple[Recipe, ...]:
    return planned(Tree(tmp_path, {"m.py": HEAD + dedent(text)}), "m.py", class_name, given).recipes


def shown(recipe: Recipe) -> str:
    """A recipe in a line: the statements of a program with their lines counted from the end of `HEAD`."""
    if isinstance(recipe, Outer):
        return f"{recipe.class_name}: {shown(recipe.recipe)}"
    if isinstance(recipe, Direct):
        return f"Foo({recipe.init}) on {recipe.inputs}"
    return "\n".join(
        f"{number - HEAD.count(chr(10))} {line}"
        for number, line in enumerate(recipe.text.splitlines(), 1)
        if line.strip()
    )


USAGES = {
    "in a script": (
        """\
        x = tf.random.normal((10, 5))
        y = tf.zeros((3, 3))
        layer = Foo(units=7)
        print(layer(x).shape)
        """,
        "1 x = tf.random.normal((10, 5))\n3 layer = Foo(units=7)\n4 (layer(x))",
    ),
    "with a constant": (
        """\
        UNITS = 3
        layer = Foo(UNITS)
        layer(tf.ones((1, UNITS)))
        """,
        "1 UNITS = 3\n2 layer = Foo(UNITS)\n3 (layer(tf.ones((1, UNITS))))",
    ),
    "at once": ("print(Foo(3)(tf.ones((2, 2))))\n", "1 (Foo(3)(tf.ones((2, 2))))"),
    "its call method": ("Foo(3).call(tf.ones((2, 2)))\n", "1 (Foo(3)(tf.ones((2, 2))))"),
    "in a function": (
        """\
        def main():
            x = tf.ones((4, 5))
            layer = Foo(7)
            print(layer(x))


        if __name__ == "__main__":
            main()
        """,
        "1 def __kerascope__():\n2     x = tf.ones((4, 5))\n3     layer = Foo(7)\n4     (layer(x))",
    ),
    "in the main block": (
        """\
        if __name__ == "__main__":
            n = 4
            layer = Foo(n)
            layer(np.ones((2, n)))
        """,
        "1 if True:\n2     n = 4\n3     layer = Foo(n)\n4     (layer(np.ones((2, n))))",
    ),
    "in a functional model": (
        """\
        inputs = keras.Input((5,))
        hidden = keras.layers.Dense(4)(inputs)
        outputs = Foo(3)(hidden)
        model = keras.Model(inputs, outputs)
        model.fit(np.load("x.npy"))
        """,
        "1 inputs = keras.Input((5,))\n2 hidden = keras.layers.Dense(4)(inputs)\n3 (Foo(3)(hidden))",
    ),
    "in a Sequential that knows its input": (
        """\
        model = keras.Sequential([
            keras.Input((4,)),
            Foo(2),
        ])
        model.compile()
        """,
        "1 (keras.Sequential([\n2     keras.Input((4,)),\n3     Foo(2),\n4 ]))",
    ),
    "added to a Sequential that knows its input": (
        """\
        model = keras.Sequential()
        model.add(keras.Input((4,)))
        model.add(Foo(2))
        """,
        "1 model = keras.Sequential()\n2 model.add(keras.Input((4,)))\n3 (model.add(Foo(2)))",
    ),
    "added to a Sequential that is built": (
        """\
        model = keras.Sequential()
        model.add(Foo(2))
        model.add(keras.layers.Dense(1))
        model.build((None, 4))
        """,
        "1 model = keras.Sequential()\n2 model.add(Foo(2))\n3 model.add(keras.layers.Dense(1))\n"
        "4 (model.build((None, 4)))",
    ),
    "in a model that is fitted": (
        """\
        x = np.random.rand(50000, 784)
        y = np.random.rand(50000, 1)
        model = keras.Sequential([Foo(2), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(x, y, epochs=10)
        """,
        "1 x = np.random.rand(2, 784)\n"
        "3 model = keras.Sequential([Foo(2), keras.layers.Dense(1)])\n5 (model(x))",
    ),
    "in a model that predicts": (
        "model = keras.Sequential([Foo(2)])\nmodel.predict(x=np.zeros((3, 4)), verbose=0)\n",
        "1 model = keras.Sequential([Foo(2)])\n2 (model(np.zeros((3, 4))))",
    ),
    "in a training loop": (
        """\
        layer = Foo(2)
        data = tf.ones((16, 4))
        for epoch in range(10):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(layer(data))
            gradients = tape.gradient(loss, layer.trainable_weights)
        """,
        "1 layer = Foo(2)\n2 data = tf.ones((16, 4))\n3 if True:\n4     if True:\n5         (layer(data))",
    ),
    "on a made-up dataset": (
        """\
        data = tf.data.Dataset.from_tensor_slices(np.zeros((20, 4))).batch(4)
        layer = Foo(2)
        for batch in data.take(1):
            layer(batch)
        """,
        "1 data = tf.data.Dataset.from_tensor_slices(np.zeros((20, 4))).batch(4)\n2 layer = Foo(2)\n"
        "3 for batch in data.take(1):\n4     (layer(batch))",
    ),
    "several in a list": (
        """\
        layers = [Foo(2), Foo(3)]
        x = tf.ones((2, 3))
        for layer in layers:
            x = layer(x)
        """,
        "1 layers = [Foo(2), Foo(3)]\n2 x = tf.ones((2, 3))\n3 for layer in layers:\n4     (layer(x))",
    ),
    "by a function that is called": (
        """\
        def make(units, depth=2):
            x = inputs = keras.Input(shape=(8,))
            for _ in range(depth):
                x = Foo(units)(x)
            return keras.Model(inputs, x)


        make(16)
        """,
        "1 def __kerascope__(units=16):\n2     x = inputs = keras.Input(shape=(8,))\n3     if True:\n"
        "4         (Foo(units)(x))",
    ),
    "by a function that returns it": (
        """\
        def make():
            return Foo(3)


        layer = make()
        layer(np.ones((2, 3)))
        """,
        "5 layer = make()\n6 (layer(np.ones((2, 3))))",
    ),
    "in a test with parameters": (
        """\
        import pytest


        @pytest.mark.parametrize("units,dim", [(3, 4), (5, 6)])
        def test_it(units, dim):
            layer = Foo(units=units)
            assert layer(np.ones((2, dim))).shape == (2, units)
        """,
        "5 def __kerascope__(dim=4, units=3):\n6     layer = Foo(units=units)\n"
        "7     (layer(np.ones((2, dim))))",
    ),
    "in a test class": (
        """\
        class TestFoo:
            def test_it(self):
                layer = Foo()
                assert layer(np.ones((2, 3))) is not None
        """,
        "1 if True:\n2     def __kerascope__():\n3         layer = Foo()\n4         (layer(np.ones((2, 3))))",
    ),
    "frozen first": (
        "layer = Foo(2)\nlayer.trainable = False\nlayer(tf.zeros((2, 4)))\n",
        "1 layer = Foo(2)\n2 layer.trainable = False\n3 (layer(tf.zeros((2, 4))))",
    ),
    "several statements in a line": (
        "layer = Foo(); x = tf.ones((1, 2)); print(layer(x))\n",
        "1 layer = Foo(); x = tf.ones((1, 2)); (layer(x))",
    ),
    "over several lines": (
        """\
        layer = Foo(
            units=3,
        )
        result = tf.reduce_sum(
            layer(
                tf.ones((2, 3)),
            )
        )
        """,
        "1 layer = Foo(\n2     units=3,\n3 )\n5 (layer(\n6         tf.ones((2, 3)),\n7     ))",
    ),
    "in the branch that calls it": (
        """\
        if tf.executing_eagerly():
            layer = Foo(1)
        elif np:
            layer = Foo(2)
            layer(tf.ones((2, 3)))
        else:
            layer = Foo(4)
        """,
        "3 if True:\n4     layer = Foo(2)\n5     (layer(tf.ones((2, 3))))",
    ),
    "in another branch": (
        """\
        try:
            raise ValueError
        except ValueError:
            layer = Foo(2)
        layer(tf.ones((2, 3)))
        """,
        "3 if True:\n4     layer = Foo(2)\n5 (layer(tf.ones((2, 3))))",
    ),
    "under a strategy": (
        """\
        strategy = tf.distribute.MirroredStrategy()
        with strategy.scope():
            layer = Foo(2)
        layer(tf.ones((1, 2)))
        """,
        "2 if True:\n3     layer = Foo(2)\n4 (layer(tf.ones((1, 2))))",
    ),
    "first on what can't be had": (
        """\
        layer = Foo(2)
        layer(np.load("x.npy"))
        layer(keras.Input((3,)))
        """,
        "1 layer = Foo(2)\n3 (layer(keras.Input((3,))))",
    ),
    "on a data set that Keras would download": (
        """\
        (x, y), _ = keras.datasets.mnist.load_data()
        x = x.reshape(-1, 784) / 255.0
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
        layer = Foo(2)
        for step, (images, labels) in enumerate(data):
            layer(images)
        """,
        '1 (x, y), _ = (lambda n: ((n.zeros((64, 28, 28), "uint8"), n.zeros(64, "uint8")),) * 2)'
        "(__import__('numpy'))\n2 x = x.reshape(-1, 784) / 255.0\n"
        "3 data = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)\n4 layer = Foo(2)\n"
        "5 for (step, (images, labels)) in enumerate(data):\n6     (layer(images))",
    ),
    "with a layer that is built, frozen and called before": (
        """\
        base = keras.layers.Dense(4)
        base.build((None, 12))
        base(np.ones((2, 12)))
        base.trainable = False
        base.summary()
        layer = Foo(base)
        layer.compile("sgd")
        layer.build((None, 12))
        layer(np.ones((2, 12)))
        """,
        "1 base = keras.layers.Dense(4)\n2 base.build((None, 12))\n3 base(np.ones((2, 12)))\n"
        "4 base.trainable = False\n6 layer = Foo(base)\n9 (layer(np.ones((2, 12))))",
    ),
    "with a dictionary and a list that grow": (
        """\
        def main(flag):
            cfg = {"units": 3}
            cfg["name"] = "a"
            cfg.update(name="b")
            sizes = []
            for size in (4, 8):
                sizes.append(size)
            if flag:
                sizes.reset()
            layer = Foo(**cfg)
            layer(np.ones(sizes))
        """,
        '1 def __kerascope__():\n2     cfg = {"units": 3}\n3     cfg["name"] = "a"\n'
        '4     cfg.update(name="b")\n5     sizes = []\n6     for size in (4, 8):\n'
        "7         sizes.append(size)\n10     layer = Foo(**cfg)\n11     (layer(np.ones(sizes)))",
    ),
    "on many examples": (
        "x = np.ones((500, 300))\nFoo(2)(x)\n",
        "1 x = np.ones((2, 300))\n2 (Foo(2)(x))",
    ),
    "on as many examples as the layer may be made for": (
        "x = np.ones((64, 300))\nFoo(64)(x)\n",
        "1 x = np.ones((64, 300))\n2 (Foo(64)(x))",
    ),
    "with what other code would change it by left away": (
        """\
        base = keras.layers.Dense(4)
        base.fit(np.load("x.npy"))
        base.set_up(np.load("x.npy"))
        layer = Foo(base)
        layer(np.ones((2, 12)))
        """,
        "1 base = keras.layers.Dense(4)\n4 layer = Foo(base)\n5 (layer(np.ones((2, 12))))",
    ),
    "with accents": (
        'größe = "é"; layer = Foo(name="é")  # ü\nprint("é", layer(tf.ones((1, 2))))\n',
        '1 layer = Foo(name="é")\n2 (layer(tf.ones((1, 2))))',
    ),
}


@pytest.mark.parametrize("name", USAGES)
def test_as_the_file_calls_it(tmp_path: Path, name: str) -> None:
    text, program = USAGES[name]
    first = recipes(tmp_path, text)[0]
    assert shown(first) == program
    assert isinstance(first, Program)
    assert (first.origin, first.module, first.path) == ("usage", "m", os.path.join(tmp_path, "m.py"))  # noqa: PTH118
    last = shown(first).splitlines()[-1]
    assert first.line - HEAD.count("\n") <= int(last.split()[0])


@pytest.mark.parametrize(
    ("change", "prepared"),
    [
        ("layer.adapt(['a b', 'c'])", True),
        ("layer.add(keras.layers.Dense(3))", True),
        ("layer.trainable = False", True),
        ("layer.build((None, 2))", False),
        ("layer.summary()", False),
        ("print(layer)", False),
    ],
)
def test_what_is_done_to_the_layer_before_its_call(tmp_path: Path, change: str, prepared: bool) -> None:
    first = recipes(tmp_path, f"layer = Foo(3)\n{change}\nlayer(np.ones((2, 2)))\n")[0]
    assert isinstance(first, Program)
    assert first.prepared is prepared
    assert (change in first.text) is prepared


def test_a_change_that_needs_a_file_makes_a_usage_unusable(tmp_path: Path) -> None:
    text = "cfg = {}\ncfg.update(json.load(open('a.json')))\nFoo(**cfg)(np.ones((2, 2)))\n"
    assert not any(isinstance(recipe, Program) for recipe in recipes(tmp_path, text))


def test_what_the_command_line_would_say_has_its_defaults(tmp_path: Path) -> None:
    text = """\
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--units", type=int, default=64)
        args = parser.parse_args()
        layer = Foo(args.units)
        layer(np.ones((2, 3)))
        """
    first = recipes(tmp_path, text)[0]
    assert isinstance(first, Program)
    assert first.example  # an option without a default isn't the layer's fault
    names: dict[str, object] = {
        "np": SimpleNamespace(ones=list),
        "Foo": lambda units: lambda x: found.append(units),
    }
    found: list[object] = []
    exec("import argparse\n" + first.text, names)
    assert found == [64]


def test_a_function_of_applications_that_loads_nothing(tmp_path: Path) -> None:
    text = """\
        from keras.applications import resnet
        base = keras.Model(keras.Input((3,)), resnet.preprocess_input(keras.Input((3,))))
        layer = Foo(base)
        layer.fit(np.load("x.npy"))
        """
    assert shown(recipes(tmp_path, text)[0]) == (
        "2 base = keras.Model(keras.Input((3,)), resnet.preprocess_input(keras.Input((3,))))\n3 (Foo(base))"
    )


CONSTRUCTIONS = {
    "on data from a file": ('x = np.load("x.npy")\nlayer = Foo(4)\nlayer(x)\n', "4", None),
    "on a parameter": ("def test_it(data):\n    layer = Foo(units=9)\n    layer(data)\n", "units=9", None),
    "with a local number": (
        "def f(data):\n    n = 4\n    return Foo(n, name='a')(data)\n",
        "4, name='a'",
        None,
    ),
    "with a global": ("SIZE = [3]\nlayer = Foo(len(HEADS))\n", None, None),
    "built": ("layer = Foo(4)\nlayer.build((None, 5))\n", "4", FIVE),
    "built with constants": ("N = 2 * 2\nlayer = Foo(4)\nlayer.build([None, N + 1])\n", "4", FIVE),
    "built with a global's number": (
        "N = 5\ndef f():\n    layer = Foo(4)\n    layer.build((None, N))\n",
        "4",
        FIVE,
    ),
    "built by name": ("layer = Foo(4)\nlayer.build(input_shape=(None, 5))\n", "4", FIVE),
    "with an input shape": ("layer = Foo(4, input_shape=(5,))\n", "4, input_shape=(5,)", FIVE),
}


@pytest.mark.parametrize("name", CONSTRUCTIONS)
def test_as_the_file_makes_it(tmp_path: Path, name: str) -> None:
    text, init, inputs = CONSTRUCTIONS[name]
    first = recipes(tmp_path, text)[0]
    assert isinstance(first, Direct)
    assert (first.init, first.inputs) == (init, inputs)
    assert first.origin == ("usage" if init is not None else "search")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "import argparse\nargs = argparse.ArgumentParser().parse_args()\nlayer = Foo(args.units)\n",
        "Foo\n",
        "def test_it(units):\n    Foo(units)\n",
        'Foo(open("a").read())\n',
        "# Foo(3)(tf.ones((1, 2)))\n",
    ],
)
def test_where_nothing_tells_it_is_searched(tmp_path: Path, text: str) -> None:
    assert recipes(tmp_path, text) == (SEARCH,)


def test_deep_nesting(tmp_path: Path) -> None:
    deep = "+".join(["1"] * 3000)
    assert recipes(tmp_path, f"Foo({deep})(x)\n")[-1] == SEARCH
    assert recipes(tmp_path, f"layer = Foo(1)\nlayer.build((None, {deep}))\n")[-1] == SEARCH
    many = "".join(f"x{i + 1} = x{i} + 1\n" for i in range(2500))
    first = recipes(tmp_path, f"x0 = tf.ones((1, 2))\n{many}Foo(3)(x2500)\n")[0]
    assert isinstance(first, Program)
    assert len(first.text.splitlines()) == HEAD.count("\n") + 2502


def test_as_asked_for(tmp_path: Path) -> None:
    usage = "layer = Foo(7)\n"
    assert recipes(tmp_path, usage, given=Given("units=1", "(None, 5)")) == (
        Direct("given", "units=1", FIVE),
    )
    assert recipes(tmp_path, usage, given=Given(None, "(None, 5)"))[0] == Direct(
        "given", "7", FIVE, None, None
    )
    called = "layer = Foo(7)\nlayer(np.ones((2, 3)))\n"
    first, last = recipes(tmp_path, called, given=Given(None, "(None, 5)"))
    assert (first, last) == (Direct("given", "7", FIVE), Direct("given", None, FIVE))
    first, last = recipes(tmp_path, called, given=Given("8, name='a'", None))
    assert shown(first) == "1 layer = Foo(8, name='a')\n2 (layer(np.ones((2, 3))))"
    assert isinstance(first, Program)
    assert (first.origin, last) == ("given", Direct("given", "8, name='a'", None))
    test = "class T:\n    def test_it(self):\n        self.run_layer_test(Foo, input_data=np.ones((1, 2)))\n"
    for written in ("Foo(3).call(tf.ones((2, 2)))\n", "layer = Foo(\n3)\nlayer(tf.ones((2, 2)))\n", test):
        assert recipes(tmp_path, written, given=Given("8", None)) == (Direct("given", "8", None),)
    assert recipes(tmp_path, "", given=Given("3", None)) == (Direct("given", "3", None),)
    assert recipes(tmp_path, "", given=Given(call="training=True")) == (SEARCH,)
    with pytest.raises(ValueError, match="None, 5 is not a shape: write"):
        recipes(tmp_path, "", given=Given(None, "None, 5"))
    with pytest.raises(ValueError, match="can't be read as the arguments of a call"):
        recipes(tmp_path, "", given=Given("units=", None))


def test_as_its_comment_says(tmp_path: Path) -> None:
    text = HEAD.replace("class Foo", "# kerascope: build(units=1) on (None, 5)\nclass Foo")
    tree = Tree(tmp_path, {"m.py": text + "Foo(2)(tf.ones((1, 2)))\n"})
    assert planned(tree).recipes == (Direct("comment", "units=1", FIVE, tree.path("m.py"), 6),)

    tree.write("m.py", text.replace("build(units=1) ", "") + "Foo(2)(np.load('x'))\n")
    tree.project.changed_on_disk(tree.path("m.py"))
    said, alone = planned(tree).recipes
    assert isinstance(said, Direct)
    assert isinstance(alone, Direct)
    assert (said.origin, said.init, said.inputs) == ("comment", "2", FIVE)
    assert (alone.origin, alone.init, alone.inputs) == ("comment", None, FIVE)


def test_a_comment_that_can_not_be_read_is_said(tmp_path: Path) -> None:
    text = HEAD.replace("class Foo", "# kerascope: build(units=1) on None, 5\nclass Foo")
    made = planned(Tree(tmp_path, {"m.py": text}))
    assert made.problem is not None
    assert "None, 5 is not a shape" in made.problem.message
    assert made.recipes == (SEARCH,)


OUTER = """\
class Bar(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.foo = Foo(4)

    def call(self, x):
        return self.foo(x)


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.bar = Bar()

    def call(self, x):
        return self.bar(x)


class Plain:
    def __init__(self):
        self.foo = Foo(4)
"""


def test_as_an_outer_layer_makes_it(tmp_path: Path) -> None:
    first, *_, last = recipes(tmp_path, OUTER + "Bar()(tf.ones((1, 4)))\n")
    assert shown(first) == "Bar: 22 (Bar()(tf.ones((1, 4))))"
    assert isinstance(first, Outer)
    assert (first.origin, first.line) == ("outer", HEAD.count("\n") + 1)
    assert last == SEARCH


def test_as_the_layer_around_the_outer_layer_makes_it(tmp_path: Path) -> None:
    first = recipes(tmp_path, OUTER + "net = Net()\nnet(tf.ones((1, 4)))\n")[0]
    assert shown(first) == "Net: 22 net = Net()\n23 (net(tf.ones((1, 4))))"
    commented = OUTER.replace("class Net", "# kerascope: build() on (None, 5)\nclass Net")
    first = recipes(tmp_path, commented)[0]
    assert isinstance(first, Outer)
    assert isinstance(first.recipe, Direct)
    assert (first.class_name, first.recipe.origin, first.recipe.inputs) == ("Net", "comment", FIVE)


def test_an_outer_layer_that_is_searched_itself(tmp_path: Path) -> None:
    text = OUTER.replace("def __init__(self):", "def __init__(self, units):").replace("Foo(4)", "Foo(units)")
    first, last = recipes(tmp_path, text)
    assert isinstance(first, Outer)
    assert (first.class_name, first.recipe, last) == ("Bar", SEARCH, SEARCH)


def test_the_arguments_that_an_outer_layer_always_gives(tmp_path: Path) -> None:
    first, second, last = recipes(tmp_path, OUTER)
    assert first == Direct("outer", "4", None, os.path.join(tmp_path, "m.py"), HEAD.count("\n") + 4)  # noqa: PTH118
    assert isinstance(second, Outer)
    assert (second.class_name, last) == ("Bar", SEARCH)


def test_an_outer_layer_in_a_file_beside(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {
            "m.py": HEAD,
            "net.py": "import keras\nimport m\n\nclass Net(keras.Model):\n    def __init__(self):\n"
            "        super().__init__()\n        self.foo = m.Foo(4)\n\n"
            "net = Net()\nnet(keras.Input((4,)))\n",
        },
    )
    made = planned(tree)
    first = made.recipes[0]
    assert isinstance(first, Outer)
    assert first.path == tree.path("net.py")
    assert shown(first.recipe).endswith("net = Net()\n-4 (net(keras.Input((4,))))")
    assert {module.name for module in made.slice.modules} == {"m", "net"}


def test_layers_that_make_each_other(tmp_path: Path) -> None:
    text = """\
    class Bar(keras.layers.Layer):
        def build(self, shape):
            self.foo = Foo(4)
            self.other = Baz()

    class Baz(keras.layers.Layer):
        def build(self, shape):
            self.bar = Bar()
    """
    assert [type(recipe) for recipe in recipes(tmp_path, text)] == [Direct, Outer, Direct]


def test_as_the_example_in_its_docstring_calls_it(tmp_path: Path) -> None:
    text = '''\
import keras


class Foo(keras.layers.Layer):
    """A layer.

    Example:

    ```python
    layer = my.package.Foo(units=3)
    out = layer(np.ones((2, 4)))
    ```

    >>> Foo(units=5)(keras.ops.ones((1, 2)))
    ... # é
    """

    def __init__(self, units):
        super().__init__()
'''
    first, second, last = planned(Tree(tmp_path, {"m.py": text})).recipes
    assert isinstance(first, Program)
    lines = first.text.splitlines()
    assert (lines[0], lines[8], lines[9], lines[10]) == (
        "import numpy as np", "def __kerascope__():",
        "    layer = Foo(units=3)", "    (layer(np.ones((2, 4))))",
    )  # fmt: skip
    assert first.line == 11
    assert isinstance(second, Program)
    assert second.text.splitlines()[13] == "    (Foo(units=5)(keras.ops.ones((1, 2))))"
    assert (first.expression, second.expression) == ("__kerascope__()", "__kerascope__()")
    assert first.example and second.example
    assert last == SEARCH


def test_an_example_with_another_layer_of_its_package(tmp_path: Path) -> None:
    files = {
        "pack/__init__.py": "",
        "pack/layers.py": "from pack.a import Other as Other\nfrom pack.m import Foo as Foo\n",
        "pack/a.py": "import keras\nclass Other(keras.layers.Layer):\n    pass\n",
        "pack/m.py": """\
import keras
class Foo(keras.layers.Layer):
    \'\'\'A layer.

    ```python
    import pack
    other = pack.layers.Other()
    out = pack.layers.Foo(other)(other(np.ones((2, 4))))
    ```
    ```python
    pack.set_up()
    pack.layers.Foo(pack.nobody)(np.ones((2, 4)))
    ```
    \'\'\'
    def __init__(self, other):
        super().__init__()
""",
    }
    made = planned(Tree(tmp_path, files), "pack/m.py")
    first, *others = made.recipes
    assert isinstance(first, Program) and first.example
    assert [line.strip() for line in first.text.splitlines() if line.strip()] == [
        "import numpy as np; from pack.a import Other as __kerascope_Other__",
        "def __kerascope__():",
        "other = __kerascope_Other__()",
        "(Foo(other)(other(np.ones((2, 4)))))",
    ]
    assert others == [SEARCH]
    assert "pack.a" in [module.name for module in made.slice.modules]


def test_as_the_test_beside_it_calls_it(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {
            "pkg/__init__.py": "",
            "pkg/m.py": HEAD,
            "pkg/m_test.py": "import numpy as np\nfrom unittest import TestCase\nfrom pkg import m\n\n\n"
            "class FooTest(TestCase):\n    def test_foo(self):\n        layer = m.Foo(6)\n"
            "        self.assertEqual(layer(np.ones((2, 3))).shape, (2, 6))\n",
        },
    )
    made = planned(tree, "pkg/m.py")
    first = made.recipes[0]
    assert isinstance(first, Program)
    assert (first.module, first.path) == ("pkg.m_test", tree.path("pkg/m_test.py"))
    assert [line.strip() for line in first.text.splitlines() if line.strip()] == [
        "if True:", "def __kerascope__():", "layer = m.Foo(6)", "(layer(np.ones((2, 3))))",
    ]  # fmt: skip
    (test,) = [module for module in made.slice.modules if module.name == "pkg.m_test"]
    assert [line for line in test.text.splitlines() if line] == ["import numpy as np", "from pkg import m"]


def test_as_a_program_beside_it_calls_it(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {
            "models/m.py": HEAD,
            "train.py": "import sys\nimport numpy as np\nfrom models.m import Foo\n\n\ndef main():\n"
            "    model = Foo(6)\n    model.fit(np.ones((4, 3)), sys.argv)\n\n\nmain()\n",
        },
    )
    made = planned(tree, "models/m.py")
    first = made.recipes[0]
    assert isinstance(first, Program)
    assert (first.module, first.path, first.line) == ("train", tree.path("train.py"), 8)
    assert first.text.splitlines()[5:] == [
        "def __kerascope__():",
        "    model = Foo(6)",
        "    (model(np.ones((4, 3))))",
    ]
    assert {module.name for module in made.slice.modules} == {"m", "train", "models.m"}


@pytest.mark.parametrize(
    ("call", "init", "inputs"),
    [
        ('Foo, init_kwargs={"units": 3}, input_shape=(2, 3)', "units=3", Inputs((TensorSpec((2, 3)),), {})),
        ("cls=Foo, init_kwargs={'units': 3}", "units=3", None),
    ],
)
def test_as_keras_own_tests_call_it(tmp_path: Path, call: str, init: str, inputs: Inputs | None) -> None:
    text = f"class FooTest:\n    def test_it(self):\n        self.run_layer_test({call})\n"
    first = recipes(tmp_path, text)[0]
    assert isinstance(first, Direct)
    assert (first.init, first.inputs) == (init, inputs)


def test_the_slice_has_what_a_program_needs(tmp_path: Path) -> None:
    text = """\
    def data(n):
        return np.random.rand(n, 4)


    def unused():
        pass


    layer = Foo(2)
    layer(data(3))
    """
    made = planned(Tree(tmp_path, {"m.py": HEAD + dedent(text)}))
    (module,) = made.slice.modules
    assert "def data(n):" in module.text
    assert "import numpy as np" in module.text
    assert "unused" not in module.text
    assert "layer = Foo(2)" not in module.text


def test_a_package_that_only_a_usage_needs_is_its_own_matter(tmp_path: Path) -> None:
    text = "import gym\nfrom sklearn.utils import shuffle as s, other\n\n" + HEAD
    text += "x = s(np.ones((2, gym.SIZE)))\nFoo()(x)\n"
    made = planned(Tree(tmp_path, {"m.py": text}))
    first = made.recipes[0]
    assert isinstance(first, Program)
    assert first.text.splitlines()[:2] == ["import gym", "from sklearn.utils import shuffle as s"]
    assert made.slice.modules[0].text.splitlines()[:4] == ["", "", "", "import keras"]


def test_the_layer_classes_of_a_file(tmp_path: Path) -> None:
    text = """\
    import keras

    class A(keras.layers.Layer):
        class Inner(keras.layers.Dense):
            pass

    class NoLayer:
        pass

    if True:
        class B(A):
            pass

    def f():
        class C(keras.Model):
            pass

    @f
    class A(keras.Model):
        pass
    """
    tree = Tree(tmp_path, {"m.py": text})
    module = tree.project.module(tree.path("m.py"))
    assert module is not None
    assert layer_classes(Examiner(tree.project, 3), module) == (
        LayerClass("A", 3, REPLACED),
        LayerClass("A.Inner", 4, REPLACED),
        LayerClass("B", 11),
        LayerClass("C", 15, IN_FUNCTION),
        LayerClass("A", 19),
    )


PIECES = [
    "x = tf.ones((2, 3))\n",
    "layer = Foo(n)\n",
    "n = 3\n",
    "def f(a, b=2, *c, **d):\n    layer = Foo(a)\n    return layer(b)\n",
    "y = layer(x)\n",
    "for i in range(n):\n    x = Foo(i)(x)\nelse:\n    layer(x)\n",
    "try:\n    layer = Foo(1)\nexcept E as e:\n    layer(e)\nfinally:\n    layer(x); y = 1\n",
    "if x:\n    layer = Foo(2)\nelif y:\n    layer(y)\nelse: layer(x)\n",
    "with a as b, c:\n    layer(b)\n",
    "model = keras.Sequential([Foo(), layer])\n",
    "model.fit(x, epochs=3)\nmodel.build((None, 3))\n",
    "if __name__ == '__main__':\n    f(1)\n    Foo('é')(\n  x)\n",
    "s = '''\n  é\n''' ; Foo(s)(x)\n",
    "class Bar(Foo):\n    def call(self, x):\n        return Foo()(x)\n",
    "async def g():\n    async with h() as q:\n        layer(q)\n",
    "(a, *layer), b = Foo(1), Foo(2)\n",
    "layer += Foo(1)(x)\n",
    "z = [Foo(i)(j) for i, j in x if (layer := Foo(3))]\n",
    "Foo(*x, **y)(*x, **y)\n",
    "self.run_layer_test(Foo, init_kwargs=n)\n",
    "while True:\n\tlayer(x)\n",
    "return layer(x)\n",
    "@Foo(1)\ndef h(): return Foo(2)(Foo(3)(x))\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=150, deadline=None)
def test_any_plan_is_made_of_programs(pieces: list[str], end: str) -> None:
    text = (HEAD + "".join(pieces)).replace("\n", end)
    path = os.path.join(os.sep, "nowhere", "m.py")  # noqa: PTH118
    project = Project(None)
    project.open(Document.from_text(path, text))
    module = project.module(path)
    assert module is not None
    made = plan(project, Examiner(project, 3), module, "Foo")
    for recipe in made.recipes:
        inner = recipe.recipe if isinstance(recipe, Outer) else recipe
        if isinstance(inner, Program):
            compile(inner.text, path, "exec")
            assert 1 <= inner.line <= len(text.splitlines())
        elif inner.init is not None:
            compile(f"f({inner.init})", path, "eval")
