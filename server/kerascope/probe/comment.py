"""The comment above a class that says how to build it: `# kerascope: build(units=3) on (None, 5)`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kerascope.probe.inputs import parse_call, parse_inputs
from kerascope.probe.request import Inputs
from kerascope.project.meaning import ClassDefinition
from kerascope.source.cutting import comments
from kerascope.source.document import Document
from kerascope.source.position import Edit, Position, Range
from kerascope.tracking.classes import ClassIndex

DIRECTIVE = re.compile(r"#+[ \t]*kerascope[ \t]*:[ \t]*(?=(?:build|on)\b)")
_TOKEN = re.compile(r"""(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<open>[(\[{])|(?P<close>[)\]}])""")
_BUILD = re.compile(r"build\b[ \t]*")
_ON = re.compile(r"on\b[ \t]*")


@dataclass(frozen=True, slots=True)
class BuildComment:
    """What a comment says. `init`: text of the constructor's arguments; None: it doesn't say."""

    init: str | None
    inputs: Inputs | None
    range: Range


@dataclass(frozen=True, slots=True)
class CommentProblem:
    """Why a comment can't be read: one sentence, and where it stands."""

    message: str
    range: Range


@dataclass(frozen=True, slots=True)
class _Written:
    """The text of one directive, over all of its lines."""

    text: str
    range: Range


def comment_above(document: Document, definition: ClassDefinition) -> BuildComment | CommentProblem | None:
    """What the comment above a class (or above its decorators, or behind its `class` line) says."""
    written = list(_directives(_comment_lines(document, definition)))
    if not written:
        return None
    place = Range(written[0].range.start, written[-1].range.end)
    init: str | None = None
    inputs: Inputs | None = None
    for each in written:
        try:
            own_init, own_inputs = parse_directive(each.text)
        except ValueError as error:
            return CommentProblem(f"This build comment can't be read: {error}.", each.range)
        if (init is not None and own_init is not None) or (inputs is not None and own_inputs is not None):
            return CommentProblem("Two build comments say how to build this class: keep one.", each.range)
        init = own_init if own_init is not None else init
        inputs = own_inputs if own_inputs is not None else inputs
    return BuildComment(init, inputs, place)


def parse_directive(text: str) -> tuple[str | None, Inputs | None]:
    """`build(units=3) on (None, 5)` → the text of the arguments and the inputs; a ValueError says what is
    wrong."""
    init: str | None = None
    rest = text.strip()
    build = _BUILD.match(rest)
    if build:
        rest = rest[build.end() :]
        if rest.startswith("("):
            end = _closing(rest)
            if end is None:
                raise ValueError("the bracket of build( is not closed")
            init, rest = " ".join(rest[1:end].split("\n")).strip(), rest[end + 1 :].lstrip(" \t\n,;")
            _check_arguments(init)
        elif not rest:
            raise ValueError("write the arguments, like build(units=3), or build() for none")
    if not rest:
        return init, None
    on = _ON.match(rest)
    if not on:
        raise ValueError(f"write `on` and the inputs, like on (None, 5), where it says {_start(rest)}")
    rest = rest[on.end() :].strip()
    if not rest:
        raise ValueError("write the inputs behind `on`, like on (None, 5)")
    if "…" in rest:
        raise ValueError("write values in place of the dots")
    return init, parse_inputs(rest)


def blank_comment(classes: ClassIndex, definition: ClassDefinition) -> str:
    """The comment for a person to complete: `# kerascope: build(units=…) on (None, …)`."""
    init = ", ".join(f"{name}=…" for name in required_parameters(classes, definition, "__init__") or ())
    inputs = required_parameters(classes, definition, "call") or ()
    named = ", ".join(f"{name}=(None, …)" for name in inputs)
    return f"# kerascope: build({init}) on {named if len(inputs) > 1 else '(None, …)'}"


