"""Plants defects into correct layers of published packages, and counts how many are found on their line.

`python -m tests.recall.mutations` measures as many as there are; test_mutations.py a few of each kind.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kerascope.check import Checker
from kerascope.project.environment import Environment
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document

REAL = Path(os.environ.get("KERASCOPE_REAL_CODE", Path(__file__).parents[2] / ".real-code"))

HERE = "\0"
"""Stands in a mutated text where the defect is to be reported."""

WITH_WEIGHTS = frozenset(
    (
        "BatchNormalization",
        "CachedMultiHeadAttention",
        "Conv1D",
        "Conv2D",
        "Conv2DTranspose",
        "Conv3D",
        "Dense",
        "DepthwiseConv2D",
        "EinsumDense",
        "Embedding",
        "GRU",
        "GroupNormalization",
        "GroupedQueryAttention",
        "LSTM",
        "LayerNormalization",
        "MultiHeadAttention",
        "PositionEmbedding",
        "RMSNormalization",
        "ReversibleEmbedding",
        "SeparableConv2D",
        "TokenAndPositionEmbedding",
        "TransformerDecoder",
        "TransformerEncoder",
    )
)


@dataclass(frozen=True)
class Mutant:
    """A text with one defect."""

    kind: str
    code: str
    path: str
    text: str
    line: int

    @property
    def shown(self) -> str:
        return f"{self.path}:{self.line}: {self.text.splitlines()[self.line - 1].strip()}"


@dataclass(frozen=True)
class Held:
    """`self.name = Layer(…)` in a method of a layer class whose `call` calls it."""

    cls: ast.ClassDef
    method: ast.FunctionDef
    statement: ast.Assign
    name: str

    @property
    def value(self) -> ast.Call:
        assert isinstance(self.statement.value, ast.Call)
        return self.statement.value


class Source:
    """A file, and its text after edits."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.text = path.read_text("utf-8")
        self.tree = ast.parse(self.text)
        self._starts = [0]
        for line in self.text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def start(self, node: ast.AST) -> int:
        return self._starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        return self._starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def of(self, node: ast.AST) -> str:
        return self.text[self.start(node) : self.end(node)]

    def indent(self, statement: ast.stmt) -> str:
        return " " * statement.col_offset

    def edited(self, *edits: tuple[ast.AST | int, str]) -> str:
        """Nodes replaced by texts, and texts put in at places."""
        text = self.text
        spans = [
            (node, node, new) if isinstance(node, int) else (self.start(node), self.end(node), new)
            for node, new in edits
        ]
        for start, end, new in sorted(spans, key=lambda span: span[:2], reverse=True):
            text = text[:start] + new + text[end:]
        return text

    @cached_property
    def classes(self) -> list[ast.ClassDef]:
        """The classes with a `call`."""
        return [node for node in self.tree.body if isinstance(node, ast.ClassDef) and method(node, "call")]

    @cached_property
    def held(self) -> list[Held]:
        found = []
        for cls in self.classes:
            call = method(cls, "call")
            assert call is not None
            called = {attribute(node.func) for node in ast.walk(call) if isinstance(node, ast.Call)}
            for name in ("__init__", "build"):
                inside = method(cls, name)
                for node in ast.walk(inside) if inside is not None else ():
                    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
                        continue
                    target = attribute(node.targets[0])
                    if target in called and target is not None and last_name(node.value) in WITH_WEIGHTS:
                        found.append(Held(cls, inside, node, target))  # type: ignore[arg-type]
        once = [(held.cls, held.name) for held in found]
        return [held for held in found if once.count((held.cls, held.name)) == 1]

    def uses(self, held: Held) -> list[ast.Attribute]:
        """Every other `self.name`."""
        return [
            node
            for node in ast.walk(held.cls)
            if isinstance(node, ast.Attribute)
            and attribute(node) == held.name
            and node is not held.statement.targets[0]
        ]

    def weights(self) -> Iterator[tuple[ast.ClassDef, ast.Assign, ast.Call, str]]:
        """`self.name = self.add_weight(…)` in `build`, of which `call` reads the name."""
        for cls in self.classes:
            build, call = method(cls, "build"), method(cls, "call")
            assert call is not None
            read = {attribute(node) for node in ast.walk(call)}
            for node in ast.walk(build) if build is not None else ():
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                    name = attribute(node.targets[0])
                    if attribute(node.value.func) == "add_weight" and name in read and name is not None:
                        yield cls, node, node.value, name

    def end_of_imports(self) -> int:
        """Where a class or function may be put in."""
        first = next(n for n in self.tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef))
        return self.start(first.decorator_list[0]) - 1 if first.decorator_list else self.start(first)


