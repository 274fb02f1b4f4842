"""What Keras 3 tracks: `utils/tracking.py` and `Layer.__setattr__` of Keras 3.15.1, on abstract values.

Every attribute write goes through `Layer.__setattr__`, whatever the name. A list, dict or set is *copied*
into a tracked container that belongs to the layer; only some of its methods tell the tracker of new elements.
"""

from __future__ import annotations

from kerascope.tracking.values import Choice, Container, Item, Layer, Value, Weight

COPIED = {
    "list": "list",
    "list subclass": "list",
    "dict": "dict",
    "dict subclass": "dict",
    "defaultdict": "dict",
    "OrderedDict": "OrderedDict",
    "set": "set",
    "set subclass": "set",
}
"""Kinds that become a tracked container, and what is left of their type."""

FOLLOWED = frozenset({*COPIED, "tuple", "namedtuple", "tuple subclass"})
"""Kinds of containers whose elements are found when the container is assigned."""

TRACKING_WRITES = {
    "list": frozenset({"append", "insert", "extend"}),
    "dict": frozenset({"[]=", "update"}),
    "OrderedDict": frozenset({"[]=", "update"}),
    "set": frozenset({"add", "update"}),
}
WRAPPING_WRITES = frozenset({"extend", "update"})
"""The writes that store the tracked copy of a nested container; the others track what is in it at that moment
and store the container itself."""

UNTRACKING = frozenset({"remove", "pop", "clear", "popitem"})


class Keras3:
    """The tracker of Keras 3."""

    def assign(self, layer: Layer, name: str | None, value: Value, shadowed: bool) -> Value:
        """`layer.name = value`: what the attribute holds then. `shadowed`: the class has a default of that
        name."""
        return self._track(layer, value, set())

    def _track(self, layer: Layer, value: Value, seen: set[int]) -> Value:
        if isinstance(value, Layer) or (isinstance(value, Weight) and value.kind != "tf variable"):
            if value is not layer and not any(value is known for known in layer.tracked):
                layer.tracked.append(value)
            return value
        if isinstance(value, Choice):
            return Choice(tuple(self._track(layer, option, seen) for option in value.options))
        if isinstance(value, Container) and value.kind in FOLLOWED and id(value) not in seen:
            seen = seen | {id(value)}
            kind = COPIED.get(value.kind)
            return Container(
                kind or value.kind,
                value.site,
                [Item(item.key, self._track(layer, item.value, seen), item.site) for item in value.items],
                tracker=layer if kind else None,
                copy_of=value,
                open=value.open,
                repeated=value.repeated,
                cls=None if kind else value.cls,
            )
        return value

    def write(self, container: Container, operation: str, values: list[Value]) -> list[Value]:
        """A write into `container`: what is stored. `+=` on an attribute is an assignment, and comes here
        without effect."""
        layer = container.tracker
        if layer is None or operation not in TRACKING_WRITES.get(container.kind, ()):
            return values
        tracked = [self._track(layer, value, set()) for value in values]
        return tracked if operation in WRAPPING_WRITES else values

    def removed(self, container: Container, operation: str, values: list[Value]) -> None:
        """`values` were taken out: Keras 3 forgets them, even if another attribute still holds them."""
        layer = container.tracker
        if layer is not None and operation in UNTRACKING:
            for value in values:
                layer.tracked = [known for known in layer.tracked if known is not value]

    def follows(self, value: Value) -> bool:
        """Whether Keras looks for state inside `value` when it is assigned to an attribute."""
        return isinstance(value, Layer) or (isinstance(value, Container) and value.kind in FOLLOWED)

    def reachable(self, layer: Layer) -> dict[int, Layer | Weight]:
        """Everything in `layer.weights`' walk, by `id`, the layer itself included."""
        found: dict[int, Layer | Weight] = {id(layer): layer}
        waiting: list[Layer] = [layer]
        while waiting:
            for value in waiting.pop().tracked:
                if isinstance(value, (Layer, Weight)) and id(value) not in found:
                    found[id(value)] = value
                    if isinstance(value, Layer):
                        waiting.append(value)
        return found

    def direct(self, layer: Layer) -> list[Layer | Weight]:
        """What the layer's own tracker holds, in order of assignment."""
        return [value for value in layer.tracked if isinstance(value, (Layer, Weight))]
