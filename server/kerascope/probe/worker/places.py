"""Which lines are the user's: those of the slice's files and of files below the root, none of a library."""

from __future__ import annotations

import linecache
import os
import re
import sys
from types import CodeType, FrameType
from typing import Any, Dict, Iterable

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_HERE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "")
_MOST_FRAMES = 20
_LONGEST_MESSAGE = 4000

Frame = Dict[str, Any]


class Places:
    """Tells the user's frames from all others."""

    def __init__(self, root: str, paths: Iterable[str]) -> None:
        self._root = os.path.realpath(root) if root else ""
        self._known: dict[str, bool] = dict.fromkeys(paths, True)

    def is_users(self, path: str) -> bool:
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = self._decide(path)
        return known

    def _decide(self, path: str) -> bool:
        if path.startswith("<") or not self._root:
            return False
        real = os.path.realpath(path)
        if real.startswith(_HERE):  # where Kerascope itself is the project
            return False
        below = real.startswith(self._root.rstrip(os.sep) + os.sep)
        parts = set(real[len(self._root) :].split(os.sep))
        if not below or parts & {"site-packages", "dist-packages"}:
            return False
        homes = (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__))
        # An environment in the project's folder isn't the user's code; a project inside an environment is.
        return not any(
            real.startswith(os.path.realpath(home) + os.sep)
            for home in homes
            if not self._root.startswith(os.path.realpath(home))
        )

    def frame(self, code: CodeType, line: int) -> Frame:
        return {
            "path": code.co_filename,
            "line": line,
            "function": code.co_name,
            "text": linecache.getline(code.co_filename, line).strip(),
        }

    def here(self) -> tuple[CodeType, int] | None:
        """The user's innermost line that is running now; `frame` makes it readable."""
        frame: FrameType | None = sys._getframe(1)
        known = self._known
        while frame is not None:
            path = frame.f_code.co_filename
            users = known.get(path)
            if users or (users is None and self.is_users(path)):
                return frame.f_code, frame.f_lineno
            frame = frame.f_back
        return None

    def frames(self, error: BaseException) -> list[Frame]:
        """The user's lines of a traceback, outermost first."""
        found = []
        step = error.__traceback__
        while step is not None:
            if self.is_users(step.tb_frame.f_code.co_filename):
                found.append(self.frame(step.tb_frame.f_code, step.tb_lineno))
            step = step.tb_next
        if isinstance(error, SyntaxError) and error.filename and self.is_users(error.filename):
            text = (error.text or "").strip()
            found.append({"path": error.filename, "line": error.lineno or 1, "function": "", "text": text})
        if len(found) > _MOST_FRAMES:
            half = _MOST_FRAMES // 2
            found = found[:half] + found[-half:]
        return found

    def raised(self, stage: str, error: BaseException) -> dict[str, Any]:
        """An exception as the report has it."""
        return {
            "stage": stage,
            "type": type(error).__name__,
            "message": message_of(error),
            "frames": self.frames(error),
        }


def essence_of(error: BaseException) -> str:
    """One line: the exception's type and what it says, without what Keras puts around it."""
    said = said_by(error)
    found = re.search(r"Error encountered:\s*(.*)", said, re.S) or re.search(
        r"Exception encountered: (.*)", said
    )
    line = " ".join((found.group(1) if found else said).strip().split("\n\n")[0].split())[:300]
    if not line:
        line = _last_line(error)
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def said_by(error: BaseException) -> str:
    """The message without the layer's name and arguments that Keras puts around it."""
    text = re.sub(r"\AException encountered when calling [^\n]*(\n+|\Z)", "", message_of(error))
    return re.split(r"(?:\A|\n\n)Arguments received by", text)[0].strip()


def _last_line(error: BaseException) -> str:
    """The line of code that raised: what an assertion without a message says."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    if step is None:
        return ""
    return linecache.getline(step.tb_frame.f_code.co_filename, step.tb_lineno).strip()[:200]


def message_of(error: BaseException) -> str:
    """The exception's own text, without colours."""
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        if isinstance(error, KeyError) and len(error.args) == 1 and isinstance(error.args[0], str):
            # Python shows the key's repr; Keras puts a whole message there.
            text = error.args[0] if "\n" in error.args[0] else text
    except Exception:
        text = ""
    return _COLOURS.sub("", str(text)).strip()[:_LONGEST_MESSAGE]
