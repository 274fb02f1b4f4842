"""Questions to expressions that make, hold, feed or call layers."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from math import prod

from kerascope.probe.uses import uses_in
from kerascope.tracking.classes import dotted_name

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

_CREATORS = frozenset({
    "empty", "full", "normal", "ones", "rand", "randint", "randn", "random", "random_sample",
    "standard_normal", "truncated_normal", "uniform", "zeros",
})  # fmt: skip
"""Functions that make arrays up."""


def names_in(node: ast.AST) -> frozenset[str]:
    """The names that code uses, without what stands behind their dots."""
    return frozenset(name.partition(".")[0] for name in uses_in([node]).names)


def with_names(node: ast.Import | ast.ImportFrom, names: list[ast.alias]) -> ast.stmt:
    """The import statement with other names."""
    return (
        ast.Import(names) if isinstance(node, ast.Import) else ast.ImportFrom(node.module, names, node.level)
    )


def root_of(node: ast.AST) -> str | None:
    """The name with which a chain of attributes and indices begins."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def size_of(node: ast.expr) -> int:
    """A number that is larger for an expression than for those in it."""
    return (
        (node.end_lineno or 0) * 10_000 + (node.end_col_offset or 0) - node.lineno * 10_000 - node.col_offset
    )


def contains(node: ast.AST, inner: ast.AST) -> bool:
    """Whether `inner` is `node` or stands in it."""
    return any(each is inner for each in ast.walk(node))


def called_name(node: ast.Call) -> str:
    """`Dense` in `keras.layers.Dense(3)`; empty where no name is called."""
    return (dotted_name(node.func) or "").rpartition(".")[2]


def has_input(node: ast.AST) -> bool:
    """Whether a Sequential knows its input from the start."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and called_name(inner) in ("Input", "InputLayer"):
            return True
        if isinstance(inner, ast.keyword) and inner.arg in ("input_shape", "batch_input_shape", "input_dim"):
            return True
    return False


def changed_by(call: ast.Call, argument: ast.AST) -> set[str]:
    """The name of what takes the argument in: `model` in `model.add(<argument>)`."""
    if isinstance(call.func, ast.Attribute) and any(contains(each, argument) for each in call.args):
        root = root_of(call.func)
        return {root} if root is not None else set()
    return set()


def as_call(node: ast.Call) -> ast.expr | None:
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


def is_literal(node: ast.expr) -> bool:
    """Whether an expression is written out, without names."""
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def first_sizes(node: ast.stmt) -> Iterator[tuple[ast.Constant, int]]:
    """The first sizes of made-up arrays, each with the number of their elements."""
    for call in ast.walk(node):
        if not isinstance(call, ast.Call) or called_name(call) not in _CREATORS:
            continue
        shapes: list[Sequence[ast.expr]] = [
            given.elts
            for given in [*call.args, *(k.value for k in call.keywords if k.arg in ("shape", "size"))]
            if isinstance(given, ast.Tuple | ast.List)
        ]
        if called_name(call) in ("rand", "randn"):
            shapes.append(call.args)
        for shape in shapes[:1]:
            first = shape[0] if len(shape) > 1 else None
            if isinstance(first, ast.Constant) and type(first.value) is int and first.value > 8:
                sizes = [item.value for item in shape if isinstance(item, ast.Constant)]
                yield first, prod(size for size in sizes if isinstance(size, int))


def as_keywords(node: ast.Dict) -> list[str]:
    """`**{"units": 3}` as `units=3`."""
    names = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
    if all(isinstance(name, str) and name.isidentifier() for name in names):
        return [f"{name!s}={ast.unparse(value)}" for name, value in zip(names, node.values, strict=True)]
    return [f"**{ast.unparse(node)}"]


def arguments_of(call: ast.Call, names: Sequence[str]) -> dict[str, str] | None:
    """The arguments of a call by parameter, as texts; None if one isn't a literal."""
    given: dict[str, ast.expr] = {}
    for name, value in zip(names, call.args, strict=False):
        given[name] = value
    for keyword in call.keywords:
        if keyword.arg is None:
            return None
        given[keyword.arg] = keyword.value
    if not all(is_literal(value) for value in given.values()):
        return None
    return {name: ast.unparse(value) for name, value in given.items()}


def parametrized(decorator: ast.expr, names: Sequence[str]) -> dict[str, str]:
    """The first case of `pytest.mark.parametrize` or absl's `parameterized`."""
    if not isinstance(decorator, ast.Call) or not decorator.args:
        return {}
    kind = called_name(decorator)
    cases: Sequence[ast.expr] = decorator.args
    if kind == "parametrize":
        if len(cases) < 2 or not isinstance(cases[0], ast.Constant) or not isinstance(cases[0].value, str):
            return {}
        names = [name.strip() for name in cases[0].value.split(",")]
        cases = cases[1].elts if isinstance(cases[1], ast.List | ast.Tuple) else ()
        if len(names) == 1 and cases:
            return {names[0]: ast.unparse(cases[0])} if is_literal(cases[0]) else {}
    elif kind not in ("named_parameters", "parameters"):
        return {}
    elif (
        len(cases) == 1
        and isinstance(cases[0], ast.List | ast.Tuple)
        and isinstance(next(iter(cases[0].elts), None), ast.Dict | ast.Tuple | ast.List)
    ):
        cases = cases[0].elts
    if not cases or not is_literal(cases[0]):
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
