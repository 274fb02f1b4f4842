"""The comment above a class that says how to build it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.project.trees import Tree

from kerascope.check import Checker
from kerascope.probe.comment import (
    BuildComment,
    CommentProblem,
    blank_comment,
    comment_above,
    insert_comment,
    parse_directive,
)
from kerascope.probe.request import Inputs, Items, TensorSpec, Value
from kerascope.project.catalogue import catalogue
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document
from kerascope.source.position import Position, Range
from kerascope.tracking.classes import ClassIndex

FIVE = Inputs((TensorSpec((None, 5)),), {})
IMPORTS = "import keras\n\n"
CLASS = "class Foo(keras.layers.Layer):\n    def call(self, x):\n        return x\n"


def said(tmp_path: Path, text: str) -> BuildComment | CommentProblem | None:
    tree = Tree(tmp_path, {"m.py": ""})
    tree.open("m.py", text)
    document = tree.project.document(tree.path("m.py"))
    assert document is not None
    return comment_above(document, tree.definition("m.py", "Foo"))


@pytest.mark.parametrize(
    ("comment", "init", "inputs"),
    [
        ("# kerascope: build(units=3) on (None, 5)", "units=3", FIVE),
        ("#kerascope:build( units=3 )on(None, 5)", "units=3", FIVE),
        ("# kerascope: build(units=3)", "units=3", None),
        ("# kerascope: build()", "", None),
        ("# kerascope: on (None, 5)", None, FIVE),
        ("# kerascope: build on (None, 5)", None, FIVE),
        ("# kerascope: on (None, 5), training=True", None,
         Inputs(FIVE.positional, {"training": Value(True)})),
        ("# Doc.\n# kerascope: build(3) on (None, 5)\n# More.", "3", FIVE),
        ("# kerascope: build(3)\n# kerascope: on (None, 5)", "3", FIVE),
        ('# kerascope: build(name=")(", units=3) on (None, 5)', 'name=")(", units=3', FIVE),
        ("# kerascope: build(\n#     units=3,\n#     sizes=[1, 2],\n# ) on (None, 5)",
         "units=3, sizes=[1, 2],", FIVE),
        ("# kerascope: build(3) on [\n# (None, 5), (2,)]", "3",
         Inputs((Items("list", (TensorSpec((None, 5)), TensorSpec((2,)))),), {})),
        ("# kerascope: build(3) on (None, 5)\n@keras.saving.register_keras_serializable()\n@other",
         "3", FIVE),
        ("@keras.saving.register_keras_serializable()\n# kerascope: build(3) on (None, 5)", "3", FIVE),
    ],
)  # fmt: skip
def test_comments(tmp_path: Path, comment: str, init: str | None, inputs: Inputs | None) -> None:
    found = said(tmp_path, f"{IMPORTS}{comment}\n{CLASS}")
    assert isinstance(found, BuildComment)
    assert (found.init, found.inputs) == (init, inputs)


def test_where_it_stands(tmp_path: Path) -> None:
    found = said(tmp_path, f"{IMPORTS}# a kerascope: no\n# kerascope: build(\n#   3)\n{CLASS}")
    assert isinstance(found, BuildComment)
    assert found.range == Range(Position(3, 0), Position(4, 6))


def test_behind_the_class_line(tmp_path: Path) -> None:
    found = said(tmp_path, IMPORTS + CLASS.replace(":\n", ":  # kerascope: build(3)\n", 1))
    assert isinstance(found, BuildComment)
    assert found.init == "3"


@pytest.mark.parametrize(
    "text",
    [
        f"{IMPORTS}{CLASS}",
        f"{IMPORTS}# kerascope: ignore[KS101]\n{CLASS}",
        f"{IMPORTS}# kerascope: build(3)\n\n{CLASS}",
        f"{IMPORTS}# kerascope: build(3)\nx = 1\n{CLASS}",
        f"{IMPORTS}# kerascope: building(3)\n{CLASS}",
        f"{IMPORTS}'''\n# kerascope: build(3)\n'''\n{CLASS}",
    ],
)
def test_no_comment(tmp_path: Path, text: str) -> None:
    assert said(tmp_path, text) is None


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("# kerascope: build(units=3) on None, 5",
         "This build comment can't be read: None, 5 is not a shape: write (None, 5)."),
        ("# kerascope: build(units=",
         "This build comment can't be read: the bracket of build( is not closed."),
        ("# kerascope: build(units=…) on (None, …)",
         "This build comment can't be read: write values in place of the dots."),
        ("# kerascope: build(3) on",
         "This build comment can't be read: write the inputs behind `on`, like on (None, 5)."),
        ("# kerascope: build(3) (None, 5)",
         "This build comment can't be read: write `on` and the inputs, like on (None, 5), "
         "where it says (None,."),
        ("# kerascope: build",
         "This build comment can't be read: write the arguments, like build(units=3), or build() for none."),
        ("# kerascope: build(a b)",
         "This build comment can't be read: a b can't be read as the arguments of a call: invalid syntax. "
         "Perhaps you forgot a comma?."),
        ("# kerascope: build(1)\n# kerascope: build(2)",
         "Two build comments say how to build this class: keep one."),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, comment: str, message: str) -> None:
    found = said(tmp_path, f"{IMPORTS}{comment}\n{CLASS}")
    assert isinstance(found, CommentProblem)
    assert found.message.replace("?.", "?") == message.replace("?.", "?")
    assert found.range.start.line >= 2


@given(st.text("build on(None, 5)units=3…[]{}'\"#\n:*"))
def test_any_text_is_understood_or_a_mistake(text: str) -> None:
    try:
        parse_directive("build" + text)
    except ValueError as error:
        assert str(error)


def test_a_build_comment_is_no_suppression(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    path.write_text(f"{IMPORTS}# kerascope: build(units=3) on (None, 5)\n{CLASS}")
    checker = Checker(Project(str(tmp_path)), Settings())
    assert checker.check(str(path)) == ()


def test_the_comment_to_complete(tmp_path: Path) -> None:
    tree = Tree(
        tmp_path,
        {
            "m.py": """\
            import keras

            class Foo(keras.layers.Layer):
                def __init__(self, units, rate=0.1, *, kind, other=3, **kwargs):
                    super().__init__(**kwargs)

                def call(self, x, training=False):
                    return x

            class Two(Foo):
                def call(self, query, value):
                    return query

            class None_(keras.layers.Layer):
                pass
            """
        },
    )
    classes = ClassIndex(tree.project, catalogue(3))

    def blank(name: str) -> str:
        return blank_comment(classes, tree.definition("m.py", name))

    assert blank("Foo") == "# kerascope: build(units=…, kind=…) on (None, …)"
    assert blank("Two") == "# kerascope: build(units=…, kind=…) on query=(None, …), value=(None, …)"
    assert blank("None_") == "# kerascope: build() on (None, …)"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("class Foo:\n    pass\n", "# new\nclass Foo:\n    pass\n"),
        (
            "import a\n@a\n@a.b(\n)\nclass Foo:\n    pass\n",
            "import a\n# new\n@a\n@a.b(\n)\nclass Foo:\n    pass\n",
        ),
        ("if 1:\r\n\tclass Foo:\r\n\t\tpass\r\n", "if 1:\r\n\t# new\r\n\tclass Foo:\r\n\t\tpass\r\n"),
        ("# kerascope: build(\n# 3)\nclass Foo:\n    pass\n", "# new\nclass Foo:\n    pass\n"),
    ],
)
def test_inserting_it(tmp_path: Path, before: str, after: str) -> None:
    tree = Tree(tmp_path, {})
    path = tree.path("m.py")
    tree.project.open(Document.from_text(path, before))
    document = tree.project.document(path)
    assert document is not None
    edit = insert_comment(document, tree.definition("m.py", "Foo"), "# new")
    assert edit is not None
    assert document.edited([edit]).text == after
