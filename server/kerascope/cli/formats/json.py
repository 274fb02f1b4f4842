"""`--output-format json`: an array of objects, for other programs.

Lines and columns count from 1, columns count Unicode code points, and ends are exclusive.
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
    json.dump([as_data(found) for found in all_found(results)], output.stream, indent=2)
    output.stream.write("\n")


def as_data(found: Found) -> dict[str, Any]:
    """One finding as JSON."""
    finding = found.finding
    return {
        "file": shown_path(finding.path),
        **_place(finding.range),
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "message": finding.message,
        "keras": list(finding.generations),
        "related": [
            {"file": shown_path(related.path), **_place(related.range), "message": related.message}
            for related in finding.related
        ],
        "fix": _fix(found.fix) if found.fix else None,
    }


def _place(place: Range) -> dict[str, int]:
    return {
        "line": place.start.line + 1,
        "column": place.start.column + 1,
        "end_line": place.end.line + 1,
        "end_column": place.end.column + 1,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    edits = [{**_place(edit.range), "text": edit.text} for edit in fix.edits]
    return {"title": fix.title, "safe": fix.safe, "edits": edits}
