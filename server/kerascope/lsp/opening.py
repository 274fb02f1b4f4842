"""A project with its checker and its settings, as the server uses them. Importing this loads the analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules.rule import Finding
from kerascope.source.document import Document
from kerascope.source.position import Position


class CheckedProject:
    """One folder's project, checked under the folder's settings."""

    def __init__(self, root: str | None, editor: Mapping[str, object], refined: Callable[[], None]) -> None:
        settings = Settings()
        self.problems: Sequence[str] = ()
        self._project = Project(root)
        self._checker = Checker(self._project, settings)

    def open(self, document: Document) -> None:
        self._project.open(document)

    def close_document(self, path: str) -> None:
        self._project.close(path)

    def changed_on_disk(self, path: str) -> None:
        self._project.changed_on_disk(path)

    def document(self, path: str) -> Document | None:
        return self._project.document(path)

    def check(self, path: str) -> Sequence[Finding]:
        return self._checker.check(path)

    def tree(self, path: str, position: Position) -> str | None:
        tree = getattr(self._checker, "tree", None)
        return tree(path, position) if tree else None

    def close(self) -> None:
        pass
