"""What a build check says of the analysis' own findings: confirmed, refuted, or nothing.

A finding is only withdrawn where the measurement contradicts its claim: what it speaks of was made on the
very line, was used, and shows the opposite. What didn't happen in the run (a branch, for example) says
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from kerascope.probe.report import Frame, Node, Report, Weight
from kerascope.rules.rule import Finding
from kerascope.source.document import Document

Verdict = Literal["confirmed", "refuted"]

CONFIRMED = "(confirmed by the build check)"


def judged(
    static: Iterable[Finding], reports: Sequence[Report], document: Document
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """The findings that stand, those confirmed saying so; and a line for the log about each withdrawn one.

    One that holds for two generations is withdrawn if the checks under both refute it.
    """
    kept: list[Finding] = []
    log: list[str] = []
    for finding in static:
        said: dict[int | None, set[Verdict]] = {}
        for report in reports:
            found = verdict(finding, report, document)
            if found is not None:
                said.setdefault(report.generation, set()).add(found)
        every = set().union(*said.values())
        if "confirmed" in every:
            kept.append(replace(finding, message=f"{finding.message} {CONFIRMED}"))
        elif every and set(said) >= set(finding.generations):
            place = f"{finding.path}:{finding.range.start.line + 1}"
            log.append(f"{place}: the build check refutes {finding.code}, withdrawn: {finding.message}")
        else:
            kept.append(finding)
    return tuple(kept), tuple(log)


def verdict(finding: Finding, report: Report, document: Document) -> Verdict | None:
    """What one report says of one finding of the analysis."""
    judge = _JUDGES.get(finding.code)
    if judge is None or finding.path != document.path or report.generation not in finding.generations:
        return None
    case = _Case(finding, report, document)
    if finding.code in _WHERE_KERAS_RAISES and case.raised_here():
        return "confirmed"
    failure = report.failure
    if failure is not None and failure.type == "KeyError" and "KeyError" in finding.message:
        return "confirmed" if case.is_about() else None
    return judge(case) if report.called or judge is _super_init else None


@dataclass(frozen=True, slots=True)
class _Case:
    """A finding and a report."""

    finding: Finding
    report: Report
    document: Document

    def weights(self) -> list[Weight]:
        """The variables that the finding speaks of: made on its lines, or by layers made there."""
        found = {
            id(weight): weight
            for node in self.report.nodes
            for weight in node.weights
            if any(self._here(each) for each in (node.created, weight.created, weight.held))
        }
        found |= {
            id(weight): weight
            for weight in self.report.loose
            if self._here(weight.created) or self._here(weight.held)
        }
        if not found and self.is_about():
            found = {id(weight): weight for weight in self._by_attribute()}
        return list(found.values())

    def _by_attribute(self) -> Iterable[Weight]:
        """Those below the attribute to which the finding's line assigns."""
        start = self.finding.range.start
        named = re.match(r"self\.(\w+)", self.document.line(start.line)[start.column :])
        if named is None:
            return ()
        below = re.compile(rf"{named[1]}(?![\w])")
        return (weight for weight in self.report.weights if below.match(weight.path))

    def made_here(self) -> list[Node | Weight]:
        """The layers and weights that were made on the finding's own lines."""
        made: list[Node | Weight] = [node for node in self.report.nodes if self._on_its_lines(node.created)]
        made += [
            weight
            for weight in self.report.weights
            if self._on_its_lines(weight.created) or self._on_its_lines(weight.held)
        ]
        return made

    def anew_here(self) -> bool:
        """Whether the second call made variables on the finding's lines again."""
        anew = self.report.new_every_call
        return any(self._on_its_lines(each) for weight in anew for each in (weight.created, weight.held))

    def raised_here(self) -> bool:
        """Whether an exception went through the finding's lines."""
        return any(self._on_its_lines(frame) for raised in self.report.raised for frame in raised.frames)

    def is_about(self) -> bool:
        """Whether the report is about the class in which the finding stands."""
        return self.class_of() == self.report.class_name.rpartition(".")[2]

    def class_of(self) -> str | None:
        """The name of the (innermost) class around the finding."""
        line, found = self.finding.range.start.line, None
        for statement in self.document.walk():
            if statement.kind == "class":
                first = self.document.line_of(statement)
                if first is not None and first <= line < first + max(statement.text.count("\n"), 1):
                    found = statement.name
        return found

    def _on_its_lines(self, frame: Frame | None) -> bool:
        where = self.finding.range
        return (
            frame is not None
            and frame.path == self.finding.path
            and where.start.line < frame.line <= where.end.line + 1
        )

    def _here(self, frame: Frame | None) -> bool:
        """Whether a line is one of the finding's, or one that it names as where something is made."""
        if frame is None:
            return False
        return self._on_its_lines(frame) or any(
            frame.path == related.path and related.range.start.line < frame.line <= related.range.end.line + 1
            for related in self.finding.related
        )


