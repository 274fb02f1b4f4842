"""What Keras 2 tracks: `engine/base_layer.py` of Keras 2.15 and TensorFlow's `data_structures.py`, on
abstract values.

A list or dict of the exact type is wrapped, and the wrapper shares its storage: what is put in later, by
whatever name, is found when weights are asked for. A class-level default of the same name stops tracking.
So does a write that the wrapper doesn't make itself: a list or dict that it puts in isn't wrapped.
"""

from __future__ import annotations

from collections.abc import Iterator

from kerascope.tracking.values import Choice, Container, Layer, Plain, Value, Weight, options

FOLLOWED = frozenset({"list", "dict", "OrderedDict", "tuple", "namedtuple"})
"""Exact types whose elements Keras 2 follows; subclasses, sets, defaultdict and deque are left alone."""

RAW_WRITES = frozenset({"setdefault", "insert", "|="})
"""What the wrappers leave to the list or dict that they wrap."""


class Keras2:
    """The tracker of Keras 2 and tf_keras."""

    def __init__(self) -> None:
        self._wrapped: dict[int, Container] = {}
        self._raw: dict[int, Container] = {}
        """Lists and dicts inside of wrapped ones that aren't wrapped themselves, by `id`."""

    def assign(self, layer: Layer, name: str | None, value: Value, shadowed: bool) -> Value:
        """`layer.name = value`: what the attribute holds then. `shadowed`: the class has a default of that
        name."""
        if not shadowed:
            for option in value.options if isinstance(value, Choice) else (value,):
                if self._is_trackable(option) and not any(option is known for known in layer.tracked):
                    assert isinstance(option, (Layer, Weight, Container, Plain))
                    layer.tracked.append(option)
            self._wrap(value)
        return value

    def _wrap(self, value: Value) -> None:
        for option in options(value):
            if isinstance(option, Container) and option.kind in FOLLOWED:
                self._raw.pop(id(option), None)
                if id(option) not in self._wrapped:
                    self._wrapped[id(option)] = option
                    for item in option.items:
                        self._wrap(item.value)

    def _is_trackable(self, value: Value) -> bool:
        return (
            isinstance(value, (Layer, Weight))
            or (isinstance(value, Container) and value.kind in FOLLOWED)
            or is_tf_module(value)
        )

    def write(self, container: Container, operation: str, values: list[Value]) -> list[Value]:
        """A write into `container`: what is stored."""
        if id(container) in self._wrapped:
            for value in values:
                if operation not in RAW_WRITES:
                    self._wrap(value)
                elif (
                    isinstance(value, Container)
                    and id(value) not in self._wrapped
                    and not (operation == "setdefault" and self._may_hold_wrapped(container))
                ):
                    self._raw[id(value)] = value
        return values

    def _may_hold_wrapped(self, container: Container) -> bool:
        """Whether `setdefault` may find a list or dict that is wrapped already."""
        return container.open or any(
            id(option) in self._wrapped for item in container.items for option in options(item.value)
        )

    def removed(self, container: Container, operation: str, values: list[Value]) -> None:
        """`values` were taken out."""

    def follows(self, value: Value) -> bool:
        """Whether Keras looks for state inside `value` when it is assigned to an attribute."""
        return self._is_trackable(value) and id(value) not in self._raw

    def reachable(self, layer: Layer) -> dict[int, Layer | Weight]:
        """Everything in `layer.weights`' walk, by `id`, the layer itself included."""
        found: dict[int, Layer | Weight] = {id(layer): layer}
        waiting: list[Layer] = [layer]
        while waiting:
            for value in self.direct(waiting.pop()):
                if id(value) not in found:
                    found[id(value)] = value
                    if isinstance(value, Layer):
                        waiting.append(value)
        return found

    def direct(self, layer: Layer) -> list[Layer | Weight]:
        """What the layer's own attributes lead to, containers and `tf.Module`s opened, in order of
        assignment."""
        seen: set[int] = set()
        return [state for value in layer.tracked for state in self._open(value, seen)]

    def _open(self, value: Value, seen: set[int]) -> Iterator[Layer | Weight]:
        if id(value) in seen:
            return
        if isinstance(value, (Layer, Weight)):
            seen.add(id(value))
            yield value
        elif isinstance(value, Choice):
            for option in value.options:
                yield from self._open(option, seen)
        elif isinstance(value, Container) and value.kind in FOLLOWED and id(value) not in self._raw:
            seen.add(id(value))
            for item in value.items:
                yield from self._open(item.value, seen)
        elif isinstance(value, Plain) and is_tf_module(value):
            seen.add(id(value))
            for attribute in value.attributes.values():
                yield from self._open(attribute, seen)


def is_tf_module(value: Value) -> bool:
    """Whether `value` is an object of a `tf.Module` class that is no layer."""
    return isinstance(value, Plain) and value.library == "tensorflow.Module"
