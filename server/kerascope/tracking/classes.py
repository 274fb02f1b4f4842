"""Classes of the project as Python sees them: method resolution order, members, and what they are to
Keras."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from kerascope.project.catalogue import Catalogue, LibraryClass
from kerascope.project.meaning import ClassDefinition, Library, Meaning
from kerascope.project.project import Project
from kerascope.source.statement import Statement

PLAIN_LIBRARY_BASES = frozenset(
    {
        "object",
        "abc.ABC",
        "typing.Generic",
        "typing.Protocol",
        "typing_extensions.Protocol",
        "typing.NamedTuple",
        "enum.Enum",
        "tensorflow.Module",
        "collections.UserList",
        "collections.UserDict",
        "collections.OrderedDict",
        "collections.defaultdict",
        "list",
        "dict",
        "tuple",
        "set",
        "Exception",
        "unittest.TestCase",
        "tensorflow.test.TestCase",
        "absl.testing.parameterized.TestCase",
    }
)
"""Library classes whose instances surely are no Keras layers, and whose constructors don't touch
attributes."""

_LIFE = frozenset(("call", "build"))
"""Methods that Keras calls, wrapped or not."""

MAX_BASES = 40
MAX_DEPTH_OF_BASES = 80

_SETATTR_OF_KERAS = ("super(", "Layer.__setattr__", "Model.__setattr__")

Found: TypeAlias = tuple[ClassDefinition, Statement, ast.stmt] | Library | None
"""Where a member was found: the class, the piece that holds it and its node; or the library's class that has
it."""


@dataclass(frozen=True)
class ClassFacts:
    """One class: its bases resolved and linearised.

    `resolution`: the class itself first; library classes are in it as far as the catalogue knows them.
    `known`: every base could be resolved. `layer`: the nearest layer or model class of the catalogue, if it
    has one.
    """

    definition: ClassDefinition
    resolution: tuple[ClassDefinition | Library, ...]
    known: bool
    layer: LibraryClass | None
    library: LibraryClass | str | None
    """The nearest library base of any kind: a catalogue class, or a dotted name."""
    dataclass: bool
    eq_generated: bool = True

    @cached_property
    def user_classes(self) -> tuple[ClassDefinition, ...]:
        return tuple(cls for cls in self.resolution if isinstance(cls, ClassDefinition))

    @property
    def is_model(self) -> bool:
        """Whether it is a `keras.Model`."""
        return self.layer is not None and (
            self.layer.kind == "model"
            or any(base in ("keras.Model", "keras.Sequential") for base in self.layer.bases)
        )

    @property
    def container_kind(self) -> str | None:
        """ "list subclass", "UserList" … for a class that is a container of Python's."""
        for base in self.resolution:
            if isinstance(base, Library):
                kind = {
                    "list": "list subclass",
                    "dict": "dict subclass",
                    "collections.OrderedDict": "dict subclass",
                    "collections.defaultdict": "dict subclass",
                    "tuple": "tuple subclass",
                    "set": "set subclass",
                    "collections.UserList": "UserList",
                    "collections.UserDict": "UserDict",
                }.get(base.name)
                if kind:
                    return kind
        return None


def dotted_name(node: ast.AST) -> str | None:
    """ "a.b.c" for a name or a chain of attributes of a name."""
    if isinstance(node, ast.Name):
        return node.id
    if not isinstance(node, ast.Attribute):
        return None
    before = dotted_name(node.value)
    return f"{before}.{node.attr}" if before is not None else None


