"""The command line over a whole package: the first time, and again when nothing has changed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.figures import Figure, median
from tests.benchmarks.tools import OURS, PYRIGHT, RUFF, Tool

ROUNDS = 3
PACKAGE = "keras_hub"


def checking_figures(real_code: Path, tools: Sequence[Tool]) -> list[Figure]:
    """Checks a copy: what one tool leaves in the folder is no other's, and nothing stays."""
    cold: defaultdict[str, list[float]] = defaultdict(list)
    again = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        shutil.copytree(real_code / PACKAGE, folder / PACKAGE)
        # Older than the run: what was written a moment ago is trusted by no cache.
        time.sleep(1)
        lines = sum(path.read_bytes().count(b"\n") for path in (folder / PACKAGE).rglob("*.py"))
        files = sum(1 for _ in (folder / PACKAGE).rglob("*.py"))
        for number in range(ROUNDS):
            for tool in tools:
                # One run of pyright is long enough to be exact, and to wait for.
                if tool.check is None or (tool.name == PYRIGHT and number != 1):
                    continue
                if tool.name != OURS:
                    cold[tool.name].append(_run(tool.check, folder))
                    continue
                # Told to, not by deleting the cache from where we believe it to be.
                cold[OURS].append(_run((*tool.check, "--no-cache"), folder))
                _run(tool.check, folder)
                again.append(_run(tool.check, folder))
    what = f"check of {PACKAGE}, {files} files, {lines:,} lines"
    notes = {OURS: "median, without cache", PYRIGHT: "one run", RUFF: "median, without cache"}
    figures = [Figure(what, name, median(times), "s", None, notes[name]) for name, times in cold.items()]
    if cold[PYRIGHT]:
        ratio = median(cold[OURS]) / median(cold[PYRIGHT])
        figures.append(Figure(what, "kerascope / pyright", ratio, "×", 0.2))
    figures.append(Figure("the same again, nothing changed", OURS, median(again), "s", 1.0, "median"))
    return figures


def _run(command: Sequence[str], folder: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run([*command, PACKAGE], cwd=folder, capture_output=True, check=False)
    seconds = time.perf_counter() - start
    # Pyright ends with 1 where it finds something.
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{command[0]} ended with status {done.returncode}: {done.stderr.decode()[-500:]}")
    return seconds
