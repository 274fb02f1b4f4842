"""Asks Jedi what imports alone don't answer: factories' results, annotated parameters, chains of attributes.

Nobody waits for an answer: `known` gives what is known and queues what isn't, or isn't any more. A thread
(`start`), or whoever has time (`run_pending`), has the queue answered by `jedi_worker`, a process of our
own interpreter; an answer that changes makes `Project.unchanged` false for whatever was derived from it.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from kerascope.project.catalogue import canonical
from kerascope.project.finding import KNOWN_BY_NAME, Class, End, File, InnerClass, Name, Own
from kerascope.project.meaning import Meaning
from kerascope.project.module import Binding, FunctionPiece, Module
from kerascope.source.document import Document, Site
from kerascope.source.position import Position, Range
from kerascope.source.statement import Statement

if TYPE_CHECKING:
    from kerascope.project.project import Project

PATIENCE: Final = 10.0
"""Seconds for one question; the first look into a large library takes some."""

_WORKER = Path(__file__).with_name("jedi_worker.py")

_DEBOUNCE = 0.2
"""Seconds without a new question before the thread has the queue answered."""

_WORKER_REQUESTS = 300
"""After so many files asked about the process is replaced: Jedi's caches only grow."""

_KEPT = 4000
"""Questions that wait at most, and questions whose answers are kept."""

_IDLE = 60.0
"""Seconds without a question before the process is ended, and its memory given back."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an expression is: one of `meanings`, or, if `instance`, an object of one of these classes."""

    meanings: tuple[Meaning, ...]
    instance: bool


@dataclass(frozen=True, slots=True)
class Ends:
    """An answer as it is kept: without anything that an edit elsewhere would make stale."""

    ends: tuple[End, ...] = ()
    instance: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """Which expression is asked about: `anchor` names its statement, a class by its place and header."""

    path: str
    anchor: object
    place: tuple[int, int, int | None, int | None]


@dataclass(slots=True)
class _Known:
    answer: Ends
    versions: dict[str, int]
    epoch: int
    lost: bool = False
    """Jedi crashed or hung over it; it isn't asked again."""


@dataclass(frozen=True, slots=True)
class _Asked:
    statement: Statement
    node: ast.AST


_Reply: TypeAlias = "dict[str, Any] | None"


