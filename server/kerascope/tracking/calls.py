"""Calling things: functions, classes, layers, methods; what a library's functions do is in `library`."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import lru_cache

from kerascope.project.catalogue import LibraryClass
from kerascope.project.meaning import ClassDefinition, Library
from kerascope.source.on_node import kept_on_node
from kerascope.tracking.container_methods import container_method
from kerascope.tracking.events import (
    Escaped,
    PrivateListWrite,
)
from kerascope.tracking.layers import call_layer, call_life, class_method, library_method
from kerascope.tracking.library import NAMESPACES, call_given_functions, call_library
from kerascope.tracking.machine import KERAS_LISTS, MAX_DEPTH, Frame, Machine
from kerascope.tracking.objects import annotated_value, fill, infer, instantiate
from kerascope.tracking.outcomes import Outcome, containers_in, copied
from kerascope.tracking.values import (
    UNKNOWN,
    Choice,
    ClassValue,
    Constant,
    Container,
    Function,
    Item,
    Layer,
    LibraryValue,
    Partial,
    Plain,
    Tensor,
    Unknown,
    Value,
    Weight,
    join,
    options,
)

LIFE = {"__init__": "init", "build": "build", "call": "call", "__call__": "call"}
"""The methods that are parts of a layer's life."""

CONTAINER_WRITES = frozenset(
    {
        "append",
        "insert",
        "extend",
        "add",
        "update",
        "setdefault",
        "appendleft",
        "extendleft",
        "__setitem__",
        "put",
    }
)


def call(run: Machine, frame: Frame, node: ast.Call) -> Value:
    """Evaluate a call."""
    function = node.func
    if isinstance(function, ast.Attribute):
        if is_super(run, frame, function.value):
            return _call_super(run, frame, node, function.value, function.attr)
        inner = function.value
        if (
            isinstance(inner, ast.Attribute)
            and inner.attr in KERAS_LISTS
            and function.attr in CONTAINER_WRITES
        ):
            written = _write_private_list(run, frame, node, inner, function.attr)
            if written:
                return UNKNOWN
    callee = run.value(frame, function)
    named = not (isinstance(callee, LibraryValue) and callee.name in NAMESPACES)
    arguments, keywords, spread = _arguments(run, frame, node, named)
    if not isinstance(callee, Choice):
        return dispatch(run, frame, node, callee, arguments, keywords, spread)
    candidates = [one for one in callee.options if not isinstance(one, Constant)]
    found = []
    for one in candidates:
        with run.guarded(frame, function if len(candidates) > 1 else None, len(candidates) == 1):
            found.append(dispatch(run, frame, node, one, list(arguments), dict(keywords), spread))
    return join(found)


