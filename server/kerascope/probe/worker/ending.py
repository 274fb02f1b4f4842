"""How a check ended, in words for the person who asked for it."""

from __future__ import annotations

import os
import signal
from typing import Any, Dict, List, Optional

_DOING = {
    "start": "while it was started",
    "import": "while the file's imports and definitions were run",
    "construct": "while the layer was constructed",
    "call": "while the layer was called",
    "build": "while the layer was built",
    "functional": "while the layer was put into a functional model",
    "gradients": "while gradients were computed",
    "again": "while the layer was called a second time",
    "effect": "while the effect of each weight was measured",
    "weights-file": "while its weights were saved and loaded",
    "model-file": "while the model was saved and loaded",
}
_SIGNALS = {
    "SIGSEGV": "a segmentation fault",
    "SIGBUS": "a bus error",
    "SIGILL": "an illegal instruction: a package is built for another processor",
    "SIGFPE": "an arithmetic error",
    "SIGABRT": "an abort by native code",
    "SIGKILL": "killed by the system or by the code itself",
    "SIGTERM": "terminated by the code itself or from outside",
}


def described(status: Optional[int]) -> str:
    """A process's wait status in words."""
    if status is None:
        return "it vanished"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            name = signal.Signals(number).name
        except ValueError:
            return "signal {}".format(number)
        words = _SIGNALS.get(name)
        return "{} ({})".format(words, name) if words else name
    return "exit status {}".format(os.WEXITSTATUS(status))


class Ending:
    """`kind`: done, exited, timeout, memory or cancelled."""

    def __init__(
        self, kind: str, *, status: Optional[int] = None, with_worker: bool = False, during: str = ""
    ) -> None:
        self.kind = kind
        self.status = status
        self.with_worker = with_worker
        self.during = during

    def report(self, done: Dict[str, Any], run: Any, frames: List[Dict[str, Any]]) -> Dict[str, Any]:
        """The end of a report: status, message, stage, and the user's frames where it was ended."""
        if self.kind == "done":
            if done.get("status") == "memory" and not done.get("message"):
                done["message"] = self._memory(run, [])
            return done
        doing = "while " + self.during if self.during else _DOING.get(run.stage, "")
        where = " {}{}".format(doing, _at(frames)).rstrip()
        status = self.kind
        if self.kind == "cancelled":
            message = "Cancelled{}.".format(where)
        elif self.kind == "timeout":
            message = "Not done after {:g} s{}: stopped.".format(run.seconds, where)
        elif self.kind == "memory" or self._ran_out(run):
            status, message = "memory", self._memory(run, frames)
        else:
            status, message = "crashed", self._crash(where)
        return {"status": status, "message": message, "stage": run.stage, "frames": frames}

    def _memory(self, run: Any, frames: List[Dict[str, Any]]) -> str:
        where = " {}{}".format(_DOING.get(run.stage, ""), _at(frames)).rstrip()
        return "More than {} MB of memory were needed{}: stopped.".format(run.memory, where)

    def _ran_out(self, run: Any) -> bool:
        if self.status is None or not os.WIFSIGNALED(self.status):
            return False
        number = os.WTERMSIG(self.status)
        if number == signal.SIGABRT:
            end = run.output.end
            return any(sign in end for sign in ("bad_alloc", "out of memory", "Out of memory", "OOM"))
        return number == signal.SIGKILL and not self.with_worker and run.peak > (run.memory << 20) // 2

    def _crash(self, where: str) -> str:
        if self.with_worker:
            return "The worker in which it ran was killed{}: by the code itself, or from outside.".format(
                where
            )
        if self.status is not None and not os.WIFSIGNALED(self.status):
            code = os.WEXITSTATUS(self.status)
            return "The code ended its process (exit status {}){}.".format(code, where)
        return "Python crashed{}: {}.".format(where, described(self.status))


def _at(frames: List[Dict[str, Any]]) -> str:
    if not frames:
        return ""
    frame = frames[-1]
    text = ": `{}`".format(frame["text"]) if frame["text"] else ""
    return ", at line {} of {}{}".format(frame["line"], os.path.basename(frame["path"]), text)
