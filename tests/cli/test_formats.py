"""What the three output formats look like."""

from __future__ import annotations

import json
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kerascope.cli.terminal import laid_out, printable, width


def test_full_shows_the_line_what_is_related_and_the_fix(kerascope, write) -> None:
    write("lib.py", "class Hidden: ...\n")
    write("a.py", "import lib\n" + "\n" * 8 + "    x = BADRLF + 1\n")
    ended = kerascope("check", "--output-format", "full", "a.py")
    assert ended.out == (
        "warning KS101 state-in-unfollowed-object: BADRLF is bad for Keras\n"
        "  --> a.py:10:9\n"
        "   |\n"
        "10 |     x = BADRLF + 1\n"
        "   |         ^^^^^^\n"
        " 1 | import lib\n"
        "   | --- made here\n"
        "  ::: lib.py:1:1\n"
        " 1 | class Hidden: ...\n"
        "   | --- from there\n"
        "   = fix (--fix): Make it good\n"
        "\n"
        "Found 1 warning in 1 of 1 file. 1 can be fixed with --fix.\n"
    )


def test_unsafe_fixes_are_told_from_safe_ones(kerascope, write) -> None:
    write("a.py", "BADU; BADF\n")
    assert "= fix (--unsafe-fixes): Make it good" in kerascope("check").out
    concise = kerascope("check", "--output-format", "concise").out.splitlines()
    assert concise[0].endswith("[fixable, unsafe]")
    assert concise[1].endswith("[fixable]")
    assert concise[2].endswith("1 can be fixed with --fix, 1 more with --unsafe-fixes.")


def test_the_caret_stands_below_its_text(kerascope, write) -> None:
    write("a.py", "\tx = '漢字é́' + BAD\n")
    lines = kerascope("check", "--output-format", "full").out.splitlines()
    # A tab is four columns, each Chinese character two, the combining accent none.
    assert lines[3] == "1 |     x = '漢字é́' + BAD"
    assert lines[4] == "  | " + " " * 18 + "^^^"


def test_of_a_long_line_the_part_that_matters_is_shown(kerascope, write) -> None:
    write("a.py", "x = '" + "a" * 5_000 + "' + BAD + '" + "b" * 5_000 + "'\n")
    lines = kerascope("check", "--output-format", "full").out.splitlines()
    assert len(lines[3]) < 200
    assert lines[3][lines[4].index("^") :].startswith("BAD + 'bb")


def test_code_cannot_command_the_terminal(kerascope, write) -> None:
    write("a.py", "'\x1b[31m\x1b]0;title\x07\u202e' + BAD\n")
    out = kerascope("check", "--output-format", "full").out
    assert not set(out) & set("\x1b\x07\u202e")


def test_json_has_places_from_1_in_code_points(kerascope, write) -> None:
    write("a.py", "x = 1\nx = '漢𝒙' + BADRU\n")
    assert json.loads(kerascope("check", "--output-format", "json").out) == [
        {
            "file": "a.py",
            "line": 2,
            "column": 12,
            "end_line": 2,
            "end_column": 17,
            "code": "KS101",
            "name": "state-in-unfollowed-object",
            "severity": "warning",
            "message": "BADRU is bad for Keras",
            "keras": [2, 3],
            "related": [
                {
                    "file": "a.py",
                    "line": 1,
                    "column": 1,
                    "end_line": 1,
                    "end_column": 4,
                    "message": "made here",
                }
            ],
            "fix": {
                "title": "Make it good",
                "safe": False,
                "edits": [{"line": 2, "column": 12, "end_line": 2, "end_column": 17, "text": "good"}],
            },
        }
    ]


def test_json_is_an_array_whatever_happens(kerascope, write) -> None:
    assert json.loads(kerascope("check", "--output-format", "json").out) == []
    ended = kerascope("check", "missing", "--output-format", "json")
    assert (ended.status, json.loads(ended.out)) == (2, [])
    write("a.py", "BAD\n")
    assert json.loads(kerascope("check", "--output-format", "json").out)[0]["fix"] is None


def test_colour_only_where_it_is_wanted(kerascope, write) -> None:
    write("a.py", "BAD\n")
    assert "\x1b" not in kerascope("check").out
    assert "\x1b[1;33m" in kerascope("check", FORCE_COLOR="1").out
    assert "\x1b" not in kerascope("check", FORCE_COLOR="1", NO_COLOR="1").out
    assert "\x1b" not in kerascope("check", "--output-format", "json", FORCE_COLOR="1").out


def test_what_the_output_cannot_show_is_escaped(kerascope, write) -> None:
    write("a.py", "x = '漢' + BAD\n")
    ended = kerascope("check", "--output-format", "full", PYTHONIOENCODING="ascii")
    assert ended.status == 1
    assert "x = '\\u6f22' + BAD" in ended.out


def test_names_of_files_that_are_no_text(kerascope, tmp_path) -> None:
    if os.name == "nt" or os.uname().sysname == "Darwin":
        return
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.py")).write_text("BAD\n")
    ended = kerascope("check", "--output-format", "concise")
    assert ended.status == 1
    assert len(ended.out.splitlines()) == 2
    assert json.loads(kerascope("check", "--output-format", "json").out)[0]["line"] == 1


@given(st.text(st.characters(blacklist_characters="\n\r")))
def test_columns_grow_by_the_width_of_each_character(text: str) -> None:
    shown, columns = laid_out(printable(text))
    assert len(columns) == len(text) + 1
    assert columns == sorted(columns)
    assert columns[-1] == sum(map(width, shown))
    assert "\t" not in shown


@given(st.text())
def test_printable_text_has_the_same_length_and_no_controls(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert not any(character < " " and character != "\t" for character in shown)
