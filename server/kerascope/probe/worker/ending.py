"""How a check ended, in words for the person who asked for it."""

from __future__ import annotations

import os
import signal
from typing import Any, Mapping, Sequence

from .one_check import CUT_OFF

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


_ABORT = int(signal.SIGABRT)
_TERM = int(signal.SIGTERM)
_KILL = int(getattr(signal, "SIGKILL", 9))
_WINDOWS = {
    0xC0000005: "an access violation",
    0xC00000FD: "a stack overflow",
    0xC0000017: "out of memory",
    0xC000001D: "an illegal instruction: a package is built for another processor",
}


def described(code: int | None) -> str:
    """How a process ended, in words. `code`: its exit status, or less than 0 for a signal."""
    if code is None:
        return "it vanished"
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
        words = _SIGNALS.get(name)
        return f"{words} ({name})" if words else name
    return _WINDOWS.get(code, f"exit status {code}")


def report(
    kind: str,
    *,
    stage: str,
    seconds: float,
    memory: int,
    frames: Sequence[Mapping[str, Any]] = (),
    code: int | None = None,
    with_worker: bool = False,
    during: str = "",
    printed: str = "",
    peak: int = 0,
) -> dict[str, Any]:
    """The end of a report: status, message, stage, and the user's frames where the check was ended.

    `kind`: "timeout", "memory", "cancelled", or "exited" with the `code`; `with_worker`: so did the process
    that it was forked from. `during`: what was under way, if the stage doesn't say it. `printed`: the end of
    the output. `peak`: the most memory that was seen, in bytes.
    """
    doing = "while " + during if during else _DOING.get(stage, "")
    where = f" {doing}{_at(frames)}".rstrip()
    if kind == "exited" and not with_worker and _ran_out(code, printed, peak > (memory << 20) // 2):
        kind = "memory"
    if kind == "cancelled":
        message = f"Cancelled{where}."
    elif kind == "timeout":
        message = f"Not done after {seconds:g} s{where}: stopped."
    elif kind == "memory":
        message = f"More than {memory} MB of memory were needed{where}: stopped."
    else:
        kind, message = "crashed", _crash(code, with_worker, where)
    return {"status": kind, "message": message, "stage": stage, "frames": list(frames)}


def _ran_out(code: int | None, printed: str, much: bool) -> bool:
    if code == -_ABORT:
        return any(sign in printed for sign in ("bad_alloc", "out of memory", "Out of memory", "OOM"))
    return code == -_KILL and much


def _crash(code: int | None, with_worker: bool, where: str) -> str:
    if with_worker:
        return f"The worker was killed{where}: by the code itself, or from outside."
    if code == CUT_OFF:
        return f"The code closed all files of its process{where}: what came after could not be measured."
    if code is not None and 0 <= code < 0xC0000000:
        return f"The code ended its process (exit status {code}){where}."
    if code in (-_KILL, -_TERM):
        return f"The process of the check was killed{where}: by the code itself, or by the system."
    return f"Python crashed{where}: {described(code)}."


def _at(frames: Sequence[Mapping[str, Any]]) -> str:
    if not frames:
        return ""
    frame = frames[-1]
    text = ": `{}`".format(frame["text"]) if frame["text"] else ""
    return ", at line {} of {}{}".format(frame["line"], os.path.basename(frame["path"]), text)
