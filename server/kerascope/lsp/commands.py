"""The commands that a client can run: from a code lens, from a code action, or from the person's own keys.

Arguments come as one object, `{"uri": …, "class": …}`, or one after the other, `uri, class`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from kerascope.lsp.building import Asked, Outcome, summary
from kerascope.lsp.greeting import BUILD, BUILD_FILE, CANCEL_BUILD, SHOW_REPORT
from kerascope.lsp.workspace import path_of

if TYPE_CHECKING:
    from kerascope.lsp.building import Given
    from kerascope.lsp.server import Server

INVALID_PARAMS, CANCELLED = -32602, -32800
_NAMES = ("uri", "class", "init", "on", "call")


class Commands:
    """Takes commands, and answers them when they are done."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._by_name = {
            BUILD: self._build,
            BUILD_FILE: self._build_file,
            CANCEL_BUILD: self._cancel,
            SHOW_REPORT: self._show,
        }
        server.on_apart(types.WORKSPACE_EXECUTE_COMMAND, self._execute)

    def _execute(self, request: int | str, params: Any) -> None:
        params = params if isinstance(params, dict) else {}
        command = self._by_name.get(str(params.get("command")))
        if command is None:
            known = ", ".join(self._by_name)
            self._server.refuse(request, INVALID_PARAMS, f"there is no such command; there are {known}")
            return
        try:
            command(request, params, _arguments(params.get("arguments")))
        except ValueError as error:
            self._server.refuse(request, INVALID_PARAMS, str(error))

    def _build(self, request: int | str, params: Mapping[str, Any], given: dict[str, str]) -> None:
        path, name = path_of(_need(given, "uri")), _need(given, "class")
        if not self._refused(request, path):
            rest = {key: value for key, value in given.items() if key not in ("uri", "class")}
            self._begin(request, params, given["uri"], path, [name], rest, one=True)

    def _build_file(self, request: int | str, params: Mapping[str, Any], given: dict[str, str]) -> None:
        path = path_of(_need(given, "uri"))
        if not self._refused(request, path):
            project = self._server.workspace_folders.folder_of(path).project
            names = [layer.name for layer in project.layer_classes(path)]
            self._begin(request, params, given["uri"], path, names, {}, one=False)

    def _begin(
        self,
        request: int | str,
        params: Mapping[str, Any],
        uri: str,
        path: str,
        names: Sequence[str],
        given: Given,
        one: bool,
    ) -> None:
        inbox = self._server.inbox
        partial = _token(params.get("partialResultToken"))
        unwanted = False

        def part(name: str, fields: Mapping[str, object]) -> None:
            value = {"uri": uri, "class": name, "part": fields}
            self._server.protocol.notify(types.PROGRESS, types.ProgressParams(partial or "", value))

        def done(outcomes: Sequence[Outcome]) -> None:
            inbox.is_over("request", request)
            if unwanted:
                self._server.refuse(request, CANCELLED, "the build check was cancelled")
                return
            try:
                results = [_result(uri, outcome) for outcome in outcomes]
                self._server.answer(request, results[0] if one else _results(uri, results))
            except Exception as error:
                self._server.log.failure("the report of a build check", error)
                self._server.answer(request, None)

        def cancel() -> None:
            nonlocal unwanted
            unwanted = True
            self._server.building.cancel_request(asked)

        token = _token(params.get("workDoneToken"))
        asked = Asked(done, part if partial is not None else None, token)
        inbox.on_cancel("request", request, cancel)
        try:
            self._server.building.ask(path, names, given, asked)
        except Exception:
            inbox.is_over("request", request)
            raise

    def _cancel(self, request: int | str, params: Mapping[str, Any], given: dict[str, str]) -> None:
        self._server.building.cancel(path_of(_need(given, "uri")), given.get("class"))
        self._server.answer(request, None)

    def _show(self, request: int | str, params: Mapping[str, Any], given: dict[str, str]) -> None:
        uri, name = _need(given, "uri"), _need(given, "class")
        path = path_of(uri)
        kept, text = self._server.building.of(path, name), self._server.report_documents.text(path, name)
        if kept is None or text is None:
            raise ValueError(f"{name} has not been checked yet: run {BUILD} first")
        self._server.report_documents.show(path, name)
        result = _result(uri, Outcome(path, name, kept.reports))
        self._server.answer(request, {**result, "markdown": text, "stale": not kept.fresh})

    def _refused(self, request: int | str, path: str) -> bool:
        """Whether nothing may be built here; then that is the answer."""
        project = self._server.workspace_folders.folder_of(path).project
        why = project.build_settings(path).refused
        if why:
            if not self._server.client.shows_results:
                self._server.log.show(why)
            self._server.answer(request, {"status": "refused", "message": why, "markdown": why})
        return bool(why)


def _arguments(given: object) -> dict[str, str]:
    """The arguments by name. ValueError says what is wrong with them."""
    if given is None:
        return {}
    if not isinstance(given, list):
        raise ValueError("the arguments must be a list")
    if len(given) == 1 and isinstance(given[0], dict):
        named = given[0]
    else:
        named = dict(zip(_NAMES, given, strict=False))
    found = {}
    for name, value in named.items():
        if value is None:
            continue
        if name not in _NAMES:
            raise ValueError(f"unknown argument {name!r}; there are {', '.join(_NAMES)}")
        if not isinstance(value, str):
            raise ValueError(f"the argument {name!r} must be a string")
        found[name] = value
    return found


def _need(given: Mapping[str, str], name: str) -> str:
    if not given.get(name):
        raise ValueError(f"the argument {name!r} is missing")
    return given[name]


def _token(value: object) -> int | str | None:
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


def _result(uri: str, outcome: Outcome) -> dict[str, Any]:
    """What a client gets for one class: enough to show it without knowing anything of a report."""
    from kerascope.probe.show import as_json, markdown

    shown = "\n\n".join(markdown(report) for report in outcome.reports)
    return {
        "uri": uri,
        "class": outcome.class_name,
        "status": outcome.status,
        "message": outcome.message,
        "summary": summary(outcome.reports),
        "reports": [as_json(report) for report in outcome.reports],
        "markdown": shown or f"**{outcome.class_name}**: {outcome.message}",
    }


def _results(uri: str, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a client gets for a file."""
    shown = "\n\n".join(result["markdown"] for result in results)
    return {
        "uri": uri,
        "classes": list(results),
        "markdown": shown or "There is no layer class in this file.",
    }
