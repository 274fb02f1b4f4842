"""Which project a file belongs to, and under which settings it is checked."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerascope.cli.cache import cache_folder

if TYPE_CHECKING:
    from kerascope.check import Checker
    from kerascope.project.settings import Settings


@dataclass(frozen=True)
class Workspace:
    """A folder whose files see each other, and the settings for them."""

    root: str
    is_project: bool
    settings: Settings

    def checker(self) -> Checker:
        """A new checker; another process can make one from this value too."""
        from kerascope.check import Checker
        from kerascope.project.project import Project

        return Checker(Project(self.root), self.settings)

    def key(self) -> str:
        """Everything that a file's findings depend on besides files and Kerascope itself."""
        return repr((self.root, self.settings))

    def cache_folder(self) -> Path | None:
        return cache_folder(Path(self.root) if self.is_project else None)


class Workspaces:
    """The workspaces of the files that a command is about."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._known: dict[Path, Workspace] = {}

    def of(self, path: str) -> Workspace:
        folder = Path(path).parent
        if folder not in self._known:
            self._known[folder] = self._find(folder)
        return self._known[folder]

    def grouped(self, files: Sequence[str]) -> Iterator[tuple[Workspace, list[str]]]:
        groups: dict[int, tuple[Workspace, list[str]]] = {}
        for path in files:
            workspace = self.of(path)
            groups.setdefault(id(workspace), (workspace, []))[1].append(path)
        yield from groups.values()

    def _find(self, folder: Path) -> Workspace:
        from kerascope.project.settings import Settings

        root = next(
            (
                p
                for p in (folder, *folder.parents)
                if (p / ".git").exists() or (p / "pyproject.toml").exists()
            ),
            None,
        )
        key = root or folder
        if key not in self._known:
            self._known[key] = Workspace(str(root or Path.cwd()), root is not None, Settings())
        return self._known[key]
