"""What to build: the ways to make and call a layer class, best first, and what must run for them."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from weakref import WeakKeyDictionary

from kerascope.probe.comment import BuildComment, CommentProblem, comment_above
from kerascope.probe.harm import Judge
from kerascope.probe.inputs import parse_call, parse_inputs
from kerascope.probe.request import Direct, Inputs, Outer, Program, Recipe, Slice
from kerascope.probe.slice import TooLarge, slice_for
from kerascope.probe.usage import Usage, Usages
from kerascope.probe.uses import uses_of
from kerascope.project.catalogue import catalogue
from kerascope.project.meaning import ClassDefinition
from kerascope.project.module import Module
from kerascope.project.project import Project
from kerascope.source.document import Site
from kerascope.tracking.classes import ClassIndex
from kerascope.tracking.examine import Examiner

IN_FUNCTION = "it is defined in a function, so nothing outside can make it: move it to module level"
REPLACED = "another class of the same name follows it"
_MOST_PROGRAMS = 2
_MOST_MODULES = 12
"""Where another file's layer needs more modules than this besides, it isn't worth its time."""
_MOST_BESIDE = 60
"""Of a folder with more files, none but the class's own is looked through."""
_LARGEST = 1 << 19


@dataclass(frozen=True, slots=True)
class Given:
    """What a person asks for: texts as in `--init`, `--on` and `--call`."""

    init: str | None = None
    on: str | None = None
    call: str | None = None


@dataclass(frozen=True, slots=True)
class LayerClass:
    """A layer class of a file. `name` is "Outer.Inner" for one in a class; `line`, counted from 1, is its
    name's."""

    name: str
    line: int
    why_not: str | None = None
    """Why it can't be built for a check."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run and how to build. `problem`: what is wrong with the comment above the class."""

    slice: Slice
    recipes: tuple[Recipe, ...]
    problem: CommentProblem | None = None


def plan(
    project: Project, examiner: Examiner, module: Module, class_name: str, given: Given | None = None
) -> Plan:
    """The recipes for a class, and the slice that they need. ValueError: what is wrong with `given`."""
    kept = _kept.get(project)
    if kept is None or kept.epoch != project.epoch:
        kept = _kept[project] = _Kept(project.epoch, Judge(project))
    key = (examiner.generation, module.path, class_name, given)
    if key not in kept.plans:
        kept.plans[key] = _plan(project, examiner, module, class_name, given, kept.judge)
    return kept.plans[key]


@dataclass(frozen=True)
class _Kept:
    """What is known of a project as long as none of its files changes."""

    epoch: int
    judge: Judge
    plans: dict[tuple[object, ...], Plan] = field(default_factory=dict)


_kept: WeakKeyDictionary[Project, _Kept] = WeakKeyDictionary()


def _plan(
    project: Project, examiner: Examiner, module: Module, class_name: str, given: Given | None, judge: Judge
) -> Plan:
    definition = find_class(examiner, module, class_name)
    recipes = recipes_for(project, examiner, module, class_name, given, judge)
    problem = None
    if definition is not None:
        said = comment_above(module.document, definition)
        problem = said if isinstance(said, CommentProblem) else None
    near = tuple(way for way in recipes if not (isinstance(way, Outer) and way.path != module.path))
    made = slice_for(project, module, class_name, near, judge)
    if near != recipes:
        try:
            limit = len(made.modules) + _MOST_MODULES
            made = slice_for(project, module, class_name, recipes, judge, limit)
        except TooLarge:
            recipes = near
    return Plan(made, recipes, problem)


def recipes_for(
    project: Project,
    examiner: Examiner,
    module: Module,
    class_name: str,
    given: Given | None = None,
    judge: Judge | None = None,
) -> tuple[Recipe, ...]:
    """The ways to build a class: as asked for, as its comment says, as code uses it, as another layer makes
    it, by search. ValueError: what is wrong with `given`."""
    finder = _Finder(project, examiner, judge or Judge(project))
    asked = _asked(given)
    definition = find_class(examiner, module, class_name)
    if definition is None:
        return (asked or Direct("search", None, None),)
    if asked is not None and asked.init is not None and asked.inputs is not None:
        return (asked,)
    said = finder.comment(definition)
    if asked is not None:
        said = replace(
            asked,
            init=asked.init if asked.init is not None or said is None else said.init,
            inputs=asked.inputs or (said.inputs if said is not None else None),
        )
    if said is not None and said.init is not None and said.inputs is not None:
        return (said,)
    usages = finder.chosen(definition, class_name, said.init if said is not None else None)
    ways: list[Recipe] = [usage.recipe for usage in usages]
    if not any(usage.complete for usage in usages):
        ways += finder.outer(definition, class_name)
    if said is None:
        return (*ways, Direct("search", None, None))
    if said.inputs is not None:
        ways[:0] = [
            Direct("usage", usage.init, None, example=usage.recipe.example)
            for usage in usages
            if usage.init is not None
        ]
    return (*_completed(said, ways), said)


