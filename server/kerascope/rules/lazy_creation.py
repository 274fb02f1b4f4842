"""Layers and weights that `call` makes: at every call, or once, when they aren't there yet."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence

from kerascope.project.meaning import Library
from kerascope.rules.own_code import parents, reads
from kerascope.rules.places import holds, in_own_class, in_own_file
from kerascope.rules.rule import Fix
from kerascope.source import rewrite
from kerascope.source.document import Document, Site
from kerascope.source.on_node import kept_on_node
from kerascope.source.position import Edit
from kerascope.source.statement import Statement
from kerascope.tracking.events import AttributeWrite, ContainerWrite, Context, Created, LayerMethod
from kerascope.tracking.run import LayerRun, Method
from kerascope.tracking.values import Layer, Weight

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_ASKING = frozenset(("hasattr", "getattr", "vars", "dir", "locals", "globals"))
_TELLING = frozenset(("built", "__dict__", "layers", "_layers", "weights", "trainable_weights", "variables"))
_TRACKING_WRITES = {
    "list": ("append", "insert", "extend"),
    "dict": ("[]=", "update"),
    "set": ("add", "update"),
}
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=\dD)(?=[A-Z])")


def creations_in_call(run: LayerRun) -> Iterator[Created]:
    """Every expression in `call`, and in what it uses, that makes a layer or weight, unless it is cached; for
    one in another file once for each place from which this file calls it.

    None where a `__call__` of the class's own takes the place of Keras': it may run once, to make a
    functional model.
    """
    own = run.method("__call__")
    if own is not None and (run.method("call") is None or reads(own, "call")):
        return
    seen: set[tuple[int, int]] = set()
    for event in run.events_of(Created):
        if event.at.phase != "call" or event.at.once or not isinstance(event.value, Layer | Weight):
            continue
        there = event.at.site.path == run.module.path
        place = None if there else in_own_file(run, event.at)
        key = (id(event.value.site.node), id(place.node) if place is not None else 0)
        if key not in seen:
            seen.add(key)
            yield event


def made_in_every_call(
    run: LayerRun, wanted: Callable[[Layer | Weight], bool]
) -> Iterator[tuple[Created, Site]]:
    """What `call` makes under no condition that may ask for it, and where in this file to say so; of layers
    that are made in one expression, the outermost."""
    found = []
    for creation in creations_in_call(run):
        assert isinstance(creation.value, Layer | Weight)
        if wanted(creation.value) and not (
            is_made_once(run, creation.at) or _may_be_handed_in(run, creation.at)
        ):
            site = _where_it_is_wrong(run, creation.at)
            if site is not None:
                found.append((creation, site))
    outer = [
        list(ast.walk(creation.value.site.node)) for creation, _ in found if isinstance(creation.value, Layer)
    ]
    for creation, site in found:
        node = creation.value.site.node
        if not any(node is inner for nodes in outer for inner in nodes[1:]):
            yield creation, site


def _where_it_is_wrong(run: LayerRun, at: Context) -> Site | None:
    """Where in this file to say that `at` makes something: there, or, in a function that other code uses as
    well, a functional model say, where the layer calls it."""
    site = in_own_file(run, at)
    if site is not at.site or at.owner_class is not None or not _serves_others(run, site.statement):
        return site
    inside = [call for call in at.calls if call.path == site.path and call.statement.context]
    return inside[-1] if inside else site


def _serves_others(run: LayerRun, function: Statement) -> bool:
    """Whether code outside of classes uses a function of the module."""
    if function.kind != "function" or function.context or not function.name:
        return False
    used = re.compile(rf"\b{re.escape(function.name)}\b")
    return any(
        statement.kind in ("function", "other") and statement is not function and used.search(statement.text)
        for statement in run.document.statements
    )


def make_in_init(document: Document, run: LayerRun, creation: Created) -> Fix | None:
    """None where one layer can't stand for what is made: several in one call, or a list that grows; nor where
    `call` puts it together."""
    added = [
        event for event in run.events_of(LayerMethod) if event.name == "add" and event.at.phase == "call"
    ]
    if any(
        event.layer is creation.value or any(holds(value, creation.value) for value in event.arguments)
        for event in added
    ):
        return None
    made = [event for event in run.events_of(Created) if event.value.site.node is creation.value.site.node]
    grows = any(
        holds(value, creation.value) for event in run.events_of(ContainerWrite) for value in event.values
    )
    if len(made) > 1 or creation.at.in_loop or grows:
        return None
    edits = moved_to_init(document, run, creation)
    return Fix("Make the layer in __init__", False, edits) if edits else None


def _may_be_handed_in(run: LayerRun, at: Context) -> bool:
    """Whether a helper makes it only where its caller gives none: `if kernel is None`, of an unknown one."""
    function, call = enclosing_function(at), run.method("call")
    if function is None or not at.conditional or (call is not None and function is call.node):
        return False
    arguments = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    return any(
        isinstance(node, ast.Compare)
        and isinstance(node.left, ast.Name)
        and node.left.id in arguments
        and isinstance(node.ops[0], ast.Is | ast.IsNot)
        for guard in at.guards
        for node in ast.walk(guard)
    )


def is_made_once(run: LayerRun, at: Context) -> bool:
    """Whether a condition around it, or earlier in the same function, may ask for what is there already."""
    written = _written_in_call(run)
    function = enclosing_function(at)
    call = run.method("call")
    plain = {"self", "isinstance", "len", "callable", "bool", "int", "tuple", "list", "str"}
    for node in (function, call.node if call is not None else None):
        if node is not None:
            plain |= {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
    if any(not _is_plain(guard, plain, written) for guard in at.guards) or _is_default(at):
        return True
    return function is not None and any(_asks(test, written) for test in _tests(function))


def _is_default(at: Context) -> bool:
    """Whether it is for `self.convs.setdefault(key, Dense(4))`, which keeps the first one."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "setdefault"
        and any(argument is at.site.node for argument in node.args[1:])
        and any(_is_self(inner) for inner in ast.walk(node.func.value) if isinstance(inner, ast.expr))
        for node in (ast.walk(at.statement) if at.statement is not None else ())
    )


