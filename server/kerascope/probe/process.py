"""Workers: the processes in the user's interpreters that run build checks, started, asked and ended here."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import json
import os
import queue
import secrets
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from kerascope.probe.report import Stage
from kerascope.probe.request import Request, to_json
from kerascope.probe.worker import ending, kin, stack
from kerascope.probe.worker.lines import Lines

WORKER = Path(__file__).with_name("worker")
START_SECONDS = 180.0
IDLE_SECONDS = 600.0
HELLO_SECONDS = 30.0
"""What an interpreter may take to say anything at all."""
MOST_WORKERS = 3
_SLACK = 15.0
"""Seconds after a check's own limit until the worker itself is taken for stuck."""
_GLANCE = 0.04
"""Seconds between two looks at whether a check was cancelled."""
_MOST_NOISE = 1000

# Any Python, even 2, must understand this: one that is too old says so.
BOOTSTRAP = """\
import os, sys
library = os.path.dirname(os.__file__)
archive = "python%d%d.zip" % sys.version_info[:2]
def is_library(path):
    return path in (library, os.path.join(library, "lib-dynload")) or os.path.basename(path) == archive
# Neither the current folder nor a random.py on PYTHONPATH is to come before the standard library.
sys.path[:] = sorted(filter(None, sys.path), key=lambda path: not is_library(path))
if sys.version_info < (3, 8):
    why = "%s is Python %s: the build check needs 3.8 or later." % (sys.executable, sys.version.split()[0])
    sys.stdout.write('{"failed": {"why": "python", "message": "%s"}}\\n' % why.replace("\\\\", "/"))
    sys.exit(1)
from importlib import import_module, util
name = "_kerascope_worker"
folder = sys.argv[1]
spec = util.spec_from_file_location(name, folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules[name] = util.module_from_spec(spec)
spec.loader.exec_module(sys.modules[name])
import_module(name + ".serve").main(sys.argv[2:])
"""

Progress = Callable[[Stage, str], None]
Partial = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class _Key:
    """What a worker is for. One with another key can't do its work."""

    python: str
    environment: tuple[tuple[str, str], ...]
    gpu: bool


@dataclass(frozen=True, slots=True)
class _Options:
    folder: Path
    once: bool
    start: float
    idle: float


class _Cancelled(Exception):
    pass


class _Unusable(Exception):
    """No worker can be had; the text is for the user. `why` "fork": none that forks."""

    def __init__(self, message: str, why: str = "") -> None:
        super().__init__(message)
        self.why = why


