"""Where "Ignore KS101 on this line" puts its comment."""

from __future__ import annotations

import pytest

from kerascope.lsp.ignoring import ignore_edit
from kerascope.lsp.positions import Lines
from kerascope.source.document import Document

IGNORE = "  # kerascope: ignore[KS101]"


def ignored(text: str, line: int = 0, code: str = "KS101") -> str | None:
    document = Document.from_text("/a.py", text)
    edit = ignore_edit(document, Lines(text, "utf-16"), line, code)
    return None if edit is None else document.edited((edit,)).text


@pytest.mark.parametrize(
    ("before", "line", "after"),
    [
        ("x = 1\ny = 2\n", 0, f"x = 1{IGNORE}\ny = 2\n"),
        ("x = 1", 0, f"x = 1{IGNORE}"),
        ("x = 1   \r\ny\r\n", 0, f"x = 1{IGNORE}\r\ny\r\n"),
        ("x = 1  # why\n", 0, f"x = 1  # why{IGNORE}\n"),
        ("x = '# no'\n", 0, f"x = '# no'{IGNORE}\n"),
        ("x = 1  # kerascope: ignore[KS102]\n", 0, "x = 1  # kerascope: ignore[KS102, KS101]\n"),
        ("x = 1  # noqa: E501\n", 0, f"x = 1  # noqa: E501{IGNORE}\n"),
        ("x = '''a\nb\nc'''\ny\n", 0, f"x = '''a\nb\nc'''{IGNORE}\ny\n"),
        ("x = 1 + \\\n  2\n", 0, f"x = 1 + \\\n  2{IGNORE}\n"),
        ("f(\n  a,\n  b)\n", 1, f"f(\n  a,{IGNORE}\n  b)\n"),
        ("f(a, '''\n''', b,\n  c)\n", 0, f"f(a, '''\n''', b,\n  c){IGNORE}\n"),
        (
            "class A:\n    def f(self):\n        x = 1\n",
            2,
            f"class A:\n    def f(self):\n        x = 1{IGNORE}\n",
        ),
        ("class A(B):\n    pass\n", 0, f"class A(B):{IGNORE}\n    pass\n"),
    ],
)
def test_the_comment_stands_where_it_speaks_for_the_line(before: str, line: int, after: str) -> None:
    assert ignored(before, line) == after


def test_no_place_for_a_comment_is_no_action() -> None:
    assert ignored("x = '''never closed\n") is None
    assert ignored("", 0) is None
