"""Code actions of the build check: check this class, say how to build it, show what came out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lsprotocol import types

from kerascope.lsp.greeting import BUILD, BUILD_ACTION, SHOW_REPORT

if TYPE_CHECKING:
    from kerascope.lsp.documents import OpenDocument
    from kerascope.lsp.server import Server
    from kerascope.lsp.workspace import LayerClass
    from kerascope.source.position import Edit, Range


def build_actions(
    server: Server, opened: OpenDocument, place: Range, automatic: bool
) -> Iterator[tuple[types.CodeAction, Edit | None]]:
    """What can be done about the class around `place`; with an edit where the action makes one.

    `automatic`: nobody asked for actions, the editor wants to know whether to light its bulb. Inside of a
    class the bulb stays for what is wrong there.
    """
    project = server.workspace_folders.folder_of(opened.path).project
    if project.build_settings(opened.path).refused:
        return
    layer = _around(project.layer_classes(opened.path), place)
    if layer is None:
        return
    on_header = layer.first <= place.start.line <= layer.place.end.line
    if automatic and not on_header:
        return
    about = [{"uri": opened.uri, "class": layer.name}]
    kept = server.building.of(opened.path, layer.name)
    unknown = kept is not None and any(report.status == "unknown" for report in kept.reports)
    title = f"Build check: {layer.name}"
    yield _command(title, BUILD, about), None
    if kept is not None:
        yield _command(f"Show the build report of {layer.name}", SHOW_REPORT, about), None
    if on_header or unknown:
        edit = project.build_comment(opened.path, layer.name)
        if edit is not None:
            action = types.CodeAction("Insert a comment that says how to build it", kind=BUILD_ACTION)
            yield action, edit


def _command(title: str, command: str, about: list[dict[str, str]]) -> types.CodeAction:
    return types.CodeAction(title, kind=BUILD_ACTION, command=types.Command(title, command, arguments=about))


def _around(classes: Sequence[LayerClass], place: Range) -> LayerClass | None:
    """The innermost class around the beginning of `place`."""
    around = [layer for layer in classes if layer.first <= place.start.line <= layer.last]
    return max(around, key=lambda layer: layer.first, default=None)
