"""The real command, as a process of its own in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[2] / "server"
STAND_IN = Path(__file__).parent / "stand_in"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str


Command = Callable[..., Ended]


def run_command(
    folder: Path, *arguments: str, real: bool = False, input: bytes = b"", **environment: str
) -> Ended:
    """Run `kerascope` in `folder`: with the real analysis, or with the stand-in for it."""
    paths = [str(SERVER)] if real else [str(STAND_IN), str(SERVER)]
    outer = {key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR", "VIRTUAL_ENV")}
    environ = {**outer, "PYTHONPATH": os.pathsep.join(paths), "XDG_CACHE_HOME": str(folder / ".cache")}
    ended = subprocess.run(
        [sys.executable, "-m", "kerascope", *arguments],
        cwd=folder,
        env=environ | {"PYTHONIOENCODING": "utf-8"} | environment,
        input=input,
        capture_output=True,
        timeout=60,
        check=False,
    )
    out, err = ended.stdout.decode("utf-8"), ended.stderr.decode("utf-8")
    assert "Traceback" not in err, err
    return Ended(ended.returncode, out, err)


@pytest.fixture
def kerascope(tmp_path: Path) -> Command:
    def run(*arguments: str, real: bool = False, input: bytes = b"", **environment: str) -> Ended:
        return run_command(tmp_path, *arguments, real=real, input=input, **environment)

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file below the test's folder, its folders too."""

    def write(name: str, text: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def environ() -> dict[str, str]:
    """The environment for starting the command with the stand-in oneself."""
    return {**os.environ, "PYTHONPATH": f"{STAND_IN}{os.pathsep}{SERVER}", "PYTHONIOENCODING": "utf-8"}
