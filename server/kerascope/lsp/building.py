"""The build check in the editor: asked for by the person, run in a thread of its own, and its report kept for
as long as it speaks of the present text.

One check runs at a time in each folder. What is asked for meanwhile waits, and a newer request for the same
class takes the place of one that waits.
"""

from __future__ import annotations

import copy
import functools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from lsprotocol import types

from kerascope.lsp.freshness import Basis, lines_run
from kerascope.lsp.progress import Shown

if TYPE_CHECKING:
    from kerascope.lsp.documents import OpenDocument
    from kerascope.lsp.server import Server
    from kerascope.lsp.workspace import Folder
    from kerascope.probe.process import Workers
    from kerascope.probe.report import Report, Stage
    from kerascope.probe.request import Request, SlicedModule
    from kerascope.source.document import Document

REVIEW_DELAY = 0.3
"""Seconds without a change after which it is looked which reports still speak of the present text."""
QUICK = 0.004
"""Seconds that preparing a check may take after every keystroke."""
TOLD = frozenset({"no-keras", "unknown", "timeout", "memory", "crashed", "refused"})
"""What a person is told in a message: it is about no line of the code."""


class Prepared(Protocol):
    """What a check is about to run, under one Keras generation."""

    @property
    def request(self) -> Request | None: ...
    @property
    def digest(self) -> str: ...
    @property
    def answer(self) -> Report | None: ...


Given = Mapping[str, str]
"""What the request itself says: "init", "on" and "call", as on the command line."""


class BuildCheck(Protocol):
    """Prepares checks in the working thread, and runs them in any."""

    def prepare(self, path: str, class_name: str, given: Given) -> Sequence[Prepared]:
        """What to run, once for each Keras generation. ValueError says what is wrong in `given`."""

    def run(
        self,
        prepared: Prepared,
        *,
        progress: Callable[[Stage, str], None],
        partial: Callable[[Mapping[str, object]], None],
        cancelled: threading.Event,
        force: bool,
    ) -> Report:
        """Never raises for anything that the user's code or environment does."""

    def known(self, prepared: Prepared) -> Report | None:
        """The report of an earlier run of the same, its lines those of the present text."""


@dataclass(eq=False, slots=True)
class Outcome:
    """What became of one class that was asked for. `message` where there is no report."""

    path: str
    class_name: str
    reports: tuple[Report, ...] = ()
    status: str = ""
    message: str = ""

    def __post_init__(self) -> None:
        if self.reports:
            worst = next((report for report in self.reports if report.status != "built"), self.reports[0])
            self.status, self.message = worst.status, worst.message


@dataclass(eq=False, slots=True)
class Asked:
    """One request: for one class or several, with what it shows meanwhile."""

    done: Callable[[Sequence[Outcome]], None] = lambda outcomes: None
    part: Callable[[str, Mapping[str, object]], None] | None = None
    """Gets the class's name and what is known of its report so far."""
    token: int | str | None = None
    """Of the progress, where the client named one."""
    unasked: bool = False
    """Whether it comes from saving: then a report that is known already will do, and no message is shown."""
    shown: Shown | None = None
    running: _Job | None = None
    cancelled: bool = False
    left: int = 0
    outcomes: list[Outcome] = field(default_factory=list)

    def cancel(self) -> None:
        """Nobody wants it any more; any thread may say so."""
        self.cancelled = True
        running = self.running
        if running is not None:
            running.stop.set()


@dataclass(eq=False, slots=True)
class _Job:
    """One class of a request."""

    asked: Asked
    folder: Folder
    path: str
    class_name: str
    given: Given
    check: BuildCheck
    prepared: Sequence[Prepared] = ()
    documents: dict[str, Document | None] = field(default_factory=dict)
    """What it was prepared from."""
    seconds: float = 0.0
    """What preparing it took."""
    stop: threading.Event = field(default_factory=threading.Event)
    replaced: bool = False


