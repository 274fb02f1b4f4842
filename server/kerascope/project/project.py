"""The project: documents open and on disk, and what a name in one of them means.

Everything is looked up lazily and kept until the file that it came from changes. Whoever memoises a
result records what it read (`recording`) and asks `unchanged` before using it again.
"""

from __future__ import annotations

import ast
import builtins
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from kerascope.project.files import Files, absolute_path
from kerascope.project.finding import Class, End, File, Finder, Folders, InnerClass, Key, library_member
from kerascope.project.meaning import ClassDefinition, Library, Meaning
from kerascope.project.mentions import mentions
from kerascope.project.module import Imported, Module, body_names, member_nodes, member_pieces
from kerascope.source.document import Document
from kerascope.source.statement import Statement

if TYPE_CHECKING:
    from kerascope.project.inference import Inference

_Bound: TypeAlias = tuple[tuple[Statement, ast.stmt], ...]
"""The statements that bind a name, each with the piece that holds it."""

_BUILTINS = frozenset(dir(builtins))

MAX_NEIGHBOURS = 200
"""In how many files is looked for who else speaks of something."""


class Reads:
    """What an analysis consulted: definitions by module and name, missing names included."""

    __slots__ = ("tokens",)

    def __init__(self) -> None:
        self.tokens: dict[Key, object] = {}

    def add(self, other: Reads) -> None:
        """Take over what another recording consulted."""
        self.tokens.update(other.tokens)

    def beyond(self, other: Reads) -> Reads:
        """What this one consulted and another one didn't."""
        more = Reads()
        # A difference of the sets, since that doesn't hash the keys again.
        more.tokens = {key: self.tokens[key] for key in set(self.tokens).difference(other.tokens)}
        return more


class _Recordings(threading.local):
    """The recordings under way, each thread's own."""

    def __init__(self) -> None:
        self.stack: list[Reads] = []


class Members(Mapping[str, tuple[tuple[Statement, ast.stmt], ...]]):
    """The members of a class by name: for each the statements that bind it, with the pieces that hold them.

    Looking one up records that one only.
    """

    def __init__(self, project: Project, definition: ClassDefinition) -> None:
        self._project = project
        self._definition = definition

    def __getitem__(self, name: str) -> tuple[tuple[Statement, ast.stmt], ...]:
        found = self._project.member_of(self._definition, name)
        if not found and name not in self._project.member_names(self._definition):
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._project.member_names(self._definition))

    def __len__(self) -> int:
        return len(self._project.member_names(self._definition))


