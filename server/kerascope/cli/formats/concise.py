"""`--output-format concise`: one line for each finding, as compilers write them."""

from __future__ import annotations

from collections.abc import Sequence

from kerascope.cli.formats import Output
from kerascope.cli.formats.summary import summary
from kerascope.cli.results import FileResult, all_found
from kerascope.cli.terminal import Palette, printable


def write(results: Sequence[FileResult], output: Output) -> None:
    """Print `file:line:column: severity CODE message`, and how many there are."""
    paint = Palette(output.colour)
    for found in all_found(results):
        finding = found.finding
        place = output.place(finding.path, finding.range.start)
        level = paint.severity(finding.severity, f"{finding.severity} {finding.code}")
        fixable = "" if found.fix is None else " [fixable]" if found.fix.safe else " [fixable, unsafe]"
        output.stream.write(f"{place}: {level} {printable(finding.message)}{fixable}\n")
    output.stream.write(summary(results, output.checked) + "\n")
