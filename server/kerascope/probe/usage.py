"""How code makes and calls a class: the statements that lead there, as a program that does nothing else.

Read are a module's own statements, the `if __name__` block, functions, and the examples in a docstring. Of
each the statements that the call needs are kept, at their lines; data that would have to be read from
somewhere make a call unusable, and then only the construction is taken.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any
from weakref import WeakKeyDictionary

from kerascope.probe.harm import Judge, immediate
from kerascope.probe.request import Direct, Inputs, Program, TensorSpec
from kerascope.probe.slice import is_main_block, is_own
from kerascope.probe.uses import local_names, uses_in, uses_of
from kerascope.project.meaning import ClassDefinition, Library, ValueDefinition
from kerascope.project.module import Module, bound_by
from kerascope.project.project import Project
from kerascope.source.cutting import LINE_END
from kerascope.source.statement import Statement
from kerascope.tracking.classes import dotted_name

_FUNCTION = "__kerascope__"
"""The name of the function that stands for one of the file's: its names mustn't become the module's."""
_RUNS = (
    "predict",
    "fit",
    "evaluate",
    "predict_on_batch",
    "train_on_batch",
    "test_on_batch",
    "call",
    "__call__",
)
"""Methods that call the model on their first argument."""
_USUAL = {
    "np": "import numpy as np",
    "numpy": "import numpy",
    "tf": "import tensorflow as tf",
    "tensorflow": "import tensorflow",
    "keras": "import keras",
    "ops": "from keras import ops",
    "layers": "from keras import layers",
    "models": "from keras import models",
}
"""What examples in docstrings take for granted."""
_CREATORS = frozenset({
    "empty", "full", "normal", "ones", "rand", "randint", "randn", "random", "random_sample",
    "standard_normal", "truncated_normal", "uniform", "zeros",
})  # fmt: skip
_PRESENT = sys.stdlib_module_names | {"keras", "numpy", "tensorflow", "tf_keras"}
_MANY = 10_000
_DATASETS = {
    **dict.fromkeys(("mnist", "fashion_mnist"), 'n.zeros((64, 28, 28), "uint8"), n.zeros(64, "uint8")'),
    **dict.fromkeys(("cifar10", "cifar100"), 'n.zeros((64, 32, 32, 3), "uint8"), n.zeros((64, 1), "uint8")'),
    **dict.fromkeys(("imdb", "reuters"), 'n.array([range(1, 9)] * 64), n.zeros(64, "int64")'),
    "boston_housing": "n.zeros((64, 13)), n.zeros(64)",
    "california_housing": 'n.zeros((64, 8), "float32"), n.zeros(64, "float32")',
}
"""What stands for the data sets that Keras downloads: arrays of the same shape and dtype."""
_FENCE = re.compile(r"^[ \t]*```[ \t]*(\w*)[ \t]*$")
_MAX_STEPS = 3_000


class _Unusable(Exception):
    """Something that a call needs can't be had."""


@dataclass(frozen=True)
class Usage:
    """One way in which code makes the class. `complete`: it is called, too."""

    recipe: Program | Direct
    complete: bool
    init: str | None = None
    """The constructor's arguments, where they can be evaluated by themselves."""


@dataclass(eq=False)
class _Block:
    """A compound statement around steps: what stands for its header in a program."""

    node: ast.stmt
    base: int
    parent: _Block | None
    binds: frozenset[str] = frozenset()
    keep: ast.expr | None = None
    """For a `for`, what it goes over."""
    first: ast.stmt | None = None
    """The first statement of the branch."""


@dataclass(frozen=True)
class _Facts:
    """The names of a simple statement; `dotted` are all uses as far as they are written."""

    binds: frozenset[str]
    uses: frozenset[str]
    changes: frozenset[str]
    dotted: frozenset[str]


_facts: WeakKeyDictionary[Statement, dict[ast.stmt, _Facts]] = WeakKeyDictionary()


def _facts_of(statement: Statement | None, node: ast.stmt) -> _Facts:
    """The names of a statement in a piece, kept with that."""
    kept = _facts.setdefault(statement, {}) if statement is not None else {}
    known = kept.get(node)
    if known is None:
        uses = uses_in([node])
        known = kept[node] = _Facts(
            frozenset(name for name, _ in bound_by(node)),
            frozenset(name.partition(".")[0] for name in uses.names),
            frozenset(name.partition(".")[0] for name in uses.changed),
            frozenset(uses.names),
        )
    return known


@dataclass(eq=False)
class _Step:
    """A simple statement, in order."""

    node: ast.stmt
    base: int
    """Of its piece: what to add to its lines."""
    block: _Block | None
    facts: _Facts
    is_global: bool = False
    """At module level, outside of the `if __name__` block."""

    @property
    def binds(self) -> frozenset[str]:
        return self.facts.binds

    @property
    def uses(self) -> frozenset[str]:
        return self.facts.uses

    @property
    def changes(self) -> frozenset[str]:
        return self.facts.changes


@dataclass
class _Code:
    """A run of statements that see each other: the module's, a function's, an example's."""

    lines: Sequence[str]
    steps: list[_Step]
    local: frozenset[str] = frozenset()
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The values, as texts, of those of a function's parameters that are known."""
    unknown: frozenset[str] = frozenset()
    """Its other parameters."""
    is_example: bool = False


