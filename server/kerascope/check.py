"""The one way from a file to its findings; the editor and the command line both take it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from kerascope.failures import failed
from kerascope.project.catalogue import Generation, canonical
from kerascope.project.environment import Environment, choose_keras
from kerascope.project.meaning import ModuleDefinition
from kerascope.project.module import Imported, Module
from kerascope.project.project import Project, Reads
from kerascope.project.settings import Settings
from kerascope.rules import all_rules
from kerascope.rules.ks901_unused_suppression import unused
from kerascope.rules.ks902_unknown_code import unknown_codes
from kerascope.rules.places import is_expected_to_raise
from kerascope.rules.rule import Finding, FindingRelated, Report, Rule, Severity
from kerascope.source.document import Document, Site
from kerascope.source.position import Position, Range
from kerascope.source.statement import Statement
from kerascope.source.suppression import Suppression, suppressions
from kerascope.tracking.examine import Examiner
from kerascope.tracking.run import LayerRun, ScriptRun
from kerascope.tracking.tree import tree_at

SEVERITIES: tuple[Severity, ...] = ("information", "warning", "error")

# A letter comes first, for what begins with one is searched three times as fast as what begins with `\b`.
_KERAS_NAMES = re.compile(
    r"[tk](?<!\w[tk])(?:(?<=k)eras(?:_hub|_core)?|(?<=t)(?:f_keras|ensorflow|f))(?:\.\w+)+"
)
_LEGACY = "TF_USE_LEGACY_KERAS"
_EVIDENCE = r"\b(?:tf_keras|keras|tensorflow|TF_USE_LEGACY_KERAS)\b"
_IMPORTS = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+\(?([^)#\n]*)|import[ \t]+([\w., \t]+))", re.M
)


_Check: TypeAlias = Callable[[Any], Iterable[Report]]
"""`check_layer` or `check_script` of a rule."""


@dataclass
class _Kept:
    """What the rules said of one run."""

    run: LayerRun | ScriptRun
    header: Statement | None
    """The class's statement then: reports name places in it."""
    reads: Reads
    """What the rules looked up, beyond what the run did."""
    reports: tuple[tuple[type[Rule], Report], ...]


@dataclass
class _Checked:
    """The findings of one file, and what they were derived from."""

    document: Document
    generations: tuple[Generation, ...]
    reads: Reads
    findings: tuple[Finding, ...]


