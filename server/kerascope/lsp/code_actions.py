"""Code actions: mend a finding, ignore it on its line, mend all that is safe to mend, build a layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lsprotocol import types

from kerascope.fixing import difference, fixed
from kerascope.lsp.build_actions import build_actions
from kerascope.lsp.documents import OpenDocument
from kerascope.lsp.greeting import BUILD_ACTION
from kerascope.lsp.ignoring import ignore_edit
from kerascope.rules.rule import Finding, Fix
from kerascope.source.document import Document
from kerascope.source.position import Edit, Range

if TYPE_CHECKING:
    from kerascope.lsp.server import Server

FIX_ALL = "source.fixAll.kerascope"
_FIX_ALL_TITLE = "Kerascope: fix all that is safe to fix"


class CodeActions:
    """Offers what can be done about the findings in a range."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lazy = server.client.resolves_actions
        self._versioned = server.client.supports("workspace.workspaceEdit.documentChanges")
        server.on(types.TEXT_DOCUMENT_CODE_ACTION, self._offer, [])
        server.on(types.CODE_ACTION_RESOLVE, self._resolve)

    def _offer(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        opened = self._server.documents.get(params.text_document.uri)
        if opened is None:
            return []
        place = opened.lines.range(params.range)
        here = [
            finding for finding in self._server.diagnostics.findings(opened) if _touch(finding.range, place)
        ]
        only = params.context.only
        actions: list[types.CodeAction] = []
        safe_here = False
        if _wanted("quickfix", only):
            for finding in here:
                reported = _reported(finding, opened, params.context.diagnostics)
                fix = self._fix(finding, opened)
                if fix is not None:
                    safe_here = safe_here or fix.safe
                    actions.append(self._quick_fix(fix, opened, reported))
            actions.extend(self._ignores(here, opened, params.context.diagnostics))
        if _wanted(BUILD_ACTION, only):
            actions.extend(self._builds(opened, place, params.context.trigger_kind))
        if only is None and not safe_here:
            return actions
        if _wanted(FIX_ALL, only):
            actions.extend(self._fix_all(opened))
        return actions

    def _quick_fix(
        self, fix: Fix, opened: OpenDocument, reported: list[types.Diagnostic]
    ) -> types.CodeAction:
        return types.CodeAction(
            fix.title,
            kind=types.CodeActionKind.QuickFix,
            diagnostics=reported or None,
            is_preferred=True if fix.safe else None,
            edit=self._edit(opened, fix.edits),
        )

    def _ignores(
        self, findings: Iterable[Finding], opened: OpenDocument, diagnostics: Sequence[types.Diagnostic]
    ) -> Iterator[types.CodeAction]:
        offered: set[tuple[int, str]] = set()
        for finding in findings:
            line = finding.range.start.line
            if (line, finding.code) in offered or finding.code.startswith("KS9"):
                continue
            offered.add((line, finding.code))
            edit = ignore_edit(opened.document, opened.lines, line, finding.code)
            if edit is not None:
                yield types.CodeAction(
                    f"Ignore {finding.code} on this line",
                    kind=types.CodeActionKind.QuickFix,
                    diagnostics=_reported(finding, opened, diagnostics) or None,
                    edit=self._edit(opened, (edit,)),
                )

    def _builds(
        self, opened: OpenDocument, place: Range, trigger: types.CodeActionTriggerKind | None
    ) -> Iterator[types.CodeAction]:
        automatic = trigger == types.CodeActionTriggerKind.Automatic
        try:
            for action, edit in build_actions(self._server, opened, place, automatic):
                if edit is not None:
                    action.edit = self._edit(opened, (edit,))
                yield action
        except Exception as error:
            self._server.log.failure("the build check's actions", error)

    def _fix_all(self, opened: OpenDocument) -> Iterator[types.CodeAction]:
        action = types.CodeAction(_FIX_ALL_TITLE, kind=FIX_ALL)
        if self._lazy:
            if any(finding.make_fix for finding in self._server.diagnostics.findings(opened)):
                action.data = {"uri": opened.uri}
                yield action
        elif edits := self._safe_edits(opened):
            action.edit = self._edit(opened, edits)
            yield action

    def _resolve(self, action: types.CodeAction) -> types.CodeAction:
        uri = action.data.get("uri") if isinstance(action.data, dict) else None
        opened = self._server.documents.get(uri) if isinstance(uri, str) else None
        if opened is not None and action.kind == FIX_ALL:
            action.edit = self._edit(opened, self._safe_edits(opened))
        return action

    def _safe_edits(self, opened: OpenDocument) -> Sequence[Edit]:
        """What the safe fixes change, and those that they make place for."""
        project = self._server.workspace_folders.folder_of(opened.path).project

        def check(version: Document) -> Sequence[Finding]:
            if version is not opened.document:
                project.open(version)
            return self._server.diagnostics.derived(opened)

        try:
            mended, _ = fixed(opened.document, check, unsafe=False)
        finally:
            project.open(opened.document)
        return difference(opened.document, mended)

    def _fix(self, finding: Finding, opened: OpenDocument) -> Fix | None:
        if finding.make_fix is None:
            return None
        try:
            return finding.make_fix(opened.document)
        except Exception as error:
            self._server.log.failure(f"making the fix for {finding.code}", error)
            return None

    def _edit(self, opened: OpenDocument, edits: Iterable[Edit]) -> types.WorkspaceEdit:
        changes = [types.TextEdit(opened.lines.to_client(edit.range), edit.text) for edit in edits]
        if self._versioned:
            document = types.OptionalVersionedTextDocumentIdentifier(opened.uri, opened.version)
            return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, [*changes])])
        return types.WorkspaceEdit(changes={opened.uri: changes})


def _touch(one: Range, other: Range) -> bool:
    return one.start <= other.end and other.start <= one.end


def _wanted(kind: str, only: Sequence[types.CodeActionKind | str] | None) -> bool:
    """Whether the client asked for this kind, or for one above it."""
    if only is None:
        return True
    names = [item.value if isinstance(item, types.CodeActionKind) else item for item in only]
    return any(name == "" or kind == name or kind.startswith(name + ".") for name in names)


def _reported(
    finding: Finding, opened: OpenDocument, diagnostics: Sequence[types.Diagnostic]
) -> list[types.Diagnostic]:
    """The client's own diagnostics for this finding, so that it knows what the action is about."""
    place = opened.lines.to_client(finding.range)
    return [
        diagnostic
        for diagnostic in diagnostics
        if diagnostic.code == finding.code and diagnostic.range == place
    ]
