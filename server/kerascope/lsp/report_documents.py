"""A build check's report as a document that can be read and not written.

Clients that can ask for a document's text get it under the scheme `kerascope-report:`. For others that can
open a file, the report is a file in a folder of the server's own, which goes when the server does.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from lsprotocol import types

from kerascope.lsp.greeting import REPORT_SCHEME
from kerascope.lsp.workspace import uri_of

if TYPE_CHECKING:
    from kerascope.lsp.server import Server


class ReportDocuments:
    """Gives reports as documents."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._served = server.client.serves_content
        self._opens = server.client.supports("window.showDocument.support")
        self._folder: Path | None = None
        server.on(
            types.WORKSPACE_TEXT_DOCUMENT_CONTENT, self._content, types.TextDocumentContentResult(text="")
        )

    def text(self, path: str, class_name: str) -> str | None:
        """The report of a class as Markdown; None if it was never checked."""
        kept = self._server.building.of(path, class_name)
        if kept is None:
            return None
        from kerascope.probe.show import markdown

        text = "\n\n".join(markdown(report) for report in kept.reports)
        if not kept.fresh:
            text = f"*The code has changed since this check.*\n\n{text}"
        return text.rstrip("\n") + "\n"

    def show(self, path: str, class_name: str) -> None:
        """Have the client open the report, if it can."""
        if not self._opens:
            return
        if self._served:
            uri = report_uri(path, class_name)
            self._server.ask(
                types.WORKSPACE_TEXT_DOCUMENT_CONTENT_REFRESH, types.TextDocumentContentRefreshParams(uri)
            )
        else:
            uri = uri_of(str(self._written(path, class_name)))
        self._server.ask(types.WINDOW_SHOW_DOCUMENT, types.ShowDocumentParams(uri, take_focus=True))

    def close(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _content(self, params: types.TextDocumentContentParams) -> types.TextDocumentContentResult:
        path, class_name = _parts(params.uri)
        text = self.text(path, class_name)
        return types.TextDocumentContentResult(text or f"{class_name} has not been checked.\n")

    def _written(self, path: str, class_name: str) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="kerascope-"))
        file = self._folder / f"{Path(path).stem}.{class_name}.md"
        fresh = file.with_suffix(".new")
        fresh.write_text(self.text(path, class_name) or "", encoding="utf-8", errors="replace")
        fresh.chmod(stat.S_IRUSR)
        os.replace(fresh, file)  # noqa: PTH105 - also where the file may not be written
        return file


def report_uri(path: str, class_name: str) -> str:
    """The address of a report."""
    return f"{REPORT_SCHEME}:/{quote(class_name)}.md?{quote(path, safe='/:')}"


def _parts(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    return unquote(parts.query), unquote(parts.path).strip("/").removesuffix(".md")
