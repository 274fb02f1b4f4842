"""Documents: what a text is cut into, and what stays the same when it is edited."""

from __future__ import annotations

import ast
import copy
import re
import sysconfig
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerascope.source.document import Document, Site
from kerascope.source.position import Edit, Position, Range
from kerascope.source.statement import Statement

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")


def document(text: str) -> Document:
    return Document.from_text("example.py", text)


def outline(statements: tuple[Statement, ...]) -> list[object]:
    """Kind, name and, for a class, its outline."""
    return [(s.kind, s.name, outline(s.body)) if s.kind == "class" else (s.kind, s.name) for s in statements]


def trees(statement: Statement) -> list[str]:
    return [ast.dump(node, include_attributes=True) for node in statement.nodes]


def facts(doc: Document) -> list[object]:
    """All that analysis can see of a document's statements."""
    return [
        (s.text, s.kind, s.name, s.header, s.lead, s.broken, doc.line_of(s), *trees(s)) for s in doc.walk()
    ]


def whole_tree(doc: Document) -> ast.Module:
    """The trees of all statements put together again, with positions in the file."""

    def put_together(statements: tuple[Statement, ...]) -> list[ast.stmt]:
        result: list[ast.stmt] = []
        for statement in statements:
            assert not statement.broken, statement.text
            line = doc.line_of(statement)
            assert line is not None
            for node in copy.deepcopy(statement.nodes):
                ast.increment_lineno(node, line)
                if statement.kind == "class":
                    assert isinstance(node, ast.ClassDef)
                    node.body = put_together(statement.body)
                result.append(node)
        return result

    return ast.Module(put_together(doc.statements), [])


def exactly(tree: ast.Module) -> str:
    """A tree with all positions; where a class ends is left out, since it ends with its header here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            node.end_lineno = node.end_col_offset = 0
    return ast.dump(tree, include_attributes=True)


def edit(doc: Document, old: str, new: str) -> Document:
    """The document after the first `old` in it became `new`."""
    start = doc.text.index(old)
    return doc.edited([Edit(Range(doc.position_of(start), doc.position_of(start + len(old))), new)])


def site_of(doc: Document, text: str) -> Site:
    """The first expression or statement of a document whose source is `text`."""
    for statement in doc.walk():
        for top in statement.nodes:
            for node in ast.walk(top):
                site = Site(doc.path, statement, node)
                extent = doc.extent_of(site) if hasattr(node, "lineno") else None
                if extent is not None and doc.text_of(extent) == text:
                    return site
    raise AssertionError(f"no node {text!r}")


LAYER = '''\
"""Docstring."""
# a comment
import keras

class Block(keras.layers.Layer):  # header
    """Two
