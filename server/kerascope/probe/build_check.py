"""The build check as the editor and the command line ask for it: from a class in a file to a report.

What is asked of the project happens in `prepare`, in the thread that owns it, in milliseconds; `run` waits
for a worker, in any thread, and knows nothing of the project.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kerascope.check import Checker
from kerascope.probe.report import Frame, Report, Stage, from_json
from kerascope.probe.request import Limits, Request, Slice, to_json
from kerascope.project.catalogue import Generation, canonical
from kerascope.project.environment import Environment
from kerascope.project.module import Module
from kerascope.source.cutting import LINE_END, comments
from kerascope.source.document import Document

if TYPE_CHECKING:
    import threading as threads

    from kerascope.probe.process import Workers
    from kerascope.probe.recipe import Given

MOST_REMEMBERED = 200


@dataclass(frozen=True, slots=True)
class Prepared:
    """One run of the build check, ready for a worker.

    `environment`: variables for the worker, by which an environment with several generations of Keras gives
    the one that is meant. `digest`: the same for as long as the same would be run, wherever its lines have
    moved. `answer`: what is known without running anything, for example that the class doesn't exist.
    """

    path: str
    class_name: str
    line: int
    request: Request | None = None
    python: str = ""
    generation: Generation = 3
    environment: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""
    digest: str = ""
    answer: Report | None = None


class BuildCheck:
    """Build checks of one project, run by `workers`, which several may share.

    Remembers what it measured: what hasn't changed isn't built again. For several threads, but for `prepare`
    and `layer_classes`, which belong to the thread that owns the project.
    """

    def __init__(
        self, checker: Checker, workers: Workers, root: str | None = None, *, trusted: bool = True
    ) -> None:
        """`root`: frames in this folder are the user's (by default the project's). `trusted`: whether code of
        this workspace may be run at all."""
        self._checker = checker
        self._workers = workers
        self._root = root if root is not None else checker.project.root
        self._trusted = trusted
        self._lock = threading.Lock()
        self._remembered: OrderedDict[str, tuple[Report, Slice]] = OrderedDict()

    # --- in the thread that owns the project ---

    def layer_classes(self, path: str) -> Sequence[tuple[str, int]]:
        """The layer classes of a file that can be asked for ("Outer.Inner" in a class), with the lines of
        their names, counted from 1."""
        module = self._checker.project.module(path)
        if module is None:
            return ()
        from kerascope.probe.recipe import layer_classes

        examiner = self._checker.examiner(self._checker.generations(module.document)[0])
        return tuple((each.name, each.line) for each in layer_classes(examiner, module) if not each.why_not)

    def prepare(self, path: str, class_name: str, given: Given | None = None) -> tuple[Prepared, ...]:
        """The runs that checking a class takes: one for each generation of Keras that the file is for and
        that the interpreter has. Raises ValueError, with a message for the user, for a mistake in `given`."""
        settings, document = self._checker.settings, self._checker.project.document(path)
        module = self._checker.project.module(path)
        if not self._trusted:
            return (_answered(path, class_name, 1, "refused", _UNTRUSTED),)
        if not settings.enable or not settings.build:
            return (_answered(path, class_name, 1, "refused", _SWITCHED_OFF),)
        if document is None or module is None:
            why = self._checker.project.problems.get(path, "it can't be read")
            return (_answered(path, class_name, 1, "refused", f"{path}: {why}."),)
        from kerascope.probe.comment import CommentProblem
        from kerascope.probe.recipe import layer_classes, plan

        generations = self._checker.generations(document)
        examiner = self._checker.examiner(generations[0])
        classes = layer_classes(examiner, module)
        found = next((each for each in classes if each.name == class_name), None)
        if found is None:
            line, message = _unknown_class(document, class_name, [each.name for each in classes])
            return (_answered(path, class_name, line, "refused", message),)
        if found.why_not:
            return (_answered(path, class_name, found.line, "refused", found.why_not),)
        environments = list(
            _environments(self._checker.environment, generations, self._checker.names(document))
        )
        ready = [each for each in environments if isinstance(each, _Environment)]
        if not ready:
            return (_answered(path, class_name, found.line, "no-keras", str(environments[0])),)
        prepared = []
        for each in ready:
            planned = plan(
                self._checker.project, self._checker.examiner(each.generation), module, class_name, given
            )
            if isinstance(planned.problem, CommentProblem):
                line = planned.problem.range.start.line + 1
                message = f"{planned.problem.message.rstrip('.')} (line {line})."
                return (_answered(path, class_name, found.line, "refused", message),)
            request = Request(
                class_name,
                planned.slice,
                planned.recipes,
                self._root or "",
                given.call or "" if given is not None else "",
                Limits(settings.build_timeout, settings.build_memory),
                settings.build_gpu,
            )
            prepared.append(
                Prepared(
                    path,
                    class_name,
                    found.line,
                    request,
                    each.python,
                    each.generation,
                    each.variables,
                    self._blank(module, class_name, each.generation),
                    _digest(request, each, self._checker.environment),
                )
            )
        return tuple(prepared)

    def _blank(self, module: Module, class_name: str, generation: Generation) -> str:
        """The comment that says how to build the class, with blanks for a person to fill in."""
        from kerascope.probe.comment import blank_comment
        from kerascope.project.catalogue import catalogue
        from kerascope.tracking.classes import ClassIndex

        name = class_name.rpartition(".")[2]
        for definition in self._checker.examiner(generation).layer_classes(module):
            if definition.name == name:
                return blank_comment(ClassIndex(self._checker.project, catalogue(generation)), definition)
        return ""

    # --- in any thread ---

    def known(self, prepared: Prepared) -> Report | None:
        """The report of an earlier run of the very same, its lines moved to where they are now."""
        if prepared.answer is not None or prepared.request is None:
            return prepared.answer
        with self._lock:
            kept = self._remembered.get(prepared.digest)
            if kept is None:
                return None
            self._remembered.move_to_end(prepared.digest)
        report, before = kept
        now = prepared.request.slice
        if before is not now:
            report = moved(report, _moves(before, now))
        return replace(report, line=prepared.line, left_out=now.left_out)

    def run(
        self,
        prepared: Prepared,
        *,
        progress: Callable[[Stage, str], None] | None = None,
        partial: Callable[[Mapping[str, Any]], None] | None = None,
        cancelled: threads.Event | None = None,
        force: bool = False,
    ) -> Report:
        """Build and measure, unless the very same was (or `force`). Blocks; raises nothing for anything that
        the user's code or environment does."""
        known = self.known(prepared) if prepared.answer is not None or not force else None
        if known is not None or prepared.request is None:
            assert known is not None
            return known
        answer = self._workers.run(
            prepared.python,
            prepared.request,
            generation_env=prepared.environment,
            progress=progress,
            partial=partial,
            cancelled=cancelled,
        )
        report = from_json(
            answer,
            path=prepared.path,
            class_name=prepared.class_name,
            line=prepared.line,
            left_out=prepared.request.slice.left_out,
            digest=prepared.digest,
        )
        if report.status == "unknown" and not report.missing:
            report = replace(report, missing=prepared.missing)
        if report.status in ("built", "raised", "unknown"):
            with self._lock:
                self._remembered[prepared.digest] = report, prepared.request.slice
                self._remembered.move_to_end(prepared.digest)
                while len(self._remembered) > MOST_REMEMBERED:
                    self._remembered.popitem(last=False)
        return report

    def warm(self, path: str) -> None:
        """Start a worker for a file in the background, where that is allowed."""
        document = self._checker.project.document(path)
        if document is None or not self._trusted or not self._checker.settings.build:
            return
        generations = self._checker.generations(document)
        for each in _environments(self._checker.environment, generations, self._checker.names(document)):
            if isinstance(each, _Environment):
                self._workers.warm(
                    each.python, generation_env=each.variables, gpu=self._checker.settings.build_gpu
                )


