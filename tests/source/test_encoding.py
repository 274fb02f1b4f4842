"""Files come in as Python reads them, and go out as they came."""

from __future__ import annotations

import codecs
import io
import tokenize
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerascope.source.encoding import MAXIMUM_SIZE, SourceText, Unreadable, decode, encode, read


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        ("x = 'é'\r\n".encode(), "x = 'é'\r\n"),
        (codecs.BOM_UTF8 + "é".encode(), "é"),
        (codecs.BOM_UTF8 + "# coding: utf-8\né".encode(), "# coding: utf-8\né"),
        ("# -*- coding: latin-1 -*-\n# é".encode("latin-1"), "# -*- coding: latin-1 -*-\n# é"),
        ("#!/bin/python\r# vim: set fileencoding=cp1252 :\r'€'".encode("cp1252"),
         "#!/bin/python\r# vim: set fileencoding=cp1252 :\r'€'"),
        ("x = 1\n# coding: latin-1\né".encode(), "x = 1\n# coding: latin-1\né"),
    ],
)  # fmt: skip
def test_text_comes_in_and_goes_out_unchanged(data: bytes, text: str) -> None:
    source = decode(data)
    assert isinstance(source, SourceText)
    assert source.text == text
    assert encode(source.text, source) == data


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"x = 1\ny = '\xe9'\n", 1, ["not UTF-8", "line 2", "0xe9", "coding"]),
        (b"# coding: ascii\n\n'\xe9'", 2, ["ascii", "line 3", "0xe9"]),
        (b"# coding: klingon\n", 0, ["klingon", "doesn't know"]),
        (b"\n# coding: rot13\n", 1, ["rot13"]),
        (codecs.BOM_UTF8 + b"# coding: latin-1\n", 0, ["byte order mark", "latin-1"]),
        ("x = 1".encode("utf-16"), 0, ["UTF-16", "UTF-8"]),
        (b"\n\x7fELF\x00\x00", 1, ["binary", "line 2"]),
        (b"#" * (MAXIMUM_SIZE + 1), None, ["5 MB"]),
    ],
)
def test_what_cannot_be_read_is_explained(data: bytes, line: int | None, words: list[str]) -> None:
    error = decode(data)
    assert isinstance(error, Unreadable)
    assert error.line == line
    assert [word for word in words if word not in error.message] == []


def test_a_character_that_the_encoding_lacks_is_named() -> None:
    source = decode(b"# coding: latin-1\n")
    assert isinstance(source, SourceText)
    error = encode("# coding: latin-1\n# €\n", source)
    assert isinstance(error, Unreadable) and error.line == 1 and "€" in error.message


def test_files_are_read_from_disk(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"x = 1\r\n")
    assert read(str(file)) == SourceText("x = 1\r\n")


def test_missing_files_and_folders_are_explained(tmp_path: Path) -> None:
    for path in (str(tmp_path / "missing.py"), str(tmp_path), "a\0b"):
        error = read(path)
        assert isinstance(error, Unreadable) and error.message


@given(
    st.binary(max_size=60) | st.builds(lambda a, b: b"# coding: " + a + b"\n" + b, st.binary(), st.binary())
)
def test_the_encoding_is_the_one_that_python_detects(data: bytes) -> None:
    source = decode(data)
    try:
        expected, _ = tokenize.detect_encoding(
            io.BytesIO(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")).readline
        )
    except SyntaxError:
        return
    if isinstance(source, SourceText):
        assert codecs.lookup(expected).name.removesuffix("-sig") == codecs.lookup(source.encoding).name
        assert encode(source.text, source) == data or source.encoding not in ("utf-8", "ascii", "latin-1")
