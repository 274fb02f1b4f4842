"""KS101 to KS115 where the layer, its helper, base or factory stand in other files. No TensorFlow here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules.rule import Finding

PARTS = """\
import keras
import tensorflow as tf


class Linear(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), initializer="ones", name="kernel")

    def call(self, x):
        return tf.matmul(x, self.kernel)


class Head:
    def __init__(self, units):
        self.linear = Linear(units)

    def __call__(self, x):
        return self.linear(x)


class Base(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.stages = []
        self.slots = [None, None]

    def keep(self, layer):
        self.__dict__["kept"] = layer

    def adopt(self, layer, shape):
        layer.build(shape)
        self._trainable_weights.extend(layer.trainable_weights)
        return layer

    def call(self, x):
        for stage in self.stages:
            for layer in stage:
                x = layer(x)
        for slot in self.slots:
            x = slot(x)
        return x


def make_head(units):
    return Head(units)


def make_scale():
    return tf.Variable(1.0)


shared = Linear(3)
"""


def checker_of(folder: Path, files: Mapping[str, str], keras: str = "3") -> Checker:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Checker(Project(str(folder)), Settings(keras=keras))  # type: ignore[arg-type]


def findings(folder: Path, files: Mapping[str, str], keras: str = "3") -> list[Finding]:
    """The findings of `main.py` in a project of these files."""
    found = checker_of(folder, files, keras).check(str(folder / "main.py"))
    return [finding for finding in found if finding.code.startswith("KS1")]


def at(found: list[Finding]) -> list[tuple[str, int]]:
    return [(finding.code, finding.range.start.line + 1) for finding in found]


@pytest.mark.parametrize("keras", ["2", "3"])
@pytest.mark.parametrize(
    ("files", "imports", "parameter", "head"),
    [
        ({"parts.py": PARTS}, "from parts import Head", "", "Head(units)"),
        ({"parts.py": PARTS}, "import parts", "", "parts.Head(units)"),
        ({"parts.py": PARTS}, "from parts import *", "", "Head(units)"),
        ({"parts.py": PARTS}, "from parts import make_head", "", "make_head(units)"),
        (
            {"blocks/__init__.py": "from .parts import Head as Top\n", "blocks/parts.py": PARTS},
            "from blocks import Top",
            "",
            "Top(units)",
        ),
        (
            {"parts.py": PARTS},
            "from types import SimpleNamespace\nfrom parts import Linear",
            ", *, inner: Linear",
            "SimpleNamespace(linear=inner)",
        ),
    ],
    ids=["class", "module", "star", "factory", "package", "annotation"],
)
def test_a_helper_object_from_elsewhere(
    tmp_path: Path, keras: str, files: Mapping[str, str], imports: str, parameter: str, head: str
) -> None:
    main = f"""\
import keras
{imports}


class Outer(keras.layers.Layer):
    def __init__(self, units=3{parameter}):
        super().__init__()
        self.head = {head}

    def call(self, x):
        return self.head.linear(x)
"""
    found = findings(tmp_path, {**files, "main.py": main}, keras)
    assert at(found) == [("KS101", main[: main.index("self.head =")].count("\n") + 1)]
    assert "`self.head.linear` (Linear)" in found[0].message
    assert "Linear.kernel" in found[0].message


def test_a_helper_from_elsewhere_shows_where_its_layer_and_weight_are_made(tmp_path: Path) -> None:
    main = """\
import keras
from parts import Head


class Outer(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.head = Head(3)

    def call(self, x):
        return self.head(x)
"""
    (found,) = findings(tmp_path, {"parts.py": PARTS, "main.py": main})
    places = {(Path(place.path).name, place.range.start.line + 1) for place in found.related}
    assert ("parts.py", PARTS[: PARTS.index("= Linear(units)")].count("\n") + 1) in places
    assert ("parts.py", PARTS[: PARTS.index("self.add_weight")].count("\n") + 1) in places


def test_containers_of_a_base_in_another_file(tmp_path: Path) -> None:
    main = """\
from parts import Base, Linear


class Outer(Base):
    def __init__(self):
        super().__init__()
        self.slots[0] = Linear(3)
        self.stages.append([])
        self.stages[-1].append(Linear(3))
"""
    assert at(findings(tmp_path, {"parts.py": PARTS, "main.py": main})) == [("KS106", 7), ("KS107", 9)]
    assert at(findings(tmp_path, {"parts.py": PARTS, "main.py": main}, "2")) == []


def test_a_variable_from_a_factory_in_another_file(tmp_path: Path) -> None:
    main = """\
import keras
from parts import make_scale


class Outer(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.scale = make_scale()

    def call(self, x):
        return x * self.scale
"""
    assert at(findings(tmp_path, {"parts.py": PARTS, "main.py": main})) == [("KS102", 8)]


@pytest.mark.parametrize("keras", ["2", "3"])
def test_a_global_layer_of_another_file(tmp_path: Path, keras: str) -> None:
    main = """\
import keras
import parts
from parts import shared


class Outer(keras.layers.Layer):
    def call(self, x):
        return shared(x)


class Other(keras.layers.Layer):
    def call(self, x):
        return parts.shared(x)


class Tidy(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.shared = shared

    def call(self, x):
        return shared(x)
"""
    found = findings(tmp_path, {"parts.py": PARTS, "main.py": main}, keras)
    assert at(found) == [("KS108", 8), ("KS108", 13)]


def test_what_a_method_of_a_base_does_is_said_where_it_is_called(tmp_path: Path) -> None:
    main = """\
from parts import Base, Linear


class Outer(Base):
    def __init__(self):
        super().__init__()
        self.inner = Linear(3)

    def build(self, shape):
        self.adopt(self.inner, shape)

    def call(self, x):
        return self.inner(x)
"""
    assert at(findings(tmp_path, {"parts.py": PARTS, "main.py": main})) == [("KS112", 10)]


def test_a_repeated_layer_of_another_file(tmp_path: Path) -> None:
    main = """\
import keras
from parts import Linear


class Outer(keras.layers.Layer):
    def __init__(self, depth):
        super().__init__()
        self.stages = [Linear(3)] * depth

    def call(self, x):
        for stage in self.stages:
            x = stage(x)
        return x
"""
    assert at(findings(tmp_path, {"parts.py": PARTS, "main.py": main})) == [("KS115", 8)]


def test_one_fix_changes_one_file(tmp_path: Path) -> None:
    main = """\
import keras
from parts import shared


class Outer(keras.layers.Layer):
    def call(self, x):
        return shared(x)
"""
    checker = checker_of(tmp_path, {"parts.py": PARTS, "main.py": main})
    (found,) = checker.check(str(tmp_path / "main.py"))
    document = checker.project.document(str(tmp_path / "main.py"))
    assert document is not None and found.make_fix is not None
    fix = found.make_fix(document)
    assert fix is not None and not fix.safe
    assert "self.shared = shared" in document.edited(fix.edits).text
