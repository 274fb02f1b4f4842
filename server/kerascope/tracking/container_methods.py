"""The methods of lists, dicts and their relatives."""

from __future__ import annotations

import ast

from kerascope.tracking.events import (
    ContainerWrite,
)
from kerascope.tracking.machine import Frame, Machine
from kerascope.tracking.values import (
    UNKNOWN,
    Constant,
    Container,
    Item,
    Value,
    join,
    options,
)


def container_method(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    container: Container,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    through = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    if name == "setdefault" and arguments:
        value = arguments[1] if len(arguments) > 1 else Constant(None)
        known = [
            item.value
            for item in container.items
            if item.key == arguments[0] and isinstance(arguments[0], Constant)
        ]
        if known:
            return join([*known, value])
        run.write(frame, node, container, "setdefault", value, through, arguments[0])
        return value
    if (
        name in ("append", "appendleft", "add", "put", "insert", "extend", "extendleft", "update")
        and arguments
    ):
        if name in ("extend", "extendleft", "update"):
            arguments = [run.iterated(frame, node, argument) for argument in arguments]
        run.write(frame, node, container, name, arguments[-1] if name == "insert" else arguments[0], through)
        return Constant(None)
    if name == "update":
        site = run.site(frame, node)
        given = Container("dict", site, [Item(Constant(k), v, site) for k, v in keywords.items()])
        run.write(frame, node, container, name, given, through)
        return Constant(None)
    if name == "__setitem__" and len(arguments) == 2:
        run.write(frame, node, container, "[]=", arguments[1], through, arguments[0])
        return Constant(None)
    if name in ("pop", "popleft", "popitem", "remove", "clear", "discard"):
        return _remove(run, frame, node, container, name, arguments, through)
    if name in ("get", "__getitem__"):
        found = run.item(container, arguments[0] if arguments else UNKNOWN)
        return join([found, *arguments[1:]]) if name == "get" else found
    site = run.site(frame, node)
    if name == "items":
        pairs = [
            Item(
                UNKNOWN,
                Container(
                    "tuple",
                    item.site,
                    [Item(UNKNOWN, item.key, item.site), Item(UNKNOWN, item.value, item.site)],
                ),
                item.site,
            )
            for item in container.items
        ]
        return Container("dict view", site, pairs, open=container.open)
    if name == "values":
        return Container(
            "dict view", site, [Item(UNKNOWN, i.value, i.site) for i in container.items], open=container.open
        )
    if name == "keys":
        return Container(
            "dict view", site, [Item(UNKNOWN, i.key, i.site) for i in container.items], open=container.open
        )
    if name in ("copy", "__iter__", "ravel", "flatten", "tolist", "__reversed__"):
        kind = {"__iter__": "iterator", "tolist": "list", "__reversed__": "iterator"}.get(
            name, container.kind
        )
        return Container(kind, site, list(container.items), open=container.open, repeated=container.repeated)
    if name == "__next__":
        return run.element(container)
    if name == "_replace" and container.kind == "namedtuple":
        return Container("namedtuple", site, list(container.items), open=True)
    return UNKNOWN


def _remove(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    container: Container,
    name: str,
    arguments: list[Value],
    through: ast.expr,
) -> Value:
    taken: list[Value] = []
    if name == "clear":
        taken = [item.value for item in container.items]
        if not frame.conditional:
            container.items.clear()
    elif (
        name == "pop"
        and container.kind in ("list", "list subclass")
        and container.items
        and not container.open
    ):
        index = arguments[0].value if arguments and isinstance(arguments[0], Constant) else -1
        if isinstance(index, int) and -len(container.items) <= index < len(container.items):
            taken = [container.items[index].value]
            if not frame.conditional and not frame.in_loop:
                container.items.pop(index)
    elif name in ("remove", "discard"):
        taken = list(arguments[:1])
        if not frame.conditional:
            container.items[:] = [item for item in container.items if item.value not in taken]
    else:
        taken = [run.item(container, arguments[0])] if arguments else [run.element(container)]
    run.events.append(ContainerWrite(run.context(frame, node), container, name, tuple(taken), through))
    run.keras.removed(
        container,
        name,
        [option for value in taken for option in options(value)] if not frame.conditional else [],
    )
    return join(taken) if taken else UNKNOWN
