"""Which findings a comment suppresses, and where its codes stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerascope.source.document import Document
from kerascope.source.position import Edit, Position, Range
from kerascope.source.suppression import Suppression, suppressions


def document(text: str) -> Document:
    return Document.from_text("example.py", text)


def only(text: str) -> Suppression:
    (suppression,) = suppressions(document(text))
    return suppression


@pytest.mark.parametrize(
    ("comment", "codes", "all_codes"),
    [
        ("# kerascope: ignore[KS101]", ["KS101"], False),
        ("#kerascope:ignore [ks101 ,KS102]", ["KS101", "KS102"], False),
        ("# kerascope: ignore", [], True),
        ("# kerascope: ignore: because", [], True),
        ("# kerascope: ignore[KS101] because", ["KS101"], False),
        ("# kerascope: ignore[KS101", ["KS101"], False),
        ("# kerascope: ignore[nonsense]", ["NONSENSE"], False),
        ("# kerascope: ignore[]", [], False),
        ("# noqa", [], True),
        ("# NOQA: because", [], True),
        ("# noqa: KS101", ["KS101"], False),
        ("# noqa:E501,KS101 , ks102", ["KS101", "KS102"], False),
        ("# type: ignore # noqa: KS101", ["KS101"], False),
    ],
)
def test_the_spellings(comment: str, codes: list[str], all_codes: bool) -> None:
    doc = document(f"é = 1  {comment}\n")
    (suppression,) = suppressions(doc)
    assert [each.code for each in suppression.codes] == codes
    assert [doc.text_of(each.range).upper() for each in suppression.codes] == codes
    assert suppression.all_codes is all_codes
    assert doc.text_of(suppression.range) in comment


@pytest.mark.parametrize(
    "text",
    [
        "x = '# noqa'\n",
        "x = '''\n# kerascope: ignore\n'''\n",
        "x = 1  # noqa: E501\n",
        "x = 1  # noqa-file\n",
        "x = 1  # kerascope: ignored\n",
        "x = 1  # kerascope: build(units=3) on (None, 5)\n",
        "noqa = kerascope\n",
    ],
)
def test_what_suppresses_nothing(text: str) -> None:
    assert suppressions(document(text)) == ()


def test_a_bare_noqa_is_for_other_tools_too() -> None:
    assert not only("x = 1  # noqa\n").reportable
    assert only("x = 1  # noqa: KS101\n").reportable
    assert only("x = 1  # kerascope: ignore\n").reportable


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("x = 1  # noqa\n", (0, 0)),
        ("\nx = f(\n    1,\n)  # noqa\n", (1, 3)),
        ("x = f(  # noqa\n    1,\n)\n", (0, 0)),
        ("x = f(\n    1,  # noqa\n)\n", (1, 1)),
        ("x = '''\n'''  # noqa\n", (0, 1)),
        ("x = 1 + \\\n  2  # noqa\n", (0, 1)),
        ("def f():\n    return 1  # noqa\n", (1, 1)),
        ("@dec\nclass A(  # c\n    B,\n):  # noqa\n    x = 1\n", (1, 3)),
        ("class A:\n    x = 1\n\n    # noqa\n    y = 1\n", (3, 3)),
        ("class A: x = (1,\n  2)  # noqa\n", (0, 1)),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_comment_that_ends_a_logical_line_speaks_for_all_of_it(
    text: str, lines: tuple[int, int], newline: str
) -> None:
    suppression = only(text.replace("\n", newline))
    assert suppression.lines == lines
    assert suppression.suppresses("KS101", lines[0]) and suppression.suppresses("KS101", lines[1])
    assert not suppression.suppresses("KS101", lines[1] + 1)


def test_a_file_can_be_ignored() -> None:
    some = only("import keras\n# kerascope: ignore-file[KS101]\n")
    assert some.kind == "ignore-file"
    assert some.suppresses("KS101", 99) and not some.suppresses("KS102", 99)
    assert only("# kerascope: ignore-file\n").suppresses("KS102", 5)


def test_places_move_with_the_text() -> None:
    doc = document("import keras\nclass A:\n    x = 1  # noqa: KS101\n")
    moved = doc.edited([Edit(Range(Position(1, 0), Position(1, 0)), "y = 1\n\n")])
    (suppression,) = suppressions(moved)
    assert moved.text_of(suppression.codes[0].range) == "KS101"
    assert suppression.lines == (4, 4)


FRAGMENTS = [
    "# noqa",
    "# kerascope: ignore[",
    "KS1",
    "]",
    ",",
    "'",
    '"""',
    "\n",
    "(",
    ")",
    " ",
    "class A:",
    "x",
    "\\",
]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join))
def test_any_text_has_suppressions_inside_it(text: str) -> None:
    doc = document(text)
    for suppression in suppressions(doc):
        assert doc.text_of(suppression.range).startswith("#")
        for code in suppression.codes:
            assert doc.text_of(code.range).upper() == code.code
