"""The project: documents open and on disk, and what a name in one of them means.

Everything is looked up lazily and kept until the file that it came from changes. Whoever memoises a
result records what it read (`recording`) and asks `unchanged` before using it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kerascope.project.catalogue import Catalogue
from kerascope.project.meaning import Meaning
from kerascope.project.module import Module
from kerascope.source.document import Document


class Reads:
    """What an analysis consulted: definitions by module and name, missing names included."""


class Project:
    """All documents of one workspace folder, and the meaning of their names."""

    def __init__(self, root: str | None, search_paths: Sequence[str] = ()) -> None:
        """`root`: the folder; `search_paths`: further folders of importable code (site-packages)."""

    def open(self, document: Document) -> None:
        """The editor's text of `document.path` from now on, instead of the file's (also for each edit)."""
        raise NotImplementedError

    def close(self, path: str) -> None:
        """Back to the file on disk."""
        raise NotImplementedError

    def changed_on_disk(self, path: str) -> None:
        """Forget what was read from `path` (a file made, changed or deleted)."""
        raise NotImplementedError

    def document(self, path: str) -> Document | None:
        """The open document, else the file's; None if it can't be read."""
        raise NotImplementedError

    def module(self, path: str) -> Module | None:
        """The module in the file at `path`."""
        raise NotImplementedError

    def find_module(self, dotted: str, importer: Module | None = None) -> Module | None:
        """The module that `import dotted` finds in the workspace, beside the importer, or on the search paths."""
        raise NotImplementedError

    def resolve(self, module: Module, dotted: str) -> tuple[Meaning, ...]:
        """What `dotted` ("Dense", "layers.Dense", "np.ones") means at module level of `module`, every import
        followed to its end, through re-exports, star imports and `try/except`. `()`: unknown."""
        raise NotImplementedError

    def resolve_import(self, module: Module, imported: str, level: int, name: str | None) -> tuple[Meaning, ...]:
        """What `from {level dots}{imported} import {name}` binds (name None: the module itself)."""
        raise NotImplementedError

    def member(self, meaning: Meaning, name: str) -> tuple[Meaning, ...]:
        """What `meaning.name` means, for a Library or a ModuleDefinition; else ()."""
        raise NotImplementedError

    def builtin(self, name: str) -> bool:
        """Whether `name` is one of Python's builtins."""
        raise NotImplementedError

    @contextmanager
    def recording(self) -> Iterator[Reads]:
        """Everything looked up inside is noted in the `Reads` (nested recordings note it too)."""
        raise NotImplementedError
        yield

    def note(self, reads: Reads) -> None:
        """Add `reads` (of a memoised result used again) to the recordings under way."""
        raise NotImplementedError

    def unchanged(self, reads: Reads) -> bool:
        """Whether every look-up in `reads` would give the very same answer now."""
        raise NotImplementedError
