"""Inlay hints: behind the lines that make sublayers and weights, what the build check measured of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lsprotocol import types

from kerascope.source.position import Position, Range

if TYPE_CHECKING:
    from kerascope.lsp.documents import OpenDocument
    from kerascope.lsp.server import Server
    from kerascope.lsp.workspace import LayerClass
    from kerascope.probe.report import Frame, Node, Report, Weight

MOST_SHAPES = 2
"""Of more weights than this the number is shown, not each shape."""


@dataclass(frozen=True, slots=True)
class _Made:
    """Something that a line made: a layer with all its weights, or one weight."""

    weights: tuple[Weight, ...]
    unbuilt: bool = False


class Hints:
    """Gives the hints in a range of a document."""

    def __init__(self, server: Server) -> None:
        self._server = server
        server.on(types.TEXT_DOCUMENT_INLAY_HINT, self._hints, [])

    def _hints(self, params: types.InlayHintParams) -> list[types.InlayHint]:
        opened = self._server.documents.get(params.text_document.uri)
        reports = self._server.building.reports(opened.path) if opened is not None else []
        if opened is None or not reports:
            return []
        project = self._server.workspace_folders.folder_of(opened.path).project
        visible = opened.lines.range(params.range)
        lines = _by_line(opened.path, reports, project.layer_classes(opened.path))
        return [
            self._hint(opened, line, made)
            for line, made in sorted(lines.items())
            if visible.start.line <= line <= visible.end.line and line < len(opened.lines)
        ]

    def _hint(self, opened: OpenDocument, line: int, made: Sequence[_Made]) -> types.InlayHint:
        end = Position(line, len(opened.lines.line(line).rstrip()))
        rows = [_row(weight) for each in made for weight in each.weights]
        tooltip = types.MarkupContent(types.MarkupKind.Markdown, "\n".join(rows)) if rows else None
        return types.InlayHint(
            opened.lines.to_client(Range(end, end)).start, label(made), tooltip=tooltip, padding_left=True
        )


def label(made: Sequence[_Made]) -> str:
    """What stands behind a line: "(5, 3), (3,) · 18 parameters", "3 × 2 weights · 54 parameters"."""
    weights = [weight for each in made for weight in each.weights]
    kinds = {tuple(weight.shape for weight in each.weights) for each in made}
    facts = []
    if weights:
        if len(kinds) == 1:
            one = made[0].weights
            what = ", ".join(_shape(weight) for weight in one)
            what = what if len(one) <= MOST_SHAPES else f"{len(one)} weights"
            facts.append(f"{len(made)} × {what}" if len(made) > 1 else what)
        else:
            facts.append(f"{len(weights)} weights")
        parameters = sum(weight.parameters for weight in weights)
        facts.append(f"{parameters:,} parameter{'' if parameters == 1 else 's'}")
    facts += _share("not tracked", weights, [weight for weight in weights if not weight.tracked])
    seen = [weight for weight in weights if weight.tracked]
    facts += _share("no gradient", weights, [weight for weight in seen if weight.gradient is False])
    facts += _share("not saved", weights, [weight for weight in seen if weight.saved is False])
    if any(each.unbuilt for each in made):
        facts.append("not built")
    return " · ".join(facts)


def _share(what: str, all_of: Sequence[Weight], some: Sequence[Weight]) -> Iterator[str]:
    if some:
        yield what if len(some) == len(all_of) else f"{len(some)} of {len(all_of)} {what}"


def _shape(weight: Weight) -> str:
    return str(tuple(weight.shape)).replace("None", "?")


def _row(weight: Weight) -> str:
    facts = [_shape(weight), weight.dtype, f"{weight.parameters:,} parameters"]
    facts.append("tracked" if weight.tracked else "not tracked")
    if weight.gradient is not None:
        facts.append("gets a gradient" if weight.gradient else "no gradient")
    if weight.saved is not None:
        facts.append("saved" if weight.saved else "not saved")
    return f"- `{weight.path or weight.name}` {' · '.join(facts)}"


def _by_line(
    path: str, reports: Sequence[Report], classes: Sequence[LayerClass]
) -> dict[int, tuple[_Made, ...]]:
    """What each line of a file made (from 0). Of several reports on a line, that of its own class counts."""
    chosen: dict[int, tuple[_Made, ...]] = {}
    own = {report.class_name: report for report in reports if report.path == path}
    for report in reports:
        lines: dict[int, list[_Made]] = {}
        for frame, made in _made(report):
            if frame is not None and frame.path == path:
                lines.setdefault(frame.line - 1, []).append(made)
        for line, several in lines.items():
            around = next((each.name for each in reversed(classes) if each.first <= line <= each.last), None)
            best = own.get(around or "", report)
            if label(several) and (best is report or (line not in chosen and best.tree is None)):
                chosen[line] = tuple(several)
    return chosen


def _made(report: Report) -> Iterator[tuple[Frame | None, _Made]]:
    """Every layer and weight that a line of the user's code made."""
    if report.tree is not None:
        unbuilt = {node.path for node in report.unbuilt}
        yield from _inside(report.tree, unbuilt)
    for weight in report.loose:
        yield weight.created, _Made((weight,))


def _inside(node: Node, unbuilt: set[str]) -> Iterator[tuple[Frame | None, _Made]]:
    for weight in node.weights:
        yield weight.created, _Made((weight,))
    for child in node.children:
        weights = tuple(weight for each in child.walk() for weight in each.weights)
        yield child.created, _Made(weights, child.path in unbuilt)
        # What is inside of a library's layer was made by the library's lines, not by the user's.
        if not child.library:
            yield from _inside(child, unbuilt)
