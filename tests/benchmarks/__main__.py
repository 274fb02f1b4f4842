"""`python -m tests.benchmarks`: measures, and prints a table of figures with their limits."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import programs
from tests.benchmarks.building import building_figures
from tests.benchmarks.checking import checking_figures
from tests.benchmarks.figures import Figure, table
from tests.benchmarks.memory import memory_figures
from tests.benchmarks.starting import starting_figures
from tests.benchmarks.tools import tools
from tests.benchmarks.typing_speed import length_figures, typing_figures

ROOT = Path(__file__).parents[2]
TYPING = "keystroke → diagnostics"


def main() -> int:
    options = _parser().parse_args()
    folder: Path = options.real_code.resolve()
    layer, block = programs.layer(folder), programs.block(folder)
    all_tools = tools(options.peers.resolve())
    ours, keys = all_tools[0], options.keystrokes

    def typing(program: programs.Program) -> Callable[[], list[Figure]]:
        what = f"{TYPING}, {program.path.name}, {program.lines:,} lines"
        return lambda: typing_figures(what, folder, program, all_tools, keys, limits=True)

    benchmarks: dict[str, Callable[[], list[Figure]]] = {
        "start": lambda: starting_figures(folder, layer, all_tools),
        "typing": typing(layer),
        "typing-in-layer": typing(block),
        "length": lambda: length_figures(folder, layer, programs.long_layer(folder), ours, keys),
        "memory": lambda: [
            figure
            for program in (layer, programs.script(folder))
            for figure in memory_figures(folder, program, ours)
        ],
        "check": lambda: checking_figures(
            folder, all_tools, options.packages.absolute(), options.peers.absolute().parent
        ),
        "building": lambda: building_figures(folder, layer, ours, options.packages.absolute()),
    }
    unknown = set(options.only) - set(benchmarks)
    if unknown:
        _parser().error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(benchmarks)}")
    figures: list[Figure] = []
    for name, measure in benchmarks.items():
        if not options.only or name in options.only:
            if not options.json:
                print(f"measuring: {name} …", file=sys.stderr, flush=True)
            measured = measure()
            figures += measured
            if not options.json:
                print(table(measured), flush=True)
    if options.json:
        print(json.dumps([figure.as_json() for figure in figures], indent=2, ensure_ascii=False))
    return int(options.strict and any(figure.missed for figure in figures))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="only this benchmark; may be repeated"
    )
    parser.add_argument("--strict", action="store_true", help="exit with status 1 if a limit is missed")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--keystrokes", type=int, default=100, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--peers", type=Path, default=ROOT / ".venv-bench/bin", metavar="FOLDER", help="where the peers are"
    )
    parser.add_argument(
        "--packages",
        type=Path,
        default=Path(os.environ.get("KERASCOPE_PACKAGES", ROOT / ".venv-truth")),
        metavar="FOLDER",
        help="the virtual environment in which what the checked packages import is installed",
    )
    parser.add_argument(
        "--real-code",
        type=Path,
        default=Path(os.environ.get("KERASCOPE_REAL_CODE", ROOT / ".real-code")),
        metavar="FOLDER",
        help="where the packages of requirements/real-code.txt are",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
