"""The slice: of each module of the project the least that must run before a class can be made.

Needed names are followed from the class through bases, decorators and bodies, across the project's files;
installed packages are imported as they are. Code that reads files, connects, trains or ends the program is
left out even where its names are needed, and the slice says so.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from kerascope.probe.harm import Judge
from kerascope.probe.request import Direct, LeftOut, Outer, Program, Recipe, Slice, SlicedModule
from kerascope.probe.uses import Uses, uses_in, uses_of, uses_of_text
from kerascope.project.meaning import ClassDefinition, FunctionDefinition, Library, ModuleDefinition
from kerascope.project.module import Imported, Module, bound_by
from kerascope.project.project import Project
from kerascope.source.cutting import LINE_END
from kerascope.source.statement import Statement
from kerascope.tracking.classes import dotted_name

MAIN = "it runs only when the file is started as a program"
NOT_NEEDED = "the class doesn't need it"
SYNTAX = "it has a syntax error"

_CONFIGURING = re.compile(
    r"keras\.(?:mixed_precision\.(?:experimental\.)?set_\w*policy|config\.(?:set|enable|disable)_\w+"
    r"|backend\.(?:set|enable|disable)_\w+|utils\.set_random_seed"
    r"|saving\.enable_unsafe_deserialization)"
    r"|tensorflow\.(?:config\.(?:experimental_)?(?:run_functions_eagerly|enable_\w+|optimizer\.set_\w+)"
    r"|config\.experimental\.enable_\w+|random\.set_seed|enable_\w+"
    r"|compat\.v1\.(?:enable|disable)_\w+|experimental\.numpy\.experimental_enable_numpy_behavior)"
    r"|numpy\.random\.seed|random\.seed|jax\.config\.update|torch\.(?:set_default_\w+|manual_seed)"
    r"|sys\.setrecursionlimit|sys\.path\.(?:append|insert|extend)|os\.environ\.(?:setdefault|update|pop)"
    r"|os\.putenv"
)
"""Functions that change how everything after them behaves."""
_CONFIGURED = ("os.environ", "sys.path", "keras.backend", "jax.config")
_MAY_CONFIGURE = re.compile(
    r"policy|set_|seed|enable|disable|eager|environ|sys\.path|config|putenv|setrecursion"
)
_INSTALLED = re.compile(r".*[\\/](?:site|dist)-packages[\\/][^\\/]+")
_ASSIGNED = re.compile(r"(\w+)[ \t]*(?::[^=\n]*)?=(?!=)")
_KERAS = ("keras", "tf_keras", "tensorflow")
_NEAR = 3
"""A module that is handed around as a value is needed as a whole; far from the class, where that would mean
half of a library, only what is named."""
_HARMLESS_KEY = re.compile(r"CUDA_VISIBLE_DEVICES|_VISIBLE_DEVICES")
NOTHING_CHANGED = frozenset({
    "close", "critical", "debug", "error", "exception", "flush", "info", "log", "summary", "warn",
    "warning",
})  # fmt: skip
"""Methods that leave everything as it is."""


@dataclass(eq=False)
class _Unit:
    """A statement at module level: a class or function as a whole."""

    statement: Statement
    node: ast.stmt
    alone: bool
    """It is all that its piece holds."""
    binds: tuple[str, ...] = ()
    aliases: dict[str, list[Imported]] = field(default_factory=dict)
    """For the names that imports in it bind, what is imported."""
    kept: bool = False
    wanted: set[str] = field(default_factory=set)
    """Of an import, the names that are needed."""
    from_stars: set[str] = field(default_factory=set)
    without: dict[ast.stmt, str] = field(default_factory=dict)
    """Statements in it that are left out, and why."""
    members: dict[Statement, str] = field(default_factory=dict)
    """Of a class, the members that are left out, and why."""
    why: str | None = None
    """Why it is left out although it is needed."""

    @property
    def is_import(self) -> bool:
        return isinstance(self.node, ast.Import | ast.ImportFrom)

    @property
    def is_definition(self) -> bool:
        return isinstance(self.node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)

    def uses(self) -> Uses:
        if self.is_import:
            return Uses()
        if self.members:
            found = uses_in(self.statement.nodes)
            for piece in self.statement.body:
                if piece not in self.members:
                    found.add(uses_of(piece))
            return found
        if self.alone and not self.without:
            return uses_of(self.statement)
        return uses_in([self.node], frozenset(self.without))


class _Part:
    """One module of the project, as far as it is needed."""

    def __init__(self, module: Module, name: str, distance: int) -> None:
        self.module = module
        self.distance = distance
        """How many imports it is away from the class."""
        self.names = {name: None}
        """The names by which it is imported, in order."""
        self.seen: set[str] = set()
        self.bound: set[str] = set()
        self.units: list[_Unit] = []
        self.by_name: dict[str, list[_Unit]] = {}
        self.stars: list[tuple[_Unit, Imported]] = []
        self.all_seen = False
        self.future = False
        for statement in module.document.statements:
            nodes = statement.nodes
            for node in nodes:
                self._enter(_Unit(statement, node, len(nodes) == 1))
        self.lines: list[str] | None = None

    def _enter(self, unit: _Unit) -> None:
        self.units.append(unit)
        node = unit.node
        if isinstance(node, ast.If) and is_main_block(node):
            unit.why = MAIN
            return
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            unit.kept = True
            unit.wanted = {alias.asname or alias.name for alias in node.names}
            self.future |= any(alias.name == "annotations" for alias in node.names)
            return
        names: list[str] = []
        for bound, imported in _binds(unit.statement, node):
            if isinstance(imported, Imported):
                if bound == "*":
                    self.stars.append((unit, imported))
                    continue
                unit.aliases.setdefault(bound, []).append(imported)
            names.append(bound)
        unit.binds = tuple(dict.fromkeys(names))
        for bound in unit.binds:
            self.by_name.setdefault(bound, []).append(unit)


class TooLarge(Exception):
    """The slice would need more modules than it may have."""


class _Slicer:
    def __init__(self, project: Project, judge: Judge, target: str, limit: int | None) -> None:
        self._limit = limit
        self._waiting: list[tuple[_Part, str]] = []
        self.project = project
        self.judge = judge
        self.parts: dict[str, _Part] = {}
        self._target = target
        self._in_project: dict[str, bool] = {}

    # --- which names are needed ---

    def part(self, module: Module, name: str, distance: int = 0) -> _Part:
        part = self.parts.get(module.path)
        if part is None:
            if self._limit is not None and len(self.parts) >= self._limit:
                raise TooLarge
            part = self.parts[module.path] = _Part(module, name, distance)
            self._packages(part, name)
        elif name not in part.names:
            part.names[name] = None
            self._packages(part, name)
        return part

    def _packages(self, part: _Part, name: str) -> None:
        """The packages that are imported on the way to a module."""
        folder = os.path.dirname(part.module.path)  # noqa: PTH120
        if part.module.is_package:
            folder = os.path.dirname(folder)  # noqa: PTH120
        parent = name.rpartition(".")[0]
        if name.partition(".")[0] in _KERAS:
            return  # one of Keras' own files: the rest of it is there anyway
        while parent:
            package = self.project.module(os.path.join(folder, "__init__.py"))  # noqa: PTH118
            if package is not None:
                known = self.parts.get(package.path)
                if known is None:
                    known = self.parts[package.path] = _Part(package, parent, part.distance)
                known.names[parent] = None
            folder = os.path.dirname(folder)  # noqa: PTH120
            parent = parent.rpartition(".")[0]

    def need(self, part: _Part, dotted: str) -> None:
        """`dotted` is used in the module."""
        if dotted not in part.seen:
            part.seen.add(dotted)
            part.bound.add(dotted.partition(".")[0])
            self._waiting.append((part, dotted))

    def follow_needs(self) -> None:
        """Keep what is needed, and what that needs, to the end."""
        while self._waiting:
            self._take(*self._waiting.pop())

    def _take(self, part: _Part, dotted: str) -> None:
        root, _, rest = dotted.partition(".")
        units = part.by_name.get(root)
        if units is None:
            if not (root.startswith("__") and root.endswith("__")):
                self._from_star(part, root, rest)
            return
        for unit in units:
            self.keep(part, unit, root)
            for imported in unit.aliases.get(root, ()) if unit.kept else ():
                self._follow(part, imported, root, rest)

    def everything(self, part: _Part) -> None:
        """All that a module defines is needed."""
        if not part.all_seen:
            part.all_seen = True
            for name in list(part.by_name):
                self.need(part, name)
            for unit, _ in part.stars:
                self.keep(part, unit)

    def keep(self, part: _Part, unit: _Unit, name: str | None = None) -> None:
        """A statement is needed, of an import the name."""
        if name is not None and (unit.is_import or unit.aliases):
            unit.wanted.add(name)
        if unit.kept or unit.why is not None:
            return
        if unit.is_import:
            unit.kept = True
            return
        if unit.statement.broken or any(piece.broken for piece in _pieces(unit.statement)):
            unit.why = SYNTAX
            return
        reason = self._harm(part, unit)
        if reason is not None and not self._mended(part, unit):
            unit.why = reason
            return
        unit.kept = True
        uses = unit.uses()
        for used in sorted(uses.names if part.future else uses.names | uses.annotations):
            self.need(part, used)
        if uses.everything:
            self.everything(part)
        for imported in uses.imports:
            self._follow(part, imported, "", "")
        for bound, all_imported in unit.aliases.items():
            # What a block imports is imported as a whole: its `except` may depend on it.
            unit.wanted.add(bound)
            for imported in all_imported:
                if bound not in part.bound:
                    self._follow(part, imported, bound, "")

    def _harm(self, part: _Part, unit: _Unit) -> str | None:
        if isinstance(unit.node, ast.ClassDef) and unit.alone:
            return self.judge.statement(part.module, unit.statement)
        return self.judge.reason(part.module, [unit.node])

    def _mended(self, part: _Part, unit: _Unit) -> bool:
        """Whether a block or class can be kept without the statements in it that do harm."""
        node = unit.node
        if isinstance(node, ast.ClassDef) and unit.alone and self.judge.reason(part.module, [node]) is None:
            for piece in unit.statement.body:
                why = self.judge.statement(part.module, piece)
                if why is not None:
                    unit.members[piece] = why
            return not any(piece.lead for piece in unit.members)
        if not isinstance(node, ast.If | ast.Try | ast.For | ast.While | ast.With):
            return False
        harmful: dict[ast.stmt, str] = {}

        def enter(block: ast.stmt) -> bool:
            own = [
                child for child in ast.iter_child_nodes(block) if isinstance(child, ast.expr | ast.withitem)
            ]
            if self.judge.reason(part.module, own) is not None:
                return False
            for child in _inner_statements(block):
                reason = self.judge.reason(part.module, [child])
                if reason is not None and not (
                    isinstance(child, ast.If | ast.Try | ast.For | ast.While | ast.With) and enter(child)
                ):
                    harmful[child] = reason
            return True

        if not enter(node):
            return False
        unit.without.update(harmful)
        return True

    # --- imports ---

    def of_project(self, module: Module) -> bool:
        """Whether a module is the project's own, not an installed package."""
        known = self._in_project.get(module.path)
        if known is None:
            known = self._in_project[module.path] = is_own(self.project, module.path, self._target)
        return known

    def _module(self, part: _Part, imported: str, level: int) -> Module | None:
        if level == 0:
            module = self.project.find_module(imported, part.module) if imported else None
        else:
            meanings = self.project.resolve_import(part.module, imported, level, None)
            module = next((m.module for m in meanings if isinstance(m, ModuleDefinition)), None)
        return module if module is not None and self.of_project(module) else None

    def _absolute(self, part: _Part, imported: str, level: int) -> list[str]:
        """The names under which a module is imported by another, which may have several itself."""
        if level == 0:
            return [imported]
        found = []
        for name in part.names:
            package = name.split(".") if part.module.is_package else name.split(".")[:-1]
            package = package[: len(package) - level + 1]
            found.append(".".join([*package, imported] if imported else package))
        return [name for name in found if name]

    def _enter(self, part: _Part, imported: str, level: int) -> _Part | None:
        """The part that an import statement names, if it is the project's."""
        module = self._module(part, imported, level)
        if module is None:
            return None
        found: _Part | None = None
        for name in self._absolute(part, imported, level):
            if not module.path.endswith(".py"):  # a namespace package has no code
                return _Part(module, name, part.distance)
            found = self.part(module, name, part.distance + 1)
        return found

    def _follow(self, part: _Part, imported: Imported, root: str, rest: str) -> None:
        """An import is needed; `rest` is what is used of it ("": itself)."""
        if imported.name is None:
            dotted = imported.module
            if root and root != dotted.partition(".")[0]:  # import a.b as root
                target = self._enter(part, dotted, 0)
                if target is not None:
                    self._need_of(target, rest)
                return
            # `import a` and `import a.b` bind `a`; all statements that import below `a` count.
            top = dotted.partition(".")[0]
            target = self._enter(part, top, 0)
            for unit in part.by_name.get(root, ()) if root else ():
                if isinstance(unit.node, ast.Import):
                    for alias in unit.node.names:
                        if alias.asname is None and alias.name.startswith(f"{top}."):
                            self._enter(part, alias.name, 0)
            if target is not None:
                if root:
                    self._need_of(target, rest)
                else:
                    inner = self._enter(part, dotted, 0)
                    self.everything(inner or target)
            return
        base = self._enter(part, imported.module, imported.level)
        if base is None:
            return
        if imported.name == "*":
            self.everything(base)
        elif base is part and (inner := self._submodule(part, imported.name)) is not None:
            # A package that imports its own modules doesn't have them as names before.
            if rest or inner.distance <= _NEAR:
                self._need_of(inner, rest)
        else:
            self._need_of(base, f"{imported.name}.{rest}" if rest else imported.name)

    def _submodule(self, part: _Part, name: str) -> _Part | None:
        """The part of a package's module."""
        inner = None
        for own in list(part.names) if part.module.is_package else ():
            inner = self._enter(part, f"{own}.{name}", 0) or inner
        return inner

    def _need_of(self, target: _Part, dotted: str) -> None:
        """`dotted` is used of a module; "" is the module as a value."""
        if not dotted:
            self.everything(target)
            return
        first, _, rest = dotted.partition(".")
        if first in target.by_name:
            self.need(target, dotted)
            return
        if self._from_star(target, first, rest):
            return
        if target.module.is_package:
            inner = None
            for name in list(target.names):
                inner = self._enter(target, f"{name}.{first}", 0) or inner
                if inner is None:
                    for meaning in self.project.member(ModuleDefinition(target.module), first):
                        if isinstance(meaning, ModuleDefinition) and self.of_project(meaning.module):
                            inner = self.part(meaning.module, f"{name}.{first}", target.distance + 1)
            if inner is not None and (rest or inner.distance <= _NEAR):
                self._need_of(inner, rest)

    def _from_star(self, part: _Part, name: str, rest: str) -> bool:
        """Find a name in the star imports of a module."""
        if self.project.builtin(name) or not part.stars:
            return False
        for unit, imported in reversed(part.stars):
            base = self._module(part, imported.module, imported.level)
            if base is None:
                self.keep(part, unit)
                continue
            if name.startswith("_") and "__all__" not in base.namespace.names():
                continue
            if not self.project.resolve(base, name) and name not in base.namespace.names():
                continue
            target = self._enter(part, imported.module, imported.level)
            if target is not None:
                self.keep(part, unit)
                unit.from_stars.add(name)
                self._need_of(target, f"{name}.{rest}" if rest else name)
                return True
        return False

    # --- what nothing names, and what can't be kept ---

    def complete(self) -> None:
        """Statements that change what is needed, until nothing more is."""
        before = -1
        self.follow_needs()
        while before != (before := self._size()):
            for part in list(self.parts.values()):
                for unit in part.units:
                    if not unit.kept and unit.why is None and self._changes_needed(part, unit):
                        self.keep(part, unit)
            self.follow_needs()
        self._leave_out_dependents()

    def _size(self) -> int:
        return sum(len(part.seen) + sum(unit.kept for unit in part.units) for part in self.parts.values())

    def _changes_needed(self, part: _Part, unit: _Unit) -> bool:
        """Whether a statement changes something needed in place, or configures Keras."""
        if unit.is_import:
            return False
        if isinstance(unit.node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            return any(self._fills_needed(part, decorator) for decorator in unit.node.decorator_list)
        text = unit.statement.text
        if _MAY_CONFIGURE.search(text) and self.configures(part.module, unit.node):
            return True
        node = unit.node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            func = node.value.func
            if isinstance(func, ast.Attribute) and func.attr in NOTHING_CHANGED:
                return False
            if self._fills_needed(part, node.value):
                return True
            if isinstance(func, ast.Attribute) and self._is_value(part, func.value):
                return True
            if self._registers(part, node.value):
                return True
        uses = unit.uses()
        return any(self._is_needed(part, changed) for changed in uses.changed)

    def _is_value(self, part: _Part, node: ast.expr) -> bool:
        """Whether a method is called on a needed value of the module: it may change it."""
        dotted = dotted_name(node)
        if dotted is None or dotted.partition(".")[0] not in part.bound:
            return False
        units = part.by_name.get(dotted.partition(".")[0], ())
        return any(
            unit.kept and isinstance(unit.node, ast.Assign | ast.AnnAssign | ast.ClassDef) for unit in units
        )

    def _registers(self, part: _Part, call: ast.Call) -> bool:
        """`keras.saving.register_keras_serializable()(Foo)`: a library's registration of what is needed."""
        name = dotted_name(call.func.func if isinstance(call.func, ast.Call) else call.func) or ""
        if "register" not in name and "custom_object" not in name:
            return False
        named = {dotted_name(argument) for argument in call.args}
        return any(each is not None and each.partition(".")[0] in part.bound for each in named)

    def _is_needed(self, part: _Part, dotted: str, depth: int = 0) -> bool:
        """Whether the value that `dotted` means in a module is one that the slice needs."""
        root, _, rest = dotted.partition(".")
        units = part.by_name.get(root)
        if not units or depth > 8:
            return False
        for unit in units:
            for imported in unit.aliases.get(root, ()):
                if imported.name is None:
                    module, name = self._module(part, imported.module, 0), rest
                else:
                    module = self._module(part, imported.module, imported.level)
                    name = imported.name
                other = self.parts.get(module.path) if module is not None else None
                if other is not None and name and self._is_needed(other, name, depth + 1):
                    return True
            if not unit.aliases and unit.kept and root in part.bound:
                return True
        return False

    def _fills_needed(self, part: _Part, node: ast.expr) -> bool:
        """Whether calling (or decorating with) a function of the project changes something needed."""
        call = node.func if isinstance(node, ast.Call) else node
        if isinstance(call, ast.Call):
            call = call.func
        dotted = dotted_name(call)
        if dotted is None:
            return False
        if self._is_value(part, call.value if isinstance(call, ast.Attribute) else call) and "." in dotted:
            return True
        for meaning in self.project.resolve(part.module, dotted):
            if isinstance(meaning, FunctionDefinition):
                owner = self.parts.get(meaning.module.path)
                if owner is not None and any(
                    self._is_needed(owner, changed) for changed in uses_of(meaning.statement).changed_later
                ):
                    return True
        return False

    def configures(self, module: Module, node: ast.stmt) -> bool:
        """Whether a statement sets something that changes how Keras behaves."""
        if isinstance(node, ast.If) and is_main_block(node):
            return False
        if isinstance(node, ast.If | ast.Try | ast.With):
            return any(self.configures(module, inner) for inner in _inner_statements(node))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            dotted = dotted_name(node.value.func)
            return dotted is not None and bool(_CONFIGURING.fullmatch(self._library(module, dotted)))
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Subscript):
                    key = target.slice
                    if isinstance(key, ast.Constant) and _HARMLESS_KEY.search(str(key.value)):
                        continue
                    named = dotted_name(target.value)
                    if named is not None and self._library(module, named) in _CONFIGURED:
                        return True
        return False

    def _library(self, module: Module, dotted: str) -> str:
        for meaning in self.project.resolve(module, dotted):
            if isinstance(meaning, Library):
                return meaning.name
        return ""

    def _leave_out_dependents(self) -> None:
        """Without a name that is left out, statements that use it at once can't run either."""
        changed = True
        while changed:
            changed = False
            missing = {
                (path, name): why
                for path, part in self.parts.items()
                for name, why in self._missing(part).items()
            }
            if not missing:
                return
            for part in self.parts.values():
                for unit in part.units:
                    if unit.kept and not unit.is_import and (why := self._blocked(part, unit, missing)):
                        unit.kept, unit.why, changed = False, why, True

    def _missing(self, part: _Part) -> dict[str, str]:
        """The needed names that no kept statement binds, and why."""
        found: dict[str, str] = {}
        for name in part.bound:
            units = part.by_name.get(name, ())
            for unit in units:
                if unit.why is not None:
                    found.setdefault(name, unit.why)
                for inner, why in unit.without.items() if unit.kept else ():
                    if name in _names_bound(inner):
                        found.setdefault(name, why)
            if any(unit.kept and not self._only_without(unit, name) for unit in units):
                found.pop(name, None)
        return found

    @staticmethod
    def _only_without(unit: _Unit, name: str) -> bool:
        """Whether the only statements of a block that bind a name are left out."""
        return bool(unit.without) and not any(
            name == bound
            for inner in _all_statements(unit.node, frozenset(unit.without))
            for bound, _ in bound_by(inner)
        )

    def _blocked(self, part: _Part, unit: _Unit, missing: dict[tuple[str, str], str]) -> str | None:
        seen: set[tuple[str, str]] = set()
        waiting = [(part, name) for name in sorted(unit.uses().at_once)]
        while waiting:
            where, dotted = waiting.pop()
            root = dotted.partition(".")[0]
            if (where.module.path, root) in seen:
                continue
            seen.add((where.module.path, root))
            why = missing.get((where.module.path, root))
            if why is not None:
                return why if why.startswith("it needs") else f"it needs {root}, which is left out: {why}"
            for other in where.by_name.get(root, ()):
                if isinstance(other.node, ast.FunctionDef):
                    waiting += [(where, name) for name in other.uses().names]
                for imported in other.aliases.get(root, ()):
                    module = self._module(where, imported.module, imported.level)
                    target = self.parts.get(module.path) if module is not None else None
                    if target is not None and imported.name not in (None, "*"):
                        waiting.append((target, str(imported.name)))
        return None

    # --- the text ---

    def result(self, target: str) -> Slice:
        modules: list[SlicedModule] = []
        left_out: list[LeftOut] = []
        for part in self.parts.values():
            text = self._text(part)
            left_out += self._left_out(part)
            for name in part.names:
                modules.append(SlicedModule(name, part.module.path, text, part.module.is_package))
        return Slice(tuple(modules), target, tuple(left_out))

    def _text(self, part: _Part) -> str:
        units: dict[Statement, list[_Unit]] = {}
        for unit in part.units:
            units.setdefault(unit.statement, []).append(unit)
        found: list[str] = []
        for statement in part.module.document.statements:
            own = units.get(statement, [])
            if not any(unit.kept for unit in own):
                found.append(blank(statement.text))
                continue
            if own[0].members:
                found.append(statement.header)
                for piece in statement.body:
                    indent = piece.text[: len(piece.text) - len(piece.text.lstrip(" \t\f"))]
                    gone = piece in own[0].members
                    found.append(f"{indent}0{blank(piece.text)}" if gone else piece.text)
                continue
            edits = [edit for unit in own for edit in _edits(unit, part)]
            found.append(edited(statement.text, edits) if edits else statement.text)
        return "".join(found).removeprefix("\ufeff")

    def _left_out(self, part: _Part) -> Iterator[LeftOut]:
        for statement in part.module.document.statements:
            if not statement.nodes and statement.broken:
                line = (part.module.document.line_of(statement) or 0) + 1
                name = _ASSIGNED.match(statement.text)
                names = tuple(each for each in (statement.name, name[1] if name else None) if each)
                end = line + _lines(statement.text) - 1
                yield LeftOut(part.module.path, line, end, _first_line(statement.text), SYNTAX, names)
        for unit in part.units:
            if part.module.path != self._target and (not unit.kept and unit.why in (MAIN, None)):
                continue  # in other files, only what is missed is worth a word
            if unit.kept:
                for inner, why in unit.without.items():
                    yield self._entry(part, unit, inner, why, tuple(_names_bound(inner)))
                for piece, why in unit.members.items():
                    line = (part.module.document.line_of(piece) or 0) + 1
                    end = line + _lines(piece.text) - 1
                    yield LeftOut(part.module.path, line, end, _first_line(piece.text), why)
            elif unit.why is not None:
                yield self._entry(
                    part, unit, unit.node, unit.why, unit.binds or tuple(_names_bound(unit.node))
                )
            elif not unit.is_import and not unit.is_definition and not _is_docstring(unit.node):
                why = NOT_NEEDED
                if not unit.binds or isinstance(unit.node, ast.For | ast.While | ast.With):
                    why = self.judge.reason(part.module, [unit.node], shallow=True) or NOT_NEEDED
                yield self._entry(part, unit, unit.node, why, unit.binds)

    def _entry(self, part: _Part, unit: _Unit, node: ast.stmt, why: str, names: tuple[str, ...]) -> LeftOut:
        base = part.module.document.line_of(unit.statement) or 0
        first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
        last = (node.end_lineno or first) if unit.statement.kind != "class" else _lines(unit.statement.text)
        text = _first_line(unit.statement.text, first)
        return LeftOut(part.module.path, base + first, base + last, text, why, names)


