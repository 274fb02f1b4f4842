"""Which project a file belongs to, and under which settings it is checked."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from kerascope import rules
from kerascope.cli.cache import cache_folder
from kerascope.cli.failure import CannotRun
from kerascope.cli.files import absolute
from kerascope.project.environment import Environment, find_environment
from kerascope.project.settings import Problem, Settings, from_command_line, load

if TYPE_CHECKING:
    from kerascope.check import Checker

PROJECT_FILES = ("kerascope.toml", "pyproject.toml", "setup.py", "setup.cfg")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder whose files see each other, with the settings and the interpreter for (some of) them.

    `is_project`: the folder is marked as a project's, by a repository or a configuration file.
    """

    root: str
    is_project: bool
    settings: Settings
    environment: Environment

    def checker(self) -> Checker:
        """A new checker; another process can make one from this value too."""
        from kerascope.check import Checker
        from kerascope.project.inference import Inference
        from kerascope.project.project import Project

        project = Project(self.root, self.environment.search_paths)
        project.inference = Inference(project)
        # What is excluded was left out already, and who names a file wants it checked nevertheless.
        settings = replace(self.settings, exclude=())
        return Checker(project, settings, self.environment)

    def notes(self) -> Iterator[str]:
        """What a person should know of the interpreter: one sentence each."""
        yield from self.environment.notes
        told = self.settings.keras != "auto" or self.settings.keras_version is not None
        if not told and self.environment.generation("tf") is None:
            where = self.environment.python or "any interpreter"
            yield (
                f"neither TensorFlow nor Keras is installed in {where}: a file is checked for the Keras that "
                "it imports, else for Keras 3 (to choose: --keras, or `keras` in the settings)"
            )

    def key(self) -> str:
        """Everything that findings depend on besides the files that are read and Kerascope itself."""
        return repr((self.root, self.settings, self.environment))

    def cache_folder(self) -> Path | None:
        """Where results are kept; None for nowhere."""
        return cache_folder(Path(self.root) if self.is_project else None)


class Workspaces:
    """The workspaces of the files that a command is about."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._given = [path for given in options.paths if (path := absolute(given)).is_dir()] or [Path.cwd()]
        for level in _listed(options.severity) or ():
            if "=" not in level:
                raise CannotRun(f"--severity needs CODE=LEVEL, for example KS203=off, not {level}")
        self._options = {
            "keras": options.keras,
            "select": _listed(options.select),
            "ignore": _listed(options.ignore),
            "severity": _listed(options.severity),
            **getattr(options, "settings", {}),
        }
        self._codes = rule_codes()
        _, problems = from_command_line(self._options, codes=self._codes)
        for problem in problems:
            raise CannotRun(f"--{problem.message}")
        self.problems: dict[Problem, Settings] = {}
        """What is wrong in configuration files, with the settings that hold there."""
        self._settings = cache(self._load)
        self._roots = cache(self._root)
        self._environments = cache(find_environment)

    def of(self, path: str) -> Workspace:
        """The workspace of a file."""
        folder = Path(path).parent
        settings = self._settings(folder)
        root, is_project = self._roots(folder)
        environment = self._environments(root, setting=settings.python)
        return Workspace(root, is_project, settings, environment)

    def grouped(self, files: Sequence[str]) -> Iterator[tuple[Workspace, list[str]]]:
        """The files of each workspace."""
        known: dict[Path, str] = {}
        groups: dict[str, tuple[Workspace, list[str]]] = {}
        for path in files:
            folder = Path(path).parent
            if folder not in known:
                workspace = self.of(path)
                known[folder] = workspace.key()
                groups.setdefault(known[folder], (workspace, []))
            groups[known[folder]][1].append(path)
        yield from groups.values()

    def _load(self, folder: Path) -> Settings:
        found, problems = load(str(folder), codes=self._codes)
        settings, _ = from_command_line(self._options, found, codes=self._codes)
        for problem in problems:
            self.problems.setdefault(problem, settings)
        return settings

    def _root(self, folder: Path) -> tuple[str, bool]:
        """The repository around `folder`, else its project, else the folder that the user named."""
        around = [folder, *folder.parents]
        for here in around:
            if (here / ".git").exists():
                return str(here), True
        for here in around:
            if any((here / name).exists() for name in PROJECT_FILES):
                return str(here), True
        named = [given for given in self._given if given in around]
        return str(min(named, default=folder)), False


def rule_codes() -> frozenset[str]:
    """The codes of all rules, from the names of their files: nothing is imported."""
    names = (module.name for module in iter_modules(rules.__path__))
    return frozenset(name[:5].upper() for name in names if re.fullmatch(r"ks\d{3}_\w+", name))


def _listed(given: Sequence[str] | None) -> list[str] | None:
    """An option that may be repeated, and holds several values between commas each time."""
    if given is None:
        return None
    return [value.strip() for text in given for value in text.split(",") if value.strip()]