_UNTRUSTED = "This workspace isn't trusted, so none of its code is run."
_SWITCHED_OFF = "The build check is switched off in the settings (`build = false`)."


def _answered(path: str, class_name: str, line: int, status: Any, message: str) -> Prepared:
    report = Report(path, class_name, line, status, message)
    return Prepared(path, class_name, line, answer=report)


def _unknown_class(document: Document, name: str, known: Sequence[str]) -> tuple[int, str]:
    """The line, from 1, and why there is no such class."""
    for statement in document.walk():
        if statement.kind == "class" and statement.name == name.rpartition(".")[2] and statement.broken:
            line = (document.line_of(statement) or 0) + 1
            return line, f"{name} is not valid Python (line {line}): mend that first."
    if not known:
        return 1, "There is no layer class in this file."
    near = difflib.get_close_matches(name, known, 1, 0.5) or [
        each for each in known if each.endswith(f".{name}")
    ]
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known[:8])}"
    return 1, f"There is no layer class {name} in this file; {hint}" + ("" if near else ".")


# --- which Keras ---


@dataclass(frozen=True, slots=True)
class _Environment:
    """An interpreter that gives one generation of Keras."""

    python: str
    generation: Generation
    variables: Mapping[str, str]


def _environments(
    environment: Environment, generations: Sequence[Generation], names: frozenset[str]
) -> Iterator[_Environment | str]:
    """For each generation how to get it for a file that uses these names, or why it can't be had."""
    python = environment.python
    if python is None:
        yield "No Python interpreter was found: name one with --python, or the setting `python`."
        return
    known = [found[1] for name in names if (found := canonical(name)) is not None]
    origins = set(known) & {"keras", "tf", "tf_keras"}
    for generation in generations:
        given = {environment.generation(origin) for origin in origins or {"keras"}}
        if not environment.versions or given == {None}:
            # Found by files alone; the interpreter itself will tell.
            yield _Environment(python, generation, {"TF_USE_LEGACY_KERAS": "1"} if generation == 2 else {})
        elif given == {generation}:
            yield _Environment(python, generation, {})
        elif generation == 2 and "tf_keras" in environment.versions:
            variables = {"TF_USE_LEGACY_KERAS": "1"}
            if "keras" in origins:
                variables["KERASCOPE_KERAS"] = "tf_keras"
            yield _Environment(python, 2, variables)
        elif generation == 3 and environment.generation("keras") == 3:
            yield _Environment(python, 3, {"TF_USE_LEGACY_KERAS": "0"})
        elif generation == 2:
            yield f"This file is for Keras 2, and {python} has Keras 3: install tf_keras there."
        else:
            yield f"This file is for Keras 3, and {python} has Keras 2: install Keras 3 there."


