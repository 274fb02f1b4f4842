"""Folders of Python files for tests, and meanings as short texts."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from kerascope.project.meaning import (
    ClassDefinition,
    FunctionDefinition,
    Library,
    Meaning,
    ModuleDefinition,
    ValueDefinition,
)
from kerascope.project.project import Project
from kerascope.source.document import Document


class Tree:
    """A folder of files and its project."""

    def __init__(self, folder: Path, files: Mapping[str, str], search_paths: tuple[str, ...] = ()) -> None:
        self.folder = folder
        for name, text in files.items():
            self.write(name, text)
        self.project = Project(str(folder), [self.path(path) for path in search_paths])

    def path(self, name: str) -> str:
        return os.path.join(self.folder, *name.split("/"))  # noqa: PTH118

    def write(self, name: str, text: str) -> None:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))

    def open(self, name: str, text: str) -> None:
        """Type `text` in the editor."""
        path = self.path(name)
        before = self.project.document(path)
        text = dedent(text)
        self.project.open(Document.from_text(path, text) if before is None else before.replaced(text))

    def meanings(self, name: str, dotted: str) -> tuple[Meaning, ...]:
        module = self.project.module(self.path(name))
        assert module is not None
        return self.project.resolve(module, dotted)

    def means(self, name: str, dotted: str) -> list[str]:
        """What `dotted` means in a file, as texts: "keras.layers.Dense (tf)", "class pkg.mod.A", "value m:
        f()"."""
        return [said(meaning) for meaning in self.meanings(name, dotted)]

    def definition(self, name: str, dotted: str) -> ClassDefinition:
        (meaning,) = self.meanings(name, dotted)
        assert isinstance(meaning, ClassDefinition)
        return meaning


def said(meaning: Meaning) -> str:
    match meaning:
        case Library(name, origin):
            return f"{name} ({origin})" if origin else name
        case ClassDefinition():
            return f"class {meaning.module.name}.{meaning.name}"
        case FunctionDefinition():
            return f"def {meaning.module.name}.{meaning.node.name}"
        case ValueDefinition():
            return f"value {meaning.module.name}: {ast.unparse(meaning.value)}"
        case ModuleDefinition():
            return f"module {meaning.module.name}"
