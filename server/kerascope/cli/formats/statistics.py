"""`--statistics`: how often each rule reports, instead of the findings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from kerascope.cli.formats import Output
from kerascope.cli.formats.summary import summary
from kerascope.cli.results import FileResult, all_found
from kerascope.cli.terminal import Palette


def write(results: Sequence[FileResult], output: Output) -> None:
    """Print one line for each rule and severity, the most frequent first."""
    findings = all_found(results)
    counts = Counter((found.finding.code, found.finding.name, found.finding.severity) for found in findings)
    fixable = Counter((found.finding.code, found.finding.severity) for found in findings if found.fix)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if output.as_json:
        rows = [
            {
                "code": code,
                "name": name,
                "severity": severity,
                "count": count,
                "fixable": fixable[code, severity],
            }
            for (code, name, severity), count in ordered
        ]
        json.dump(rows, output.stream, indent=2)
        output.stream.write("\n")
        return
    paint = Palette(output.colour)
    digits = max((len(str(count)) for count in counts.values()), default=0)
    longest = max((len(name) for _, name, _ in counts), default=0)
    for (code, name, severity), count in ordered:
        shown = paint.severity(severity, f"{severity:<11}")
        can = f"  {fixable[code, severity]} fixable" if fixable[code, severity] else ""
        output.stream.write(f"{count:>{digits}}  {code}  {name:<{longest}}  {shown}{can}".rstrip() + "\n")
    output.stream.write(summary(results, output.checked) + "\n")