# --- the same again? ---


def _digest(request: Request, environment: _Environment, installed: Environment) -> str:
    what = [
        request.class_name,
        [[module.name, _text_digest(module.text)] for module in request.slice.modules],
        _without_lines(to_json(request.recipes)),
        request.call,
        request.gpu,
        environment.python,
        environment.generation,
        sorted(environment.variables.items()),
        sorted(installed.versions.items()),
    ]
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()


@lru_cache(maxsize=1000)
def _text_digest(text: str) -> str:
    return hashlib.sha256(_code(text).encode("utf-8", "surrogatepass")).hexdigest()


def _code(text: str) -> str:
    """The lines that matter, without blanks at their ends."""
    lines = LINE_END.split(text)
    return "\n".join(lines[number - 1].rstrip() for number in _code_lines(text))


def _code_lines(text: str) -> list[int]:
    """The lines, counted from 1, that are neither empty nor only a comment."""
    lines = LINE_END.split(text)
    said = {each.line for each in comments(text) if not lines[each.line][: each.column].strip()}
    return [number for number, line in enumerate(lines, 1) if line.strip() and number - 1 not in said]


def _without_lines(value: Any) -> Any:
    """Recipes without where they stand."""
    if isinstance(value, dict):
        return {
            key: _code(item) if key == "text" else _without_lines(item)
            for key, item in value.items()
            if key != "line"
        }
    return [_without_lines(item) for item in value] if isinstance(value, list) else value


Moves = Mapping[str, Mapping[int, int]]
"""By file: old line → new line."""


def _moves(before: Slice, now: Slice) -> Moves:
    """Where the lines of one slice are in another with the same code."""
    return {
        old.path: dict(zip(_code_lines(old.text), _code_lines(new.text), strict=False))
        for old, new in zip(before.modules, now.modules, strict=False)
    }


def moved(value: Any, moves: Moves) -> Any:
    """A report, or a part of one, with each frame in it at its new line."""
    if isinstance(value, Frame):
        return replace(value, line=moves.get(value.path, {}).get(value.line, value.line))
    if isinstance(value, tuple):
        return tuple(moved(item, moves) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        changed = {each.name: moved(getattr(value, each.name), moves) for each in fields(value)}
        return replace(value, **changed)
    return value