layers."""

    scale: int = 2; bias = True

    # above the constructor
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(4)

    @property
    def width(self):
        return 4

    class Inner:
        x = 1

    async def later(self): ...

if True:
    y = 1
else:
    y = 2

@decorated(
    1
)
# between
def function():
    pass
'''


def test_a_class_is_cut_into_the_statements_of_its_body() -> None:
    assert outline(document(LAYER).statements) == [
        ("other", None),
        ("import", None),
        (
            "class",
            "Block",
            [
                ("other", None),
                ("other", None),
                ("function", "__init__"),
                ("function", "width"),
                ("class", "Inner", [("other", None)]),
                ("function", "later"),
            ],
        ),
        ("other", None),
        ("function", "function"),
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("indent", ["    ", "\t", " ", "\f  "])
def test_line_ends_and_indentation_of_every_kind_are_understood(newline: str, indent: str) -> None:
    text = re.sub(r"^( {4})+", lambda m: indent * (len(m[0]) // 4), LAYER, flags=re.MULTILINE)
    if "\f" in indent:
        text = re.sub(r"(\f  )+", lambda m: "\f" + "  " * (len(m[0]) // 3), text)
    doc = document(text.replace("\n", newline))
    assert outline(doc.statements) == outline(document(LAYER).statements)
    assert exactly(whole_tree(doc)) == exactly(ast.parse(doc.text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "# only a comment",
        "x = 1",
        "class A: pass",
        "class A: x = 'é'; y = (1,\n 2); z = é # c\nw = 1",
        "class A(B,\n  metaclass=lambda x: {1: 2}[x]\n): # c\n\n  # d\n  pass # e\n",
        "class A:\n  class B:\n    class C: 'doc'\n    x = 1\n  y = 2\nz = 3",
        "class A: \\\n  pass\n",
        "class \\\n A:\n  pass\n",
        "class A \\\n :\n  pass\n",
        "x = [\n1,\n]\ny = {\n'a': '''\nclass A:\n'''}\n",
        "if a:\n b\n# c\n\nelif d: e\nelse:\n f\ntry:\n g\nexcept E: h\nexcept F:\n i\nelse: j\nfinally: k\n",
        "class A:\n  if a:\n    def f(self): pass\n  else:\n    f = None\n  for i in x: pass\n  else: y\n",
        "for x in y:\n pass\nelse:\n pass\nwhile a: b\nelse: c\n",
        "async def f():\n async for x in y: z\n else: w\n",
        "@a\n\n@b(\n)\n# c\nclass A:\n @c\n\n # d\n @e\n async def f(): pass\n",
        "x = 1 + \\\n  2\nif x: y; z\n",
        "x = r'\\'' ; y = b\"\\\"\" # '\nz = '''\\'''# '''\n",
        "f'{x!r:{y}}' f\"{'a'}\" u''; rb'x' Rb\"y\"\nx = ''\ny = ''''''\nz = ''  '' \"\"\n",
        "with a as b, \\\n  c as d:\n  pass\nmatch x:\n  case 1:\n    pass\n  case _: pass\n",
        "class A:\n\tx = 1\n        # eight\n\tdef f(self):\n\t\tpass\n",
        "class A:\n  '''doc\n  '''\n  x = 1\n# column 0\n  y = 2\n    # deeper\n",
        "\ufeffx = 1\ny = 2",
        "\ufeff# comment\nclass A: pass\n",
        "\f\nclass A:\n\f  x = 1\n\f\n  y = 2\n\f\nz = 3\n",
        "x = 1\n\f\fy = 2\n",
        "type = 1\nmatch = 2\nprint = match\nasyncx = 1\nfrom_ = 2\n",
        "if 1:\n  class A:\n    x = 1\n",
        "é = 'ü'; ö = é\nclass É(é): ä = 1\n",
        "x = 1;\nclass A: a;\n",
        "from a import (\n  b,\n  c\n)\nimport d; import e\n",
    ],
)
def test_the_pieces_together_are_the_tree_of_the_file(text: str) -> None:
    doc = document(text)
    assert "".join(s.text for s in doc.statements) == text
    expected = ast.parse(text.removeprefix("\ufeff"))
    assert ast.dump(whole_tree(doc)) == ast.dump(expected)
    if not text.startswith("\ufeff"):
        assert exactly(whole_tree(doc)) == exactly(expected)


STANDARD_LIBRARY = [
    path
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("[a-p]*.py"))
    if path.stat().st_size < 60_000
]


@pytest.mark.parametrize("path", STANDARD_LIBRARY[::4], ids=lambda path: path.name)
def test_real_files_keep_their_tree(path: Path) -> None:
    text = path.read_text("utf-8")
    doc = document(text)
    assert exactly(whole_tree(doc)) == exactly(ast.parse(text))


def test_an_edit_in_one_method_leaves_every_other_statement_as_it_is() -> None:
    old = document(LAYER)
    new = edit(old, "Dense(4)", "Dense(5)")
    changed = [s for s in new.walk() if s not in set(old.walk())]
    assert [(s.kind, s.name) for s in changed] == [("class", "Block"), ("function", "__init__")]
    assert [new.line_of(s) for s in changed] == [4, 11]


def test_lines_move_with_the_text_above() -> None:
    old = document(LAYER)
    new = edit(old, "import keras\n", "import keras\n\n\n")
    last = new.statements[-1]
    assert last is old.statements[-1]
    before = old.line_of(last)
    assert before is not None and new.line_of(last) == before + 2


def test_a_statement_that_is_gone_has_no_place() -> None:
    old = document(LAYER)
    site = site_of(old, "super().__init__()")
    new = edit(old, "Dense(4)", "Dense(5)")
    assert new.range_of(site) is None
    assert new.line_of(site.statement) is None


def test_a_replaced_text_shares_what_is_equal() -> None:
    old = document("def a(): pass\n\ndef b(): pass\n\ndef c(): pass\n")
    new = old.replaced("x = 1\n\ndef b(): pass\n\ndef d(): pass\n\ndef a(): pass\n\n")
    assert [old.statements.index(s) if s in old.statements else None for s in new.statements] == [
        None,
        1,
        None,
        0,
    ]


def test_a_broken_method_keeps_its_last_good_tree_and_the_rest_is_fresh() -> None:
    doc = document(LAYER)
    for typed in ("Dense(", "Dense(4", "Dense(4,"):
        doc = edit(doc, doc.text[doc.text.index("Dense(") : doc.text.index("\n\n    @property")], typed)
        broken = [s for s in doc.walk() if s.broken]
        assert [s.name for s in broken] == ["__init__"]
        assert "Dense" in ast.dump(broken[0].nodes[0])
        assert [s.name for s in doc.statements[2].body][2:4] == ["__init__", "width"]
    doc = edit(doc, "Dense(4,", "Dense(6)")
    assert facts(doc) == facts(document(doc.text))


def test_a_class_whose_header_breaks_keeps_its_bases_and_its_members() -> None:
    doc = edit(document(LAYER), "Layer):", "Layer")
    block = doc.statements[2]
    assert (block.kind, block.name, block.broken) == ("class", "Block", True)
    (node,) = block.nodes
    assert isinstance(node, ast.ClassDef) and ast.unparse(node.bases[0]) == "keras.layers.Layer"
    assert [s.name for s in block.body if s.kind == "function"] == ["__init__", "width", "later"]
    assert not any(s.broken for s in block.body)


def test_an_unclosed_bracket_does_not_swallow_the_next_definition() -> None:
    doc = document("x = foo(1,\n\nclass A:\n  y = [1,\n  def f(self): pass\nz = (\nimport os\n")
    assert outline(doc.statements) == [
        ("other", None),
        ("class", "A", [("other", None), ("function", "f")]),
        ("other", None),
        ("import", None),
    ]


@pytest.mark.parametrize("quotes", ['"""', "'''"])
def test_an_open_string_does_not_swallow_what_follows(quotes: str) -> None:
    text = LAYER.replace("return 4", f"{quotes}doc{quotes}")
    old = document(text)
    doc = edit(old, "super()", f"{quotes}super()")
    assert "".join(s.text for s in doc.statements) == doc.text
    assert [s.name or s.kind for s in doc.walk() if s not in set(old.walk())] == ["Block", "__init__"]
    assert [s.name for s in doc.walk() if s.broken] == ["__init__"]
    doc = edit(doc, "y = 2", "y = 3")
    assert [s.name for s in doc.walk() if s.broken] == ["__init__"]
    doc = edit(doc, "__init__()", f"__init__(){quotes}")
    assert facts(doc) == facts(document(doc.text))


