"""A Keras of a few lines and a check that only runs the slice: for the safety tests, without TensorFlow."""

from __future__ import annotations

import shutil
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kerascope.probe.process import WORKER, Workers
from kerascope.probe.request import Direct, Limits, Request, Slice, SlicedModule

_PROCESSES = {
    "__init__.py", "serve.py", "keeper.py", "zygote.py", "once.py", "one_check.py", "kin.py", "limits.py",
    "lines.py", "output.py", "ending.py", "imports.py", "stack.py", "guard.py",
}  # fmt: skip

KERAS = """
__version__ = "3.0.0"


class Layer:
    def __init__(self, **options):
        pass

    def __call__(self, *inputs):
        return self.call(*inputs)


class layers:
    Layer = Layer


class backend:
    backend = staticmethod(lambda: "numpy")
"""

_CHECK = """
import sys
import types

from .guard import guarded


def run_check(request, send):
    stage = "import"
    try:
        send({"stage": stage, "text": "importing"})
        for module in request["slice"]["modules"]:
            made = types.ModuleType(module["name"])
            sys.modules[module["name"]] = made
            with guarded(request):
                exec(compile(module["text"], module["path"], "exec"), made.__dict__)
        send({"part": {"counts": {"import": 0}}})
        stage = "construct"
        send({"stage": stage, "text": "constructing"})
        layer = getattr(made, request["class_name"])()
        send({"part": {"counts": {"init": 1}}})
        if hasattr(layer, "report"):
            send({"part": layer.report()})
        stage = "call"
        send({"stage": stage, "text": "calling"})
        layer(1)
        send({"part": {"counts": {"call": 2}}})
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        send({"part": {"raised": [{"stage": stage, "type": type(error).__name__, "message": str(error)}]}})
        send({"done": {"status": "raised"}})
    else:
        send({"done": {"status": "built"}})
"""

FINE = """
import keras

class Fine(keras.Layer):
    def call(self, x):
        print("hello")
        return x
"""


class StandIn:
    """Folders with the stand-ins, and requests for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.worker = folder / "worker"
        self.worker.mkdir()
        for name in _PROCESSES:
            shutil.copy(WORKER / name, self.worker / name)
        (self.worker / "check.py").write_text(_CHECK)
        self.packages = folder / "site-packages"
        self.packages.mkdir()
        (self.packages / "keras.py").write_text(KERAS)
        self.mark = uuid.uuid4().hex
        self.environment: Mapping[str, str] = {"PYTHONPATH": str(self.packages), "STAND_IN": self.mark}
        self.root = folder / "project"
        self.root.mkdir()

    def request(
        self,
        text: str,
        class_name: str = "Fine",
        *,
        name: str = "model",
        path: str | None = None,
        **limits: Any,
    ) -> Request:
        path = path or str(self.root / f"{name}.py")
        return Request(
            class_name,
            Slice((SlicedModule(name, path, text),), name),
            (Direct("search", None, None),),
            str(self.root),
            limits=Limits(**{"seconds": 20.0, **limits}),
        )

    @contextmanager
    def workers(self, **options: Any) -> Iterator[Workers]:
        workers = Workers(folder=self.worker, **options)
        try:
            yield workers
        finally:
            workers.close()

    def processes(self, named: str = "") -> set[int]:
        """All processes that were started for these stand-ins, or those with a word in their command line."""
        found = set()
        for folder in Path("/proc").iterdir():
            try:
                if f"STAND_IN={self.mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                    command = (folder / "cmdline").read_bytes().decode()
                    if command and named in command:
                        found.add(int(folder.name))
            except (OSError, ValueError):
                continue
        return found

    def gone(self, named: str = "", seconds: float = 5.0) -> bool:
        """Whether none of them is left, after a moment for those that are ending."""
        until = time.monotonic() + seconds
        while self.processes(named):
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def run(self, workers: Workers, text: str, class_name: str = "Fine", **options: Any) -> dict[str, Any]:
        environment = {**self.environment, **options.pop("environment", {})}
        python = options.pop("python", sys.executable)
        asked = {name: options.pop(name) for name in ("progress", "partial", "cancelled") if name in options}
        return workers.run(
            python, self.request(text, class_name, **options), generation_env=environment, **asked
        )
