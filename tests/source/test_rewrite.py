"""Fixes: what the text looks like afterwards."""

# ruff: noqa: E501 - programs before and after, side by side

from __future__ import annotations

import ast
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerascope.source import rewrite
from kerascope.source.document import Document, Site
from kerascope.source.rewrite import Edits


def document(text: str) -> Document:
    return Document.from_text("example.py", text)


def find(doc: Document, source: str) -> Site:
    """The first node whose text is `source` or begins with it (`source;`: statements only), or its name."""
    kind = ast.stmt if source.endswith(";") else ast.AST
    source = source.removesuffix(";")
    begins = None
    for statement in doc.walk():
        for top in statement.nodes:
            for node in ast.walk(top):
                site = Site(doc.path, statement, node)
                if getattr(node, "name", None) == source:
                    return site
                if not hasattr(node, "lineno") or hasattr(node, "body") or not isinstance(node, kind):
                    continue
                extent = doc.extent_of(site)
                text = doc.text_of(extent) if extent else ""
                if text == source:
                    return site
                if text.startswith(source):
                    begins = begins or site
    assert begins is not None, source
    return begins


def after(doc: Document, edits: Edits | None) -> str:
    assert edits is not None
    result = doc.edited(edits)
    ast.parse(result.text)
    return result.text


def check(before: str, expected: str, change: str, at: str, *arguments: str) -> None:
    before, expected = textwrap.dedent(before), textwrap.dedent(expected)
    for newline in ("\n", "\r\n"):
        for indent in ("    ", "  ", "\t"):
            texts = [text.replace("    ", indent).replace("\n", newline) for text in (before, expected)]
            doc = document(texts[0])
            edits = getattr(rewrite, change)(doc, find(doc, at), *arguments)
            assert after(doc, edits) == texts[1]


@pytest.mark.parametrize(
    ("before", "at", "expected"),
    [
        ("a()\nb()  # about b\nc()\n", "b()", "a()\nc()\n"),
        ("def f():\n    a()\n    b()  # b\n    c()\n", "b()", "def f():\n    a()\n    c()\n"),
        ("def f():\n    a()\n", "a()", "def f():\n    pass\n"),
        ("def f():\n    a(); b(); c()  # c\n", "b()", "def f():\n    a(); c()  # c\n"),
        ("def f():\n    a(); b()  # b\n", "b()", "def f():\n    a()\n"),
        ("def f():\n    a(); b()\n", "a()", "def f():\n    b()\n"),
        ("if x: a(); b()\n", "b()", "if x: a()\n"),
        ("if x: a()\n", "a()", "if x: pass\n"),
        ("class A: x = 1\n", "x = 1", "class A: pass\n"),
        ("class A:\n    x = 1\n", "x = 1", "class A:\n    pass\n"),
        ("class A:\n    x = 1\n    y = 2\n", "y = 2", "class A:\n    x = 1\n"),
        ("class A:\n    x = 1; y = 2\n", "x = 1", "class A:\n    y = 2\n"),
        (
            "def f():\n    # heads all three\n    a()\n    b()\n",
            "a()",
            "def f():\n    # heads all three\n    b()\n",
        ),
        ("def f():\n    a()\n\n    # about b\n    b()\n\n    c()\n", "b()", "def f():\n    a()\n\n    c()\n"),
        ("def f():\n    a()\n    # about b\n    b()\n", "b()", "def f():\n    a()\n"),
        ("def f():\n    a()\n    # left\n\n    b()\n", "b()", "def f():\n    a()\n    # left\n\n"),
        ("def f():\n    x(\n        1,\n    )\n    b()\n", "x(", "def f():\n    b()\n"),
        ("class A:\n    def f(self):\n        pass\n\n    # g\n    def g(self):\n        pass\n\n\nx = 1\n", "g",
         "class A:\n    def f(self):\n        pass\n\n\n\nx = 1\n"),
        ("class A:\n    pass\n\n\nclass B:\n    pass\n", "A", "\n\nclass B:\n    pass\n"),
        ("x = 1\n@dec\ndef f():\n    pass\ny = 2\n", "f", "x = 1\ny = 2\n"),
        ("x = '''\n# no comment\n'''\ny = 2\n", "x =", "y = 2\n"),
        ("try:\n    a()\nexcept E:\n    b()\n", "b()", "try:\n    a()\nexcept E:\n    pass\n"),
    ],
)  # fmt: skip
def test_remove(before: str, at: str, expected: str) -> None:
    check(before, expected, "remove", at)


