"""`--output-format json`: an array of objects, for other programs.

Lines and columns count from 1, columns count Unicode code points, and ends are exclusive. In a notebook lines
count from the begin of the `cell`, which counts from 1 too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kerascope.cli.formats import Output, shown_path
from kerascope.cli.results import FileResult, Found, all_found
from kerascope.rules.rule import Fix
from kerascope.source.position import Range


def write(results: Sequence[FileResult], output: Output) -> None:
    """Print the findings as one JSON array."""
    json.dump([as_data(found, output) for found in all_found(results)], output.stream, indent=2)
    output.stream.write("\n")


def as_data(found: Found, output: Output | None = None) -> dict[str, Any]:
    """One finding as JSON."""
    finding = found.finding
    return {
        "file": shown_path(finding.path),
        **_place(finding.path, finding.range, output),
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "message": finding.message,
        "keras": list(finding.generations),
        "related": [
            {
                "file": shown_path(related.path),
                **_place(related.path, related.range, output),
                "message": related.message,
            }
            for related in finding.related
        ],
        "fix": _fix(found.fix, finding.path, output) if found.fix else None,
    }


def _place(path: str, place: Range, output: Output | None) -> dict[str, int]:
    cell, line = (None, place.start.line + 1) if output is None else output.at(path, place.start.line)
    return {
        **({} if cell is None else {"cell": cell}),
        "line": line,
        "column": place.start.column + 1,
        "end_line": line + place.end.line - place.start.line,
        "end_column": place.end.column + 1,
    }


def _fix(fix: Fix, path: str, output: Output | None) -> dict[str, Any]:
    edits = [{**_place(path, edit.range, output), "text": edit.text} for edit in fix.edits]
    return {"title": fix.title, "safe": fix.safe, "edits": edits}
