"""`kerascope check`: files in, findings out."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from kerascope.cli.cache import Cache
from kerascope.cli.failure import CannotRun
from kerascope.cli.files import Selection, absolute, select
from kerascope.cli.formats import Output, Write, prepare, shown_path
from kerascope.cli.formats.summary import counted
from kerascope.cli.left_out import told
from kerascope.cli.results import FileResult, Found, fails
from kerascope.cli.terminal import Progress, printable, wants_colour
from kerascope.cli.workspace import Workspace, Workspaces
from kerascope.project.settings import Problem, Settings
from kerascope.rules.rule import Finding
from kerascope.source.encoding import SourceText, Unreadable, decode, encode, read
from kerascope.source.notebook import Program
from kerascope.source.position import Position, Range

if TYPE_CHECKING:
    from kerascope.check import Checker

STANDARD_INPUT = "-"


def run(options: argparse.Namespace) -> int:
    """Check what the arguments name and print the findings; the exit status."""
    if options.jobs is not None and options.jobs < 1:
        raise CannotRun("--jobs must be at least 1")
    workspaces = Workspaces(options)
    paths: list[str] = list(dict.fromkeys(options.paths)) or ["."]
    if STANDARD_INPUT in paths:
        if len(paths) > 1:
            raise CannotRun("- (standard input) can't be checked together with other paths")
        return _Run(options, workspaces).standard_input()
    if options.stdin_filename:
        raise CannotRun("--stdin-filename goes with - as the path")
    return _Run(options, workspaces).files(select(paths))


class _Run:
    """One run of the command."""

    def __init__(self, options: argparse.Namespace, workspaces: Workspaces) -> None:
        self.options = options
        self.workspaces = workspaces
        self.mends: bool = options.fix or options.unsafe_fixes or options.diff
        self.failed = False
        """Something that the user named could not be done."""
        self.noted: set[str] = set()
        self.texts: dict[str, str] = {}
        """What is shown of files that aren't as on disk."""

    def files(self, selection: Selection) -> int:
        for problem in selection.problems:
            self._complain(problem.path, problem.text, failed=problem.named)
        if not selection.files and not selection.problems:
            _say("no Python files found here")
        files = [path for path in selection.files if path in selection.named or not self._excluded(path)]
        results = self._check(files)
        if self.mends and self._mend(results):
            results = self._check(files)
        for result in results:
            if result.problem is not None:
                named = result.path in selection.named
                self._complain(result.path, result.problem, failed=named or result.crashed)
        return self._finish([*self._configuration(), *results])

    def _excluded(self, path: str) -> bool:
        settings = self.workspaces.of(path).settings
        return not settings.enable or settings.excludes(path)

    def _configuration(self) -> list[FileResult]:
        """What is wrong in configuration files: said at once, but for unknown codes, which are findings."""
        results = []
        for problem, settings in self.workspaces.problems.items():
            line = "".join(self._lines(problem.path)[problem.line : problem.line + 1])
            finding = _unknown_code(problem, settings, line)
            if finding is not None:
                results.append(FileResult(problem.path, (Found(finding, None),)))
            elif problem.code is None:
                place = f"{shown_path(problem.path)}:{problem.line + 1}:{problem.column + 1}"
                _say(f"{place}: {problem.message}")
        return results

    def standard_input(self) -> int:
        source = decode(sys.stdin.buffer.read())
        path = str(absolute(self.options.stdin_filename or "<stdin>"))
        if isinstance(source, Unreadable):
            self._complain(path, source.message, failed=True)
            return 2
        from kerascope.cli.checking import check_text
        from kerascope.source.document import Document

        checker = self.workspaces.of(path).checker()
        document = Document.from_text(path, source.text)
        if self.mends:
            from kerascope.cli import fixing

            after, _ = fixing.fixed(checker, document, unsafe=self.options.unsafe_fixes)
            if self.options.diff:
                _write(fixing.diff(shown_path(path), document.text, after.text))
            else:
                document = after
                data = encode(document.text, source)
                assert not isinstance(data, Unreadable)
                sys.stdout.buffer.write(data)
                sys.stdout.flush()
        self.texts[path] = document.text
        result = check_text(checker, document)
        if result.problem is not None:
            self._complain(path, result.problem, failed=True)
        return self._finish([result])

    def _check(self, files: Sequence[str]) -> list[FileResult]:
        """The results of `files`, from the cache or anew, in the order of `files`."""
        results: dict[str, FileResult] = {}
        progress = Progress(len(files))
        try:
            for workspace, members in self.workspaces.grouped(files):
                self._note(workspace)
                results |= self._check_workspace(workspace, members, progress)
        finally:
            progress.finish()
        return [results[path] for path in files]

    def _note(self, workspace: Workspace) -> None:
        """Tell a person at a terminal what was assumed of the interpreter."""
        for note in workspace.notes():
            if sys.stderr.isatty() and note not in self.noted:
                self.noted.add(note)
                _say(note)

    def _check_workspace(
        self, workspace: Workspace, files: Sequence[str], progress: Progress
    ) -> dict[str, FileResult]:
        folder = None if self.options.no_cache else workspace.cache_folder()
        cached = Cache(folder, workspace.key()) if folder else None
        results: dict[str, FileResult] = {}
        for path in files:
            if cached and (known := cached.get(path)):
                results[path] = known
                progress.advance(shown_path(path))
        missing = [path for path in files if path not in results]
        if missing:
            from kerascope.cli.workers import check_files

            for result in check_files(workspace.checker, missing, self.options.jobs):
                results[result.path] = result
                progress.advance(shown_path(result.path))
                if cached:
                    cached.put(result)
        if cached:
            cached.save()
        return results

    def _mend(self, results: Sequence[FileResult]) -> bool:
        """Apply the fixes that `results` offer, or print their differences; whether a file was written."""
        unsafe = self.options.unsafe_fixes
        mendable = [
            result.path
            for result in results
            if any(found.fix and (found.fix.safe or unsafe) for found in result.found)
        ]
        count = written = 0
        for workspace, members in self.workspaces.grouped(mendable):
            checker = workspace.checker()
            for path in members:
                fixes = self._mend_file(checker, path, unsafe)
                count += fixes
                written += bool(fixes) and not self.options.diff
        if not self.options.diff:
            _say(f"{counted(count, 'fix', 'es')} applied in {counted(written, 'file')}")
        return written > 0

    def _mend_file(self, checker: Checker, path: str, unsafe: bool) -> int:
        from kerascope.cli import fixing
        from kerascope.source.document import Document

        source = read(path)
        if isinstance(source, Unreadable):
            return 0
        try:
            after, count = fixing.fixed(checker, Document.from_text(path, source.text), unsafe=unsafe)
        except Exception as error:
            self._complain(
                path, f"its fixes could not be made ({type(error).__name__}: {error})", failed=True
            )
            return 0
        finally:
            checker.project.close(path)
        if self.options.diff:
            _write(fixing.diff(shown_path(path), source.text, after.text))
        elif count:
            problem = fixing.write(path, source, after.text)
            checker.project.changed_on_disk(path)
            if problem:
                self._complain(path, problem, failed=True)
                return 0
        return count

    def _finish(self, results: Sequence[FileResult]) -> int:
        """Print the findings; the exit status."""
        for result in results:
            if result.left_out:
                _say(f"{_place(result.path, result.left_out[0].line)}: {told(result.left_out)}")
        checked = sum(1 for result in results if result.problem is None)
        # With --diff the difference is the answer. Where nothing could be checked, there is none.
        if not self.options.diff and (checked or self.options.output_format == "json"):
            # Where the fixed text of standard input is the answer, the findings go beside it.
            beside = STANDARD_INPUT in self.options.paths and self.mends
            stream = sys.stderr if beside else sys.stdout
            prepare(stream)
            name = "statistics" if self.options.statistics else self.options.output_format
            write = cast(Write, import_module(f"kerascope.cli.formats.{name}").write)
            as_json = self.options.output_format == "json"
            output = Output(stream, wants_colour(stream), cache(self._lines), checked, as_json, cache(_cells))
            write(results, output)
        if self.failed:
            return 2
        return 1 if fails(results) and not self.options.exit_zero else 0

    def _lines(self, path: str) -> Sequence[str]:
        text = self.texts.get(path)
        if text is None:
            source = read(path)
            text = source.text if isinstance(source, SourceText) else ""
        return re.split(r"\r\n|\n|\r", text)

    def _complain(self, path: str, text: str, *, failed: bool) -> None:
        self.failed |= failed
        _say(f"{shown_path(path)}: {text}")


