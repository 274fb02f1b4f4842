"""The process between Kerascope and the user's code: starts, limits, watches and ends what runs a check.

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
from typing import Any, Callable, Iterator

from . import ending, imports, kin, stack
from .lines import Lines
from .output import Output

_LONGEST_REQUEST = 1 << 28
_LONGEST_PART = 2 << 20
"""Of a report: while Kerascope reads a part of it, it does nothing else."""
_LONGEST_RESULTS = 64 << 20
_GLANCE = 0.05 if os.path.isdir("/proc/self") else 0.5
"""Seconds between two looks at the memory of a running check."""
_LAST_WORDS = 0.05
"""Seconds to read what an ended process has said, and for one that takes too much to say where it is."""
_CORES = os.cpu_count() or 1
_SPARES = 2 if _CORES > 1 else 1
_AT_ONCE = 2 if _CORES >= 4 else 1
"""Spare processes that rehearse side by side."""
_MOST_SPOILT = 3
_REHEARSAL_SECONDS = 5.0
"""What a rehearsal takes as long as none was seen."""
_NEARLY = 0.75
_HANGS_SECONDS = 60.0
_MOST_ZYGOTES = 12
"""Each holds the memory of what it has imported beyond its predecessor."""
_GRACE = 2.0
"""Seconds that a killed process gets to be gone."""


class Closed(Exception):
    """Kerascope is gone, or wants this worker to go."""


class _Link:
    """A zygote as the keeper sees it."""

    def __init__(self, connection: socket.socket, names: list[str]) -> None:
        self.connection = connection
        self.names = names
        self.process = 0
        self.lines = Lines()
        self.gone = False
        self.said: dict[str, Any] = {}
        self.forked: collections.deque[int] = collections.deque()

    @property
    def settled(self) -> bool:
        return self.gone or "preloaded" in self.said or "refused" in self.said


class _Fork:
    """A process for one check: a spare one that waits, then the one that runs it."""

    def __init__(self, folder: str, link: _Link, orders: int) -> None:
        self.folder = folder
        self.link = link
        self.orders = orders
        self.process = 0
        self.forked = self.born = time.monotonic()
        self.ready = False
        """It has nothing to do but wait."""
        self.took = 0.0
        """Seconds until then; less than 0 if it was paused."""
        self.begun = False
        self.lines = Lines(_LONGEST_PART)
        self.pipes = contextlib.ExitStack()
        self.pipes.callback(os.close, orders)
        self.output = Output(0)
        self.take: Callable[[dict[str, Any]], None] = lambda message: None
        self._length = 0

    @property
    def trace(self) -> str:
        """The file in which it writes where it is."""
        return os.path.join(self.folder, "stack")

    def on_output(self, data: bytes) -> None:
        self.output.feed(data)

    def on_results(self, data: bytes) -> None:
        self._length += len(data)
        if self._length > _LONGEST_RESULTS:
            return
        for message in self.lines.feed(data):
            if "waits" in message and not self.ready:
                self.ready, self.took = True, time.monotonic() - self.born
            self.begun = self.begun or "begins" in message
            self.take(message)


class _Run:
    """One check under way."""

    def __init__(self, number: int, request: dict[str, Any]) -> None:
        self.number = number
        self.request = request
        self.modules = (request.get("slice") or {}).get("modules") or []
        limits = request.get("limits") or {}
        self.seconds = float(limits.get("seconds", 60.0))
        self.memory = int(limits.get("memory", 4096))
        self.output = Output(int(limits.get("output", 20_000)))
        self.begun = time.monotonic()
        self.stage = "start"
        self.done: dict[str, Any] | None = None
        self.fork: _Fork | None = None
        self.peak = 0
        self.imported: list[str] = []

    @property
    def left(self) -> float:
        return self.begun + self.seconds - time.monotonic()


class Keeper:
    """`control`, `results`: descriptors from and to Kerascope. `idle`: seconds without a request to end."""

    def __init__(
        self, control: int, results: int, *, folder: str, mark: str, start: float, idle: float
    ) -> None:
        self._control, self._results = control, results
        self._folder, self._mark = folder, mark
        self._start_limit, self._idle = start, idle
        self._lines = Lines(_LONGEST_REQUEST)
        self._queue: collections.deque[dict[str, Any]] = collections.deque()
        self._cancelled: set[int] = set()
        self._links: list[_Link] = []
        self._coming: _Link | None = None
        self._spares: list[_Fork] = []
        self._spoilt = 0
        """How many of them ended before they were needed."""
        self._forks = 0
        self._rehearsal = 0.0
        """Seconds that the last one took."""
        self._number: int | None = None
        self._exits: dict[int, int] = {}
        self._tried: set[str] = set()
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
            self._poll.unregister(self._control)
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
                self._say(message["starting"])
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

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + self._idle
        while not self._queue:
            self._get_ahead()
            left = until - time.monotonic()
            if left <= 0:
                raise Closed
            if not self._queue:  # getting ahead takes a moment
                self._turn(left if all(spare.ready for spare in self._spares) else min(left, _HANGS_SECONDS))
        return self._queue.popleft()

    def _get_ahead(self) -> None:
        """While nothing else is to be done: the processes for the next checks."""
        if self._coming is not None and self._coming.settled:
            self._adopt()
        for spare in list(self._spares):
            hangs = not spare.ready and time.monotonic() - spare.forked > _HANGS_SECONDS
            if hangs or spare.process in self._exits or spare.link.gone:
                self._spares.remove(spare)
                self._discard(spare)
                self._spoilt += 1
        if self._coming is not None or self._spoilt > _MOST_SPOILT or not self._links or self._links[-1].gone:
            return
        took = [spare.took for spare in self._spares if spare.took > 0]
        self._rehearsal = took[-1] if took else self._rehearsal
        while len(self._spares) < _SPARES and sum(not spare.ready for spare in self._spares) < _AT_ONCE:
            self._spares.append(self._fork(rehearse=not self._spoilt))

    def _may_rehearse(self, fork: _Fork) -> bool:
        """Whether the next check may be prepared beside this one: a processor stays free for the editor."""
        with contextlib.suppress(OSError):
            return fork.ready and os.getloadavg()[0] < _CORES - 1.5
        return False

    def _tell(self, message: dict[str, Any]) -> None:
        data = memoryview(json.dumps(message).encode() + b"\n")
        try:
            while data:
                data = data[os.write(self._results, data) :]
        except OSError as error:
            raise Closed from error

    def _say(self, doing: str) -> None:
        """Tells what a zygote imports: to the check that waits for it, if there is one."""
        if self._number is None:
            self._tell({"starting": doing})
        else:
            self._tell({"id": self._number, "stage": "import", "text": doing})

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
        link = self._open(ours, [])
        link.process = child
        self._links.append(link)
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

    def _start_ended(self, link: _Link, output: Output) -> dict[str, Any]:
        """Why Keras couldn't be imported, if the process didn't say so itself."""
        doing = link.said.get("starting", "starting Python")
        if not link.gone:
            path = os.path.join(self._folder, "start-stack")
            stack.ask(link.process, path)
            where = stack.innermost(stack.dump(path))
            message = "{} in {} takes longer than {:g} s{}: given up.".format(
                doing[0].upper() + doing[1:],
                imports.python(),
                self._start_limit,
                where and " (at " + where + ")",
            )
            return {"why": "hangs", "message": message}
        self._until(lambda: link.process in self._exits, _GRACE)
        how = ending.described(self._exits.get(link.process))
        message = f"{imports.python()} ended while {doing}: {how}"
        return {"why": "broken", "message": message + (". It said: " + output.last if output.last else ".")}

    @contextlib.contextmanager
    def _listening(self, descriptor: int, feed: Callable[[bytes], None]) -> Iterator[None]:
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

    def _serve(self, message: dict[str, Any]) -> None:
        if "preload" in message:
            self._preload(list(message["preload"]), self._start_limit, lambda: bool(self._queue))
        elif "request" in message and isinstance(message.get("id"), int):
            self._check(message["id"], message["request"])

    def _preload(self, names: list[str], seconds: float, stop: Callable[[], bool]) -> str:
        """Has a successor of the zygote import what isn't imported yet.

        Returns what it is still at when the time is over or `stop` is true, else nothing. Stopped, it goes on
        in the background: the next check will want the same.
        """
        until = time.monotonic() + seconds
        while True:
            if self._coming is None:
                names = [name for name in names if name not in self._tried]
                if not names or not self._links or self._links[-1].gone or len(self._links) >= _MOST_ZYGOTES:
                    return ""
                self._coming = self._succeed(names)
            elif "starting" in self._coming.said:
                self._say(self._coming.said["starting"])
            link = self._coming
            in_time = self._wait_for(link, until - time.monotonic(), stop)
            doing = str(link.said.get("starting", "importing"))
            if in_time and not link.settled:
                return doing
            if not self._adopt() and not link.settled:
                self._tried.difference_update(link.names)
                return doing

    def _adopt(self) -> bool:
        """The successor takes over, if it has become one."""
        link, self._coming = self._coming, None
        if link is None:
            return False
        if "preloaded" in link.said and not link.gone:
            self._links.append(link)
            while self._spares:
                self._discard(self._spares.pop())
            return True
        self._close(link)
        return False

    def _wait_for(self, link: _Link, seconds: float, stop: Callable[[], bool]) -> bool:
        return self._until(lambda: link.settled or stop(), seconds)

    def _succeed(self, names: list[str]) -> _Link:
        self._tried.update(names)
        ours, its = socket.socketpair()
        silence = os.open(os.devnull, os.O_WRONLY)
        self._command({"preload": names}, its.fileno(), silence)
        its.close()
        os.close(silence)
        link = self._open(ours, names)
        self._until(lambda: bool(link.forked) or link.gone, _GRACE)
        if link.forked:
            link.process = link.forked.popleft()
        return link

    def _open(self, connection: socket.socket, names: list[str]) -> _Link:
        link = _Link(connection, names)
        self._poll.register(connection, selectors.EVENT_READ, lambda: self._on_link(link))
        return link

    def _close(self, link: _Link) -> None:
        if not link.gone:
            self._poll.unregister(link.connection)
            link.connection.close()
            kin.end(link.process)

    def _command(self, command: dict[str, Any], *descriptors: int) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        with contextlib.suppress(OSError):
            self._links[-1].connection.sendmsg([json.dumps(command).encode() + b"\n"], rights)

    def _check(self, number: int, request: dict[str, Any]) -> None:
        run = _Run(number, request)
        self._turn(0)
        self._without_gone()
        try:
            if not self._links:
                raise Closed
            self._number = number
            self._tell({"id": number, "taken": True})
            done = self._run(run)
            self._tell({"id": number, "done": self._finished(run, done)})
        finally:
            self._number = None
            self._clear(run)
            self._cancelled.discard(number)
        if not self._links:
            raise Closed
        self._preload(run.imported, self._start_limit, lambda: True)

    def _without_gone(self) -> None:
        """Zygotes that were killed are forgotten; without any, Kerascope has to start another worker."""
        self._links = [link for link in self._links if not link.gone]
        for spare in [spare for spare in self._spares if spare.link.gone]:
            self._spares.remove(spare)
            self._discard(spare)

    def _run(self, run: _Run) -> dict[str, Any]:
        def stopped() -> bool:
            return run.number in self._cancelled

        still = self._preload(imports.imported(run.modules), run.left, stopped)
        if stopped():
            return self._ending(run, "cancelled", during=still)
        if still:
            return self._ending(run, "timeout", during=still)
        self._without_gone()
        if not self._links:
            raise Closed
        spare = self._spare()
        if spare is not None:
            done = self._run_in(run, spare)
            if done is not None:
                return done
            self._discard(spare)
        done = self._run_in(run, self._fork(rehearse=False))
        if done is None:
            raise Closed
        return done

    def _spare(self) -> _Fork | None:
        """One that waits, or nearly does; else a fresh one is sooner done."""
        now = time.monotonic()
        usual = self._rehearsal or _REHEARSAL_SECONDS
        for spare in sorted(self._spares, key=lambda spare: not spare.ready):
            if spare.process in self._exits or spare.link is not self._links[-1]:
                continue
            if spare.ready or now - spare.born > usual * _NEARLY:
                self._spares.remove(spare)
                return spare
        return None

    def _fork(self, rehearse: bool) -> _Fork:
        """A process of the newest zygote that waits for an order; it may make itself familiar with Keras."""
        self._forks += 1
        folder = os.path.join(self._folder, str(self._forks))
        os.makedirs(os.path.join(folder, "work"))
        results, results_end = os.pipe()
        output, output_end = os.pipe()
        orders_end, orders = os.pipe()
        link = self._links[-1]
        self._command({"check": folder, "rehearse": rehearse}, results_end, output_end, orders_end)
        for descriptor in (results_end, output_end, orders_end):
            os.close(descriptor)
        fork = _Fork(folder, link, orders)
        fork.pipes.enter_context(self._listening(output, fork.on_output))
        fork.pipes.enter_context(self._listening(results, fork.on_results))
        self._until(lambda: bool(link.forked) or link.gone, _GRACE)
        if link.forked:
            fork.process = link.forked.popleft()
            self._exits.pop(fork.process, None)
        return fork

    def _run_in(self, run: _Run, fork: _Fork) -> dict[str, Any] | None:
        """Has the process run the check; returns how it ended, or None if it had ended before."""
        with open(os.path.join(fork.folder, "request.json"), "w", encoding="utf-8") as file:
            json.dump(run.request, file)
        run.fork = fork
        fork.output = run.output
        fork.take = lambda message: self._take(run, message)
        base = kin.memory_of(fork.process)
        with contextlib.suppress(OSError):
            os.write(fork.orders, json.dumps({"memory": run.memory}).encode() + b"\n")
        if self._may_rehearse(fork):
            self._get_ahead()
            done = self._watch(run, fork, base)
        else:
            with self._rehearsals_paused():
                done = self._watch(run, fork, base)
        fork.pipes.close()
        return done

    @contextlib.contextmanager
    def _rehearsals_paused(self) -> Iterator[None]:
        """What is for later leaves the processor to what somebody waits for."""
        paused = [spare for spare in self._spares if not spare.ready]
        for spare in paused:
            kin.send(spare.process, signal.SIGSTOP)
            spare.born = float("inf")
        yield
        for spare in paused:
            kin.send(spare.process, signal.SIGCONT)

    def _take(self, run: _Run, message: dict[str, Any]) -> None:
        """One message of a check, which may as well be something that its code has written into the pipe."""
        done, stage, imported = message.get("done"), message.get("stage"), message.get("imported")
        if run.done is not None:
            return
        if isinstance(done, dict):
            run.done = done
        elif isinstance(imported, list):
            run.imported = [str(name) for name in imported]
        elif isinstance(stage, str) or isinstance(message.get("part"), dict):
            run.stage = stage if isinstance(stage, str) else run.stage
            self._tell({**message, "id": run.number})

    def _watch(self, run: _Run, fork: _Fork, base: int) -> dict[str, Any] | None:
        """Until the check is done or has to be ended, or has ended otherwise."""
        while True:
            if run.done is None and (fork.process in self._exits or fork.link.gone):
                self._until(lambda: run.done is not None, _LAST_WORDS)
                if run.done is None:
                    if not fork.begun:
                        return None
                    code = self._exits.get(fork.process)
                    return self._ending(run, "exited", code=code, with_worker=fork.link.gone)
            if run.done is not None:
                return run.done
            if run.number in self._cancelled:
                return self._ending(run, "cancelled")
            if run.left <= 0:
                stack.ask(fork.process, fork.trace)
                return self._ending(run, "timeout")
            run.peak = max(run.peak, kin.memory_of(fork.process) - base)
            if run.peak > run.memory << 20:
                stack.ask(fork.process, fork.trace, _LAST_WORDS)
                return self._ending(run, "memory")
            self._turn(min(run.left, _GLANCE))

    def _ending(self, run: _Run, kind: str, **how: Any) -> dict[str, Any]:
        dump = stack.dump(run.fork.trace) if run.fork is not None else ""
        return ending.report(
            kind,
            stage=run.stage,
            seconds=run.seconds,
            memory=run.memory,
            frames=stack.frames(dump, run.modules),
            printed=run.output.end,
            peak=run.peak,
            **how,
        )

    def _finished(self, run: _Run, done: dict[str, Any]) -> dict[str, Any]:
        """The answer, with what every end has in common."""
        if done.get("status") == "memory" and not done.get("message"):
            done.update(self._ending(run, "memory"))
        if run.fork is not None and run.fork.lines.too_long and not done.get("message"):
            done["message"] = "A part of the report was too large, and was left out."
        done["output"] = run.output.text
        done["seconds"] = time.monotonic() - run.begun
        return done

    def _clear(self, run: _Run) -> None:
        """Ends what is left of a check, and the zygotes that it took with it."""
        if run.fork is not None:
            fork, link = run.fork, run.fork.link
            self._discard(fork)
            if not self._until(lambda: fork.process in self._exits or link.gone, _GRACE):
                kin.end(link.process)
                self._until(lambda: link.gone, _GRACE)
            self._exits.pop(fork.process, None)
        self._without_gone()
        self._end_strays()

    def _discard(self, fork: _Fork) -> None:
        """Ends a process that runs a check or waits for one."""
        fork.pipes.close()
        if fork.process and fork.process not in self._exits:
            others = set() if self._adopts else kin.descendants(fork.process)
            kin.end_group(fork.process)
            for other in others:
                kin.end(other)
        shutil.rmtree(fork.folder, ignore_errors=True)

    def _end_strays(self) -> None:
        links = [link.process for link in (*self._links, self._coming) if link is not None]
        if self._adopts:
            self._exits.update(kin.end_orphans(links))
        else:
            kin.end_marked(self._mark, [*links, *(spare.process for spare in self._spares)])

    def _end_everything(self) -> None:
        for link in reversed(self._links):
            kin.end(link.process)
        self._links, self._spares = [], []
        self._end_strays()
        shutil.rmtree(self._folder, ignore_errors=True)