def _written_in_call(run: LayerRun) -> set[str | None]:
    """The attributes that `call` assigns, or whose containers it fills."""
    written: set[str | None] = set()
    for event in run.events:
        if event.at.phase != "call":
            continue
        if isinstance(event, AttributeWrite) and event.owner is run.layer:
            written.add(event.name)
        elif isinstance(event, ContainerWrite):
            written |= {
                node.attr
                for node in ast.walk(event.through)
                if isinstance(node, ast.Attribute) and _is_self(node.value)
            }
    return written


def _is_plain(guard: ast.expr, names: set[str], written: set[str | None]) -> bool:
    """Whether a condition can only be about the call's arguments and the layer's settings."""
    for node in ast.walk(guard):
        if isinstance(node, ast.Name) and node.id not in names:
            return False
        if _asks_for_attribute(node, written):
            return False
    return True


def _asks(test: ast.expr, written: set[str | None]) -> bool:
    for node in ast.walk(test):
        if _asks_for_attribute(node, written) or (isinstance(node, ast.Name) and node.id in _ASKING):
            return True
    return False


def _asks_for_attribute(node: ast.AST, written: set[str | None]) -> bool:
    """Whether it reads an attribute that tells what is there already."""
    return (
        isinstance(node, ast.Attribute)
        and _is_self(node.value)
        and (node.attr in written or node.attr in _TELLING)
    )


def _tests(function: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            yield node.test
        elif isinstance(node, ast.BoolOp):
            yield node


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def enclosing_function(at: Context) -> _Function | None:
    """The innermost function around what happens there."""
    return function_around(at.site)


def function_around(site: Site) -> _Function | None:
    """The innermost function around the place."""
    around = [each for top in site.statement.nodes for each in _functions_in(top) if _holds(each, site.node)]
    return around[-1] if around else None


@kept_on_node
def _functions_in(statement: ast.AST) -> tuple[_Function, ...]:
    """The functions in a statement, itself among them, each after those around it."""
    found: list[_Function] = []
    waiting = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _Function):
            found.append(node)
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            inside = getattr(node, block, None)
            if isinstance(inside, list):
                waiting.extend(inside)
    return tuple(found)