def test_a_class_without_body_is_broken_but_known() -> None:
    (statement,) = document("class A(Layer):\n").statements
    assert statement.broken and isinstance(statement.nodes[0], ast.ClassDef)


@pytest.mark.parametrize(
    "text",
    [
        'f"{' * 500,
        "f'{a['\n" * 50,
        "(" * 3000,
        "x = " + "[" * 150 + "]" * 150,
        "-" * 20000 + "1",
        "x" + ".a" * 50000,
        "\0",
        "x = '\ud800'",
    ],
)
def test_no_text_is_too_odd_to_read(text: str) -> None:
    doc = document("y = 1\n" + text + "\nz = 2\n")
    assert [s.nodes is not None for s in doc.walk()]
    assert doc.statements[0].text == "y = 1\n" and not doc.statements[0].broken


def test_columns_count_characters() -> None:
    doc = document("class Ä: ü = 'ß' + ö\nx = 'é' + y\n")
    assert doc.range_of(site_of(doc, "ö")) == Range(Position(0, 19), Position(0, 20))
    assert doc.range_of(site_of(doc, "y")) == Range(Position(1, 10), Position(1, 11))


def test_a_class_and_a_function_are_shown_by_their_names() -> None:
    doc = document("@f\nclass A(B,\n  C):\n  @g\n  async  def  f(self): pass\n")
    cls, method = doc.walk()
    shown = [doc.range_of(Site("", s, s.nodes[0])) for s in (cls, method)]
    assert [doc.text_of(r) for r in shown if r] == ["A", "f"]
    extents = [doc.extent_of(Site("", s, s.nodes[0])) for s in (cls, method)]
    assert [doc.text_of(r) for r in extents if r] == [
        "class A(B,\n  C):",
        "async  def  f(self): pass",
    ]


def test_a_stale_place_is_clamped_to_the_text_that_is_there() -> None:
    old = document("def f():\n    x = 1\n    return xylophone + 1\n")
    new = edit(old, "\n    x = 1\n    return xylophone + 1", " (")
    (statement,) = new.statements
    assert statement.broken
    for node in ast.walk(statement.nodes[0]):
        place = new.extent_of(Site("", statement, node))
        assert place is not None and new.position_of(new.offset_of(place.end)) == place.end


