"""The process between Kerascope and the user's code: it starts, limits, watches and ends what runs a check.

It imports nothing but the standard library, runs nothing of the user's, and stays when a check, or the
zygote that has imported Keras, is killed or hangs. When Kerascope goes, it ends everything and goes too.
"""

from __future__ import annotations

import array
import collections
import contextlib
import json
import os
import selectors
import shutil
import signal
import socket
import time
from typing import Any, Callable, Deque, Dict, List, Optional, Set

from . import imports, kin, stack
from .ending import Ending, described
from .lines import Lines

_LONGEST_RESULTS = 64 << 20
_GLANCE = 0.05
"""Seconds between two looks at the memory of a running check."""
_GRACE = 2.0
"""Seconds that a killed process gets to be gone."""


class Closed(Exception):
    """Kerascope is gone, or wants this worker to go."""


class Output:
    """What a process prints: the beginning is kept, the rest counted; `last` is the end."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = b""
        self._end = b""
        self._length = 0

    def feed(self, data: bytes) -> None:
        self._length += len(data)
        if len(self._kept) < self._limit:
            self._kept += data[: self._limit - len(self._kept)]
        self._end = (self._end + data)[-4000:]

    @property
    def text(self) -> str:
        text = self._kept.decode("utf-8", "replace")
        more = self._length - len(self._kept)
        if more <= 0:
            return text
        unit = "{:.0f} MB".format(more / 1e6) if more >= 1e6 else "{:.0f} kB".format(max(1.0, more / 1e3))
        return text + "\n… {} more".format(unit)

    @property
    def last(self) -> str:
        lines = [line.strip() for line in self._end.decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1] if lines else ""

    @property
    def end(self) -> str:
        return self._end.decode("utf-8", "replace")


class _Link:
    """A zygote as the keeper sees it."""

    def __init__(self, connection: socket.socket, process: int) -> None:
        self.connection = connection
        self.process = process
        self.lines = Lines()
        self.gone = False
        self.said: Dict[str, Any] = {}
        self.forked: Deque[int] = collections.deque()


class _Run:
    """One check under way."""

    def __init__(self, number: int, request: Dict[str, Any], folder: str) -> None:
        self.number = number
        self.request = request
        self.folder = folder
        limits = request.get("limits") or {}
        self.seconds = float(limits.get("seconds", 60.0))
        self.memory = int(limits.get("memory", 4096))
        self.output = Output(int(limits.get("output", 20_000)))
        self.begun = time.monotonic()
        self.stage = "start"
        self.lines = Lines()
        self.length = 0
        self.done: Optional[Dict[str, Any]] = None
        self.process = 0
        self.peak = 0

    @property
    def left(self) -> float:
        return self.begun + self.seconds - time.monotonic()


class Keeper:
    """`control` and `results`: descriptors from and to Kerascope. `idle`: seconds without a request to end."""

    def __init__(
        self, control: int, results: int, *, folder: str, mark: str, start: float, idle: float
    ) -> None:
        self._control, self._results = control, results
        self._folder, self._mark = folder, mark
        self._start_limit, self._idle = start, idle
        self._lines = Lines()
        self._queue: Deque[Dict[str, Any]] = collections.deque()
        self._cancelled: Set[int] = set()
        self._links: List[_Link] = []
        self._exits: Dict[int, int] = {}
        self._tried: Set[str] = set()
        self._poll = selectors.DefaultSelector()
        self._woken, self._wake = os.pipe()
        for descriptor in (self._woken, self._wake, control):
            os.set_blocking(descriptor, False)
        self._adopts = kin.adopt_orphans()

    def live(self) -> None:
        self._tell({"alive": os.getpid()})
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        self._poll.register(self._woken, selectors.EVENT_READ, self._on_wake)
        self._poll.register(self._control, selectors.EVENT_READ, self._on_control)
        try:
            self._start()
            while True:
                self._serve(self._next())
        except Closed:
            pass
        finally:
            self._end_everything()

    # What comes in

    def _on_wake(self) -> None:
        with contextlib.suppress(OSError):
            os.read(self._woken, 4096)
        self._exits.update(kin.reap())

    def _on_control(self) -> None:
        try:
            data = os.read(self._control, 1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            raise Closed
        for message in self._lines.feed(data):
            if "cancel" in message:
                self._cancelled.add(message["cancel"])
            else:
                self._queue.append(message)

    def _on_link(self, link: _Link) -> None:
        try:
            data = link.connection.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            link.gone = True
            self._poll.unregister(link.connection)
            link.connection.close()
        for message in link.lines.feed(data):
            if "exited" in message:
                self._exits[message["exited"]] = message["status"]
            elif "forked" in message:
                link.forked.append(message["forked"])
            elif "starting" in message:
                link.said["starting"] = message["starting"]
                self._tell({"starting": message["starting"]})
            else:
                link.said.update(message)

    def _turn(self, seconds: float) -> None:
        for key, _ in self._poll.select(max(0.0, seconds)):
            key.data()

    def _until(self, true: Callable[[], bool], seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not true():
            left = until - time.monotonic()
            if left <= 0:
                return False
            self._turn(left)
        return True

    def _next(self) -> Dict[str, Any]:
        if not self._until(lambda: bool(self._queue), self._idle):
            raise Closed
        return self._queue.popleft()

    def _tell(self, message: Dict[str, Any]) -> None:
        data = memoryview(json.dumps(message).encode() + b"\n")
        try:
            while data:
                data = data[os.write(self._results, data) :]
        except OSError as error:
            raise Closed from error

    # Starting

    def _start(self) -> None:
        begun = time.monotonic()
        ours, its = socket.socketpair()
        reading, writing = os.pipe()
        output = Output(4000)
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            from . import zygote

            signal.set_wakeup_fd(-1)
            self._poll.close()
            for descriptor in (self._woken, self._wake, self._control, self._results, reading):
                os.close(descriptor)
            ours.close()
            kin.die_with(parent)
            zygote.begin(its, writing)
        its.close()
        os.close(writing)
        link = self._add(ours, child)
        with self._listening(reading, lambda data: output.feed(data)):
            self._until(lambda: link.gone or "ready" in link.said or "failed" in link.said, self._start_limit)
        if "ready" in link.said:
            self._tell(
                {
                    "ready": link.said["ready"],
                    "seconds": time.monotonic() - begun,
                    "paths": link.said["paths"],
                    "forks": True,
                }
            )
            return
        failed = link.said.get("failed")
        if failed is None:
            failed = self._start_ended(link, output)
        self._tell({"failed": failed})
        raise Closed

    def _start_ended(self, link: _Link, output: Output) -> Dict[str, Any]:
        """Why Keras couldn't be imported, if the process didn't say so itself."""
        doing = link.said.get("starting", "starting Python")
        if not link.gone:
            path = os.path.join(self._folder, "start-stack")
            stack.ask(link.process, path)
            where = stack.innermost(path)
            message = "{} in {} takes longer than {:g} s{}: given up.".format(
                doing[0].upper() + doing[1:],
                imports.python(),
                self._start_limit,
                where and " (at " + where + ")",
            )
            return {"why": "hangs", "message": message}
        self._until(lambda: link.process in self._exits, _GRACE)
        how = described(self._exits.get(link.process))
        message = "{} ended while {}: {}".format(imports.python(), doing, how)
        return {"why": "broken", "message": message + (". It said: " + output.last if output.last else ".")}

    def _add(self, connection: socket.socket, process: int) -> _Link:
        link = _Link(connection, process)
        self._links.append(link)
        self._poll.register(connection, selectors.EVENT_READ, lambda: self._on_link(link))
        return link

    @contextlib.contextmanager
    def _listening(self, descriptor: int, feed: Callable[[bytes], None]) -> Any:
        """Reads the descriptor meanwhile, and at the end what is still in it."""
        os.set_blocking(descriptor, False)
        open_ = [True]

        def read() -> None:
            try:
                data = os.read(descriptor, 1 << 16)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if data:
                feed(data)
            elif open_[0]:
                open_[0] = False
                self._poll.unregister(descriptor)

        self._poll.register(descriptor, selectors.EVENT_READ, read)
        try:
            yield
            for _ in range(64):
                if not open_[0]:
                    break
                try:
                    data = os.read(descriptor, 1 << 16)
                except OSError:
                    break
                if not data:
                    break
                feed(data)
        finally:
            if open_[0]:
                self._poll.unregister(descriptor)
            os.close(descriptor)

    # Serving

    def _serve(self, message: Dict[str, Any]) -> None:
        if "preload" in message:
            self._preload(
                list(message["preload"]), str(message.get("root", "")), self._start_limit, lambda: False
            )
        elif "request" in message and isinstance(message.get("id"), int):
            self._check(message["id"], message["request"])

    def _preload(
        self, names: List[str], root: str, seconds: float, stop: Callable[[], bool]
    ) -> Optional[_Link]:
        """Has a successor import the modules. Returns it if it's still at it when the time is over."""
        names = [name for name in names if name not in self._tried]
        if not names or not self._links or self._links[-1].gone:
            return None
        self._tried.update(names)
        ours, its = socket.socketpair()
        reading, writing = os.pipe()
        self._command({"preload": names, "root": root}, its.fileno(), writing)
        its.close()
        os.close(writing)
        link = self._add(ours, 0)
        with self._listening(reading, lambda data: None):
            self._until(
                lambda: link.gone or "preloaded" in link.said or "refused" in link.said or stop(), seconds
            )
        if link.forked:
            link.process = link.forked[0]
        if "preloaded" in link.said:
            return None
        if link.gone or "refused" in link.said:
            self._drop(link)
            return None
        return link

    def _drop(self, link: _Link) -> None:
        self._links.remove(link)
        if not link.gone:
            self._poll.unregister(link.connection)
            link.connection.close()
            if link.process:
                kin.end(link.process)

    def _command(self, command: Dict[str, Any], *descriptors: int) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        with contextlib.suppress(OSError):
            self._links[-1].connection.sendmsg([json.dumps(command).encode() + b"\n"], rights)

    def _check(self, number: int, request: Dict[str, Any]) -> None:
        folder = os.path.join(self._folder, str(number))
        os.makedirs(os.path.join(folder, "work"))
        run = _Run(number, request, folder)
        try:
            ending = self._run(run)
            self._tell({"id": number, "done": ending})
        finally:
            self._clear(run)
            self._cancelled.discard(number)
        if not self._links:
            raise Closed

    def _run(self, run: _Run) -> Dict[str, Any]:
        stopped = lambda: run.number in self._cancelled  # noqa: E731
        modules = (run.request.get("slice") or {}).get("modules") or []
        hanging = self._preload(
            imports.imported(modules), str(run.request.get("root", "")), run.left, stopped
        )
        if hanging is not None:
            what = hanging.said.get("starting", "importing")
            self._drop(hanging)
            return self._ended(run, Ending("cancelled" if stopped() else "timeout", during=what))
        if stopped():
            return self._ended(run, Ending("cancelled"))
        with open(os.path.join(run.folder, "request.json"), "w", encoding="utf-8") as file:
            json.dump(run.request, file)
        link = self._links[-1]
        results, results_end = os.pipe()
        output, output_end = os.pipe()
        self._command({"check": run.folder, "memory": run.memory}, results_end, output_end)
        os.close(results_end)
        os.close(output_end)
        with self._listening(output, run.output.feed), self._listening(
            results, lambda data: self._relay(run, data)
        ):
            ending = self._watch(run, link)
        return self._ended(run, ending)

    def _relay(self, run: _Run, data: bytes) -> None:
        run.length += len(data)
        if run.done is not None or run.length > _LONGEST_RESULTS:
            return
        for message in run.lines.feed(data):
            if "done" in message:
                run.done = dict(message["done"])
                return
            if "stage" in message:
                run.stage = str(message["stage"])
            if "stage" in message or "part" in message:
                self._tell({**message, "id": run.number})

    def _watch(self, run: _Run, link: _Link) -> Ending:
        """Until the check is done or has to be ended, or has ended otherwise."""
        base = 0
        while True:
            if link.forked and not run.process:
                run.process = link.forked.popleft()
                base = kin.memory_of(run.process)
            if run.done is not None:
                return Ending("done")
            if run.process in self._exits or link.gone:
                self._until(lambda: run.done is not None, 0.02)
                if run.done is not None:
                    return Ending("done")
                return Ending("exited", status=self._exits.get(run.process), with_worker=link.gone)
            if run.number in self._cancelled:
                return Ending("cancelled")
            if run.left <= 0:
                stack.ask(run.process, os.path.join(run.folder, "stack"))
                return Ending("timeout")
            if run.process:
                run.peak = max(run.peak, kin.memory_of(run.process) - base)
                if run.peak > run.memory << 20:
                    stack.ask(run.process, os.path.join(run.folder, "stack"), 0.1)
                    return Ending("memory")
            self._turn(min(run.left, _GLANCE))

    def _ended(self, run: _Run, ending: Ending) -> Dict[str, Any]:
        modules = (run.request.get("slice") or {}).get("modules") or []
        frames = stack.frames(os.path.join(run.folder, "stack"), modules)
        done = ending.report(run.done or {}, run, frames)
        done.setdefault("output", run.output.text)
        done["seconds"] = time.monotonic() - run.begun
        return done

    def _clear(self, run: _Run) -> None:
        """Ends what is left of a check, and the zygotes that it took with it."""
        if run.process and run.process not in self._exits:
            others = set() if self._adopts else kin.descendants(run.process)
            kin.end_group(run.process)
            for other in others:
                kin.end(other)
            newest = self._links[-1] if self._links else None
            known = self._until(lambda: run.process in self._exits or newest is None or newest.gone, _GRACE)
            if not known and newest is not None:
                kin.end(newest.process)
                self._until(lambda: newest.gone, _GRACE)
        while self._links and self._links[-1].gone:
            self._links.pop()
        self._links = [link for link in self._links if not link.gone]
        self._end_strays()
        shutil.rmtree(run.folder, ignore_errors=True)
        self._exits.clear()

    def _end_strays(self) -> None:
        zygotes = [link.process for link in self._links]
        if self._adopts:
            self._exits.update(kin.end_orphans(zygotes))
        else:
            kin.end_marked(self._mark, zygotes)

    def _end_everything(self) -> None:
        for link in reversed(self._links):
            kin.end(link.process)
        self._links = []
        self._end_strays()
        shutil.rmtree(self._folder, ignore_errors=True)
