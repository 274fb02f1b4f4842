"""The text by which a person says on what a layer is called: `(None, 5), mask=bool(None, 5)`.

It reads like the arguments of a call. A tuple of numbers and None is a float32 tensor of that shape; a dtype
in front gives another dtype; lists, tuples and dicts of these nest; any other literal is itself.
"""

from __future__ import annotations

import ast
import warnings
from difflib import get_close_matches
from typing import Final

from kerascope.probe.request import Input, Inputs, Items, Named, TensorSpec, Value

DTYPES: Final = (
    "float32",
    "float16",
    "bfloat16",
    "float64",
    "int32",
    "int64",
    "int16",
    "int8",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "bool",
    "string",
    "complex64",
    "complex128",
)
_ALIASES: Final = {
    "float": "float32",
    "int": "int32",
    "str": "string",
    "half": "float16",
    "double": "float64",
}
_LARGEST: Final = 2**31 - 1


def parse_inputs(text: str) -> Inputs:
    """The inputs that `text` says; a ValueError with a message for the person who wrote it."""
    call = parse_call(text)
    positional = tuple(_input(argument) for argument in call.args)
    named: dict[str, Input] = {}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise ValueError(f"{_shown(keyword.value)} is not known here: write each argument by its name")
        if keyword.arg in named:
            raise ValueError(f"{keyword.arg} is given twice")
        named[keyword.arg] = _input(keyword.value)
    if positional and all(_is_dimension(argument) for argument in positional):
        shown = text.strip().rstrip(",")
        if not (len(positional) == 1 and shown.startswith("(") and shown.endswith(")")):
            raise ValueError(f"{shown} is not a shape: write {_tuple_of(call.args)}")
        raise ValueError(f"{shown} is a number in brackets, not a shape: write {_tuple_of(call.args)}")
    return Inputs(positional, named)


def format_inputs(inputs: Inputs) -> str:
    """The text that `parse_inputs` reads as these inputs."""
    positional = [_format(each) for each in inputs.positional]
    return ", ".join([*positional, *(f"{name}={_format(each)}" for name, each in inputs.named.items())])


def parse_call(text: str) -> ast.Call:
    """`text` as the arguments of a call; a ValueError with a message for the person who wrote it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call = ast.parse(f"f({text}\n)", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if "…" in text or "..." in text:
            raise ValueError("write values in place of the dots") from None
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ValueError(f"{_cut(text)} can't be read as the arguments of a call: {why}") from None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.col_offset:
        raise ValueError(f"{_cut(text)} has a bracket too many")
    return call


def _input(node: ast.expr) -> Input:
    match node:
        case ast.Tuple(elts=items) if all(_is_number_or_none(item) for item in items):
            return TensorSpec(tuple(_dimension(item, node) for item in items))
        case ast.Tuple(elts=items):
            return Items("tuple", tuple(_input(item) for item in items))
        case ast.List(elts=items):
            if items and all(_is_number_or_none(item) for item in items):
                raise ValueError(f"{_shown(node)} is not a shape: write {_tuple_of(items)}")
            return Items("list", tuple(_input(item) for item in items))
        case ast.Dict(keys=keys, values=values):
            found: dict[str, Input] = {}
            for key, value in zip(keys, values, strict=True):
                if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                    raise ValueError(f"in {_shown(node)}, each key must be a text in quotes")
                found[key.value] = _input(value)
            return Named(found)
        case ast.Call():
            return _typed(node)
        case ast.Constant(value=value) if value is None or isinstance(value, bool | int | float | str):
            return Value(value)
        case ast.Constant(value=value) if value is ...:
            raise ValueError("write values in place of the dots")
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=ast.Constant(value=value)) if _is_number(value):
            assert isinstance(value, int | float)
            return Value(-value if isinstance(node.op, ast.USub) else value)
        case ast.Starred():
            raise ValueError(f"{_shown(node)} is not known here: write each argument out")
        case ast.Name(id=name) if (dtype := _dtype(name)) is not None:
            raise ValueError(f"{name} needs a shape: write {dtype}(None, 5)")
        case ast.Name(id=name):
            raise ValueError(f"{name} is a name: write its value, for a tensor its shape, like (None, 5)")
    raise ValueError(f"{_shown(node)} is neither a shape, like (None, 5), nor a plain value")


def _typed(node: ast.Call) -> TensorSpec:
    """`int32(None, 7)`, and `int32((None, 7))` too."""
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    dtype = _dtype(name)
    if dtype is None:
        close = get_close_matches(name, DTYPES, n=1, cutoff=0.6)
        hint = f"did you mean {close[0]}?" if close else "write a shape, like (None, 5) or int32(None, 5)"
        raise ValueError(f"{_shown(node.func)} is not a dtype: {hint}")
    items = node.args
    if len(items) == 1 and isinstance(items[0], ast.Tuple):
        items = items[0].elts
    if node.keywords or not all(_is_number_or_none(item) for item in items):
        raise ValueError(f"{_shown(node)} is not a shape: write numbers and None, like {dtype}(None, 5)")
    return TensorSpec(tuple(_dimension(item, node) for item in items), dtype)


def _dtype(name: str) -> str | None:
    return name if name in DTYPES else _ALIASES.get(name)


def _is_number_or_none(node: ast.expr) -> bool:
    """Whether an item of a tuple makes it a shape: a whole number (also one that can't be a size) or None."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
        return isinstance(node, ast.Constant) and type(node.value) is int
    return isinstance(node, ast.Constant) and (node.value is None or type(node.value) is int)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_dimension(value: Input) -> bool:
    return isinstance(value, Value) and (value.value is None or type(value.value) is int)


def _dimension(node: ast.expr, shape: ast.expr) -> int | None:
    value = node.value if isinstance(node, ast.Constant) else -1
    if value is None:
        return None
    assert isinstance(value, int)
    if value < 0:
        raise ValueError(f"in {_shown(shape)}, a size can't be negative: write None for one that may vary")
    if value > _LARGEST:
        raise ValueError(f"in {_shown(shape)}, a size is too large")
    return value


def _format(value: Input) -> str:
    match value:
        case TensorSpec(shape, "float32"):
            return _brackets(map(str, shape))
        case TensorSpec(shape, dtype):
            return f"{dtype}({', '.join(map(str, shape))})"
        case Value(plain):
            return repr(plain).replace("inf", "1e999") if isinstance(plain, float) else repr(plain)
        case Items("list", items):
            return f"[{', '.join(map(_format, items))}]"
        case Items(_, items):
            return _brackets(map(_format, items))
        case Named(items):
            return "{" + ", ".join(f"{key!r}: {_format(item)}" for key, item in items.items()) + "}"


def _brackets(items: map[str]) -> str:
    listed = list(items)
    return f"({listed[0]},)" if len(listed) == 1 else f"({', '.join(listed)})"


def _tuple_of(nodes: list[ast.expr]) -> str:
    return _brackets(map(_shown, nodes))


def _shown(node: ast.AST) -> str:
    return _cut(ast.unparse(node))


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "…"
