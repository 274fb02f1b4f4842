"""The project: documents open and on disk, and what a name in one of them means.

Everything is looked up lazily and kept until the file that it came from changes. Whoever memoises a
result records what it read (`recording`) and asks `unchanged` before using it again.

How look-ups stay cheap while a person types: the answer to a question ("what is `Base` in a.py?") is a tuple of
*ends*, small values that name a definition by what identifies it (a class by its path, place and header, never
by its body). Every answer knows which namespaces and which missing files it was found through; a module whose
bindings didn't change keeps its `Namespace` object over an edit, so most answers stay valid by comparing identities.
Ends also are the tokens by which `unchanged` compares.
"""
# Paths are strings here, as keys and as editors name them; a Path costs more than these look-ups.
# ruff: noqa: PTH100, PTH116, PTH118, PTH119, PTH120, PTH122, PTH208

from __future__ import annotations

import ast
import builtins
import contextlib
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from kerascope.project.catalogue import canonical, catalogue
from kerascope.project.meaning import (
    ClassDefinition,
    Library,
    Meaning,
    ModuleDefinition,
)
from kerascope.project.module import (
    Assigned,
    Binding,
    ClassPath,
    ClassPiece,
    Imported,
    Module,
    Namespace,
    Unfollowed,
    body_names,
    member_nodes,
    member_pieces,
)
from kerascope.source.document import Document
from kerascope.source.encoding import SourceText, Unreadable, read
from kerascope.source.statement import Statement

if TYPE_CHECKING:
    from kerascope.project.inference import Inference

KNOWN_BY_NAME: Final = frozenset(
    {"numpy", "scipy", "pandas", "jax", "jaxlib", "torch", "sklearn", "matplotlib", "PIL"}
)
"""Libraries that hold no Keras layers: their names say more than their files would, wherever they are
installed."""

_DEPTH = 120
"""Re-exports longer than this are given up; without a limit, generated chains would end in RecursionError."""


# --- ends ---


@dataclass(frozen=True, slots=True)
class _Name:
    """Something that isn't read from files, by its dotted name as spelled."""

    dotted: str


@dataclass(frozen=True, slots=True)
class _File:
    """A module, by its file."""

    path: str


@dataclass(frozen=True, slots=True)
class _Folders:
    """A namespace package, by its folders."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Class:
    """A class that is a statement of its own, by its file, place and header."""

    path: str
    where: ClassPath
    header: str


@dataclass(frozen=True, slots=True)
class _InnerClass:
    """A class inside another statement (a function, an `if`)."""

    path: str
    statement: Statement
    node: ast.ClassDef


@dataclass(frozen=True, slots=True)
class _Own:
    """A function, value or conditional class that a file binds."""

    path: str
    binding: Binding


_End: TypeAlias = _Name | _File | _Folders | _Class | _InnerClass | _Own
_Ends: TypeAlias = tuple[_End, ...]

_Key: TypeAlias = tuple[object, ...]


class _State:
    """What was found at a path, where its content doesn't matter."""

    def __init__(self, name: str) -> None:
        self.name = name


_PRESENT = _State("present")
_ABSENT = _State("absent")

_Sources: TypeAlias = dict[str, "_State | Namespace"]
"""What an answer was found through, by path: the namespaces read, the files and folders (these end in a
separator) seen or missed."""


class _Answer:
    """The ends that a question led to, and what they were found through."""

    __slots__ = ("ends", "epoch", "meanings", "sources")

    def __init__(self, ends: _Ends, sources: _Sources, epoch: int) -> None:
        self.ends = ends
        self.sources = sources
        self.epoch = epoch
        self.meanings: tuple[Meaning, ...] | None = None
        """Set where these never change while the ends don't."""


class Reads:
    """What an analysis consulted: definitions by module and name, missing names included."""

    __slots__ = ("_epoch", "tokens")

    def __init__(self) -> None:
        self.tokens: dict[_Key, object] = {}
        self._epoch = -1

    def add(self, other: Reads) -> None:
        """Take over what another recording consulted."""
        self.tokens.update(other.tokens)


