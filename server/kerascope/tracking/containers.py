"""Containers: reading, writing and iterating lists, dicts and their relatives."""

from __future__ import annotations

import ast

from kerascope.project.meaning import (
    ClassDefinition,
)
from kerascope.tracking.events import (
    ContainerWrite,
)
from kerascope.tracking.machine import (
    MAX_TURNS,
    Frame,
    Machine,
)
from kerascope.tracking.values import (
    KEYED,
    UNKNOWN,
    Choice,
    Constant,
    Container,
    Item,
    Layer,
    LibraryValue,
    Partial,
    Plain,
    Tensor,
    Unknown,
    Value,
    join,
    options,
)

_MAY_ITERATE = frozenset((Layer, Plain, Partial, Choice))
"""What may be an object of a user's class, or the attributes of one."""


def pair_as_item(item: Item) -> Item:
    """The item that `(key, value)`, given to `dict` or its `update`, becomes."""
    pair = item.value
    if not isinstance(item.key, Unknown) or not isinstance(pair, Container) or len(pair.items) != 2:
        return item
    if pair.kind not in ("tuple", "list"):
        return item
    key, value = (part.value for part in pair.items)
    return Item(key, value, item.site)


class Containers(Machine):
    """Reads and writes elements."""

    def set_item(self, frame: Frame, target: ast.Subscript, value: Value) -> None:
        """`container[key] = value`."""
        if isinstance(target.value, ast.Attribute) and target.value.attr == "__dict__":
            for owner in options(self.value(frame, target.value.value)):
                self._set_in_dict(frame, target, owner, self.value(frame, target.slice), value)
            return
        container = self.value(frame, target.value)
        sliced = isinstance(target.slice, ast.Slice)
        key = UNKNOWN if sliced else self.value(frame, target.slice)
        for option in options(container):
            if isinstance(option, Container):
                self.write(frame, target, option, "[:]=" if sliced else "[]=", value, target.value, key)
            elif isinstance(option, Partial) and option.method == "__dict__":
                self._set_in_dict(frame, target, option.function, key, value)
            elif isinstance(option, Plain) and isinstance(option.cls, ClassDefinition):
                self.call_member(frame, target, option, "__setitem__", [key, value])
            elif isinstance(option, Unknown):
                self.escape(frame, target, [value], None)

    def _set_in_dict(self, frame: Frame, node: ast.AST, owner: Value, key: Value, value: Value) -> None:
        name = key.value if isinstance(key, Constant) and isinstance(key.value, str) else None
        self.set_attribute(frame, node, owner, name, value, "__dict__")

    def write(
        self,
        frame: Frame,
        node: ast.AST,
        container: Container,
        operation: str,
        value: Value,
        through: ast.expr,
        key: Value = UNKNOWN,
    ) -> None:
        """Put `value` (for "extend", "update", "[:]=": its elements) into `container`."""
        spread = operation in ("extend", "extendleft", "update", "[:]=")
        at = self.site(frame, node)
        items = (
            [Item(item.key, item.value, at) for item in self.elements(value)]
            if spread
            else [Item(key, value, at)]
        )
        if operation == "update" and container.kind in KEYED:
            items = [pair_as_item(item) for item in items]
        values = [item.value for item in items]
        self.events.append(
            ContainerWrite(self.context(frame, node), container, operation, tuple(values), through)
        )
        stored = self.keras.write(container, operation, values)
        if spread and self.is_open(value):
            container.open = True
        for item, kept in zip(items, stored, strict=False):
            if operation == "[]=" and isinstance(item.key, Constant):
                self._replace_item(container, Item(item.key, kept, at), frame.conditional)
            elif operation == "insert" and container.items:
                container.items.insert(0, Item(UNKNOWN, kept, at))
            else:
                container.items.append(Item(item.key, kept, at))

    def _replace_item(self, container: Container, item: Item, conditional: bool) -> None:
        assert isinstance(item.key, Constant)
        if not conditional:
            for index, known in enumerate(container.items):
                if known.key == item.key or (
                    isinstance(known.key, Unknown)
                    and index == item.key.value
                    and isinstance(known.value, Constant)
                ):
                    container.items[index] = item
                    return
        container.items.append(item)

    def iterated(self, frame: Frame, node: ast.AST, value: Value) -> Value:
        """What iterating `value` goes over: for an object of a user's class, what its `__iter__` gives."""
        if type(value) not in _MAY_ITERATE:
            return value
        return join([self._iterated(frame, node, option) for option in options(value)])

    def _iterated(self, frame: Frame, node: ast.AST, value: Value) -> Value:
        if isinstance(value, Partial) and value.method == "__dict__":
            return self.attributes_as_dict(frame, node, value)
        if not isinstance(value, (Layer, Plain)) or not isinstance(value.cls, ClassDefinition):
            return value
        given = self.call_member(frame, node, value, "__iter__", [])
        if not isinstance(given, Unknown):
            return given
        element = self.call_member(frame, node, value, "__getitem__", [UNKNOWN])
        if isinstance(element, Unknown):
            return value
        site = self.site(frame, node)
        return Container("iterator", site, [Item(UNKNOWN, element, site)], open=True)

    def attributes_as_dict(self, frame: Frame, node: ast.AST, names: Partial) -> Container:
        """What `vars(self)` holds, for reading."""
        site = self.site(frame, node)
        owner = names.function
        attributes = owner.attributes if isinstance(owner, (Layer, Plain)) else {}
        items = [
            Item(UNKNOWN if name == "*" else Constant(name), value, site)
            for name, value in attributes.items()
        ]
        return Container("dict", site, items, open=isinstance(owner, Layer) or not attributes)

    def turns(self, frame: Frame, node: ast.expr, iterable: Value) -> list[tuple[Value, bool]]:
        """The values of a loop's variable, one for each turn that is run, and whether that turn stands for
        several."""
        iterable = self.iterated(frame, node, iterable)
        found = options(iterable)
        if len(found) == 1 and isinstance(found[0], Container):
            container = found[0]
            if not container.open and len(container.items) <= MAX_TURNS:
                keys = container.kind in KEYED
                return [(item.key if keys else item.value, False) for item in container.items]
        if len(found) == 1 and isinstance(found[0], Tensor):
            return [(found[0], True)]
        keyed = [o for o in found if isinstance(o, Container) and o.kind in KEYED]
        if keyed:
            return [(join([item.key for o in keyed for item in o.items] or [UNKNOWN]), True)]
        return [(self.element(iterable), True)]

    def item(self, container: Container, key: Value) -> Value:
        """`container[key]`."""
        if isinstance(key, Constant):
            exact = [item.value for item in container.items if item.key == key]
            if exact:
                return join(exact)
            positional = container.kind in (
                "list",
                "tuple",
                "namedtuple",
                "deque",
                "list subclass",
                "UserList",
            )
            if (
                positional
                and isinstance(key.value, int)
                and all(isinstance(i.key, Unknown) for i in container.items)
            ):
                if key.value < 0 and container.items and not (container.open and len(container.items) > 1):
                    if -key.value <= len(container.items):
                        return container.items[key.value].value
                elif not container.open and 0 <= key.value < len(container.items):
                    return container.items[key.value].value
            if container.kind == "defaultdict":
                known = [item.value for item in container.items if isinstance(item.key, Unknown)]
                return join(known) if known else self._default_item(container, key)
        elif container.kind == "defaultdict" and all(i.key == Constant("*factory*") for i in container.items):
            return self._default_item(container, UNKNOWN)
        return self.element(container)

    def _default_item(self, container: Container, key: Value) -> Value:
        """`d[key]` of a `defaultdict` whose factory is `list`, `dict` or `set`: made by reading it."""
        for item in container.items:
            if item.key == Constant("*factory*"):
                kind = item.value
                if isinstance(kind, LibraryValue) and kind.name in (
                    "builtins.list",
                    "builtins.dict",
                    "builtins.set",
                ):
                    made = Container(kind.name.removeprefix("builtins."), container.site, open=container.open)
                    container.items.append(Item(key, made, container.site))
                    self.wrote_outside = True
                    return made
        return self.element(container)
