"""What was measured, what it may be at most, and the table that shows both."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured value of one tool."""

    what: str
    tool: str
    value: float
    unit: str
    limit: float | None = None
    note: str = ""

    @property
    def missed(self) -> bool:
        return self.limit is not None and not self.value <= self.limit

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "missed": self.missed}


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def percentile_95(values: Iterable[float]) -> float:
    """The value that one in twenty exceeds."""
    ordered = sorted(values)
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


def table(figures: Sequence[Figure]) -> str:
    rows = [("", "", "measured", "limit", "", "")]
    what = ""
    for figure in figures:
        limit = "" if figure.limit is None else f"≤ {_number(figure.limit)}"
        verdict = "" if figure.limit is None else "missed" if figure.missed else "ok"
        shown = "" if figure.what == what else figure.what
        what = figure.what
        measured = f"{_number(figure.value)} {figure.unit}".strip()
        rows.append((shown, figure.tool, measured, limit, verdict, figure.note))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    right = {2, 3}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, [*widths, 0], strict=True))
        ).rstrip()
        for row in rows
    )


def _number(value: float) -> str:
    if math.isinf(value):
        return "∞"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 4
    return f"{value:,.{digits}f}"