class Checker:
    """Checks the files of one project; keeps results until something that they read has changed."""

    def __init__(self, project: Project, settings: Settings, environment: Environment | None = None) -> None:
        self.project = project
        self.settings = settings
        self.environment = environment or Environment()
        if settings.keras_version is not None:
            versions = {**self.environment.versions, "keras": settings.keras_version}
            self.environment = replace(self.environment, versions=versions)
        self._examiners: dict[Generation, Examiner] = {}
        self._layer_checks = _checks("check_layer")
        self._script_checks = _checks("check_script")
        self._kept: dict[tuple[str, Generation], dict[int, _Kept]] = {}
        """By file: of the runs of its last check alone, or a day of typing would keep every run there was."""
        self._checked: dict[str, _Checked] = {}

    def check(self, path: str) -> Sequence[Finding]:
        """The findings of one file, in order of place, suppressions and settings applied."""
        module = self.project.module(path)
        if module is None or not self.settings.enable or self.settings.excludes(path):
            return ()
        known = self._checked.get(path)
        if known is not None and known.document is module.document and self.project.unchanged(known.reads):
            return known.findings
        with self.project.recording() as reads:
            generations = self.generations(module.document)
            raw = self._raw_findings(module, generations)
        findings = self._finish(module.document, raw)
        self._checked[path] = _Checked(module.document, generations, reads, findings)
        return findings

    def forget(self, path: str) -> None:
        """Drop what is kept for a file that nobody looks at any more."""
        self._checked.pop(path, None)
        for generation in self._examiners:
            self._kept.pop((path, generation), None)

    def trim(self) -> None:
        """Drop most of what is kept, for one who looks at many files, each once: less memory is quicker."""
        self._checked.clear()
        self._kept.clear()
        for examiner in self._examiners.values():
            examiner.trim()

    def dependencies(self, path: str) -> frozenset[str]:
        """The files, there or not, whose change may change the findings of `path`."""
        known = self._checked.get(path)
        return self.project.files_read(known.reads) - {path} if known is not None else frozenset()

    def generations(self, document: Document) -> tuple[Generation, ...]:
        """The Keras generations for which a file is checked."""
        names = self.names(document)
        return choose_keras(self.environment, self.settings.keras, names, _LEGACY in names).generations

    def names(self, document: Document) -> frozenset[str]:
        """The Keras names that a file uses; where it has its Keras from modules of the workspace, and these
        have none but Keras 2, their names too."""
        names = names_used(document)
        module = None if _origins(names) else self.project.module(document.path)
        if module is None:
            return names
        imported = self._names_of_imported(module, {module.path})
        wanted = {"tf"} if _LEGACY in imported else {"tf_keras"}
        return names | imported if _origins(imported) == wanted else names

    def _names_of_imported(self, module: Module, seen: set[str], depth: int = 3) -> frozenset[str]:
        found: set[str] = set()
        namespace = module.namespace
        bindings = [*namespace.stars(), *(b for named in namespace.names().values() for _, b in named)]
        sources = {b.source: None for b in bindings if isinstance(b.source, Imported)}
        for source in sources:
            for meaning in self.project.resolve_import(module, source.module, source.level, None):
                inner = meaning.module if isinstance(meaning, ModuleDefinition) else None
                if inner is None or inner.path in seen or not self._is_own(inner.path):
                    continue
                seen.add(inner.path)
                self.project.mentions(inner.path, _EVIDENCE)  # noted: findings depend on it
                names = names_used(inner.document)
                found |= names
                if depth > 1 and not _origins(names):
                    found |= self._names_of_imported(inner, seen, depth - 1)
        return frozenset(found)

    def _is_own(self, path: str) -> bool:
        root = self.project.root
        return (root is None or path.startswith(root)) and "site-packages" not in path

    def tree(self, path: str, position: Position) -> str | None:
        """Markdown: the sublayers and weights of the layer class or sublayer attribute at `position`, and
        what each Keras generation does to them; None where there is no layer."""
        module = self.project.module(path)
        if module is None:
            return None
        return tree_at(
            module, position, [self.examiner(3), self.examiner(2)], self.generations(module.document)
        )

    def examiner(self, generation: Generation) -> Examiner:
        """The symbolic runs under one generation."""
        if generation not in self._examiners:
            version = self.environment.keras_version(generation)
            self._examiners[generation] = Examiner(self.project, generation, version)
        return self._examiners[generation]

    # --- from runs to findings -------------------------------------------------------------------

    def _raw_findings(self, module: Module, generations: Iterable[Generation]) -> list[Finding]:
        generations = tuple(generations)
        found: dict[tuple[object, ...], list[Finding]] = {}
        for generation in generations:
            examiner = self.examiner(generation)
            before = self._kept.get((module.path, generation), {})
            now = self._kept[module.path, generation] = {}
            for run in examiner.runs(module):
                now[id(run)] = kept = self._reports(run, generation, before.get(id(run)))
                for rule, report in kept.reports:
                    finding = self._finding(module, run, rule, report, generation)
                    if finding is None:
                        continue
                    same = found.setdefault((finding.range, finding.code), [])
                    if not same or same[-1].generations != (generation,):
                        same.append(finding)
        return [_together(same, generations) for same in found.values()]

    def _reports(self, run: LayerRun | ScriptRun, generation: Generation, kept: _Kept | None) -> _Kept:
        """What the rules say of a run: again what was `kept`, if that is about this run."""
        header = run.definition.statement if isinstance(run, LayerRun) else None
        if (
            kept is not None
            and kept.run is run
            and kept.header is header
            and self.project.unchanged(kept.reads)
        ):
            self.project.note(kept.reads)
            return kept
        reports: list[tuple[type[Rule], Report]] = []
        checks = self._layer_checks if isinstance(run, LayerRun) else self._script_checks
        with self.project.recording() as reads:
            for rule, check in checks[generation]:
                try:
                    reports.extend((rule, report) for report in check(run))
                except Exception as error:
                    failed(f"{rule.code} on {run.module.path}", error)
        return _Kept(run, header, reads.beyond(run.reads), tuple(reports))

    def _finding(
        self,
        module: Module,
        run: LayerRun | ScriptRun,
        rule: type[Rule],
        report: Report,
        generation: Generation,
    ) -> Finding | None:
        site = report.site
        if site.path != module.path or is_expected_to_raise(site):
            return None
        found = module.document.range_of(site)
        if found is None:
            return None
        related = tuple(
            FindingRelated(place.site.path, where, place.message)
            for place in report.related
            if (where := self._range_of(place.site)) is not None
        )
        return Finding(
            module.path,
            found,
            rule.code,
            rule.name,
            report.severity or rule.severity[generation],
            report.message,
            (generation,),
            related,
            report.fix,
        )

    def _range_of(self, site: Site) -> Range | None:
        document = self.project.document(site.path)
        return document.range_of(site) if document is not None else None

    # --- suppressions and settings ---------------------------------------------------------------

    def _finish(self, document: Document, raw: list[Finding]) -> tuple[Finding, ...]:
        comments = suppressions(document)
        codes = frozenset(rule.code for rule in all_rules())
        kept = [finding for finding in raw if not _suppressed(comments, finding)]
        if comments:
            own = [*unused(document, comments, raw), *unknown_codes(document, comments, codes)]
            # A comment without codes doesn't hide what is said about itself.
            named = [comment for comment in comments if not comment.all_codes]
            kept += [finding for finding in own if not _suppressed(named, finding)]
        return self._wanted(kept)

    def finished(self, document: Document, raw: Sequence[Finding]) -> tuple[Finding, ...]:
        """Findings that were not made here, of the build check for example, with suppressions and settings
        applied."""
        comments = suppressions(document)
        return self._wanted(finding for finding in raw if not _suppressed(comments, finding))

    def _wanted(self, found: Iterable[Finding]) -> tuple[Finding, ...]:
        kept = (shown for finding in found if (shown := self._as_set(finding)) is not None)
        return tuple(sorted(kept, key=lambda finding: (finding.range, finding.code)))

    def _as_set(self, finding: Finding) -> Finding | None:
        """The finding with the severity that the user set; None if it isn't wanted."""
        if not self.settings.reports(finding.code, finding.path):
            return None
        level = self.settings.level(finding.code)
        return replace(finding, severity=level) if level is not None and level != "off" else finding


