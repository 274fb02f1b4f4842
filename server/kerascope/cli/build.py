"""`kerascope build`: layer classes in, measured reports out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascope.cli.failure import CannotRun
from kerascope.cli.files import absolute
from kerascope.cli.formats import Output, prepare, shown_path
from kerascope.cli.results import Found, without_fix_maker
from kerascope.cli.terminal import Palette, Progress, printable, wants_colour
from kerascope.cli.workspace import Workspaces
from kerascope.rules.rule import Finding

if TYPE_CHECKING:
    from kerascope.check import Checker
    from kerascope.probe.build_check import BuildCheck, Prepared
    from kerascope.probe.process import Workers
    from kerascope.probe.recipe import Given
    from kerascope.probe.report import Report

SHOWN_VERDICTS = {"confirmed": "confirmed", "refuted": "refuted: it doesn't hold for what was built"}


@dataclass(frozen=True, slots=True)
class _Target:
    """A class of a file; None: all of them."""

    path: str
    class_name: str | None


@dataclass(frozen=True, slots=True)
class _Answer:
    """A report, what it makes of the file, and what it says of the analysis' own findings."""

    report: Report
    findings: Sequence[Finding] = ()
    verdicts: Sequence[tuple[Finding, str]] = ()


def run(options: argparse.Namespace) -> int:
    """Build what the arguments name and print what was measured; the exit status."""
    targets = [_target(given) for given in options.targets]
    options.paths = [target.path for target in targets]
    options.settings = _settings(options)
    from kerascope.probe.process import Workers

    workers = Workers()
    try:
        return _Run(options, Workspaces(options), workers).all(targets)
    finally:
        workers.close()


def _target(given: str) -> _Target:
    name, colons, class_name = given.partition("::")
    path = absolute(name)
    if not path.exists():
        raise CannotRun(f"{name} does not exist")
    if path.is_dir():
        raise CannotRun(f"{given} is a folder: name a file, or a class in it (FILE::CLASS)")
    if colons and not class_name:
        raise CannotRun(f"{given}: the class is missing behind ::")
    return _Target(str(path), class_name or None)


def _settings(options: argparse.Namespace) -> dict[str, object]:
    """What the options set, by the names of the settings."""
    if options.timeout is not None and not 0 < options.timeout < 86_400:
        raise CannotRun("--timeout must be more than 0 seconds, and less than a day")
    if options.memory is not None and options.memory < 1:
        raise CannotRun("--memory must be at least 1 megabyte")
    python = options.python
    if python is not None:
        here = Path(python)
        if here.exists():
            python = str(here.absolute())
        elif len(here.parts) > 1:
            raise CannotRun(f"--python: {python} does not exist")
    return {
        "python": python,
        "build-timeout": options.timeout,
        "build-memory": options.memory,
        "build-gpu": options.gpu or None,
    }


