"""Inputs of a call: from what was asked for, or from what the user's code passed, to tensors and to text."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator

import numpy

# An input is a dictionary, as in the request: {"is": "TensorSpec" | "Value" | "Items" | "Named", …}.
# Only here: a TensorSpec with "value", the tensor that the user's code passed; and {"is": "Object"}, which
# is neither tensor nor plain and is passed on as it is.
Input = Dict[str, Any]
Inputs = Dict[str, Any]

_FIRST, _OTHER = 2, 3
_MANY = 1_000_000


def tensor(shape: Any, dtype: str = "float32") -> Input:
    return {"is": "TensorSpec", "shape": list(shape), "dtype": dtype}


def inputs(*positional: Input, **named: Input) -> Inputs:
    return {"is": "Inputs", "positional": list(positional), "named": named}


def size(spec: Input) -> tuple[int, ...]:
    """The shape that is used: 2 for an open first dimension, 3 for any other."""
    return tuple(
        (_OTHER if index else _FIRST) if dimension is None else int(dimension)
        for index, dimension in enumerate(spec["shape"])
    )


def is_open(given: Inputs) -> bool:
    """Whether a size beyond the batch is left open."""
    return any(spec["is"] == "TensorSpec" and None in spec["shape"][1:] for spec in leaves(given))


def fillings(given: Inputs) -> Iterator[Inputs]:
    """The inputs; then, in case the layer refuses them, with other sizes where they are left open."""
    yield given
    for size in (8, 32) if is_open(given) else ():

        def fill(spec: Input, size: int = size) -> Input:
            if spec["is"] == "Items":
                return {**spec, "items": [fill(item) for item in spec["items"]]}
            if spec["is"] == "Named":
                return {**spec, "items": {name: fill(item) for name, item in spec["items"].items()}}
            if spec["is"] != "TensorSpec":
                return spec
            return {**spec, "shape": [*spec["shape"][:1], *[one or size for one in spec["shape"][1:]]]}

        named = {name: fill(item) for name, item in given["named"].items()}
        yield {**given, "positional": [fill(item) for item in given["positional"]], "named": named}


def each(spec: Input, do: Callable[[Input], Any]) -> Any:
    """The structure with `do` in place of every leaf."""
    if spec["is"] == "Items":
        items = [each(item, do) for item in spec["items"]]
        return tuple(items) if spec["kind"] == "tuple" else items
    if spec["is"] == "Named":
        return {name: each(item, do) for name, item in spec["items"].items()}
    return do(spec)


def apply(given: Inputs, do: Callable[[Input], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and named arguments, with `do` in place of every leaf."""
    positional = tuple(each(item, do) for item in given["positional"])
    return positional, {name: each(item, do) for name, item in given["named"].items()}


def leaves(given: Inputs) -> list[Input]:
    found: list[Input] = []
    apply(given, found.append)
    return found


def arrays(given: Inputs, to_tensor: Callable[[Any, str], Any], *, own: bool = False) -> Any:
    """The arguments of the call: random, but always the same. `own`: the very tensors of the user's code."""
    random = numpy.random.default_rng(7)

    def make(spec: Input) -> Any:
        if spec["is"] in ("Value", "Object"):
            return spec["value"]
        value = spec.get("value")
        if value is not None and (own or not spec["dtype"].startswith(("float", "bfloat"))):
            return value
        return to_tensor(_random(random, size(spec), spec["dtype"]), spec["dtype"])

    return apply(given, make)


def _random(random: Any, shape: tuple[int, ...], dtype: str) -> Any:
    if dtype == "bool":
        array = random.random(shape) < 0.7
        if shape and shape[-1]:
            # A mask with nothing in it says little.
            array[..., 0] = True
        return array
    if dtype == "string":
        return numpy.full(shape, "a", dtype=object)
    if dtype.startswith(("int", "uint")):
        return random.integers(0, 2, size=shape).astype(dtype)
    if dtype.startswith("complex"):
        return (random.normal(size=shape) + 1j * random.normal(size=shape)).astype(dtype)
    return random.normal(size=shape).astype("float32")


def text(given: Inputs) -> str:
    """As the report says it: "float32 (2, 5), mask=bool (2, 3)"."""
    parts = [_text(item) for item in given["positional"]]
    parts += [f"{name}={_text(item)}" for name, item in given["named"].items()]
    return ", ".join(parts)


def _text(spec: Input) -> str:
    if spec["is"] == "Items":
        inner = ", ".join(map(_text, spec["items"]))
        if spec["kind"] == "list":
            return f"[{inner}]"
        return f"({inner},)" if len(spec["items"]) == 1 else f"({inner})"
    if spec["is"] == "Named":
        return "{" + ", ".join(f"{name!r}: {_text(item)}" for name, item in spec["items"].items()) + "}"
    if spec["is"] == "Value":
        return repr(spec["value"])
    if spec["is"] == "Object":
        return f"<{type(spec['value']).__name__}>"
    return f"{spec['dtype']} {size(spec)}"


def captured(value: Any, describe: Callable[[Any], Any]) -> Input:
    """What the user's code passed. `describe` gives (shape, dtype, whether it has values) of a tensor."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"is": "Value", "value": value}
    if type(value) in (list, tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {"is": "Items", "kind": kind, "items": [captured(item, describe) for item in value]}
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return {"is": "Named", "items": {name: captured(item, describe) for name, item in value.items()}}
    described = describe(value)
    if described is None:
        return {"is": "Object", "value": value}
    shape, dtype, has_values = described
    spec = tensor(shape, dtype)
    if has_values:
        spec["value"] = value
    return spec


def smaller(given: Inputs) -> Inputs:
    """The same with a batch of two where a big batch would only cost time."""
    tensors = [spec for spec in leaves(given) if spec["is"] == "TensorSpec" and spec["shape"]]
    firsts = {spec["shape"][0] for spec in tensors}
    many = sum(int(numpy.prod(size(spec))) for spec in tensors) > _MANY
    if not many or len(firsts) != 1 or (first := firsts.pop()) is None or first <= 2:
        return given

    def two(spec: Input) -> Input:
        if spec["is"] == "Items":
            return {**spec, "items": [two(item) for item in spec["items"]]}
        if spec["is"] == "Named":
            return {**spec, "items": {name: two(item) for name, item in spec["items"].items()}}
        if spec["is"] != "TensorSpec" or not spec["shape"]:
            return spec
        less = {**spec, "shape": [2, *spec["shape"][1:]]}
        return {**less, "value": spec["value"][:2]} if "value" in spec else less

    named = {name: two(item) for name, item in given["named"].items()}
    return {**given, "positional": [two(item) for item in given["positional"]], "named": named}
