"""Findings as diagnostics: sent after every change, or given when the client asks.

A change is analysed at once, but only when no message waits: of several versions that came together the
newest alone is analysed, and what belongs to an older one is never sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lsprotocol import types

from kerascope.lsp.documents import OpenDocument
from kerascope.lsp.notebooks import OpenNotebook
from kerascope.lsp.positions import Lines
from kerascope.lsp.workspace import uri_of
from kerascope.rules.rule import Finding, FindingRelated

if TYPE_CHECKING:
    from kerascope.lsp.server import Server

DOCS_URL = "https://github.com/kerascope/kerascope/blob/main/docs/rules/{code}.md"

_SEVERITY = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "information": types.DiagnosticSeverity.Information,
}
_UNNECESSARY = frozenset({"KS901"})


@dataclass(slots=True)
class _Shown:
    """What the client was told last of a document; `number` names it when the client asks again."""

    diagnostics: list[types.Diagnostic]
    number: int


class Diagnostics:
    """Knows which open documents have to be checked, and what was said of each."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._changed: dict[str, None] = {}
        self._doubtful: dict[str, None] = {}
        self._shown: dict[str, _Shown] = {}
        self._number = 0
        self._pulls = server.client.pulls
        self._versions = server.client.supports("textDocument.publishDiagnostics.versionSupport")
        self._related = self._pulls or server.client.supports(
            "textDocument.publishDiagnostics.relatedInformation"
        )
        self._refresh_due = False
        server.on(
            types.TEXT_DOCUMENT_DIAGNOSTIC,
            self._asked,
            types.RelatedFullDocumentDiagnosticReport(items=[]),
        )

    def changed(self, opened: OpenDocument) -> None:
        """The text of a document is new; what other documents say may change with it."""
        if not self._pulls or isinstance(opened, OpenNotebook):
            self._changed.pop(opened.path, None)
            self._changed[opened.path] = None
        self.recheck(opened.path)

    def closed(self, opened: OpenDocument) -> None:
        self._changed.pop(opened.path, None)
        self._doubtful.pop(opened.path, None)
        if isinstance(opened, OpenNotebook):
            self._show_in_cells(opened, [])
        elif self._shown.pop(opened.path, None) is not None and not self._pulls:
            self._server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(opened.uri, []))
        self.recheck(opened.path)

    def recheck(self, but: str | None = None) -> None:
        """Check the open documents again, all but one, and tell the client what has changed."""
        self._doubtful.update(
            (opened.path, None) for opened in self._server.documents.all() if opened.path != but
        )

    def has_work(self) -> bool:
        return self._server.settings.ready and bool(self._changed or self._doubtful or self._refresh_due)

    def work(self) -> None:
        """Check one document, the one that the person changed last before all others."""
        if not self._server.settings.ready:
            return
        if self._changed:
            path, _ = self._changed.popitem()
            self._doubtful.pop(path, None)
            self._publish(path, always=True)
        elif self._doubtful:
            path = next(iter(self._doubtful))
            del self._doubtful[path]
            self._publish(path, always=False)
        elif self._refresh_due:
            self._refresh_due = False
            self._server.ask(types.WORKSPACE_DIAGNOSTIC_REFRESH, None)

    def findings(self, opened: OpenDocument) -> Sequence[Finding]:
        """All findings of the document's present text: of the analysis, and of build checks."""
        findings = self.derived(opened)
        try:
            reports = self._server.building.reports(opened.path)
            if not reports:
                return findings
            project = self._server.workspace_folders.folder_of(opened.path).project
            findings, told = project.judged(opened.path, findings, reports)
        except Exception as error:
            self._server.log.failure(f"the build checks of {opened.uri}", error)
            return findings
        for line in told:
            self._server.log.once(line, types.MessageType.Info)
        return findings

    def derived(self, opened: OpenDocument) -> Sequence[Finding]:
        """The findings of the analysis alone; none if the check itself fails, which is logged."""
        try:
            return self._server.workspace_folders.check(opened.path)
        except Exception as error:
            self._server.log.failure(f"checking {opened.uri}", error)
            return ()

    def _publish(self, path: str, always: bool) -> None:
        opened = self._server.documents.at(path)
        if opened is None:
            return
        if isinstance(opened, OpenNotebook):
            findings = self._diagnostics_at(opened)
            if not self._server.inbox.changes_waiting(opened.uri):
                self._show_in_cells(opened, findings)
            return
        if self._pulls:
            self._refresh_if_new(opened)
            return
        diagnostics = self._diagnostics(opened)
        if self._server.inbox.changes_waiting(opened.uri):
            return
        if not self._remember(opened, diagnostics) and not always:
            return
        version = opened.version if self._versions else None
        self._server.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(opened.uri, diagnostics, version)
        )

    def _show_in_cells(self, notebook: OpenNotebook, found: list[tuple[str, types.Diagnostic]]) -> None:
        """Tell the client of those cells of which there is something new; it never asks about cells."""
        now: dict[str, list[types.Diagnostic]] = {uri: [] for uri in notebook.shown}
        for uri, diagnostic in found:
            now.setdefault(uri, []).append(diagnostic)
        for uri, diagnostics in now.items():
            if diagnostics != notebook.shown.get(uri, []):
                self._server.text_document_publish_diagnostics(
                    types.PublishDiagnosticsParams(uri, diagnostics)
                )
        notebook.shown = {uri: diagnostics for uri, diagnostics in now.items() if diagnostics}

    def _refresh_if_new(self, opened: OpenDocument) -> None:
        """For a client that asks: have it ask again if it would get another answer."""
        shown = self._shown.get(opened.path)
        if shown is not None and shown.diagnostics != self._diagnostics(opened):
            self._refresh_due = True

    def _remember(self, opened: OpenDocument, diagnostics: list[types.Diagnostic]) -> bool:
        """Whether this is new for the client."""
        shown = self._shown.get(opened.path)
        if shown is not None and shown.diagnostics == diagnostics:
            return False
        self._number += 1
        self._shown[opened.path] = _Shown(diagnostics, self._number)
        return True

    def _asked(self, params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        opened = self._server.documents.get(params.text_document.uri)
        if opened is None:
            return types.RelatedFullDocumentDiagnosticReport(items=[])
        self._doubtful.pop(opened.path, None)
        self._remember(opened, self._diagnostics(opened))
        shown = self._shown[opened.path]
        if params.previous_result_id == str(shown.number):
            return types.RelatedUnchangedDocumentDiagnosticReport(result_id=str(shown.number))
        return types.RelatedFullDocumentDiagnosticReport(items=shown.diagnostics, result_id=str(shown.number))

    def _diagnostics(self, opened: OpenDocument) -> list[types.Diagnostic]:
        return [diagnostic for _, diagnostic in self._diagnostics_at(opened)]

    def _diagnostics_at(self, opened: OpenDocument) -> list[tuple[str, types.Diagnostic]]:
        """What is to be shown, and in which document of the client: a notebook has one for each cell."""
        lines: dict[str, Lines] = {opened.path: opened.lines}
        found = []
        for finding in self.findings(opened):
            location = opened.location(finding.range)
            found.append((location.uri, self._diagnostic(opened, finding, location.range, lines)))
        return found

    def _diagnostic(
        self, opened: OpenDocument, finding: Finding, place: types.Range, lines: dict[str, Lines]
    ) -> types.Diagnostic:
        related = None
        if self._related and finding.related:
            related = [
                types.DiagnosticRelatedInformation(self._location(opened, place, lines), place.message)
                for place in finding.related
            ]
        return types.Diagnostic(
            range=place,
            message=finding.message,
            severity=_SEVERITY[finding.severity],
            code=finding.code,
            code_description=types.CodeDescription(DOCS_URL.format(code=finding.code)),
            source="kerascope",
            tags=[types.DiagnosticTag.Unnecessary] if finding.code in _UNNECESSARY else None,
            related_information=related,
            data={"name": finding.name},
        )

    def _location(
        self, opened: OpenDocument, place: FindingRelated, lines: dict[str, Lines]
    ) -> types.Location:
        there = self._server.documents.at(place.path)
        if there is not None:
            return there.location(place.range)
        if place.path not in lines:
            project = self._server.workspace_folders.folder_of(opened.path).project
            document = project.document(place.path)
            lines[place.path] = self._server.documents.lines_of(place.path, document)
        return types.Location(uri_of(place.path), lines[place.path].to_client(place.range))
