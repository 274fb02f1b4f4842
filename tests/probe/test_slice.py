"""Which lines run before a class can be made, and which don't."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.project.trees import Tree

from kerascope.probe.request import Direct, Program, Slice
from kerascope.probe.slice import slice_for
from kerascope.project.project import Project
from kerascope.source.document import Document

LAYER = "class Foo(keras.layers.Layer):\n    "


def sliced(tree: Tree, name: str, class_name: str = "Foo", *also: Direct | Program) -> Slice:
    module = tree.project.module(tree.path(name))
    assert module is not None
    return slice_for(tree.project, module, class_name, also)


def lines(found: Slice, name: str | None = None) -> list[str]:
    """The lines of a module that run; every module must be a program, with as many lines as its file."""
    for module in found.modules:
        compile(module.text, module.path, "exec")
        assert len(module.text.splitlines()) == len(Path(module.path).read_text("utf-8").splitlines())
    (wanted,) = [module for module in found.modules if module.name == (name or found.target)]
    return [line for line in wanted.text.splitlines() if line.strip()]


def of(tmp_path: Path, text: str, class_name: str = "Foo") -> list[str]:
    return lines(sliced(Tree(tmp_path, {"m.py": text}), "m.py", class_name))


def left_out(found: Slice) -> dict[str, str]:
    return {entry.text: entry.why for entry in found.left_out}


def test_a_script_is_not_started(tmp_path: Path) -> None:
    text = """\
    import matplotlib.pyplot as plt
    import tensorflow as tf

    UNITS = 3
    UNUSED = 4

    class Foo(tf.keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = tf.keras.layers.Dense(UNITS)

    x = tf.random.normal((10, 5))
    model = Foo()
    print(model(x))
    model.fit(x, x)
    plt.show()
    """
    tree = Tree(tmp_path, {"m.py": text})
    found = sliced(tree, "m.py")
    assert lines(found) == [
        "import tensorflow as tf",
        "UNITS = 3",
        "class Foo(tf.keras.layers.Layer):",
        "    def __init__(self):",
        "        super().__init__()",
        "        self.dense = tf.keras.layers.Dense(UNITS)",
    ]
    assert left_out(found)["model.fit(x, x)"] == "it trains"
    assert left_out(found)["plt.show()"] == "it plots"
    assert left_out(found)["print(model(x))"] == "the class doesn't need it"
    (module,) = found.modules
    assert (module.name, module.path, module.is_package) == ("m", tree.path("m.py"), False)


def test_lines_stay_where_they_are(tmp_path: Path) -> None:
    text = "import keras\nx = 1\n\n\nclass Foo(keras.layers.Layer):\n    pass\n"
    found = sliced(Tree(tmp_path, {"m.py": text}), "m.py")
    assert found.modules[0].text == "import keras\n\n\n\nclass Foo(keras.layers.Layer):\n    pass\n"


def test_bases_decorators_and_helpers_come_along(tmp_path: Path) -> None:
    text = """\
    import functools
    import keras

    SIZE = 2
    OTHER = 3

    def scale(x):
        return x * factor()

    def factor():
        return SIZE

    def unused():
        return OTHER

    def twice(cls):
        return cls

    class Base(keras.layers.Layer):
        pass

    @keras.saving.register_keras_serializable(package="mine")
    @twice
    class Foo(Base):
        def call(self, x):
            return scale(x)
    """
    assert [line for line in of(tmp_path, text) if not line.startswith(" ")] == [
        "import keras",
        "SIZE = 2",
        "def scale(x):",
        "def factor():",
        "def twice(cls):",
        "class Base(keras.layers.Layer):",
        '@keras.saving.register_keras_serializable(package="mine")',
        "@twice",
        "class Foo(Base):",
    ]


def test_of_an_import_only_what_is_needed(tmp_path: Path) -> None:
    text = """\
    import os, keras, json
    from tensorflow.keras.layers import (
        Dense,
        Layer,
        LSTM as Recurrent,
    )

    class Foo(Layer):
        inner = Recurrent
        outer = keras.layers.Dense
    """
    assert of(tmp_path, text)[:2] == [
        "import keras",
        "from tensorflow.keras.layers import Layer, LSTM as Recurrent",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "keras.mixed_precision.set_global_policy('mixed_float16')",
        "keras.config.set_floatx('float16')",
        "keras.backend.set_floatx('float64')",
        "K.set_floatx('float64')",
        "os.environ['KERAS_BACKEND'] = 'jax'",
        "os.environ['TF_USE_LEGACY_KERAS'] = '1'",
        "os.environ.setdefault('KERAS_BACKEND', 'torch')",
        "tf.keras.backend.set_image_data_format('channels_first')",
        "tf.keras.utils.set_random_seed(3)",
        "tf.config.run_functions_eagerly(True)",
        "tf.random.set_seed(1)",
        "np.random.seed(1)",
        "sys.path.insert(0, 'lib')",
        "if True:\n    keras.backend.set_floatx('float64')",
    ],
)
def test_what_configures_keras_is_kept(tmp_path: Path, text: str) -> None:
    imports = "import os, sys\nimport keras\nimport numpy as np\nimport tensorflow as tf\n"
    imports += "from tensorflow.keras import backend as K\n"
    kept = of(tmp_path, f"{imports}{text}\n{LAYER}pass\nprint(1)\n")
    assert text.splitlines()[-1] in kept
    assert "print(1)" not in kept


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("DATA = open('a.txt').read()", "it reads a file"),
        ("DATA = np.load('a.npy')", "it reads a file"),
        ("DATA = pd.read_csv('a.csv')", "it reads a file"),
        ("DATA = json.load(open('a.json'))", "it reads a file"),
        ("with open('a.json') as f:\n    DATA = json.load(f)", "it reads a file"),
        ("(DATA, _), _ = keras.datasets.mnist.load_data()", "it connects to the network"),
        ("DATA = requests.get('https://example.org').text", "it connects to the network"),
        ("DATA = tf.keras.utils.get_file('a', 'https://example.org')", "it connects to the network"),
        ("DATA = keras.applications.VGG16()", "it connects to the network"),
        ("DATA = keras.models.load_model('a.keras')", "it reads a file"),
        ("DATA = subprocess.run(['ls'])", "it starts other programs"),
        ("DATA = os.system('ls')", "it starts other programs"),
        ("DATA = input()", "it asks for input"),
        ("DATA = argparse.ArgumentParser().parse_args()", "it reads the command line"),
        ("DATA = sys.argv[1]", "it reads the command line"),
        ("DATA = model.fit(x)", "it trains"),
        ("DATA = read('a')", "it reads a file"),
        ("DATA = Reader('a')", "it reads a file"),
        ("DATA = reader.lines()", "it reads a file"),
    ],
)
def test_a_needed_name_that_would_do_harm_is_left_out_and_said(tmp_path: Path, text: str, why: str) -> None:
    program = f"""\
import argparse, json, os, requests, subprocess, sys
import keras
import numpy as np
import pandas as pd
import tensorflow as tf

def read(path):
    with open(path) as file:
        return file.read()

class Reader:
    def __init__(self, path):
        self.text = read(path)

    def lines(self):
        return open("b")

{text}

class Foo(keras.layers.Layer):
    def call(self, x):
        return x * DATA
"""
    tree = Tree(tmp_path, {"m.py": program})
    found = sliced(tree, "m.py")
    assert not any("DATA =" in line for line in lines(found))
    (entry,) = [entry for entry in found.left_out if "DATA" in entry.names]
    assert entry.why == why
    assert entry.line == 18
    assert entry.path == tree.path("m.py")


@pytest.mark.parametrize(
    "text",
    [
        "DATA = os.path.join('a', 'b')",
        "DATA = keras.applications.VGG16(weights=None)",
        "DATA = keras.applications.resnet.preprocess_input(np.zeros((2, 3)))",
        "DATA = keras.layers.Normalization(); DATA.adapt(np.zeros((2, 3)))",
        "DATA = int(sys.argv[1]) if len(sys.argv) > 1 else 3",
        "DATA = np.zeros((2, 3))",
        "DATA = tf.random.normal((2, 3))",
        "DATA = {name: len(name) for name in ('a', 'b')}",
        "DATA = make(3)",
        "DATA: int = 3",
        "DATA = lambda: open('a')",
        "DATA = logging.getLogger(__name__)",
        "DATA = np.linspace(0, 1)[:, None]",
        "for DATA in range(3): pass",
        "try:\n    import cupy as DATA\nexcept ImportError:\n    DATA = None",
        "if keras.backend.backend() == 'jax':\n    DATA = 1\nelse:\n    DATA = 2",
        "DATA, OTHER = 1, 2",
        "if (DATA := 3): pass",
    ],
)
def test_a_needed_name_is_kept(tmp_path: Path, text: str) -> None:
    program = f"""\
import logging, os
import keras
import numpy as np
import tensorflow as tf

def make(n):
    print("made")
    return [n] * n

{text}

class Foo(keras.layers.Layer):
    def call(self, x):
        return x * DATA
"""
    kept = of(tmp_path, program)
    for line in text.splitlines():
        assert line in kept


def test_what_needs_something_left_out_is_left_out_too(tmp_path: Path) -> None:
    text = """\
    import keras
    import numpy as np

    TABLE = np.load("table.npy")
    WIDTH = TABLE.shape[0]

    def rows():
        return len(TABLE)

    ROWS = rows()

    class Foo(keras.layers.Layer):
        def call(self, x):
            return x * WIDTH * ROWS
    """
    found = sliced(Tree(tmp_path, {"m.py": text}), "m.py")
    assert "WIDTH = TABLE.shape[0]" not in lines(found)
    assert "ROWS = rows()" not in lines(found)
    assert left_out(found)["WIDTH = TABLE.shape[0]"] == "it needs TABLE, which is left out: it reads a file"
    assert left_out(found)["ROWS = rows()"] == "it needs TABLE, which is left out: it reads a file"


def test_a_block_is_kept_without_what_does_harm_in_it(tmp_path: Path) -> None:
    text = """\
    import keras

    if keras.backend.backend() == "tensorflow":
        SIZE = 3
        TEXT = open("a.txt").read()
    else:
        SIZE = 4

    class Foo(keras.layers.Layer):
        size = SIZE
    """
    found = sliced(Tree(tmp_path, {"m.py": text}), "m.py")
    assert lines(found)[1:6] == [
        'if keras.backend.backend() == "tensorflow":',
        "    SIZE = 3",
        "    0",
        "else:",
        "    SIZE = 4",
    ]
    assert left_out(found)['TEXT = open("a.txt").read()'] == "it reads a file"


def test_a_class_is_kept_without_what_does_harm_in_its_body(tmp_path: Path) -> None:
    text = f"import keras\nimport numpy as np\n\n{LAYER}table = np.load(\n        'a')\n\n    size = 3\n"
    found = sliced(Tree(tmp_path, {"m.py": text}), "m.py")
    assert lines(found) == ["import keras", "class Foo(keras.layers.Layer):", "    0", "    size = 3"]
    (entry,) = found.left_out
    assert (entry.line, entry.end_line, entry.text, entry.why) == (
        5,
        6,
        "table = np.load(",
        "it reads a file",
    )


def test_a_registry_is_filled_as_far_as_it_is_needed(tmp_path: Path) -> None:
    text = """\
    import keras

    REGISTRY = {}
    OTHER = {}

    def register(name):
        def add(cls):
            REGISTRY[name] = cls
            return cls
        return add

    @register("a")
    class A:
        pass

    @register("b")
    def b():
        pass

    REGISTRY["c"] = A
    REGISTRY.update(d=A)
    setattr(A, "size", 3)
    A.other = 4
    OTHER["c"] = A
    register("e")(A)
    print(REGISTRY)
    for name in ("x", "y"):
        REGISTRY[name] = A
    REGISTRY["file"] = open("a.txt")

    class Foo(keras.layers.Layer):
        def __init__(self, kind):
            super().__init__()
            self.kind = REGISTRY[kind]
    """
    found = sliced(Tree(tmp_path, {"m.py": text}), "m.py")
    kept = [line for line in lines(found) if not line.startswith(" ")]
    assert kept == [
        "import keras",
        "REGISTRY = {}",
        "def register(name):",
        '@register("a")',
        "class A:",
        '@register("b")',
        "def b():",
        'REGISTRY["c"] = A',
        "REGISTRY.update(d=A)",
        'setattr(A, "size", 3)',
        "A.other = 4",
        'register("e")(A)',
        'for name in ("x", "y"):',
        "class Foo(keras.layers.Layer):",
    ]
    assert left_out(found)['REGISTRY["file"] = open("a.txt")'] == "it reads a file"


def test_a_registry_of_another_file(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {
            "registry.py": """\
            LAYERS = []
            UNUSED = []

            def add(cls):
                LAYERS.append(cls)
                return cls

            def get(name):
                return LAYERS[0]
            """,
            "m.py": """\
            import keras
            import registry
            from registry import LAYERS

            @registry.add
            class Part(keras.layers.Layer):
                pass

            LAYERS.append(Part)

            class Foo(keras.layers.Layer):
                def __init__(self):
                    super().__init__()
                    self.part = registry.get("Part")()
            """,
        },
    )
    found = sliced(tree, "m.py")
    assert "LAYERS.append(Part)" in lines(found)
    assert "@registry.add" in lines(found)
    assert "UNUSED = []" not in lines(found, "registry")


def test_across_files_and_packages(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {
            "pkg/__init__.py": "from .layers import Foo, Bar\nfrom .data import load\nprint('hello')\n",
            "pkg/data.py": "def load():\n    pass\n",
            "pkg/layers.py": """\
            import keras
            from . import sizes
            from .blocks.block import Block as B, Unused
            from .blocks import helper
            import pkg.sizes as again

            class Foo(keras.layers.Layer):
                def __init__(self):
                    super().__init__()
                    self.block = B(sizes.SMALL)
                    self.helped = helper(again.LARGE)

            class Bar(keras.layers.Layer):
                pass
            """,
            "pkg/sizes.py": "SMALL = 1\nMEDIUM = 2\nLARGE = 3\n",
            "pkg/blocks/__init__.py": "from pkg.blocks.block import Block, helper\n",
            "pkg/blocks/block.py": """\
            import keras

            class Block(keras.layers.Layer):
                pass

            class Unused:
                pass

            def helper(x):
                return x
            """,
            "train.py": "from pkg import Foo as Bar\n\nclass Net(Bar):\n    pass\n\nBar().fit(1)\n",
        },
    )
    found = sliced(tree, "pkg/layers.py")
    assert lines(found)[1:4] == [
        "from . import sizes",
        "from .blocks.block import Block as B",
        "from .blocks import helper",
    ]
    assert lines(found, "pkg") == []
    assert lines(found, "pkg.sizes") == ["SMALL = 1", "LARGE = 3"]
    assert lines(found, "pkg.blocks") == ["from pkg.blocks.block import helper"]
    assert [line for line in lines(found, "pkg.blocks.block") if line[0] != " "] == [
        "import keras",
        "class Block(keras.layers.Layer):",
        "def helper(x):",
    ]
    packages = {module.name for module in found.modules if module.is_package}
    assert packages == {"pkg", "pkg.blocks"}

    found = sliced(tree, "train.py", "Net")
    assert lines(found) == ["from pkg import Foo as Bar", "class Net(Bar):", "    pass"]
    assert lines(found, "pkg") == ["from .layers import Foo"]
    assert {module.name for module in found.modules} == {
        "train", "pkg", "pkg.layers", "pkg.sizes", "pkg.blocks", "pkg.blocks.block",
    }  # fmt: skip


def test_a_module_used_as_a_value_is_needed_whole(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {
            "parts.py": "import keras\n\nclass A:\n    pass\n\ndef b():\n    pass\n\nprint('no')\n",
            "m.py": "import keras\nimport parts\n\nclass Foo(keras.layers.Layer):\n"
            "    def call(self, x):\n        return getattr(parts, 'A')()\n",
        },
    )
    assert lines(sliced(tree, "m.py"), "parts") == [
        "import keras", "class A:", "    pass", "def b():", "    pass",
    ]  # fmt: skip


def test_star_imports_by_the_names_that_are_used(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {
            "parts.py": "__all__ = ['Part', '_hidden', 'Unused']\nimport keras\n\nclass Part:\n    pass\n\n"
            "def _hidden():\n    pass\n\nclass Unused:\n    pass\n",
            "m.py": "from keras.layers import *\nfrom parts import *\n\nclass Foo(Layer):\n"
            "    part = Part\n    other = _hidden\n",
        },
    )
    found = sliced(tree, "m.py")
    assert lines(found)[:2] == ["from keras.layers import *", "from parts import Part, _hidden"]
    assert lines(found, "parts") == ["class Part:", "    pass", "def _hidden():", "    pass"]


def test_modules_that_import_each_other(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {
            "a.py": "import b\n\nclass Base:\n    pass\n\ndef other():\n    return b.Foo\n",
            "b.py": "import keras\nimport a\n\nclass Foo(keras.layers.Layer):\n"
            "    def call(self, x):\n        return a.other()\n",
        },
    )
    found = sliced(tree, "b.py")
    assert lines(found, "a") == ["import b", "def other():", "    return b.Foo"]


def test_imports_inside_methods_are_provided(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {
            "parts.py": "class Part:\n    pass\n\nclass Other:\n    pass\n",
            "m.py": "import keras\n\nclass Foo(keras.layers.Layer):\n    def build(self, shape):\n"
            "        from parts import Part\n        self.part = Part()\n",
        },
    )
    assert lines(sliced(tree, "m.py"), "parts") == ["class Part:", "    pass"]


def test_installed_packages_are_imported_as_they_are(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {
            ".venv/lib/site-packages/parts/__init__.py": "class Part:\n    pass\n",
            "m.py": "import keras\nfrom parts import Part\n\n" + LAYER + "part = Part\n",
        },
        (".venv/lib/site-packages",),
    )
    assert [module.name for module in sliced(tree, "m.py").modules] == ["m"]


def test_the_file_of_an_installed_package_with_the_rest_of_it(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {
            "site-packages/one/__init__.py": "",
            "site-packages/one/m.py": "import keras\nfrom one.part import Part\nfrom two import Other\n\n"
            "class Foo(keras.layers.Layer):\n    part = Part\n    other = Other\n",
            "site-packages/one/part.py": "class Part:\n    pass\n",
            "site-packages/two/__init__.py": "class Other:\n    pass\n",
        },
        ("site-packages",),
    )
    assert {module.name for module in sliced(tree, "site-packages/one/m.py").modules} == {
        "one",
        "one.m",
        "one.part",
    }


@pytest.mark.parametrize("base", [".", "pack"])
def test_a_package_that_imports_its_own_modules(tmp_path: Path, base: str) -> None:
    tree = Tree(
        tmp_path,
        {
            "pack/__init__.py": f"from {base} import config, ops\nfrom {base} import config as c\n"
            "if c.three():\n    SIZE = 3\ndef unused():\n    pass\n",
            "pack/config.py": "OTHER = 2\ndef three():\n    return True\n",
            "pack/ops.py": "def used():\n    return helper()\ndef helper():\n    pass\nOTHER = 3\n",
            "m.py": "import keras\nfrom pack import SIZE, ops\n"
            + LAYER
            + "size = SIZE\n    make = ops.used()\n",
        },
    )
    found = sliced(tree, "m.py")
    assert lines(found, "pack.config") == ["def three():", "    return True"]
    assert lines(found, "pack.ops")[:2] == ["def used():", "    return helper()"]
    assert "OTHER = 3" not in lines(found, "pack.ops")
    assert "    SIZE = 3" in lines(found, "pack")


def test_a_block_with_a_star_import_has_what_it_asks(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {
            "pack/__init__.py": "",
            "pack/config.py": "def three():\n    return True\n",
            "pack/ops.py": "from pack import config\n\nif config.three():\n    from os.path import *\n",
            "m.py": "import keras\nfrom pack import ops\n" + LAYER + "    make = ops.join\n",
        },
    )
    found = sliced(tree, "m.py")
    assert lines(found, "pack.ops")[0] == "from pack import config"
    assert lines(found, "pack.config") == ["def three():", "    return True"]


def test_for_type_checkers_only_is_for_type_checkers_only(tmp_path: Path) -> None:
    text = """\
    from __future__ import annotations
    from typing import TYPE_CHECKING
    import keras

    if TYPE_CHECKING:
        from somewhere import Size

    class Foo(keras.layers.Layer):
        def __init__(self, size: Size):
            super().__init__()
    """
    assert of(tmp_path, text)[:4] == [
        "from __future__ import annotations",
        "import keras",
        "class Foo(keras.layers.Layer):",
        "    def __init__(self, size: Size):",
    ]


def test_the_main_block_defines_nothing(tmp_path: Path) -> None:
    text = """\
    import keras

    class Foo(keras.layers.Layer):
        def call(self, x):
            return x * SIZE

    if __name__ == "__main__":
        SIZE = 3
        Foo()
    """
    found = sliced(Tree(tmp_path, {"m.py": text}), "m.py")
    assert "    SIZE = 3" not in lines(found)
    (entry,) = found.left_out
    assert entry.names == ("SIZE",)
    assert entry.why == "it runs only when the file is started as a program"
    assert (entry.line, entry.end_line) == (7, 9)


def test_what_the_command_line_may_say_has_its_default(tmp_path: Path) -> None:
    text = """\
    import sys
    import keras

    if len(sys.argv) > 1:
        SIZE = int(sys.argv[1])
    elif len(sys.argv) > 2:
        SIZE = 4
    else:
        SIZE = 3

    class Foo(keras.layers.Layer):
        def call(self, x):
            return x * SIZE
    """
    assert of(tmp_path, text)[2:8] == [
        "if len(sys.argv) > 1:",
        "    0",
        "elif len(sys.argv) > 2:",
        "    SIZE = 4",
        "else:",
        "    SIZE = 3",
    ]


def test_a_class_that_the_constructor_is_annotated_with_can_be_tried(tmp_path: Path) -> None:
    text = """\
    from __future__ import annotations
    from dataclasses import dataclass
    import keras

    @dataclass
    class Config:
        units: int = 3

    class Other:
        pass

    class Foo(keras.layers.Layer):
        def __init__(self, config: Config):
            super().__init__()

        def call(self, x: Other):
            return x
    """
    kept = of(tmp_path, text)
    assert "class Config:" in kept
    assert "class Other:" not in kept


def test_what_a_recipe_names_is_in_the_slice(tmp_path: Path) -> None:
    text = "import keras\nSIZE = 3\nOTHER = 4\n\n" + LAYER + "pass\n\ndef make():\n    return SIZE\n"
    tree = Tree(tmp_path, {"m.py": text})
    found = sliced(tree, "m.py", "Foo", Direct("usage", "OTHER", None))
    assert "OTHER = 4" in lines(found)
    program = Program("usage", "m", "x = make()\nFoo(x)\n", tree.path("m.py"), 1)
    assert "SIZE = 3" in lines(sliced(tree, "m.py", "Foo", program))
    assert "SIZE = 3" not in lines(sliced(tree, "m.py"))


def test_a_class_in_a_class(tmp_path: Path) -> None:
    text = "import keras\n\nclass Outer:\n    class Foo(keras.layers.Layer):\n        pass\n"
    assert of(tmp_path, text, "Outer.Foo") == text.replace("\n\n", "\n").splitlines()


def test_several_statements_on_a_line(tmp_path: Path) -> None:
    text = "import keras; SIZE = 3; print('no'); OTHER = 4\n" + LAYER + "size = SIZE\n"
    assert of(tmp_path, text)[0].split("; ") == ["import keras", "SIZE = 3", "0", "0"]


def test_a_class_that_does_not_parse_is_said(tmp_path: Path) -> None:
    text = "import keras\n\nclass Foo(keras.layers.Layer):\n    def call(self, x:\n        return x\n"
    found = sliced(Tree(tmp_path, {"m.py": text}), "m.py")
    (entry,) = found.left_out
    assert (entry.names, entry.why) == (("Foo",), "it has a syntax error")


def test_unsaved_text_counts(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"m.py": "import keras\n", "parts.py": "A = 1\n"})
    tree.open("m.py", "import keras\nimport parts\n\nclass Foo(keras.layers.Layer):\n    a = parts.B\n")
    tree.open("parts.py", "A = 1\nB = 2\n")
    found = sliced(tree, "m.py")
    assert [module.text for module in found.modules if module.name == "parts"] == ["\nB = 2\n"]


def test_a_long_chain_of_helpers(tmp_path: Path) -> None:
    helpers = "".join(f"def f{i}(x):\n    return f{i + 1}(x)\n" for i in range(1500))
    text = f"import keras\n{helpers}def f1500(x):\n    return x\n{LAYER}size = f0\n"
    assert len(of(tmp_path, text)) == len(text.splitlines())


def test_deep_nesting(tmp_path: Path) -> None:
    text = f"import keras\nDEEP = {'+'.join(['1'] * 400)}\n{LAYER}size = DEEP\n"
    assert of(tmp_path, text) == text.splitlines()


def test_what_does_not_parse_is_left_out(tmp_path: Path) -> None:
    text = f"import keras\nSIZE = = 3\ndef f(:\n    pass\n\n{LAYER}size = SIZE\n"
    found = sliced(Tree(tmp_path, {"m.py": text}), "m.py")
    assert lines(found)[:2] == ["import keras", "class Foo(keras.layers.Layer):"]
    assert [(entry.line, entry.end_line, entry.why, entry.names) for entry in found.left_out] == [
        (2, 2, "it has a syntax error", ("SIZE",)),
        (3, 4, "it has a syntax error", ("f",)),
    ]


PIECES = [
    "import os\n",
    "import keras\n",
    "from keras import layers as L, ops\n",
    "from m import *\n",
    "SIZE = 3\n",
    "SIZE += 1\n",
    "D = {}\n",
    "D['a'] = SIZE\n",
    "x, y = SIZE, D; z = x\n",
    "def f(a=SIZE):\n    global G\n    G = a\n    return [a for a in D]\n",
    "@f\nclass Bar(L.Layer):\n    size: int = SIZE\n    def call(self, x):\n        return f(x)\n",
    "class Foo(keras.layers.Layer):\n    '''é\n    '''\n    b = Bar\n"
    "    def call(self, x):\n        return f(SIZE)\n",
    "try:\n    import numpy as np\nexcept ImportError as e:\n    np = None\nelse:\n    D.update(a=1)\n",
    "if os.environ:\n    SIZE = open('é').read(); y = 2\nelif D:\n    pass\nelse:\n    y = 3\n",
    "with open('x') as h:\n    SIZE = h\n",
    "for i in range(3):\n    D[i] = SIZE\n",
    "print(SIZE)  # é\n",
    "if __name__ == '__main__':\n    Foo().fit(SIZE)\n",
    "s = '''\n\n''' ; t = f(s)\n",
    "while False:\n    SIZE = input()\n",
    "# a comment\n\n",
    "L = lambda: SIZE\n",
    "match D:\n    case {'a': q}:\n        SIZE = q\n",
    "async def g():\n    await f()\n",
    "def broken(:\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=150, deadline=None)
def test_any_slice_is_a_program_with_the_lines_of_its_file(pieces: list[str], end: str) -> None:
    text = "".join(pieces).replace("\n", end)
    path = os.path.join(os.sep, "nowhere", "m.py")  # noqa: PTH118
    project = Project(None)
    project.open(Document.from_text(path, text))
    module = project.module(path)
    assert module is not None
    found = slice_for(project, module, "Foo")
    (made,) = [each for each in found.modules if each.path == path][:1]
    assert len(made.text.splitlines()) == len(text.splitlines())
    compile(made.text, path, "exec")
    for entry in found.left_out:
        assert 1 <= entry.line <= entry.end_line <= len(text.splitlines())
