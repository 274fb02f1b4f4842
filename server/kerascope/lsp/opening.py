"""A project with its checkers and its settings, as the server uses them. Importing this loads the
analysis."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kerascope.check import Checker
from kerascope.lsp.workspace import BuildSettings, LayerClass
from kerascope.project.catalogue import catalogue
from kerascope.project.environment import find_environment
from kerascope.project.inference import Inference
from kerascope.project.meaning import ClassDefinition
from kerascope.project.project import Project
from kerascope.project.settings import Settings, from_editor, load
from kerascope.rules import all_rules
from kerascope.rules.rule import Finding
from kerascope.source.document import Document, Site
from kerascope.source.position import Edit, Position
from kerascope.tracking.classes import ClassIndex

if TYPE_CHECKING:
    from kerascope.lsp.building import BuildCheck, Given, Prepared
    from kerascope.probe.build_check import BuildCheck as Check
    from kerascope.probe.build_check import Prepared as CheckPrepared
    from kerascope.probe.process import Workers
    from kerascope.probe.report import Report, Stage

SERVER_KEYS = ("trusted", "interpreter", "trace", "path", "serverPython", "importStrategy", "showsResults")
"""What an editor says to the server or to its own extension, and no configuration file has."""
_SWITCHED_OFF = "The build check is switched off by the settings."
_EXCLUDED = "The build check leaves this file alone: the settings exclude it."
_NOT_TRUSTED = (
    "The build check runs the code of the workspace, and this workspace isn't trusted: to use it, trust the "
    "workspace in the editor."
)


class CheckedProject:
    """One folder's project. Its files share what is known of them; each is checked under the settings of the
    nearest configuration file, with the editor's on top."""

    def __init__(self, root: str | None, editor: Mapping[str, object], refined: Callable[[], None]) -> None:
        self._root = root
        self._editor = {key: value for key, value in editor.items() if key not in SERVER_KEYS}
        self._codes = frozenset(rule.code for rule in all_rules())
        self._told: list[str] = []
        self.problems: Sequence[str] = self._told
        self._trusted = editor.get("trusted") is not False
        settings = self._settings(root)
        self._environment = find_environment(
            root,
            setting=settings.python,
            editor=_interpreter(editor.get("interpreter")),
            trusted=self._trusted,
        )
        self._told += self._environment.notes
        self._project = Project(root, self._environment.search_paths)
        self._inference = self._project.inference = Inference(self._project)
        self._inference.start(refined)
        self._checkers: dict[Settings, Checker] = {}
        self._by_folder: dict[str, Checker] = {}
        self._build_checks: dict[Checker, _Given] = {}

    def _settings(self, folder: str | None) -> Settings:
        """The settings that hold in a folder; what is wrong with them is noted once."""
        settings, problems = load(folder, codes=self._codes) if folder else (Settings(), ())
        settings, more = from_editor(self._editor, settings, codes=self._codes)
        self._told += [text for problem in (*problems, *more) if (text := str(problem)) not in self._told]
        return settings

    def _checker(self, path: str) -> Checker:
        folder = str(Path(path).parent) if Path(path).is_absolute() else self._root or ""
        checker = self._by_folder.get(folder)
        if checker is None:
            settings = self._settings(folder or None)
            if settings not in self._checkers:
                self._checkers[settings] = Checker(self._project, settings, self._environment)
            checker = self._by_folder[folder] = self._checkers[settings]
        return checker

    def open(self, document: Document) -> None:
        self._project.open(document)

    def close_document(self, path: str) -> None:
        self._project.close(path)
        self._checker(path).forget(path)

    def changed_on_disk(self, path: str) -> None:
        self._project.changed_on_disk(path)

    def document(self, path: str) -> Document | None:
        return self._project.document(path)

    def check(self, path: str) -> Sequence[Finding]:
        return self._checker(path).check(path)

    def tree(self, path: str, position: Position) -> str | None:
        return self._checker(path).tree(path, position)

    # --- the build check: nothing of it is loaded before it is needed ---

    def layer_classes(self, path: str) -> Sequence[LayerClass]:
        return tuple(_place_of(name, definition) for name, definition in self._definitions(path))

    def build_settings(self, path: str) -> BuildSettings:
        settings = self._checker(path).settings
        if not settings.enable or not settings.build:
            return BuildSettings(_SWITCHED_OFF)
        if settings.excludes(path):
            return BuildSettings(_EXCLUDED)
        if not self._trusted:
            return BuildSettings(_NOT_TRUSTED)
        return BuildSettings("", settings.build_on_save)

    def build_check(self, path: str, workers: Callable[[], Workers]) -> BuildCheck:
        from kerascope.probe.build_check import BuildCheck as Check

        checker = self._checker(path)
        if checker not in self._build_checks:
            check = Check(checker, workers(), self._root, trusted=self._trusted)
            self._build_checks[checker] = _Given(check)
        return self._build_checks[checker]

    def build_comment(self, path: str, class_name: str) -> Edit | None:
        from kerascope.probe.comment import BuildComment, blank_comment, comment_above, insert_comment

        definition = dict(self._definitions(path)).get(class_name)
        if definition is None:
            return None
        document = definition.module.document
        if isinstance(comment_above(document, definition), BuildComment):
            return None
        generation = self._checker(path).generations(document)[0]
        classes = ClassIndex(self._project, catalogue(generation))
        return insert_comment(document, definition, blank_comment(classes, definition))

    def judged(
        self, path: str, findings: Sequence[Finding], reports: Sequence[Report]
    ) -> tuple[Sequence[Finding], Sequence[str]]:
        from kerascope.probe.findings import combined

        return combined(self._checker(path), path, findings, reports)

    def _definitions(self, path: str) -> Iterator[tuple[str, ClassDefinition]]:
        """The layer classes of a file that can be built, with their names ("Outer.Inner" in a class)."""
        from kerascope.probe.recipe import layer_classes

        module = self._project.module(path)
        if module is None:
            return
        checker = self._checker(path)
        examiner = checker.examiner(checker.generations(module.document)[0])
        names = {each.line: each.name for each in layer_classes(examiner, module) if not each.why_not}
        for definition in examiner.layer_classes(module) if names else ():
            place = module.document.range_of(Site(path, definition.statement, definition.node))
            if place is not None and place.start.line + 1 in names:
                yield names[place.start.line + 1], definition

    def close(self) -> None:
        self._inference.close()


