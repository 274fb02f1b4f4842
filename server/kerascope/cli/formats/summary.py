"""The last line of a check: how many findings there are, and what can be done at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kerascope.cli.results import FileResult, all_found


def summary(results: Sequence[FileResult], checked: int) -> str:
    """One or two sentences."""
    everything = all_found(results)
    if not everything:
        return f"No findings in {counted(checked, 'file')}."
    severities = Counter(found.finding.severity for found in everything)
    parts = [
        text
        for severity, text in (
            ("error", counted(severities["error"], "error")),
            ("warning", counted(severities["warning"], "warning")),
            ("information", f"{severities['information']} for information"),
        )
        if severities[severity]  # type: ignore[index]
    ]
    files = sum(1 for result in results if result.found)
    text = f"Found {_listed(parts)} in {files} of {counted(checked, 'file')}."
    safe = sum(1 for found in everything if found.fix and found.fix.safe)
    unsafe = sum(1 for found in everything if found.fix and not found.fix.safe)
    if safe:
        text += f" {safe} can be fixed with --fix" + (
            f", {unsafe} more with --unsafe-fixes." if unsafe else "."
        )
    elif unsafe:
        text += f" {unsafe} can be fixed with --unsafe-fixes."
    return text


def counted(number: int, noun: str, plural: str = "s") -> str:
    """ "1 file", "2 files"; `plural` is the ending."""
    return f"{number} {noun}{'' if number == 1 else plural}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