@pytest.mark.parametrize(
    ("before", "at", "code", "expected"),
    [
        ("x = a * 2\n", "a", "b", "x = b * 2\n"),
        ("x = a * 2  # c\n", "a", "b + c", "x = (b + c) * 2  # c\n"),
        ("x = f(a, 1)\n", "a", "b, c", "x = f((b, c), 1)\n"),
        ("x = f(\n    a,  # c\n)\n", "f(", "g(1)", "x = g(1)\n"),
        ("class A(B, c=1):\n    x = 1\n", "B", "keras.layers.Layer", "class A(keras.layers.Layer, c=1):\n    x = 1\n"),
        ("class A: x = é; y = b\n", "b", "c", "class A: x = é; y = c\n"),
        ("def f():\n    a()  # c\n", "a();", "if x:\n    b()", "def f():\n    if x:\n        b()\n"),
        ("def f():\n    ls = self.ls = []  # c\n    b\n", "ls =", "self.ls = []\nls = self.ls",
         "def f():\n    self.ls = []\n    ls = self.ls  # c\n    b\n"),
        ("def f():\n    a; b; c  # c\n", "b;", "x = 1", "def f():\n    a; x = 1; c  # c\n"),
        ("if x: a\n", "a;", "b", "if x: b\n"),
        ("if x: a\nif z:\n    y\n", "a;", "if y:\n    b", "if x:\n    if y:\n        b\nif z:\n    y\n"),
        ("class A:\n    x = None\n", "x = None", "x: int", "class A:\n    x: int\n"),
        ("class A:\n    x = 1\n\ny = 1\n", "A", "class B:\n    z = 1", "class B:\n    z = 1\n\ny = 1\n"),
    ],
)  # fmt: skip
def test_replace(before: str, at: str, code: str, expected: str) -> None:
    check(before, expected, "replace", at, code)


@pytest.mark.parametrize(
    ("change", "before", "at", "code", "expected"),
    [
        ("insert_before", "def f():\n    a\n\n    # about b\n    b\n", "b", "x = 1\ny = 2",
         "def f():\n    a\n\n    x = 1\n    y = 2\n    # about b\n    b\n"),
        ("insert_before", "def f(): return a\nif z:\n    y\n", "return", "x = 1",
         "def f():\n    x = 1\n    return a\nif z:\n    y\n"),
        ("insert_before", "a; b; c  # c\n", "b", "x = 1", "a\nx = 1\nb; c  # c\n"),
        ("insert_after", "a; b  # b\nc\n", "b", "x = 1", "a; b  # b\nx = 1\nc\n"),
        ("insert_after", "a; b  # b\nc\n", "a", "x = 1", "a\nx = 1\nb  # b\nc\n"),
        ("insert_after", "def f():\n    if g(a):\n        pass\n    # end\n", "g(", "if z:\n    y",
         "def f():\n    if g(a):\n        pass\n    if z:\n        y\n    # end\n"),
        ("insert_after", "class A:\n    x = 1\n\n    # about y\n    y = 2\n", "x =", "z = 3",
         "class A:\n    x = 1\n    z = 3\n\n    # about y\n    y = 2\n"),
        ("insert_before", "class A:\n    x = 1\n", "A", "import os", "import os\nclass A:\n    x = 1\n"),
        ("insert_after", "class A:\n    x = 1\n\n\ny = 1\n", "A", "z = 3", "class A:\n    x = 1\nz = 3\n\n\ny = 1\n"),
        ("append_to_body", "class A:\n    def f(self):\n        a\n\n    # g\n    def g(self): pass\n", "f", "b()",
         "class A:\n    def f(self):\n        a\n        b()\n\n    # g\n    def g(self): pass\n"),
        ("append_to_body", "def f():\n    '''doc'''\n", "f", "b()", "def f():\n    '''doc'''\n    b()\n"),
        ("append_to_body", "def f():\n    '''doc'''\n    pass\n", "f", "b()", "def f():\n    '''doc'''\n    b()\n"),
        ("append_to_body", "def f(): ...\n", "f", "b()", "def f(): b()\n"),
        ("append_to_body", "def f():\n    a\n    return a\n", "f", "b()", "def f():\n    a\n    b()\n    return a\n"),
        ("append_to_body", "class A:\n    pass  # c\n\nx = 1\n", "A", "y = 1", "class A:\n    y = 1  # c\n\nx = 1\n"),
        ("append_to_body", "class A:\n    x = 1\n# c\n", "A", "y = 1", "class A:\n    x = 1\n    y = 1\n# c\n"),
        ("append_to_body", "if x:\n    class A:\n        x = 1\n", "A", "y = 1",
         "if x:\n    class A:\n        x = 1\n        y = 1\n"),
        ("insert_method", "class A:\n    x = 1\n\n    # about call\n    @dec\n    def call(self):\n        pass\n", "A",
         "def build(self):\n    if x:\n        pass\n",
         "class A:\n    x = 1\n\n    def build(self):\n        if x:\n            pass\n\n"
         "    # about call\n    @dec\n    def call(self):\n        pass\n"),
        ("insert_method", "class A:\n    def f(self):\n        pass\n\n\ny = 1\n", "A", "def g(self):\n    pass",
         "class A:\n    def f(self):\n        pass\n\n    def g(self):\n        pass\n\n\ny = 1\n"),
        ("insert_method", "class A:\n    pass\n", "A", "def g(self):\n    pass",
         "class A:\n    def g(self):\n        pass\n"),
    ],
)  # fmt: skip
def test_insert(change: str, before: str, at: str, code: str, expected: str) -> None:
    check(before, expected, change, at, code)