class _Recordings(threading.local):
    """The recordings under way, each thread's own."""

    def __init__(self) -> None:
        self.stack: list[Reads] = []


class Members(Mapping[str, tuple[tuple[Statement, ast.stmt], ...]]):
    """The members of a class by name: for each, the statements that bind it, in order, and the pieces that hold them.

    Looking one up records that one only.
    """

    def __init__(self, project: Project, definition: ClassDefinition) -> None:
        self._project = project
        self._definition = definition

    def __getitem__(self, name: str) -> tuple[tuple[Statement, ast.stmt], ...]:
        found = self._project.member_of(self._definition, name)
        if not found:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._project.member_names(self._definition))

    def __len__(self) -> int:
        return len(self._project.member_names(self._definition))


class Project:
    """All documents of one workspace folder, and the meaning of their names. May be used from several
    threads."""

    def __init__(self, root: str | None, search_paths: Sequence[str] = ()) -> None:
        """`root`: the folder; `search_paths`: further folders of importable code (site-packages)."""
        self.root = _absolute_path(root) if root is not None else None
        self.search_paths = tuple(_absolute_path(path) for path in search_paths)
        self.inference: Inference | None = None
        """Answers what imports alone don't; set by whoever wants it."""
        self.problems: dict[str, str] = {}
        """For each file that could not be read, why."""
        self.epoch = 0
        """Grows with every change of any file."""
        self._lock = threading.RLock()
        self._open: dict[str, Document] = {}
        self._disk: dict[str, Document | None] = {}
        self._before: dict[str, Document] = {}
        self._modules: dict[str, Module] = {}
        self._folders: dict[str, tuple[str, ...]] = {}
        self._listings: dict[str, frozenset[str] | None] = {}
        self._answers: dict[_Key, _Answer] = {}
        self._provisional: dict[_Key, _Answer] = {}
        self._asking: dict[_Key, int] = {}
        self._through: list[_Sources] = []
        self._cut = sys.maxsize
        self._recordings = _Recordings()
        self._questions: dict[str, Callable[..., _Ends]] = {
            "resolve": self._find_dotted,
            "name": self._find_name,
            "import": self._find_imported,
            "member": self._find_member,
            "module": self._find_absolute,
            "public": self._find_public,
        }

    # --- files ---

    def open(self, document: Document) -> None:
        """The editor's text of `document.path` from now on, instead of the file's (also for each edit)."""
        with self._lock:
            self._open[document.path] = document
            self.problems.pop(document.path, None)
            self.epoch += 1

    def close(self, path: str) -> None:
        """Back to the file on disk."""
        with self._lock:
            document = self._open.pop(path, None)
            if document is not None:
                self._before[path] = document
                self._disk.pop(path, None)
                self.epoch += 1

    def changed_on_disk(self, path: str) -> None:
        """Forget what was read from `path` (a file or folder made, changed or deleted)."""
        with self._lock:
            inside = path.rstrip(os.sep) + os.sep
            for known in [path, *(other for other in self._disk if other.startswith(inside))]:
                document = self._disk.pop(known, None)
                if document is not None:
                    self._before[known] = document
                self.problems.pop(known, None)
            for folder in [path, *(other for other in self._listings if other.startswith(inside))]:
                self._listings.pop(folder, None)
            above = os.path.dirname(path)
            while True:
                listing = self._listings.pop(above, None)
                if listing is not None or above == os.path.dirname(above):
                    break
                above = os.path.dirname(above)
            if os.path.basename(path) == "__init__.py" or not path.endswith(".py"):
                self._rename_modules()
            self.epoch += 1

    def _rename_modules(self) -> None:
        """Which folders are packages may have changed, and with it the dotted names of modules."""
        for path, module in self._modules.items():
            name, is_package = self._module_name(path)
            if (name, is_package) != (module.name, module.is_package):
                self._modules[path] = Module(module.document, name, is_package)

    def document(self, path: str) -> Document | None:
        """The open document, else the file's; None if it can't be read (`problems` says why).

        This is not recorded: an analysis that depends on the whole text compares documents itself.
        """
        with self._lock:
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

    def _listing(self, folder: str) -> frozenset[str] | None:
        """The names in a folder; None if it is none, or can't be read."""
        if folder not in self._listings:
            try:
                self._listings[folder] = frozenset(os.listdir(folder))
            except (OSError, ValueError):
                self._listings[folder] = None
        return self._listings[folder]

    def _is_file(self, path: str) -> bool:
        """Whether there is such a file: open in the editor, or listed in its folder (a folder may be called
        so too)."""
        if path in self._open:
            return True
        folder, _, name = path.rpartition(os.sep)
        listing = self._listing(folder or os.sep)
        return listing is not None and name in listing

    def _seen_file(self, path: str) -> bool:
        there = self._is_file(path)
        self._through[-1].setdefault(path, _PRESENT if there else _ABSENT)
        return there

    def _seen_folder(self, path: str) -> bool:
        there = self._is_folder(path)
        self._through[-1].setdefault(path + os.sep, _PRESENT if there else _ABSENT)
        return there

    def _is_folder(self, path: str) -> bool:
        folder, _, name = path.rpartition(os.sep)
        listing = self._listing(folder or os.sep)
        return listing is not None and name in listing and self._listing(path) is not None

    # --- modules ---

    def module(self, path: str) -> Module | None:
        """The module in the file at `path` (or the namespace package in that folder)."""
        with self._lock:
            if path in self._folders:
                return self._folder_module(path)
            document = self.document(path)
            if document is None:
                self._modules.pop(path, None)
                return None
            module = self._modules.get(path)
            if module is None or module.document is not document:
                if module is not None:
                    name, is_package = module.name, module.is_package
                else:
                    name, is_package = self._module_name(path)
                module = self._modules[path] = Module(document, name, is_package, previous=module)
            return module

    def _folder_module(self, path: str) -> Module:
        module = self._modules.get(path)
        if module is None:
            module = self._modules[path] = Module(Document.from_text(path, ""), os.path.basename(path), True)
        return module

    def _module_name(self, path: str) -> tuple[str, bool]:
        """The dotted name of the module in a file, and whether it is a package's `__init__`."""
        folder, file = os.path.split(path)
        stem = os.path.splitext(file)[0]
        is_package = stem == "__init__"
        parts = [] if is_package else [stem]
        while self._is_file(os.path.join(folder, "__init__.py")):
            folder, name = os.path.split(folder)
            if not name:
                break
            parts.insert(0, name)
        if not parts:
            parts = [os.path.basename(os.path.dirname(path)) or stem]
        return ".".join(parts), is_package

    def find_module(self, dotted: str, importer: Module | None = None) -> Module | None:
        """The module that `import dotted` finds in the workspace, beside the importer, or on the search
        paths."""
        with self._lock:
            ends = self._asked("module", self._folder_of(importer), dotted)
            for end in ends:
                if isinstance(end, _File):
                    return self.module(end.path)
                if isinstance(end, _Folders):
                    return self._module_of_folders(end)
            return None

    def _module_of_folders(self, end: _Folders) -> Module:
        self._folders[end.paths[0]] = end.paths
        return self._folder_module(end.paths[0])

    @staticmethod
    def _folder_of(importer: Module | None) -> str | None:
        return os.path.dirname(importer.path) if importer is not None else None

    # --- what names mean ---

    def resolve(self, module: Module, dotted: str) -> tuple[Meaning, ...]:
        """What `dotted` ("Dense", "layers.Dense", "np.ones") means at module level of `module`, every import
        followed to its end, through re-exports, star imports and `try/except`. `()`: unknown.

        An older version of a module stands for its present one.
        """
        return self._meanings("resolve", module.path, dotted)

    def resolve_import(
        self, module: Module, imported: str, level: int, name: str | None
    ) -> tuple[Meaning, ...]:
        """What `from {level dots}{imported} import {name}` binds (name None: the module itself)."""
        return self._meanings("import", module.path, Imported(imported, level, name))

    def member(self, meaning: Meaning, name: str) -> tuple[Meaning, ...]:
        """What `meaning.name` means, for a Library, a ModuleDefinition or a class inside a class; else ()."""
        if isinstance(meaning, Library):
            return (_library_member(meaning, name),)
        with self._lock:
            end = self._end_of(meaning)
            return self._meanings("member", end, name) if end is not None else ()

    def builtin(self, name: str) -> bool:
        """Whether `name` is one of Python's builtins."""
        return name in _BUILTINS

    def _end_of(self, meaning: Meaning) -> _End | None:
        if isinstance(meaning, ModuleDefinition):
            path = meaning.module.path
            return _Folders(self._folders[path]) if path in self._folders else _File(path)
        if isinstance(meaning, ClassDefinition):
            path = meaning.module.path
            where = meaning.module.class_path(meaning.statement)
            if where is None:
                return _InnerClass(path, meaning.statement, meaning.node)
            return _Class(path, where, meaning.statement.header)
        return None

    def _meanings(self, *key: object) -> tuple[Meaning, ...]:
        with self._lock:
            self._asked(*key)
            answer = self._answers[key]
            if answer.meanings is not None:
                return answer.meanings
            found = [meaning for end in answer.ends if (meaning := self._meaning(end)) is not None]
            meanings = tuple(dict.fromkeys(found))
            if all(isinstance(end, _Name) for end in answer.ends):
                answer.meanings = meanings
            return meanings

    def _meaning(self, end: _End) -> Meaning | None:
        if isinstance(end, _Name):
            return _library(end.dotted)
        if isinstance(end, _Folders):
            return ModuleDefinition(self._module_of_folders(end))
        module = self.module(end.path)
        if module is None:
            return None
        if isinstance(end, _File):
            return ModuleDefinition(module)
        if isinstance(end, _Class):
            return module.class_at(end.where)
        if isinstance(end, _InnerClass):
            return ClassDefinition(module, end.statement, end.node)
        return module.definition(end.binding)

    # --- finding ends ---

    def _asked(self, *key: object) -> _Ends:
        """The answer to a question from outside: recorded."""
        ends = self._answer(key)
        for reads in self._recordings.stack:
            reads.tokens[key] = ends
        return ends

    def _answer(self, key: _Key) -> _Ends:
        answer = self._answers.get(key)
        if answer is not None and not (answer.epoch == self.epoch or self._fresh(answer)):
            answer = None
        if answer is None:
            answer = self._provisional.get(key)
        if answer is None:
            depth = len(self._asking)
            if key in self._asking or depth > _DEPTH:
                self._cut = min(self._cut, self._asking.get(key, 0))
                return ()
            answer = self._find(key, depth)
        if self._through:
            for path, state in answer.sources.items():
                self._consulted(path, state)
        return answer.ends

    def _find(self, key: _Key, depth: int) -> _Answer:
        """Find an answer. In a cycle of imports, only the answer of its first member is complete; those of the others
        are kept provisionally while that one is found."""
        sources: _Sources = {}
        provisional = len(self._provisional)
        if not depth:
            self._cut = sys.maxsize
        self._asking[key] = depth
        self._through.append(sources)
        try:
            ends = self._questions[str(key[0])](*key[1:])
        finally:
            self._through.pop()
            del self._asking[key]
        answer = _Answer(tuple(dict.fromkeys(ends)), sources, self.epoch)
        if self._cut < depth:
            self._provisional[key] = answer
        else:
            self._cut = sys.maxsize
            while len(self._provisional) > provisional:
                self._provisional.popitem()
            self._answers[key] = answer
        return answer

    def _consulted(self, path: str, state: _State | Namespace) -> None:
        through = self._through[-1]
        if isinstance(state, Namespace) or path not in through:
            through[path] = state

    def _fresh(self, answer: _Answer) -> bool:
        for path, state in answer.sources.items():
            if isinstance(state, Namespace):
                module = self.module(path)
                if module is None or module.namespace is not state:
                    return False
            else:
                there = self._is_folder(path[:-1]) if path.endswith(os.sep) else self._is_file(path)
                if there != (state is _PRESENT):
                    return False
        answer.epoch = self.epoch
        return True

    def _namespace(self, path: str) -> tuple[Module, Namespace] | None:
        module = self.module(path)
        if module is None:
            self._consulted(path, _PRESENT if self._is_file(path) else _ABSENT)
            return None
        self._consulted(path, module.namespace)
        return module, module.namespace

    def _find_dotted(self, path: str, dotted: str) -> _Ends:
        first, *rest = dotted.split(".")
        ends = self._answer(("name", path, first))
        for name in rest:
            ends = tuple(found for end in ends for found in self._answer(("member", end, name)))
        return ends

    def _find_name(self, path: str, name: str) -> _Ends:
        """What a module itself binds a name to."""
        read = self._namespace(path)
        if read is None:
            return ()
        module, namespace = read
        ends: list[_End] = []
        for binding in namespace.bindings(name):
            source = binding.source
            if isinstance(source, Unfollowed):
                return ()
            if isinstance(source, Imported):
                if source.name != "*":
                    ends += self._answer(("import", path, source))
                    continue
                found = self._star_member(path, source, name)
                if found is not None:
                    ends = [*([] if binding.certain else ends), *found]
            elif isinstance(source, ClassPiece):
                ends.append(_Class(path, ((name, source.ordinal),), source.header))
            elif isinstance(source, Assigned):
                ends += self._find_value(module, binding, source.value)
            else:
                ends.append(_Own(path, binding))
        return tuple(ends)

    def _find_value(self, module: Module, binding: Binding, value: ast.expr) -> Sequence[_End]:
        """A plain alias is what it stands for; any other value is itself."""
        if isinstance(value, ast.IfExp):
            return [
                *self._find_value(module, binding, value.body),
                *self._find_value(module, binding, value.orelse),
            ]
        dotted = dotted_name(value)
        if dotted is not None:
            cut, self._cut = self._cut, sys.maxsize
            ends = self._answer(("resolve", module.path, dotted))
            circular = self._cut != sys.maxsize
            self._cut = min(cut, self._cut)
            if ends or circular:
                return ends
        if isinstance(binding.source, Assigned) and binding.source.value is value:
            return [_Own(module.path, binding)]
        return [_Own(module.path, Binding(binding.name, Assigned(value), binding.certain, binding.statement))]

    def _find_imported(self, path: str, imported: Imported) -> _Ends:
        read = self.module(path)
        if read is None:
            return ()
        bases = self._bases(read, imported)
        if imported.name is None or imported.name == "*":
            return bases
        return tuple(end for base in bases for end in self._answer(("member", base, imported.name)))

    def _bases(self, module: Module, imported: Imported) -> _Ends:
        """The module that an import statement names."""
        if not imported.level:
            return self._answer(("module", os.path.dirname(module.path), imported.module))
        dotted = module.absolute(Imported(imported.module, imported.level))
        if dotted and _is_keras(dotted):
            return (_Name(dotted),)
        folder = os.path.dirname(module.path)
        if module.path in self._folders:
            folder = module.path
        for _ in range(imported.level - 1):
            folder = os.path.dirname(folder)
        if imported.module:
            return tuple(self._find_in(folder, imported.module.split("."), dotted or imported.module))
        if self._seen_file(os.path.join(folder, "__init__.py")):
            return (_File(os.path.join(folder, "__init__.py")),)
        return (_Folders((folder,)),)

    def _find_absolute(self, beside: str | None, dotted: str) -> _Ends:
        """The module `dotted`, as imported by a file in the folder `beside`."""
        parts = dotted.split(".")
        if _is_keras(dotted) or parts[0] in KNOWN_BY_NAME:
            return (_Name(dotted),)
        folders: list[str] = []
        for start in self._import_roots(beside, parts[0] in sys.stdlib_module_names):
            for end in self._find_in(start, parts, dotted):
                if not isinstance(end, _Folders):
                    return (end,)
                folders += end.paths
        return (_Folders(tuple(folders)),) if folders else (_Name(dotted),)

    def _import_roots(self, beside: str | None, stdlib: bool) -> Sequence[str]:
        """The folders in which an absolute import is looked for, in order."""
        roots: list[str] = []
        packaged = False
        if beside is not None:
            top = beside
            while self._seen_file(os.path.join(top, "__init__.py")) and os.path.dirname(top) != top:
                top = os.path.dirname(top)
            packaged = top != beside
            roots.append(top)
        if stdlib:
            return [] if packaged else roots
        inside = (
            self.root is not None and beside is not None and (beside + os.sep).startswith(self.root + os.sep)
        )
        if inside and beside is not None:
            folder = roots[0]
            while (folder + os.sep).startswith(f"{self.root}{os.sep}"):
                roots += [folder, os.path.join(folder, "src")]
                folder = os.path.dirname(folder)
        elif self.root is not None:
            roots += [self.root, os.path.join(self.root, "src")]
        if packaged and beside is not None:
            roots.append(beside)
        return list(dict.fromkeys([*roots, *self.search_paths]))

    def _find_in(self, folder: str, parts: Sequence[str], dotted: str) -> Sequence[_End]:
        """The module with these name parts below `folder`: its file, or its folder, or its name if it is
        compiled."""
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            inner = os.path.join(folder, part)
            if self._seen_folder(inner):
                init = os.path.join(inner, "__init__.py")
                regular = self._seen_file(init)
                if regular and last:
                    return [_File(init)]
                if last and not self._seen_file(inner + ".py"):
                    return [_Name(dotted)] if self._compiled(folder, part) else [_Folders((inner,))]
                if not last:
                    folder = inner
                    continue
            if last and self._seen_file(inner + ".py"):
                return [_File(inner + ".py")]
            if self._compiled(folder, part):
                return [_Name(dotted)]
            return []
        return []

    def _compiled(self, folder: str, name: str) -> bool:
        listing = self._listing(folder) or frozenset()
        return any(file.startswith(name + ".") and file.endswith((".so", ".pyd")) for file in listing)

    def _find_member(self, end: _End, name: str) -> _Ends:
        if isinstance(end, _Name):
            return (_Name(f"{end.dotted}.{name}"),)
        if isinstance(end, _Folders):
            dotted = f"{os.path.basename(end.paths[0])}.{name}"
            return tuple(found for path in end.paths for found in self._find_in(path, [name], dotted))[:1]
        if isinstance(end, _File):
            found = self._answer(("name", end.path, name))
            module = self.module(end.path)
            if found or module is None or not module.is_package:
                return found
            return tuple(self._find_in(os.path.dirname(end.path), [name], f"{module.name}.{name}"))
        if isinstance(end, _Class):
            return self._find_nested(end, name)
        return ()

    def _find_nested(self, end: _Class, name: str) -> _Ends:
        """A class in the body of a class; it is looked up afresh each time, since bodies aren't in
        namespaces."""
        module = self.module(end.path)
        statement = module.class_statement(end.where) if module is not None else None
        if statement is None:
            return ()
        same = [piece for piece in statement.body if piece.kind == "class" and piece.name == name]
        return (_Class(end.path, (*end.where, (name, len(same) - 1)), same[-1].header),) if same else ()

    # --- star imports ---

    def _star_member(self, path: str, imported: Imported, name: str) -> _Ends | None:
        """What `from … import *` binds `name` to; None if it doesn't bind it."""
        for base in self._answer(("import", path, imported)):
            if isinstance(base, _Name):
                if _keras_exports(base.dotted, name):
                    return (_Name(f"{base.dotted}.{name}"),)
            elif isinstance(base, _File):
                exported = self._exports(base.path)
                if exported is None:
                    found = () if name.startswith("_") else self._answer(("name", base.path, name))
                else:
                    found = self._answer(("member", base, name)) if name in exported else ()
                if found:
                    return found
        return None

    def _exports(self, path: str) -> frozenset[str] | None:
        """The names in `__all__` of a module; None if it has none, or one that can't be read off."""
        ends = self._answer(("public", path))
        if not ends:
            return None
        return frozenset(end.dotted for end in ends if isinstance(end, _Name))

    def _find_public(self, path: str) -> _Ends:
        """The names in `__all__` as `_Name`s; () if there is none, or one that can't be read off."""
        read = self._namespace(path)
        if read is None or "__all__" not in read[1].names():
            return ()
        module, namespace = read
        found: list[str] = []
        for statement in dict.fromkeys(
            binding.statement for _, binding in namespace.names()["__all__"] if binding.statement is not None
        ):
            for node in statement.nodes:
                value = _all_value(node)
                if value is None:
                    continue
                names = self._all_names(module, value)
                if names is None:
                    return ()
                found += names
        return tuple(_Name(name) for name in found)

    def _all_names(self, module: Module, value: ast.expr) -> Sequence[str] | None:
        """The strings of (a part of) `__all__`; None where they can't be told."""
        if isinstance(value, ast.List | ast.Tuple | ast.Set):
            found: list[str] = []
            for item in value.elts:
                if isinstance(item, ast.Constant) and isinstance(item.value, str):
                    found.append(item.value)
                elif (
                    isinstance(item, ast.Starred)
                    and (inner := self._all_names(module, item.value)) is not None
                ):
                    found += inner
                else:
                    return None
            return found
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
            left, right = self._all_names(module, value.left), self._all_names(module, value.right)
            return [*left, *right] if left is not None and right is not None else None
        if (
            isinstance(value, ast.Call)
            and dotted_name(value.func) in ("list", "tuple", "sorted")
            and value.args
        ):
            return self._all_names(module, value.args[0])
        dotted = dotted_name(value)
        if dotted is not None and dotted.endswith(".__all__"):
            for end in self._answer(("resolve", module.path, dotted.removesuffix(".__all__"))):
                if isinstance(end, _File):
                    exported = self._exports(end.path)
                    return sorted(exported) if exported is not None else None
        return None

    # --- members of classes ---

    def members(self, definition: ClassDefinition) -> Members:
        """The members of a class's own body by name: methods, assignments, annotations, nested classes, those in
        `if` and `try` too. Each look-up is recorded by itself."""
        return Members(self, definition)

    def member_of(self, definition: ClassDefinition, name: str) -> tuple[tuple[Statement, ast.stmt], ...]:
        """The statements in a class's own body that bind `name`, in order, each with the piece that holds it.

        An older version of a class stands for its present one; () if that is gone.
        """
        with self._lock:
            end = self._end_of(definition)
            key = ("class member", _anchor(end), name)
            token = self._member_token(key)
            for reads in self._recordings.stack:
                reads.tokens[key] = token
            if isinstance(end, _InnerClass):
                return tuple((end.statement, node) for node in member_nodes(end.node.body, name))
            found: list[tuple[Statement, ast.stmt]] = []
            for piece in token or ():
                nodes = member_nodes(piece.nodes, name)
                if not nodes and piece.kind == "class":
                    nodes = [node for node in piece.nodes if isinstance(node, ast.ClassDef)]
                found += [(piece, node) for node in nodes]
            return tuple(found)

    def member_names(self, definition: ClassDefinition) -> tuple[str, ...]:
        """The names that a class's own body binds, in order."""
        with self._lock:
            end = self._end_of(definition)
            key = ("class members", _anchor(end))
            token = self._names_token(key)
            for reads in self._recordings.stack:
                reads.tokens[key] = token
            if isinstance(end, _InnerClass):
                return tuple(body_names(end.node.body))
            return tuple(str(name) for name in token or ())

    def _class_statement(self, anchor: object) -> Statement | None:
        """The present statement of the class that a recorded look-up names."""
        if not isinstance(anchor, tuple):
            return None
        path, where = anchor
        module = self.module(path)
        return module.class_statement(where) if module is not None else None

    def _member_token(self, key: _Key) -> tuple[Statement, ...] | None:
        if isinstance(key[1], _InnerClass):
            return self._statement_token(key[1])
        statement = self._class_statement(key[1])
        return member_pieces(statement).get(str(key[2]), ()) if statement is not None else None

    def _names_token(self, key: _Key) -> tuple[object, ...] | None:
        if isinstance(key[1], _InnerClass):
            return self._statement_token(key[1])
        statement = self._class_statement(key[1])
        return tuple(member_pieces(statement)) if statement is not None else None

    def _statement_token(self, end: _InnerClass) -> tuple[Statement, ...] | None:
        """The statement around a class if the document still has it."""
        document = self.document(end.path)
        there = document is not None and any(piece is end.statement for piece in document.walk())
        return (end.statement,) if there else None

    # --- memoisation ---

    @contextmanager
    def recording(self) -> Iterator[Reads]:
        """Everything looked up inside, by this thread, is noted in the `Reads` (nested recordings note it
        too)."""
        reads = Reads()
        stack = self._recordings.stack
        stack.append(reads)
        try:
            yield reads
        finally:
            stack.remove(reads)

    def note(self, reads: Reads) -> None:
        """Add `reads` (of a memoised result used again) to the recordings under way."""
        for recording in self._recordings.stack:
            recording.add(reads)

    def unchanged(self, reads: Reads) -> bool:
        """Whether every look-up in `reads` would give the very same answer now."""
        with self._lock:
            for key, token in reads.tokens.items():
                if key[0] == "class member":
                    now: object = self._member_token(key)
                elif key[0] == "class members":
                    now = self._names_token(key)
                else:
                    now = self._answer(key)
                if now is not token and now != token:
                    return False
            return True

    def depends(self, path: str, on_path: str) -> bool:
        """Whether anything that was looked up for the file at `path` went through the one at `on_path`, straight or
        through other files (also where `on_path` was looked for and missing)."""
        with self._lock:
            edges: dict[str, set[str]] = {}
            for key, answer in self._answers.items():
                start = key[1]
                if key[0] in ("resolve", "name", "import") and isinstance(start, str):
                    edges.setdefault(start, set()).update(answer.sources)
            seen, todo = {path}, [path]
            while todo:
                for other in edges.get(todo.pop(), ()):
                    if other == on_path:
                        return True
                    if other not in seen:
                        seen.add(other)
                        todo.append(other)
            return False


