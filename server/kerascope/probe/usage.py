"""How code makes and calls a class: the statements that lead there, as a program that does nothing else.

Read are a module's own statements, the `if __name__` block, functions, and the examples in a docstring. Of
each the statements that the call needs are kept, at their lines; data that would have to be read from
somewhere make a call unusable, and then only the construction is taken.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from kerascope.probe.examples import examples_of
from kerascope.probe.expressions import (
    arguments_of,
    as_call,
    as_keywords,
    called_name,
    changed_by,
    contains,
    first_sizes,
    has_input,
    is_literal,
    names_in,
    parametrized,
    root_of,
    size_of,
    with_names,
)
from kerascope.probe.harm import Judge, immediate
from kerascope.probe.request import Direct, Inputs, Program, TensorSpec
from kerascope.probe.slice import NOTHING_CHANGED, is_own
from kerascope.probe.steps import FUNCTION, Block, Code, Place, Step, Writer, flatten, is_in
from kerascope.probe.uses import local_names, uses_of
from kerascope.project.meaning import ClassDefinition, FunctionDefinition, Library, ValueDefinition
from kerascope.project.module import Module
from kerascope.project.project import Project
from kerascope.source.cutting import LINE_END
from kerascope.source.statement import Statement
from kerascope.tracking.classes import dotted_name

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
_PRESENT = sys.stdlib_module_names | {"keras", "numpy", "tensorflow", "tf_keras"}
_MANY = 10_000
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
_BATCH = 4_096
"""More than this isn't the size of a batch."""
_DATASETS = {
    **dict.fromkeys(("mnist", "fashion_mnist"), 'n.zeros((64, 28, 28), "uint8"), n.zeros(64, "uint8")'),
    **dict.fromkeys(("cifar10", "cifar100"), 'n.zeros((64, 32, 32, 3), "uint8"), n.zeros((64, 1), "uint8")'),
    **dict.fromkeys(("imdb", "reuters"), 'n.array([range(1, 9)] * 64), n.zeros(64, "int64")'),
    "boston_housing": "n.zeros((64, 13)), n.zeros(64)",
    "california_housing": 'n.zeros((64, 8), "float32"), n.zeros(64, "float32")',
}
"""What stands for the data sets that Keras downloads: arrays of the same shape and dtype."""
_PARSED = "lambda p: [setattr(a, 'required', False) for a in p._actions] and p.parse_args([])"
"""Stands for the command line: every option's default."""
_MAX_STEPS = 3_000


class _Unusable(Exception):
    """Something that a call needs can't be had."""


@dataclass
class _Needed:
    """What goes into a program: steps by number, blocks whose headers count, parameters of the function."""

    steps: set[int] = field(default_factory=set)
    headers: set[Block] = field(default_factory=set)
    parameters: set[str] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    """Steps that would be good to have, but need what can't be had."""
    prepared: bool = False
    """The layer itself is changed before its call."""

    def copy(self) -> _Needed:
        return _Needed(set(self.steps), set(self.headers), set(self.parameters), self.refused, self.prepared)


