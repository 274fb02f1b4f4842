"""Whatever becomes of a program while it is typed, the rules answer, and no fix breaks one that parses."""

from __future__ import annotations

import ast

from hypothesis import given, settings
from hypothesis import strategies as st

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules import all_rules
from kerascope.source.document import Document

PATH = "/project/example.py"
PROGRAMS = [example.code for rule in all_rules() for example in (*rule.reporting, *rule.silent)]


def parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def answers(text: str, keras: str) -> None:
    document = Document.from_text(PATH, text, 1)
    project = Project(None)
    project.open(document)
    whole = parses(text)
    for finding in Checker(project, Settings(keras=keras)).check(PATH):  # type: ignore[arg-type]
        fix = finding.make_fix(document) if finding.make_fix is not None else None
        if fix is not None and whole:
            assert parses(document.edited(sorted(fix.edits, key=lambda e: e.range, reverse=True)).text)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PROGRAMS), st.data(), st.sampled_from(["2", "3"]))
def test_lines_are_missing(program: str, data: st.DataObject, keras: str) -> None:
    lines = program.splitlines(keepends=True)
    kept = data.draw(st.lists(st.booleans(), min_size=len(lines), max_size=len(lines)))
    answers("".join(line for line, keep in zip(lines, kept, strict=True) if keep), keras)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PROGRAMS), st.data(), st.sampled_from(["2", "3"]))
def test_a_piece_is_cut_out(program: str, data: st.DataObject, keras: str) -> None:
    start = data.draw(st.integers(0, len(program)))
    end = data.draw(st.integers(start, min(len(program), start + 60)))
    answers(program[:start] + program[end:], keras)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(PROGRAMS), st.sampled_from(PROGRAMS), st.data())
def test_lines_of_another_program_come_in(program: str, other: str, data: st.DataObject) -> None:
    lines, foreign = program.splitlines(keepends=True), other.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines)))
    start = data.draw(st.integers(0, len(foreign)))
    end = data.draw(st.integers(start, len(foreign)))
    answers("".join([*lines[:at], *foreign[start:end], *lines[at:]]), "both")
