"""Finds what a name means: follows imports, aliases, re-exports and star imports to their ends.

The answer to a question ("what is `Base` in a.py?") is a tuple of *ends*: small values that name a definition
by what identifies it (a class by its path, place and header, never by its body). Every answer knows through
which namespaces and which missing files it was found; a module whose bindings didn't change keeps its
`Namespace` over an edit, so most answers stay valid by a comparison of identities.
"""

# Paths are strings here, as keys and as editors name them; a Path costs more than these look-ups.
# ruff: noqa: PTH118, PTH119, PTH120

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from kerascope.project.catalogue import canonical, catalogue
from kerascope.project.files import Files
from kerascope.project.meaning import ClassDefinition, Library, Meaning, ModuleDefinition
from kerascope.project.module import (
    Assigned,
    Binding,
    ClassPath,
    ClassPiece,
    Imported,
    Module,
    Namespace,
    Unfollowed,
)
from kerascope.source.frozen import frozen
from kerascope.source.statement import Statement

KNOWN_BY_NAME: Final = frozenset(
    {"numpy", "scipy", "pandas", "jax", "jaxlib", "torch", "sklearn", "matplotlib", "PIL"}
)
"""Libraries that hold no Keras layers: their names say more than their files would, wherever they are
installed."""

_DEPTH = 120
"""Re-exports longer than this are given up; without a limit, generated chains would end in RecursionError."""


@frozen
class Name:
    """Something that isn't read from files, by its dotted name as spelled."""

    dotted: str


@frozen
class File:
    """A module, by its file."""

    path: str


@dataclass(frozen=True, slots=True)
class Folders:
    """A namespace package, by its folders."""

    paths: tuple[str, ...]


@frozen
class Class:
    """A class that is a statement of its own, by its file, place and header."""

    path: str
    where: ClassPath
    header: str


@dataclass(frozen=True, slots=True)
class InnerClass:
    """A class inside another statement (a function, an `if`)."""

    path: str
    statement: Statement
    node: ast.ClassDef


@dataclass(frozen=True, slots=True)
class Own:
    """A function, value or conditional class that a file binds."""

    path: str
    binding: Binding


End: TypeAlias = Name | File | Folders | Class | InnerClass | Own
Ends: TypeAlias = tuple[End, ...]

Key: TypeAlias = tuple[object, ...]


class _State:
    """What was found at a path, where its content doesn't matter."""

    def __init__(self, name: str) -> None:
        self.name = name


_PRESENT = _State("present")
_ABSENT = _State("absent")

_Sources: TypeAlias = dict[str | Class, _State | Namespace | Statement]
"""What an answer was found through: by path, the namespaces read, the files and folders (these end in a
separator) seen or missed; for classes, the statements whose bodies were read."""


class _Answer:
    """The ends that a question led to, and what they were found through."""

    __slots__ = ("bodies", "ends", "epoch", "meanings", "sources")

    def __init__(self, ends: Ends, sources: _Sources) -> None:
        self.ends = ends
        self.sources = sources
        self.bodies = any(isinstance(source, Class) for source in sources)
        """Whether class bodies were read."""
        self.epoch = -1
        """When it was last known to hold, in `Files.epoch` if bodies were read, else in `Files.bindings`."""
        self.meanings: tuple[Meaning, ...] | None = None
        """Set where these never change while the ends don't."""


