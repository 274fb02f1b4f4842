"""Mends files: what to write, how to write it, and how to show what would be written."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kerascope import fixing
from kerascope.cli.checking import findings_of
from kerascope.rules.rule import Finding
from kerascope.source.document import Document
from kerascope.source.encoding import SourceText, Unreadable, encode, read

if TYPE_CHECKING:
    from kerascope.check import Checker


def fixed(checker: Checker, document: Document, *, unsafe: bool) -> tuple[Document, int]:
    """`document` with its fixes applied, and how many: see `kerascope.fixing`. The checker's project has some
    version of it as its open document afterwards."""

    def check(version: Document) -> Sequence[Finding]:
        checker.project.open(version)
        return findings_of(checker, version.path)[0]

    return fixing.fixed(document, check, unsafe=unsafe)


def write(path: str, source: SourceText, text: str) -> str | None:
    """Write `text` over the file that `source` was read from, in its encoding; what went wrong, or None."""
    data = encode(text, source)
    if isinstance(data, Unreadable):
        return data.message
    if read(path) != source:
        return "The file has changed meanwhile and was not fixed."
    try:
        _replace(Path(path).resolve(), data)
    except OSError as error:
        return f"The fixed file can't be written: {error.strerror or error}."
    return None


def diff(shown: str, before: str, after: str) -> str:
    """The unified diff between two texts of a file."""
    lines = difflib.unified_diff(_lines(before), _lines(after), shown, shown)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _replace(path: Path, data: bytes) -> None:
    """Write `data` in one step where the folder allows it: a crash leaves the old file or the new one."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError:
        path.write_bytes(data)
        return
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        shutil.copystat(path, name)
        with contextlib.suppress(OSError, AttributeError):
            status = path.stat()
            os.chown(name, status.st_uid, status.st_gid)
        # What was copied is the old file's time as well; a build tool or our own cache must see the change.
        os.utime(name)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _lines(text: str) -> list[str]:
    """For `patch`, lines end at line feeds only."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