class _Worker:
    """One process in the user's interpreter, with a thread that reads what it says."""

    def __init__(self, key: _Key, options: _Options) -> None:
        self.key = key
        self.turn = threading.Lock()
        """Held by the thread whose check it runs."""
        self.used = time.monotonic()
        self.once = options.once
        self._mark = secrets.token_hex(8)
        self._folder = Path(tempfile.mkdtemp(prefix="kerascope-"))
        self._news = threading.Condition()
        self._said: dict[str, Any] = {}
        self._ended = False
        self.code: int | None = None
        self.dump = self.said = self.printed = ""
        """What was found when it had ended: exit status, stack, errors of the interpreter, output."""
        self._runs_taken = 0
        self._runs: dict[int, queue.SimpleQueue[dict[str, Any] | None]] = {}
        self._print = _fingerprint(key.python, ())
        self._begun = time.monotonic()
        try:
            with (self._folder / "stderr").open("wb") as errors:
                self._process = subprocess.Popen(
                    [
                        *(key.python, "-c", BOOTSTRAP, str(options.folder)),
                        *("--folder", str(self._folder), "--mark", self._mark),
                        *("--start", str(options.start), "--idle", str(options.idle)),
                        *(("--once",) if options.once else ()),
                    ],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    cwd=self._folder,
                    env=_environment(key, self._mark),
                    bufsize=0,
                    start_new_session=True,
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
        except (OSError, ValueError) as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise _Unusable(_no_interpreter(key.python, error)) from error
        if os.name == "posix":
            os.set_blocking(self._input, False)
        self._reader = threading.Thread(target=self._read, name="kerascope-worker", daemon=True)
        self._reader.start()

    @property
    def _input(self) -> int:
        assert self._process.stdin is not None
        return self._process.stdin.fileno()

    @property
    def done(self) -> bool:
        """Whether it can't run another check."""
        return self._ended or "failed" in self._said or (self.once and bool(self._runs_taken))

    @property
    def ready(self) -> bool:
        return "ready" in self._said

    @property
    def versions(self) -> dict[str, str]:
        return dict(self._said.get("ready", {}))

    def fits(self) -> bool:
        """Whether the environment is still the one that was imported."""
        return not self.ready or self._print == _fingerprint(self.key.python, self._said.get("paths", ()))

    # Reading, in a thread of its own

    def _read(self) -> None:
        assert self._process.stdout is not None
        lines = Lines()
        descriptor = self._process.stdout.fileno()
        with contextlib.suppress(OSError):
            while data := os.read(descriptor, 1 << 16):
                for message in lines.feed(data):
                    self._take(message)
                if lines.noise > _MOST_NOISE or (lines.too_long and "alive" not in self._said):
                    self._kill()
                    break
        self._bury()
        with self._news:
            self._ended = True
            self._news.notify_all()
        for inbox in list(self._runs.values()):
            inbox.put(None)

    def _take(self, message: dict[str, Any]) -> None:
        number = message.get("id")
        if isinstance(number, int):
            inbox = self._runs.get(number)
            if inbox is not None:
                inbox.put(message)
            return
        if "ready" in message:
            self._print = _fingerprint(self.key.python, message.get("paths", ()))
        with self._news:
            self._said.update(message)
            self._news.notify_all()

    def _bury(self) -> None:
        """The process has closed its pipe: nothing of it may stay."""
        try:
            clean = self._process.wait(2) == 0
        except subprocess.TimeoutExpired:
            clean = False
        if self.once or not clean:
            self._kill()
        self.code = self._process.poll()
        self.dump = stack.dump(str(self._folder / "stack"))
        self.said = _text(self._folder / "stderr")
        self.printed = _text(self._folder / "output")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _kill(self) -> None:
        if os.name == "posix":
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
            kin.end_marked(self._mark)
        else:
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                subprocess.run(
                    ["taskkill", "/T", "/F", "/PID", str(self._process.pid)],
                    capture_output=True,
                    check=False,
                    timeout=10,
                )
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            self._process.kill()
            self._process.wait(2)

    # Asking

    def wait_ready(self, progress: Progress, cancelled: threading.Event) -> None:
        """Until Keras is imported; raises `_Unusable` with the reason why it isn't."""
        told = ""
        limit = self._begun + HELLO_SECONDS
        while True:
            with self._news:
                if self.ready:
                    return
                if "failed" in self._said:
                    failed = self._said["failed"]
                    raise _Unusable(str(failed.get("message", "")), str(failed.get("why", "")))
                if self._ended:
                    raise _Unusable(self._no_start())
                doing = str(self._said.get("starting", "starting " + self.key.python))
                if doing == told:
                    self._news.wait(_GLANCE)
                if "alive" in self._said:
                    limit = self._begun + float(START_SECONDS) + _SLACK
            if doing != told:
                told = doing
                progress("start", doing)
            if cancelled.is_set():
                raise _Cancelled
            if time.monotonic() > limit:
                self.end(0)
                raise _Unusable(
                    f"{self.key.python} did not answer: is it a Python interpreter? "
                    "Choose another one for the build check."
                )

    def _no_start(self) -> str:
        code = self._process.poll()
        lines = [line.strip() for line in self.said.splitlines() if line.strip()]
        said = f" It said: {lines[-1]}" if lines else ""
        if "alive" in self._said:
            return f"The worker in {self.key.python} was ended while it started.{said}"
        return (
            f"{self.key.python} does not run as a Python interpreter (exit status {code}).{said} "
            "Choose another one for the build check."
        )

    def ask(self, message: Mapping[str, Any], seconds: float = _SLACK) -> bool:
        """Sends a message; False if the worker doesn't take it."""
        data = memoryview(json.dumps(message).encode() + b"\n")
        until = time.monotonic() + seconds
        try:
            while data:
                if os.name == "posix":
                    _, writable, _ = select.select([], [self._input], [], max(0.0, until - time.monotonic()))
                    if not writable:
                        return False
                data = data[os.write(self._input, data) :]
        except (OSError, ValueError):
            return False
        return True

    @contextlib.contextmanager
    def inbox(self, number: int) -> Any:
        box: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._runs[number] = box
        self._runs_taken += 1
        if self._ended:
            box.put(None)
        try:
            yield box
        finally:
            del self._runs[number]

    def let_go(self) -> None:
        """Tells the process to end what it does, and itself."""
        with contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def end(self, patience: float = 2.0) -> None:
        """Ends the process and all that it started."""
        self.let_go()
        if patience:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        if self.once or self._process.poll() != 0:
            self._kill()
        self._reader.join(2)


class Workers:
    """All workers of one server or command; any thread may use it.

    `folder`: where the worker's code is. `once`: a process for each check, as where the system can't fork.
    """

    def __init__(
        self,
        *,
        folder: Path = WORKER,
        once: bool | None = None,
        start: float = START_SECONDS,
        idle: float = IDLE_SECONDS,
    ) -> None:
        if once is None:
            once = not hasattr(os, "fork") or bool(os.environ.get("KERASCOPE_NO_FORK"))
        self._options = _Options(folder, once, start, idle)
        self._lock = threading.Lock()
        self._workers: dict[_Key, _Worker] = {}
        self._started: set[_Worker] = set()
        """Those that must be ended: one that was replaced may still be at work."""
        self._closed = threading.Event()
        self._number = 0
        _ALL.add(self)

    def warm(
        self, python: str, *, generation_env: Mapping[str, str] | None = None, gpu: bool = False
    ) -> None:
        """Starts a worker in the background, so that the first check needn't wait. Never raises."""
        with contextlib.suppress(_Unusable, _Cancelled):
            self._worker(_key(python, generation_env, gpu))

    def run(
        self,
        python: str,
        request: Request,
        *,
        generation_env: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        partial: Partial | None = None,
        cancelled: threading.Event | None = None,
    ) -> dict[str, Any]:
        """Runs a check and blocks until it is over, or `cancelled` is set.

        Returns the report's fields as far as they were measured, with "status", "message", "output",
        "seconds", "start_seconds", "versions"; and, where the check didn't end by itself, "stage" (in which
        it was ended) and "frames" (the user's lines that were running, outermost first).
        """
        run = _Run(
            request, progress or _ignore, partial or _ignore, cancelled or threading.Event(), self._closed
        )
        key = _key(python, generation_env, request.gpu)
        try:
            for _ in range(3):
                answer = self._attempt(key, run)
                if answer is not None:
                    return answer
            return run.answer("crashed", "The worker was ended from outside, again and again.")
        except _Unusable as error:
            return run.answer("no-keras", str(error))
        except _Cancelled:
            return run.answer("cancelled", "Cancelled.")

    def _attempt(self, key: _Key, run: _Run) -> dict[str, Any] | None:
        """None: the worker had ended before it began, and another one may do better."""
        worker = self._turn(key, run)
        try:
            if not worker.ready:
                begun = time.monotonic()
                try:
                    worker.wait_ready(run.progress, run.stop)
                except _Unusable as error:
                    if error.why != "fork" or worker.once:
                        raise
                    self._options = dataclasses.replace(self._options, once=True)
                    return None
                finally:
                    run.start_seconds += time.monotonic() - begun
            with self._lock:
                self._number += 1
                number = self._number
            answer = run.on(worker, number)
        finally:
            worker.used = time.monotonic()
            worker.turn.release()
            self._end_if_done(worker)
        if answer is not None and worker.done and not self._closed.is_set():
            self.warm(key.python, generation_env=dict(key.environment), gpu=key.gpu)
        return answer

    def _turn(self, key: _Key, run: _Run) -> _Worker:
        """The worker, once no other thread uses it."""
        while True:
            worker = self._worker(key)
            if worker.turn.acquire(timeout=_GLANCE):
                if not worker.done:
                    return worker
                worker.turn.release()
            run.look()

    def _worker(self, key: _Key) -> _Worker:
        with self._lock:
            if self._closed.is_set():
                raise _Cancelled
            worker = self._workers.get(key)
            if worker is not None and not worker.done and worker.fits():
                return worker
            stale = [self._workers.pop(key)] if worker is not None else []
            idle = sorted((w for w in self._workers.values() if not w.turn.locked()), key=lambda w: w.used)
            for other in idle[: max(0, len(self._workers) - MOST_WORKERS + 1)]:
                stale.append(self._workers.pop(other.key))
            try:
                worker = self._workers[key] = _Worker(key, self._options)
                self._started.add(worker)
            finally:
                for other in stale:
                    if not other.turn.locked():
                        self._end(other)
            return worker

    def _end_if_done(self, worker: _Worker) -> None:
        """After a check: the worker may have been killed by it, or replaced meanwhile."""
        with self._lock:
            if worker.done and self._workers.get(worker.key) is worker:
                del self._workers[worker.key]
            if self._workers.get(worker.key) is not worker:
                self._end(worker)

    def _end(self, worker: _Worker) -> None:
        self._started.discard(worker)
        worker.let_go()
        threading.Thread(target=worker.end, name="kerascope-worker-end", daemon=True).start()

    def close(self) -> None:
        """Ends all checks and all processes."""
        with self._lock:
            self._closed.set()
            workers = list(self._started)
            self._started.clear()
            self._workers.clear()
        for worker in workers:
            worker.let_go()
        for worker in workers:
            worker.end()


class _Run:
    """A check from the request to its answer."""

    def __init__(
        self,
        request: Request,
        progress: Progress,
        partial: Partial,
        cancelled: threading.Event,
        closed: threading.Event,
    ) -> None:
        self.request = request
        self.progress = progress
        self.start_seconds = 0.0
        self._partial = partial
        self.stop = _Either(cancelled, closed)
        self._merged: dict[str, Any] = {}
        self._versions: dict[str, str] = {}
        self._begun = time.monotonic()

    def look(self) -> None:
        if self.stop.is_set():
            raise _Cancelled

    def answer(self, status: str, message: str, **more: Any) -> dict[str, Any]:
        """The report's fields so far, with the end."""
        return {
            **self._merged,
            "seconds": time.monotonic() - self._begun - self.start_seconds,
            "output": "",
            **more,
            "status": status,
            "message": message,
            "start_seconds": self.start_seconds,
            "versions": {**self._versions, **self._merged.get("versions", {})},
        }

    def on(self, worker: _Worker, number: int) -> dict[str, Any] | None:
        self._versions = worker.versions
        self._begun = time.monotonic() - self.start_seconds
        limit = time.monotonic() + self.request.limits.seconds + (3 if worker.once else _SLACK)
        asked_to_stop = False
        stage = "start"
        with worker.inbox(number) as inbox:
            if not worker.ask({"id": number, "request": to_json(self.request)}):
                worker.end(0)
                return None
            heard = False
            try:
                while True:
                    try:
                        message = inbox.get(timeout=_GLANCE)
                    except queue.Empty:
                        if not asked_to_stop and self.stop.is_set():
                            asked_to_stop = True
                            worker.ask({"cancel": number}, 0.1)
                            limit = min(limit, time.monotonic() + 3)
                        if time.monotonic() > limit:
                            worker.end(0)
                            return self._lost(worker, "timeout", stage)
                        continue
                    if message is None:
                        return self._lost(worker, "exited", stage) if heard else None
                    heard = True
                    if "stage" in message:
                        stage = message["stage"]
                        self.progress(cast(Stage, message["stage"]), str(message.get("text", "")))
                    if isinstance(message.get("part"), dict):
                        merge(self._merged, message["part"])
                        self._partial(self._merged)
                    if isinstance(message.get("done"), dict):
                        done = dict(message["done"])
                        status, text = str(done.pop("status", "crashed")), str(done.pop("message", ""))
                        return self.answer(status, text, **done)
            except BaseException:
                worker.ask({"cancel": number}, 0.1)
                raise

    def _lost(self, worker: _Worker, kind: str, stage: str) -> dict[str, Any]:
        """The answer where the worker itself is gone."""
        if self.stop.is_set():
            raise _Cancelled
        limits = self.request.limits
        modules = to_json(self.request.slice.modules)
        done = ending.report(
            kind,
            stage=stage,
            seconds=limits.seconds,
            memory=limits.memory,
            frames=stack.frames(worker.dump, modules),
            code=worker.code,
            with_worker=not worker.once,
            printed=worker.printed[-4000:],
        )
        return self.answer(**done, output=worker.printed[: limits.output])


class _Either(threading.Event):
    """Set as soon as one of the two is."""

    def __init__(self, cancelled: threading.Event, closed: threading.Event) -> None:
        super().__init__()
        self._parts = (cancelled, closed)

    def is_set(self) -> bool:
        # A thread that blocks in a check mustn't keep the interpreter from ending.
        return any(part.is_set() for part in self._parts) or not threading.main_thread().is_alive()


def merge(into: dict[str, Any], part: Mapping[str, Any]) -> None:
    """Objects are merged, everything else is replaced."""
    for name, value in part.items():
        present = into.get(name)
        if isinstance(present, dict) and isinstance(value, Mapping):
            merge(present, value)
        else:
            into[name] = value


def _ignore(*_: object) -> None:
    pass


def _key(python: str, environment: Mapping[str, str] | None, gpu: bool) -> _Key:
    return _Key(python, tuple(sorted((environment or {}).items())), gpu)


def _environment(key: _Key, mark: str) -> dict[str, str]:
    environment = dict(os.environ)
    for name in ("PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT", "__PYVENV_LAUNCHER__"):
        environment.pop(name, None)
    own = Path(__file__).resolve().parents[2]
    paths = [path for path in environment.pop("PYTHONPATH", "").split(os.pathsep) if path]
    # Where Kerascope is run from a folder, that one is for its own interpreter.
    others = [path for path in paths if Path(path).resolve() != own]
    if others:
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(path).resolve()) for path in others)
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    environment.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads don't survive a fork
    environment["OBJC_DISABLE_INITIALIZE_FORK_SAFETY"] = "YES"
    if not key.gpu:
        environment.update(CUDA_VISIBLE_DEVICES="-1", JAX_PLATFORMS="cpu", KERAS_TORCH_DEVICE="cpu")
    environment.update(key.environment)
    environment[kin.MARK] = mark
    return environment


def _fingerprint(python: str, paths: object) -> object:
    """Changes when the interpreter, or what is installed for it, does."""
    found: list[object] = [_stamp(python), _stamp(str(Path(python).parent.parent / "pyvenv.cfg"))]
    for path in paths if isinstance(paths, (list, tuple)) else ():
        with contextlib.suppress(OSError), os.scandir(path) as entries:
            found.extend(
                sorted(
                    (entry.name, entry.stat().st_mtime_ns)
                    for entry in entries
                    if entry.name.endswith((".dist-info", ".egg-info", ".pth", ".egg-link"))
                )
            )
    return tuple(found)


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _no_interpreter(python: str, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"The interpreter {python} does not exist: choose another one for the build check."
    return f"The interpreter {python} can't be started ({error}): choose another one for the build check."


def _text(path: Path) -> str:
    """The beginning of a file; empty if there is none."""
    try:
        with path.open("rb") as file:
            return file.read(1 << 16).decode("utf-8", "replace")
    except OSError:
        return ""


_ALL: weakref.WeakSet[Workers] = weakref.WeakSet()


def _close_all() -> None:
    for workers in list(_ALL):
        workers.close()


atexit.register(_close_all)
