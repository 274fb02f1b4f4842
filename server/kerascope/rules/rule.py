"""What a rule is, and what it reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from kerascope.project.catalogue import Generation
from kerascope.source.document import Document, Site
from kerascope.source.position import Edit, Range

if TYPE_CHECKING:
    from kerascope.tracking.run import LayerRun, ScriptRun

Severity = Literal["error", "warning", "information"]


@dataclass(frozen=True, slots=True)
class Related:
    """Another place that explains a report, for example the line that makes the hidden weight."""

    site: Site
    message: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits to one document that mend a finding. `safe`: the program's meaning stays, but for the defect."""

    title: str
    safe: bool
    edits: tuple[Edit, ...]


MakeFix = Callable[[Document], Fix | None]
"""Makes the fix, when it is asked for, against the present version of the document."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a rule says: one line of message, the place, related places and a way to mend it."""

    site: Site
    message: str
    related: tuple[Related, ...] = ()
    fix: MakeFix | None = None
    severity: Severity | None = None
    """Instead of the rule's own severity, where the catalogue tells two cases apart."""


Symptom = Literal[
    "untracked",
    "unbuilt",
    "no-gradient",
    "frozen",
    "trained-though-frozen",
    "raises",
    "fit-raises",
    "predict-raises",
    "build-raises",
    "not-built-by-build",
    "missing-in-functional",
    "created-every-call",
    "duplicated",
    "values-lost",
    "not-saved",
    "not-in-checkpoint",
    "without-effect",
    "fewer-weights",
    "ineffective",
]
"""What real Keras shows of a defect. tests/truth/worker.py says how each is measured."""


@dataclass(frozen=True, slots=True)
class Example:
    """A program that is a test and a piece of documentation at once.

    `code` is a whole module. In one that reports, every reported line ends in `# <- KS101` (only these
    codes, on these lines; other rules' findings of severity information may also appear if marked). It is
    proven against real Keras: `make` is an expression that gives the layer, `arguments` what it is called on
    (`x` is a float tensor of shape (2, 4)), both over the names of the module and `tf`, `keras`, `np`.
    """

    title: str
    code: str
    generations: tuple[Generation, ...] = (2, 3)
    make: str = "Example()"
    symptom: Symptom | Mapping[Generation, Symptom] | None = None
    """What real Keras shows, in each generation. On a silent example: what shows although the rule has
    nothing to say, because the author means it or another rule reports it; None where nothing shows."""
    fixed: str | None = None
    """The code after the rule's own fix, where it has one."""
    arguments: str = "x"
    evidence: str | None = None
    """For "fewer-weights": an expression over the module's names and `layer`, true after the call where the
    symptom shows: `len(layer.trainable_weights) < 6`."""
    since: tuple[int, int] | None = None
    before: tuple[int, int] | None = None
    """The versions of Keras, from one and below another, in which it is as the example says; in those
    outside, an example that reports has no symptom, and nothing is reported. (3, 15) says nothing of
    Keras 2."""

    def holds(self, generation: Generation, version: tuple[int, ...] | None = None) -> bool:
        """Whether it is as the example says in a version of Keras; None: the newest."""
        if self.since is not None and self.since[0] == generation and version and version < self.since:
            return False
        if self.before is None or self.before[0] != generation:
            return True
        return version is not None and version < self.before

    def version_in(self, generation: Generation) -> tuple[int, int] | None:
        """A version in which it is as the example says; None: the newest."""
        if self.before is None or self.before[0] != generation:
            return None
        return self.before[0], self.before[1] - 1

    def symptom_in(self, generation: Generation) -> Symptom | None:
        """The symptom under one generation."""
        if self.symptom is None or isinstance(self.symptom, str):
            return self.symptom
        return self.symptom.get(generation)


class Rule:
    """Base of all rules. One file a rule; the class docstring is the rule's page, under fixed headings."""

    code: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Mapping[Generation, Severity]]
    """For each generation that the rule speaks of, how bad it is there."""
    summary: ClassVar[str]
    """One sentence."""
    measured: ClassVar[bool] = False
    """Whether only the build check reports it. Its examples are then run by that, not by the analysis."""
    reporting: ClassVar[tuple[Example, ...]] = ()
    silent: ClassVar[tuple[Example, ...]] = ()

    def check_layer(self, run: LayerRun) -> Iterator[Report]:
        """Reports about one layer class, from its symbolic run under one generation."""
        return iter(())

    def check_script(self, run: ScriptRun) -> Iterator[Report]:
        """Reports about code outside layer classes: module level, and each function in order."""
        return iter(())


@dataclass(frozen=True, slots=True)
class FindingRelated:
    """A related place of a finding, as positions."""

    path: str
    range: Range
    message: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A report at its place in one version of a document, ready to show."""

    path: str
    range: Range
    code: str
    name: str
    severity: Severity
    message: str
    generations: tuple[Generation, ...]
    related: tuple[FindingRelated, ...] = ()
    make_fix: MakeFix | None = field(default=None, compare=False, repr=False)
