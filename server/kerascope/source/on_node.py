"""Results that are kept on a syntax tree's own node, and go when it goes."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

_Node = TypeVar("_Node", bound=ast.AST)
_Result = TypeVar("_Result")

_MISSING: Any = object()


def kept_on_node(compute: Callable[[_Node], _Result]) -> Callable[[_Node], _Result]:
    """`compute`, which asks each node once. A cache beside the trees would keep those of old versions."""
    name = f"kerascope {compute.__name__}"

    @wraps(compute)
    def kept(node: _Node) -> _Result:
        found: _Result = node.__dict__.get(name, _MISSING)
        if found is _MISSING:
            found = node.__dict__[name] = compute(node)
        return found

    return kept