class _Given:
    """A build check as the server asks it: what a request says for itself comes by name."""

    def __init__(self, check: Check) -> None:
        self._check = check

    def prepare(self, path: str, class_name: str, given: Given) -> Sequence[Prepared]:
        from kerascope.probe.recipe import Given as Said

        said = Said(given.get("init"), given.get("on"), given.get("call")) if given else None
        return self._check.prepare(path, class_name, said)

    def run(
        self,
        prepared: Prepared,
        *,
        progress: Callable[[Stage, str], None],
        partial: Callable[[Mapping[str, object]], None],
        cancelled: threading.Event,
        force: bool,
    ) -> Report:
        return self._check.run(
            cast("CheckPrepared", prepared),
            progress=progress,
            partial=partial,
            cancelled=cancelled,
            force=force,
        )

    def known(self, prepared: Prepared) -> Report | None:
        return self._check.known(cast("CheckPrepared", prepared))


def _place_of(name: str, definition: ClassDefinition) -> LayerClass:
    document, statement, node = definition.module.document, definition.statement, definition.node
    place = document.range_of(Site(document.path, statement, node))
    base = document.line_of(statement)
    assert place is not None and base is not None
    lines = len(statement.text.rstrip().splitlines()) if statement.kind == "class" else node.end_lineno or 1
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return LayerClass(name, place, base + first - 1, base + lines - 1)


def _interpreter(value: object) -> str | None:
    """The interpreter that the editor names: a path, or (as VS Code has it) a command with its arguments."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, str) and value else None