def _anchor(end: _End | None) -> object:
    """What identifies a class in a recorded look-up of a member."""
    return (end.path, end.where) if isinstance(end, _Class) else end


# --- names ---

_BUILTINS = frozenset(dir(builtins))


def dotted_name(node: ast.expr) -> str | None:
    """ "a.b.c" for a chain of attributes of a name; None for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


@lru_cache(maxsize=8192)
def _is_keras(dotted: str) -> bool:
    return canonical(dotted) is not None


@lru_cache(maxsize=8192)
def _library(dotted: str) -> Library:
    known = canonical(dotted)
    return Library(*known) if known is not None else Library(dotted)


@lru_cache(maxsize=8192)
def _library_member(library: Library, name: str) -> Library:
    found = _library(f"{library.name}.{name}")
    return Library(found.name, library.origin) if library.origin is not None else found


def _keras_exports(dotted: str, name: str) -> bool:
    """Whether `from {dotted} import *` is known to bind `name`: a public class of Keras."""
    known = canonical(f"{dotted}.{name}")
    return known is not None and any(catalogue(generation).get(known[0]) is not None for generation in (2, 3))


def _all_value(node: ast.stmt) -> ast.expr | None:
    """The right side of `__all__ = …` or `__all__ += …`."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return node.value
    return None


def _read_regular(path: str) -> SourceText | Unreadable:
    """The text of a file; a pipe or device, which could block for ever, is not one."""
    with contextlib.suppress(OSError, ValueError):
        mode = os.stat(path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            return Unreadable("This is a pipe or a device, not a file.")
    return read(path)


def _absolute_path(path: str) -> str:
    with contextlib.suppress(OSError, ValueError):
        return os.path.abspath(path)
    return path