class Inference:
    """Jedi's answers for one project. For several threads."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[Question, _Known] = {}
        self._waiting: dict[Question, _Asked] = {}
        self._last_asked = 0.0
        self._lock = threading.Lock()
        self._answering = threading.Lock()
        self._news = threading.Event()
        self._worker: _Worker | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def known(self, module: Module, statement: Statement, node: ast.AST) -> Answer | None:
        """What is known of an expression; None if nothing is. Never waits; asks for what isn't known, or may
        have changed. `node` is part of a statement of `module`."""
        question = _question(module, statement, node)
        if question is None:
            return None
        kept = self.kept(question, _Asked(statement, node))
        self._project.record(("inferred", question, statement, node), kept)
        if kept is None or not kept.ends:
            return None
        meanings = tuple(m for end in kept.ends if (m := self._project.meaning(end)) is not None)
        return Answer(meanings, kept.instance) if len(meanings) == len(kept.ends) else None

    def still(self, key: tuple[object, ...]) -> Ends | None:
        """The present answer to a question that `known` recorded; asks again where it may have changed."""
        _, question, statement, node = key
        assert isinstance(question, Question)
        assert isinstance(statement, Statement)
        assert isinstance(node, ast.AST)
        return self.kept(question, _Asked(statement, node))

    def files_read(self, key: tuple[object, ...]) -> set[str]:
        """The files of the project that the answer to a recorded question was found in."""
        question = key[1]
        assert isinstance(question, Question)
        known = self._known.get(question)
        return {question.path, *(known.versions if known is not None else ())}

    def kept(self, question: Question, asked: _Asked) -> Ends | None:
        """The answer that is kept, however old; queues the question if it may be out of date."""
        epoch = self._project.epoch
        with self._lock:
            known = self._known.get(question)
            if known is not None and (known.lost or known.epoch == epoch):
                return known.answer
            if known is not None and all(
                self._project.version(path) == version for path, version in known.versions.items()
            ):
                known.epoch = epoch
                return known.answer
            self._waiting.pop(question, None)
            self._waiting[question] = asked
            if len(self._waiting) > _KEPT:
                del self._waiting[next(iter(self._waiting))]
            self._last_asked = time.monotonic()
        self._news.set()
        return known.answer if known is not None else None

    def ask(self, document: Document, position: Position, patience: float = PATIENCE) -> Answer | None:
        """What the name at a position is; waits for the answer, `patience` seconds at most."""
        with self._answering:
            replies = self._replies(
                document.path,
                document.text,
                [(position.line + 1, position.column)],
                time.monotonic() + patience,
            )
        ends = (
            self._landed(document.path, replies[0]["values"])
            if replies and replies[0] is not None
            else Ends()
        )
        meanings = tuple(m for end in ends.ends if (m := self._project.meaning(end)) is not None)
        return Answer(meanings, ends.instance) if meanings else None

    def pending(self) -> bool:
        """Whether questions are waiting."""
        return bool(self._waiting)

    def running(self) -> bool:
        """Whether the process that runs Jedi is there."""
        worker = self._worker
        return worker is not None and worker.usable

    def cancel(self, path: str) -> None:
        """Drop the waiting questions of one file."""
        with self._lock:
            for question in [q for q in self._waiting if q.path == path]:
                del self._waiting[question]

    # --- answering ---

    def start(self, refined: Callable[[], None]) -> None:
        """Answer in the background from now on; `refined` is called there when answers have changed."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(refined,), name="inference", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread and the process."""
        self._closed = True
        self._news.set()
        worker = self._worker
        if worker is not None:
            worker.end()

    def _run(self, refined: Callable[[], None]) -> None:
        while not self._closed:
            if not self._news.wait(_IDLE):
                with self._answering:
                    if self._worker is not None:
                        self._worker.end()
                        self._worker = None
                self._news.wait()
            wait = self._last_asked + _DEBOUNCE - time.monotonic()
            if wait > 0:
                time.sleep(wait)
                continue
            self._news.clear()
            # Whatever goes wrong with one round of questions, the next has its chance.
            with contextlib.suppress(Exception):
                if self.run_pending(60.0):
                    refined()

    def run_pending(self, budget_seconds: float) -> bool:
        """Have the waiting questions answered for so many seconds, the latest file first; whether any answer
        changed."""
        deadline = time.monotonic() + budget_seconds
        changed = False
        with self._answering:
            while not self._closed and time.monotonic() < deadline:
                with self._lock:
                    if not self._waiting:
                        break
                    path = next(reversed(self._waiting)).path
                    batch = {q: asked for q, asked in self._waiting.items() if q.path == path}
                    for question in batch:
                        del self._waiting[question]
                changed |= self._answer(path, batch, deadline)
        return changed

    def _answer(self, path: str, batch: dict[Question, _Asked], deadline: float) -> bool:
        """Have the questions about one file answered."""
        epoch = self._project.epoch
        document = self._project.document(path)
        if document is None:
            return False
        own_version = self._project.version(path)
        places: dict[Question, Range | Position] = {}
        for question, asked in batch.items():
            where = self._where(document, question, asked)
            if where is not None:
                places[question] = where
        code, positions = marked(document.text, list(places.values()))
        replies = self._replies(path, code, positions, deadline)
        changed = False
        for question, reply in zip(places, replies, strict=False):
            versions = {path: own_version}
            answer = Ends()
            if reply is not None:
                answer = self._landed(path, reply["values"])
                versions |= {
                    file: self._project.version(file) for file in reply["files"] if self._may_change(file)
                }
            with self._lock:
                before = self._known.pop(question, None)
                self._known[question] = _Known(answer, versions, epoch, lost=reply is None)
                while len(self._known) > _KEPT:
                    del self._known[next(iter(self._known))]
            changed |= (before.answer if before is not None else Ends()) != answer
        return changed

    def _where(self, document: Document, question: Question, asked: _Asked) -> Range | Position | None:
        """Where the expression stands now; for a name, or an attribute, where that name begins: Jedi tells
        about names as they stand, and a decorator, say, should rather stay what it is."""
        statement, node = asked.statement, asked.node
        if isinstance(question.anchor, tuple):
            module = self._project.module(question.path)
            found = module.class_statement(question.anchor[0]) if module is not None else None
            if found is None or found.header != question.anchor[1]:
                return None
            statement = found
        where = document.range_of(Site(question.path, statement, node))
        if where is None:
            return None
        if isinstance(node, ast.Name):
            return where.start
        if isinstance(node, ast.Attribute):
            return Position(where.end.line, where.end.column - len(node.attr))
        return where

    def _may_change(self, file: str) -> bool:
        return file.endswith(".py") and not any(
            file.startswith(folder + os.sep) for folder in self._project.search_paths
        )

    def _replies(
        self, path: str, code: str, positions: Sequence[tuple[int, int]], deadline: float
    ) -> list[_Reply]:
        """A reply to each place, None for those over which Jedi crashed or hung; fewer if time ran out."""
        replies: list[_Reply] = []
        folder = os.path.dirname(path)  # noqa: PTH120
        request = {
            "path": path if os.path.isabs(path) else None,  # noqa: PTH117
            "code": code,
            "root": self._project.root or folder or os.sep,
            "sys_path": self._project.search_paths,
        }
        while len(replies) < len(positions) and not self._closed and time.monotonic() < deadline:
            if self._worker is not None and self._worker.requests > _WORKER_REQUESTS:
                self._worker.end()
            if self._worker is None or not self._worker.usable:
                try:
                    self._worker = _Worker()
                except OSError:
                    return [*replies, *[None] * (len(positions) - len(replies))]
            rest = positions[len(replies) :]
            self._worker.send({**request, "places": rest})
            for _ in rest:
                now = time.monotonic()
                reply = self._worker.receive(max(0.05, min(PATIENCE, deadline - now)))
                if reply is None and time.monotonic() >= deadline:
                    # Time ran out, which says nothing about the question.
                    self._worker.end()
                    return replies
                replies.append(reply)
                if reply is None:
                    self._worker.end()
                    break
        return replies

    # --- where answers land ---

    def _landed(self, asked_in: str, values: Sequence[dict[str, Any]]) -> Ends:
        """Jedi's values as ends. Objects and classes mixed say nothing."""
        ends: dict[End, None] = {}
        instances = {value["type"] == "instance" for value in values}
        if len(instances) != 1:
            return Ends()
        for value in values:
            end = self._end(asked_in, value)
            if end is None:
                return Ends()
            ends[end] = None
        return Ends(tuple(ends), instances.pop())

    def _end(self, asked_in: str, value: dict[str, Any]) -> End | None:
        path, name, line = value["path"], value["name"], value["line"]
        full_name: str = value["full_name"] or name
        if path is None and full_name.startswith("__main__."):
            path = asked_in
        if value["type"] not in ("class", "instance", "function", "module"):
            return None
        if (path != asked_in and (path is None or not path.endswith(".py"))) or full_name.split(".")[
            0
        ] in KNOWN_BY_NAME:
            return Name(full_name) if "." in full_name or value["type"] == "module" else None
        dotted = self._project.module_name(path)
        if value["type"] == "module":
            return Name(dotted) if canonical(dotted) else File(path)
        if canonical(f"{dotted}.{name}"):
            return Name(f"{dotted}.{name}")
        module = self._project.module(path)
        if module is None or line is None:
            return None
        if value["type"] == "function":
            return _function(module, name)
        return _class(module, name, line - 1)