class Project:
    """All documents of one workspace folder, and the meaning of their names. For several threads."""

    def __init__(self, root: str | None, search_paths: Sequence[str] = ()) -> None:
        """`root`: the folder; `search_paths`: further folders of importable code (site-packages)."""
        self.root = absolute_path(root) if root is not None else None
        self.search_paths = tuple(absolute_path(path) for path in search_paths)
        self.inference: Inference | None = None
        """Answers what imports alone don't; set by whoever wants it."""
        self._lock = threading.RLock()
        self._files = Files()
        self._finder = Finder(self._files, self.root, self.search_paths)
        self._recordings = _Recordings()
        self._members: dict[tuple[int, int, int, str], tuple[ClassDefinition, Key, object, _Bound]] = {}
        """Members looked up since the last change of any file; each keeps what its key names by `id`."""
        self._known: dict[Key, tuple[tuple[End, ...], tuple[Meaning, ...]]] = {}
        self._known_epoch = -1
        """Of the files when these answers were found."""

    @property
    def problems(self) -> Mapping[str, str]:
        """For each file that could not be read, why."""
        return self._files.problems

    @property
    def epoch(self) -> int:
        """A number that grows with every change of any file."""
        return self._files.epoch

    def version(self, path: str) -> int:
        """A number that grows with every change of one file."""
        return self._files.version(path)

    def open(self, document: Document) -> None:
        """The editor's text of `document.path` from now on, instead of the file's (also for each edit)."""
        with self._lock:
            self._files.open(document)

    def close(self, path: str) -> None:
        """Back to the file on disk."""
        with self._lock:
            self._files.close(path)

    def changed_on_disk(self, path: str) -> None:
        """Forget what was read from `path` (a file or folder made, changed or deleted)."""
        with self._lock:
            self._files.changed_on_disk(path)

    def document(self, path: str) -> Document | None:
        """The open document, else the file's; None if it can't be read (`problems` says why).

        This is not recorded: an analysis that depends on the whole text asks for `whole`.
        """
        with self._lock:
            return self._files.document(path)

    def whole(self, path: str) -> Document | None:
        """The document, for an analysis that depends on all of its text: any change of it counts."""
        with self._lock:
            document = self._files.document(path)
            self.record(("whole", path), document)
            return document

    def mentions(self, path: str, pattern: str) -> int:
        """How often a regular expression is found in the document: cheaper to keep than the whole of it."""
        with self._lock:
            document = self._files.document(path)
            count = mentions(document, pattern) if document is not None else 0
            self.record(("mentions", path, pattern), count)
            return count

    def mentioned_elsewhere(self, path: str, *patterns: str) -> bool:
        """Whether another file of the workspace has all these regular expressions; the nearest files are
        looked at, `MAX_NEIGHBOURS` of them."""
        with self._lock:
            folder = os.path.dirname(path)  # noqa: PTH120
            inside = self.root is not None and path.startswith(self.root.rstrip(os.sep) + os.sep)
            top = self.root if inside and self.root is not None else folder
            return any(
                all(self.mentions(other, pattern) for pattern in patterns)
                for other in self._files.neighbours(path, top.rstrip(os.sep), MAX_NEIGHBOURS)
            )

    def module(self, path: str) -> Module | None:
        """The module in the file at `path` (or the namespace package in that folder). Not recorded."""
        with self._lock:
            return self._files.module(path)

    def module_name(self, path: str) -> str:
        """The dotted name of the module in a file, which isn't read for it."""
        with self._lock:
            return self._files.module_name(path)[0]

    def find_module(self, dotted: str, importer: Module | None = None) -> Module | None:
        """The module that `import dotted` finds in the workspace, beside the importer, or on the search
        paths."""
        with self._lock:
            folder = os.path.dirname(importer.path) if importer is not None else None  # noqa: PTH120
            for end in self._asked("module", folder, dotted):
                if isinstance(end, File):
                    return self._files.module(end.path)
                if isinstance(end, Folders):
                    return self._files.namespace_module(end.paths)
            return None

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
            return (library_member(meaning, name),)
        with self._lock:
            end = self._finder.end_of(meaning)
            return self._meanings("member", end, name) if end is not None else ()

    def meaning(self, end: End) -> Meaning | None:
        """What an end names, in the present version of its file."""
        with self._lock:
            return self._finder.meaning(end)

    def builtin(self, name: str) -> bool:
        """Whether `name` is one of Python's builtins."""
        return name in _BUILTINS

    def _meanings(self, *key: object) -> tuple[Meaning, ...]:
        with self._lock:
            self._forget_if_changed()
            known = self._known.get(key)
            if known is None:
                known = self._finder.answer(key), self._finder.meanings(key)
                if self._finder.keeps(key):
                    self._known[key] = known
            ends, meanings = known
            self.record(key, ends)
            return meanings

    def _asked(self, *key: object) -> tuple[End, ...]:
        """The ends of a name: the token by which a recorded look-up is compared later."""
        ends = self._finder.answer(key)
        self.record(key, ends)
        return ends

    def record(self, key: Key, token: object) -> None:
        """Note a look-up in the recordings under way."""
        if stack := self._recordings.stack:
            stack[-1].tokens[key] = token

    def members(self, definition: ClassDefinition) -> Members:
        """The members of a class's own body by name: methods, assignments, annotations, nested classes,
        those in `if` and `try` too. Each look-up is recorded by itself."""
        return Members(self, definition)

    def member_of(self, definition: ClassDefinition, name: str) -> tuple[tuple[Statement, ast.stmt], ...]:
        """The statements in a class's own body that bind `name`, in order, each with the piece that holds it.

        An older version of a class stands for its present one; () if that is gone.
        """
        with self._lock:
            self._forget_if_changed()
            which = id(definition.module), id(definition.statement), id(definition.node), name
            known = self._members.get(which)
            if known is None:
                known = self._members[which] = (definition, *self._find_member(definition, name))
            _, key, token, found = known
            self.record(key, token)
            return found

    def _forget_if_changed(self) -> None:
        """Forget the answers that hold only while no file changes."""
        if self._known_epoch != self._files.epoch:
            self._known.clear()
            self._members.clear()
            self._known_epoch = self._files.epoch

    def _find_member(self, definition: ClassDefinition, name: str) -> tuple[Key, object, _Bound]:
        """The statements that bind a member, with the key and the token of the look-up."""
        end = self._finder.end_of(definition)
        key = ("class member", _anchor(end), name)
        token = self._member_token(key)
        if isinstance(end, InnerClass):
            return key, token, tuple((end.statement, node) for node in member_nodes(end.node.body, name))
        found: list[tuple[Statement, ast.stmt]] = []
        for piece in token or ():
            nodes = member_nodes(piece.nodes, name)
            if not nodes and piece.kind == "class":
                nodes = [node for node in piece.nodes if isinstance(node, ast.ClassDef)]
            found += [(piece, node) for node in nodes]
        return key, token, tuple(found)

    def member_names(self, definition: ClassDefinition) -> tuple[str, ...]:
        """The names that a class's own body binds, in order."""
        with self._lock:
            end = self._finder.end_of(definition)
            key = ("class members", _anchor(end))
            token = self._names_token(key)
            self.record(key, token)
            if isinstance(end, InnerClass):
                return tuple(body_names(end.node.body))
            return tuple(str(name) for name in token or ())

    def _class_statement(self, anchor: object) -> Statement | None:
        """The present statement of the class that a recorded look-up names."""
        return self._finder.class_statement(*anchor) if isinstance(anchor, tuple) else None

    def _member_token(self, key: Key) -> tuple[Statement, ...] | None:
        if isinstance(key[1], InnerClass):
            return self._statement_token(key[1])
        statement = self._class_statement(key[1])
        return member_pieces(statement).get(str(key[2]), ()) if statement is not None else None

    def _names_token(self, key: Key) -> tuple[object, ...] | None:
        if isinstance(key[1], InnerClass):
            return self._statement_token(key[1])
        statement = self._class_statement(key[1])
        return tuple(member_pieces(statement)) if statement is not None else None

    def _statement_token(self, end: InnerClass) -> tuple[Statement, ...] | None:
        """The statement around a class if the document still has it."""
        document = self._files.document(end.path)
        there = document is not None and document.line_of(end.statement) is not None
        return (end.statement,) if there else None

    @contextmanager
    def recording(self) -> Iterator[Reads]:
        """Everything looked up inside, by this thread, is noted in the `Reads` (and, once this one ends, in
        the recording around it)."""
        reads = Reads()
        stack = self._recordings.stack
        stack.append(reads)
        try:
            yield reads
        finally:
            stack.remove(reads)
            if stack:
                stack[-1].add(reads)

    def note(self, reads: Reads) -> None:
        """Add `reads` (of a memoised result used again) to the recordings under way."""
        if stack := self._recordings.stack:
            stack[-1].add(reads)

    def unchanged(self, reads: Reads) -> bool:
        """Whether every look-up in `reads` would give the very same answer now."""
        with self._lock:
            for key, token in reads.tokens.items():
                if key[0] == "class member":
                    now: object = self._member_token(key)
                elif key[0] == "class members":
                    now = self._names_token(key)
                elif key[0] in ("whole", "mentions"):
                    now = document = self._files.document(str(key[1]))
                    if key[0] == "mentions":
                        now = mentions(document, str(key[2])) if document is not None else 0
                elif key[0] == "inferred":
                    now = self.inference.still(key) if self.inference is not None else None
                else:
                    now = self._finder.answer(key)
                if now is not token and now != token:
                    return False
            return True

    def files_read(self, reads: Reads) -> frozenset[str]:
        """The files and folders (these end in a separator), there or not, that look-ups went through."""
        found: set[str] = set()
        with self._lock:
            for key in reads.tokens:
                if key[0] in ("class member", "class members"):
                    owner = key[1]
                    path = owner[0] if isinstance(owner, tuple) else getattr(owner, "path", None)
                    if isinstance(path, str):
                        found.add(path)
                elif key[0] in ("whole", "mentions"):
                    found.add(str(key[1]))
                elif key[0] == "inferred":
                    if self.inference is not None:
                        found |= self.inference.files_read(key)
                else:
                    found |= self._finder.files_behind(key)
        return frozenset(found)

    def depends(self, path: str, on_path: str) -> bool:
        """Whether anything that was looked up for the file at `path` went through the one at `on_path`,
        straight or through other files (also where `on_path` was looked for and missing)."""
        with self._lock:
            return self._finder.depends(path, on_path)


def _anchor(end: End | None) -> object:
    """What identifies a class in a recorded look-up of a member."""
    return (end.path, end.where) if isinstance(end, Class) else end
