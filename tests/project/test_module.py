"""Modules: which names one document binds, imports not followed."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.project.trees import said

from kerascope.project.module import Module, member_nodes, member_pieces
from kerascope.source.document import Document


def module(text: str, name: str = "pkg.sub.mod", is_package: bool = False) -> Module:
    return Module(Document.from_text("mod.py", dedent(text)), name, is_package)


def means(text: str, name: str) -> list[str]:
    return [said(meaning) for meaning in module(text).own_meanings(name)]


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("import numpy as np", "np", ["numpy"]),
        ("import a.b.c", "a", ["a"]),
        ("import a.b.c as c", "c", ["a.b.c"]),
        ("import a, b as bb", "bb", ["b"]),
        ("from keras import layers", "layers", ["keras.layers"]),
        ("from keras.layers import (Dense as D,\n    LSTM)", "D", ["keras.layers.Dense"]),
        ("from .near import A", "A", ["pkg.sub.near.A"]),
        ("from . import near", "near", ["pkg.sub.near"]),
        ("from ..far import A", "A", ["pkg.far.A"]),
        ("from .. import far", "far", ["pkg.far"]),
        ("from .... import beyond", "beyond", []),
        ("from __future__ import annotations", "annotations", ["__future__.annotations"]),
        ("class A: pass", "A", ["class pkg.sub.mod.A"]),
        ("async def f(): pass", "f", ["def pkg.sub.mod.f"]),
        ("x = f()", "x", ["value pkg.sub.mod: f()"]),
        ("x: int = 3", "x", ["value pkg.sub.mod: 3"]),
        ("x: int", "x", []),
        ("a = b = f()", "b", ["value pkg.sub.mod: f()"]),
        ("a, (b, c) = 1, (2, 3)", "c", ["value pkg.sub.mod: 3"]),
        ("a = 1; b = 2", "b", ["value pkg.sub.mod: 2"]),
        ("a, *b = f()", "b", []),
        ("x = 1\nx = 2", "x", ["value pkg.sub.mod: 2"]),
        ("x = 1\nx += 2", "x", []),
        ("x = 1\ndel x", "x", []),
        ("for x in y: pass", "x", []),
        ("with f() as x: pass", "x", []),
        ("with f():\n    import x", "x", ["x"]),
        ("if (x := f()): pass", "x", []),
        ("x = None\ndef f():\n    global x\n    x = 3", "x", []),
        ("x = 1\nclass A:\n    def f(self):\n        global x\n        x = 3", "x", []),
        ("x = 1\ndef f():\n    '''\n    global x\n    '''", "x", ["value pkg.sub.mod: 1"]),
    ],
)
def test_every_way_to_bind_a_name(text: str, name: str, expected: list[str]) -> None:
    assert means(text, name) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("try:\n    from a import X\nexcept ImportError:\n    from b import X", ["a.X", "b.X"]),
        (
            "X = 1\ntry:\n    from a import X\nexcept ImportError:\n    from b import X\nfinally:\n    y = 1",
            ["a.X", "b.X"],
        ),
        ("X = 1\ntry:\n    from a import X\nexcept ImportError:\n    pass", ["value pkg.sub.mod: 1", "a.X"]),
        ("X = 1\ntry:\n    from a import X\nexcept ImportError:\n    raise", ["a.X"]),
        ("try:\n    import a\nexcept ImportError:\n    y = 1\nelse:\n    from a import X", ["a.X"]),
        ("if TYPE_CHECKING:\n    from a import X", ["a.X"]),
        ("if c:\n    class X: pass\nelse:\n    X = 2", ["class pkg.sub.mod.X", "value pkg.sub.mod: 2"]),
        (
            "if c:\n    from a import X\nelif d:\n    from b import X\nelse:\n    X = 1",
            ["a.X", "b.X", "value pkg.sub.mod: 1"],
        ),
        ("if c:\n    X = 1\n    X = 2", ["value pkg.sub.mod: 2"]),
        ("X = 0\nif c:\n    X = 1", ["value pkg.sub.mod: 0", "value pkg.sub.mod: 1"]),
        ("X = 0\nfor i in y:\n    X = 1", ["value pkg.sub.mod: 0", "value pkg.sub.mod: 1"]),
        ("X = 0\nwhile y:\n    from a import X", ["value pkg.sub.mod: 0", "a.X"]),
        ("if False:\n    from a import X\nelse:\n    from b import X", ["b.X"]),
        (
            "match c:\n    case 1:\n        from a import X\n    case _:\n        from b import X",
            ["a.X", "b.X"],
        ),
        ("if c:\n    from a import X\nfrom b import X", ["b.X"]),
    ],
)
def test_conditional_bindings_keep_every_alternative_in_order(text: str, expected: list[str]) -> None:
    assert means(text, "X") == expected


def test_relative_imports_of_a_package_start_at_the_package_itself() -> None:
    package = module("from .near import A\nfrom .. import far", "pkg.sub", is_package=True)
    assert [said(meaning) for meaning in package.own_meanings("A")] == ["pkg.sub.near.A"]
    assert [said(meaning) for meaning in package.own_meanings("far")] == ["pkg.far"]


def test_names_lists_what_is_bound_at_module_level_only() -> None:
    text = """
        import a.b
        from c import *
        class D:
            e = 1
        def f():
            g = 2
        if h:
            i = 3
    """
    assert set(module(text).names()) == {"a", "D", "f", "i"}


def test_a_statement_that_does_not_parse_hides_nothing_else() -> None:
    assert means("import numpy as np\nx = (((\nfrom keras import layers\n", "np") == ["numpy"]
    assert means("import numpy as np\nx = (((\nfrom keras import layers\n", "layers") == ["keras.layers"]


def test_an_edit_in_a_method_leaves_the_namespace_as_it_is() -> None:
    text = "import a\nclass B:\n    def f(self):\n        return 1\n\n    x = 1\n"
    document = Document.from_text("mod.py", text)
    before = Module(document, "mod")
    assert before.names()
    same = Module(document.replaced(text.replace("return 1", "return 2")), "mod", previous=before)
    assert same.namespace is before.namespace
    other = Module(document.replaced(text.replace("class B", "class B(C)")), "mod", previous=same)
    assert other.namespace is not before.namespace


def test_thousands_of_branches() -> None:
    text = "if a == 0:\n    X = 0\n" + "".join(f"elif a == {i}:\n    X = {i}\n" for i in range(1, 900))
    assert len(means(text, "X")) == 900
    indented = "".join(f"    {line}\n" for line in text.splitlines())
    (statement,) = Document.from_text("mod.py", "class A:\n" + indented).statements
    assert list(member_pieces(statement)) == ["X"]
    assert len(member_nodes(statement.body[0].nodes, "X")) == 900


@settings(deadline=None)
@given(
    st.text(alphabet="ab=:,;()*.\n \t\"'#importfromclasdefg", max_size=120), st.sampled_from(["a", "b", "c"])
)
def test_any_text_has_names(text: str, name: str) -> None:
    mod = Module(Document.from_text("mod.py", text), "mod")
    for known in (name, *mod.names()):
        for meaning in mod.own_meanings(known):
            said(meaning)