def slice_for(
    project: Project,
    module: Module,
    class_name: str,
    also: Iterable[Recipe] = (),
    judge: Judge | None = None,
    limit: int | None = None,
) -> Slice:
    """What must run so that the class `class_name` of `module` ("Outer.Inner" for one in a class) can be
    made in the ways that `also` says. TooLarge, if these are more than `limit` modules."""
    slicer = _Slicer(project, judge or Judge(project), module.path, limit)
    part = slicer.part(module, module.name)
    slicer.need(part, class_name.partition(".")[0])
    for name in sorted(_configurations(project, part, class_name)):
        slicer.need(part, name)
    for recipe in also:
        _need_of_recipe(slicer, part, recipe)
    slicer.complete()
    return slicer.result(module.name)


def _configurations(project: Project, part: _Part, class_name: str) -> Iterator[str]:
    """The project's classes that the constructor's annotations name: arguments are looked for among them,
    too."""
    for unit in part.by_name.get(class_name, ()) if part.future else ():
        for piece in unit.statement.body:
            if piece.name == "__init__":
                for name in uses_of(piece).annotations:
                    if any(isinstance(m, ClassDefinition) for m in project.resolve(part.module, name)):
                        yield name


def _need_of_recipe(slicer: _Slicer, part: _Part, recipe: Recipe) -> None:
    if isinstance(recipe, Direct):
        texts = [recipe.init] if recipe.init else []
    elif isinstance(recipe, Outer):
        part = _part_of(slicer, part, recipe.path)
        slicer.need(part, recipe.class_name.partition(".")[0])
        _need_of_recipe(slicer, part, recipe.recipe)
        return
    else:
        assert isinstance(recipe, Program)
        part = _part_of(slicer, part, recipe.path)
        texts = [recipe.text, recipe.expression or ""]
    for text in texts:
        uses = uses_of_text(text)
        for name in sorted(uses.names):
            slicer.need(part, name)
        for imported in uses.imports:
            slicer._follow(part, imported, "", "")