def _unknown_code(problem: Problem, settings: Settings, line: str) -> Finding | None:
    """An unknown code in a configuration file, as a finding; None for another problem, or if not wanted."""
    # A wrong `select` selects nothing, and must not hide itself by that.
    if problem.code is None or not replace(settings, select=()).reports(problem.code):
        return None
    level = settings.level(problem.code)
    word = re.match(r"[\w-]*", line[problem.column :])
    start = Position(problem.line, problem.column)
    end = Position(problem.line, problem.column + (word.end() if word else 0))
    severity = level if level is not None and level != "off" else "warning"
    return Finding(
        problem.path, Range(start, end), problem.code, "unknown-code", severity, problem.message, (2, 3)
    )


def _place(path: str, line: int) -> str:
    cells = _cells(path)
    if cells is None:
        return f"{shown_path(path)}:{line}"
    cell, within = cells.place(line - 1)
    return f"{shown_path(path)}:cell {cell + 1}:{within + 1}"


def _cells(path: str) -> Program | None:
    source = read(path) if path.endswith(".ipynb") else None
    return source.cells if isinstance(source, SourceText) else None


def _say(text: str) -> None:
    print(f"kerascope: {printable(text)}", file=sys.stderr)


def _write(text: str) -> None:
    prepare(sys.stdout)
    sys.stdout.write(text)
