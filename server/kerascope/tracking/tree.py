"""The tree of sublayers and weights of a layer class, as Markdown for a hover."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from kerascope.project.catalogue import Generation
from kerascope.project.meaning import ClassDefinition, Library
from kerascope.project.module import Module
from kerascope.source.document import Site
from kerascope.source.position import Position
from kerascope.tracking.examine import Examiner
from kerascope.tracking.run import LayerRun, OwnedWeight, Reach
from kerascope.tracking.values import Constant, Layer, State, Weight

MAX_LINES = 60
MAX_DEPTH = 5


def tree_at(
    module: Module, position: Position, examiners: Sequence[Examiner], present: Sequence[Generation]
) -> str | None:
    """Markdown for the layer class or the sublayer attribute at `position`; None if there is none.

    `examiners`: the generations to compare; `present`: those that the file is checked for.
    """
    definition, attribute = _what_is_at(module, position, examiners[0])
    if definition is None:
        return None
    runs = [run for examiner in examiners if (run := examiner.run(definition)) is not None]
    if not runs:
        return None
    runs.sort(key=lambda run: run.generation not in present)
    if attribute is None:
        return _class_tree(runs)
    return _attribute_tree(runs, attribute)


def _what_is_at(
    module: Module, position: Position, examiner: Examiner
) -> tuple[ClassDefinition | None, str | None]:
    """The class whose name stands at `position`, or the class around it and the attribute `self.<name>`
    there."""
    document = module.document
    for definition in examiner.layer_classes(module):
        start = document.line_of(definition.statement)
        if start is None or not start <= position.line < start + definition.statement.text.count("\n") + 1:
            continue
        name = document.range_of(Site(module.path, definition.statement, definition.node))
        if name is not None and name.start <= position <= name.end:
            return definition, None
        inner = [definition.statement, *definition.statement.body]
        for statement in inner:
            first = document.line_of(statement)
            if first is None or statement.kind == "class":
                continue
            if first <= position.line <= first + statement.text.count("\n"):
                for node in (child for top in statement.nodes for child in ast.walk(top)):
                    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                        place = document.range_of(Site(module.path, statement, node))
                        if (
                            place is not None
                            and node.value.id == "self"
                            and place.start <= position <= place.end
                        ):
                            return definition, node.attr
    return None, None


def _class_tree(runs: Sequence[LayerRun]) -> str | None:
    run = runs[0]
    weights = run.weights_of(run.layer)
    lines = [f"**{run.definition.name}** · {_total(weights.count, weights.weights)}", ""]
    rows = list(_rows(runs, run.layer, "", 0))
    if rows:
        lines += ["```text", *rows[:MAX_LINES], *(["…"] if len(rows) > MAX_LINES else []), "```", ""]
    lines += [f"- {line}" for other in runs for line in [_generation_line(other)] if line]
    if not run.complete:
        lines += ["", "Part of this class could not be followed: there may be more."]
    return "\n".join(lines).strip()


def _attribute_tree(runs: Sequence[LayerRun], attribute: str) -> str | None:
    run = runs[0]
    prefix = f"self.{attribute}"
    found = [reach for reach in run.reaches() if _below(reach.text, prefix)]
    if not found:
        return None
    lines = [f"**{run.definition.name}.{attribute}**", "", "```text"]
    shown = [reach for reach in found if not _inside_layer(reach, found)]
    for reach in shown[:MAX_LINES]:
        lines.append(f"{reach.text}  {_describe(run, reach.value)}{_note(run, reach)}")
        if isinstance(reach.value, Layer):
            lines.extend(_rows([run], reach.value, "  ", 1))
    lines += ["```", ""]
    for other in runs:
        states = [reach for reach in other.reaches() if _below(reach.text, prefix)]
        missing = [reach for reach in states if other.tracked(reach.value) == "no"]
        name = f"Keras {other.generation}"
        if missing:
            lines.append(f"- {name} does not track {', '.join(f'`{reach.text}`' for reach in missing[:4])}")
        elif states and all(other.tracked(reach.value) == "yes" for reach in states):
            lines.append(f"- {name} tracks it")
    return "\n".join(lines).strip()


def _below(text: str, prefix: str) -> bool:
    return text == prefix or (
        text.startswith(prefix) and not text[len(prefix)].isalnum() and text[len(prefix)] != "_"
    )


def _inside_layer(reach: Reach, others: Sequence[Reach]) -> bool:
    return any(isinstance(step, Layer) for step in reach.steps[:-1])


def _rows(runs: Sequence[LayerRun], layer: Layer, indent: str, depth: int) -> Iterator[str]:
    """One line for each sublayer and weight below a layer."""
    run = runs[0]
    source = run if layer is run.layer else run.run_of(layer)
    if source is None:
        for weight in run.weights_of(layer).weights:
            if weight.owner == layer.class_name:
                yield f"{indent}{weight.name or 'weights'}"
        return
    compared = [source, *(other for other in runs[1:] if layer is run.layer)]
    for reach in source.reaches():
        if any(isinstance(step, Layer) for step in reach.steps[:-1]):
            continue
        name = reach.text.removeprefix("self.")
        yield f"{indent}{name}  {_describe(source, reach.value)}{_note(source, reach)}"
        if isinstance(reach.value, Layer) and depth < MAX_DEPTH:
            yield from _rows([source, *compared[1:1]], reach.value, indent + "  ", depth + 1)


def _describe(run: LayerRun, value: State) -> str:
    if isinstance(value, Weight):
        kind = {"weight": "weight", "keras variable": "keras.Variable", "tf variable": "tf.Variable"}[
            value.kind
        ]
        return f"{kind}{_shape(value)}{', not trained' if value.trainable is False else ''}"
    arguments = [_literal(argument) for argument in value.arguments if isinstance(argument, Constant)]
    return (
        f"{value.class_name}({', '.join(arguments)})" if isinstance(value.cls, Library) else value.class_name
    )


def _literal(value: Constant) -> str:
    return repr(value.value)


def _shape(weight: Weight) -> str:
    for keyword in weight.call.keywords:
        if keyword.arg == "shape":
            return f" {ast.unparse(keyword.value)}"
    for argument in weight.call.args:
        if isinstance(argument, (ast.Tuple, ast.List)):
            return f" {ast.unparse(argument)}"
    return ""


def _note(run: LayerRun, reach: Reach) -> str:
    if run.tracked(reach.value) == "no":
        return "  ← not tracked"
    if isinstance(reach.value, Layer) and reach.value.many:
        return "  (several)"
    return ""


def _total(count: int | None, weights: Sequence[OwnedWeight]) -> str:
    if count is not None:
        return f"{count} weight{'' if count == 1 else 's'}"
    return f"{len(weights)} weights or more" if weights else "no weights known"


def _generation_line(run: LayerRun) -> str | None:
    """What one generation does to the class."""
    weights = run.weights_of(run.layer)
    missing = [
        reach
        for reach in run.reaches()
        if run.tracked(reach.value) == "no" and run.used(reach.value) == "yes"
    ]
    parts: list[str] = []
    if missing:
        names = ", ".join(f"`{reach.text}`" for reach in missing[:4])
        parts.append(
            f"{names} {'is' if len(missing) == 1 else 'are'} not tracked: never trained, not counted"
        )
    by_time = {
        when: sum(w.exists_after == when for w in weights.weights) for when in ("init", "build", "call")
    }
    if weights.weights and weights.count is not None and sum(by_time.values()) == len(weights.weights):
        built = by_time["init"] + by_time["build"]
        if by_time["call"]:
            parts.append(
                f"`build(shape)` makes {built} of {len(weights.weights)} weights, a call makes the rest"
            )
        elif by_time["build"]:
            parts.append(f"`build(shape)` makes all {len(weights.weights)} weights")
        else:
            parts.append("all weights exist after construction")
    if not parts:
        return None
    return f"Keras {run.generation}: " + "; ".join(parts)
