"""The one way from a file to its findings; the editor and the command line both take it."""

from __future__ import annotations

from collections.abc import Sequence

from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.rules.rule import Finding


class Checker:
    """Checks the files of one project; keeps results until something that they read has changed."""

    def __init__(self, project: Project, settings: Settings) -> None:
        self.project = project
        self.settings = settings

    def check(self, path: str) -> Sequence[Finding]:
        """The findings of one file, in order of place, suppressions and settings applied."""
        raise NotImplementedError
