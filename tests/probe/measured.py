"""Answers of a worker, made by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kerascope.probe.report import Report, from_json

PATH = "/project/example.py"
Part = dict[str, Any]


def frame(line: int, text: str = "", path: str = PATH, function: str = "") -> Part:
    return {"path": path, "line": line, "function": function, "text": text}


def weight(path: str, shape: Sequence[int] = (4, 4), **fields: Any) -> Part:
    """A weight with which all is well."""
    return {
        "path": path,
        "name": path.rpartition(".")[2],
        "owner": "Dense",
        "shape": list(shape),
        "dtype": "float32",
        "parameters": math.prod(shape),
        "trainable": True,
        "tracked": True,
        "trained": True,
        "exists_after": "build",
        "watched": True,
        "gradient": True,
        "effect": True,
        "saved": True,
        **fields,
    }


def lost(path: str, shape: Sequence[int] = (4, 4), **fields: Any) -> Part:
    """A weight that the call uses and Keras doesn't know."""
    return weight(path, shape, **{"tracked": False, "trained": False, "gradient": None, **fields})


def layer(path: str, class_name: str = "Dense", **fields: Any) -> Part:
    """A layer with which all is well."""
    return {"path": path, "class_name": class_name, "built": True, "tracked": True, "called": True, **fields}


def built(weights: Sequence[Part], *children: Part, **fields: Any) -> Part:
    """The answer about a layer with these weights of its own."""
    tree = layer("", "Example", weights=list(weights), children=list(children))
    return {"status": "built", "tree": tree, "versions": {"generation": "3"}, **fields}


def report(tree: Part, **fields: Any) -> Report:
    """The report about a layer with this tree; `line`: of its class."""
    line = fields.pop("line", 1)
    answer = {"status": "built", "tree": tree, "versions": {"generation": "3"}, **fields}
    return from_json(answer, path=PATH, class_name=tree["class_name"], line=line)