def _holds(function: _Function, node: ast.AST) -> bool:
    """Whether a node of the same text stands in a function, its decorators and itself included."""
    place = getattr(node, "lineno", None), getattr(node, "col_offset", None)
    if place[0] is None:
        return any(inner is node for inner in ast.walk(function))
    first = min((each.lineno, each.col_offset) for each in (function, *function.decorator_list))
    return first <= place < (function.end_lineno, function.end_col_offset)


def attribute_that_holds(run: LayerRun, creation: Created) -> str | None:
    """The attribute of `self` on which `call` keeps the new state so that Keras tracks it, as text."""
    value = creation.value
    for event in run.events:
        if event.at.phase != "call":
            continue
        if (
            isinstance(event, AttributeWrite)
            and event.owner is run.layer
            and event.via in ("plain", "setattr")
        ):
            if holds(event.value, value):
                return f"self.{event.name}" if event.name is not None else "self"
        elif isinstance(event, ContainerWrite) and event.container.tracker is run.layer:
            writes = _TRACKING_WRITES.get(event.container.kind.removesuffix(" subclass"), ("[]=",))
            if event.operation in writes and any(holds(each, value) for each in event.values):
                return ast.unparse(event.through)
    return None


def moved_to_init(document: Document, run: LayerRun, creation: Created) -> tuple[Edit, ...] | None:
    """Make the layer at the end of `__init__`; None where its arguments may mean something else there."""
    site, statement, layer = creation.at.site, creation.at.statement, creation.value
    function = enclosing_function(creation.at)
    if function is None or not isinstance(layer, Layer) or not in_own_class(run, site):
        return None
    if not isinstance(site.node, ast.Call) or not _means_the_same(run, function, site.node):
        return None
    made = ast.unparse(site.node)
    segment = ast.get_source_segment(site.statement.text, site.node)
    if segment is not None and "\n" not in segment:
        made = segment
    name = _own_attribute(statement, site.node)
    if name is not None and statement is not None:
        used = rewrite.remove(document, Site(site.path, site.statement, statement))
    else:
        name = _new_attribute(run, layer)
        used = rewrite.replace(document, site, f"self.{name}")
    init = run.method("__init__")
    line = f"self.{name} = {made}"
    if init is None:
        first = next((each.name for each in run.definition.statement.body if each.kind == "function"), "call")
        code = f"def __init__(self, **kwargs):\n    super().__init__(**kwargs)\n    {line}"
        there = rewrite.insert_method(document, run.site, code, before=first or "call")
    elif in_own_class(run, init.site):
        there = rewrite.append_to_body(document, init.site, line)
    else:
        return None
    if used is None or there is None:
        return None
    return tuple(sorted((*used, *there), key=lambda edit: edit.range.start, reverse=True))


def _means_the_same(run: LayerRun, function: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call) -> bool:
    """Whether an expression of `function` means the same at the end of `__init__`."""
    local = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
    local |= {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    early = {
        event.name
        for event in run.events_of(AttributeWrite)
        if event.owner is run.layer and event.at.phase == "init" and not event.at.conditional
    }
    for node in ast.walk(call):
        if isinstance(node, ast.Name) and node.id in local - {"self"}:
            return False
        if isinstance(node, ast.Attribute) and _is_self(node.value) and node.attr not in early:
            return False
        if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
            return False
    outside = parents(call)
    return all(
        isinstance(outside.get(node), ast.Attribute)
        for node in ast.walk(call)
        if isinstance(node, ast.Name) and node.id == "self"
    )


def _own_attribute(statement: ast.stmt | None, call: ast.expr) -> str | None:
    """The attribute, if the statement is `self.attribute = <the call>`."""
    if isinstance(statement, ast.Assign) and statement.value is call and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Attribute) and _is_self(target.value):
            return target.attr
    return None


def _new_attribute(run: LayerRun, layer: Layer) -> str:
    base = _WORD_ENDS.sub("_", layer.class_name).lower()
    taken = set(run.layer.attributes)
    for definition in run.mro():
        if not isinstance(definition, Library):
            taken |= {each.name for each in definition.statement.body if each.name is not None}
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name


