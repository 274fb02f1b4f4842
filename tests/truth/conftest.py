"""Real Keras for the truth tests: one process for each generation, which answers what an example shows.

The interpreter is this one, or the one that `KERASCOPE_TRUTH_PYTHON` names. It needs TensorFlow, Keras 3 and
tf_keras; with one of them, or with Keras 2, what is about the other generation is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from tests.truth.symptoms import Answer, answer_of

PYTHON = os.environ.get("KERASCOPE_TRUTH_PYTHON", sys.executable)
WORKER = Path(__file__).with_name("worker.py")


class RealKeras:
    """A process that has imported one generation of Keras and runs programs in forks of itself."""

    def __init__(self, generation: int, python: str = PYTHON, backend: str = "tensorflow") -> None:
        self._process = subprocess.Popen(
            [python, str(WORKER), str(generation)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "KERAS_BACKEND": backend},
            text=True,
        )
        self._lock = Lock()
        self._version: tuple[int, ...] | None = None

    @property
    def version(self) -> tuple[int, ...]:
        """Of its Keras: (3, 15) for 3.15.1."""
        with self._lock:
            return self._started()

    def _started(self) -> tuple[int, ...]:
        if self._version is None:
            assert self._process.stdout is not None
            versions = self._process.stdout.readline()
            assert versions, "this interpreter can't import this generation of Keras with its backend"
            self._version = tuple(map(int, json.loads(versions)["keras"].split(".")[:2]))
        return self._version

    def measure(self, request: Mapping[str, Any]) -> Answer:
        """What the program shows of the symptoms that the request asks for."""
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._started()
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            return answer_of(json.loads(self._process.stdout.readline()), request)

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


class _Running(dict[int, RealKeras]):
    """The generations that the interpreter has; a test of the other one is skipped."""

    def __missing__(self, generation: int) -> RealKeras:
        pytest.skip(f"this interpreter has no Keras {generation}")


_LOOK = """
from importlib.metadata import version
from importlib.util import find_spec
there = [name for name in ("keras", "tf_keras") if find_spec("tensorflow") and find_spec(name)]
print(*{2 if name == "tf_keras" else int(version(name)[0]) for name in there})
"""


def _generations() -> list[int]:
    """Of Keras, as far as the interpreter has them with TensorFlow."""
    found = subprocess.run([PYTHON, "-c", _LOOK], check=False, capture_output=True, text=True).stdout
    return sorted(map(int, found.split()))


@pytest.fixture(scope="session")
def real_keras() -> Iterator[Mapping[int, RealKeras]]:
    """Each generation that there is; they import TensorFlow side by side."""
    running = _Running({generation: RealKeras(generation) for generation in _generations()})
    if not running:
        pytest.skip("needs TensorFlow, Keras 3 and tf_keras: make truth")
    yield running
    for process in running.values():
        process.end()
