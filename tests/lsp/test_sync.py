"""The server's text is the editor's, whatever was typed, in every encoding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lsprotocol import types
from tests.lsp import editors
from tests.lsp.client import Client, place, running, units
from tests.lsp.conftest import ENVIRONMENT, MARKED

from kerascope.lsp.positions import Encoding, Lines
from kerascope.source.document import Document
from kerascope.source.position import Edit, Position, Range

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
TEXT = st.text(st.sampled_from('aé😀 \n\r"#\\(\t\f\x0b\u2028BAD'), max_size=30) | st.lists(
    st.sampled_from(["BAD", "ODD", "\n", "\r\n", "x = 1\n", "😀", "class A:\n    ", '"""']), max_size=10
).map("".join)
EditTuple = tuple[int, int, int, int, str]
EDITS = st.lists(st.tuples(*[st.integers(0, 12)] * 4, TEXT), max_size=6)
NUMBERS = count()


def lines_range(lines: Lines, edit: EditTuple) -> Range:
    """The range of an edit that a client sent."""
    line, character, end_line, end_character, _ = edit
    start, end = types.Position(line, character), types.Position(end_line, end_character)
    return lines.range(types.Range(start, end))


def apply_to(lines: Lines, edit: EditTuple) -> None:
    lines.apply(Edit(lines_range(lines, edit), edit[4]))


def plain_lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


@given(TEXT)
def test_lines_end_where_the_protocol_says(text: str) -> None:
    lines = Lines(text, "utf-16")
    assert [lines.line(number) for number in range(len(lines))] == plain_lines(text)
    assert lines.text == text


@given(TEXT, EDITS, st.sampled_from(ENCODINGS))
def test_edited_lines_are_those_of_the_edited_document(
    text: str, edits: list[EditTuple], encoding: Encoding
) -> None:
    lines, document = Lines(text, encoding), Document.from_text("/a.py", text)
    for edit in edits:
        apply_to(lines, edit)
        document = document.edited((Edit(lines_range(Lines(document.text, encoding), edit), edit[4]),))
        assert lines.text == document.text
        fresh = Lines(lines.text, encoding)
        assert [lines.line(n) for n in range(len(lines))] == [fresh.line(n) for n in range(len(fresh))]


@given(TEXT, st.sampled_from(ENCODINGS), st.data())
def test_places_go_to_the_client_and_back(text: str, encoding: Encoding, data: st.DataObject) -> None:
    lines = Lines(text, encoding)
    number = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(0, len(lines.line(number))))
    here = Position(number, column)
    there = lines.to_client(Range(here, here))
    assert there.start.character == units(lines.line(number)[:column], encoding)
    assert lines.position(there.start) == here


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[str, Client]]:
    with ExitStack() as stack:
        clients = {}
        for encoding in ENCODINGS:
            clients[encoding] = client = stack.enter_context(running(MARKED, env=ENVIRONMENT))
            params = editors.bare([])
            params["capabilities"]["general"] = {"positionEncodings": [encoding]}
            client.initialize(params)
        yield clients


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_after_any_edits_the_findings_are_those_of_a_fresh_open(
    clients: dict[str, Client], encoding: Encoding
) -> None:
    client = clients[encoding]

    @settings(max_examples=30, deadline=None)
    @given(TEXT, EDITS)
    def check(text: str, edits: list[EditTuple]) -> None:
        edited, fresh = (f"untitled:{next(NUMBERS)}" for _ in range(2))
        client.open(edited, text)
        mirror = Lines(text, encoding)
        for version, edit in enumerate(edits, 2):
            client.change(edited, version, {"range": place(*edit[:4]), "text": edit[4]})
            apply_to(mirror, edit)
        seen = client.diagnostics(edited, len(edits) + 1)
        client.open(fresh, mirror.text)
        expected = client.diagnostics(fresh)
        for finding in (*seen, *expected):
            finding.pop("relatedInformation", None)
        assert seen == expected
        client.close(edited)
        client.close(fresh)

    check()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_typing_behind_wide_characters(clients: dict[str, Client], encoding: Encoding) -> None:
    client, uri = clients[encoding], f"untitled:wide{next(NUMBERS)}"
    text = "s = 'é漢😀'\n"
    client.open(uri, text)
    end = units("s = 'é漢😀'", encoding)
    client.change(uri, 2, {"range": place(0, end), "text": " + BAD"})
    [finding] = client.diagnostics(uri, 2)
    assert finding["range"] == place(0, end + 3, 0, end + 6)


def test_several_changes_in_one_message_follow_each_other(clients: dict[str, Client]) -> None:
    client, uri = clients["utf-16"], f"untitled:many{next(NUMBERS)}"
    client.open(uri, "one\n")
    client.change(
        uri,
        2,
        {"range": place(0, 0), "text": "two\n"},
        {"text": "BA\n"},
        {"range": place(0, 2), "text": "D"},
        {"range": place(0, 0), "text": "\n"},
    )
    assert [finding["range"] for finding in client.diagnostics(uri, 2)] == [place(1, 0, 1, 3)]
