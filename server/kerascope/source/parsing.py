"""Text → `ast` nodes, for one piece at a time: Python's own parser first, then libcst for newer syntax."""

from __future__ import annotations

import ast
import re
import warnings

from kerascope.source.cutting import LINE_END

_INDENT = re.compile(r"[ \t\f]*")
_ONE_LINE_AT_START = re.compile(r"(?:async[ \t]+)?(?:def|class)\b|[^@\W]\w*[ \t]*[=.:(,\[]|import\b|from\b|[\"']")

_CACHE_CHARACTERS = 300_000
_cache: dict[tuple[str, str], tuple[ast.stmt, ...] | None] = {}
_cached_characters = 0


def parse_piece(text: str, lead: str = "") -> tuple[ast.stmt, ...] | None:
    """The tree of `text`, which may be indented; None if it does not parse.

    `lead` is what stands before it on its first line; it counts for the columns only.
    """
    return _cached(text, lead, _parse_piece)


def parse_class_header(header: str) -> tuple[ast.stmt, ...] | None:
    """The tree of a class header: one `ClassDef` with an empty body, that ends with the header's colon."""
    return _cached(header, "class", _parse_class_header)


def _cached(text, lead, parse):  # type: ignore[no-untyped-def]
    global _cached_characters
    key = (text, lead)
    if key in _cache:
        return _cache[key]
    nodes = parse(text, lead)
    if len(text) * 10 < _CACHE_CHARACTERS:
        _cache[key] = nodes
        _cached_characters += len(text)
        while _cached_characters > _CACHE_CHARACTERS:
            oldest = next(iter(_cache))
            del _cache[oldest]
            _cached_characters -= len(oldest[0])
    return nodes


def _python_ast(text: str) -> list[ast.stmt] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _parse_piece(text: str, lead: str) -> tuple[ast.stmt, ...] | None:
    if lead:
        # A form feed sets the tokenizer's column back to 0 while the offset in the line goes on.
        width = len(lead.encode("utf-8", "surrogatepass"))
        indent = _INDENT.match(text)
        assert indent is not None
        rest = text[indent.end() :]
        nodes = _python_ast(" " * (width + indent.end() - 1) + "\f" + rest)
    elif text.startswith("\ufeff"):
        nodes = _python_ast("\f\f\f" + text[1:])
    elif text[:1] in (" ", "\t", "\f"):
        nodes = _python_ast("if 1:\n" + text)
        if nodes is not None:
            block = nodes[0]
            assert isinstance(block, ast.If)
            nodes = block.body
            for node in nodes:
                ast.increment_lineno(node, -1)
    else:
        nodes = _python_ast(text)
    return None if nodes is None else tuple(nodes)


def _parse_class_header(header: str, _: str) -> tuple[ast.stmt, ...] | None:
    nodes = _parse_piece(header + ("" if header.endswith(("\n", "\r")) else "\n") + _deeper(header) + "pass\n", "")
    if nodes is None or len(nodes) != 1 or not isinstance(nodes[0], ast.ClassDef):
        return None
    node = nodes[0]
    if len(node.body) != 1:
        return None
    node.body = []
    lines = LINE_END.split(header)
    for number in range(len(lines), 0, -1):
        line = lines[number - 1].split("#")[0] if number > 1 or "#" in lines[number - 1] else lines[number - 1]
        if line.rstrip().endswith(":"):
            node.end_lineno = number
            node.end_col_offset = len(line.rstrip().encode("utf-8", "surrogatepass"))
            break
    return (node,)


def _deeper(header: str) -> str:
    indent = _INDENT.match(header.lstrip("\ufeff"))
    return (indent[0] if indent else "") + " "
