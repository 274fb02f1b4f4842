"""Syntax that the running Python doesn't know is read all the same."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path

import pytest

from kerascope.source import newer_syntax
from kerascope.source.document import Document

PLACES = ("lineno", "col_offset", "end_lineno", "end_col_offset")


def dumped(tree: ast.Module) -> str:
    """A tree with all positions, but for those inside format strings (Python 3.11 gives wrong ones)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            for inner in ast.walk(node):
                for place in PLACES:
                    if hasattr(inner, place):
                        setattr(inner, place, 0)
    return ast.dump(tree, include_attributes=True)


def lowered(text: str) -> ast.Module:
    body = newer_syntax.parse(text)
    assert body is not None
    return ast.Module(body, [])


@pytest.mark.parametrize(
    "text",
    [
        "x = a if b else (c, *d)\nx, (y, *z) = *a, b = c\nx[1:2, ::3], x[a], x[(a, b)], x[a,]\n",
        "a and b and c or d or e; a and (b and c); not a; -a ** +b; a < b <= c is not d not in e\n",
        "f(*a, b, c=d, **e); f(x for x in y); f((x for x in y)); f(\n  x for x in y\n)\n",
        "[x for x in y if a if b for z in w]; {x: y for x in z}; {x for x in y}; {**a, b: c}; {1, 2}\n",
        "lambda a, /, b=1, *c, d, e=2, **f: (yield)\nlambda *, a: 0\nlambda: 0\n",
        "@a.b\n@c()\nasync def f(a: int, /, b: str = '', *args: x, c=1, **k: y) -> z:\n  await a\n  return\n",
        "def f(): yield; yield a, b; x = yield from c\n",
        "class A(B, *c, d=e, **f): pass\nclass C: 'doc'\n",
        "x: int = 1\nx.y: int\nx += 1; x @= 2; x //= 3; x <<= 4\n",
        "del a, b; del (a, b); del (a), b.c, d[e]; global g, h; assert a, b; raise; raise a from b\n",
        "import a.b as c, d; from . import x; from ..a.b import (c as d, e); from .. import *\n",
        "if a: b\nelif c: d\nelse: e\nwhile a: break\nelse: continue\nfor x, in y: pass\nelse: z\n",
        "async def f():\n  async for x in y: z\n  async with a as b, c: d\n  [x async for x in y]\n",
        "with (a as b, c as (d, e)): pass\nwith a, b as c.d: pass\n",
        "try: a\nexcept A: b\nexcept (B, C) as d: e\nexcept: f\nelse: g\nfinally: h\n",
        "match x, y:\n  case 1 | -2 | 'a' | None: a\n  case [a, b, *_] if c: d\n  case (a, b): e\n"
        "  case {'k': v, **r}: f\n  case A.B(x, y=z) as w: g\n  case [*x]: h\n  case a.b: i\n  case _: j\n",
        "f'a{b!r:>{c}}d{{e}}' 'g' f\"\"\"h\n{i=}{j = !s:k}\"\"\" rf'\\d{l}' f'' f'\\n{m}\\x41'\n",
        "'a' \"b\" '''c\n'''; u'a' 'b'; b'a' rb'\\b'; 'é' 'ü'; x = 'é', ö\n",
        "1, 0x_f, 1_0.5e3, 2j, ..., True, None; (a := b); ((a)); ((a), (b)); (a + b) * c; (a)(b)[c].d\n",
        "x = (1,\r\n  2)\r\nif a:\r\n\tb\r\n",
    ],
)
def test_the_tree_is_the_one_that_python_gives(text: str) -> None:
    assert dumped(lowered(text)) == dumped(ast.parse(text))


@pytest.mark.parametrize("name", ["ast.py", "textwrap.py", "dataclasses.py", "contextlib.py", "enum.py"])
def test_the_trees_of_real_files_too(name: str) -> None:
    text = (Path(sysconfig.get_path("stdlib")) / name).read_text("utf-8")
    assert dumped(lowered(text)) == dumped(ast.parse(text))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("class A[T: int](B):\n    def f[U](self, x: U) -> T: ...\n", {"A", "f"}),
        ("type X[T] = list[T]\n", set()),
        ("try:\n    pass\nexcept* A:\n    pass\n", set()),
        ("try:\n    pass\nexcept A, B:\n    pass\n", set()),
        ("x = f'{a['b']}'\n", set()),
        ("x = t'{a}'\n", set()),
        ('x = f"{\n  y  # }\n}"\n\ndef f(): pass\n', {"f"}),
        ('x = g(f"{a["(#"]}")\n\ndef f(): pass\n', {"f"}),
        ('x = f"{f"{f"{1}"}"}"\n\ndef f(): pass\n', {"f"}),
        ("def f(*args: *Ts): pass\n", {"f"}),
    ],
)
def test_newer_syntax_is_no_error(text: str, names: set[str]) -> None:
    doc = Document.from_text("example.py", text)
    assert not any(statement.broken for statement in doc.walk())
    assert {statement.name for statement in doc.walk() if statement.name} == names


def test_older_syntax_that_is_wrong_stays_wrong() -> None:
    doc = Document.from_text("example.py", "def f[T](: pass\n")
    assert doc.statements[0].broken and doc.statements[0].nodes == ()
    assert newer_syntax.parse("def f[T](: pass\n") is None
