"""Other spellings of the defects of kinds.py: a kind takes the next spelling for each place that it finds."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import NamedTuple

from tests.recall.kinds import HOLDER
from tests.recall.planting import (
    HERE,
    Held,
    Source,
    Text,
    attribute,
    builds,
    calls_of,
    is_docstring,
    kind,
    method,
    register,
    under_a_condition,
)


class Wrap(NamedTuple):
    """`self.name = value`, in which `{}` is the layer; `use` stands for every other `self.name`."""

    value: str
    use: str
    before: str = ""


def wrapped(spellings: Sequence[Wrap], source: Source, turns: Iterator[Wrap]) -> Iterator[Text]:
    for held in source.held:
        uses = source.uses(held)
        if all(isinstance(use.ctx, ast.Load) for use in uses):
            wrap = next(turns)
            yield source.edited(
                (source.end_of_imports(), wrap.before and f"{wrap.before}\n\n\n"),
                (source.start(held.statement), HERE),
                (held.value, wrap.value.replace("{}", source.of(held.value))),
                *((use, wrap.use.replace("{}", f"self.{held.name}")) for use in uses),
            )


def register_wraps(name: str, code: str, *spellings: Wrap) -> None:
    turns = cycle(spellings)
    register(name, code, lambda source: wrapped(spellings, source, turns))


register_wraps(
    "in_another_container",
    "KS101",
    Wrap("frozenset([{}])", "next(iter({}))"),
    Wrap("UserList([{}])", "{}[0]", "from collections import UserList"),
    Wrap("UserDict(inner={})", "{}['inner']", "from collections import UserDict"),
    Wrap("types.MappingProxyType({'inner': {}})", "{}['inner']", "import types"),
    Wrap("np.array([{}], dtype=object)", "{}[0]", "import numpy as np"),
    Wrap("{'inner': {}}.values()", "list({})[0]"),
    Wrap("(each for each in [{}])", "next({})"),
    Wrap("iter([{}])", "next({})"),
)
register_wraps(
    "in_another_object",
    "KS101",
    Wrap("types.SimpleNamespace(inner={})", "{}.inner", "import types"),
    Wrap("argparse.Namespace(inner={})", "{}.inner", "import argparse"),
    Wrap(
        "_Part({})",
        "{}.inner",
        "import dataclasses\n\n\n@dataclasses.dataclass\nclass _Part:\n    inner: object\n    size: int = 1",
    ),
    Wrap("_Part({})", "{}.inner", "from attrs import define\n\n\n@define\nclass _Part:\n    inner: object"),
    Wrap("_Holder([{}])", "{}.layer[0]", HOLDER.strip()),
    Wrap("[_Holder({})]", "{}[0].layer", HOLDER.strip()),
    Wrap(
        "_Bag(inner={})",
        "{}.inner",
        "class _Bag:\n    def __init__(self, **kwargs):\n        self.__dict__.update(kwargs)",
    ),
    Wrap(
        "_Bag({})",
        "{}[0]",
        "class _Bag:\n    def __init__(self, *layers):\n        self._all = list(layers)\n\n"
        "    def __getitem__(self, index):\n        return self._all[index]",
    ),
    Wrap(
        "_Bag({})",
        "list({})[0]",
        "class _Bag:\n    def __init__(self, *layers):\n        self._all = list(layers)\n\n"
        "    def __iter__(self):\n        return iter(self._all)",
    ),
)
register_wraps(
    "in_another_set",
    "KS502",
    Wrap("set([{}])", "list({})[0]"),
    Wrap("{{}}", "sorted({}, key=lambda each: each.name)[0]"),
)


@kind("KS101")
def in_another_function(source: Source) -> Iterator[Text]:
    for held, (before, value) in zip(source.held, cycle(_FUNCTIONS), strict=False):
        if len(source.uses(held)) == len(calls_of(held)) + len(builds(held)):
            yield source.edited(
                (source.end_of_imports(), before and f"{before}\n\n\n"),
                (source.start(held.statement), HERE),
                (held.value, value.replace("{}", source.of(held.value))),
                *((call, "pass") for call in builds(held)),
            )


_FUNCTIONS = (
    ("", "{}.__call__"),
    ("", "lambda *args, layer={}, **kwargs: layer(*args, **kwargs)"),
    ("import functools", "functools.partial({})"),
    ("import tensorflow as tf", "tf.function({})"),
    (
        "def _closed(layer):\n    def apply(*args, **kwargs):\n        return layer(*args, **kwargs)\n\n"
        "    return apply",
        "_closed({})",
    ),
)


class Steps(NamedTuple):
    """Statements in the place of `self.name = Layer(…)`: `{}` is the layer, `@` the line of the defect."""

    statements: tuple[str, ...]
    use: str


def in_steps(name: str, code: str, *spellings: Steps) -> None:
    turns = cycle(spellings)

    def plant(source: Source) -> Iterator[Text]:
        for held in source.held:
            uses = source.uses(held)
            if all(isinstance(use.ctx, ast.Load) for use in uses):
                steps = next(turns)
                text = f"\n{source.indent(held.statement)}".join(steps.statements).replace("@", HERE)
                text = text.replace("{}", source.of(held.value)).replace("NAME", held.name)
                yield source.edited(
                    (held.statement, text), *((use, steps.use.replace("NAME", held.name)) for use in uses)
                )

    register(name, code, plant)


in_steps(
    "into_a_copy",
    "KS105",
    Steps(("kept = self._kept = []", "@kept.append({})"), "self._kept[0]"),
    Steps(("kept = []", "self._kept = kept", "@kept.extend([{}])"), "self._kept[0]"),
    Steps(("kept = []", "self._kept = kept", "@kept += [{}]"), "self._kept[0]"),
    Steps(("kept = dict()", "self._kept = kept", "@kept['a'] = {}"), "self._kept['a']"),
    Steps(("kept = dict()", "self._kept = kept", "@kept.update(a={})"), "self._kept['a']"),
    Steps(("kept = set()", "self._kept = kept", "@kept.add({})"), "next(iter(self._kept))"),
)
in_steps(
    "past_the_tracker",
    "KS106",
    Steps(("self._kept = [None] * 3", "@self._kept[1] = {}"), "self._kept[1]"),
    Steps(("self._kept = []", "@self._kept[:] = [{}]"), "self._kept[0]"),
    Steps(("self._kept = dict()", "@self._kept.setdefault('a', {})"), "self._kept['a']"),
    Steps(("self._kept = []", "kept = self._kept", "@kept += [{}]"), "self._kept[0]"),
    Steps(("self._kept = dict()", "kept = self._kept", "@kept |= dict(a={})"), "self._kept['a']"),
)
in_steps(
    "in_another_inner_container",
    "KS107",
    Steps(("self._kept = []", "row = []", "self._kept.append(row)", "@row.append({})"), "self._kept[0][0]"),
    Steps(
        ("self._kept = dict()", "self._kept['a'] = []", "@self._kept['a'].append({})"), "self._kept['a'][0]"
    ),
    Steps(
        ("self._kept = dict()", "self._kept['a'] = dict()", "@self._kept['a']['b'] = {}"),
        "self._kept['a']['b']",
    ),
    Steps(
        (
            "self._kept = []",
            "row = []",
            "self._kept.append(row)",
            "for _ in range(2):",
            "    @row.append({})",
        ),
        "self._kept[0][0]",
    ),
)
in_steps(
    "past_setattr",
    "KS110",
    Steps(("@vars(self)['NAME'] = {}",), "self.NAME"),
    Steps(("@self.__dict__.update(NAME={})",), "self.NAME"),
    Steps(("@object.__setattr__(self, 'NAME', {})",), "self.NAME"),
    Steps(("attributes = self.__dict__", "@attributes['NAME'] = {}"), "self.NAME"),
)
in_steps("on_the_class", "KS108", Steps(("@type(self).NAME = {}",), "self.NAME"))


@kind("KS108")
def in_another_global_variable(source: Source) -> Iterator[Text]:
    for held, (before, use) in zip(source.held, cycle(_GLOBALS), strict=False):
        names = {node.id for node in ast.walk(held.value) if isinstance(node, ast.Name)}
        if not names - {"keras", "layers"} and len(calls_of(held)) == 1:
            yield source.edited(
                (source.end_of_imports(), before.replace("{}", source.of(held.value)) + "\n\n\n"),
                (held.statement, "pass"),
                (source.start(calls_of(held)[0]), HERE),
                *((each, use) for each in source.uses(held)),
            )


_GLOBALS = (
    ("_SHARED = [{}]", "_SHARED[0]"),
    ("_SHARED = {'a': {}}", "_SHARED['a']"),
    ("_shared = {}\n\n\ndef _get():\n    return _shared", "_get()"),
)


@kind("KS112")
def another_private_list(source: Source) -> Iterator[Text]:
    turns = cycle(
        (
            "self._trainable_weights += self.NAME.trainable_weights",
            "self._trainable_weights = self._trainable_weights + self.NAME.trainable_weights",
            "self._non_trainable_weights.extend(self.NAME.non_trainable_weights)",
            "for weight in self.NAME.weights: self._trainable_weights.append(weight)",
        )
    )
    for held in source.held:
        for statement in builds(held)[:1]:
            text = next(turns).replace("NAME", held.name)
            yield source.edited((source.end(statement), f"\n{source.indent(statement)}{HERE}{text}"))


@kind("KS113")
def in_another_lambda_layer(source: Source) -> Iterator[Text]:
    turns = cycle(
        (
            "keras.layers.Lambda(inner.__call__)",
            "keras.layers.Lambda(lambda t, layer=inner: layer(t))",
            "keras.layers.Lambda(function=lambda t: inner(t), name='inner')",
        )
    )
    for held in source.held:
        calls = calls_of(held)
        if len(calls) == 1 and len(calls[0].args) == 1 and not calls[0].keywords:
            inner = f"inner = {source.of(held.value)}\n{source.indent(held.statement)}{HERE}"
            yield source.edited(
                (source.end_of_imports(), "import keras\n\n\n"),
                (source.start(held.statement), inner),
                (held.value, next(turns)),
            )


@kind("KS201")
def a_forgotten_sublayer(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        init, build, call = method(cls, "__init__"), method(cls, "build"), method(cls, "call")
        if init is None or build is None or call is None:
            continue
        returned = [node.value for node in ast.walk(call) if isinstance(node, ast.Return) and node.value]
        if len(returned) == 1 and not isinstance(returned[0], ast.Tuple):
            last = init.body[-1]
            yield source.edited(
                (source.end_of_imports(), "import keras\n\n\n"),
                (source.end(last), f"\n{source.indent(last)}self.projection_out = keras.layers.Dense(8)"),
                (source.start(build), HERE),
                (returned[0], f"self.projection_out({source.of(returned[0])})"),
            )


@kind("KS202")
def weights_asked_early(source: Source) -> Iterator[Text]:
    turns = cycle(
        (
            "print(layer.count_params())",
            "count = sum(w.numpy().size for w in layer.trainable_weights)",
            "optimizer.build(layer.trainable_variables)",
            "names = [weight.path for weight in layer.weights]",
            "first = layer.get_weights()",
        )
    )
    late = {held.cls.name for held in source.held if held.method.name == "__init__"}
    late -= {held.cls.name for held in source.held if calls_of(held, "__init__")}
    for name in sorted(late):
        yield (
            f"{source.text}\n\ndef ask(config, inputs, optimizer):\n    layer = {name}(**config)\n"
            f"    {HERE}{next(turns)}\n    return layer(inputs)\n"
        )


@kind("KS205")
def in_another_graph(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        call, build = method(cls, "call"), method(cls, "build")
        late = [held for held in source.held if held.cls is cls and held.method.name == "__init__"]
        if late and build is None and call is not None and not call.decorator_list:
            indent = source.indent(call)
            top = (source.end_of_imports(), "import tensorflow as tf\n\n\n")
            yield source.edited(top, (source.end(call), f"\n\n{indent}{HERE}call = tf.function(call)"))
            yield source.edited(top, (source.start(call), f"{HERE}@tf.function(jit_compile=True)\n{indent}"))


@kind("KS209")
def call_by_another_name(source: Source) -> Iterator[Text]:
    names = cycle(("forward", "Call", "_call", "cal", "calls", "forward_pass"))
    for cls in source.classes:
        call = method(cls, "call")
        if call is not None and any(held.cls is cls for held in source.held):
            place = source.start(call)
            text = source.edited((place, f"{HERE}\1"))
            yield text.replace("\1def call", f"def {next(names)}")


@kind("KS209")
def build_by_another_name(source: Source) -> Iterator[Text]:
    names = cycle(("buid", "build_", "Build", "built", "build_weights", "build_layer"))
    for cls in source.classes:
        build = method(cls, "build")
        if build is not None and any(own is cls for own, *_ in source.weights()):
            text = source.edited((source.start(build), f"{HERE}\1"))
            yield text.replace("\1def build", f"def {next(names)}")


def own_statement(inside: ast.AST, node: ast.AST) -> ast.stmt | None:
    """The simple statement around a node."""
    simple = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return)
    around = [each for each in ast.walk(inside) if isinstance(each, simple)]
    return next((each for each in around if any(inner is node for inner in ast.walk(each))), None)


def made_where_used(source: Source) -> Iterator[tuple[Held, ast.Call, ast.stmt, str]]:
    """Layers that could be made just before their only call in `call`."""
    for held in source.held:
        calls = [call for call in calls_of(held) if not under_a_condition(held, call)]
        names = {node.id for node in ast.walk(held.value) if isinstance(node, ast.Name)}
        made_of = {attribute(node) for node in ast.walk(held.value)}
        if names - {"keras", "layers", "self"} or made_of & {each.name for each in source.held}:
            continue
        if len(calls) == 1 and len(source.uses(held)) == 1 + len(builds(held)):
            inside = method(held.cls, "call")
            statement = own_statement(inside, calls[0]) if inside is not None else None
            if statement is not None:
                yield held, calls[0], statement, " ".join(source.of(held.value).split())


@kind("KS301")
def made_in_call_otherwise(source: Source) -> Iterator[Text]:
    turns = cycle(
        (
            ("@made = {}\n", "made"),
            ("@self.NAME = {}\n", "self.NAME"),
            ("@setattr(self, 'NAME', {})\n", "self.NAME"),
            ("@made = [{} for _ in range(1)]\n", "made[0]"),
        )
    )
    for held, call, statement, layer in made_where_used(source):
        before, use = (part.replace("NAME", held.name) for part in next(turns))
        yield source.edited(
            (held.statement, "pass"),
            *((each, "pass") for each in builds(held)),
            (
                source.start(statement),
                before.replace("{}", layer).replace("@", HERE) + source.indent(statement),
            ),
            (call.func, use),
        )


@kind("KS303")
def made_late_otherwise(source: Source) -> Iterator[Text]:
    turns = cycle(
        (
            ("self.NAME = None", "if not self.NAME:", "@self.NAME = {}", "self.NAME"),
            ("pass", "if not hasattr(self, 'NAME'):", "@self.NAME = {}", "self.NAME"),
            ("pass", "if getattr(self, 'NAME', None) is None:", "@self.NAME = {}", "self.NAME"),
            ("pass", "if 'NAME' not in self.__dict__:", "@self.NAME = {}", "self.NAME"),
            ("self._made = []", "if not self._made:", "@self._made.append({})", "self._made[0]"),
            ("self._made = dict()", "if 'a' not in self._made:", "@self._made['a'] = {}", "self._made['a']"),
        )
    )
    for held, call, statement, layer in made_where_used(source):
        if held.method.name == "__init__" and method(held.cls, "build") is not None:
            first, test, made, use = (part.replace("NAME", held.name) for part in next(turns))
            indent = source.indent(statement)
            text = f"{test}\n{indent}    {made}\n{indent}".replace("{}", layer).replace("@", HERE)
            yield source.edited(
                (held.statement, first),
                *((each, "pass") for each in builds(held)),
                (source.start(statement), text),
                (call.func, use),
            )


@kind("KS302")
def a_weight_in_call(source: Source) -> Iterator[Text]:
    for cls, statement, call, name in source.weights():
        shape = next((keyword.value for keyword in call.keywords if keyword.arg == "shape"), None)
        inside = method(cls, "call")
        if (
            shape is None
            or inside is None
            or {n.id for n in ast.walk(shape) if isinstance(n, ast.Name)} - {"self"}
        ):
            continue
        first = inside.body[1] if len(inside.body) > 1 and is_docstring(inside.body[0]) else inside.body[0]
        if not is_docstring(first):
            made = f"{HERE}self.{name} = self.add_weight(shape={source.of(shape)}, name='{name}')"
            yield source.edited((statement, "pass"), (source.start(first), f"{made}\n{source.indent(first)}"))


@kind("KS305")
def added_to_a_built_layer_otherwise(source: Source) -> Iterator[Text]:
    turns = cycle(
        (
            "layer.heads = [keras.layers.Dense(1)]",
            "layer.heads = {'a': keras.layers.Dense(1)}",
            "setattr(layer, 'head', keras.layers.Dense(1))",
            "layer.scale = layer.add_weight(shape=(1,), name='scale')",
        )
    )
    for name in sorted({held.cls.name for held in source.held}):
        late = (
            f"\n\ndef extend(config, inputs):\n    layer = {name}(**config)\n    layer(inputs)\n"
            f"    {HERE}{next(turns)}\n    return layer\n"
        )
        yield source.edited((source.end_of_imports(), "import keras\n\n\n")) + late


@kind("KS306")
def another_init(source: Source) -> Iterator[Text]:
    turns = cycle(("super().__init__", "object.__init__(self)", "super(keras.layers.Layer, self).__init__()"))
    for held in source.held:
        for statement in held.method.body if held.method.name == "__init__" else ():
            if ast.unparse(statement).startswith("super().__init__("):
                yield source.edited(
                    (source.end_of_imports(), "import keras\n\n\n"),
                    (source.start(statement), HERE),
                    (statement, next(turns)),
                )
                break


def weight_in(name: str, code: str, *values: str) -> None:
    """`self.name = value` for a weight: `{}` is the call that makes it, `SHAPE` its shape."""
    turns = cycle(values)

    def plant(source: Source) -> Iterator[Text]:
        for _, statement, call, _ in source.weights():
            shape = next((keyword.value for keyword in call.keywords if keyword.arg == "shape"), None)
            if shape is not None and all(keyword.arg != "trainable" for keyword in call.keywords):
                value = next(turns).replace("{}", source.of(call)).replace("SHAPE", source.of(shape))
                yield source.edited(
                    (
                        source.end_of_imports(),
                        "import keras\nimport numpy as np\nimport tensorflow as tf\n\n\n",
                    ),
                    (source.start(statement), HERE),
                    (call, value),
                )

    register(name, code, plant)


weight_in(
    "another_tf_variable",
    "KS102",
    "tf.Variable(tf.random.normal(SHAPE), name='w')",
    "tf.Variable(initial_value=tf.zeros(SHAPE), trainable=True)",
    "tf.Variable(keras.initializers.GlorotUniform()(SHAPE))",
    "tf.Variable(lambda: tf.zeros(SHAPE))",
    "tf.Variable(np.zeros(SHAPE, 'float32'))",
)
weight_in(
    "another_product",
    "KS401",
    "keras.ops.softmax({})",
    "keras.ops.cast({}, 'float16')",
    "tf.transpose({})",
    "1.0 + {}",
    "-{}",
    "abs({})",
    "keras.constraints.NonNeg()({})",
    "tf.identity({})",
    "keras.ops.expand_dims({}, 0)",
    "keras.ops.stack([{}, {}])",
    "{}.numpy()",
)
weight_in(
    "other_numbers",
    "KS402",
    "keras.initializers.GlorotUniform()(SHAPE)",
    "keras.initializers.get('glorot_uniform')(shape=SHAPE)",
    "tf.random.truncated_normal(SHAPE, stddev=0.02)",
    "keras.random.normal(SHAPE) * 0.02",
    "np.random.default_rng(0).normal(size=SHAPE)",
    "tf.constant(np.random.normal(size=SHAPE))",
    "tf.random_normal_initializer()(SHAPE)",
)
weight_in(
    "another_name_first",
    "KS405",
    "self.add_weight('w', SHAPE)",
    "self.add_weight(f'w_{self.name}', shape=SHAPE)",
    "self.add_weight(self.name + '_w', shape=SHAPE)",
    "self.add_weight('w_%s' % self.name, shape=SHAPE)",
)


@kind("KS403")
def frozen_by_argument(source: Source) -> Iterator[Text]:
    for cls in source.classes:
        init = method(cls, "__init__")
        if init is not None and any(held.cls is cls and held.method is init for held in source.held):
            for statement in init.body:
                if ast.unparse(statement) == "super().__init__(**kwargs)":
                    call = "super().__init__(trainable=False, **kwargs)"
                    yield source.edited((source.start(statement), HERE), (statement, call))