def _part_of(slicer: _Slicer, part: _Part, path: str) -> _Part:
    if path == part.module.path:
        return part
    module = slicer.project.module(path)
    return slicer.part(module, module.name) if module is not None else part


# --- nodes ---


def is_main_block(node: ast.If) -> bool:
    """`if __name__ == "__main__":`"""
    test = node.test
    return (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.Eq)
        and "__name__" in {dotted_name(test.left), dotted_name(test.comparators[0])}
    )


def _is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and (dotted_name(node.test) or "").rpartition(".")[2] == "TYPE_CHECKING"


_bound: WeakKeyDictionary[Statement, dict[ast.stmt, tuple[tuple[str, object], ...]]] = WeakKeyDictionary()


def _binds(statement: Statement, node: ast.stmt) -> tuple[tuple[str, object], ...]:
    """The names that a statement binds at module level, with what is imported; kept with its piece."""
    kept = _bound.setdefault(statement, {})
    if node not in kept:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            kept[node] = ((node.name, None),)
        else:
            found: list[tuple[str, object]] = []
            for inner in _all_statements(node, frozenset()):
                found += bound_by(inner)
                if ":=" in statement.text:
                    for expression in ast.iter_child_nodes(inner):
                        if isinstance(expression, ast.expr):
                            named = (each for each in ast.walk(expression) if isinstance(each, ast.NamedExpr))
                            found += [(each.target.id, None) for each in named]
            kept[node] = tuple(found)
    return kept[node]