def _function(module: Module, name: str) -> End | None:
    """A module-level function."""
    for statement in module.document.statements:
        if statement.kind == "function" and statement.name == name:
            return Own(module.path, Binding(name, FunctionPiece(), True, statement))
    return None


def _class(module: Module, name: str, line: int) -> End | None:
    """The class of this name that begins nearest to a line (Jedi may have seen another version)."""
    document = module.document
    nearest: tuple[int, End] | None = None
    for statement in document.walk():
        if name not in statement.text:
            continue
        start = document.line_of(statement) or 0
        found: list[tuple[int, End]] = []
        if statement.kind == "class":
            where = module.class_path(statement)
            if statement.name == name and where is not None:
                found = [(start, Class(module.path, where, statement.header))]
        else:
            found = [
                (start + node.lineno - 1, InnerClass(module.path, statement, node))
                for top in statement.nodes
                for node in ast.walk(top)
                if isinstance(node, ast.ClassDef) and node.name == name
            ]
        for at, end in found:
            if nearest is None or abs(at - line) < abs(nearest[0] - line):
                nearest = (at, end)
    return nearest[1] if nearest is not None else None


def _question(module: Module, statement: Statement, node: ast.AST) -> Question | None:
    line, column = getattr(node, "lineno", None), getattr(node, "col_offset", None)
    if line is None or column is None:
        return None
    place = (line, column, getattr(node, "end_lineno", None), getattr(node, "end_col_offset", None))
    anchor: object = statement
    if statement.kind == "class":
        # A class is another statement after every edit of its body.
        anchor = (module.class_path(statement), statement.header)
    return Question(module.path, anchor, place)