class _Run:
    """One run of the command."""

    def __init__(self, options: argparse.Namespace, workspaces: Workspaces, workers: Workers) -> None:
        self.options = options
        self.workspaces = workspaces
        self.workers = workers
        self.given = self._given()
        self.failed = False
        self.found = False
        self._checkers = cache(self._checker)
        self._checks = cache(self._build_check)

    def all(self, targets: Sequence[_Target]) -> int:
        prepared = [each for target in targets for each in self._prepared(target)]
        for problem in self.workspaces.problems:
            print(f"kerascope: {problem}", file=sys.stderr)
        prepare(sys.stdout)
        answers: list[_Answer] = []
        progress = Progress(len(prepared))
        try:
            for each in prepared:
                answers.append(self._answer(each, progress))
                progress.done += 1
                progress.finish()
                if not self.options.json:
                    self._print(answers[-1])
        finally:
            progress.finish()
        if self.options.json:
            json.dump([_as_data(answer) for answer in answers], sys.stdout, indent=2)
            print()
        return 2 if self.failed else int(self.found)

    def _given(self) -> Given | None:
        from kerascope.probe.recipe import Given

        options = self.options
        if options.init is None and options.on is None and options.call is None:
            return None
        return Given(options.init, options.on, options.call)

    def _checker(self, path: str) -> Checker:
        workspace = self.workspaces.of(path)
        if self.options.python is not None and workspace.environment.found_by != "setting":
            raise CannotRun(f"--python: {self.options.python} is no Python interpreter")
        return workspace.checker()

    def _build_check(self, path: str) -> BuildCheck:
        from kerascope.probe.build_check import BuildCheck

        return BuildCheck(self._checkers(path), self.workers)

    def _prepared(self, target: _Target) -> Iterator[Prepared]:
        check = self._checks(target.path)
        names = (
            [target.class_name]
            if target.class_name
            else [name for name, _ in check.layer_classes(target.path)]
        )
        if not names:
            raise CannotRun(f"there is no layer class in {shown_path(target.path)}")
        for name in names:
            try:
                yield from check.prepare(target.path, name, self.given)
            except ValueError as error:
                raise CannotRun(str(error)) from error

    def _answer(self, prepared: Prepared, progress: Progress) -> _Answer:
        from kerascope.probe.findings import findings
        from kerascope.probe.verdicts import verdict

        report = self._checks(prepared.path).run(
            prepared, progress=lambda stage, text: progress.show(f"{prepared.class_name}: {text}")
        )
        checker = self._checkers(prepared.path)
        document = checker.project.document(prepared.path)
        raw = findings(report, document) if document is not None else ()
        if report.status != "built" and not any(finding.code == "KS801" for finding in raw):
            self.failed = True
        if document is None:
            return _Answer(report)
        shown = checker.finished(document, raw)
        self.found = self.found or any(finding.severity != "information" for finding in shown)
        said = [
            (finding, found)
            for finding in checker.check(prepared.path)
            if (found := verdict(finding, report, document)) is not None
        ]
        return _Answer(report, shown, said)

    def _print(self, answer: _Answer) -> None:
        from kerascope.cli.formats import full
        from kerascope.probe import show

        report, palette = answer.report, Palette(wants_colour(sys.stdout))

        def paint(kind: str, text: str) -> str:
            if kind == "bad":
                return palette.severity("error", text)
            return palette.bold(text) if kind == "title" else palette.quiet(text)

        place = f"{shown_path(report.path)}:{report.line}"
        for line in show.text(
            _printable(report), place=place, show_slice=self.options.show_slice, paint=paint
        ):
            sys.stdout.write(line + "\n")
        for finding, said in answer.verdicts:
            where = finding.range.start.line + 1
            sys.stdout.write(f"  {finding.code} on line {where}: {SHOWN_VERDICTS[said]}\n")
        sys.stdout.write("\n")
        project = self._checkers(report.path).project

        @cache
        def lines_of(path: str) -> Sequence[str]:
            document = project.document(path)
            return document.text.splitlines() if document is not None else ()

        output = Output(sys.stdout, wants_colour(sys.stdout), lines_of, 1)
        for finding in answer.findings:
            full.write_one(Found(without_fix_maker(finding), None), output)
        sys.stdout.flush()


def _printable(value: Any) -> Any:
    """A report, or a part of one, without what disturbs a terminal: it quotes other people's programs."""
    if isinstance(value, str):
        return "\n".join(map(printable, value.splitlines()))
    if isinstance(value, tuple):
        return tuple(map(_printable, value))
    if isinstance(value, Mapping):
        return {_printable(key): _printable(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        clean = {each.name: _printable(getattr(value, each.name)) for each in fields(value)}
        return replace(value, **clean)
    return value


def _as_data(answer: _Answer) -> dict[str, Any]:
    from kerascope.cli.formats import json as as_json
    from kerascope.probe import show

    return {
        **show.as_json(answer.report),
        "path": shown_path(answer.report.path),
        "findings": [as_json.as_data(Found(without_fix_maker(each), None)) for each in answer.findings],
        "analysis": [
            {"code": finding.code, "line": finding.range.start.line + 1, "verdict": said}
            for finding, said in answer.verdicts
        ],
    }