def is_super(run: Machine, frame: Frame, node: ast.expr) -> bool:
    """Whether `node` is `super(…)`."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"


def _arguments(
    run: Machine, frame: Frame, node: ast.Call, named: bool = True
) -> tuple[list[Value], dict[str, Value], bool]:
    """Positional and keyword values; whether `*args` or `**kwargs` of unknown content is among them.

    `named`: whether a keyword argument counts only under its name; else what has an unknown one is "*".
    """
    arguments: list[Value] = []
    keywords: dict[str, Value] = {}
    spread = False
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            value = run.iterated(frame, argument, run.value(frame, argument.value))
            if isinstance(value, Container) and not value.open:
                arguments.extend(item.value for item in value.items)
            else:
                spread = True
                arguments.extend(item.value for item in run.elements(value))
        else:
            arguments.append(run.value(frame, argument))
    for keyword in node.keywords:
        value = run.value(frame, keyword.value)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
        elif isinstance(value, Container):
            spread = spread or value.open
            for item in value.items:
                if isinstance(item.key, Constant) and isinstance(item.key.value, str):
                    keywords[item.key.value] = item.value
                elif not named:
                    keywords["*"] = join([keywords["*"], item.value]) if "*" in keywords else item.value
        else:
            spread = True
    return arguments, keywords, spread


def dispatch(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    callee: Value,
    arguments: list[Value],
    keywords: dict[str, Value],
    spread: bool,
) -> Value:
    if isinstance(callee, LibraryValue):
        return call_library(run, frame, node, callee, arguments, keywords)
    if isinstance(callee, ClassValue):
        return instantiate(run, frame, node, callee, arguments, keywords)
    if isinstance(callee, Function):
        if isinstance(callee.bound, Layer) and callee.owner is not None:
            life = call_life(run, frame, node, callee.bound, callee, arguments, keywords)
            if life is not None:
                return life
        return call_function(run, frame, node, callee, arguments, keywords, spread)
    if isinstance(callee, Partial):
        if callee.method is not None:
            return _call_method(run, frame, node, callee, arguments, keywords)
        return dispatch(
            run,
            frame,
            node,
            callee.function,
            [*callee.arguments, *arguments],
            {**callee.keywords, **keywords},
            spread,
        )
    if isinstance(callee, Layer):
        return call_layer(run, frame, node, callee, arguments, keywords)
    if isinstance(callee, (Plain, Container)):
        if isinstance(callee.cls, ClassDefinition):
            found = run.classes.find(callee.cls, "__call__")
            if isinstance(found, tuple) and isinstance(found[2], (ast.FunctionDef, ast.AsyncFunctionDef)):
                method = run.method(found[0], found[1], found[2], callee)
                return call_function(run, frame, node, method, arguments, keywords, spread)
        library = callee.library if isinstance(callee, Plain) else None
        if isinstance(library, LibraryClass) and library.kind in ("initializer", "regularizer", "constraint"):
            assert isinstance(callee, Plain)
            if library.kind == "initializer":  # it is given a shape
                return Tensor(phase=frame.phase, site=run.site(frame, node), made_by=callee.cls.name)
            return run.compute(frame, node, arguments, made_by=callee.cls.name)
    if isinstance(callee, Constant):
        return UNKNOWN
    inferred = infer(run, frame, node)
    if inferred is not None and isinstance(callee, Unknown):
        escape(run, frame, node, [*arguments, *keywords.values()], None)
        return inferred
    escape(run, frame, node, [callee, *arguments, *keywords.values()], None)
    return UNKNOWN


def call_function(
    run: Machine,
    frame: Frame,
    node: ast.AST,
    function: Function,
    arguments: list[Value],
    keywords: dict[str, Value],
    spread: bool = False,
) -> Value:
    """Run a function's body with these arguments."""
    code = function.node
    if run.running.count(code) >= 2:
        run.recursed.add(code)
        return UNKNOWN
    if run.depth >= MAX_DEPTH:
        run.cut_short = True
        return UNKNOWN
    module = (
        frame.module
        if function.module_path == frame.module.path
        else run.project.module(function.module_path)
    )
    if module is None or not run.follows(module):
        escape(run, frame, node, [*arguments, *keywords.values()], getattr(code, "name", None))
        return UNKNOWN
    key: object = None
    if function.cached:
        layers = [o for argument in arguments for o in options(argument) if isinstance(o, Layer)]
        key = (code, *map(id, layers))
        if key in run.results:
            return run.results[key]
    if run.outcomes is not None:
        outcome = run.outcomes.of(run, frame, function, arguments, keywords, spread)
        if outcome is not None:
            return _taken_over(run, frame, node, outcome)
    run.ran.add(code)
    scope = bind(run, frame, function, arguments, keywords, spread)
    inner = Frame(module, function.site.statement, (*function.closure, scope))
    inner.method = "<lambda>" if isinstance(code, ast.Lambda) else code.name
    inner.owner = (
        function.owner if function.owner is not None else (frame.owner if function.closure else None)
    )
    inner.self_value = (
        function.bound if function.owner is not None else (frame.self_value if function.closure else None)
    )
    _place_in_life(run, frame, inner, function)
    inner.once = frame.once or function.cached or _is_cached_property(code)
    inner.current = frame.current if isinstance(code, ast.Lambda) else None
    called = frame.method is not None or isinstance(node, ast.Call)
    inner.calls = (*frame.calls, run.site(frame, node)) if called else ()
    run.depth += 1
    run.running.append(code)
    try:
        if isinstance(code, ast.Lambda):
            result = run.value(inner, code.body)
        else:
            run.block(inner, code.body)
            result = join(inner.returned)
            if inner.is_generator:
                result = Container("iterator", run.site(frame, node), list(inner.yielded))
    finally:
        run.depth -= 1
        run.running.pop()
    if function.cached:
        run.results[key] = result
        run.wrote_outside = True
    return result