def marked(text: str, places: Sequence[Range | Position]) -> tuple[str, list[tuple[int, int]]]:
    """The text with every expression that is a range bound to a name of its own, `(kerascope_0 := …)`, and
    where these names, or the positions, stand then (lines from 1): at a name Jedi tells what its value is."""
    lines = _LINE.findall(text)
    inserts: dict[int, list[tuple[tuple[int, ...], str, int]]] = {}
    for number, place in enumerate(places):
        # At one column, what ends comes before what begins, the outer begins first and ends last.
        if isinstance(place, Range):
            start, end = place.start, place.end
            opening = (start.column, 1, -end.line, -end.column)
            inserts.setdefault(start.line, []).append((opening, f"(kerascope_{number} := ", number))
            closing = (end.column, 0, -start.line, -start.column)
            inserts.setdefault(end.line, []).append((closing, ")", -1))
        else:
            inserts.setdefault(place.line, []).append(((place.column, 2), "", number))
    positions: dict[int, tuple[int, int]] = {}
    for line, here in inserts.items():
        pieces: list[str] = []
        length = done = 0
        for (column, *_), insert, number in sorted(here):
            pieces.append(lines[line][done:column])
            length += len(pieces[-1])
            if number >= 0:
                positions[number] = (line + 1, length + (1 if insert else 0))
            pieces.append(insert)
            length += len(insert)
            done = column
        lines[line] = "".join([*pieces, lines[line][done:]])
    return "".join(lines), [positions[number] for number in range(len(places))]


_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")


class _Worker:
    """The process that runs Jedi."""

    def __init__(self) -> None:
        self.usable = True
        self.requests = 0
        self._replies: queue.Queue[str | None] = queue.Queue()
        # -I -S: nothing of the environment, the current folder or any site-packages decides what it runs.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            errors="surrogatepass",
            cwd=os.path.dirname(__file__),  # noqa: PTH120
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        threading.Thread(target=self._read, name="inference replies", daemon=True).start()
        self.send({"folders": _jedi_folders()})

    def send(self, request: dict[str, Any]) -> None:
        """Send one line; what a dead process doesn't take is noticed when no reply comes."""
        self.requests += 1
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()

    def receive(self, patience: float) -> _Reply:
        """The next reply; None if the process ended, or none came in time: then it can't be used any more."""
        try:
            line = self._replies.get(timeout=patience)
            reply = json.loads(line) if line else None
        except (queue.Empty, ValueError):
            reply = None
        self.usable = isinstance(reply, dict)
        return reply if self.usable else None

    def end(self) -> None:
        """End the process."""
        self.usable = False
        with contextlib.suppress(OSError):
            self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            for line in self._process.stdout:
                self._replies.put(line)
        self._replies.put(None)


def _jedi_folders() -> list[str]:
    """The folders that hold Jedi and what it needs."""
    found: dict[str, None] = {}
    for name in ("jedi", "parso"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            found[str(Path(spec.origin).parent.parent)] = None
    return list(found)