def _names_bound(node: ast.stmt) -> list[str]:
    return list(
        dict.fromkeys(name for inner in _all_statements(node, frozenset()) for name, _ in bound_by(inner))
    )


def _all_statements(node: ast.stmt, without: frozenset[ast.stmt]) -> Iterator[ast.stmt]:
    """A statement and those in its blocks, but not in functions, classes or blocks that are never run."""
    waiting: list[ast.stmt] = [node]
    while waiting:
        each = waiting.pop()
        if each in without:
            continue
        yield each
        if _is_type_checking(each):
            assert isinstance(each, ast.If)
            waiting += each.orelse
        elif not isinstance(each, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += _inner_statements(each)


def _inner_statements(node: ast.stmt) -> list[ast.stmt]:
    """The statements directly in the blocks of a compound statement."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    found: list[ast.stmt] = []
    for name in ("body", "orelse", "finalbody"):
        found += getattr(node, name, [])
    for name in ("handlers", "cases"):
        for inner in getattr(node, name, []):
            found += inner.body
    return found


def _pieces(statement: Statement) -> Iterator[Statement]:
    for piece in statement.body:
        yield piece
        yield from _pieces(piece)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def is_own(project: Project, path: str, target: str) -> bool:
    """Whether a file belongs to the workspace, and not to an environment in it; of installed packages, only
    to that of the file `target`."""
    installed = _INSTALLED.search(path)
    if installed is not None:
        return target.startswith(installed[0] + os.sep)
    inside = path + os.sep
    root = project.root
    if root is not None and not inside.startswith(root.rstrip(os.sep) + os.sep):
        root = None
    for folder in project.search_paths:
        if inside.startswith(folder.rstrip(os.sep) + os.sep) and (root is None or len(folder) > len(root)):
            return False
    return True


# --- text ---


def blank(text: str) -> str:
    """The line ends of a text, without its lines."""
    return "".join(LINE_END.findall(text))


Cut = tuple[int, int, str]
"""From an offset to another stands something else."""


def edited(text: str, edits: Sequence[Cut]) -> str:
    """`text` after edits that don't overlap."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _edits(unit: _Unit, part: _Part) -> Iterator[Cut]:
    text, node = unit.statement.text, unit.node
    if not unit.kept:
        yield _replaced(text, node, "0")
        return
    for inner in unit.without:
        yield _replaced(text, inner, "0")
    if isinstance(node, ast.ImportFrom) and node.module != "__future__":
        if node.names[0].name == "*":
            if unit.from_stars and not part.all_seen:
                yield _replaced(text, node, _import_from(node, sorted(unit.from_stars)))
            return
        kept = [alias for alias in node.names if (alias.asname or alias.name) in unit.wanted]
        if len(kept) < len(node.names):
            shown = [f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in kept]
            yield _replaced(text, node, _import_from(node, shown))
    elif isinstance(node, ast.Import):
        kept = [
            alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) in unit.wanted
        ]
        if len(kept) < len(node.names):
            shown = [f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in kept]
            yield _replaced(text, node, f"import {', '.join(shown)}")
    else:
        for block in ast.walk(node) if unit.aliases else ():
            if isinstance(block, ast.If) and _is_type_checking(block):
                for inner in block.body:
                    yield _replaced(text, inner, "0")


