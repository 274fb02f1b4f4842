"""From a keystroke to its diagnostics."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.client import Client, Gone
from tests.benchmarks.figures import Figure, median, percentile_95
from tests.benchmarks.programs import Program
from tests.benchmarks.tools import OURS, PYRIGHT, Tool

PAUSE = 0.02
"""Seconds of silence after an answer, for what a server does behind it, before the next keystroke."""


def typing(folder: Path, programs: Sequence[tuple[Program, Tool]], keystrokes: int) -> list[list[float]]:
    """Type in all programs at once, a key in each in turn, so that what else the machine does hits all alike.

    Gives for each program the milliseconds of every keystroke.
    """
    times: list[list[float]] = [[] for _ in programs]
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(tool.server, folder)) for _, tool in programs]
        silent: set[int] = set()
        for number, ((program, _), client) in enumerate(zip(programs, clients, strict=True)):
            client.initialize()
            client.open(program.uri, program.text)
            try:
                client.diagnostics(program.uri, None, patience=90)
            except Gone:
                silent.add(number)
            client.settle(1)
        streams = [program.keystrokes() for program, _ in programs]
        for version in range(1, keystrokes + 1):
            for number, (program, _) in enumerate(programs):
                client, change = clients[number], next(streams[number])
                if number in silent:
                    continue
                start = time.perf_counter()
                client.change(program.uri, version, change)
                try:
                    client.diagnostics(program.uri, version, patience=20)
                except Gone:
                    silent.add(number)
                    times[number].clear()
                    continue
                times[number].append(1000 * (time.perf_counter() - start))
                client.settle(PAUSE)
    return times


def typing_figures(
    what: str, folder: Path, program: Program, tools: Sequence[Tool], keystrokes: int, limits: bool
) -> list[Figure]:
    """One file, all tools; `limits`: whether ours are held to what was promised."""
    measured = typing(folder, [(program, tool) for tool in tools], keystrokes)
    figures = []
    medians = {}
    for tool, times in zip(tools, measured, strict=True):
        if not times:
            continue
        held = limits and tool.name == OURS
        medians[tool.name] = median(times)
        worst = f"at worst {max(times):.1f}"
        figures.append(Figure(what, tool.name, medians[tool.name], "ms", 15 if held else None, "median"))
        figures.append(
            Figure(what, tool.name, percentile_95(times), "ms", 40 if held else None, f"95 %, {worst}")
        )
    if OURS in medians and PYRIGHT in medians:
        ratio = medians[OURS] / medians[PYRIGHT]
        figures.append(Figure(what, "kerascope / pyright", ratio, "×", 0.1, "medians"))
    return figures


def length_figures(folder: Path, short: Program, long: Program, ours: Tool, keystrokes: int) -> list[Figure]:
    """Whether the length of the file matters where the class is the same."""
    times = typing(folder, [(short, ours), (long, ours)], keystrokes)
    what = f"keystroke → diagnostics, {short.lines:,} and {long.lines:,} lines"
    return [
        Figure(what, OURS, median(times[0]), "ms", None, f"median, {short.lines:,} lines"),
        Figure(what, OURS, median(times[1]), "ms", None, f"median, {long.lines:,} lines"),
        Figure(what, "long / short", median(times[1]) / median(times[0]), "×", 1.5, "medians"),
    ]