@dataclass(eq=False, slots=True)
class Kept:
    """The last check of a class. `fresh`: its reports speak of the present text.

    What the reports say of lines is about the present text too. `sure`: both were found out by preparing the
    check anew, and not by a look at which lines have changed.
    """

    folder: Folder
    path: str
    class_name: str
    given: Given
    check: BuildCheck
    reports: tuple[Report, ...]
    digests: tuple[str, ...]
    basis: Basis
    fresh: bool = True
    sure: bool = True


@dataclass(eq=False, slots=True)
class _Queue:
    running: _Job | None = None
    waiting: deque[_Job] = field(default_factory=deque)

    def jobs(self) -> tuple[_Job, ...]:
        return (*([self.running] if self.running is not None else ()), *self.waiting)


class Building:
    """Runs build checks, and knows their reports. Touched by the working thread alone."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._queues: dict[Folder, _Queue] = {}
        self._kept: dict[tuple[str, str], Kept] = {}
        self._workers: Workers | None = None
        self._change = 0
        self._closed = False
        self._changed = False
        self._has_lenses = server.client.capability("textDocument.codeLens") is not None
        self._lenses = server.client.supports("workspace.codeLens.refreshSupport")
        self._hints = server.client.supports("workspace.inlayHint.refreshSupport")

    # --- asking ---

    def ask(self, path: str, names: Sequence[str], given: Given, asked: Asked) -> None:
        """Check classes of a file, one after the other. ValueError says why nothing can be checked."""
        jobs = self._made(path, names, given, asked)
        if any(each.answer and each.answer.status == "no-keras" for job in jobs for each in job.prepared):
            # The person may have installed it since the folder was opened.
            self._server.workspace_folders.reopen(jobs[0].folder)
            jobs = self._made(path, names, given, asked)
        folder = jobs[0].folder if jobs else self._server.workspace_folders.folder_of(path)
        queue = self._queues.setdefault(folder, _Queue())
        asked.left = len(jobs)
        given_token = asked.token is not None
        shown = Shown(self._server, asked.token) if given_token else self._server.indicator.created()
        shown.begin(title(names), functools.partial(self.cancel_request, asked))
        asked.shown = shown
        for job in jobs:
            self._make_way(queue, job)
        queue.waiting.extend(jobs)
        if not jobs:
            self._answer(asked)
        elif queue.running is None:
            self._next(queue)
        else:
            shown.report("waiting for another build check to end…")
        self.refresh()

    def _made(self, path: str, names: Sequence[str], given: Given, asked: Asked) -> list[_Job]:
        folder = self._server.workspace_folders.folder_of(path)
        check = folder.project.build_check(path, self._get_workers)
        jobs = [_Job(asked, folder, path, name, given, check) for name in names]
        if len(jobs) == 1:  # of several each is prepared when its turn comes
            self._ready(jobs[0])
        return jobs

    def cancel(self, path: str, class_name: str | None) -> None:
        """Stop what runs or waits for a file, or for one of its classes."""
        for job in self._jobs():
            if job.path == path and class_name in (None, job.class_name):
                job.asked.cancel()
        self._sweep()

    def cancel_request(self, asked: Asked) -> None:
        """Stop a request; any thread may ask."""
        asked.cancel()
        self._server.later(self._sweep)

    def _sweep(self) -> None:
        """Answer what waits and isn't wanted any more."""
        for queue in tuple(self._queues.values()):
            for job in [job for job in queue.waiting if job.asked.cancelled]:
                queue.waiting.remove(job)
                self._finish(job, "cancelled", "The build check was cancelled.")

    def _jobs(self) -> Iterator[_Job]:
        for queue in self._queues.values():
            yield from queue.jobs()

    def is_running(self, path: str, class_name: str) -> bool:
        """Whether a class is being checked, or about to be."""
        return any((job.path, job.class_name) == (path, class_name) for job in self._jobs())

    def saved(self, path: str) -> None:
        """Check the classes whose text is new since their last check, if the person set that."""
        if self._server.documents.at(path) is None or not self._server.settings.ready:
            return
        folder = self._server.workspace_folders.folder_of(path)
        settings = folder.project.build_settings(path)
        if settings.refused or not settings.on_save:
            return
        names = [layer.name for layer in folder.project.layer_classes(path)]
        due = [name for name in names if (kept := self.of(path, name)) is None or not kept.fresh]
        if due:
            self.ask(path, due, {}, Asked(unasked=True))

    # --- what is known ---

    def of(self, path: str, class_name: str) -> Kept | None:
        """The last check of a class, of the present text or not."""
        kept = self._kept.get((path, class_name))
        if kept is not None:
            self._look(kept)
        return kept

    def reports(self, path: str) -> list[Report]:
        """The reports that speak of the present text, and of the file at `path`."""
        found: list[Report] = []
        for kept in tuple(self._kept.values()):
            if path in kept.basis.documents:
                self._look(kept)
                if kept.fresh:
                    found.extend(kept.reports)
        return found

    def changed(self) -> None:
        """A text is new: after a while without another change, look what that means for the reports."""
        self._change += 1
        if self._kept:
            number = self._change
            self._server.after(REVIEW_DELAY, lambda: self._review(number))

    def _review(self, number: int) -> None:
        """Look at one report anew, and then at the next: messages come between."""
        if number != self._change:
            return
        for kept in tuple(self._kept.values()):
            self._look(kept)
            if not kept.sure:
                self._prepare(kept)
                self._server.after(0, lambda: self._review(number))
                return
        if self._changed:
            self.refresh()
            self._server.diagnostics.recheck()

    def _look(self, kept: Kept) -> None:
        """Find out whether a check's reports speak of the present text; later, if that takes long."""
        now = self._documents(kept.folder, kept.basis.documents)
        if kept.basis.is_of(now):
            if kept.sure or kept.fresh:
                return
        elif kept.basis.seconds > QUICK:
            kept.sure = False
            if kept.fresh:
                self._glance(kept, now)
            return
        self._prepare(kept)

    def _glance(self, kept: Kept, now: Mapping[str, Document | None]) -> None:
        """Look which lines have changed: those of other classes don't matter, but move what is below."""
        basis = kept.basis.moved(now)
        if basis is None:
            self._set_fresh(kept, False)
        else:
            kept.basis, kept.reports = basis, basis.reports

    def _prepare(self, kept: Kept) -> None:
        """Find out what would be run now, and whether that is what was run."""
        begun = time.perf_counter()
        prepared: Sequence[Prepared] = ()
        try:
            prepared = kept.check.prepare(kept.path, kept.class_name, kept.given)
        except ValueError:
            pass
        except Exception as error:
            self._server.log.failure(f"looking at {kept.class_name}", error)
        seconds = time.perf_counter() - begun
        known = [kept.check.known(each) for each in prepared]
        digests = tuple(each.digest for each in prepared)
        if digests == kept.digests:
            known = [report or before for report, before in zip(known, kept.reports, strict=True)]
        reports = tuple(report for report in known if report is not None and report.status != "refused")
        fresh = bool(prepared) and len(reports) == len(prepared)
        if fresh:
            kept.reports, kept.digests = reports, digests
        paths = (
            kept.basis.documents
            if not fresh
            else (kept.path, *(module.path for module in _modules(prepared)))
        )
        kept.basis = Basis(
            kept.reports,
            self._documents(kept.folder, paths),
            lines_run(_modules(prepared)) if fresh else kept.basis.lines,
            seconds,
        )
        kept.sure = True
        self._set_fresh(kept, fresh)

    def _set_fresh(self, kept: Kept, fresh: bool) -> None:
        if fresh != kept.fresh:
            kept.fresh = fresh
            self._changed = True

    def _documents(self, folder: Folder, paths: Iterable[str]) -> dict[str, Document | None]:
        return {path: folder.project.document(path) for path in paths}

    # --- running ---

    def _make_way(self, queue: _Queue, job: _Job) -> None:
        """A newer request takes the place of one that waits, and of one that runs on a text of yesterday."""

        def same(other: _Job) -> bool:
            return (other.path, other.class_name) == (job.path, job.class_name)

        def digests(other: _Job) -> list[str]:
            return [prepared.digest for prepared in other.prepared]

        for other in [other for other in queue.waiting if same(other)]:
            queue.waiting.remove(other)
            self._finish(other, "cancelled", "A newer request has taken the place of this one.")
        running = queue.running
        if running is not None and same(running):
            self._ready(job)
            if digests(running) != digests(job):
                running.replaced = True
                running.stop.set()

    def _ready(self, job: _Job) -> None:
        """Prepare a job from the present text, unless that was done."""
        if job.prepared and job.documents == self._documents(job.folder, job.documents):
            return
        begun = time.perf_counter()
        job.prepared = job.check.prepare(job.path, job.class_name, job.given)
        job.seconds = time.perf_counter() - begun
        job.documents = self._documents(
            job.folder, (job.path, *(module.path for module in _modules(job.prepared)))
        )

    def _next(self, queue: _Queue) -> None:
        while queue.running is None and queue.waiting:
            job = queue.waiting.popleft()
            try:
                self._ready(job)
            except ValueError as error:
                self._finish(job, "refused", str(error))
                continue
            except Exception as error:
                self._fail(job, error)
                continue
            queue.running = job.asked.running = job
            if job.asked.cancelled:
                job.stop.set()
            threading.Thread(
                target=self._run, args=(queue, job), name=f"kerascope-build-{job.class_name}", daemon=True
            ).start()

    def _run(self, queue: _Queue, job: _Job) -> None:
        """In a thread of its own: everything that it learns is handed to the working thread."""
        server, asked = self._server, job.asked
        done = len(asked.outcomes)
        percentage = 100 * done // (done + asked.left) if done + asked.left > 1 else None

        def progress(stage: Stage, text: str) -> None:
            if asked.shown is not None:
                server.later(functools.partial(asked.shown.report, f"{job.class_name}: {text}", percentage))

        def partial(part: Mapping[str, object]) -> None:
            if asked.part is not None:
                # It grows in this thread while the other one sends it.
                server.later(functools.partial(asked.part, job.class_name, copy.deepcopy(part)))

        def run(prepared: Prepared) -> Report:
            return job.check.run(
                prepared,
                progress=progress,
                partial=partial,
                cancelled=job.stop,
                force=not asked.unasked,
            )

        reports: list[Report] = []
        failure: Exception | None = None
        try:
            for prepared in job.prepared:
                reports.append(run(prepared))
                if job.stop.is_set():
                    break
        except Exception as error:
            failure = error

        def ended() -> None:
            queue.running = asked.running = None
            try:
                if failure is not None:
                    self._fail(job, failure)
                else:
                    self._ended(job, tuple(reports))
            finally:
                self._sweep()
                self._next(queue)
                self.refresh()

        server.later(ended)

    def _ended(self, job: _Job, reports: tuple[Report, ...]) -> None:
        stays = all(report.status not in ("cancelled", "refused") for report in reports)
        if stays and len(reports) == len(job.prepared) and job.folder in self._queues:
            digests = tuple(prepared.digest for prepared in job.prepared)
            basis = Basis(reports, job.documents, lines_run(_modules(job.prepared)), job.seconds)
            # The text may have changed meanwhile.
            kept = self._kept[job.path, job.class_name] = Kept(
                job.folder, job.path, job.class_name, job.given, job.check, reports, digests, basis
            )
            self._look(kept)
            self.changed()
            self._server.diagnostics.recheck()
        outcome = Outcome(job.path, job.class_name, reports)
        if outcome.status == "cancelled" and job.replaced:
            outcome.message = "A newer request has taken the place of this one."
        self._settle(job, outcome)

    def _fail(self, job: _Job, error: Exception) -> None:
        self._server.log.failure(f"the build check of {job.class_name}", error)
        self._finish(job, "crashed", f"Kerascope itself failed on {job.class_name}; please report that.")

    def _finish(self, job: _Job, status: str, message: str) -> None:
        self._settle(job, Outcome(job.path, job.class_name, (), status, message))

    def _settle(self, job: _Job, outcome: Outcome) -> None:
        asked = job.asked
        asked.outcomes.append(outcome)
        asked.left -= 1
        quiet = asked.unasked or self._server.client.shows_results or asked.left or len(asked.outcomes) > 1
        if outcome.status in TOLD and not quiet:
            self._server.log.show(f"Build check of {outcome.class_name}: {outcome.message}")
        if asked.left <= 0:
            self._answer(asked)

    def _answer(self, asked: Asked) -> None:
        told = _end(asked.outcomes)
        if asked.shown is not None:
            asked.shown.end(told)
        built = any(outcome.status in ("built", "raised") for outcome in asked.outcomes)
        if built and not (asked.unasked or self._has_lenses or self._server.client.shows_results):
            self._server.log.show(f"Build check: {told}", types.MessageType.Info)
        asked.done(asked.outcomes)

    # --- the rest ---

    def refresh(self) -> None:
        """Have the client ask anew for what it shows over and beside the code."""
        self._changed = False
        if self._closed:
            return
        if self._lenses:
            self._server.ask(types.WORKSPACE_CODE_LENS_REFRESH, None)
        if self._hints:
            self._server.ask(types.WORKSPACE_INLAY_HINT_REFRESH, None)

    def folder_closed(self, folder: Folder) -> None:
        """Its settings or its interpreter may be others now: what was measured there doesn't count."""
        queue = self._queues.get(folder, _Queue())
        for job in queue.jobs():
            job.asked.cancel()
        self._sweep()
        self._queues.pop(folder, None)
        self._kept = {key: kept for key, kept in self._kept.items() if kept.folder is not folder}
        self.refresh()

    def closed(self, opened: OpenDocument) -> None:
        """Nobody looks at a file any more."""
        self._kept = {key: kept for key, kept in self._kept.items() if kept.path != opened.path}
        self.changed()

    def close(self) -> None:
        """Stop what runs, and leave no process behind."""
        self._closed = True
        for job in self._jobs():
            job.asked.cancel()
        if self._workers is not None:
            self._workers.close()

    def _get_workers(self) -> Workers:
        if self._workers is None:
            from kerascope.probe.process import Workers

            self._workers = Workers()
        return self._workers


def _modules(prepared: Iterable[Prepared]) -> Iterator[SlicedModule]:
    """The modules that a check runs, as far as it runs them."""
    for each in prepared:
        if each.request is not None:
            yield from each.request.slice.modules


def summary(reports: Sequence[Report]) -> str:
    """A line for all reports of a class: where generations differ, each has its name before it."""
    if len({report.summary for report in reports}) <= 1:
        return reports[0].summary if reports else ""
    return " · ".join(f"Keras {report.generation or '?'}: {report.summary}" for report in reports)


def _end(outcomes: Sequence[Outcome]) -> str:
    """What a request came to, in a line."""
    if len(outcomes) == 1:
        outcome = outcomes[0]
        return f"{outcome.class_name}: {summary(outcome.reports) or outcome.message}"
    built = [outcome.class_name for outcome in outcomes if outcome.status == "built"]
    return f"{len(built)} of {len(outcomes)} classes were built"


def title(names: Sequence[str]) -> str:
    """What a request for these classes is called where its progress is shown."""
    return f"Build check: {names[0] if len(names) == 1 else f'{len(names)} classes'}"
