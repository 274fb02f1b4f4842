"""The worker where the system can't fork: imports Keras, runs one check, ends. Kerascope keeps a spare one.

The check runs in the main thread; another watches the time and the pipe from Kerascope. Where native code
hangs or crashes, Kerascope ends the process and finds in the folder what was printed and which line ran.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import queue
import shutil
import sys
import threading
import time
from typing import Any, Mapping, Sequence

from . import ending, imports, kin, limits, stack
from .lines import Lines
from .one_check import CUT_OFF, Sender, run, settle_in, speak_into

_GLANCE = 0.05
_MOST_OUTPUT = 16 << 20


class Once:
    """`control`, `results`: descriptors from and to Kerascope. `folder`: for files, removed by Kerascope."""

    def __init__(self, control: int, results: int, *, folder: str, start: float) -> None:
        self._control = control
        self._send = Sender(results)
        self._folder = folder
        self._start_limit = start
        self._requests: queue.Queue[dict[str, Any]] = queue.Queue()
        self._cancelled: set[int] = set()
        self._lock = threading.Lock()
        self._ended = False
        self._parent = os.getppid()

    def live(self) -> None:
        limits.keep_together()
        self._send({"alive": os.getpid()})
        self._output = os.path.join(self._folder, "output")
        speak_into(os.open(self._output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        self._stack = os.path.join(self._folder, "stack")
        descriptor = stack.write_on_request(self._stack)
        faulthandler.dump_traceback_later(self._start_limit, file=descriptor)
        threading.Thread(target=self._listen, daemon=True).start()
        begun = time.monotonic()
        try:
            versions = imports.import_keras(lambda text: self._send({"starting": text}))
            from . import check

            getattr(check, "warm", lambda: None)()
        except imports.Failed as failed:
            self._send({"failed": {"why": failed.why, "message": str(failed)}})
            os._exit(1)
        except BaseException as error:
            self._send({"failed": {"why": "worker", "message": imports.said(error)}})
            os._exit(1)
        faulthandler.cancel_dump_traceback_later()
        self._send(
            {
                "ready": versions,
                "seconds": time.monotonic() - begun,
                "paths": imports.package_folders(),
                "forks": False,
            }
        )
        message = self._requests.get()
        given = message["request"].get("limits") or {}
        faulthandler.dump_traceback_later(float(given.get("seconds", 60.0)) + 1, file=descriptor)
        self._check(int(message["id"]), message["request"])
        os._exit(0 if self._send.works else CUT_OFF)

    def _listen(self) -> None:
        lines = Lines(1 << 28)
        try:
            while data := os.read(self._control, 1 << 16):
                for message in lines.feed(data):
                    if "cancel" in message:
                        self._cancelled.add(message["cancel"])
                    elif "request" in message:
                        self._requests.put(message)
        except OSError:
            os._exit(CUT_OFF)
        if os.getppid() != self._parent:
            # Nobody else is left to do it.
            shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(0)

    def _check(self, number: int, request: dict[str, Any]) -> None:
        self.number, self.request = number, request
        given = request.get("limits") or {}
        self.seconds, self.memory = float(given.get("seconds", 60.0)), int(given.get("memory", 4096))
        self.stage = "start"
        self._limit = int(given.get("output", 20_000))
        self._begun = time.monotonic()
        self._send({"id": number, "taken": True})
        place = os.path.join(self._folder, "work")
        os.makedirs(place, exist_ok=True)
        limits.step_back()
        limits.apply(self.memory)
        self._base = kin.memory_of(os.getpid())
        threading.Thread(target=self._watch, daemon=True).start()
        settle_in(place)
        run(request, self._relay, set(sys.modules))

    def _relay(self, message: dict[str, Any]) -> None:
        with self._lock:
            if self._ended or "imported" in message:
                return
            self.stage = str(message.get("stage", self.stage))
            if "done" in message:
                self._ended = True
                self._finish(dict(message["done"]))
            else:
                self._send({**message, "id": self.number})

    def _finish(self, done: dict[str, Any]) -> None:
        if done.get("status") == "memory" and not done.get("message"):
            done.update(self._ending("memory"))
        done["output"] = self._printed()
        done["seconds"] = time.monotonic() - self._begun
        self._send({"id": self.number, "done": done})

    def _ending(self, kind: str, frames: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
        return ending.report(kind, stage=self.stage, seconds=self.seconds, memory=self.memory, frames=frames)

    def _printed(self) -> str:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        with contextlib.suppress(OSError), open(self._output, "rb") as file:
            return file.read(self._limit).decode("utf-8", "replace")
        return ""

    def _watch(self) -> None:
        main = threading.main_thread().ident
        while True:
            time.sleep(_GLANCE)
            kind = ""
            if self.number in self._cancelled:
                kind = "cancelled"
            elif time.monotonic() - self._begun > self.seconds:
                kind = "timeout"
            elif kin.memory_of(os.getpid()) - self._base > self.memory << 20:
                kind = "memory"
            if kind:
                frame = sys._current_frames().get(main or 0)
                frames = stack.frames_of(frame, self.request["slice"]["modules"])
                with self._lock:
                    if not self._ended:
                        self._ended = True
                        self._finish(self._ending(kind, frames))
                os._exit(0)
            with contextlib.suppress(OSError):
                if os.path.getsize(self._output) > _MOST_OUTPUT:
                    os.truncate(self._output, self._limit)
