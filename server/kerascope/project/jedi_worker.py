"""Jedi in a process of its own: there it can hang or crash, keeps nobody from typing, and no `sys.path` of
ours is swapped under us.

Started by `inference` as a file, with nothing but the standard library and Jedi on its path; knows nothing
else of Kerascope. It reads one JSON object a line and answers in the same way. No module of the workspace or
of the user's environment is ever imported: Jedi reads their text.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import sysconfig
from collections.abc import Callable, Iterator
from typing import Any


def main() -> None:
    """First line: {"folders": [where Jedi is]}. Then for each line {"path", "code", "root", "sys_path",
    "places": [[line, column], …]} (lines from 1) one line {"values": […], "files": […]} for each place."""
    requests = sys.stdin
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)
    standard = [path for name in ("stdlib", "platstdlib") if (path := sysconfig.get_path(name))]
    standard.append(sysconfig.get_path("platstdlib") + os.sep + "lib-dynload")
    sys.path = [*sys.path, *json.loads(requests.readline())["folders"]]
    answerer = _Answerer(list(dict.fromkeys(standard)))
    for line in requests:
        for reply in answerer.replies(json.loads(line)):
            replies.write(json.dumps(reply) + "\n")
            replies.flush()


class _Answerer:
    def __init__(self, standard: list[str]) -> None:
        import jedi  # type: ignore[import-untyped]
        from jedi.api.environment import InterpreterEnvironment  # type: ignore[import-untyped]

        class Environment(InterpreterEnvironment):  # type: ignore[misc]
            """Compiled modules are imported from the standard library only."""

            def get_sys_path(self) -> list[str]:
                return list(standard)

        _forgive_cache()
        jedi.settings.auto_import_modules = []
        self._jedi = jedi
        self._environment = Environment()
        self._standard = standard

    def replies(self, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        script = None
        with contextlib.suppress(Exception):
            project = self._jedi.Project(
                request["root"],
                sys_path=[*request["sys_path"], *self._standard],
                load_unsafe_extensions=False,
            )
            script = self._jedi.Script(
                request["code"], path=request["path"], project=project, environment=self._environment
            )
        for line, column in request["places"]:
            _end_after(60)
            values: list[dict[str, Any]] = []
            # RecursionError too: Jedi goes deep.
            with contextlib.suppress(Exception):
                if script is not None:
                    values = [_value(name) for name in script.infer(line, column)]
            _end_after(0)
            yield {"values": values, "files": _files(script)}


def _forgive_cache() -> None:
    """Whatever is wrong with a file of the cache that all programs with Jedi share, parse anew.

    Such a file is written in place: who reads it meanwhile finds half of it, and so does everybody after a
    full disk or a killed process. Jedi would fail then, over every question that leads to that file."""
    from parso import cache

    for name in ("_load_from_file_system", "_save_to_file_system", "_remove_cache_and_update_lock"):
        function = getattr(cache, name, None)
        if function is not None:
            setattr(cache, name, _forgiving(function))


def _forgiving(function: Callable[..., Any]) -> Callable[..., Any]:
    def forgiving(*arguments: Any, **named: Any) -> Any:
        with contextlib.suppress(Exception):
            return function(*arguments, **named)
        return None

    return forgiving


def _end_after(seconds: int) -> None:
    """Should Kerascope itself be gone, nobody else ends a process that hangs (0: this one doesn't)."""
    with contextlib.suppress(AttributeError):  # Windows has no alarms
        signal.alarm(seconds)


def _value(name: Any) -> dict[str, Any]:
    return {
        "type": name.type,
        "name": name.name,
        "full_name": name.full_name,
        "path": str(name.module_path) if name.module_path else None,
        "line": name.line,
    }


def _files(script: Any) -> list[str]:
    """The files that Jedi has looked into. It doesn't tell in public; where that changes, nothing is told."""
    found: set[str] = set()
    with contextlib.suppress(Exception):
        for values in script._inference_state.module_cache._name_cache.values():
            for value in values:
                with contextlib.suppress(Exception):
                    path = value.py__file__()
                    if path is not None:
                        found.add(str(path))
    return sorted(found)


if __name__ == "__main__":
    main()
