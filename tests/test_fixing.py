"""How one document is made of another, and what is left out of the fixes."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from kerascope.fixing import difference, fixed
from kerascope.rules.rule import Finding, Fix
from kerascope.source.document import Document
from kerascope.source.position import Edit, Position, Range

TEXTS = st.text(st.sampled_from("ab \r\n\x0c\u2028é😀"), max_size=60)


@given(TEXTS, TEXTS)
def test_the_difference_makes_one_document_of_the_other(before: str, after: str) -> None:
    document = Document.from_text("a.py", before)
    edits = difference(document, Document.from_text("a.py", after))
    assert document.edited(edits[::-1]).text == after
    assert all(one.range.end <= other.range.start for one, other in itertools.pairwise(edits))


def test_only_what_differs_is_in_the_difference() -> None:
    before = Document.from_text("a.py", "a\nb\nc\nd\n")
    after = Document.from_text("a.py", "a\nB\nc\nd\ne\n")
    assert difference(before, after) == [
        Edit(Range(Position(1, 0), Position(2, 0)), "B\n"),
        Edit(Range(Position(4, 0), Position(4, 0)), "e\n"),
    ]


def test_a_fix_that_fails_is_left_out_and_the_others_applied(caplog) -> None:
    def broken(document: Document) -> Fix:
        raise TypeError("oh")

    def good(document: Document) -> Fix | None:
        where = Range(Position(0, 0), Position(0, 3))
        return Fix("", True, (Edit(where, "good"),)) if document.text.startswith("BAD") else None

    def check(document: Document) -> list[Finding]:
        place = Range(Position(0, 0), Position(0, 3))
        return [
            Finding("a.py", place, "KS101", "name", "warning", "", (3,), (), make) for make in (broken, good)
        ]

    after, count = fixed(Document.from_text("a.py", "BAD\n"), check, unsafe=False)
    assert (after.text, count) == ("good\n", 1)
    assert "making the fix for KS101" in caplog.text
