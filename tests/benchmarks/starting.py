"""From the start of the process to the first answers."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.client import Client, Gone
from tests.benchmarks.figures import Figure, median
from tests.benchmarks.programs import Program
from tests.benchmarks.tools import OURS, Tool

ROUNDS = 5


def starting_figures(folder: Path, program: Program, tools: Sequence[Tool]) -> list[Figure]:
    answers: defaultdict[str, list[float]] = defaultdict(list)
    diagnostics: defaultdict[str, list[float]] = defaultdict(list)
    for number in range(ROUNDS + 1):
        for tool in tools:
            with Client(tool.server, folder) as client:
                answered = client.initialize()
                client.open(program.uri, program.text)
                try:
                    client.diagnostics(program.uri, None)
                    shown = time.perf_counter() - client.started
                except Gone:
                    shown = float("inf")
            # The first round fills the caches of the file system and the compiled modules.
            if number:
                answers[tool.name].append(answered)
                diagnostics[tool.name].append(shown)
    figures = []
    for what, times, limit in (
        ("start → answer to initialize", answers, 0.35),
        (f"start → first diagnostics of {program.path.name}", diagnostics, 1.0),
    ):
        for tool in tools:
            held = limit if tool.name == OURS else None
            figures.append(Figure(what, tool.name, median(times[tool.name]), "s", held, "median"))
    return figures
