"""`--output-format full`: each finding with its line of code, what is related to it, and its fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kerascope.cli.formats import Output
from kerascope.cli.formats.summary import summary
from kerascope.cli.results import FileResult, Found, all_found
from kerascope.cli.terminal import Palette, laid_out, printable
from kerascope.rules.rule import Finding, FindingRelated, Severity
from kerascope.source.position import Range

LONGEST_LINE = 160
"""Of a longer line, the part around the finding is shown."""


def write(results: Sequence[FileResult], output: Output) -> None:
    """Print the findings for a person to read."""
    for found in all_found(results):
        write_one(found, output)
    output.stream.write(Palette(output.colour).bold(summary(results, output.checked)) + "\n")


def write_one(found: Found, output: Output) -> None:
    """Print one finding, and an empty line."""
    for line in _Frame(found, output).lines():
        output.stream.write(line.rstrip() + "\n")
    output.stream.write("\n")


class _Frame:
    """One finding, as lines."""

    def __init__(self, found: Found, output: Output) -> None:
        self._found = found
        self._output = output
        self._paint = Palette(output.colour)
        places: list[Finding | FindingRelated] = [found.finding, *found.finding.related]
        self._digits = max(len(str(output.at(each.path, each.range.start.line)[1])) for each in places)
        self._margin = " " * self._digits
        self._bar = self._paint.blue("|")
        self._printed: tuple[str, int, str] | None = None
        """The line of code printed last: what is meant next may stand in it too."""

    def lines(self) -> Iterator[str]:
        finding, fix, paint, margin = self._found.finding, self._found.fix, self._paint, self._margin
        level = paint.severity(finding.severity, f"{finding.severity} {finding.code}")
        yield f"{level} {paint.quiet(finding.name)}: {paint.bold(printable(finding.message))}"
        yield f"{margin}{paint.blue('-->')} {self._output.place(finding.path, finding.range.start)}"
        yield f"{margin} {self._bar}"
        yield from self._code(finding.path, finding.range, finding.severity)
        path = finding.path
        for related in finding.related:
            if related.path != path:
                yield f"{margin}{paint.blue(':::')} {self._output.place(related.path, related.range.start)}"
                path = related.path
            yield from self._code(related.path, related.range, None, paint.blue(printable(related.message)))
        if fix:
            option = "--fix" if fix.safe else "--unsafe-fixes"
            yield f"{margin} {paint.blue('=')} {paint.green('fix')} ({option}): {printable(fix.title)}"

    def _code(self, path: str, place: Range, severity: Severity | None, label: str = "") -> Iterator[str]:
        """The line of code at `place`, and below it what is meant underlined, and the label."""
        paint, bar, start = self._paint, self._bar, place.start
        lines = self._output.lines_of(path)
        if start.line >= len(lines):  # the file has changed or gone since
            if label:
                yield f"{self._margin} {bar} {label}"
            return
        text = lines[start.line]
        end = place.end.column if place.end.line == start.line else len(text.rstrip())
        first = min(start.column, len(text))
        text, first, last = _cropped(text, first, max(first, min(end, len(text))))
        shown, columns = laid_out(printable(text))
        wide = max(columns[last] - columns[first], 1)
        marks = paint.severity(severity, "^" * wide) if severity else paint.blue("-" * wide)
        if self._printed != (path, start.line, shown):
            number = str(self._output.at(path, start.line)[1]).rjust(self._digits)
            yield f"{paint.blue(number)} {bar} {shown}"
            self._printed = path, start.line, shown
        yield f"{self._margin} {bar} {' ' * columns[first]}{marks} {label}"


def _cropped(text: str, first: int, last: int) -> tuple[str, int, int]:
    """`text` and the part of it that is meant, cut down to a length that a terminal can show."""
    if len(text) <= LONGEST_LINE:
        return text, first, last
    start = max(0, min(first - LONGEST_LINE // 4, len(text) - LONGEST_LINE))
    end = start + LONGEST_LINE
    before, after = "…" if start else "", "…" if end < len(text) else ""
    shift = len(before) - start
    return f"{before}{text[start:end]}{after}", first + shift, min(last, end) + shift