def test_the_end_of_a_file_without_line_end() -> None:
    doc = document("class A:\r\n\tx = 1")
    assert (
        after(doc, rewrite.append_to_body(doc, find(doc, "A"), "y = 2")) == "class A:\r\n\tx = 1\r\n\ty = 2"
    )
    edits = rewrite.insert_method(doc, find(doc, "A"), "def f(self):\n    pass")
    assert after(doc, edits) == "class A:\r\n\tx = 1\r\n\r\n\tdef f(self):\r\n\t\tpass\r\n"


def test_no_fix_for_what_is_gone_or_broken() -> None:
    old = document("def f():\n    a()\n")
    site = find(old, "a()")
    assert rewrite.remove(document("x = 1\n"), site) is None
    broken = old.replaced("def f(:\n    a()\n")
    (statement,) = broken.statements
    stale = Site("", statement, next(n for n in ast.walk(statement.nodes[0]) if isinstance(n, ast.Expr)))
    assert rewrite.remove(broken, stale) is None
    assert rewrite.replace(broken, stale, "b()") is None
    assert rewrite.replace(broken, Site("", statement, stale.node.value), "b") is None  # type: ignore[attr-defined]
    assert rewrite.insert_before(broken, stale, "b()") is None


LINES = [
    "a = f(1)",
    "a; b",
    "a; b  # c",
    "# comment",
    "",
    "if x: y; z",
    "x = '''\n  text\n'''",
    "return",
    "with x: pass",
    "while y:",
    "def g(self):",
    "class C(B):",
    "@dec",
    "try: x\nexcept E: y",
    "é = 'ü'",
]


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Programs that parse, in odd shapes."""

    def block(indent: str, depth: int) -> str:
        text = ""
        for line in draw(st.lists(st.sampled_from(LINES), max_size=4)):
            text += indent + line.replace("\nexcept", "\n" + indent + "except") + "\n"
            if line.endswith(":"):
                text += block(indent + draw(st.sampled_from(["    ", "\t", " "])), depth + 1)
            elif line == "@dec":
                text += indent + "def h(self): pass\n"
        return text + (indent + "pass\n" if indent else "")

    text = block("", 0).replace("return\n", "0\n")
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@settings(max_examples=150, deadline=None)
@given(programs(), st.data())
def test_every_fix_leaves_a_program_that_parses(text: str, data: st.DataObject) -> None:
    try:
        ast.parse(text)
    except SyntaxError:
        return
    doc = document(text)
    sites = [
        Site("", statement, node)
        for statement in doc.walk()
        for top in statement.nodes
        for node in ast.walk(top)
        if isinstance(node, ast.stmt | ast.expr)
    ]
    if not sites:
        return
    site = data.draw(st.sampled_from(sites))
    code = data.draw(
        st.sampled_from(["new()", "x = 1\ny = 2", "if new:\n    pass", "def new(self):\n    pass"])
    )
    name = data.draw(
        st.sampled_from(
            ["remove", "replace", "insert_before", "insert_after", "append_to_body", "insert_method"]
        )
    )
    edits = getattr(rewrite, name)(doc, site, *([] if name == "remove" else [code]))
    if edits is None:
        assert name in ("replace", "append_to_body", "insert_method"), "a statement can always be rewritten"
        return
    result = doc.edited(edits)
    ast.parse(result.text)
    assert not any(statement.broken for statement in result.walk())
    if name == "remove":
        assert "new" not in result.text
    else:
        assert result.text.count("new") >= 1 or "x = 1" in result.text