class ClassIndex:
    """The facts of every class asked for, under one generation's catalogue."""

    def __init__(self, project: Project, catalogue: Catalogue) -> None:
        self.project = project
        self.catalogue = catalogue
        self._facts: dict[ClassDefinition, ClassFacts] = {}
        self._under_way: set[ClassDefinition] = set()
        self._members: dict[
            tuple[int, str], tuple[ClassDefinition, tuple[tuple[Statement, ast.stmt], ...]]
        ] = {}
        self._names: dict[int, tuple[ClassDefinition, frozenset[str]]] = {}
        self._found: dict[
            tuple[int, str, int], tuple[ClassDefinition, ClassDefinition | Library | None, Found]
        ] = {}
        """Look-ups already made; each keeps what its key names by `id`."""
        self._bindings: dict[
            tuple[int, str], tuple[ClassDefinition, tuple[tuple[ClassDefinition, Statement, ast.stmt], ...]]
        ] = {}
        self._hides_writes: dict[ClassDefinition, bool] = {}
        self.local_meanings: dict[ClassDefinition, dict[str, tuple[Meaning, ...]]] = {}
        """For classes defined inside a function: what the function's own names mean to their headers."""

    def facts(self, definition: ClassDefinition) -> ClassFacts:
        """The facts of a class; computed once for each index."""
        found = self._facts.get(definition)
        if found is None:
            if definition in self._under_way or len(self._under_way) > MAX_DEPTH_OF_BASES:
                return ClassFacts(definition, (definition,), False, None, None, False)
            self._under_way.add(definition)
            try:
                found = self._facts[definition] = self._compute(definition)
            finally:
                self._under_way.discard(definition)
        return found

    def _compute(self, definition: ClassDefinition) -> ClassFacts:
        known = True
        linear: list[list[ClassDefinition | Library]] = []
        direct: list[ClassDefinition | Library] = []
        for base in definition.node.bases[:MAX_BASES]:
            meanings = self._base_meanings(definition, base)
            usable = [m for m in meanings if isinstance(m, (ClassDefinition, Library))]
            if not usable:
                known = False
                continue
            chosen = self._prefer(usable)
            if isinstance(chosen, ClassDefinition):
                if chosen == definition:
                    known = False
                    continue
                facts = self.facts(chosen)
                known &= facts.known
                linear.append(list(facts.resolution))
            else:
                entry = self.catalogue.get(chosen.name)
                if entry is None:
                    known &= chosen.name.removeprefix("builtins.") in PLAIN_LIBRARY_BASES
                    chosen = Library(chosen.name.removeprefix("builtins."), chosen.origin)
                    linear.append([chosen])
                else:
                    linear.append([chosen, *(Library(name, chosen.origin) for name in entry.bases)])
            direct.append(chosen)
        mro = (definition, *_merge([*linear, direct]))
        layer: LibraryClass | None = None
        library: LibraryClass | str | None = None
        for cls in mro:
            if isinstance(cls, Library):
                entry = self.catalogue.get(cls.name)
                if library is None and cls.name != "object":
                    library = entry or cls.name
                if entry is not None and entry.kind in ("layer", "model"):
                    layer = entry
                    break
        return ClassFacts(definition, mro, known, layer, library, *_dataclass(definition.node))

    def _base_meanings(self, definition: ClassDefinition, base: ast.expr) -> tuple[Meaning, ...]:
        if isinstance(base, ast.Subscript):  # Generic[T]
            base = base.value
        dotted = dotted_name(base)
        if dotted is not None:
            local = self.local_meanings.get(definition)
            first, _, rest = dotted.partition(".")
            if local is not None and first in local:
                found = local[first]
                for part in rest.split(".") if rest else ():
                    found = tuple(m for one in found for m in self.project.member(one, part))
                return found
            found = self.project.resolve(definition.module, dotted)
            if found:
                return found
            if self.project.builtin(dotted):
                return (Library(dotted),)
        inference = self.project.inference
        if inference is not None:
            answer = inference.known(definition.module, definition.statement, base)
            if answer is not None:
                return tuple(answer.meanings)
        return ()

    def _prefer(self, meanings: list[ClassDefinition | Library]) -> ClassDefinition | Library:
        """Of several conditional meanings (`try: from keras … except: from tensorflow.keras …`), the first
        that says most."""
        for meaning in meanings:
            if isinstance(meaning, ClassDefinition) or self.catalogue.get(meaning.name) is not None:
                return meaning
        return meanings[0]

    def members(self, definition: ClassDefinition, name: str) -> tuple[tuple[Statement, ast.stmt], ...]:
        """The statements of the class's own body that bind `name`, in order."""
        known = self._members.get((id(definition), name))
        if known is None:
            here = name in self._names_in(definition)
            known = definition, self.project.member_of(definition, name) if here else ()
            self._members[id(definition), name] = known
        return known[1]

    def _names_in(self, definition: ClassDefinition) -> frozenset[str]:
        """The names that the class's own body binds: most names asked for are none of them."""
        known = self._names.get(id(definition))
        if known is None:
            known = self._names[id(definition)] = definition, frozenset(self.project.member_names(definition))
        return known[1]

    def bindings(
        self, definition: ClassDefinition, name: str
    ) -> tuple[tuple[ClassDefinition, Statement, ast.stmt], ...]:
        """What binds `name` in the class and in its bases that files define, the nearest class first."""
        key = (id(definition), name)
        known = self._bindings.get(key)
        if known is None:
            found = tuple(
                (cls, statement, node)
                for cls in self.facts(definition).user_classes
                for statement, node in self.members(cls, name)
            )
            known = self._bindings[key] = definition, found
        return known[1]

    def hides_writes(self, definition: ClassDefinition) -> bool:
        """Whether the class's own `__setattr__` keeps Keras from seeing attribute writes."""
        hidden = self._hides_writes.get(definition)
        if hidden is None:
            found = self.find(definition, "__setattr__")
            hidden = False
            if isinstance(found, tuple) and isinstance(found[2], ast.FunctionDef):
                text = ast.unparse(found[2])
                hidden = not any(known in text for known in _SETATTR_OF_KERAS)
            self._hides_writes[definition] = hidden
        return hidden

    def find(
        self, definition: ClassDefinition, name: str, after: ClassDefinition | Library | None = None
    ) -> Found:
        """The last binding of `name` in method resolution order (behind `after`, if given); a `Library` where
        a class of a library comes first that isn't known not to have it."""
        key = (id(definition), name, id(after))
        known = self._found.get(key)
        if known is None:
            known = self._found[key] = (definition, after, self._find(definition, name, after))
        return known[2]

    def _find(self, definition: ClassDefinition, name: str, after: ClassDefinition | Library | None) -> Found:
        mro = self.facts(definition).resolution
        if after is not None:
            names = [cls.name if isinstance(cls, Library) else cls for cls in mro]
            wanted = after.name if isinstance(after, Library) else after
            if wanted not in names:
                return None
            mro = mro[names.index(wanted) + 1 :]
        for cls in mro:
            if isinstance(cls, Library):
                if cls.name in PLAIN_LIBRARY_BASES and cls.name not in ("tensorflow.Module",):
                    continue
                return cls
            found = self.members(cls, name)
            if found:
                statement, node = found[-1]
                if name in _LIFE and isinstance(node, ast.Assign):
                    statement, node = self._wrapped(cls, name) or found[-1]
                return cls, statement, node
        return None

    def _wrapped(self, cls: ClassDefinition, name: str) -> tuple[Statement, ast.FunctionDef] | None:
        """The method behind `call = tf.function(call)` in the body of the class."""
        *_, (_, binding) = found = self.members(cls, name)
        made = binding.value if isinstance(binding, ast.Assign) else None
        if not isinstance(made, ast.Call) or len(made.args) != 1 or made.keywords:
            return None
        if not isinstance(made.args[0], ast.Name) or made.args[0].id != name:
            return None
        return next(((each, node) for each, node in found if isinstance(node, ast.FunctionDef)), None)