class Usages:
    """Finds how one module makes and calls a class."""

    def __init__(
        self,
        project: Project,
        judge: Judge,
        module: Module,
        definition: ClassDefinition,
        class_name: str,
        instead: str | None = None,
    ) -> None:
        """`instead`: arguments that take the place of the constructor's in what is found."""
        self._instead = instead
        self.project = project
        self.judge = judge
        self.module = module
        self.definition = definition
        self.class_name = class_name
        self.own = module.path == definition.module.path
        self._last = class_name.rpartition(".")[2]
        self._made_by: frozenset[str] | None = None
        self._globals: dict[str, bool] = {}

    def find(self) -> Iterator[Usage]:
        """Every usage, in the order in which to try them."""
        words = [self._last, *sorted(self._makers)]
        pieces = [s for s in self.module.document.statements if s.kind in ("other", "function", "class")]
        mentioned = [piece for piece in pieces if any(word in piece.text for word in words)]
        yield from self._of_code_in(mentioned)

    def _of_code_in(self, mentioned: Sequence[Statement]) -> Iterator[Usage]:
        lines = LINE_END.split(self.module.document.text)
        if any(statement.kind == "other" for statement in mentioned):
            steps: list[_Step] = []
            for statement in self.module.document.statements:
                if statement.kind == "other":
                    base = self.module.document.line_of(statement) or 0
                    _flatten(statement.nodes, _Place(statement, base), None, True, steps)
            if len(steps) <= _MAX_STEPS:
                yield from self.of(_Code(lines, steps))
        for statement in mentioned:
            if statement.kind == "function":
                for node in statement.nodes:
                    if isinstance(node, ast.FunctionDef):
                        yield from self._of_function(lines, statement, node)
            elif statement.kind == "class" and statement.nodes and statement.name != self.definition.name:
                around = _Block(statement.nodes[0], self.module.document.line_of(statement) or 0, None)
                for piece in statement.body:
                    if piece.kind == "function" and (piece.name or "").startswith("test"):
                        for node in piece.nodes:
                            if isinstance(node, ast.FunctionDef):
                                yield from self._of_function(lines, piece, node, around)

    def _of_function(
        self, lines: Sequence[str], statement: Statement, node: ast.FunctionDef, around: _Block | None = None
    ) -> Iterator[Usage]:
        """`around`: the class of a method."""
        if not any(
            isinstance(inner, ast.Call) and (self._makes(inner) or _called_name(inner) == "run_layer_test")
            for inner in ast.walk(node)
        ):
            return
        base = self.module.document.line_of(statement) or 0
        steps: list[_Step] = []
        outer = _Block(node, base, around)
        _flatten(node.body, _Place(statement, base), outer, False, steps)
        known = self._parameters(node, around is not None)
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        unknown = frozenset(each.arg for each in arguments) - set(known)
        if node.args.vararg or node.args.kwarg:
            unknown |= {each.arg for each in (node.args.vararg, node.args.kwarg) if each is not None}
        yield from self.of(_Code(lines, steps, local_names(node), known, unknown))

    def of_docstring(self) -> Iterator[Usage]:
        """The examples in the class's docstring."""
        for code in _examples(self.definition):
            try:
                tree = ast.parse("\n".join(code))
            except (SyntaxError, ValueError, RecursionError):
                continue
            steps: list[_Step] = []
            _flatten(tree.body, _Place(None, 0), None, False, steps)
            local = frozenset(name for step in steps for name in step.binds)
            yield from self.of(_Code(code, steps, local, is_example=True))

    def constructions(self, node: ast.AST) -> Iterator[tuple[str, int]]:
        """The arguments, and lines, of the instances that code makes from nothing but literals and names of
        the class's own module."""
        made = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call) and self._makes(inner)]
        local = local_names(node) if made and isinstance(node, ast.FunctionDef) else frozenset[str]()
        for call in made:
            init = self._init(_Code((), [], local), 0, call)
            if init is not None:
                yield init, call.lineno

    # --- the values of parameters ---

    def _parameters(self, node: ast.FunctionDef, method: bool) -> dict[str, str]:
        """What is known of a function's parameters: by its tests' parameters, a call in this module, or
        defaults."""
        found: dict[str, str] = {}
        positional = [*node.args.posonlyargs, *node.args.args]
        for argument, default in zip(reversed(positional), reversed(node.args.defaults), strict=False):
            found[argument.arg] = ast.unparse(default)
        for argument, named in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
            if named is not None:
                found[argument.arg] = ast.unparse(named)
        names = [argument.arg for argument in positional][1 if method else 0 :]
        for decorator in node.decorator_list:
            found.update(_parametrized(decorator, names))
        if not method and any(name not in found for name in names):
            for call in self._calls_of(node.name):
                given = _arguments(call, names)
                if given is not None:
                    found.update(given)
                    break
        return found

    def _calls_of(self, name: str) -> Iterator[ast.Call]:
        for statement in self.module.document.statements:
            if statement.kind in ("other", "function") and f"{name}(" in statement.text:
                for node in statement.nodes:
                    for inner in ast.walk(node):
                        if isinstance(inner, ast.Call) and dotted_name(inner.func) == name:
                            yield inner

    # --- from a construction to a call ---

    def _makes(self, node: ast.AST, example: bool = False) -> bool:
        """Whether an expression makes an instance of the class."""
        if not isinstance(node, ast.Call):
            return False
        dotted = dotted_name(node.func)
        if dotted is None:
            return False
        if dotted.rpartition(".")[2] != self._last:
            return not example and dotted in self._makers
        if example or (self.own and dotted == self.class_name):
            return True
        return any(
            isinstance(meaning, ClassDefinition)
            and meaning.module == self.definition.module
            and meaning.name == self.definition.name
            for meaning in self.project.resolve(self.module, dotted)
        )

    @property
    def _makers(self) -> frozenset[str]:
        """The functions of the module that make an instance."""
        if self._made_by is None:
            self._made_by = frozenset()
            self._made_by = frozenset(
                node.name
                for statement in self.module.document.statements
                if statement.kind == "function" and self._last in statement.text
                for node in statement.nodes
                if isinstance(node, ast.FunctionDef)
                and any(self._makes(inner) for inner in ast.walk(node))
                and any(isinstance(inner, ast.Return) and inner.value is not None for inner in ast.walk(node))
            )
        return self._made_by

    def of(self, code: _Code) -> Iterator[Usage]:
        """The usages in some code."""
        for index, step in enumerate(code.steps):
            if not any(
                name.rpartition(".")[2] == self._last or (name in self._makers and not code.is_example)
                for name in step.facts.dotted
            ):
                continue
            for node in immediate([step.node]):
                if isinstance(node, ast.Call) and _called_name(node) == "run_layer_test":
                    usage = self._of_layer_test(code, index, node)
                    if usage is not None:
                        yield usage
                if self._makes(node, code.is_example):
                    assert isinstance(node, ast.Call)
                    usage = self._from(code, index, node)
                    if usage is not None:
                        yield usage

    def _of_layer_test(self, code: _Code, index: int, call: ast.Call) -> Usage | None:
        """Keras' own way to test a layer: `self.run_layer_test(Foo, init_kwargs={…}, input_shape=(2, 3))`."""
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        given.update(zip(("cls", "init_kwargs", "input_shape"), call.args, strict=False))
        named = dotted_name(given.get("cls", call.func)) or ""
        if named.rpartition(".")[2] != self._last:
            return None
        made = ast.Call(given["cls"], [], [])
        if "init_kwargs" in given:
            made.keywords.append(ast.keyword(None, given["init_kwargs"]))
        if not self._makes(made):
            return None
        named_inputs = given.get("call_kwargs", given.get("input_data"))
        data = given.get("input_data")
        if data is not None:
            try:
                return Usage(self._program(code, index, ast.Call(made, [data], []), made), True)
            except _Unusable:
                pass
        inputs = (
            self._inputs(code, index, given["input_shape"], batch=False) if "input_shape" in given else None
        )
        init = self._init(code, index, made)
        if init is None or named_inputs is not None:
            return None
        return Usage(
            Direct("usage", init, inputs, self.module.path, code.steps[index].base + call.lineno),
            inputs is not None,
        )

    def _from(self, code: _Code, index: int, made: ast.Call) -> Usage | None:
        step = code.steps[index]
        for at, call in self._calls(code, index, made):
            try:
                program = self._program(code, at, call, made)
                return Usage(program, True, self._init(code, index, made))
            except _Unusable:
                continue
        inputs = self._shape(code, index, made)
        init = self._init(code, index, made)
        if init is not None:
            line = step.base + made.lineno
            return Usage(Direct("usage", init, inputs, self.module.path, line), inputs is not None, init)
        try:
            return Usage(self._program(code, index, made, made), False)
        except _Unusable:
            return None

    def _calls(self, code: _Code, index: int, made: ast.Call) -> Iterator[tuple[int, ast.expr]]:
        """The expressions that call the instance (or what holds it), each with its step."""
        holders: set[str] = set()
        layer: set[str] = set()
        step = code.steps[index]
        for node in immediate([step.node]):
            if isinstance(node, ast.Call):
                if node.func is made or (
                    _called_name(node) == "Sequential" and _contains(node, made) and _has_input(node)
                ):
                    yield index, node
                elif isinstance(node.func, ast.Attribute) and _contains(node.func.value, made):
                    run = _as_call(node)
                    if run is not None:
                        yield index, run
        if isinstance(step.node, ast.Expr) and isinstance(step.node.value, ast.Call):
            changed = _changed_by(step.node.value, made)
            holders |= changed
            if any(_has_input(s.node) for s in code.steps[:index] if (s.binds | s.uses) & changed):
                yield index, step.node.value  # a Sequential that knows its input calls what is added
        holders |= step.binds
        if getattr(step.node, "value", None) is made:
            layer |= step.binds
        for at in range(index + 1, len(code.steps)):
            later = code.steps[at]
            if later.block is not None and later.block.keep is not None:
                roots = {n.id for n in ast.walk(later.block.keep) if isinstance(n, ast.Name)}
                if roots & holders:
                    holders |= later.block.binds
            if not later.uses & holders:
                holders -= later.binds
                continue
            called = False
            for node in sorted(
                (n for n in immediate([later.node]) if isinstance(n, ast.Call)), key=lambda n: -_size(n)
            ):
                root = _root(node.func)
                if root not in holders:
                    continue
                if isinstance(node.func, ast.Name | ast.Subscript):
                    called = True
                    yield at, node
                elif isinstance(node.func, ast.Attribute):
                    run = _as_call(node)
                    if run is not None:
                        called = True
                        yield at, run
                    elif node.func.attr == "build" and root not in layer:
                        called = True
                        yield at, node
            if not called and later.binds:
                holders |= later.binds
            elif isinstance(later.node, ast.Expr) and isinstance(later.node.value, ast.Call):
                for argument in later.node.value.args:
                    if _root(argument) in holders:
                        holders |= _changed_by(later.node.value, argument)

    # --- the program ---

    def _program(self, code: _Code, at: int, call: ast.expr, made: ast.Call) -> Program:
        """The statements that `call` needs, then itself."""
        step = code.steps[at]
        kept: set[int] = set()
        headers: set[_Block] = set()
        parameters: set[str] = set()
        self._check(code, call)
        self._gather(code, at, _names_in(call), kept, headers, parameters, step.block)
        writer = _Writer(code.lines)
        smaller = self._reduced(code, kept, call)
        imports: list[str] = []
        if code.is_example:
            needed = _names_in(call).union(*(code.steps[index].uses for index in kept))
            for name in sorted(needed - code.local):
                if name == self.definition.name or self.project.builtin(name):
                    continue
                if name in self.module.names():
                    continue
                if name in _USUAL:
                    imports.append(self._usual(name))
                elif not any(name == root for root in self._prefixes(code)):
                    raise _Unusable(name)
        used = _names_in(call).union(*(code.steps[index].uses for index in kept))
        for line, statement in self._imports(used - code.local):
            writer.put(line, "", statement)
        for index in sorted(kept):
            each = code.steps[index]
            writer.headers(each, headers, parameters, code.parameters)
            changes = self._renamed(code, each.node, made) + smaller.get(index, [])
            changes += self._stand_ins(each.node)
            writer.statement(each, changes)
        writer.headers(step, headers, parameters, code.parameters)
        writer.expression(step, call, self._renamed(code, call, made) + smaller.get(at, []))
        if code.is_example:
            writer.wrap(imports)
        text = writer.text()
        try:
            compile(text, "program", "exec", ast.PyCF_ONLY_AST)
        except (SyntaxError, ValueError) as error:
            raise _Unusable("text") from error
        line = step.base + (call.lineno if hasattr(call, "lineno") else step.node.lineno)
        expression = f"{_FUNCTION}()" if f"def {_FUNCTION}(" in text else None
        return Program("usage", self.module.name, text, self.module.path, line, expression)

    def _imports(self, names: frozenset[str]) -> Iterator[tuple[int, str]]:
        """The imports of packages that may be missing: in the program, they are missed by it alone."""
        for name in sorted(names):
            for _, binding in self.module.namespace.names().get(name, ()):
                statement = binding.statement
                if statement is None or statement.kind != "import" or not self._may_be_missing(name):
                    continue
                base = self.module.document.line_of(statement) or 0
                for node in statement.nodes:
                    if isinstance(node, ast.Import | ast.ImportFrom):
                        for alias in node.names:
                            if (alias.asname or alias.name.partition(".")[0]) == name:
                                yield base + node.lineno - 1, ast.unparse(_with_names(node, [alias]))

    def _may_be_missing(self, name: str) -> bool:
        """Whether a name is a package's that neither Keras nor Python brings along."""
        for meaning in self.project.resolve(self.module, name):
            if isinstance(meaning, Library):
                return meaning.name.partition(".")[0] not in _PRESENT
            if is_own(self.project, meaning.module.path, self.module.path):
                return False
        return True

    def _usual(self, name: str) -> str:
        if name == "keras" and "keras" not in self.module.names():
            for known in ("keras", "tf_keras"):
                if any(known in s.text for s in self.module.document.statements if s.kind == "import"):
                    break
            else:
                return "from tensorflow import keras"
        return _USUAL[name]

    def _prefixes(self, code: _Code) -> set[str]:
        """`keras_hub` in an example that says `keras_hub.layers.Foo(…)`: only the class is meant."""
        found = set()
        for step in code.steps:
            for node in ast.walk(step.node):
                if self._makes(node, True):
                    assert isinstance(node, ast.Call)
                    root = _root(node.func)
                    others = [n for s in code.steps for n in _dotted(s) if n.partition(".")[0] == root]
                    if root is not None and all(n.rpartition(".")[2] == self.definition.name for n in others):
                        found.add(root)
        return found

    def _renamed(self, code: _Code, node: ast.AST, made: ast.Call) -> list[tuple[ast.AST, str]]:
        """In an example, the class by its bare name; the arguments that were asked for."""
        if self._instead is not None:
            if not _contains(node, made):
                return []
            written = hasattr(made, "lineno") and hasattr(node, "lineno") and made.lineno == made.end_lineno
            if not written or _called_name(made) != self._last:
                raise _Unusable("arguments")
            name = self.definition.name if code.is_example else ast.unparse(made.func)
            return [(made, f"{name}({self._instead})")]
        if not code.is_example:
            return []
        return [
            (inner.func, self.definition.name)
            for inner in ast.walk(node)
            if self._makes(inner, True)
            and isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Attribute)
        ]

    def _gather(
        self,
        code: _Code,
        at: int,
        names: frozenset[str],
        kept: set[int],
        headers: set[_Block],
        parameters: set[str],
        block: _Block | None,
    ) -> None:
        """The steps before `at` that give the names their values."""
        waiting = [(name, at) for name in sorted(names)]
        done: set[tuple[str, int]] = set()
        while waiting:
            name, before = waiting.pop()
            if (name, before) in done:
                continue
            done.add((name, before))
            since = next((i for i in range(before - 1, -1, -1) if name in code.steps[i].binds), None)
            header = self._header_of(code.steps[before].block if before < len(code.steps) else block, name)
            if header is not None and (since is None or not _is_in(code.steps[since].block, header)):
                assert header.keep is not None
                if header not in headers:
                    if self._harm(code, [header.keep]):
                        raise _Unusable(name)
                    headers.add(header)
                    first = next(i for i, s in enumerate(code.steps) if _is_in(s.block, header))
                    waiting += [(used, first) for used in _names_in(header.keep)]
                continue
            if since is None:
                if name in code.parameters:
                    parameters.add(name)
                elif name in code.unknown or not (
                    code.is_example or (name not in code.local and self._available(name))
                ):
                    raise _Unusable(name)
                continue
            step = code.steps[since]
            if code.is_example and isinstance(step.node, ast.Import | ast.ImportFrom):
                if name == self.definition.name:
                    continue
                if self._imports_own(step.node):
                    raise _Unusable(name)
            if step.is_global and isinstance(step.node, ast.Import | ast.ImportFrom):
                continue
            if since not in kept:
                if self._harm(code, [step.node]):
                    raise _Unusable(name)
                kept.add(since)
                waiting += [(used, since) for used in step.uses]
                if isinstance(step.node, ast.AugAssign):
                    waiting.append((name, since))
            for between in range(since + 1, before):
                changer = code.steps[between]
                if name in changer.changes and between not in kept and not changer.binds:
                    if self._harm(code, [changer.node]):
                        continue
                    kept.add(between)
                    waiting += [(used, between) for used in changer.uses]

    def _imports_own(self, node: ast.Import | ast.ImportFrom) -> bool:
        """Whether an example imports from the very package that it is in: only its class is meant to be
        had."""
        own = self.module.name.partition(".")[0]
        named = (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
        )
        return any(name.partition(".")[0] == own for name in named)

    def _available(self, name: str) -> bool:
        """Whether the module, as far as it is run, has a name."""
        known = self._globals.get(name)
        if known is None:
            self._globals[name] = True
            bindings = [binding for _, binding in self.module.namespace.names().get(name, ())]
            stars = self.module.namespace.stars()
            known = bool(bindings or stars) or self.project.builtin(name) or name.startswith("__")
            for binding in bindings:
                statement = binding.statement
                if statement is not None and statement.kind == "other":
                    known = known and self.judge.reason(self.module, statement.nodes) is None
                    known = known and all(
                        self._available(used.partition(".")[0]) for used in uses_of(statement).at_once
                    )
            self._globals[name] = known
        return known

    def _header_of(self, block: _Block | None, name: str) -> _Block | None:
        while block is not None:
            if name in block.binds:
                return block
            block = block.parent
        return None

    def _check(self, code: _Code, call: ast.expr) -> None:
        if self._harm(code, [call]):
            raise _Unusable("harm")

    def _harm(self, code: _Code, nodes: Sequence[ast.AST]) -> bool:
        local = code.local
        if any(
            isinstance(n, ast.Await | ast.Yield | ast.YieldFrom) for node in nodes for n in ast.walk(node)
        ):
            return True
        without = frozenset(call for node in nodes for call, _ in self._stand_ins(node))
        return self.judge.reason(self.module, nodes, local, without=without) is not None

    def _stand_ins(self, node: ast.AST) -> list[tuple[ast.AST, str]]:
        """What is written for the data sets that would be downloaded."""
        found: list[tuple[ast.AST, str]] = []
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and _called_name(call) == "load_data":
                for meaning in self.project.resolve(self.module, dotted_name(call.func) or ""):
                    if isinstance(meaning, Library) and meaning.name.startswith("keras.datasets."):
                        data = _DATASETS.get(meaning.name.split(".")[2])
                        if data is not None:
                            found.append((call, f"(lambda n: (({data}),) * 2)(__import__('numpy'))"))
        return found

    def _reduced(self, code: _Code, kept: set[int], call: ast.expr) -> dict[int, list[tuple[ast.AST, str]]]:
        """Where thousands of made-up examples can be two: the first size of arrays that go into the call and
        nowhere else."""
        given = frozenset().union(
            *(
                _names_in(each)
                for each in [*getattr(call, "args", ()), *(k.value for k in getattr(call, "keywords", ()))]
            )
        )
        sizes: list[tuple[int, ast.Constant, int]] = []
        for index in kept:
            step = code.steps[index]
            if not (step.binds and step.binds <= given):
                continue
            if any(step.binds & code.steps[other].uses for other in kept):
                continue
            sizes += [(index, *found) for found in _first_sizes(step.node)]
        large = {size.value for _, size, product in sizes if product > _MANY}
        changes: dict[int, list[tuple[ast.AST, str]]] = {}
        for index, size, _ in sizes:
            if size.value in large:
                changes.setdefault(index, []).append((size, "2"))
        return changes

    # --- the construction alone ---

    def _init(self, code: _Code, index: int, made: ast.Call) -> str | None:
        """The text of the constructor's arguments, if they can be evaluated where the class is defined."""
        if _called_name(made) != self._last:
            return None
        own = frozenset(self.module.names()) if self.own or code.is_example else frozenset[str]()
        values: dict[str, ast.expr] = {}
        named = _names_in(ast.Tuple([*made.args, *(keyword.value for keyword in made.keywords)], ast.Load()))
        for name in named:
            since = next((i for i in range(index - 1, -1, -1) if name in code.steps[i].binds), None)
            if since is not None and not (
                code.steps[since].is_global and code.steps[since].block is not None
            ):
                value = getattr(code.steps[since].node, "value", None)
                if (
                    not isinstance(value, ast.expr)
                    or not _is_literal(value)
                    or len(code.steps[since].binds) > 1
                ):
                    return None
                values[name] = value
            elif name in code.parameters:
                values[name] = ast.parse(code.parameters[name], mode="eval").body
                if not _is_literal(values[name]):
                    return None
            elif name in code.local or not (name in own or self.project.builtin(name)):
                return None
        if self._harm(code, [*made.args, *(keyword.value for keyword in made.keywords)]):
            return None

        class Filled(ast.NodeTransformer):
            def visit_Name(self, node: ast.Name) -> ast.expr:
                return values.get(node.id, node)

        call = ast.parse(ast.unparse(made), mode="eval").body
        assert isinstance(call, ast.Call)
        parts = [ast.unparse(Filled().visit(argument)) for argument in call.args]
        for keyword in call.keywords:
            value = ast.unparse(Filled().visit(keyword.value))
            if keyword.arg is None and isinstance(keyword.value, ast.Dict):
                parts += _as_keywords(keyword.value)
            else:
                parts.append(f"{keyword.arg}={value}" if keyword.arg else f"**{value}")
        return ", ".join(parts)

    def _shape(self, code: _Code, index: int, made: ast.Call) -> Inputs | None:
        """The shape that `layer.build((None, 5))`, `input_shape=(5,)` or `input_dim=5` tells."""
        for keyword in made.keywords:
            if keyword.arg == "input_shape":
                return self._inputs(code, index, keyword.value, batch=True)
        step = code.steps[index]
        if getattr(step.node, "value", None) is made:
            for at in range(index + 1, len(code.steps)):
                for node in immediate([code.steps[at].node]):
                    if (
                        isinstance(node, ast.Call)
                        and isinstance(node.func, ast.Attribute)
                        and node.func.attr == "build"
                        and _root(node.func) in step.binds
                    ):
                        shape = [*node.args, *(k.value for k in node.keywords if k.arg == "input_shape")]
                        return self._inputs(code, at, shape[0], batch=False) if shape else None
        return None

    def _inputs(self, code: _Code, index: int, node: ast.expr, batch: bool) -> Inputs | None:
        """The inputs of a shape that code says, with the numbers for its names."""
        try:
            shape = self._constant(code, index, node)
        except _Unusable:
            return None
        if not isinstance(shape, tuple) or not all(size is None or type(size) is int for size in shape):
            return None
        sizes = tuple(size if size is None or size >= 0 else None for size in shape)
        return Inputs((TensorSpec((None, *sizes) if batch else sizes),), {})

    def _constant(self, code: _Code, index: int, node: ast.expr, depth: int = 0) -> Any:
        """The number, or tuple of numbers, that an expression stands for at a step."""
        if isinstance(node, ast.Constant) and (node.value is None or type(node.value) is int):
            return node.value
        if isinstance(node, ast.Tuple | ast.List):
            return tuple(self._constant(code, index, item, depth) for item in node.elts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self._number(code, index, node.operand, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.FloorDiv):
            left, right = (self._number(code, index, each, depth) for each in (node.left, node.right))
            if isinstance(node.op, ast.FloorDiv):
                return left // right if right else 0
            return {ast.Add: left + right, ast.Sub: left - right, ast.Mult: left * right}[type(node.op)]
        if isinstance(node, ast.Name) and depth < 8:
            for since in range(index - 1, -1, -1):
                if node.id in code.steps[since].binds:
                    value = getattr(code.steps[since].node, "value", None)
                    if isinstance(value, ast.expr) and len(code.steps[since].binds) == 1:
                        return self._constant(code, since, value, depth + 1)
                    raise _Unusable(node.id)
            if node.id in code.parameters:
                value = ast.parse(code.parameters[node.id], mode="eval").body
                return self._constant(code, 0, value, depth + 1)
            for meaning in self.project.resolve(self.module, node.id):
                if isinstance(meaning, ValueDefinition) and node.id not in code.local:
                    return self._constant(_Code((), []), 0, meaning.value, depth + 1)
        raise _Unusable("constant")

    def _number(self, code: _Code, index: int, node: ast.expr, depth: int) -> int:
        value = self._constant(code, index, node, depth)
        if type(value) is not int or abs(value) > 2**31:
            raise _Unusable("number")
        return value


# --- code as steps ---


@dataclass(frozen=True)
class _Place:
    """The piece that statements stand in, and its first line."""

    statement: Statement | None
    base: int


def _flatten(
    nodes: Sequence[ast.stmt], place: _Place, block: _Block | None, is_global: bool, steps: list[_Step]
) -> None:
    for node in nodes:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if not is_global:
                steps.append(_Step(node, place.base, block, _facts_of(place.statement, node)))
        elif isinstance(
            node, ast.If | ast.For | ast.AsyncFor | ast.While | ast.With | ast.AsyncWith | ast.Try
        ):
            _enter(node, place, block, is_global and not _is_main(node), steps)
        elif not isinstance(
            node, ast.Pass | ast.Break | ast.Continue | ast.Global | ast.Nonlocal | ast.Raise
        ):
            steps.append(_Step(node, place.base, block, _facts_of(place.statement, node), is_global))


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and is_main_block(node)


def _enter(node: ast.stmt, place: _Place, parent: _Block | None, is_global: bool, steps: list[_Step]) -> None:
    branches = [getattr(node, name, None) or [] for name in ("body", "orelse", "finalbody")]
    branches[1:1] = [handler.body for handler in getattr(node, "handlers", [])]
    for branch in branches:
        if not branch:
            continue
        elif_ = (
            isinstance(node, ast.If)
            and branch is node.orelse
            and len(branch) == 1
            and isinstance(branch[0], ast.If)
        )
        if elif_ and branch[0].col_offset == node.col_offset:
            _flatten(branch, place, parent, is_global, steps)
            continue
        block = _Block(node, place.base, parent, first=branch[0])
        if isinstance(node, ast.For) and branch is node.body:
            block.keep = node.iter
            block.binds = frozenset(n.id for n in ast.walk(node.target) if isinstance(n, ast.Name))
        elif isinstance(node, ast.With):
            for item in node.items:
                if item.optional_vars is not None:
                    block.keep = item.context_expr
                    block.binds |= {n.id for n in ast.walk(item.optional_vars) if isinstance(n, ast.Name)}
        _flatten(branch, place, block, is_global, steps)


def _is_in(block: _Block | None, outer: _Block) -> bool:
    while block is not None and block is not outer:
        block = block.parent
    return block is outer


class _Writer:
    """Puts statements together at their lines."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.source = lines
        self.out: dict[int, str] = {}
        self.entered: set[_Block] = set()

    def headers(
        self, step: _Step, kept: set[_Block], parameters: set[str], values: Mapping[str, str]
    ) -> None:
        """Opens the blocks around a step."""
        blocks: list[_Block] = []
        block = step.block
        while block is not None:
            blocks.insert(0, block)
            block = block.parent
        for block in blocks:
            if block in self.entered:
                continue
            self.entered.add(block)
            node = block.node
            line = block.base + node.lineno - 1
            text = "if True:"
            if isinstance(node, ast.FunctionDef):
                text = (
                    f"def {_FUNCTION}({', '.join(f'{name}={values[name]}' for name in sorted(parameters))}):"
                )
            elif block in kept and isinstance(node, ast.For):
                text = f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}:"
            elif block in kept and isinstance(node, ast.With):
                text = f"with {', '.join(ast.unparse(item) for item in node.items)}:"
            if block.first is not None and block.first is not getattr(node, "body", [None])[0]:
                # Another branch: its own line stands somewhere above its first statement.
                line = max(block.base + block.first.lineno - 2, line)
            indent = _indent(self.source[block.base + node.lineno - 1], node.col_offset)
            self.put(line, indent, text)

    def statement(self, step: _Step, changes: Sequence[tuple[ast.AST, str]]) -> None:
        self._segment(step, step.node, changes, brackets=False)

    def expression(self, step: _Step, node: ast.expr, changes: Sequence[tuple[ast.AST, str]]) -> None:
        """An expression out of a statement, in its place."""
        if not hasattr(node, "lineno"):
            self.put(step.base + step.node.lineno - 1, self._indent_of(step), f"({ast.unparse(node)})")
            return
        self._segment(step, node, changes, brackets=True)

    def _indent_of(self, step: _Step) -> str:
        return _indent(self.source[step.base + step.node.lineno - 1], step.node.col_offset)

    def _segment(
        self, step: _Step, node: ast.AST, changes: Sequence[tuple[ast.AST, str]], brackets: bool
    ) -> None:
        first, last = step.base + node.lineno - 1, step.base + node.end_lineno - 1  # type: ignore[attr-defined]
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.decorator_list:
            first = step.base + node.decorator_list[0].lineno - 1
        lines = list(self.source[first : last + 1])
        edits = []
        for changed, new in changes:
            row = step.base + changed.lineno - 1 - first  # type: ignore[attr-defined]
            if 0 <= row < len(lines) and changed.lineno == changed.end_lineno:  # type: ignore[attr-defined]
                edits.append((row, changed.col_offset, changed.end_col_offset, new))  # type: ignore[attr-defined]
        lines[-1] = _cut(lines[-1], 0, node.end_col_offset)  # type: ignore[attr-defined]
        for row, start, end, new in sorted(edits, reverse=True):
            line = lines[row]
            if end <= len(line.encode("utf-8", "surrogatepass")):
                lines[row] = _cut(line, 0, start) + new + _cut(line, end, None)
        start = 0 if getattr(node, "decorator_list", None) else node.col_offset  # type: ignore[attr-defined]
        lines[0] = _cut(lines[0], start, None).lstrip(" \t\f")
        if brackets:
            lines[0] = "(" + lines[0]
            lines[-1] += ")"
        self.put(first, self._indent_of(step), lines[0])
        for number, line in enumerate(lines[1:], first + 1):
            self.out[number] = line

    def put(self, line: int, indent: str, text: str) -> None:
        present = self.out.get(line)
        if present is None:
            self.out[line] = indent + text
        elif present.rstrip().endswith(":"):
            self.out[line] = f"{present} {text}"
        else:
            self.out[line] = f"{present}; {text}"

    def wrap(self, imports: Sequence[str]) -> None:
        """Make a function of it all, so that its names are its own."""
        self.out = {number: f"    {line}" for number, line in self.out.items()}
        self.out[min(self.out) - 1] = f"def {_FUNCTION}():"
        if imports:
            self.out[0] = "; ".join(imports)

    def text(self) -> str:
        last = max(self.out, default=-1)
        return "\n".join([self.out.get(number, "") for number in range(last + 1)]) + "\n"


def _indent(line: str, column: int) -> str:
    before = line.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore")
    return before if not before.strip(" \t\f") else before[: len(before) - len(before.lstrip(" \t\f"))]


def _cut(line: str, start: int, end: int | None) -> str:
    """A part of a line by UTF-8 offsets."""
    if line.isascii():
        return line[start:end]
    return line.encode("utf-8", "surrogatepass")[start:end].decode("utf-8", "surrogatepass")


# --- expressions ---


def _names_in(node: ast.AST) -> frozenset[str]:
    return frozenset(name.partition(".")[0] for name in uses_in([node]).names)


def _dotted(step: _Step) -> frozenset[str]:
    return step.facts.dotted


def _with_names(node: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> ast.stmt:
    return (
        ast.Import(names) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, names, node.level)
    )


def _root(node: ast.AST) -> str | None:
    """The name with which a chain of attributes and indices begins."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _size(node: ast.expr) -> int:
    return (
        (node.end_lineno or 0) * 10_000 + (node.end_col_offset or 0) - node.lineno * 10_000 - node.col_offset
    )


def _contains(node: ast.AST, inner: ast.AST) -> bool:
    return any(each is inner for each in ast.walk(node))


def _called_name(node: ast.Call) -> str:
    return (dotted_name(node.func) or "").rpartition(".")[2]


def _has_input(node: ast.AST) -> bool:
    """Whether a Sequential knows its input from the start."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and _called_name(inner) in ("Input", "InputLayer"):
            return True
        if isinstance(inner, ast.keyword) and inner.arg in ("input_shape", "batch_input_shape", "input_dim"):
            return True
    return False


def _changed_by(call: ast.Call, argument: ast.AST) -> set[str]:
    """`model` in `model.add(<argument>)`."""
    if isinstance(call.func, ast.Attribute) and any(_contains(each, argument) for each in call.args):
        root = _root(call.func)
        return {root} if root is not None else set()
    return set()


def _as_call(node: ast.Call) -> ast.expr | None:
    """`model.fit(x, y)` as `model(x)`."""
    assert isinstance(node.func, ast.Attribute)
    if node.func.attr not in _RUNS:
        return None
    given = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg in ("x", "inputs"))]
    if node.func.attr in ("call", "__call__"):
        return ast.Call(node.func.value, node.args, node.keywords)
    if not given or isinstance(given[0], ast.Starred):
        return None
    return ast.Call(node.func.value, given[:1], [])


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _first_sizes(node: ast.stmt) -> Iterator[tuple[ast.Constant, int]]:
    """The first sizes of made-up arrays, each with the number of their elements."""
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or _called_name(call) not in _CREATORS:
            continue
        shapes: list[Sequence[ast.expr]] = [
            given.elts
            for given in [*call.args, *(k.value for k in call.keywords if k.arg in ("shape", "size"))]
            if isinstance(given, ast.Tuple | ast.List)
        ]
        if _called_name(call) in ("rand", "randn"):
            shapes.append(call.args)
        for shape in shapes[:1]:
            first = shape[0] if len(shape) > 1 else None
            if isinstance(first, ast.Constant) and type(first.value) is int and first.value > 8:
                sizes = [item.value for item in shape if isinstance(item, ast.Constant)]
                yield first, prod(size for size in sizes if isinstance(size, int))


def _as_keywords(node: ast.Dict) -> list[str]:
    """`**{"units": 3}` as `units=3`."""
    names = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
    if all(isinstance(name, str) and name.isidentifier() for name in names):
        return [f"{name!s}={ast.unparse(value)}" for name, value in zip(names, node.values, strict=True)]
    return [f"**{ast.unparse(node)}"]


def _arguments(call: ast.Call, names: Sequence[str]) -> dict[str, str] | None:
    """The arguments of a call by parameter, as texts; None if one isn't a literal."""
    given: dict[str, ast.expr] = {}
    for name, value in zip(names, call.args, strict=False):
        given[name] = value
    for keyword in call.keywords:
        if keyword.arg is None:
            return None
        given[keyword.arg] = keyword.value
    if not all(_is_literal(value) for value in given.values()):
        return None
    return {name: ast.unparse(value) for name, value in given.items()}


def _parametrized(decorator: ast.expr, names: Sequence[str]) -> dict[str, str]:
    """The first case of `pytest.mark.parametrize` or absl's `parameterized`."""
    if not isinstance(decorator, ast.Call) or not decorator.args:
        return {}
    kind = _called_name(decorator)
    cases: Sequence[ast.expr] = decorator.args
    if kind == "parametrize":
        if len(cases) < 2 or not isinstance(cases[0], ast.Constant) or not isinstance(cases[0].value, str):
            return {}
        names = [name.strip() for name in cases[0].value.split(",")]
        cases = cases[1].elts if isinstance(cases[1], ast.List | ast.Tuple) else ()
        if len(names) == 1 and cases:
            return {names[0]: ast.unparse(cases[0])} if _is_literal(cases[0]) else {}
    elif kind not in ("named_parameters", "parameters"):
        return {}
    elif (
        len(cases) == 1
        and isinstance(cases[0], ast.List | ast.Tuple)
        and isinstance(next(iter(cases[0].elts), None), ast.Dict | ast.Tuple | ast.List)
    ):
        cases = cases[0].elts
    if not cases or not _is_literal(cases[0]):
        return {}
    case = cases[0]
    if isinstance(case, ast.Dict):
        return {
            str(key.value): ast.unparse(value)
            for key, value in zip(case.keys, case.values, strict=True)
            if isinstance(key, ast.Constant) and key.value != "testcase_name"
        }
    if isinstance(case, ast.Tuple | ast.List):
        values = case.elts[1:] if kind == "named_parameters" else case.elts
        return {name: ast.unparse(value) for name, value in zip(names, values, strict=False)}
    return {names[0]: ast.unparse(case)} if names else {}


# --- docstrings ---


def _examples(definition: ClassDefinition) -> Iterator[list[str]]:
    """The code of a docstring's examples, each at the lines of the file."""
    statement = definition.statement
    document = definition.module.document
    piece = statement.body[0] if statement.kind == "class" and statement.body else None
    nodes = piece.nodes if piece is not None else definition.node.body
    holder = piece if piece is not None else statement
    if not nodes or not isinstance(nodes[0], ast.Expr) or not isinstance(nodes[0].value, ast.Constant):
        return
    node = nodes[0]
    said = nodes[0].value.value
    base = document.line_of(holder)
    if base is None or not isinstance(said, str) or definition.name not in said:
        return
    own = LINE_END.split(holder.text)[node.lineno - 1 : node.end_lineno]
    start = base + node.lineno - 1
    fenced: list[tuple[int, str]] | None = None
    typed: list[tuple[int, str]] = []
    for number, line in enumerate(own, start):
        fence = _FENCE.match(line)
        if fence and fenced is None:
            fenced = [] if fence[1].lower() in ("", "python", "py", "python3") else None
        elif fence and fenced is not None:
            yield _at_lines(fenced)
            fenced = None
        elif fenced is not None:
            fenced.append((number, line))
        elif (stripped := line.strip()).startswith((">>>", "...")):
            typed.append((number, stripped[4:]))
    if typed:
        yield _at_lines(typed)


def _at_lines(code: Sequence[tuple[int, str]]) -> list[str]:
    filled = [line for _, line in code if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in filled), default=0)
    found = [""] * (code[-1][0] + 1 if code else 0)
    for number, line in code:
        found[number] = line[margin:].rstrip()
    return found
