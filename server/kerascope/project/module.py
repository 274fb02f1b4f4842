"""A module: one document seen as a namespace."""

from __future__ import annotations

from collections.abc import Mapping

from kerascope.project.meaning import Meaning
from kerascope.source.document import Document


class Module:
    """The names that one document binds at module level.

    A `Module` belongs to one `Document` version. `name` is its dotted name ("pkg.sub.mod"; for a file
    outside every package, its stem), `is_package` whether it is an `__init__.py`.
    """

    document: Document
    name: str
    is_package: bool

    @property
    def path(self) -> str:
        return self.document.path

    def own_meanings(self, name: str) -> tuple[Meaning, ...]:
        """What this module's own statements (imports not followed) can bind `name` to: several for
        conditional definitions, `()` where nothing binds it."""
        raise NotImplementedError

    def names(self) -> Mapping[str, object]:
        """All names bound at module level."""
        raise NotImplementedError
