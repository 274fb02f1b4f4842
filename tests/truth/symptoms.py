"""What real Keras shows of an example: the build check's report says it, or the worker itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kerascope.probe.report import Report, from_json


@dataclass(frozen=True)
class Answer:
    """The symptoms that show, of those asked for; and why the others might not, where that is known."""

    shown: frozenset[str]
    notes: Mapping[str, str]


def answer_of(said: Mapping[str, Any], request: Mapping[str, Any]) -> Answer:
    """What the worker said, read."""
    report = from_json(said.get("measured"), path="example.py", class_name="", line=1)
    raised = {each.stage: f"{each.type}: {each.message}" for each in report.raised}
    if report.failure is not None:
        return Answer(frozenset({"raises"}), raised)
    shown = {name for name in request["symptoms"] if name in MEASURED and MEASURED[name](report)}
    return Answer(
        frozenset({*shown, *said.get("shown", ())}), {**report.not_measured, **raised, **said["notes"]}
    )


def _fewer(report: Report, moment: str) -> bool:
    """Whether Keras knows fewer weights at a moment than after a call."""
    counts = report.counts
    return moment in counts and counts[moment].weights < counts["call"].weights


MEASURED: Mapping[str, Callable[[Report], bool]] = {
    "raises": lambda report: report.failure is not None,
    "build-raises": lambda report: any(raised.stage == "build" for raised in report.raised),
    "untracked": lambda report: any(weight.lost for weight in report.weights),
    "unbuilt": lambda report: bool(report.unbuilt),
    "no-gradient": lambda report: any(
        weight.trained and weight.gradient is False for weight in report.weights
    ),
    "frozen": lambda report: any(
        weight.tracked and not weight.trained and "float" in weight.dtype for weight in report.weights
    ),
    "created-every-call": lambda report: bool(report.new_every_call),
    "not-built-by-build": lambda report: _fewer(report, "build"),
    "missing-in-functional": lambda report: _fewer(report, "functional"),
    "not-saved": lambda report: report.restored.get("weights-file") is False,
    "ineffective": lambda report: any(weight.trained and weight.effect is False for weight in report.weights),
}
"""Whether a build check's report shows it. The others are methods of tests/truth/worker.py."""