def _together(same: Sequence[Finding], asked: tuple[Generation, ...]) -> Finding:
    """One finding of what the generations say of a place; what isn't said of all of them names its own."""
    message = same[0].message
    if len(same) < len(asked) or any(finding.message != message for finding in same):
        message = " ".join(map(_of_its_generation, same))
    worst = max((finding.severity for finding in same), key=SEVERITIES.index)
    generations = tuple(generation for finding in same for generation in finding.generations)
    return replace(same[0], message=message, severity=worst, generations=generations)


def _of_its_generation(finding: Finding) -> str:
    keras = f"Keras {finding.generations[0]}"
    return finding.message if keras in finding.message else f"{keras}: {finding.message}"


def _checks(name: str) -> dict[Generation, list[tuple[type[Rule], _Check]]]:
    """For each generation, the rules that look at a layer's runs, or at a script's."""
    rules = [
        rule for rule in all_rules() if not rule.measured and getattr(rule, name) is not getattr(Rule, name)
    ]
    return {
        generation: [(rule, getattr(rule(), name)) for rule in rules if generation in rule.severity]
        for generation in (3, 2)
    }


def names_used(document: Document) -> frozenset[str]:
    """The dotted Keras and TensorFlow names that a file imports or writes, import aliases undone."""
    aliases: dict[str, str] = {}
    names: set[str] = set()
    for statement in document.statements:
        for name, alias in _names_in(statement):
            if alias is not None:
                aliases[alias] = name
            names.add(name)
    found = set(names)
    for name in names:
        first, dot, rest = name.partition(".")
        if dot and first in aliases:
            found.discard(name)
            found.add(f"{aliases[first]}.{rest}")
    return frozenset(found)


def _origins(names: Iterable[str]) -> set[str]:
    """The packages of which Keras' names among these are: "tf", "keras", "tf_keras"."""
    found = (canonical(name) for name in names)
    return {known[1] for known in found if known is not None and known[0].startswith("keras")}


_names_by_statement: WeakKeyDictionary[Statement, tuple[tuple[str, str | None], ...]] = WeakKeyDictionary()


def _names_in(statement: Statement) -> tuple[tuple[str, str | None], ...]:
    """The names that a statement writes, and the aliases that its imports make; kept with the statement."""
    known = _names_by_statement.get(statement)
    if known is None:
        inside = (name for piece in statement.body for name in _names_in(piece))
        known = tuple(dict.fromkeys((*_read_names(statement.own_text), *inside)))
        _names_by_statement[statement] = known
    return known


def _read_names(text: str) -> tuple[tuple[str, str | None], ...]:
    if "keras" not in text and "tensorflow" not in text and "tf." not in text and "KERAS" not in text:
        return ()
    found: list[tuple[str, str | None]] = []
    for module, imported, plain in _IMPORTS.findall(text) if "import" in text else ():
        for part in (imported or plain).split(","):
            words = part.split()
            if not words:
                continue
            name = f"{module}.{words[0]}" if module else words[0]
            alias = words[2] if len(words) == 3 and words[1] == "as" else (words[0] if module else None)
            found.append((name, alias))
    found.extend((name, None) for name in _KERAS_NAMES.findall(text))
    if _LEGACY in text:
        found.append((_LEGACY, None))
    return tuple(dict.fromkeys(found))


def _suppressed(comments: Sequence[Suppression], finding: Finding) -> bool:
    return any(comment.suppresses(finding.code, finding.range.start.line) for comment in comments)