def _untracked(case: _Case) -> Verdict | None:
    """ "These weights won't be trained": the call used them, and Keras knows them or not."""
    if "trained" not in case.finding.message:
        return _not_saved(case) if "saved" in case.finding.message else None
    weights = [weight for weight in case.weights() if weight.trainable]
    if any(weight.lost for weight in weights):
        return "confirmed"
    used = [weight for weight in weights if weight.watched or weight.effect]
    known = used and all(weight.tracked and weight.trained for weight in weights)
    return "refuted" if known and not case.report.loose else None


def _not_saved(case: _Case) -> Verdict | None:
    """ "Their values won't be saved": they came back in a fresh instance or not."""
    saved = [weight.saved for weight in case.weights()]
    if False in saved:
        return "confirmed"
    return "refuted" if saved and all(saved) else None


def _not_built_by_build(case: _Case) -> Verdict | None:
    """ "build(shape) makes none of their weights": both ways were counted on fresh instances."""
    built, called = case.report.counts.get("build"), case.report.counts.get("call")
    if built is None or called is None or not case.is_about():
        return None
    return "confirmed" if built.weights < called.weights else "refuted"


def _made_in_call(case: _Case) -> Verdict | None:
    """ "Made anew in every call": the second call made variables there again, or only the first did."""
    if case.anew_here():
        return "confirmed"
    again = "again" not in case.report.not_measured
    return "refuted" if again and any(isinstance(made, Weight) for made in case.made_here()) else None


def _raises(case: _Case) -> Verdict | None:
    """ "Keras raises here": what the line makes is there."""
    return "refuted" if case.made_here() else None


def _super_init(case: _Case) -> Verdict | None:
    """ "The constructor of Keras is never reached": then no such object can be made, or called."""
    failure = case.report.failure
    if case.report.status == "raised" and failure is not None:
        # Keras says so itself, also of a subclass.
        told = "super().__init__" in failure.message
        return "confirmed" if told or (case.is_about() and failure.stage == "construct") else None
    called = {node.class_name for node in case.report.nodes if node.built and node.called is not False}
    return "refuted" if case.report.status == "built" and case.class_of() in called else None


def _no_gradient(case: _Case) -> Verdict | None:
    """ "The weight never trains": it got a gradient on the second step or not."""
    weights = [weight for weight in case.weights() if weight.trainable]
    if any(weight.gradient is False or weight.lost for weight in weights):
        return "confirmed"
    return "refuted" if weights and all(weight.gradient and weight.effect for weight in weights) else None


def _overwritten(case: _Case) -> Verdict | None:
    """ "A tensor takes the weight's place": the second step found no way to the weight. Where it found one,
    the line may not have run."""
    return "confirmed" if _no_gradient(case) == "confirmed" else None


_JUDGES: dict[str, Callable[[_Case], Verdict | None]] = {
    **dict.fromkeys(
        ("KS101", "KS102", "KS103", "KS105", "KS106", "KS107", "KS108", "KS109", "KS110"), _untracked
    ),
    **dict.fromkeys(("KS201", "KS203"), _not_built_by_build),
    **dict.fromkeys(("KS301", "KS302", "KS304"), _made_in_call),
    **dict.fromkeys(("KS112", "KS303", "KS305", "KS307", "KS405"), _raises),
    **dict.fromkeys(("KS501", "KS502"), _not_saved),
    "KS306": _super_init,
    **dict.fromkeys(("KS401", "KS409"), _no_gradient),
    "KS408": _overwritten,
}
_WHERE_KERAS_RAISES = frozenset(
    {"KS112", "KS301", "KS302", "KS303", "KS304", "KS305", "KS307", "KS401", "KS405", "KS408"}
)
"""Rules about lines on which Keras raises, always or in some cases."""