def _taken_over(run: Machine, frame: Frame, node: ast.AST, outcome: Outcome) -> Value:
    """The result of a call that was run before, for another caller."""
    run.steps += outcome.steps
    if run.steps > run.max_steps:
        run.out_of_steps()
    run.ran |= outcome.ran
    escape(run, frame, node, outcome.escaped, None)
    result = copied(outcome.result)
    run.taken_over.extend(containers_in(result))
    return result


@kept_on_node
def _is_cached_property(code: ast.AST) -> bool:
    return any("cached_property" in ast.unparse(d) for d in getattr(code, "decorator_list", ()))


def _place_in_life(run: Machine, frame: Frame, inner: Frame, function: Function) -> None:
    """Which layer's life the called function is part of."""
    bound = function.bound
    if isinstance(bound, Layer) and bound is not frame.subject:
        inner.subject = bound
        name = inner.method or ""
        inner.phase = LIFE.get(name, "call" if frame.phase == "call" else "other")  # type: ignore[assignment]
        return
    inner.subject, inner.phase = frame.subject, frame.phase
    if isinstance(bound, Layer) and frame.phase == "other":  # a method that builds its layer itself
        inner.phase = LIFE.get(inner.method or "", "other")  # type: ignore[assignment]
    inner.guards, inner.conditional, inner.in_loop = frame.guards, frame.conditional, frame.in_loop


def bind(
    run: Machine,
    frame: Frame,
    function: Function,
    arguments: list[Value],
    keywords: dict[str, Value],
    spread: bool,
) -> dict[str, Value]:
    """Parameters to values."""
    parameters = function.node.args
    values = list(arguments)
    if function.bound is not None:
        values.insert(0, function.bound)
    scope: dict[str, Value] = {}
    positional = [*parameters.posonlyargs, *parameters.args]
    for parameter, value in zip(positional, values, strict=False):
        scope[parameter.arg] = value
    rest = values[len(positional) :]
    extra = dict(keywords)
    for parameter in [*positional, *parameters.kwonlyargs]:
        if parameter.arg in scope:
            continue
        if parameter.arg in extra:
            scope[parameter.arg] = extra.pop(parameter.arg)
        elif spread:
            default = function.defaults.get(parameter.arg)
            given = _given(run, function, parameter) if default is None else join([default, UNKNOWN])
            scope[parameter.arg] = given
        else:
            scope[parameter.arg] = function.defaults.get(parameter.arg, UNKNOWN)
    site = function.site
    if parameters.vararg is not None:
        scope[parameters.vararg.arg] = Container(
            "tuple", site, [Item(UNKNOWN, v, site) for v in rest], open=spread
        )
    if parameters.kwarg is not None:
        items = [Item(Constant(name), value, site) for name, value in extra.items()]
        scope[parameters.kwarg.arg] = Container("dict", site, items, open=spread)
    return scope


def _given(run: Machine, function: Function, parameter: ast.arg) -> Value:
    """What an argument that the run doesn't see may be, by the parameter's annotation."""
    module = run.project.module(function.module_path)
    if parameter.annotation is None or module is None:
        return UNKNOWN
    if run.depth > 4:
        run.cut_short = True
        return UNKNOWN
    frame = Frame(module, function.site.statement, (*function.closure, {}))
    return annotated_value(run, frame, parameter.annotation)


