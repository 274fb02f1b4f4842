"""Bytes ↔ text as Python does it: byte order mark, PEP 263 cookie, UTF-8 otherwise.

What can't be read becomes an `Unreadable` that says what is wrong, where, and what to do.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from kerascope.source.notebook import Program, program, read_cells

MAXIMUM_SIZE = 5 * 1024 * 1024
"""Bytes. Larger files are generated, or no Python; they are named and left alone."""

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_COMMENT_OR_BLANK = re.compile(rb"^[ \t\f]*(?:#|$)")
_LINE = re.compile(rb"[^\r\n]*")
_NEWLINE = re.compile(rb"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class SourceText:
    """The text of a file, and how it was written: what `encode` needs to write another text the same way.

    Line ends are in `text` as they were in the file.
    """

    text: str
    encoding: str = "utf-8"
    byte_order_mark: bool = False
    cells: Program | None = None
    """Of a notebook: `text` is the program that its cells make, and can't be written in the file's place."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file can't be read as Python, as one sentence for its user; `line` counts from 0."""

    message: str
    line: int | None = None


def read(path: str) -> SourceText | Unreadable:
    """The text of the file at `path`; of a notebook, the program in it."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - `path` is a string everywhere
            data = file.read(MAXIMUM_SIZE + 1)
    except FileNotFoundError:
        return Unreadable("The file doesn't exist (any more).")
    except IsADirectoryError:
        return Unreadable("This is a folder, not a file.")
    except PermissionError:
        return Unreadable("The file can't be read: permission denied. Make it readable for your user.")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Unreadable(f"The file can't be read: {reason}.")
    source = decode(data)
    return _of_notebook(source) if path.endswith(".ipynb") and isinstance(source, SourceText) else source


def _of_notebook(source: SourceText) -> SourceText | Unreadable:
    cells = read_cells(source.text)
    if cells is None:
        return Unreadable("The file is not a Jupyter notebook of format 4, or not a whole one.")
    made = program(cells)
    return SourceText(made.text, cells=made)


def decode(data: bytes) -> SourceText | Unreadable:
    """The text in `data`, the bytes of a Python file."""
    if len(data) > MAXIMUM_SIZE:
        return Unreadable(
            f"The file is larger than {MAXIMUM_SIZE // 1024 // 1024} MB and is not checked. "
            "If it is generated, exclude it; else split it."
        )
    marked = data.startswith(codecs.BOM_UTF8)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Unreadable("The file is UTF-16, which Python can't run. Save it as UTF-8.", 0)
    if 0 in data:
        line = _line_of(data, data.index(0))
        return Unreadable(f"The file is binary, not Python text: line {line + 1} has a NUL byte.", line)
    body = data[len(codecs.BOM_UTF8) :] if marked else data
    declared, cookie_line = _declared(body)
    encoding = declared or "utf-8"
    try:
        codec = codecs.lookup(encoding)
        if not getattr(codec, "_is_text_encoding", True):
            raise LookupError
    except LookupError:
        return Unreadable(
            f"Line {cookie_line + 1} declares the encoding {_shown(encoding)}, which Python doesn't know. "
            "Correct it, or save the file as UTF-8 and delete the declaration.",
            cookie_line,
        )
    if marked and codec.name != "utf-8":
        return Unreadable(
            f"The file begins with a UTF-8 byte order mark, but line {cookie_line + 1} declares "
            f"{_shown(encoding)}. Delete the declaration, or save the file without the mark.",
            cookie_line,
        )
    try:
        text = body.decode(codec.name)
    except UnicodeDecodeError as error:
        line = _line_of(body, error.start)
        where = f"line {line + 1} has the byte 0x{body[error.start]:02x}"
        if declared is None:
            return Unreadable(
                f"The file is not UTF-8: {where}. Save it as UTF-8, or declare its encoding "
                "in the first line, for example `# -*- coding: latin-1 -*-`.",
                line,
            )
        return Unreadable(
            f"The file is not {_shown(encoding)}, as line {cookie_line + 1} declares: {where}. "
            "Save it in that encoding, or as UTF-8 without the declaration.",
            line,
        )
    except Exception as error:
        # A codec can be any code that is installed; whatever it raises means the same.
        return Unreadable(f"The file can't be decoded as {_shown(encoding)}: {error}", cookie_line)
    return SourceText(text, codec.name, marked)


def encode(text: str, source: SourceText) -> bytes | Unreadable:
    """The bytes of `text`, written as the file that `source` was read from was."""
    try:
        data = text.encode(source.encoding)
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start)
        return Unreadable(
            f"The character {text[error.start]!r} in line {line + 1} cannot be written in the encoding "
            f"of the file, {source.encoding}. Save the file as UTF-8 first.",
            line,
        )
    return codecs.BOM_UTF8 + data if source.byte_order_mark else data


def _declared(data: bytes) -> tuple[str | None, int]:
    """The encoding that a comment in the first two lines names, and that line's number."""
    start = 0
    for number in range(2):
        match = _LINE.match(data, start)
        line = match[0] if match else b""
        cookie = _COOKIE.match(line)
        if cookie:
            return cookie[1].decode("ascii", "replace"), number
        newline = _NEWLINE.match(data, start + len(line))
        if not _COMMENT_OR_BLANK.match(line) or not newline:
            break
        start = newline.end()
    return None, 0


def _line_of(data: bytes, offset: int) -> int:
    return len(_NEWLINE.findall(data[:offset]))


def _shown(encoding: str) -> str:
    return f"“{encoding[:40]}”"
