"""Memoisation: `unchanged` tells exactly whether something that was consulted has changed."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.project.trees import Tree, said

from kerascope.project.meaning import ClassDefinition, FunctionDefinition, Library, Meaning
from kerascope.project.project import Project
from kerascope.source.document import Document

BASE = """
    import keras

    x = 1

    class Base(keras.layers.Layer):
        units = 1

        def build(self, shape):
            return 1

        def call(self, x):
            return x

    def helper():
        return 1
"""
MOD = """
    from base import Base, helper
    from base import *
    from elsewhere import Missing

    class A(Base):
        def f(self):
            return 1
"""


def edited(text: str, old: str, new: str) -> str:
    text = dedent(text)
    assert old in text
    return text.replace(old, new)


Look = Callable[[Tree], object]


def name(dotted: str) -> Look:
    return lambda tree: tree.means("mod.py", dotted)


def member(of: str, attribute: str) -> Look:
    return lambda tree: tree.project.member_of(tree.definition("mod.py", of), attribute)


def members(of: str) -> Look:
    return lambda tree: list(tree.project.members(tree.definition("mod.py", of)))


@pytest.mark.parametrize(
    ("look", "old", "new", "same"),
    [
        (name("Base"), "return x", "return x + 1", True),
        (name("Base"), "class Base", "\n\n# moved\nclass Base", True),
        (name("Base"), "keras.layers.Layer", "keras.Model", False),
        (name("Base"), "class Base", "class Other", False),
        (name("Base"), "return 1\n\n    def call", "return (\n\n    def call", True),
        (name("helper"), "return x", "return x + 1", True),
        (name("helper"), "def helper():\n    return 1", "def helper():\n    return 2", False),
        (name("x"), "x = 1", "x = 2", False),
        (name("x"), "units = 1", "units = 2", True),
        (name("starred"), "x = 1", "starred = 1", False),
        (name("starred"), "x = 1", "other = 1", True),
        (name("Base.Inner"), "units = 1", "class Inner: pass", False),
        (name("Base.Inner"), "units = 1", "units = 2", True),
        (member("Base", "build"), "return x", "return x + 1", True),
        (member("Base", "build"), "shape", "input_shape", False),
        (member("Base", "build"), "def build", "def built", False),
        (member("Base", "missing"), "return x", "return x + 1", True),
        (member("Base", "missing"), "units = 1", "missing = 1", False),
        (members("Base"), "return x", "return x + 1", True),
        (members("Base"), "units = 1", "missing = 1", False),
    ],
)
def test_edits_of_what_was_consulted_and_of_the_rest(
    tmp_path: Path, look: Look, old: str, new: str, same: bool
) -> None:
    tree = Tree(tmp_path, {"mod.py": MOD, "base.py": BASE})
    with tree.project.recording() as reads:
        look(tree)
    assert tree.project.unchanged(reads)
    tree.open("base.py", edited(BASE, old, new))
    assert tree.project.unchanged(reads) is same


def test_a_module_that_appears_changes_what_missed_it(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"mod.py": MOD, "base.py": BASE})
    with tree.project.recording() as reads:
        tree.means("mod.py", "Missing")
    tree.write("unrelated.py", "")
    tree.project.changed_on_disk(tree.path("unrelated.py"))
    assert tree.project.unchanged(reads)
    tree.write("elsewhere.py", "class Missing: pass")
    tree.project.changed_on_disk(tree.path("elsewhere.py"))
    assert not tree.project.unchanged(reads)


def test_recordings_nest_and_reads_can_be_noted(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"mod.py": MOD, "base.py": BASE})
    with tree.project.recording() as outer, tree.project.recording() as inner:
        tree.means("mod.py", "x")
    with tree.project.recording() as later:
        tree.project.note(inner)
    tree.open("base.py", edited(BASE, "x = 1", "x = 2"))
    for reads in (outer, inner, later):
        assert not tree.project.unchanged(reads)


def test_definitions_stay_equal_over_edits_elsewhere(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"mod.py": MOD, "base.py": BASE})
    before = {tree.definition("mod.py", "Base")}
    tree.open("base.py", edited(BASE, "x = 1", "y = 1\nx = 2"))
    assert tree.definition("mod.py", "Base") in before
    tree.open("base.py", edited(BASE, "return x", "return x + 1"))
    assert tree.definition("mod.py", "Base") not in before


def test_an_older_definition_stands_for_the_present_one(tmp_path: Path) -> None:
    tree = Tree(tmp_path, {"mod.py": MOD, "base.py": BASE})
    old = tree.definition("mod.py", "Base")
    tree.open("base.py", edited(BASE, "return x", "return x + 1"))
    ((_, node),) = tree.project.member_of(old, "call")
    assert ast.unparse(node).endswith("return x + 1")
    assert [said(m) for m in tree.project.resolve(old.module, "keras.Model")] == ["keras.Model (keras)"]


def test_members_of_a_class_inside_a_function(tmp_path: Path) -> None:
    text = "def make():\n    class Local:\n        w = 1\n    return Local\n"
    tree = Tree(tmp_path, {"mod.py": text})
    (make,) = tree.meanings("mod.py", "make")
    assert isinstance(make, FunctionDefinition)
    node = make.node.body[0]
    assert isinstance(node, ast.ClassDef)
    local = ClassDefinition(make.module, make.statement, node)
    with tree.project.recording() as reads:
        assert [ast.unparse(node) for _, node in tree.project.member_of(local, "w")] == ["w = 1"]
    tree.open("mod.py", "import x\n" + text)
    assert tree.project.unchanged(reads)
    tree.open("mod.py", text.replace("w = 1", "w = 2"))
    assert not tree.project.unchanged(reads)


def test_which_files_depend_on_which(tmp_path: Path) -> None:
    files = {
        "mod.py": "from pkg import A\nfrom elsewhere import B",
        "pkg/__init__.py": "from .a import A",
        "pkg/a.py": "class A: pass",
        "other.py": "import keras",
    }
    tree = Tree(tmp_path, files)
    for dotted in ("A", "B"):
        tree.means("mod.py", dotted)
    tree.means("other.py", "keras.Model")
    depends = tree.project.depends
    assert depends(tree.path("mod.py"), tree.path("pkg/a.py"))
    assert depends(tree.path("mod.py"), tree.path("pkg/__init__.py"))
    assert depends(tree.path("mod.py"), tree.path("elsewhere.py"))
    assert not depends(tree.path("mod.py"), tree.path("other.py"))
    assert not depends(tree.path("other.py"), tree.path("pkg/a.py"))


# --- any sequence of edits ---

FILES = ("a.py", "b.py", "pkg/__init__.py", "pkg/c.py")
NAMES = ("X", "Y", "a", "pkg", "pkg.c.X", "c.Y", "a.X.Y")
LINES = st.sampled_from(
    [
        "import a",
        "import pkg.c",
        "from a import *",
        "from b import *",
        "from a import X",
        "from b import X as Y",
        "from pkg import X, Y",
        "from pkg import c",
        "from .c import Y",
        "from . import c",
        "from pkg.c import *",
        "import keras.layers as X",
        "X = Y",
        "Y = X",
        "X = 1",
        "__all__ = ['X']",
        "class X:\n    def f(self): pass",
        "class X:\n    def f(self): return 1\n    class Y: pass",
        "class Y(X): pass",
        "def Y():\n    global X",
        "try:\n    from a import X\nexcept ImportError:\n    from b import X",
        "if Y:\n    X = a.Y\nelse:\n    Y = 2",
        "broken = (",
    ]
)
TEXTS = st.lists(LINES, max_size=4).map(lambda lines: "".join(line + "\n" for line in lines))
STEPS = st.lists(
    st.tuples(st.sampled_from(FILES), st.sampled_from(["edit", "close", "write", "delete"]), TEXTS),
    max_size=8,
)


def mended(text: str) -> str:
    return text.replace("broken = (\n", "")


def everything(project: Project, tree: Tree) -> dict[tuple[str, str], set[object]]:
    found: dict[tuple[str, str], set[object]] = {}
    for file in FILES:
        module = project.module(tree.path(file))
        for dotted in NAMES:
            if module is not None:
                meanings = project.resolve(module, dotted)
                found[file, dotted] = {
                    meaning if isinstance(meaning, Library) else place(meaning) for meaning in meanings
                }
    return found


def place(meaning: Meaning) -> tuple[str, str]:
    """A definition, by its path and source."""
    assert not isinstance(meaning, Library)
    node = getattr(meaning, "node", None) or getattr(meaning, "value", None)
    return meaning.module.path, ast.dump(node) if node else ""


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries(dict.fromkeys(FILES, TEXTS)), STEPS)
def test_after_any_edits_names_mean_what_they_mean_to_a_fresh_project(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, str], steps: list[tuple[str, str, str]]
) -> None:
    tree = Tree(tmp_path_factory.mktemp("tree"), {file: mended(text) for file, text in files.items()})
    project = tree.project
    texts: dict[str, str] = {}
    for file, action, text in steps:
        path = tree.path(file)
        before = everything(project, tree)
        recorded = []
        for (where, dotted), meanings in before.items():
            module = project.module(tree.path(where))
            assert module is not None
            with project.recording() as reads:
                project.resolve(module, dotted)
            recorded.append((where, dotted, meanings, reads))
        if action == "edit":
            document = project.document(path)
            project.open(document.replaced(text) if document else Document.from_text(path, text))
            texts[path] = text
        elif action == "close":
            project.close(path)
            texts.pop(path, None)
        elif action == "write":
            tree.write(file, mended(text))
            project.changed_on_disk(path)
        else:
            if Path(path).exists():
                os.remove(path)  # noqa: PTH107
            project.changed_on_disk(path)
        after = everything(project, tree)
        for where, dotted, meanings, reads in recorded:
            if after.get((where, dotted), set()) != meanings:
                assert not project.unchanged(reads), (where, dotted)
    fresh = Project(str(tree.folder))
    for path, text in texts.items():
        # A statement that doesn't parse means what its last good version meant, unlike in a fresh project.
        text = mended(text)
        document = project.document(path)
        assert document is not None
        project.open(document.replaced(text))
        fresh.open(Document.from_text(path, text))
    assert everything(project, tree) == everything(fresh, tree)