def _call_super(run: Machine, frame: Frame, node: ast.Call, super_call: ast.expr, name: str) -> Value:
    """`super().name(…)` and `super(Class, self).name(…)`."""
    assert isinstance(super_call, ast.Call)
    arguments, keywords, spread = _arguments(run, frame, node)
    owner: Value | None = frame.self_value
    after: ClassDefinition | Library | None = frame.owner
    if super_call.args:
        cls = run.value(frame, super_call.args[0])
        after = cls.meaning if isinstance(cls, ClassValue) else None
        if len(super_call.args) > 1:
            owner = run.value(frame, super_call.args[1])
    if not isinstance(owner, (Layer, Plain, Container)) or after is None:
        escape(run, frame, node, [*arguments, *keywords.values()], "super")
        return UNKNOWN
    if not isinstance(owner.cls, ClassDefinition):
        escape(run, frame, node, [*arguments, *keywords.values()], "super")
        return UNKNOWN
    found = run.classes.find(owner.cls, name, after)
    if isinstance(found, tuple):
        cls_found, statement, member = found
        if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
            method = run.method(cls_found, statement, member, owner)
            return call_function(run, frame, node, method, arguments, keywords, spread)
        return UNKNOWN
    if isinstance(owner, Container):
        if name == "__init__":
            fill(run, frame, node, owner, arguments, keywords)
            return UNKNOWN
        return container_method(run, frame, node, owner, name, arguments, keywords)
    if isinstance(owner, Plain):
        return UNKNOWN
    facts = run.classes.facts(owner.cls)
    if isinstance(found, Library):
        entry = run.catalogue.get(found.name)
        if entry is None or entry.kind not in ("layer", "model"):
            return UNKNOWN
        if name == "__init__" and entry.kind == "layer" and isinstance(after, Library):
            skipped = run.catalogue.get(after.name)
            if skipped is not None and skipped.kind == "model":
                # Behind Model comes Trainer, whose constructor goes no further (trainers/trainer.py, 3.15.1).
                return UNKNOWN
        return library_method(run, frame, node, owner, entry, name, arguments, keywords)
    if not facts.known:
        escape(run, frame, node, [owner, *arguments, *keywords.values()], "super")
    return UNKNOWN


