"""Text → `ast` nodes, for one piece at a time: Python's own parser first, then libcst for newer syntax."""

from __future__ import annotations

import ast
import re
import threading
import warnings
from collections.abc import Callable
from typing import TypeAlias

from kerascope.source import newer_syntax
from kerascope.source.cutting import LINE_END, header_colon

Nodes: TypeAlias = tuple[ast.stmt, ...]

_INDENT = re.compile(r"[ \t\f]*")
_ONE_LINE_AT_ITS_COLUMN = re.compile(r"[ \t\f]*(?!if|for|while|try|async|with|@)[^\W\d]")

# A tree takes some hundred times the memory of its text; this is for undo, and for reopening a file.
_CACHE_CHARACTERS = 150_000
_cache_lock = threading.Lock()
_cache: dict[tuple[str, str], Nodes | None] = {}
_cached_characters = 0


def parse_piece(text: str, lead: str = "") -> Nodes | None:
    """The tree of `text`, which may be indented; None if it does not parse.

    `lead` is what stands before it on its first line; it counts for the columns only.
    """
    return _cached(_parse_piece, text, lead)


def parses(text: str) -> bool:
    """Whether `text` is statements, all equally indented."""
    return (_parse_in_block("if 1:\n" + text) if text[:1] in (" ", "\t", "\f") else _parse(text)) is not None


def parse_class_header(header: str) -> Nodes | None:
    """The tree of a class header: one `ClassDef` with an empty body, that ends with the header's colon."""
    return _cached(_parse_class_header, header, "class …")


def _cached(parse: Callable[[str, str], Nodes | None], text: str, lead: str) -> Nodes | None:
    global _cached_characters
    key = (text, lead)
    with _cache_lock:
        if key in _cache:
            return _cache[key]
    nodes = parse(text, lead)
    if len(text) * 10 < _CACHE_CHARACTERS:
        with _cache_lock:
            if key not in _cache:
                _cached_characters += len(text)
            _cache[key] = nodes
            while _cached_characters > _CACHE_CHARACTERS:
                oldest = next(iter(_cache))
                del _cache[oldest]
                _cached_characters -= len(oldest[0])
    return nodes


def _parse_piece(text: str, lead: str) -> Nodes | None:
    first = text[:1]
    if lead:
        width = len(lead.encode("utf-8", "surrogatepass"))
        return _parse_in_block("if 1\\\n" + " " * (width - 1) + ":" + text)
    if first == "\ufeff":
        return _parse("\f\f\f" + text[1:])
    if first not in (" ", "\t", "\f") or _indent_of(text).endswith("\f"):
        nodes = _parse(text)
        if nodes is not None or first != "\\":
            return nodes
    if _ONE_LINE_AT_ITS_COLUMN.match(text):
        # A form feed sets the tokenizer's column back to 0, while the offset in the line goes on counting.
        indent = _indent_of(text)
        nodes = _parse(indent[:-1] + "\f" + text[len(indent) :])
        if nodes is not None or "\f" not in text:
            return nodes
    nodes = _parse_in_block("if 1:\n" + text)
    if nodes is None and text.lstrip(" \t\f\r\n\\")[:1] in ("", "#") and _parse(text) == ():
        return ()  # nothing but blank lines and comments
    return nodes


def _parse_in_block(text: str) -> Nodes | None:
    """The body of the block whose header `text` begins with, in a line of its own."""
    nodes = _parse(text)
    if nodes is None or len(nodes) > 1 or not isinstance(nodes[0], ast.If) or nodes[0].orelse:
        return None
    for node in nodes[0].body:
        ast.increment_lineno(node, -1)
    return tuple(nodes[0].body)


def _parse_class_header(header: str, _: str) -> Nodes | None:
    nodes = _parse_piece(f"{header}\n{_indent_of(header)} pass\n", "")
    if nodes is None or len(nodes) != 1 or not isinstance(nodes[0], ast.ClassDef) or len(nodes[0].body) != 1:
        return None
    node = nodes[0]
    node.body = []
    line_starts = [0, *(match.end() for match in LINE_END.finditer(header))]
    colon = header_colon(header, header.index("class", line_starts[node.lineno - 1]))
    if colon is not None:
        node.end_lineno = sum(start < colon for start in line_starts)
        line = header[line_starts[node.end_lineno - 1] : colon]
        node.end_col_offset = len(line.encode("utf-8", "surrogatepass"))
    return (node,)


def _parse(text: str) -> Nodes | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tuple(ast.parse(text).body)
    except SyntaxError:
        nodes = newer_syntax.parse(text) if newer_syntax.may_be_newer(text) else None
        return None if nodes is None else tuple(nodes)
    except (ValueError, RecursionError, MemoryError):
        return None


def _indent_of(text: str) -> str:
    indent = _INDENT.match(text)
    return indent[0] if indent else ""
