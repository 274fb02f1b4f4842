"""`isinstance`: what it answers, and what a test with it leaves of the values that a variable may have."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from kerascope.project.meaning import Library
from kerascope.tracking.machine import Frame, Machine
from kerascope.tracking.values import (
    ClassValue,
    Constant,
    Container,
    Function,
    Layer,
    LibraryValue,
    Plain,
    Unknown,
    Value,
    join,
    options,
)

_CONTAINERS = {
    "builtins.list": ("list", "list subclass"),
    "builtins.tuple": ("tuple", "namedtuple", "tuple subclass"),
    "builtins.dict": ("dict", "OrderedDict", "defaultdict", "dict subclass"),
    "builtins.set": ("set", "set subclass"),
}
_CONSTANTS = {
    "builtins.str": str,
    "builtins.bytes": bytes,
    "builtins.bool": bool,
    "builtins.int": int,
    "builtins.float": float,
}


def is_instance(run: Machine, value: Value, classes: Value) -> bool | None:
    """What `isinstance` answers, for a class or a tuple of them; None where it isn't certain."""
    wanted: Sequence[Value] = (
        [item.value for item in classes.items] if isinstance(classes, Container) else [classes]
    )
    answers = {_is_any(run, option, wanted) for option in options(value)}
    return answers.pop() if len(answers) == 1 else None


def _is_any(run: Machine, value: Value, classes: Sequence[Value]) -> bool | None:
    answers = {_is_one(run, value, cls) for cls in classes}
    if True in answers:
        return True
    return False if answers == {False} else None


def _is_one(run: Machine, value: Value, cls: Value) -> bool | None:
    if isinstance(value, Unknown):
        return None
    if isinstance(cls, LibraryValue) and cls.name == "builtins.type":
        return isinstance(value, ClassValue)
    if isinstance(cls, LibraryValue) and cls.name in _CONTAINERS:
        if isinstance(value, Container):
            return value.kind in _CONTAINERS[cls.name]
        return False if isinstance(value, (Constant, Layer)) else None
    if isinstance(cls, LibraryValue) and cls.name in _CONSTANTS:
        if isinstance(value, Constant):
            return isinstance(value.value, _CONSTANTS[cls.name])
        return False if isinstance(value, (Container, Layer)) else None
    if not isinstance(cls, ClassValue):
        return None
    if isinstance(value, (Constant, ClassValue, Function, Container)):
        return False
    if not isinstance(value, (Layer, Plain)):
        return None
    if isinstance(value.cls, Library):
        entry = run.catalogue.get(value.cls.name)
        return (
            entry.is_a(cls.meaning.name) if entry is not None and isinstance(cls.meaning, Library) else None
        )
    facts = run.classes.facts(value.cls)
    name = cls.meaning.name
    if any(
        base == cls.meaning or (isinstance(base, Library) and base.name == name) for base in facts.resolution
    ):
        return True
    return False if facts.known else None


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A local variable that was tested: its value `before`, where the test `holds`, and where it `fails`."""

    name: str
    before: Value
    holds: Value
    fails: Value


def narrowed(run: Machine, frame: Frame, test: ast.expr) -> Narrowed | None:
    """What `isinstance(layer, cls)`, or `not` of it, tells of the layers that a local variable may be.

    Of an option for which the answer isn't certain, the test tells nothing.
    """
    call, negated = (test.operand, True) if isinstance(test, ast.UnaryOp) else (test, False)
    if not isinstance(call, ast.Call) or len(call.args) != 2 or not isinstance(call.args[0], ast.Name):
        return None
    before = frame.scope.get(call.args[0].id)
    if not isinstance(call.func, ast.Name) or call.func.id != "isinstance" or before is None:
        return None
    if not any(isinstance(option, Layer) for option in options(before)):
        return None
    cls = run.value(frame, call.args[1])
    answers = [(option, is_instance(run, option, cls)) for option in options(before)]
    holds = join([option for option, answer in answers if answer is not False])
    fails = join([option for option, answer in answers if not answer])
    return Narrowed(call.args[0].id, before, *((fails, holds) if negated else (holds, fails)))