def _call_method(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    bound: Partial,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """A method of a library's object, or of a container, tensor or weight."""
    owner, name = bound.function, bound.method or ""
    if isinstance(owner, Layer) and owner.library is not None:
        if name in ("__init__",):
            return UNKNOWN
        if name in ("call", "__call__"):
            return call_layer(run, frame, node, owner, arguments, keywords, name)
        return library_method(run, frame, node, owner, owner.library, name, arguments, keywords)
    if isinstance(owner, Container):
        return container_method(run, frame, node, owner, name, arguments, keywords)
    if isinstance(owner, (Weight, Tensor)):
        if name.startswith("assign"):
            return UNKNOWN
        results = call_given_functions(run, frame, node, arguments, keywords)
        return run.compute(frame, node, [owner, *arguments, *results], made_by=name)
    if isinstance(owner, ClassValue):
        return class_method(run, frame, node, owner, name, arguments, keywords)
    if isinstance(owner, Constant):
        if name == "split":
            return _split(run, frame, node, owner.value, arguments, keywords)
        return _of_text(owner.value, name, arguments, keywords)
    if isinstance(owner, Function) and name == "__call__":
        return call_function(run, frame, node, owner, arguments, keywords)
    if (
        isinstance(owner, Partial)
        and owner.method == "__dict__"
        and name in ("update", "setdefault", "__setitem__")
    ):
        _write_dict(run, frame, node, owner.function, name, arguments, keywords)
        return UNKNOWN
    if isinstance(owner, Partial) and owner.method == "__dict__":
        held = run.attributes_as_dict(frame, node, owner)
        return container_method(run, frame, node, held, name, arguments, keywords)
    if isinstance(owner, Plain) and isinstance(owner.library, LibraryClass):
        return run.compute(frame, node, arguments)
    if not isinstance(owner, (Unknown, Partial)):
        escape(run, frame, node, [*arguments, *keywords.values()], name)
    else:
        escape(run, frame, node, [owner, *arguments, *keywords.values()], name)
    return UNKNOWN


_TEXT_METHODS = frozenset(
    ("lower", "upper", "casefold", "strip", "lstrip", "rstrip", "replace", "format", "startswith", "endswith")
)


def _of_text(text: object, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
    """A string's method: what a name is made of, or a setting compared with."""
    given = [argument.value for argument in arguments if isinstance(argument, Constant)]
    named = {key: value.value for key, value in keywords.items() if isinstance(value, Constant)}
    known = len(given) == len(arguments) and len(named) == len(keywords)
    if name not in _TEXT_METHODS or not known or not isinstance(text, str) or len(text) > 1000:
        return UNKNOWN
    if name == "format" and ":" in text:  # as wide as the text says
        return UNKNOWN
    try:
        return Constant(getattr(text, name)(*given, **named))
    except (TypeError, ValueError, LookupError, AttributeError):
        return UNKNOWN


def _split(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    text: object,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> Value:
    """`"3.15.1".split(".")`."""
    given = [argument.value for argument in arguments if isinstance(argument, Constant)]
    if keywords or len(given) != len(arguments) or not isinstance(text, str) or len(text) > 1000:
        return UNKNOWN
    try:
        parts = text.split(*given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return UNKNOWN
    site = run.site(frame, node)
    items = [Item(UNKNOWN, Constant(part), site) for part in parts]
    return run.created(frame, node, Container("list", site, items))


def _write_dict(
    run: Machine,
    frame: Frame,
    node: ast.Call,
    owner: Value,
    name: str,
    arguments: list[Value],
    keywords: dict[str, Value],
) -> None:
    """`self.__dict__.update(…)`."""
    pairs: list[tuple[str | None, Value]] = list(keywords.items())
    if name == "update":
        for argument in arguments:
            for item in run.elements(argument):
                key = item.key.value if isinstance(item.key, Constant) else None
                pairs.append((key if isinstance(key, str) else None, item.value))
    elif len(arguments) > 1:
        key = arguments[0].value if isinstance(arguments[0], Constant) else None
        pairs.append((key if isinstance(key, str) else None, arguments[1]))
    for key, value in pairs:
        run.set_attribute(frame, node, owner, key, value, "__dict__")


def _write_private_list(
    run: Machine, frame: Frame, node: ast.Call, target: ast.Attribute, operation: str
) -> bool:
    """`layer._trainable_weights.append(…)`: whether it is one."""
    written = False
    for owner in options(run.value(frame, target.value)):
        if isinstance(owner, Layer) and target.attr not in owner.attributes:
            if isinstance(owner.cls, ClassDefinition) and isinstance(
                run.classes.find(owner.cls, target.attr), tuple
            ):
                continue
            arguments, _keywords, _ = _arguments(run, frame, node)
            run.events.append(
                PrivateListWrite(
                    run.context(frame, node),
                    owner,
                    target.attr,
                    operation,
                    tuple(arguments),
                    tuple(node.args),
                )
            )
            written = True
    return written


def escape(run: Machine, frame: Frame, node: ast.AST, values: Iterable[Value], to: str | None) -> None:
    """`values` are handed to unknown code."""
    at = None
    for value in values:
        for option in options(value):
            if isinstance(option, (Layer, Weight, Container, Plain, Function, Partial)):
                at = at or run.context(frame, node)
                run.events.append(Escaped(at, option, to))
            if isinstance(option, Function) and option.closure:
                _may_fill(run, option)


@lru_cache(maxsize=1_000)
def _filled_names(function: ast.AST) -> frozenset[str]:
    """Names of what the body of a function writes into: `d[key] = …`, `d[key].append(…)`, `ls.append(…)`."""
    found: set[str] = set()
    for node in ast.walk(function):
        target: ast.expr | None = None
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            target = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            target = node.func.value if node.func.attr in _FILLING else None
        while isinstance(target, ast.Subscript):
            target = target.value
        if isinstance(target, ast.Name):
            found.add(target.id)
    return frozenset(found)


_FILLING = frozenset(("append", "extend", "insert", "update", "setdefault", "add", "appendleft"))


def _may_fill(run: Machine, function: Function) -> None:
    """Unknown code calls it: the containers of the enclosing scopes may get elements then."""
    for name in _filled_names(function.node):
        for scope in function.closure:
            for held in options(scope.get(name, UNKNOWN)):
                if isinstance(held, Container) and not held.open:
                    held.open = True
                    run.wrote_outside = True
