"""The files of a project: documents open and on disk, the listings of folders, and a module each.

Everything is read on first need and kept until the editor or the file system says that it changed.
"""

# Paths are strings here, as keys and as editors name them; a Path costs more than these look-ups.
# ruff: noqa: PTH100, PTH116, PTH118, PTH119, PTH120, PTH122, PTH208

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from kerascope.project.module import Module
from kerascope.source.document import Document
from kerascope.source.encoding import SourceText, Unreadable, read

_NO_CODE = frozenset({"__pycache__", "build", "dist", "node_modules", "venv"})
"""Folders in which nobody keeps code of their own."""


class Files:
    """What is known of the files. Not for several threads at once: its owner sees to that."""

    def __init__(self) -> None:
        self.problems: dict[str, str] = {}
        """For each file that is there and could not be read, why."""
        self.epoch = 0
        """Grows with every change of any file."""
        self.bindings = 0
        """Grows with every change but those that leave all names of a module bound as they were."""
        self._open: dict[str, Document] = {}
        self._disk: dict[str, Document | None] = {}
        self._before: dict[str, Document] = {}
        """The last versions of files to be read again: what didn't change is shared."""
        self._modules: dict[str, Module] = {}
        self._namespaces: dict[str, tuple[str, ...]] = {}
        self._listings: dict[str, frozenset[str] | None] = {}
        self._versions: dict[str, int] = {}

    def version(self, path: str) -> int:
        """A number that grows with every change of one file."""
        return self._versions.get(path, 0)

    def _changed(self, path: str) -> None:
        self.epoch += 1
        self.bindings += 1
        self._versions[path] = self.epoch

    def open(self, document: Document) -> None:
        """The editor's text of `document.path` from now on, instead of the file's."""
        path = document.path
        new = path not in self._open and not self.is_file(path)
        before = self._modules.get(path)
        self._open[path] = document
        self.problems.pop(path, None)
        self._changed(path)
        if new:
            self._rename_modules()
        elif before is not None:
            after = self.module(path)
            if after is not None and after.namespace is before.known_namespace:
                self.bindings -= 1

    def close(self, path: str) -> None:
        """Back to the file on disk."""
        document = self._open.pop(path, None)
        if document is not None:
            self._disk.pop(path, None)
            self._before[path] = document
            self._changed(path)
            if not self.is_file(path):
                self._rename_modules()

    def changed_on_disk(self, path: str) -> None:
        """Forget what was read from `path` (a file or folder made, changed or deleted)."""
        inside = path.rstrip(os.sep) + os.sep
        for known in [path, *(other for other in self._disk if other.startswith(inside))]:
            document = self._disk.pop(known, None)
            if document is not None:
                self._before[known] = document
            self.problems.pop(known, None)
        for folder in [path, *(other for other in self._listings if other.startswith(inside))]:
            self._listings.pop(folder, None)
        was_there = self._forget_listings(path)
        self._changed(path)
        if self.is_file(path) != was_there or not path.endswith(".py"):
            self._rename_modules()

    def _forget_listings(self, path: str) -> bool:
        """Forget the listings that may have changed with `path`; whether they had it."""
        folder, name = os.path.split(path)
        listing = self._listings.pop(folder, None)
        was_there = listing is not None and name in listing
        while not (listing is not None and name in listing) and folder != os.path.dirname(folder):
            # The folders around it may be new too.
            folder, name = os.path.split(folder)
            listing = self._listings.pop(folder, None)
        return was_there

    def document(self, path: str) -> Document | None:
        """The open document, else the file's; None if it can't be read (`problems` says why)."""
        document = self._open.get(path)
        if document is not None or path in self._disk:
            return document or self._disk[path]
        text = _read_regular(path)
        if isinstance(text, SourceText):
            before = self._before.pop(path, None)
            document = (
                before.replaced(text.text) if before is not None else Document.from_text(path, text.text)
            )
        elif os.path.lexists(path):
            self.problems[path] = text.message
        self._disk[path] = document
        return document

    def listing(self, folder: str) -> frozenset[str] | None:
        """The names in a folder; None if it is none, or can't be read."""
        if folder not in self._listings:
            try:
                self._listings[folder] = frozenset(os.listdir(folder))
            except (OSError, ValueError):
                self._listings[folder] = None
        return self._listings[folder]

    def neighbours(self, path: str, top: str, limit: int) -> Iterator[str]:
        """The other Python files in the folder `top`, those near `path` first; `limit` of them at most."""
        seen = {path}
        folders: set[str] = set()
        start = path
        while start not in ("", top) and len(seen) <= limit and len(folders) <= limit:
            start = start.rpartition(os.sep)[0]
            waiting = [start]
            while waiting and len(folders) <= limit:
                folder = waiting.pop(0)
                if folder in folders:
                    continue
                folders.add(folder)
                for name in sorted(self.listing(folder or os.sep) or ()):
                    other = f"{folder}{os.sep}{name}"
                    if name.endswith(".py") and other not in seen and len(seen) <= limit:
                        seen.add(other)
                        yield other
                    elif name.isidentifier() and name not in _NO_CODE:
                        waiting.append(other)

    def is_file(self, path: str) -> bool:
        """Whether there is such a file: open in the editor, or listed in its folder."""
        if path in self._open:
            return True
        folder, separator, name = path.rpartition(os.sep)
        listing = self.listing(folder or os.sep) if separator else None
        return listing is not None and name in listing

    def is_folder(self, path: str) -> bool:
        """Whether there is such a folder, and it can be listed."""
        folder, separator, name = path.rpartition(os.sep)
        listing = self.listing(folder or os.sep) if separator else None
        return listing is not None and name in listing and self.listing(path) is not None

    def module(self, path: str) -> Module | None:
        """The module in the file at `path`, or the namespace package in that folder."""
        if path in self._namespaces:
            return self.namespace_module(self._namespaces[path])
        document = self.document(path)
        if document is None:
            self._modules.pop(path, None)
            return None
        module = self._modules.get(path)
        if module is None:
            module = self._modules[path] = Module(document, *self.module_name(path))
        elif module.document is not document:
            module = self._modules[path] = Module(document, module.name, module.is_package, previous=module)
        return module

    def namespace_module(self, folders: tuple[str, ...]) -> Module:
        """The empty module that stands for a namespace package."""
        path = folders[0]
        self._namespaces[path] = folders
        if path not in self._modules:
            self._modules[path] = Module(Document.from_text(path, ""), os.path.basename(path), True)
        return self._modules[path]

    def namespace_folders(self, path: str) -> tuple[str, ...] | None:
        """The folders of a namespace package, by the path of its module."""
        return self._namespaces.get(path)

    def module_name(self, path: str) -> tuple[str, bool]:
        """The dotted name of the module in a file, and whether it is a package's `__init__`."""
        folder, file = os.path.split(path)
        stem = os.path.splitext(file)[0]
        is_package = stem == "__init__"
        parts = [] if is_package else [stem]
        while self.is_file(os.path.join(folder, "__init__.py")):
            folder, name = os.path.split(folder)
            if not name:
                break
            parts.insert(0, name)
        return ".".join(parts) or os.path.basename(folder) or stem, is_package

    def _rename_modules(self) -> None:
        """Which folders are packages may have changed, and with it the dotted names of modules."""
        for path, module in self._modules.items():
            if path not in self._namespaces:
                name = self.module_name(path)
                if name != (module.name, module.is_package):
                    self._modules[path] = Module(module.document, *name)


def _read_regular(path: str) -> SourceText | Unreadable:
    """The text of a file; a pipe or device, which could block for ever, is not one."""
    with contextlib.suppress(OSError, ValueError):
        mode = os.stat(path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return Unreadable("This is a pipe or a device, not a file.")
    return read(path)


def absolute_path(path: str) -> str:
    """`path` made absolute; as it is where the system can't tell."""
    with contextlib.suppress(OSError, ValueError):
        return os.path.abspath(path)
    return path
