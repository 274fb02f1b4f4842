"""Where a report stands and what it points at, when what it speaks of is in another class or file."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Sequence

from kerascope.project.meaning import ClassDefinition
from kerascope.rules.rule import Related, Report
from kerascope.source.document import Site
from kerascope.tracking.events import Context
from kerascope.tracking.run import LayerRun, OwnedWeight, Reach
from kerascope.tracking.values import Choice, Container, Function, Layer, Partial, Plain, Value

_PLACES = 5


def in_own_class(run: LayerRun, site: Site) -> bool:
    """Whether `site` stands in the body of the class under examination, not in a base's."""
    own = run.definition
    if site.statement is not own.statement:
        return any(statement is site.statement for statement in own.statement.body)
    return any(node is site.node for node in ast.walk(own.node))


def in_own_file(run: LayerRun, at: Context, told_there: bool = True) -> Site | None:
    """Where to report what happens at `at`: there, if it is in this file, else at the call that led to it.

    None where a base class's own constructor, `build` or `call` does it, and `told_there`: its own file says
    so.
    """
    if at.site.path == run.module.path:
        return at.site
    here = [call for call in at.calls if call.path == run.module.path]
    if not here:
        return run.site if at.owner_class is None or not told_there else None
    return None if told_there and _calls_super(here[-1].node) else here[-1]


def told_there(run: LayerRun, at: Context, check: Callable[[LayerRun], Iterable[Report]]) -> bool:
    """Whether a rule's `check` says it of one of the bases, whose code does what happens at `at`: a base
    class that leaves `call`, or a part of it, to others can't be judged in its own file."""
    if at.site.path == run.module.path:
        return True
    for cls in run.mro()[1:]:
        base = run.run_of_class(cls) if isinstance(cls, ClassDefinition) else None
        if base is None or base is run:
            continue
        for report in check(base):
            if report.site.statement is at.site.statement or report.site.path != at.site.path:
                return True
    return False


_RAISES = re.compile(r"assertRaises(Regex)?|raises|assert_raises")


def is_expected_to_raise(site: Site) -> bool:
    """Whether the place is under `with pytest.raises(…)`, or `self.assertRaises`: the author knows of it."""
    if "aises" not in site.statement.text:
        return False
    return any(
        node is site.node
        for top in site.statement.nodes
        for block in ast.walk(top)
        if isinstance(block, ast.With) and any(map(_awaits_exception, block.items))
        for statement in block.body
        for node in ast.walk(statement)
    )


def _awaits_exception(item: ast.withitem) -> bool:
    function = item.context_expr.func if isinstance(item.context_expr, ast.Call) else None
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return _RAISES.fullmatch(name) is not None


def receiver(at: Context, name: str) -> ast.expr:
    """The layer whose attribute of this name is written at `at`, as the code names it."""
    for node in ast.walk(at.statement or at.site.node):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr" and node.args:
            return node.args[0]
        if isinstance(node, ast.Attribute) and node.attr == name:
            return node.value
    return ast.Name("self")


def _calls_super(node: ast.AST) -> bool:
    function = node.func if isinstance(node, ast.Call) else None
    owner = function.value if isinstance(function, ast.Attribute) else None
    return isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "super"


def weight_places(weights: Iterable[OwnedWeight]) -> tuple[Related, ...]:
    """The lines that make these weights, as far as they are the user's own."""
    places = []
    for weight in weights:
        if weight.site is not None:
            what = f"the weight `{weight.name}`" if weight.name else "a weight"
            places.append(Related(weight.site, f"{weight.owner} makes {what} here"))
    return tuple(places[:_PLACES])


def sublayer_places(run: LayerRun, reaches: Sequence[Reach]) -> tuple[Related, ...]:
    """The lines that make these sublayers, and those that make their weights."""
    layers = [reach for reach in reaches if isinstance(reach.value, Layer)]
    by_place: dict[tuple[str, int], list[Reach]] = {}
    for reach in layers:
        by_place.setdefault((reach.value.site.path, id(reach.value.site.node)), []).append(reach)
    places = [
        Related(together[0].value.site, f"{named(together)} {'are' if len(together) > 1 else 'is'} made here")
        for together in by_place.values()
    ]
    weights = (
        weight
        for reach in reaches
        if isinstance(reach.value, Layer)
        for weight in run.weights_of(reach.value).weights
    )
    return (*places[:_PLACES], *weight_places(weights))


def named(reaches: Sequence[Reach]) -> str:
    """The sublayers as text: "`self.a` (Dense), `self.b` (LSTM or GRU) and 3 more"."""
    classes: dict[str, list[str]] = {}
    for reach in reaches:
        if isinstance(reach.value, Layer):
            known = classes.setdefault(_without_index(reach, reaches), [])
            if reach.value.class_name not in known:
                known.append(reach.value.class_name)
    texts = [f"`{text}` ({' or '.join(names)})" for text, names in classes.items()]
    if len(texts) > 3:
        texts = [*texts[:2], f"{len(texts) - 2} more"]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _without_index(reach: Reach, reaches: Sequence[Reach]) -> str:
    """The way to a sublayer; to its whole list, if the same code makes all of them: "self.blocks"."""
    head, bracket, _ = reach.text.rpartition("[")
    if bracket and isinstance(reach.value, Layer) and reach.value.many and "[" not in head:
        return head
    twins = [one for one in reaches if one.value.site.node is reach.value.site.node]
    alike = bracket and len(twins) > 1 and all(one.text.startswith(f"{head}[") for one in twins)
    return head if alike else reach.text


def holds(value: Value, wanted: Value, depth: int = 4) -> bool:
    """Whether a value is this layer, or an object that gives whoever has it the layer."""
    if value is wanted:
        return True
    if depth == 0:
        return False
    inner: list[Value] = []
    match value:
        case Container(items=items):
            inner = [item.value for item in items]
        case Choice(options=options):
            inner = list(options)
        case Partial(function=function, arguments=arguments, keywords=keywords):
            inner = [function, *arguments, *keywords.values()]
        case Function(node=node, closure=closure, bound=bound):
            names = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
            inner = [scope[name] for scope in closure for name in names & set(scope)]
            inner += [bound] if bound is not None else []
        case Plain(attributes=attributes):
            inner = list(attributes.values())
        case _:
            pass
    return any(holds(part, wanted, depth - 1) for part in inner)
