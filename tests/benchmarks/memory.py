"""What the server holds after a thousand edits, and whether it grows with them."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.client import Client
from tests.benchmarks.figures import Figure
from tests.benchmarks.programs import Program
from tests.benchmarks.tools import OURS, Tool

EDITS = 1000


def memory_figures(folder: Path, program: Program, ours: Tool) -> list[Figure]:
    """Resident memory of the server and of the processes that it started."""
    if not Path("/proc/self/statm").exists():
        return []
    what = f"memory, {EDITS:,} edits in {program.path.name}"
    with Client(ours.server, folder) as client:
        client.initialize()
        client.open(program.uri, program.text)
        client.diagnostics(program.uri, None)
        client.settle(2)
        seen = [_resident(client.process.pid)]
        for version, change in zip(range(1, EDITS + 1), program.keystrokes(), strict=False):
            client.change(program.uri, version, change)
            client.diagnostics(program.uri, version)
            if version in (EDITS // 2, EDITS):
                client.settle(1)
                seen.append(_resident(client.process.pid))
    after_opening, half_way, at_the_end = seen
    return [
        Figure(what, OURS, after_opening, "MB", 200, "after opening"),
        Figure(what, OURS, at_the_end, "MB", 200, "after all edits"),
        # The allocator gives and takes pages: two megabytes are no growth.
        Figure(what, OURS, at_the_end - half_way, "MB", 2, f"growth over the last {EDITS // 2}"),
    ]


def _resident(process: int) -> float:
    """Megabytes, of a process and its descendants."""
    parents: dict[int, int] = {}
    sizes: dict[int, float] = {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = status.read_text().splitlines()
        except OSError:
            continue
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        number = int(status.parent.name)
        parents[number] = int(fields["PPid"])
        sizes[number] = int(fields.get("VmRSS", "0 kB").split()[0]) / 1000
    family = {process}
    while more := {number for number, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(sizes.get(number, 0) for number in family)