def _asked(given: Given | None) -> Direct | None:
    if given is None or (given.init is None and given.on is None):
        return None
    if given.init is not None:
        parse_call(given.init)
    inputs = parse_inputs(given.on) if given.on is not None else None
    return Direct("given", given.init, inputs)


def _completed(said: Direct, ways: list[Recipe]) -> Iterator[Recipe]:
    """What was said in part, with the rest from how code uses the class."""
    done = [(said.init, said.inputs)]
    for way in ways:
        if isinstance(way, Program) and said.inputs is None:
            yield replace(way, origin=said.origin)
        elif isinstance(way, Direct):
            both = (said.init if said.init is not None else way.init, said.inputs or way.inputs)
            if both not in done:
                done.append(both)
                example = way.example and said.init is None
                yield replace(said, init=both[0], inputs=both[1], example=example)


class _Finder:
    def __init__(self, project: Project, examiner: Examiner, judge: Judge) -> None:
        self.project = project
        self.examiner = examiner
        self.judge = judge

    def comment(self, definition: ClassDefinition) -> Direct | None:
        document = definition.module.document
        said = comment_above(document, definition)
        if not isinstance(said, BuildComment):
            return None
        return Direct("comment", said.init, said.inputs, document.path, said.range.start.line + 1)

    def usages(self, definition: ClassDefinition, class_name: str) -> list[Recipe]:
        """As the file itself uses the class, the examples in its docstring, and the files beside it."""
        return [usage.recipe for usage in self.chosen(definition, class_name)]

    def chosen(self, definition: ClassDefinition, class_name: str, instead: str | None = None) -> list[Usage]:
        """The best usages; `instead`: with these arguments in place of the constructor's."""
        complete: list[Usage] = []
        partial: list[Usage] = []
        for usage in self._understood(self._all_usages(definition, class_name, instead)):
            if any(usage.recipe == other.recipe for other in (*complete, *partial)):
                continue
            if usage.complete:
                complete.append(usage)
                if len(complete) >= _MOST_PROGRAMS:
                    break
            elif len(partial) < _MOST_PROGRAMS:
                partial.append(usage)
        return complete or partial

    @staticmethod
    def _understood(usages: Iterator[Usage]) -> Iterator[Usage]:
        """Code that is nested too deep says nothing."""
        with suppress(RecursionError):
            yield from usages

    def _all_usages(
        self, definition: ClassDefinition, class_name: str, instead: str | None
    ) -> Iterator[Usage]:
        own = Usages(self.project, self.judge, definition.module, definition, class_name, instead)
        yield from own.find()
        yield from own.of_docstring()
        if not class_name.startswith("_"):
            for module in [*self._tests(definition.module), *self._beside(definition.module, class_name)]:
                beside = Usages(self.project, self.judge, module, definition, class_name, instead)
                yield from beside.find()

    def _tests(self, module: Module) -> Iterator[Module]:
        """The files that test a file, by their names."""
        folder, file = os.path.split(module.path)
        stem = os.path.splitext(file)[0]  # noqa: PTH122
        folders = [folder, os.path.join(folder, "tests")]  # noqa: PTH118
        if self.project.root is not None:
            folders.append(os.path.join(self.project.root, "tests"))  # noqa: PTH118
        for where in dict.fromkeys(folders):
            for name in (f"{stem}_test.py", f"test_{stem}.py"):
                found = self.project.module(os.path.join(where, name))  # noqa: PTH118
                if found is not None:
                    yield found

    def outer(self, definition: ClassDefinition, class_name: str) -> list[Recipe]:
        """As another layer class makes it, or as others of the file make that: one whose own way to be built
        is known, else one to search for."""
        made: list[Recipe] = []
        searched: list[Recipe] = []
        holders = [(definition, class_name)]
        seen = {class_name}
        while holders:
            inner, inner_name = holders.pop(0)
            for other, name in self._around(inner, inner_name, inner is definition):
                if name in seen or not self._is_layer(other):
                    continue
                seen.add(name)
                path = other.module.path
                line = (other.module.document.line_of(other.statement) or 0) + other.node.lineno
                if inner is definition:
                    made += self._made_in(other, definition, class_name)
                own = self.comment(other) or next(iter(self.usages(other, name)), None)
                if isinstance(own, Direct | Program):
                    return [Outer("outer", name, own, path, line)]
                if other.module == definition.module:
                    searched.append(Outer("outer", name, Direct("search", None, None), path, line))
                    holders.append((other, name))
        return [*made[:1], *searched[:1]]

    def _made_in(self, other: ClassDefinition, inner: ClassDefinition, name: str) -> Iterator[Recipe]:
        """As another class makes one, where the arguments are the same everywhere."""
        usages = Usages(self.project, self.judge, other.module, inner, name)
        for piece in other.statement.body:
            if name.rpartition(".")[2] in piece.text:
                base = other.module.document.line_of(piece) or 0
                for node in piece.nodes:
                    for init, line in usages.constructions(node):
                        yield Direct("outer", init, None, other.module.path, base + line)

    def _around(
        self, inner: ClassDefinition, name: str, elsewhere: bool
    ) -> Iterator[tuple[ClassDefinition, str]]:
        """The classes that make a class: of its file, else of the files beside that."""
        own = False
        for other, other_name in _named_classes(self.examiner, inner.module):
            if other.statement is not inner.statement and self._makes(other, name):
                own = True
                yield other, other_name
        if own or not elsewhere or "." in name:
            return
        for module in self._beside(inner.module, name):
            for other, other_name in _named_classes(self.examiner, module):
                if name in other.statement.text and self._makes_by_import(other, inner):
                    yield other, other_name

    def _beside(self, module: Module, name: str) -> Iterator[Module]:
        """The files of the same folder, and of the one around it, that mention a class."""
        folder = os.path.dirname(module.path)  # noqa: PTH120
        root = self.project.root
        around = os.path.dirname(folder)  # noqa: PTH120
        for where in (folder, around) if root and around.startswith(root) else (folder,):
            for path in _mentioning(where, name, self.project):
                other = self.project.module(path) if path != module.path else None
                if other is not None and name in other.document.text:
                    yield other

    def _makes_by_import(self, other: ClassDefinition, inner: ClassDefinition) -> bool:
        for used in uses_of(other.statement).names:
            if used.rpartition(".")[2] == inner.name:
                for meaning in self.project.resolve(other.module, used):
                    if isinstance(meaning, ClassDefinition) and meaning.module == inner.module:
                        return meaning.name == inner.name
        return False

    def _is_layer(self, definition: ClassDefinition) -> bool:
        classes = ClassIndex(self.project, catalogue(self.examiner.generation))
        return classes.facts(definition).layer is not None

    def _makes(self, definition: ClassDefinition, name: str) -> bool:
        return name in uses_of(definition.statement).names


