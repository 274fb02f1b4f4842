"""`--output-format full`: each finding with its line of code, what is related to it, and its fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kerascope.cli.formats import Output, shown_path
from kerascope.cli.formats.summary import summary
from kerascope.cli.results import FileResult, Found, all_found
from kerascope.cli.terminal import Palette, laid_out, printable
from kerascope.rules.rule import Severity
from kerascope.source.position import Range

LONGEST_LINE = 160
"""Of a longer line, the part around the finding is shown."""


def write(results: Sequence[FileResult], output: Output) -> None:
    """Print the findings for a person to read."""
    paint = Palette(output.colour)
    for found in all_found(results):
        for line in _finding(found, output, paint):
            output.stream.write(line.rstrip() + "\n")
        output.stream.write("\n")
    output.stream.write(paint.bold(summary(results, output.checked)) + "\n")


def _finding(found: Found, output: Output, paint: Palette) -> Iterator[str]:
    finding = found.finding
    places = [finding.range, *(related.range for related in finding.related)]
    gutter = len(str(max(place.start.line for place in places) + 1))
    margin = " " * gutter
    bar = paint.blue("|")

    level = paint.severity(finding.severity, f"{finding.severity} {finding.code}")
    yield f"{level} {paint.quiet(finding.name)}: {paint.bold(printable(finding.message))}"
    yield f"{margin}{paint.blue('-->')} {_place(finding.path, finding.range)}"
    yield f"{margin} {bar}"
    yield from _code(finding.path, finding.range, finding.severity, "", gutter, output, paint)
    shown = finding.path
    for related in finding.related:
        if related.path != shown:
            yield f"{margin}{paint.blue(':::')} {_place(related.path, related.range)}"
            shown = related.path
        yield from _code(related.path, related.range, None, related.message, gutter, output, paint)
    if found.fix:
        option = "--fix" if found.fix.safe else "--unsafe-fixes"
        yield f"{margin} {paint.blue('=')} {paint.green('fix')} ({option}): {printable(found.fix.title)}"


def _place(path: str, place: Range) -> str:
    return f"{printable(shown_path(path))}:{place.start.line + 1}:{place.start.column + 1}"


def _code(
    path: str,
    place: Range,
    severity: Severity | None,
    label: str,
    gutter: int,
    output: Output,
    paint: Palette,
) -> Iterator[str]:
    """The line of code at `place`, and below it what is meant underlined, as the finding's or as related to it."""
    label = paint.blue(printable(label)) if label else ""
    start = place.start
    margin = " " * gutter
    bar = paint.blue("|")
    lines = output.lines_of(path)
    if start.line >= len(lines):  # the file has changed or gone since
        if label:
            yield f"{margin} {bar} {label}"
        return
    text = lines[start.line]
    end = place.end.column if place.end.line == start.line else len(text.rstrip())
    text, first, last = _cropped(text, min(start.column, len(text)), min(max(end, start.column), len(text)))
    shown, columns = laid_out(printable(text))
    wide = max(columns[last] - columns[first], 1)
    marks = paint.severity(severity, "^" * wide) if severity else paint.blue("-" * wide)
    yield f"{paint.blue(str(start.line + 1).rjust(gutter))} {bar} {shown}"
    yield f"{margin} {bar} {' ' * columns[first]}{marks}{' ' if label else ''}{label}"


def _cropped(text: str, first: int, last: int) -> tuple[str, int, int]:
    """`text` and the part of it that is meant, cut down to a length that a terminal can show."""
    if len(text) <= LONGEST_LINE:
        return text, first, last
    start = max(0, min(first - LONGEST_LINE // 4, len(text) - LONGEST_LINE))
    end = start + LONGEST_LINE
    before, after = "…" if start else "", "…" if end < len(text) else ""
    shift = len(before) - start
    return f"{before}{text[start:end]}{after}", first + shift, min(last, end) + shift