def method(cls: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    return next((n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == name), None)


def attribute(node: ast.AST) -> str | None:
    """The name in `self.name`."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
        return node.attr
    return None


def last_name(call: ast.Call) -> str | None:
    func = call.func
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", None)


Text = str
Plant = Callable[[Source], Iterator[Text]]
KINDS: dict[str, tuple[str, Plant]] = {}


def kind(code: str) -> Callable[[Plant], Plant]:
    def register(plant: Plant) -> Plant:
        KINDS[plant.__name__] = (code, plant)
        return plant

    return register


HOLDER = """\
class _Holder:
    def __init__(self, layer):
        self.layer = layer

    def build(self, *args, **kwargs):
        self.layer.build(*args, **kwargs)

    def compute_output_shape(self, *args, **kwargs):
        return self.layer.compute_output_shape(*args, **kwargs)

    def __call__(self, *args, **kwargs):
        return self.layer(*args, **kwargs)


"""


@kind("KS101")
def in_a_helper_object(source: Source) -> Iterator[Text]:
    for held in source.held:
        yield source.edited(
            (source.end_of_imports(), HOLDER),
            (source.start(held.statement), HERE),
            (held.value, f"_Holder({source.of(held.value)})"),
        )


@kind("KS101")
def in_a_closure(source: Source) -> Iterator[Text]:
    for held in source.held:
        inner = f"inner = {source.of(held.value)}\n{source.indent(held.statement)}"
        yield source.edited(
            (source.start(held.statement), inner + HERE),
            (held.value, "lambda *args, **kwargs: inner(*args, **kwargs)"),
            *((call, "pass") for call in builds(held)),
        )


@kind("KS101")
def in_a_deque(source: Source) -> Iterator[Text]:
    for held in source.held:
        yield source.edited(
            (source.end_of_imports(), "import collections\n\n\n"),
            (source.start(held.statement), HERE),
            (held.value, f"collections.deque([{source.of(held.value)}])"),
            *((use, f"self.{held.name}[0]") for use in source.uses(held)),
        )


@kind("KS102")
def tf_variable(source: Source) -> Iterator[Text]:
    for _, statement, call, _ in source.weights():
        shape = next((k.value for k in call.keywords if k.arg == "shape"), None)
        trainable = all(k.arg != "trainable" for k in call.keywords)
        if shape is not None and trainable:
            yield source.edited(
                (source.end_of_imports(), "import tensorflow as tf\n\n\n"),
                (source.start(statement), HERE),
                (call, f"tf.Variable(tf.zeros({source.of(shape)}))"),
            )


@kind("KS105")
def appended_to_a_copy(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        init = method(cls, "__init__")
        for node in ast.walk(init) if init is not None else ():
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.List) or node.value.elts:
                continue
            name = attribute(node.targets[0])
            appends = [
                call
                for call in ast.walk(init)  # type: ignore[arg-type]
                if isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "append"
                and attribute(call.func.value) == name
            ]
            if name is not None and len(appends) == 1 and makes_a_layer(appends[0].args[0], init):
                append = appends[0]
                assert isinstance(append.func, ast.Attribute)
                yield source.edited(
                    (node.value, "kept = []"), (source.start(append), HERE), (append.func.value, "kept")
                )


@kind("KS106")
def by_index(source: Source) -> Iterator[Text]:
    for held in source.held:
        yield source.edited(
            (
                source.start(held.statement),
                f"self._by_index = [None]\n{source.indent(held.statement)}{HERE}",
            ),
            (held.statement.targets[0], "self._by_index[0]"),
            *((use, "self._by_index[0]") for use in source.uses(held)),
        )


@kind("KS107")
def in_an_inner_list(source: Source) -> Iterator[Text]:
    for held in source.held:
        indent = source.indent(held.statement)
        yield source.edited(
            (
                held.statement,
                f"self._nested = []\n{indent}self._nested.append([])\n"
                f"{indent}{HERE}self._nested[-1].append({source.of(held.value)})",
            ),
            *((use, "self._nested[0][0]") for use in source.uses(held)),
        )


@kind("KS108")
def in_a_global_variable(source: Source) -> Iterator[Text]:
    for held in source.held:
        names = {node.id for node in ast.walk(held.value) if isinstance(node, ast.Name)}
        if names - {"keras", "layers"} or len(calls_of(held)) != 1:
            continue
        (call,) = calls_of(held)
        yield source.edited(
            (source.end_of_imports(), f"_shared = {source.of(held.value)}\n\n\n"),
            (held.statement, "pass"),
            (source.start(call), HERE),
            *((use, "_shared") for use in source.uses(held)),
        )


@kind("KS110")
def in_the_dict(source: Source) -> Iterator[Text]:
    for held in source.held:
        yield source.edited(
            (source.start(held.statement), HERE),
            (held.statement.targets[0], f'self.__dict__["{held.name}"]'),
        )


@kind("KS112")
def private_list(source: Source) -> Iterator[Text]:
    for held in source.held:
        for statement in builds(held)[:1]:
            put = f"{HERE}self._trainable_weights.extend(self.{held.name}.trainable_weights)"
            yield source.edited((source.end(statement), f"\n{source.indent(statement)}{put}"))


@kind("KS115")
def the_same_layer_again(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        for node in ast.walk(cls):
            if isinstance(node, ast.Assign) and attribute(node.targets[0]) is not None:
                made = node.value
                if (
                    isinstance(made, ast.ListComp)
                    and isinstance(made.elt, ast.Call)
                    and last_name(made.elt) in WITH_WEIGHTS
                    and isinstance(made.generators[0].iter, ast.Call)
                    and last_name(made.generators[0].iter) == "range"
                    and len(made.generators[0].iter.args) == 1
                ):
                    count = source.of(made.generators[0].iter.args[0])
                    yield source.edited((made, f"{HERE}[{source.of(made.elt)}] * {count}"))


@kind("KS201")
def not_built(source: Source) -> Iterator[Text]:
    for held in source.held:
        build = method(held.cls, "build")
        for statement in builds(held)[:1]:
            assert build is not None
            if held.method.name == "__init__":
                yield source.edited((source.start(build), HERE), (statement, "pass"))


@kind("KS202")
def weights_read_early(source: Source) -> Iterator[Text]:
    late = {held.cls.name for held in source.held if held.method.name == "__init__"}
    late -= {held.cls.name for held in source.held if calls_of(held, "__init__")}
    for name in sorted(late):
        use = (
            f"\n\ndef count(config, inputs):\n    layer = {name}(**config)\n"
            f"    {HERE}number = len(layer.weights)\n    layer(inputs)\n    return number\n"
        )
        yield source.text + use


@kind("KS203")
def without_build(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        build = method(cls, "build")
        held = [held for held in source.held if held.cls is cls and held.method.name == "__init__"]
        if build is None or not any(builds(each) for each in held):
            continue
        if not any(isinstance(n, ast.Assign) and attribute(n.targets[0]) for n in ast.walk(build)):
            yield source.edited((source.start(cls), HERE), (build, "pass"))


@kind("KS301")
def made_in_call(source: Source) -> Iterator[Text]:
    for held in source.held:
        names = {node.id for node in ast.walk(held.value) if isinstance(node, ast.Name)}
        made_of = {attribute(node) for node in ast.walk(held.value)} - {None}
        uses = [call for call in calls_of(held) if not under_a_condition(held, call)]
        if names - {"keras", "layers", "self"} or made_of & {h.name for h in source.held} or not uses:
            continue
        yield source.edited(
            (held.statement, "pass"),
            (uses[0].func, f"{HERE}{' '.join(source.of(held.value).split())}"),
            *((statement, "pass") for statement in builds(held)),
        )


@kind("KS303")
def made_late(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        init, build, call = method(cls, "__init__"), method(cls, "build"), method(cls, "call")
        if init is None or build is None or call is None or len(call.args.args) < 2:
            continue
        held = [each for each in source.held if each.cls is cls]
        first = call.body[1] if len(call.body) > 1 and is_docstring(call.body[0]) else call.body[0]
        if held and not is_docstring(first):
            argument, indent = call.args.args[1].arg, source.indent(first)
            made = "self.late = keras.layers.Dense(1)"
            yield source.edited(
                (source.end_of_imports(), "import keras\n\n\n"),
                (source.end(init.body[-1]), f"\n{source.indent(init.body[-1])}self.late = None"),
                (
                    source.start(first),
                    f"if self.late is None:\n{indent}    {HERE}{made}\n"
                    f"{indent}self.add_loss(keras.ops.mean(self.late({argument})))\n{indent}",
                ),
            )


@kind("KS306")
def without_super_init(source: Source) -> Iterator[Text]:
    for held in source.held:
        if held.method.name != "__init__":
            continue
        for statement in held.method.body:
            if ast.unparse(statement).startswith("super().__init__("):
                text = source.edited((source.start(held.method), HERE), (statement, "pass"))
                yield text
                break


@kind("KS401")
def a_product(source: Source) -> Iterator[Text]:
    for _, statement, call, _ in source.weights():
        if all(keyword.arg != "trainable" for keyword in call.keywords):
            yield source.edited((source.start(statement), HERE), (source.end(call), " * 2.0"))


@kind("KS405")
def a_name_first(source: Source) -> Iterator[Text]:
    for _, _, call, _ in source.weights():
        name = next((keyword for keyword in call.keywords if keyword.arg == "name"), None)
        if name is not None and isinstance(name.value, ast.Constant) and not call.args:
            function, arguments = source.of(call.func), [source.of(name.value)]
            arguments += [source.of(keyword) for keyword in call.keywords if keyword is not name]
            yield source.edited((call, f"{HERE}{function}({', '.join(arguments)})"))


@kind("KS103")
def in_a_module(source: Source) -> Iterator[Text]:
    module = HOLDER.replace("class _Holder:", "class _Module(tf.Module):")
    for held in source.held:
        yield source.edited(
            (source.end_of_imports(), f"import tensorflow as tf\n\n\n{module}"),
            (source.start(held.statement), HERE),
            (held.value, f"_Module({source.of(held.value)})"),
        )


@kind("KS104")
def of_the_other_keras(source: Source) -> Iterator[Text]:
    for held in source.held:
        if source.of(held.value.func).startswith(("keras.layers.", "layers.")):
            yield source.edited(
                (source.end_of_imports(), "import tf_keras\n\n\n"),
                (source.start(held.statement), HERE),
                (held.value.func, f"tf_keras.layers.{last_name(held.value)}"),
            )


@kind("KS111")
def on_a_reserved_attribute(source: Source) -> Iterator[Text]:
    for held in source.held:
        yield source.edited(
            (source.start(held.statement), HERE),
            (held.statement.targets[0], "self._layers"),
            *((use, "self._layers") for use in source.uses(held)),
        )


@kind("KS113")
def in_a_lambda_layer(source: Source) -> Iterator[Text]:
    for held in source.held:
        if len(calls_of(held)) == 1 and len(calls_of(held)[0].args) == 1 and not calls_of(held)[0].keywords:
            yield source.edited(
                (source.end_of_imports(), "import keras\n\n\n"),
                (
                    source.start(held.statement),
                    f"inner = {source.of(held.value)}\n{source.indent(held.statement)}{HERE}",
                ),
                (held.value, "keras.layers.Lambda(lambda t: inner(t))"),
            )


@kind("KS116")
def replaced(source: Source) -> Iterator[Text]:
    for _, statement, call, _ in source.weights():
        if all(keyword.arg != "trainable" for keyword in call.keywords):
            again = f"\n{source.indent(statement)}{HERE}{source.of(statement)}"
            yield source.edited((source.end(statement), again))


@kind("KS205")
def in_a_graph(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        call, build = method(cls, "call"), method(cls, "build")
        late = [held for held in source.held if held.cls is cls and held.method.name == "__init__"]
        if late and build is None and call is not None and not call.decorator_list:
            yield source.edited(
                (source.end_of_imports(), "import tensorflow as tf\n\n\n"),
                (source.start(call), f"{HERE}@tf.function\n{source.indent(call)}"),
            )


@kind("KS207")
def never_called(source: Source) -> Iterator[Text]:
    for held in source.held:
        calls = calls_of(held)
        if len(calls) == 1 and calls[0].args and len(source.uses(held)) == 1:
            yield source.edited((source.start(held.statement), HERE), (calls[0], source.of(calls[0].args[0])))


@kind("KS208")
def said_to_be_built(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        init, build = method(cls, "__init__"), method(cls, "build")
        if init is not None and build is not None and any(own is cls for own, *_ in source.weights()):
            last = init.body[-1]
            yield source.edited((source.end(last), f"\n{source.indent(last)}{HERE}self.built = True"))


@kind("KS209")
def misspelled(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        build = method(cls, "build")
        if build is not None and any(own is cls for own, *_ in source.weights()):
            place = source.start(build)
            yield source.edited((place, HERE), (place + len("def "), "_"))


@kind("KS302")
def a_variable_in_call(source: Source) -> Iterator[Text]:
    for cls, statement, call, name in source.weights():
        shape = next((k.value for k in call.keywords if k.arg == "shape"), None)
        inside = method(cls, "call")
        if shape is None or {n.id for n in ast.walk(shape) if isinstance(n, ast.Name)} - {"self"}:
            continue
        uses = [n for n in ast.walk(inside) if attribute(n) == name] if inside is not None else []
        uses = [n for n in uses if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Load)]
        if len(uses) == 1:
            yield source.edited(
                (source.end_of_imports(), "import keras\n\n\n"),
                (statement, "pass"),
                (uses[0], f"{HERE}keras.Variable(keras.ops.ones({source.of(shape)}))"),
            )


@kind("KS304")
def dropout_in_call(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        init, call = method(cls, "__init__"), method(cls, "call")
        for node in ast.walk(init) if init is not None else ():
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
                continue
            name = attribute(node.targets[0])
            uses = [n for n in ast.walk(call) if isinstance(n, ast.Call) and attribute(n.func) == name]  # type: ignore[arg-type]
            if last_name(node.value) == "Dropout" and name is not None and len(uses) == 1:
                yield source.edited(
                    (source.end_of_imports(), "import keras\n\n\n"),
                    (uses[0].func, f"{HERE}keras.layers.Dropout(0.1)"),
                )


@kind("KS305")
def added_to_a_built_layer(source: Source) -> Iterator[Text]:
    for name in sorted({held.cls.name for held in source.held}):
        late = (
            f"\n\ndef extend(config, inputs):\n    layer = {name}(**config)\n    layer(inputs)\n"
            f"    {HERE}layer.head = keras.layers.Dense(1)\n    return layer\n"
        )
        yield source.edited((source.end_of_imports(), "import keras\n\n\n")) + late


@kind("KS307")
def before_super_init(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        init = method(cls, "__init__")
        for statement in init.body if init is not None else ():
            if ast.unparse(statement).startswith("super().__init__("):
                early = f"{HERE}self.scale = self.add_weight(shape=(1,), name='scale')"
                yield source.edited((source.start(statement), f"{early}\n{source.indent(statement)}"))
                break


@kind("KS402")
def random_numbers(source: Source) -> Iterator[Text]:
    for _, statement, call, _ in source.weights():
        shape = next((k.value for k in call.keywords if k.arg == "shape"), None)
        if shape is not None and all(k.arg != "trainable" for k in call.keywords):
            yield source.edited(
                (source.end_of_imports(), "import keras\n\n\n"),
                (source.start(statement), HERE),
                (call, f"keras.random.normal({source.of(shape)})"),
            )


@kind("KS403")
def frozen_too_early(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        init = method(cls, "__init__")
        held = [each for each in source.held if each.cls is cls and each.method is init]
        for statement in init.body if init is not None and held else ():
            if ast.unparse(statement).startswith("super().__init__("):
                early = f"\n{source.indent(statement)}{HERE}self.trainable = False"
                yield source.edited((source.end(statement), early))
                break


@kind("KS404")
def trainable_none(source: Source) -> Iterator[Text]:
    for _, _, call, _ in source.weights():
        if all(keyword.arg != "trainable" for keyword in call.keywords):
            last = call.keywords[-1] if call.keywords else call.args[-1]
            yield source.edited((source.end(last), f", {HERE}trainable=None"))


@kind("KS502")
def in_a_set(source: Source) -> Iterator[Text]:
    for held in source.held:
        if all(isinstance(use.ctx, ast.Load) for use in source.uses(held)):
            yield source.edited(
                (source.start(held.statement), HERE),
                (held.statement.targets[0], "self._parts"),
                (held.value, f"{{{source.of(held.value)}}}"),
                *((use, "next(iter(self._parts))") for use in source.uses(held)),
            )


def builds(held: Held) -> list[ast.Expr]:
    """The statements `self.name.build(…)` in `build`."""
    build = method(held.cls, "build")
    return [
        node
        for node in (ast.walk(build) if build is not None else ())
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == "build"
        and attribute(node.value.func.value) == held.name
    ]


def calls_of(held: Held, where: str = "call") -> list[ast.Call]:
    inside = method(held.cls, where)
    return [
        node
        for node in (ast.walk(inside) if inside is not None else ())
        if isinstance(node, ast.Call) and attribute(node.func) == held.name
    ]


def under_a_condition(held: Held, call: ast.Call) -> bool:
    return any(
        isinstance(node, ast.If | ast.IfExp | ast.While) and any(inner is call for inner in ast.walk(node))
        for node in ast.walk(held.cls)
    )


def makes_a_layer(value: ast.expr, inside: ast.FunctionDef | None) -> bool:
    """Whether it is `Dense(…)`, or a variable that got one."""
    if isinstance(value, ast.Call):
        return last_name(value) in WITH_WEIGHTS
    return inside is not None and any(
        isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(value, ast.Name)
        and node.targets[0].id == value.id
        and isinstance(node.value, ast.Call)
        and last_name(node.value) in WITH_WEIGHTS
        for node in ast.walk(inside)
    )


def is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def files() -> list[Path]:
    """Where layers are."""
    folders = ["keras/src/layers", "keras_hub/src/layers", "keras_hub/src/models"]
    found = [path for folder in folders for path in sorted((REAL / folder).rglob("*.py"))]
    return [path for path in found if not path.name.endswith("_test.py")]


def mutants(most: int | None = None, every: int = 1) -> Iterator[Mutant]:
    """`most`: of each kind, spread over all files. `every`: 3 for a third of the files."""
    found: dict[str, list[Mutant]] = defaultdict(list)
    for path in files()[::every]:
        text = path.read_text("utf-8")
        if "def call(" not in text or not text.isascii():
            continue
        source = Source(path)
        for name, (code, plant) in KINDS.items():
            for planted in plant(source):
                before, _, after = planted.partition(HERE)
                found[name].append(Mutant(name, code, str(path), before + after, before.count("\n") + 1))
    for planted_of_kind in found.values():
        count = len(planted_of_kind)
        step = 1 if most is None else max(1, -(-count // most))
        for mutant in planted_of_kind[::step]:
            ast.parse(mutant.text)
            yield mutant


class Finder:
    """Checks mutants, one after the other, in one project."""

    def __init__(self) -> None:
        self._project = Project(str(REAL), (str(REAL),))
        self._checker = Checker(self._project, Settings(keras="3"), Environment(search_paths=(str(REAL),)))
        self._version = 1
        self._last: str | None = None

    def finds(self, mutant: Mutant) -> bool:
        if self._last is not None and self._last != mutant.path:
            self._open(self._last, Path(self._last).read_text("utf-8"))
        self._last = mutant.path
        self._open(mutant.path, mutant.text)
        return any(
            finding.code == mutant.code and finding.range.start.line + 1 == mutant.line
            for finding in self._checker.check(mutant.path)
        )

    def _open(self, path: str, text: str) -> None:
        self._version += 1
        self._project.open(Document.from_text(path, text, self._version))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.recall.mutations", description=__doc__)
    parser.add_argument("--most", type=int, help="how many of each kind (all)")
    parser.add_argument("--kind", action="append", choices=sorted(KINDS))
    parser.add_argument("--missed", action="store_true", help="show those that are not found")
    options = parser.parse_args(arguments)
    finder, planted, found = Finder(), defaultdict(int), defaultdict(int)  # type: ignore[var-annotated]
    for mutant in mutants(options.most):
        if options.kind and mutant.kind not in options.kind:
            continue
        planted[mutant.kind] += 1
        if finder.finds(mutant):
            found[mutant.kind] += 1
        elif options.missed:
            print(f"{mutant.code} {mutant.shown}")
    for name, count in planted.items():
        print(f"{KINDS[name][0]} {name:24} {found[name]:4} of {count:4}  {found[name] / count:4.0%}")
    print(f"{sum(found.values())} of {sum(planted.values())}")


if __name__ == "__main__":
    main(sys.argv[1:])