def insert_comment(document: Document, definition: ClassDefinition, comment: str) -> Edit | None:
    """Puts `comment` above the class and its decorators, or in place of the build comment that is there; None
    if the class is gone."""
    present = comment_above(document, definition)
    if present is not None:
        return Edit(present.range, comment)
    first = first_line(document, definition)
    if first is None:
        return None
    line = document.line(first)
    indent = line[: len(line) - len(line.lstrip(" \t\f"))]
    end = "\r\n" if "\r\n" in document.text[:4000] else "\n"
    at = Position(first, 0)
    return Edit(Range(at, at), f"{indent}{comment}{end}")


def first_line(document: Document, definition: ClassDefinition) -> int | None:
    """The line of a class's first decorator, else of its `class` (from 0); None if the document doesn't have
    it."""
    base = document.line_of(definition.statement)
    if base is None:
        return None
    node = definition.node
    return base + min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1


def required_parameters(classes: ClassIndex, definition: ClassDefinition, method: str) -> list[str] | None:
    """The parameters of a method without default; None if the class has no such method of its own or from
    the project."""
    found = classes.find(definition, method)
    if not isinstance(found, tuple) or not isinstance(found[2], ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    arguments = found[2].args
    positional = [*arguments.posonlyargs, *arguments.args]
    without = positional[1 : len(positional) - len(arguments.defaults)]
    named = [
        name
        for name, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    return [each.arg for each in (*without, *named)]


def _comment_lines(document: Document, definition: ClassDefinition) -> list[tuple[int, int, str]]:
    """The comments that belong to a class, as line, column and text, in order."""
    first = first_line(document, definition)
    base = document.line_of(definition.statement)
    if first is None or base is None:
        return []
    above: list[tuple[int, int, str]] = []
    for number in range(first - 1, -1, -1):
        line = document.line(number)
        text = line.lstrip(" \t\f")
        if not text.startswith("#"):
            break
        above.insert(0, (number, len(line) - len(text), text.rstrip()))
    header = definition.statement.own_text
    last = definition.node.body[0].lineno if definition.node.body else header.count("\n") + 2
    if "kerascope" in header:
        lead = len(definition.statement.lead)
        for comment in comments(header):
            number = base + comment.line
            if number >= first and comment.line + 1 < last:
                column = comment.column + (lead if comment.line == 0 else 0)
                above.append((number, column, comment.text.rstrip()))
    return above


def _directives(lines: Sequence[tuple[int, int, str]]) -> Iterator[_Written]:
    index = 0
    while index < len(lines):
        number, column, text = lines[index]
        index += 1
        found = DIRECTIVE.search(text)
        if not found:
            continue
        said = [text[found.end() :]]
        end = Position(number, column + len(text))
        while _depth("\n".join(said)) > 0 and index < len(lines) and lines[index][0] == end.line + 1:
            number, following, text = lines[index]
            if DIRECTIVE.search(text):
                break
            said.append(text.lstrip("#").strip())
            end = Position(number, following + len(text))
            index += 1
        start = Position(lines[index - len(said)][0], lines[index - len(said)][1] + found.start())
        yield _Written("\n".join(said), Range(start, end))


def _depth(text: str) -> int:
    """How many brackets are open at the end."""
    depth = 0
    for match in _TOKEN.finditer(text):
        depth += {"open": 1, "close": -1}.get(str(match.lastgroup), 0)
    return depth


def _closing(text: str) -> int | None:
    """The offset of the bracket that closes the one with which `text` begins."""
    depth = 0
    for match in _TOKEN.finditer(text):
        depth += {"open": 1, "close": -1}.get(str(match.lastgroup), 0)
        if not depth:
            return match.start()
    return None


def _check_arguments(text: str) -> None:
    if "…" in text:
        raise ValueError("write values in place of the dots")
    parse_call(text)


def _start(text: str) -> str:
    word = text.split()[0]
    return word if len(word) <= 20 else word[:19] + "…"