@dataclass(frozen=True)
class Usage:
    """One way in which code makes the class. `complete`: it is called, too."""

    recipe: Program | Direct
    complete: bool
    init: str | None = None
    """The constructor's arguments, where they can be evaluated by themselves."""


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
            steps: list[Step] = []
            for statement in self.module.document.statements:
                if statement.kind == "other":
                    base = self.module.document.line_of(statement) or 0
                    flatten(statement.nodes, Place(statement, base), None, True, steps)
            if len(steps) <= _MAX_STEPS:
                yield from self.of(Code(lines, steps))
        for statement in mentioned:
            if statement.kind == "function":
                for node in statement.nodes:
                    if isinstance(node, ast.FunctionDef):
                        yield from self._of_function(lines, statement, node)
            elif statement.kind == "class" and statement.nodes and statement.name != self.definition.name:
                around = Block(statement.nodes[0], self.module.document.line_of(statement) or 0, None)
                for piece in statement.body:
                    if piece.kind == "function" and (piece.name or "").startswith("test"):
                        for node in piece.nodes:
                            if isinstance(node, ast.FunctionDef):
                                yield from self._of_function(lines, piece, node, around)

    def _of_function(
        self, lines: Sequence[str], statement: Statement, node: ast.FunctionDef, around: Block | None = None
    ) -> Iterator[Usage]:
        """`around`: the class of a method."""
        if not any(
            isinstance(inner, ast.Call) and (self._makes(inner) or called_name(inner) == "run_layer_test")
            for inner in ast.walk(node)
        ):
            return
        base = self.module.document.line_of(statement) or 0
        steps: list[Step] = []
        outer = Block(node, base, around)
        flatten(node.body, Place(statement, base), outer, False, steps)
        known = self._parameters(node, around is not None)
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        unknown = frozenset(each.arg for each in arguments) - set(known)
        if node.args.vararg or node.args.kwarg:
            unknown |= {each.arg for each in (node.args.vararg, node.args.kwarg) if each is not None}
        yield from self.of(Code(lines, steps, local_names(node), known, unknown))

    def of_docstring(self) -> Iterator[Usage]:
        """The examples in the class's docstring."""
        for code in examples_of(self.definition):
            try:
                tree = ast.parse("\n".join(code))
            except (SyntaxError, ValueError, RecursionError):
                continue
            steps: list[Step] = []
            flatten(tree.body, Place(None, 0), None, False, steps)
            steps = [step for step in steps if not self._imports_package(step.node)]
            local = frozenset(name for step in steps for name in step.binds)
            yield from self.of(Code(code, steps, local, is_example=True))

    def constructions(self, node: ast.AST) -> Iterator[tuple[str, int]]:
        """The arguments, and lines, of the instances that code makes from nothing but literals and names of
        the class's own module."""
        made = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call) and self._makes(inner)]
        local = local_names(node) if made and isinstance(node, ast.FunctionDef) else frozenset[str]()
        for call in made:
            init = self._init(Code((), [], local), 0, call)
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
            found.update(parametrized(decorator, names))
        if not method and any(name not in found for name in names):
            for call in self._calls_of(node.name):
                given = arguments_of(call, names)
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

    def of(self, code: Code) -> Iterator[Usage]:
        """The usages in some code."""
        for index, step in enumerate(code.steps):
            if not any(
                name.rpartition(".")[2] == self._last or (name in self._makers and not code.is_example)
                for name in step.facts.dotted
            ):
                continue
            for node in immediate([step.node]):
                if isinstance(node, ast.Call) and called_name(node) == "run_layer_test":
                    usage = self._of_layer_test(code, index, node)
                    if usage is not None:
                        yield usage
                if self._makes(node, code.is_example):
                    assert isinstance(node, ast.Call)
                    usage = self._from(code, index, node)
                    if usage is not None:
                        yield usage

    def _of_layer_test(self, code: Code, index: int, call: ast.Call) -> Usage | None:
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

    def _from(self, code: Code, index: int, made: ast.Call) -> Usage | None:
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
            recipe = Direct("usage", init, inputs, self.module.path, line, code.is_example)
            return Usage(recipe, inputs is not None, init)
        try:
            return Usage(self._program(code, index, made, made), False)
        except _Unusable:
            return None

    def _calls(self, code: Code, index: int, made: ast.Call) -> Iterator[tuple[int, ast.expr]]:
        """The expressions that call the instance (or what holds it), each with its step."""
        holders: set[str] = set()
        layer: set[str] = set()
        step = code.steps[index]
        for node in immediate([step.node]):
            if isinstance(node, ast.Call):
                if node.func is made or (
                    called_name(node) == "Sequential" and contains(node, made) and has_input(node)
                ):
                    yield index, node
                elif isinstance(node.func, ast.Attribute) and contains(node.func.value, made):
                    run = as_call(node)
                    if run is not None:
                        yield index, run
        if isinstance(step.node, ast.Expr) and isinstance(step.node.value, ast.Call):
            changed = changed_by(step.node.value, made)
            holders |= changed
            if any(has_input(s.node) for s in code.steps[:index] if (s.binds | s.uses) & changed):
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
                (n for n in immediate([later.node]) if isinstance(n, ast.Call)), key=lambda n: -size_of(n)
            ):
                root = root_of(node.func)
                if root not in holders:
                    continue
                if isinstance(node.func, ast.Name | ast.Subscript):
                    called = True
                    yield at, node
                elif isinstance(node.func, ast.Attribute):
                    run = as_call(node)
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
                    if root_of(argument) in holders:
                        holders |= changed_by(later.node.value, argument)

    # --- the program ---

    def _program(self, code: Code, at: int, call: ast.expr, made: ast.Call) -> Program:
        """The statements that `call` needs, then itself."""
        step = code.steps[at]
        self._check(code, call)
        needed = _Needed()
        self._gather(code, at, names_in(call), needed, made)
        kept, headers, parameters = needed.steps, needed.headers, needed.parameters
        writer = Writer(code.lines)
        smaller = self._reduced(code, kept, call)
        imports: list[str] = []  # in an example
        if code.is_example:
            own = self.module.name.partition(".")[0]
            named = names_in(call).union(*(code.steps[index].uses for index in kept))
            for name in sorted(named - code.local):
                if name == self.definition.name or self.project.builtin(name):
                    continue
                if name in self.module.names():
                    continue
                if name in _USUAL:
                    imports.append(self._usual(name))
                elif name == own:
                    imports += self._own_imports(code, [call, *(code.steps[at].node for at in sorted(kept))])
                elif not any(name == root for root in self._prefixes(code)):
                    raise _Unusable(name)
        used = names_in(call).union(*(code.steps[index].uses for index in kept))
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
            writer.wrap(list(dict.fromkeys(imports)))
        text = writer.text()
        try:
            compile(text, "program", "exec", ast.PyCF_ONLY_AST)
        except (SyntaxError, ValueError) as error:
            raise _Unusable("text") from error
        line = step.base + (call.lineno if hasattr(call, "lineno") else step.node.lineno)
        expression = f"{FUNCTION}()" if f"def {FUNCTION}(" in text else None
        example = code.is_example or any(_PARSED in line for line in writer.out.values())
        return Program(
            "usage", self.module.name, text, self.module.path, line, expression, example, needed.prepared
        )

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
                                yield base + node.lineno - 1, ast.unparse(with_names(node, [alias]))

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

    def _prefixes(self, code: Code) -> set[str]:
        """`keras_hub` in an example that says `keras_hub.layers.Foo(…)`: only the class is meant."""
        found = set()
        for step in code.steps:
            for node in ast.walk(step.node):
                if self._makes(node, True):
                    assert isinstance(node, ast.Call)
                    root = root_of(node.func)
                    others = [n for s in code.steps for n in s.facts.dotted if n.partition(".")[0] == root]
                    if root is not None and all(n.rpartition(".")[2] == self.definition.name for n in others):
                        found.add(root)
        return found

    def _renamed(self, code: Code, node: ast.AST, made: ast.Call) -> list[tuple[ast.AST, str]]:
        """In an example, the class by its bare name; the arguments that were asked for."""
        if self._instead is not None:
            if not contains(node, made):
                return []
            written = hasattr(made, "lineno") and hasattr(node, "lineno") and made.lineno == made.end_lineno
            if not written or called_name(made) != self._last:
                raise _Unusable("arguments")
            name = self.definition.name if code.is_example else ast.unparse(made.func)
            return [(made, f"{name}({self._instead})")]
        if not code.is_example:
            return []
        renamed: list[tuple[ast.AST, str]] = [
            (inner.func, self.definition.name)
            for inner in ast.walk(node)
            if self._makes(inner, True)
            and isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Attribute)
        ]
        known = [inner for inner, _ in renamed]
        return renamed + [
            (inner, self._name_for(meaning))
            for inner, meaning in self._own_meanings(code, node)
            if not any(inner is each for each in known)
        ]

    def _own_meanings(
        self, code: Code, node: ast.AST
    ) -> Iterator[tuple[ast.Attribute, ClassDefinition | FunctionDefinition]]:
        """What an example names by its own package: `my_package.layers.Other`, made in another file of it."""
        own = self.module.name.partition(".")[0]
        if own in code.local or own in self.module.names():
            return
        for inner in ast.walk(node):
            dotted = dotted_name(inner) if isinstance(inner, ast.Attribute) else None
            if dotted is None or dotted.partition(".")[0] != own:
                continue
            assert isinstance(inner, ast.Attribute)
            package, _, name = dotted.rpartition(".")
            for meaning in self.project.resolve_import(self.module, package, 0, name):
                if isinstance(meaning, ClassDefinition | FunctionDefinition) and is_own(
                    self.project, meaning.module.path, self.module.path
                ):
                    yield inner, meaning
                    break

    def _own_imports(self, code: Code, nodes: Sequence[ast.AST]) -> Iterator[str]:
        """The imports of what these name by their own package; nothing else of it is to be had."""
        own = self.module.name.partition(".")[0]
        for node in nodes:
            renamed = [inner for inner, _ in self._own_meanings(code, node)]
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and self._makes(call, True):
                    renamed += [each for each in ast.walk(call.func) if isinstance(each, ast.Attribute)]
            inside = {id(each) for inner in renamed for each in ast.walk(inner)}
            for each in ast.walk(node):
                if isinstance(each, ast.Name) and each.id == own and id(each) not in inside:
                    raise _Unusable(own)
            for _, meaning in self._own_meanings(code, node):
                name = self._name_for(meaning)
                if name != self.definition.name:
                    yield f"from {meaning.module.name} import {meaning.node.name} as {name}"

    def _name_for(self, meaning: ClassDefinition | FunctionDefinition) -> str:
        """What stands in a program for something of the example's own package."""
        same = meaning.module == self.definition.module and meaning.node.name == self.definition.name
        return self.definition.name if same else f"__kerascope_{meaning.node.name}__"

    def _gather(self, code: Code, at: int, names: frozenset[str], needed: _Needed, made: ast.Call) -> None:
        """The steps before `at` that give the names their values, and that change these."""
        waiting = [(name, at) for name in sorted(names)]
        done: set[tuple[str, int]] = set()
        while waiting:
            name, before = waiting.pop()
            if (name, before) in done:
                continue
            done.add((name, before))
            since = next((i for i in range(before - 1, -1, -1) if name in code.steps[i].binds), None)
            header = self._header_of(code.steps[before].block, name)
            if header is not None and (since is None or not is_in(code.steps[since].block, header)):
                assert header.keep is not None
                if header not in needed.headers:
                    if self._harm(code, [header.keep]):
                        raise _Unusable(name)
                    needed.headers.add(header)
                    first = next(i for i, s in enumerate(code.steps) if is_in(s.block, header))
                    waiting += [(used, first) for used in names_in(header.keep)]
                continue
            if since is None:
                if name in code.parameters:
                    needed.parameters.add(name)
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
            if since not in needed.steps:
                if self._harm(code, [step.node]):
                    raise _Unusable(name)
                needed.steps.add(since)
                waiting += [(used, since) for used in step.uses]
                if isinstance(step.node, ast.AugAssign):
                    waiting.append((name, since))
            own = contains(step.node, made)
            for between in range(since + 1, before):
                changer = code.steps[between]
                if between in needed.steps:
                    continue
                if name in changer.changes and not changer.binds:
                    if self._harm(code, [changer.node]):
                        raise _Unusable(name)
                    needed.steps.add(between)
                    needed.prepared |= own
                    waiting += [(used, between) for used in changer.uses]
                elif between not in needed.refused and self._may_change(code, between, before, name, own):
                    with_it = needed.copy()
                    with_it.steps.add(between)
                    try:
                        self._gather(code, between, changer.uses, with_it, made)
                    except _Unusable:
                        needed.refused.add(between)
                        continue
                    needed.steps, needed.headers = with_it.steps, with_it.headers
                    needed.parameters, needed.prepared = with_it.parameters, with_it.prepared or own

    def _may_change(self, code: Code, between: int, before: int, name: str, own: bool) -> bool:
        """Whether a step calls what `name` means, or a method of it, so that it may be another thing after
        that; `own`: it is the class's instance, or holds it."""
        step = code.steps[between]
        if step.block is not None and not is_in(code.steps[before].block, step.block):
            return False  # it may not be run
        call = getattr(step.node, "value", None)
        if not isinstance(call, ast.Call) or root_of(call.func) != name or name in step.binds:
            return False
        if isinstance(call.func, ast.Attribute):
            method = call.func.attr
            if not isinstance(step.node, ast.Expr) or method in NOTHING_CHANGED or as_call(call) is not None:
                return False
            if method == "compile" or (own and method == "build"):
                return False
        elif own or not isinstance(call.func, ast.Name):
            return False
        return not self._harm(code, [step.node])

    def _imports_own(self, node: ast.Import | ast.ImportFrom) -> bool:
        """Whether an example imports from the very package that it is in: only its class is meant to be
        had."""
        own = self.module.name.partition(".")[0]
        named = (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
        )
        return any(name.partition(".")[0] == own for name in named)

    def _imports_package(self, node: ast.stmt) -> bool:
        """`import my_package` in an example of it: of the package only what is named is to be had."""
        own = self.module.name.partition(".")[0]
        return isinstance(node, ast.Import) and all(
            each.asname is None and each.name.partition(".")[0] == own for each in node.names
        )

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

    def _header_of(self, block: Block | None, name: str) -> Block | None:
        while block is not None:
            if name in block.binds:
                return block
            block = block.parent
        return None

    def _check(self, code: Code, call: ast.expr) -> None:
        if self._harm(code, [call]):
            raise _Unusable("harm")

    def _harm(self, code: Code, nodes: Sequence[ast.AST]) -> bool:
        local = code.local
        if any(
            isinstance(n, ast.Await | ast.Yield | ast.YieldFrom) for node in nodes for n in ast.walk(node)
        ):
            return True
        without = frozenset(call for node in nodes for call, _ in self._stand_ins(node))
        return self.judge.reason(self.module, nodes, local, without=without) is not None

    def _stand_ins(self, node: ast.AST) -> list[tuple[ast.AST, str]]:
        """What is written for the data sets that would be downloaded, and for the command line."""
        found: list[tuple[ast.AST, str]] = []
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and called_name(call) == "parse_args" and not call.args:
                holder = call.func.value if isinstance(call.func, ast.Attribute) else None
                if isinstance(holder, ast.Name) and holder.id != "self" and call.lineno == call.end_lineno:
                    found.append((call, f"({_PARSED})({holder.id})"))
            if isinstance(call, ast.Call) and called_name(call) == "load_data":
                for meaning in self.project.resolve(self.module, dotted_name(call.func) or ""):
                    if isinstance(meaning, Library) and meaning.name.startswith("keras.datasets."):
                        data = _DATASETS.get(meaning.name.split(".")[2])
                        if data is not None:
                            found.append((call, f"(lambda n: (({data}),) * 2)(__import__('numpy'))"))
        return found

    def _reduced(self, code: Code, kept: set[int], call: ast.expr) -> dict[int, list[tuple[ast.AST, str]]]:
        """Where thousands of made-up examples can be two: the first size of arrays that go into the call and
        nowhere else."""
        given = frozenset().union(
            *(
                names_in(each)
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
            sizes += [(index, *found) for found in first_sizes(step.node)]
        large = {size.value for _, size, many in sizes if many > _MANY and isinstance(size.value, int)}
        # A number that stands anywhere else may be a size that the layer is made for.
        written = Counter(_NUMBER.findall("\n".join(code.lines)))
        in_class = {*_NUMBER.findall(self.definition.statement.text)}
        here = Counter(str(size.value) for _, size, _ in sizes)
        large = {
            size
            for size in large
            if str(size) not in in_class and (size > _BATCH or written[str(size)] <= here[str(size)])
        }
        changes: dict[int, list[tuple[ast.AST, str]]] = {}
        for index, size, _ in sizes:
            if size.value in large:
                changes.setdefault(index, []).append((size, "2"))
        return changes

    # --- the construction alone ---

    def _init(self, code: Code, index: int, made: ast.Call) -> str | None:
        """The text of the constructor's arguments, if they can be evaluated where the class is defined."""
        if called_name(made) != self._last:
            return None
        own = frozenset(self.module.names()) if self.own or code.is_example else frozenset[str]()
        values: dict[str, ast.expr] = {}
        named = names_in(ast.Tuple([*made.args, *(keyword.value for keyword in made.keywords)], ast.Load()))
        for name in named:
            since = next((i for i in range(index - 1, -1, -1) if name in code.steps[i].binds), None)
            if since is not None and not (
                code.steps[since].is_global and code.steps[since].block is not None
            ):
                value = getattr(code.steps[since].node, "value", None)
                if (
                    not isinstance(value, ast.expr)
                    or not is_literal(value)
                    or len(code.steps[since].binds) > 1
                ):
                    return None
                values[name] = value
            elif name in code.parameters:
                values[name] = ast.parse(code.parameters[name], mode="eval").body
                if not is_literal(values[name]):
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
                parts += as_keywords(keyword.value)
            else:
                parts.append(f"{keyword.arg}={value}" if keyword.arg else f"**{value}")
        return ", ".join(parts)

    def _shape(self, code: Code, index: int, made: ast.Call) -> Inputs | None:
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
                        and root_of(node.func) in step.binds
                    ):
                        shape = [*node.args, *(k.value for k in node.keywords if k.arg == "input_shape")]
                        return self._inputs(code, at, shape[0], batch=False) if shape else None
        return None

    def _inputs(self, code: Code, index: int, node: ast.expr, batch: bool) -> Inputs | None:
        """The inputs of a shape that code says, with the numbers for its names."""
        try:
            shape = self._constant(code, index, node)
        except _Unusable:
            return None
        if not isinstance(shape, tuple) or not all(size is None or type(size) is int for size in shape):
            return None
        sizes = tuple(size if size is None or size >= 0 else None for size in shape)
        return Inputs((TensorSpec((None, *sizes) if batch else sizes),), {})

    def _constant(self, code: Code, index: int, node: ast.expr, depth: int = 0) -> Any:
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
                    return self._constant(Code((), []), 0, meaning.value, depth + 1)
        raise _Unusable("constant")

    def _number(self, code: Code, index: int, node: ast.expr, depth: int) -> int:
        value = self._constant(code, index, node, depth)
        if type(value) is not int or abs(value) > 2**31:
            raise _Unusable("number")
        return value