def _import_from(node: ast.ImportFrom, names: Sequence[str]) -> str:
    return f"from {'.' * node.level}{node.module or ''} import {', '.join(names)}"


def _replaced(text: str, node: ast.stmt, new: str) -> Cut:
    """`new` in place of a statement; the lines stay."""
    lines = [0, *(match.end() for match in LINE_END.finditer(text))]
    first = min([(node.lineno, node.col_offset), *_decorator_starts(node)])
    start = _offset(text, lines, *first)
    if first != (node.lineno, node.col_offset):
        start = text.rfind("@", 0, start)
    end = _offset(text, lines, node.end_lineno or node.lineno, node.end_col_offset or 0)
    return start, end, new + blank(text[start:end])


def _decorator_starts(node: ast.stmt) -> list[tuple[int, int]]:
    return [(each.lineno, each.col_offset) for each in getattr(node, "decorator_list", ())]


def _offset(text: str, lines: Sequence[int], lineno: int, column: int) -> int:
    """The offset of a node's position."""
    start = lines[lineno - 1]
    end = lines[lineno] if lineno < len(lines) else len(text)
    line = text[start:end]
    if line.isascii():
        return start + column
    return start + len(line.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore"))


def _first_line(text: str, number: int = 1) -> str:
    """A line of a text, to be shown."""
    lines = LINE_END.split(text)
    line = lines[number - 1].strip() if number <= len(lines) else ""
    return line if len(line) <= 80 else line[:79] + "…"


def _lines(text: str) -> int:
    return len(LINE_END.split(text.rstrip()))
