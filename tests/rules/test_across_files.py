"""What a rule needs to know may stand in another file: bases, sublayers, factories, re-exports, annotations.

TensorFlow isn't installed where these run.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules.rule import Finding

LINEAR = """\
import tensorflow as tf
from tensorflow import keras


class Linear(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), initializer="ones", name="kernel")

    def call(self, x):
        return tf.matmul(x, self.kernel)
"""
BASE = """\
import keras


class Block(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        self.built = True
"""


def findings(folder: Path, files: Mapping[str, str], keras: str = "3") -> list[Finding]:
    """The findings of `main.py` in a project of these files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    checker = Checker(Project(str(folder)), Settings(keras=keras))  # type: ignore[arg-type]
    return list(checker.check(str(folder / "main.py")))


def found(folder: Path, files: Mapping[str, str], keras: str = "3") -> list[tuple[str, int]]:
    return [(finding.code, finding.range.start.line + 1) for finding in findings(folder, files, keras)]


OUTER = """\
import keras
{imports}


class Outer(keras.layers.Layer):
    def __init__(self, units=3{parameter}):
        super().__init__()
        self.inner = {inner}

    def call(self, x):
        return self.inner(x)
"""


@pytest.mark.parametrize(
    ("files", "imports", "parameter", "inner"),
    [
        ({"linear.py": LINEAR}, "from linear import Linear", "", "Linear(units)"),
        (
            {"parts/__init__.py": "", "parts/linear.py": LINEAR},
            "from parts.linear import Linear as L",
            "",
            "L(units)",
        ),
        (
            {"parts/__init__.py": "from .linear import Linear\n", "parts/linear.py": LINEAR},
            "import parts",
            "",
            "parts.Linear(units)",
        ),
        (
            {"parts/__init__.py": "from .linear import *\n", "parts/linear.py": LINEAR},
            "from parts import Linear",
            "",
            "Linear(units)",
        ),
        (
            {
                "factory.py": "from linear import Linear\n\n\ndef make(units):\n    return Linear(units)\n",
                "linear.py": LINEAR,
            },
            "from factory import make",
            "",
            "make(units)",
        ),
        ({"linear.py": LINEAR}, "from linear import Linear", ", inner: Linear = None", "inner"),
        (
            {"linear.py": LINEAR},
            "import linear",
            ', inner: "linear.Linear | None" = None',
            "inner or linear.Linear(units)",
        ),
    ],
    ids=["module", "package", "re-export", "star", "factory", "annotation", "annotation or default"],
)
def test_a_sublayer_from_another_module(
    tmp_path: Path, files: Mapping[str, str], imports: str, parameter: str, inner: str
) -> None:
    main = OUTER.format(imports=imports, parameter=parameter, inner=inner)
    reported = findings(tmp_path, {**files, "main.py": main})
    assert [(finding.code, finding.range.start.line + 1) for finding in reported] == [("KS203", 5)]
    assert "`self.inner` (Linear)" in reported[0].message
    assert [
        Path(place.path).name for place in reported[0].related if place.message.startswith("Linear makes")
    ] == ["linear.py"]


def test_a_base_from_another_module_whose_build_skips_the_new_sublayer(tmp_path: Path) -> None:
    main = """\
import keras
from base import Block


class Wide(Block):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(x) * self.scale
"""
    assert found(tmp_path, {"base.py": BASE, "main.py": main}) == [("KS201", 5)]


def test_what_a_base_does_wrong_is_said_in_its_own_file_only(tmp_path: Path) -> None:
    base = """\
import keras


class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.scale = self.add_weight("scale", shape=(), initializer="ones") * 2.0

    def call(self, x):
        return keras.layers.Dense(4)(self.dense(x) * self.scale)
"""
    main = "from base import Block\n\n\nclass Narrow(Block):\n    pass\n"
    files = {"base.py": base, "main.py": main}
    assert found(tmp_path, files) == []
    checker = Checker(Project(str(tmp_path)), Settings(keras="3"))
    codes = {finding.code for finding in checker.check(str(tmp_path / "base.py"))}
    assert codes == {"KS201", "KS301", "KS401", "KS405"}


def test_a_function_of_another_module_that_makes_layers_in_call(tmp_path: Path) -> None:
    blocks = "import keras\n\n\ndef block(x, units):\n    return keras.layers.Dense(units)(x)\n"
    main = """\
import keras
from blocks import block


class Model(keras.Model):
    def call(self, x):
        return block(block(x, 4), 2)


def functional():
    inputs = keras.Input((4,))
    return keras.Model(inputs, block(inputs, 2))
"""
    reported = found(tmp_path, {"blocks.py": blocks, "main.py": main})
    assert set(reported) == {("KS301", 7)}


def test_lazy_state_behind_a_base_from_another_module(tmp_path: Path) -> None:
    main = """\
import keras
from base import Block


class Lazy(Block):
    def __init__(self):
        super().__init__()
        self.head = None

    def call(self, x):
        if self.head is None:
            self.head = keras.layers.Dense(2)
        return self.head(x) * self.scale
"""
    files = {"base.py": BASE, "main.py": main}
    assert ("KS303", 12) in found(tmp_path, files)
    assert all(code != "KS303" for code, _ in found(tmp_path, files, "2"))


def test_a_mixin_from_another_module_that_breaks_the_chain(tmp_path: Path) -> None:
    mixin = "class Named:\n    def __init__(self, label=None):\n        self.label = label\n"
    main = """\
import keras
from mixins import Named


class Layer(Named, keras.layers.Layer):
    def __init__(self):
        super().__init__()

    def call(self, x):
        return x
"""
    reported = findings(tmp_path, {"mixins.py": mixin, "main.py": main})
    assert [(finding.code, finding.range.start.line + 1) for finding in reported] == [("KS306", 5)]
    assert [Path(place.path).name for place in reported[0].related] == ["mixins.py"]


def test_a_base_that_cannot_be_known_silences_what_argues_from_absence(tmp_path: Path) -> None:
    main = """\
import keras
from elsewhere import Unknown


class Layer(Unknown, keras.layers.Layer):
    def __init__(self):
        self.dense = keras.layers.Dense(4)

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(), initializer="ones")

    def call(self, x):
        return self.dense(x) * self.scale
"""
    assert found(tmp_path, {"main.py": main}) == []


def test_a_script_that_reads_the_weights_of_a_layer_from_another_module(tmp_path: Path) -> None:
    outer = OUTER.format(imports="from linear import Linear", parameter="", inner="Linear(units)")
    main = """\
from outer import Outer

layer = Outer()
print(layer.trainable_weights)
"""
    reported = findings(tmp_path, {"linear.py": LINEAR, "outer.py": outer, "main.py": main})
    assert [(finding.code, finding.range.start.line + 1) for finding in reported] == [("KS202", 4)]
    assert "Linear" in reported[0].message
    assert [(Path(place.path).name, place.range.start.line + 1) for place in reported[0].related] == [
        ("linear.py", 5),
        ("linear.py", 11),
    ]


def test_a_sublayer_whose_file_gives_it_no_weights(tmp_path: Path) -> None:
    outer = OUTER.format(imports="from linear import Linear", parameter="", inner="Linear(units)")
    files = {"linear.py": LINEAR, "main.py": outer}
    assert [code for code, _ in found(tmp_path, files)] == ["KS203"]
    weightless = LINEAR.replace("self.kernel = self.add_weight(", "self.kernel = tf.ones(")
    weightless = weightless.replace(', initializer="ones", name="kernel")', ")")
    assert found(tmp_path, {"linear.py": weightless, "main.py": outer}) == []


LOSSES = """\
import keras
import tensorflow as tf


class Proxies(keras.losses.Loss):
    def __init__(self):
        super().__init__()
        self.proxies = tf.Variable(tf.random.normal((3, 4)), name="proxies")

    def call(self, labels, embedded):
        scores = tf.matmul(embedded, self.proxies, transpose_b=True)
        return keras.losses.sparse_categorical_crossentropy(labels, scores, from_logits=True)
"""


def test_a_loss_that_another_module_trains(tmp_path: Path) -> None:
    assert found(tmp_path, {"main.py": LOSSES}) == [("KS406", 8)]
    unrelated = "def proxies(settings):\n    return settings.proxies\n"
    assert found(tmp_path, {"main.py": LOSSES, "net/settings.py": unrelated}) == [("KS406", 8)]
    training = """\
from main import Proxies


def step(model, optimizer, x, y, tape):
    loss = Proxies()
    variables = [*model.trainable_variables, loss.proxies]
    optimizer.apply_gradients(zip(tape.gradient(loss(y, model(x)), variables), variables))
"""
    assert found(tmp_path, {"main.py": LOSSES, "train.py": training}) == []


def test_a_loss_whose_base_makes_the_variable(tmp_path: Path) -> None:
    whole = LOSSES.replace("Proxies", "ProxyLoss")
    base, _, call = whole.partition("    def call")
    main = f"""\
import keras
import tensorflow as tf

from base import ProxyLoss


class Margin(ProxyLoss):
    def __init__(self):
        super().__init__()
        self.margin = 0.1

    def call{call}"""
    assert found(tmp_path, {"base.py": base, "main.py": main}) == [("KS406", 9)]
    assert found(tmp_path, {"base.py": whole, "main.py": main}) == []


def test_layers_that_are_imported_from_one_keras_or_the_other(tmp_path: Path) -> None:
    compat = """\
try:
    from keras import layers
except ImportError:
    from tensorflow.keras import layers
"""
    main = """\
from compat import layers


class Experts(layers.Layer):
    def __init__(self):
        super().__init__()
        self.experts = {layers.Dense(4), layers.Dense(4)}

    def call(self, x):
        return sum(expert(x) for expert in self.experts)
"""
    report = [
        finding
        for finding in findings(tmp_path, {"compat.py": compat, "main.py": main})
        if finding.code == "KS502"
    ]
    assert "the Dense and 1 more in" in report[0].message


TEMPLATE = """\
import keras
import tensorflow as tf


class Helper:
    def __init__(self, units):
        self.dense = keras.layers.Dense(units)


class Template(keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.trainable = False
        self.helper = Helper(units)

    def build(self, input_shape):
        self.kernel = tf.random.normal((input_shape[-1], 4))
        self.gain = self.add_weight(shape=(4,), initializer="ones", name="gain") * 2.0
"""
USES_TEMPLATE = """\
import keras
import tensorflow as tf

from template import Template


class Layer(Template):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    def call(self, x):
        return self.dense(tf.matmul(self.helper.dense(x), self.kernel) * self.gain)
"""


def test_what_a_base_class_that_leaves_call_to_others_does(tmp_path: Path) -> None:
    told = {"KS101", "KS401", "KS402", "KS403"}
    files = {"template.py": TEMPLATE, "main.py": USES_TEMPLATE}
    expected = [("KS401", 7), ("KS402", 7), ("KS101", 9), ("KS403", 9)]
    assert [each for each in found(tmp_path, files) if each[0] in told] == expected
    # One that leaves a part of it to others is no better.
    part = "    def call(self, x):\n        return self.transform(x)\n"
    files = {
        "template.py": f"{TEMPLATE}\n{part}",
        "main.py": USES_TEMPLATE.replace("def call", "def transform"),
    }
    assert [each for each in found(tmp_path, files) if each[0] in told] == expected
    call = "    def call(self, x):\n        return self.helper.dense(x) * self.gain @ self.kernel\n"
    files = {"template.py": f"{TEMPLATE}\n{call}", "main.py": USES_TEMPLATE}
    assert [each for each in found(tmp_path, files) if each[0] in told] == [("KS403", 9)]


POSITIONS = """\
import tensorflow as tf
from tensorflow.keras import layers


def add_positions(x, length, width):
    return x + layers.Embedding(length, width)(tf.range(length))
"""


def test_a_constant_that_a_functional_model_of_another_file_gets(tmp_path: Path) -> None:
    assert found(tmp_path, {"main.py": POSITIONS}) == []
    model = """\
from tensorflow import keras

from main import add_positions


def make_model(length=4):
    inputs = keras.Input((length, 8))
    return keras.Model(inputs, add_positions(inputs, length, 8))
"""
    assert found(tmp_path, {"main.py": POSITIONS, "model.py": model}) == [("KS407", 6)]


NAMED_FIRST = """\
{imports}


class Scale({base}):
    def build(self, input_shape):
        self.w = self.add_weight("w", shape=(input_shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.w
"""


@pytest.mark.parametrize(
    ("files", "imports", "base"),
    [
        ({"compat.py": "import tf_keras as keras\n"}, "from compat import keras", "keras.layers.Layer"),
        ({"compat.py": "from tf_keras.layers import *\n"}, "from compat import *", "Layer"),
        (
            {
                "net/__init__.py": "from .base import Base\n",
                "net/base.py": "from tf_keras.layers import Layer\n\n\nclass Base(Layer):\n    pass\n",
            },
            "import net",
            "net.Base",
        ),
        (
            {
                "env.py": 'import os\n\nos.environ["TF_USE_LEGACY_KERAS"] = "1"\n'
                "from tensorflow import keras\n"
            },
            "from env import keras",
            "keras.layers.Layer",
        ),
    ],
)
def test_which_keras_a_file_gets_from_another(
    tmp_path: Path, files: Mapping[str, str], imports: str, base: str
) -> None:
    main = NAMED_FIRST.format(imports=imports, base=base)
    assert found(tmp_path, {**files, "main.py": main}, "auto") == []
    assert found(tmp_path, {**files, "main.py": main}, "3") == [("KS405", 6)]
    keras3 = {name: text.replace("tf_keras", "keras") for name, text in files.items() if "env" not in name}
    if keras3:
        assert found(tmp_path, {**keras3, "main.py": main}, "auto") == [("KS405", 6)]


THRESHOLD = """\
import keras


class Threshold(keras.layers.Layer):
    def build(self, shape):
        self.level = self.add_weight(shape=(shape[-1],), initializer="zeros", name="level")

    def call(self, x):
        return keras.ops.where(x > self.level, x, 0.0)
"""


@pytest.mark.parametrize(
    ("other", "reported"),
    [
        ("from layers import Threshold\ngate = Threshold()\ngate.level.assign([1.0])\n", False),
        ("from layers import Threshold\ngate = Threshold()\nprint(gate.name)\n", True),
        ("battery = object()\nprint(battery.level)\n", True),
    ],
)
def test_another_file_may_train_a_weight_in_its_own_way(tmp_path: Path, other: str, reported: bool) -> None:
    (tmp_path / "layers.py").write_text(THRESHOLD, "utf-8")
    (tmp_path / "train.py").write_text(other, "utf-8")
    project = Project(str(tmp_path))
    findings = Checker(project, Settings(keras="3")).check(str(tmp_path / "layers.py"))
    assert [each.code for each in findings] == ["KS409"] * reported