def _merge(sequences: list[list[ClassDefinition | Library]]) -> list[ClassDefinition | Library]:
    """Python's C3 linearisation; where it has no answer, the order of appearance."""

    def key(cls: ClassDefinition | Library) -> object:
        return cls.name if isinstance(cls, Library) else cls

    if len(sequences) == 2 and len(sequences[1]) == 1:  # one base
        return sequences[0]
    result: list[ClassDefinition | Library] = []
    sequences = [list(sequence) for sequence in sequences if sequence]
    while sequences:
        for sequence in sequences:
            head = sequence[0]
            if not any(key(head) in map(key, other[1:]) for other in sequences):
                break
        else:
            head = sequences[0][0]
        result.append(head)
        sequences = [
            rest for sequence in sequences if (rest := [cls for cls in sequence if key(cls) != key(head)])
        ]
    return result


def _dataclass(node: ast.ClassDef) -> tuple[bool, bool]:
    """Whether `node` is decorated as a dataclass (attrs too), and whether equality is generated."""
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        name = dotted_name(call.func if call else decorator) or ""
        if name.rsplit(".", 1)[-1] in ("dataclass", "define", "attrs", "frozen") or name in ("attr.s",):
            eq = True
            for keyword in call.keywords if call else ():
                if keyword.arg == "eq" and isinstance(keyword.value, ast.Constant):
                    eq = bool(keyword.value.value)
            return True, eq
    return False, True
