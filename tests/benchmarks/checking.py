"""The command line over a whole package: the first time, and again when nothing has changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks.figures import Figure, median
from tests.benchmarks.tools import OURS, PYRIGHT, RUFF, Tool

ROUNDS = 3
PACKAGE = "keras_hub"
INSTALLED = "what it imports installed"
NOTES = {OURS: "median, without cache", PYRIGHT: "median", RUFF: "median, without cache"}


def checking_figures(real_code: Path, tools: Sequence[Tool], packages: Path, empty: Path) -> list[Figure]:
    """Every tool in turn, round after round, as in the activated environment `packages`, in which what the
    package imports is installed, and as in `empty`, in which it isn't.

    A tool that resolves imports has more to read in the first, as it has with its users: that is what counts.
    Checked is a copy: what one tool leaves in the folder is no other's, and nothing stays.
    """
    cold: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    again = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        shutil.copytree(real_code / PACKAGE, folder / PACKAGE)
        # Older than the run: what was written a moment ago is trusted by no cache.
        time.sleep(1)
        lines = sum(path.read_bytes().count(b"\n") for path in (folder / PACKAGE).rglob("*.py"))
        files = sum(1 for _ in (folder / PACKAGE).rglob("*.py"))
        environments = {INSTALLED: activated(packages), "nothing installed": activated(empty)}
        for number in range(ROUNDS):
            for where, environment in environments.items():
                # There and back: a machine that gets busier favours nobody.
                for tool in reversed(tools) if number % 2 else tools:
                    if tool.check is None:
                        continue
                    # Told to, not by deleting the cache from where we believe it to be.
                    command = (*tool.check, "--no-cache") if tool.name == OURS else tool.check
                    cold[where, tool.name].append(_run(command, folder, environment))
                    if tool.name == OURS and where == INSTALLED:
                        _run(tool.check, folder, environment)
                        again.append(_run(tool.check, folder, environment))
    figures = []
    for where in environments:
        what = f"check of {PACKAGE}, {files} files, {lines:,} lines, {where}"
        times = {tool: seconds for (place, tool), seconds in cold.items() if place == where}
        figures += [
            Figure(what, tool, median(seconds), "s", None, NOTES[tool]) for tool, seconds in times.items()
        ]
        ratio = median(ours / theirs for ours, theirs in zip(times[OURS], times[PYRIGHT], strict=True))
        limit = 0.2 if where == INSTALLED else None
        figures.append(Figure(what, "kerascope / pyright", ratio, "×", limit, "median of the rounds"))
    figures.append(Figure("the same again, nothing changed", OURS, median(again), "s", 1.0, "median"))
    return figures


def activated(folder: Path) -> Mapping[str, str]:
    """The variables of a shell in which a virtual environment is activated."""
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    if not programs.is_dir():
        raise FileNotFoundError(f"there is no virtual environment {folder}; `make bench` makes it")
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "VIRTUAL_ENV": str(folder), "PATH": path}


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    start = time.perf_counter()
    done = subprocess.run([*command, PACKAGE], cwd=folder, env=environment, capture_output=True, check=False)
    seconds = time.perf_counter() - start
    # Pyright ends with 1 where it finds something; what the others find doesn't count.
    if done.returncode != 0 and not (done.returncode == 1 and Path(command[0]).stem == PYRIGHT):
        raise RuntimeError(f"{command[0]} ended with status {done.returncode}: {done.stderr.decode()[-500:]}")
    return seconds
