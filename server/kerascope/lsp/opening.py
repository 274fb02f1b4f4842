"""A project with its checkers and its settings, as the server uses them. Importing this loads the
analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kerascope.check import Checker
from kerascope.project.environment import find_environment
from kerascope.project.inference import Inference
from kerascope.project.project import Project
from kerascope.project.settings import Settings, from_editor, load
from kerascope.rules import all_rules
from kerascope.rules.rule import Finding
from kerascope.source.document import Document
from kerascope.source.position import Position

SERVER_KEYS = ("trusted", "interpreter", "trace", "path", "importStrategy")
"""What an editor says to the server or to its own extension, and no configuration file has."""


class CheckedProject:
    """One folder's project. Its files share what is known of them; each is checked under the settings of the
    nearest configuration file, with the editor's on top."""

    def __init__(self, root: str | None, editor: Mapping[str, object], refined: Callable[[], None]) -> None:
        self._root = root
        self._editor = {key: value for key, value in editor.items() if key not in SERVER_KEYS}
        self._codes = frozenset(rule.code for rule in all_rules())
        self._told: list[str] = []
        self.problems: Sequence[str] = self._told
        settings = self._settings(root)
        self._environment = find_environment(
            root,
            setting=settings.python,
            editor=_interpreter(editor.get("interpreter")),
            trusted=editor.get("trusted") is not False,
        )
        self._told += self._environment.notes
        self._project = Project(root, self._environment.search_paths)
        self._inference = self._project.inference = Inference(self._project)
        self._inference.start(refined)
        self._checkers: dict[Settings, Checker] = {}
        self._by_folder: dict[str, Checker] = {}

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

    def close(self) -> None:
        self._inference.close()


def _interpreter(value: object) -> str | None:
    """The interpreter that the editor names: a path, or (as VS Code has it) a command with its arguments."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, str) and value else None
