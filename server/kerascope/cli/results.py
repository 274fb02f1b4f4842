"""What checking a file gave, as plain values that can cross to another process and be kept on disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kerascope.rules.rule import Finding, Fix


@dataclass(frozen=True, slots=True)
class Found:
    """A finding (its `make_fix` taken off) with the fix that it makes."""

    finding: Finding
    fix: Fix | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of a file that could not be parsed; `line` counts from 1."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class FileResult:
    """What checking one file gave.

    `problem` says why the file could not be checked (then there are no findings), `crashed` that the fault is
    Kerascope's. `left_out` is what was not checked though the rest was. `reads` are the absolute paths that
    the findings depend on, those of missing files included; None if that isn't known.
    """

    path: str
    found: tuple[Found, ...] = ()
    problem: str | None = None
    reads: frozenset[str] | None = None
    crashed: bool = False
    left_out: tuple[LeftOut, ...] = ()


def without_fix_maker(finding: Finding) -> Finding:
    """The finding as a plain value: what makes its fix can't leave the process."""
    return replace(finding, make_fix=None)


def all_found(results: Iterable[FileResult]) -> Sequence[Found]:
    """The findings of all files, in order."""
    return [found for result in results for found in result.found]


def fails(results: Iterable[FileResult]) -> bool:
    """Whether there is a finding of severity warning or error."""
    return any(found.finding.severity != "information" for found in all_found(results))