FRAGMENTS = [
    "class A:\n",
    "class B(A):\n",
    "class C: pass\n",
    "    def f(self):\n",
    "        return (1,\n",
    "            2)\n",
    "        x = [1]\n",
    "    def call(self, x): return x\n",
    "    y = 1\n",
    "def g():\n",
    "    pass\n",
    "z = 2\n",
    "if z:\n",
    "else:\n",
    "elif y:\n",
    "    else:\n",
    "    if y: pass\n",
    "@dec\n",
    "    @dec\n",
    '"""\n',
    "    '''doc'''\n",
    "'''",
    "import os\n",
    "from a import (b,\n",
    "c)\n",
    "# comment\n",
    "    # comment\n",
    "\n",
    "\r\n",
    "\r",
    "\f\n",
    "\\\n",
    "\t",
    "    ",
    " ",
    "(",
    ")",
    ":",
    '"',
    "'",
    "#",
    ";",
    "f'{x}'",
    "é",
    "\ufeff",
    "class ",
    "pass",
]
texts = st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join)


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[int, int, int, int, str]]:
    places = st.tuples(st.integers(0, 16), st.integers(0, 12), st.integers(0, 3), st.integers(0, 12))
    return [(*draw(places), draw(texts | st.text(max_size=3))) for _ in range(draw(st.integers(1, 6)))]


def apply(text: str, change: tuple[int, int, int, int, str]) -> tuple[str, Edit]:
    """A second, simple reading of what an edit means."""
    line, column, lines, end_column, inserted = change
    starts = [0, *(m.end() for m in re.finditer(r"\r\n?|\n", text))]
    ends = [*(m.start() for m in re.finditer(r"\r\n?|\n", text)), len(text)]

    def offset(line: int, column: int) -> int:
        return min(starts[line] + column, ends[line]) if line < len(starts) else len(text)

    start = Position(line, column)
    end = max(start, Position(line + lines, end_column))
    first, last = offset(start.line, start.column), offset(end.line, end.column)
    return text[:first] + inserted + text[max(first, last) :], Edit(Range(start, end), inserted)


@settings(max_examples=300, deadline=None)
@given(texts, edits(), st.booleans())
def test_after_any_edits_a_document_is_as_if_opened_afresh(
    text: str, changes: list[tuple[int, int, int, int, str]], look: bool
) -> None:
    doc = document(text)
    for change in changes:
        text, single = apply(text, change)
        doc = doc.edited([single])
        if look:
            assert all(s.nodes is not None for s in doc.walk())
    assert doc.text == text
    assert "".join(s.text for s in doc.statements) == text
    fresh = document(text)
    if '"""' not in text and "'''" not in text:
        for mine, theirs in zip(doc.walk(), fresh.walk(), strict=True):
            assert (mine.text, mine.kind, mine.name, mine.context, mine.lead, mine.broken) == (
                (theirs.text, theirs.kind, theirs.name, theirs.context, theirs.lead, theirs.broken)
            )
            assert doc.line_of(mine) == fresh.line_of(theirs)
            if not theirs.broken:
                assert trees(mine) == trees(theirs)
    try:
        expected = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    assert facts(doc) == facts(fresh)
    assert exactly(whole_tree(doc)) == exactly(expected)


@settings(max_examples=150, deadline=None)
@given(texts, texts)
def test_a_replaced_document_is_as_if_opened_afresh(before: str, after: str) -> None:
    doc = document(before).replaced(after)
    assert doc.text == after
    assert "".join(s.text for s in doc.statements) == after
    try:
        ast.parse(after)
    except SyntaxError:
        return
    assert facts(doc) == facts(document(after))


@settings(max_examples=200, deadline=None)
@given(texts, st.integers(-1, 30), st.integers(-1, 30))
def test_positions_and_offsets_agree(text: str, line: int, column: int) -> None:
    doc = document(text)
    lines = re.split(r"\r\n?|\n", text)
    offset = doc.offset_of(Position(line, column))
    assert 0 <= offset <= len(text)
    assert doc.line(line) == (lines[line] if 0 <= line < len(lines) else "")
    place = doc.position_of(offset)
    assert doc.offset_of(place) == offset
    if 0 <= line < len(lines) and 0 <= column <= len(lines[line]):
        assert place == Position(line, column)


@settings(max_examples=150, deadline=None)
@given(texts)
def test_every_node_has_a_place_inside_the_text(text: str) -> None:
    doc = document(text)
    for statement in doc.walk():
        for node in islice((n for top in statement.nodes for n in ast.walk(top)), 200):
            place = doc.range_of(Site("", statement, node))
            assert place is not None
            assert doc.position_of(doc.offset_of(place.start)) == place.start
            assert doc.position_of(doc.offset_of(place.end)) == place.end
