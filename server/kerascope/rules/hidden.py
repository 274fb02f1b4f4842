"""State that Keras doesn't see: what several rules of KS1xx ask of a run, and how they name it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from kerascope.project.meaning import ClassDefinition, Library
from kerascope.rules.places import weight_places
from kerascope.rules.rule import Related
from kerascope.source.document import Site
from kerascope.tracking.events import (
    AttributeRead,
    AttributeWrite,
    ContainerWrite,
    Context,
    Created,
    PrivateListWrite,
    Used,
)
from kerascope.tracking.run import LayerRun, Reach, ScriptRun
from kerascope.tracking.values import (
    Choice,
    Constant,
    Container,
    Function,
    Layer,
    State,
    Tensor,
    Value,
    Weight,
    options,
)

WEIGHT_LISTS = frozenset({"weights", "trainable_weights", "variables", "trainable_variables"})
"""The lists by which a layer tells its weights."""

_NAMES_SHOWN = 3


def states(value: Value) -> list[State]:
    """The layers and weights that a value is, or holds in containers."""
    found: list[State] = []
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        part = waiting.pop(0)
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, Layer | Weight):
            found.append(part)
        elif isinstance(part, Choice):
            waiting.extend(part.options)
        elif isinstance(part, Container):
            waiting.extend(item.value for item in part.items)
    return found


def trains(run: LayerRun | ScriptRun, state: State) -> bool:
    """Whether there are weights in it that somebody expects to be trained."""
    if isinstance(state, Weight):
        return state.trainable is True
    if isinstance(state.cls, Library) and state.cls.origin == "tf_keras" and run.generation == 3:
        return False  # mixed generations: another matter
    if state.keywords.get("trainable") == Constant(False) or any(
        isinstance(event, AttributeWrite)
        and event.owner is state
        and event.name == "trainable"
        and event.value == Constant(False)
        for event in run.all_events
    ):
        return False
    return run.weights_of(state).has == "yes"


def looked_after(run: LayerRun, state: State) -> bool:
    """Whether the class sees to the weights itself: it reads them, or says itself what its weights are."""
    if any(run.method(name) is not None for name in WEIGHT_LISTS):
        return True
    for event in run.all_events:
        if isinstance(event, AttributeRead) and event.owner is state and event.name in WEIGHT_LISTS:
            return True
        if isinstance(event, PrivateListWrite) and any(value is state for value in event.values):
            return True
    return False


def lost(run: LayerRun, values: Iterable[Value]) -> list[State]:
    """What of these values has weights that Keras will certainly not find."""
    found = {id(state): state for value in values for state in states(value)}
    return [
        state
        for state in found.values()
        if run.tracked(state) == "no"
        and trains(run, state)
        and not looked_after(run, state)
        and not (isinstance(state, Layer) and run.found_otherwise(state))
    ]


def lost_and_used(run: LayerRun, values: Iterable[Value]) -> list[State]:
    """What of these values `call` uses, although Keras will certainly not find its weights."""
    return [state for state in lost(run, values) if run.used(state) == "yes"]


def made_outside(run: LayerRun, state: State) -> bool:
    """Whether a class body, a module or an enclosing function makes the object, before any instance."""
    if state.phase == "class body":
        return True
    if state.phase != "module" or not isinstance(state.site.node, ast.Call):
        return False
    made = created_at(run, state)
    if made is not None and made.method in ("__init__", "__post_init__") and made.subject is None:
        return False  # by the constructor of a plain object that the layer is given
    statement = state.site.statement
    return statement.kind in ("other", "function") and not any(
        statement is method
        for cls in run.mro()
        if isinstance(cls, ClassDefinition)
        for method in cls.statement.body
    )


def entrance(run: LayerRun, steps: tuple[Value, ...], index: int) -> AttributeWrite | ContainerWrite | None:
    """The write by which `steps[index]` came under an attribute of the layer: the one into the container that
    holds it, else the one of that container."""
    while index >= 0:
        step = steps[index]
        found: AttributeWrite | ContainerWrite | None = None
        for event in run.all_events:
            if index == 0 and isinstance(event, AttributeWrite):
                held = (*options(event.stored), *options(event.value))
                if event.owner is run.layer and any(option is step for option in held):
                    found = event
            elif index and isinstance(event, ContainerWrite):
                put = (option for value in event.values for option in options(value))
                if event.container is steps[index - 1] and any(option is step for option in put):
                    found = event
        if found is not None:
            return found
        index -= 1
    return None


def created_at(run: LayerRun | ScriptRun, state: Value) -> Context | None:
    """Where in the run an object was made."""
    return next((e.at for e in run.all_events if isinstance(e, Created) and e.value is state), None)


def used_weights(event: Used) -> Iterable[Weight]:
    """The weights and variables whose value took part."""
    if isinstance(event.value, Tensor):
        return event.value.weights
    return [event.value] if isinstance(event.value, Weight) else []


def statement_of(at: Context) -> Site | None:
    """The whole statement in which something happens."""
    return Site(at.site.path, at.site.statement, at.statement) if at.statement is not None else None


def hands_out(value: Value) -> bool:
    """Whether it is a function that takes nothing and returns an object: a way to hide a model on purpose."""
    if not isinstance(value, Function):
        return False
    arguments = value.node.args
    if any((arguments.args, arguments.posonlyargs, arguments.kwonlyargs, arguments.vararg, arguments.kwarg)):
        return False
    body = value.node.body
    if isinstance(body, list):
        returned = body[-1]
        return len(body) == 1 and isinstance(returned, ast.Return) and isinstance(returned.value, ast.Name)
    return isinstance(body, ast.Name)


# What reports say


def class_of(state: State) -> str:
    """What to call it: "Dense", "tf.Variable"."""
    if isinstance(state, Layer):
        return state.class_name
    return {"weight": "weight", "keras variable": "keras.Variable", "tf variable": "tf.Variable"}[state.kind]


def weights_text(run: LayerRun | ScriptRun, found: Iterable[State]) -> str:
    """Whose weights are lost: " (Dense.kernel, Dense.bias)"; empty for variables, which are named already."""
    names: list[str] = []
    for state in found:
        if isinstance(state, Layer):
            for weight in run.weights_of(state).weights:
                text = f"{weight.owner}.{weight.name}" if weight.name else weight.owner
                if text not in names:
                    names.append(text)
    if not names:
        return ""
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f" ({', '.join(names[:_NAMES_SHOWN])}{more})"


def several(found: list[State]) -> str:
    """ " and 2 more" for the objects after the first."""
    return f" and {len(found) - 1} more" if len(found) > 1 else ""


def attribute_of(reach: Reach) -> str:
    """The attribute of the layer with which the way to an object begins: "self.head"."""
    match = re.match(r"self\.\w+", reach.text)
    return match[0] if match else "self"


def makers(run: LayerRun | ScriptRun, found: Iterable[State]) -> tuple[Related, ...]:
    """The lines that make these objects, and those that make their weights."""
    places: list[Related] = []
    for state in found:
        places.append(Related(state.site, f"the {class_of(state)} is made here"))
        if isinstance(state, Layer):
            places.extend(weight_places(run.weights_of(state).weights))
    unique = {(id(place.site.statement), id(place.site.node)): place for place in places}
    return tuple(unique.values())[:6]