class Finder:
    """Answers questions about names, and keeps the answers while they hold."""

    def __init__(self, files: Files, root: str | None, search_paths: Sequence[str]) -> None:
        self._files = files
        self._root = root
        self._search_paths = tuple(search_paths)
        self._answers: dict[Key, _Answer] = {}
        self._provisional: dict[Key, _Answer] = {}
        self._asking: dict[Key, int] = {}
        self._through: list[_Sources] = []
        self._cut = sys.maxsize
        self._questions: dict[str, Callable[..., Ends]] = {
            "resolve": self._find_dotted,
            "name": self._find_name,
            "import": self._find_imported,
            "member": self._find_member,
            "module": self._find_absolute,
            "public": self._find_public,
        }

    def meanings(self, key: Key) -> tuple[Meaning, ...]:
        """The answer to a question, as meanings in the present versions of the files."""
        answer = self._answered(key)
        if answer is None:
            return ()
        if answer.meanings is not None:
            return answer.meanings
        found = [meaning for end in answer.ends if (meaning := self.meaning(end)) is not None]
        meanings = tuple(dict.fromkeys(found))
        if all(isinstance(end, Name) for end in answer.ends):
            answer.meanings = meanings
        return meanings

    def meaning(self, end: End) -> Meaning | None:
        """What an end names, in the present version of its file."""
        if isinstance(end, Name):
            return library(end.dotted)
        if isinstance(end, Folders):
            return ModuleDefinition(self._files.namespace_module(end.paths))
        module = self._files.module(end.path)
        if module is None:
            return None
        if isinstance(end, File):
            return ModuleDefinition(module)
        if isinstance(end, Class):
            return module.class_at(end.where)
        if isinstance(end, InnerClass):
            return ClassDefinition(module, end.statement, end.node)
        return module.definition(end.binding)

    def end_of(self, meaning: Meaning) -> End | None:
        """What identifies a module or class, however old the version is that the meaning was found in."""
        if isinstance(meaning, ModuleDefinition):
            folders = self._files.namespace_folders(meaning.module.path)
            return Folders(folders) if folders else File(meaning.module.path)
        if isinstance(meaning, ClassDefinition):
            path = meaning.module.path
            where = meaning.module.class_path(meaning.statement)
            if where is None:
                return InnerClass(path, meaning.statement, meaning.node)
            return Class(path, where, meaning.statement.header)
        return None

    def depends(self, path: str, on_path: str) -> bool:
        """Whether anything looked up for the file at `path` went through the one at `on_path`."""
        edges: dict[str, set[str]] = {}
        for key, answer in self._answers.items():
            start = key[1]
            if key[0] in ("resolve", "name", "import") and isinstance(start, str):
                edges.setdefault(start, set()).update(
                    seen for seen in answer.sources if isinstance(seen, str)
                )
        seen, todo = {path}, [path]
        while todo:
            new = edges.get(todo.pop(), set()) - seen
            if on_path in new:
                return True
            seen |= new
            todo += new
        return False

    def files_behind(self, key: Key) -> set[str]:
        """The files and folders, there or not, that the answer to a question was found through."""
        answer = self._answers.get(key)
        found = {
            source for source in (answer.sources if answer is not None else ()) if isinstance(source, str)
        }
        return found | {
            end.path for end in (answer.ends if answer is not None else ()) if isinstance(end, Class)
        }

    def answer(self, key: Key) -> Ends:
        """The answer to ("resolve", path, dotted name), ("import", path, Imported), ("member", end, name) or
        ("module", importer's folder, dotted name)."""
        answer = self._answered(key)
        return answer.ends if answer is not None else ()

    def keeps(self, key: Key) -> bool:
        """Whether the answer that was given is one to keep, not one for now."""
        return key in self._answers

    def _answered(self, key: Key) -> _Answer | None:
        answer = self._answers.get(key)
        if answer is not None and not self._fresh(answer):
            answer = None
        if answer is None:
            answer = self._provisional.get(key)
        if answer is None:
            depth = len(self._asking)
            if key in self._asking or depth > _DEPTH:
                self._cut = min(self._cut, self._asking.get(key, 0))
                return None
            try:
                answer = self._find(key, depth)
            except RecursionError:
                # Whoever asks is deep in a recursion already: an answer for now, not one to keep.
                self._provisional.clear()
                if depth:
                    raise
                return None
        if self._through:
            for path, state in answer.sources.items():
                self._consulted(path, state)
        return answer

    def _find(self, key: Key, depth: int) -> _Answer:
        """Find an answer. In a cycle of imports, only the answer of its first member is complete; those of
        the others are kept provisionally while that one is found."""
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
        answer = _Answer(tuple(dict.fromkeys(ends)), sources)
        answer.epoch = self._epoch(answer)
        if self._cut < depth:
            self._provisional[key] = answer
        else:
            self._cut = sys.maxsize
            while len(self._provisional) > provisional:
                self._provisional.popitem()
            self._answers[key] = answer
        return answer

    def _consulted(self, path: str | Class, state: _State | Namespace | Statement) -> None:
        through = self._through[-1]
        if not isinstance(state, _State) or path not in through:
            through[path] = state

    def _fresh(self, answer: _Answer) -> bool:
        epoch = self._epoch(answer)
        if answer.epoch == epoch:
            return True
        if not all(self._still(path, state) for path, state in answer.sources.items()):
            return False
        answer.epoch = epoch
        return True

    def _epoch(self, answer: _Answer) -> int:
        return self._files.epoch if answer.bodies else self._files.bindings

    def _still(self, path: str | Class, state: _State | Namespace | Statement) -> bool:
        if isinstance(path, Class):
            return self.class_statement(path.path, path.where) is state
        if isinstance(state, Namespace):
            module = self._files.module(path)
            return module is not None and module.namespace is state
        there = self._files.is_folder(path[:-1]) if path.endswith(os.sep) else self._files.is_file(path)
        return there == (state is _PRESENT)

    def class_statement(self, path: str, where: ClassPath) -> Statement | None:
        """The present statement of a class."""
        module = self._files.module(path)
        return module.class_statement(where) if module is not None else None

    def _seen_file(self, path: str) -> bool:
        there = self._files.is_file(path)
        self._consulted(path, _PRESENT if there else _ABSENT)
        return there

    def _seen_folder(self, path: str) -> bool:
        there = self._files.is_folder(path)
        self._consulted(path + os.sep, _PRESENT if there else _ABSENT)
        return there

    def _namespace(self, path: str) -> tuple[Module, Namespace] | None:
        module = self._files.module(path)
        if module is None:
            self._seen_file(path)
            return None
        self._consulted(path, module.namespace)
        return module, module.namespace

    def _find_dotted(self, path: str, dotted: str) -> Ends:
        first, *rest = dotted.split(".")
        ends = self.answer(("name", path, first))
        for name in rest:
            ends = tuple(found for end in ends for found in self.answer(("member", end, name)))
        return ends

    def _find_name(self, path: str, name: str) -> Ends:
        """What a module itself binds a name to."""
        read = self._namespace(path)
        if read is None:
            return ()
        module, namespace = read
        ends: list[End] = []
        for binding in namespace.bindings(name):
            source = binding.source
            if isinstance(source, Unfollowed):
                return ()
            if isinstance(source, Imported):
                if source.name != "*":
                    ends += self.answer(("import", path, source))
                    continue
                found = self._star_member(path, source, name)
                if found is not None:
                    ends = [*([] if binding.certain else ends), *found]
            elif isinstance(source, ClassPiece):
                ends.append(Class(path, ((name, source.ordinal),), source.header))
            elif isinstance(source, Assigned):
                ends += self._find_value(module, binding, source.value)
            else:
                ends.append(Own(path, binding))
        return tuple(ends)

    def _find_value(self, module: Module, binding: Binding, value: ast.expr) -> Sequence[End]:
        """A plain alias is what it stands for; any other value is itself."""
        if isinstance(value, ast.IfExp):
            return [
                *self._find_value(module, binding, value.body),
                *self._find_value(module, binding, value.orelse),
            ]
        dotted = dotted_name(value)
        if dotted is not None:
            ends = self.answer(("resolve", module.path, dotted))
            first = dotted.partition(".")[0]
            if ends or (first in module.namespace.names() and not self.answer(("name", module.path, first))):
                # Followed; or what it stands for is itself unknown, or goes in a circle.
                return ends
        if isinstance(binding.source, Assigned) and binding.source.value is value:
            return [Own(module.path, binding)]
        return [Own(module.path, Binding(binding.name, Assigned(value), binding.certain, binding.statement))]

    def _find_imported(self, path: str, imported: Imported) -> Ends:
        read = self._files.module(path)
        if read is None:
            return ()
        bases = self._bases(read, imported)
        if imported.name is None or imported.name == "*":
            return bases
        return tuple(end for base in bases for end in self.answer(("member", base, imported.name)))

    def _bases(self, module: Module, imported: Imported) -> Ends:
        """The module that an import statement names."""
        if not imported.level:
            return self.answer(("module", os.path.dirname(module.path), imported.module))
        dotted = module.absolute(Imported(imported.module, imported.level))
        if dotted and _is_keras(dotted):
            return (Name(dotted),)
        folder = os.path.dirname(module.path)
        self._top_folder(folder)
        for _ in range(imported.level - 1):
            folder = os.path.dirname(folder)
        if imported.module:
            return tuple(self._find_in(folder, imported.module.split("."), dotted or imported.module))
        if self._seen_file(os.path.join(folder, "__init__.py")):
            return (File(os.path.join(folder, "__init__.py")),)
        return (Folders((folder,)),)

    def _find_absolute(self, beside: str | None, dotted: str) -> Ends:
        """The module `dotted`, as imported by a file in the folder `beside`."""
        parts = dotted.split(".")
        if _is_keras(dotted) or parts[0] in KNOWN_BY_NAME:
            return (Name(dotted),)
        folders: list[str] = []
        for start in self._import_roots(beside, parts[0] in sys.stdlib_module_names):
            for end in self._find_in(start, parts, dotted):
                if not isinstance(end, Folders):
                    return (end,)
                folders += end.paths
        return (Folders(tuple(folders)),) if folders else (Name(dotted),)

    def _import_roots(self, beside: str | None, stdlib: bool) -> Sequence[str]:
        """The folders in which an absolute import is looked for, in order: where Python started on the file
        (or on its package) would look, then the folders up to the workspace's with their `src`, then the
        installed packages. A module of the standard library is only hidden by a file beside a script."""
        roots: list[str] = []
        packaged = False
        if beside is not None:
            top = self._top_folder(beside)
            packaged = top != beside
            roots.append(top)
        if stdlib:
            return [] if packaged else roots
        if self._root is not None:
            folder = roots[0] if roots else self._root
            while (folder + os.sep).startswith(self._root.rstrip(os.sep) + os.sep):
                roots += [folder, os.path.join(folder, "src")]
                if folder == os.path.dirname(folder):
                    break
                folder = os.path.dirname(folder)
            # The workspace may be a package itself, with folders in it that are none.
            roots += [self._root, os.path.join(self._root, "src"), self._top_folder(self._root)]
        if packaged and beside is not None:
            roots.append(beside)
        return list(dict.fromkeys([*roots, *self._search_paths]))

    def _top_folder(self, folder: str) -> str:
        """The folder that holds the outermost package around `folder`; itself if there is none."""
        while self._seen_file(os.path.join(folder, "__init__.py")) and os.path.dirname(folder) != folder:
            folder = os.path.dirname(folder)
        return folder

    def _find_in(self, folder: str, parts: Sequence[str], dotted: str) -> Sequence[End]:
        """The module with these name parts below `folder`: its file, or its folder, or its name if it is
        compiled."""
        for index, part in enumerate(parts):
            last = index == len(parts) - 1
            inner = os.path.join(folder, part)
            if self._seen_folder(inner):
                init = os.path.join(inner, "__init__.py")
                regular = self._seen_file(init)
                if regular and last:
                    return [File(init)]
                if last and not self._seen_file(inner + ".py"):
                    return [Name(dotted)] if self._compiled(folder, part) else [Folders((inner,))]
                if not last:
                    folder = inner
                    continue
            if last and self._seen_file(inner + ".py"):
                return [File(inner + ".py")]
            if self._compiled(folder, part):
                return [Name(dotted)]
            return []
        return []

    def _compiled(self, folder: str, name: str) -> bool:
        listing = self._files.listing(folder) or frozenset()
        return any(file.startswith(name + ".") and file.endswith((".so", ".pyd")) for file in listing)

    def _find_member(self, end: End, name: str) -> Ends:
        if isinstance(end, Name):
            return (Name(f"{end.dotted}.{name}"),)
        if isinstance(end, Folders):
            dotted = f"{os.path.basename(end.paths[0])}.{name}"
            return tuple(found for path in end.paths for found in self._find_in(path, [name], dotted))[:1]
        if isinstance(end, File):
            found = self.answer(("name", end.path, name))
            module = self._files.module(end.path)
            if found or module is None or not module.is_package:
                return found
            return tuple(self._find_in(os.path.dirname(end.path), [name], f"{module.name}.{name}"))
        if isinstance(end, Class):
            return self._find_nested(end, name)
        return ()

    def _find_nested(self, end: Class, name: str) -> Ends:
        """A class in the body of a class."""
        statement = self.class_statement(end.path, end.where)
        if statement is None:
            self._seen_file(end.path)
            return ()
        self._consulted(end, statement)
        same = [piece for piece in statement.body if piece.kind == "class" and piece.name == name]
        return (Class(end.path, (*end.where, (name, len(same) - 1)), same[-1].header),) if same else ()

    # --- star imports ---

    def _star_member(self, path: str, imported: Imported, name: str) -> Ends | None:
        """What `from … import *` binds `name` to; None if it doesn't bind it."""
        for base in self.answer(("import", path, imported)):
            if isinstance(base, Name):
                if _keras_exports(base.dotted, name):
                    return (Name(f"{base.dotted}.{name}"),)
            elif isinstance(base, File):
                exported = self._exports(base.path)
                if exported is None:
                    found = () if name.startswith("_") else self.answer(("name", base.path, name))
                else:
                    found = self.answer(("member", base, name)) if name in exported else ()
                if found:
                    return found
        return None

    def _exports(self, path: str) -> frozenset[str] | None:
        """The names in `__all__` of a module; None if it has none, or one that can't be read off."""
        ends = self.answer(("public", path))
        if not ends:
            return None
        return frozenset(end.dotted for end in ends if isinstance(end, Name))

    def _find_public(self, path: str) -> Ends:
        """The names in `__all__` as `Name`s; () if there is none, or one that can't be read off."""
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
        return tuple(Name(name) for name in found)

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
            for end in self.answer(("resolve", module.path, dotted.removesuffix(".__all__"))):
                if isinstance(end, File):
                    exported = self._exports(end.path)
                    return sorted(exported) if exported is not None else None
        return None


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
def library(dotted: str) -> Library:
    """What isn't read from files, by its dotted name in any spelling."""
    known = canonical(dotted)
    return Library(*known) if known is not None else Library(dotted)


@lru_cache(maxsize=8192)
def library_member(of: Library, name: str) -> Library:
    """An attribute of something that isn't read from files."""
    found = library(f"{of.name}.{name}")
    return Library(found.name, of.origin) if of.origin is not None else found


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