def _mentioning(folder: str, name: str, project: Project) -> list[str]:
    """The Python files of a folder, tests left out, in which a name occurs, on disk or in the editor."""
    try:
        entries = [entry for entry in os.scandir(folder) if entry.name.endswith(".py") and entry.is_file()]
    except OSError:
        return []
    if len(entries) > _MOST_BESIDE:
        return []
    found = []
    for entry in sorted(entries, key=lambda entry: entry.name):
        if "test" in entry.name:
            continue
        with suppress(OSError):
            # Reading costs a twentieth of making a document.
            known = project.version(entry.path) > 0
            if known or (entry.stat().st_size < _LARGEST and name.encode() in Path(entry.path).read_bytes()):
                found.append(entry.path)
    return found


# --- the classes of a file ---


def layer_classes(examiner: Examiner, module: Module) -> tuple[LayerClass, ...]:
    """The layer classes of a file in order of the text, with those in functions."""
    classes = ClassIndex(examiner.project, catalogue(examiner.generation))
    found: list[LayerClass] = []
    named = list(_named_classes(examiner, module))
    last = {name: definition.statement for definition, name in named}
    for definition, name in named:
        if classes.facts(definition).layer is not None:
            where = module.class_path(definition.statement) or ()
            around = [module.class_statement(where[: depth + 1]) for depth in range(len(where) - 1)]
            names = [".".join(part for part, _ in where[: depth + 1]) for depth in range(len(where) - 1)]
            stands = all(last[each] is piece for each, piece in zip(names, around, strict=True))
            why_not = None if stands and last[name] is definition.statement else REPLACED
            found.append(LayerClass(name, _line(definition), why_not))
    for statement in module.document.statements:
        if statement.kind == "function" and "class " in statement.text:
            for node in statement.nodes:
                for inner in ast.walk(node):
                    if isinstance(inner, ast.ClassDef):
                        definition = ClassDefinition(module, statement, inner)
                        if classes.facts(definition).layer is not None:
                            found.append(LayerClass(inner.name, _line(definition), IN_FUNCTION))
    return tuple(sorted(found, key=lambda each: each.line))


def find_class(examiner: Examiner, module: Module, class_name: str) -> ClassDefinition | None:
    """The class of this name; the last of several, as for Python."""
    found = None
    for definition, name in _named_classes(examiner, module):
        if name == class_name:
            found = definition
    return found


def _named_classes(examiner: Examiner, module: Module) -> Iterator[tuple[ClassDefinition, str]]:
    for definition in examiner.layer_classes(module):
        where = module.class_path(definition.statement) if definition.statement.kind == "class" else None
        if where is not None:
            yield definition, ".".join(name for name, _ in where)
        elif not _in_function(definition):
            yield definition, definition.name


def _in_function(definition: ClassDefinition) -> bool:
    for node in definition.statement.nodes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                each is definition.node for each in ast.walk(inner)
            ):
                return True
    return False


def _line(definition: ClassDefinition) -> int:
    document = definition.module.document
    place = document.range_of(Site(document.path, definition.statement, definition.node))
    return place.start.line + 1 if place is not None else 1


__all__ = [
    "Given",
    "Inputs",
    "LayerClass",
    "Plan",
    "find_class",
    "layer_classes",
    "plan",
    "recipes_for",
]
