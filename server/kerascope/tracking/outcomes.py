"""What functions of a module do with mere numbers: run once, for all classes and scripts that call them.

A function that is given no layer, weight or object of any kind, and that neither makes one nor writes to
anything that outlives it, gives each of its callers the same; helpers of that sort are called everywhere.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kerascope.project.catalogue import Generation
from kerascope.project.meaning import FunctionDefinition
from kerascope.project.project import Project, Reads
from kerascope.tracking.events import ContainerWrite, Created, Escaped
from kerascope.tracking.machine import Frame, Machine, OutOfSteps
from kerascope.tracking.values import (
    Choice,
    ClassValue,
    Constant,
    Container,
    Function,
    Item,
    LibraryValue,
    ModuleValue,
    Tensor,
    Unknown,
    Value,
    options,
)

if TYPE_CHECKING:
    from kerascope.tracking.interpreter import Interpreter

MAX_KEPT = 2_000
"""Outcomes, and functions without one: an edit makes a new function."""

MAX_ITEMS = 40
"""Of a container that is compared element by element."""

_Key: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call gives, and what it takes."""

    function: FunctionDefinition
    result: Value
    escaped: tuple[Value, ...]
    steps: int
    reads: Reads
    ran: frozenset[ast.AST]
    """The code that it runs."""
    depth: int
    """How deep in calls it was run: any less deep, it is the same."""


class Outcomes:
    """The outcomes of one project's functions under one generation."""

    def __init__(self, project: Project, generation: Generation, new: Callable[[], Interpreter]) -> None:
        self._project = project
        self._generation = generation
        self._new = new
        self._kept: dict[_Key, Outcome] = {}
        self._epochs: dict[_Key, int] = {}
        """When an outcome was last known to hold."""
        self._others: dict[int, FunctionDefinition] = {}
        """The functions that do more, by the `id` of their node."""
        self._under_way: set[ast.AST] = set()

    def of(
        self,
        run: Machine,
        frame: Frame,
        function: Function,
        arguments: Sequence[Value],
        keywords: dict[str, Value],
        spread: bool,
    ) -> Outcome | None:
        """The outcome of a call; None where it has to be run for this caller."""
        definition = function.definition
        if definition is None or id(definition.node) in self._others:
            return None
        if definition.node in run.running or definition.node in self._under_way:
            return None
        values = [_key_of(value) for value in (*arguments, *keywords.values())]
        if any(value is None for value in values):
            return None
        state = (frame.phase, frame.subject is None, frame.conditional, frame.in_loop, spread)
        key = (id(definition.node), len(arguments), tuple(keywords), state, *values)
        kept = self._kept.get(key)
        if kept is None or kept.depth < run.depth or not self._holds(key, kept):
            with self._project.recording() as reads:
                kept = self._run(run, frame, definition, arguments, keywords, spread, reads)
            if kept is None:
                if len(self._others) >= MAX_KEPT:
                    self._others.clear()
                self._others[id(definition.node)] = definition
                return None
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
                self._epochs.clear()
            self._kept[key] = kept
            self._epochs[key] = self._project.epoch
        if not kept.ran.isdisjoint(run.running):
            return None
        if id(kept) not in run.noted:
            run.noted[id(kept)] = kept
            self._project.note(kept.reads)
        return kept

    def _holds(self, key: _Key, kept: Outcome) -> bool:
        epoch = self._project.epoch
        asked = any(read[0] == "inferred" for read in kept.reads.tokens)
        if self._epochs[key] == epoch and not asked:
            return True
        if not self._project.unchanged(kept.reads):
            return False
        self._epochs[key] = epoch
        return True

    def _run(
        self,
        run: Machine,
        frame: Frame,
        definition: FunctionDefinition,
        arguments: Sequence[Value],
        keywords: dict[str, Value],
        spread: bool,
        reads: Reads,
    ) -> Outcome | None:
        """Run a function apart from its caller, so that everything that it reads is recorded."""
        fresh = self._new()
        fresh.running, fresh.depth = run.running, run.depth
        function = fresh.meant([definition])
        assert isinstance(function, Function)
        given = [copied(value) for value in arguments]
        named = {name: copied(value) for name, value in keywords.items()}
        outside = {id(part) for value in (*given, *named.values()) for part in containers_in(value)}
        self._under_way.add(definition.node)
        try:
            result = fresh.call_function(frame, definition.node, function, given, named, spread)
        except OutOfSteps:
            return None
        finally:
            self._under_way.discard(definition.node)
        if fresh.local_classes or fresh.wrote_outside or fresh.cut_short:
            return None
        if not fresh.recursed.isdisjoint(run.running):
            return None  # for another caller it would go deeper
        made = {
            id(event.value)
            for event in fresh.events
            if isinstance(event, Created) and event.at.method is not None
        } - outside
        made |= {id(container) for container in fresh.taken_over}
        escaped: list[Value] = []
        for event in fresh.events:
            if isinstance(event, Created) and isinstance(event.value, Container):
                continue
            if isinstance(event, ContainerWrite) and id(event.container) in made:
                continue
            if isinstance(event, Escaped) and _key_of(event.value) is not None:
                escaped.append(event.value)
                continue
            return None
        if _key_of(result) is None or any(id(part) not in made for part in containers_in(result)):
            return None
        return Outcome(
            definition, result, tuple(escaped), fresh.steps, reads, frozenset(fresh.ran), run.depth
        )


def _key_of(value: Value, depth: int = 5) -> object:
    """What tells values apart that have no identity (containers of such too); None for all others."""
    if isinstance(value, Unknown):
        return "unknown"
    if isinstance(value, Constant):
        return type(value.value), value.value
    if isinstance(value, (ClassValue, LibraryValue, ModuleValue)):
        return value
    if isinstance(value, Tensor):
        return value if not value.weights and not value.layers else None
    if isinstance(value, Container) and value.cls is not None:
        return None
    if isinstance(value, Container) and depth and len(value.items) <= MAX_ITEMS and value.tracker is None:
        parts = [_key_of(part, depth - 1) for item in value.items for part in (item.key, item.value)]
        if None in parts or value.copy_of is not None:
            return None
        return (value.kind, value.open, value.repeated, *parts)
    several = options(value)
    if len(several) > 1:
        found = tuple(_key_of(option, depth - 1) for option in several) if depth else (None,)
        return None if None in found else found
    return None


def containers_in(value: Value) -> Iterable[Container]:
    """The containers in a value, itself among them."""
    for option in options(value):
        if isinstance(option, Container):
            yield option
            for item in option.items:
                yield from containers_in(item.value)
                yield from containers_in(item.key)


def copied(value: Value) -> Value:
    """The same value made of new containers, into which one more caller may write."""
    if isinstance(value, Container):
        return Container(
            value.kind,
            value.site,
            [Item(copied(item.key), copied(item.value), item.site) for item in value.items],
            open=value.open,
            repeated=value.repeated,
        )
    several = options(value)
    return Choice(tuple(copied(option) for option in several)) if len(several) > 1 else value