def moved_to_build(document: Document, run: LayerRun, creation: Created) -> tuple[Edit, ...] | None:
    """Make the state in `build`, instead of in an `if` of `call` that does nothing else."""
    function, call, build = enclosing_function(creation.at), run.method("call"), run.own_build()
    site, statement = creation.at.site, creation.at.statement
    if (
        call is None
        or function is not call.node
        or not in_own_class(run, site)
        or not isinstance(statement, ast.Assign)
    ):
        return None
    name = _own_attribute(statement, statement.value)
    around = next(
        (node for node in function.body if isinstance(node, ast.If) and node.body == [statement]), None
    )
    arguments = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)][1:]
    if name is None or statement.value is not site.node or around is None or around.orelse or not arguments:
        return None
    if not _is_plain_question(around.test):
        return None  # what else it asks would have to be asked in `build`
    shape = "input_shape"
    if build is not None:
        shapes = [argument.arg for argument in (*build.node.args.posonlyargs, *build.node.args.args)][1:]
        if len(shapes) != 1 or not in_own_class(run, build.site):
            return None
        shape = shapes[0]
    made = _in_build(run, function, statement.value, arguments[0], shape)
    if made is None:
        return None
    lines = [f"self.{name} = {made}"]
    if isinstance(creation.value, Layer) and _gets_input(function, name, arguments[0]):
        lines.append(f"self.{name}.build({shape})")
    there: tuple[Edit, ...] | None
    if build is None:
        code = ["def build(self, input_shape):", *("    " + line for line in lines), "    self.built = True"]
        there = rewrite.insert_method(document, run.site, "\n".join(code))
    else:
        there = append_to_build(document, build, lines)
    gone = rewrite.remove(document, Site(site.path, site.statement, around))
    if gone is None or there is None:
        return None
    return tuple(sorted((*gone, *there), key=lambda edit: edit.range.start, reverse=True))


def _is_plain_question(test: ast.expr) -> bool:
    """Whether a condition asks nothing but whether something is there: `self.d is None`, `not self.ready`."""
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    return names <= {"self", "hasattr", "getattr"} and not any(
        isinstance(node, ast.BoolOp) for node in ast.walk(test)
    )


def append_to_build(document: Document, build: Method, lines: Sequence[str]) -> tuple[Edit, ...] | None:
    """`lines` at the end of `build`, but before what marks the layer as built, and before `return`."""
    last = build.node.body[-1]
    source = ast.unparse(last)
    insert = rewrite.insert_after
    if (
        isinstance(last, ast.Return | ast.Raise)
        or source == "self.built = True"
        or source.startswith("super(")
    ):
        insert = rewrite.insert_before
    if isinstance(last, ast.Pass):
        insert = rewrite.replace
    return insert(document, Site(build.site.path, build.statement, last), "\n".join(lines))


def _in_build(
    run: LayerRun,
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    value: ast.expr,
    argument: str,
    shape: str,
) -> str | None:
    """An expression of `call`, as `build` has to write it: the shape of the input has another name there."""

    class InBuild(ast.NodeTransformer):
        def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
            if isinstance(node.value, ast.Name) and node.value.id == argument and node.attr == "shape":
                return ast.Name(shape, ast.Load())
            self.generic_visit(node)
            return node

    tree = ast.parse(ast.unparse(value), mode="eval")
    changed = InBuild().visit(tree).body
    local = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)} - {"self"}
    local |= {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    late = {event.name for event in run.events_of(AttributeWrite) if event.at.phase == "call"}
    for node in ast.walk(changed):
        if isinstance(node, ast.Name) and node.id in local - {shape}:
            return None
        if isinstance(node, ast.Attribute) and _is_self(node.value) and node.attr in late:
            return None
    text = ast.unparse(changed)
    return text if '"' in text else text.replace("'", '"')


def _gets_input(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str, argument: str) -> bool:
    """Whether `call` hands its own input, as it came, to `self.name`."""
    stored = any(
        isinstance(node, ast.Name) and node.id == argument and isinstance(node.ctx, ast.Store)
        for node in ast.walk(function)
    )
    return not stored and any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and _is_self(node.func.value)
        and node.func.attr == name
        and len(node.args) == 1
        and isinstance(node.args[0], ast.Name)
        and node.args[0].id == argument
        for node in ast.walk(function)
    )
