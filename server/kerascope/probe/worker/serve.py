"""Where the worker begins: takes its pipes out of reach of everybody else, then serves until they close.

Started by `BOOTSTRAP` of `probe/process.py` in the user's interpreter, with the folder of this file loaded
as the package `_kerascope_worker`, so that no name in it can be taken for a module of the user's.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Sequence

from .one_check import out_of_the_way


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True, help="for temporary files; removed at the end")
    parser.add_argument("--mark", required=True, help="value of KERASCOPE_WORKER in the environment")
    parser.add_argument("--start", type=float, default=180.0, help="seconds for the import of Keras")
    parser.add_argument("--idle", type=float, default=600.0, help="seconds without a request, then it ends")
    parser.add_argument("--once", action="store_true", help="one check, without forking")
    options = parser.parse_args(arguments)
    control, results = _take_pipes()
    sys.argv = [""]
    os.environ["KERASCOPE_FOLDER"] = options.folder
    if options.once:
        from .once import Once

        Once(control, results, folder=options.folder, start=options.start).live()
    from .keeper import Keeper

    Keeper(
        control, results, folder=options.folder, mark=options.mark, start=options.start, idle=options.idle
    ).live()
    os._exit(0)


def _take_pipes() -> tuple[int, int]:
    """Standard input and output under other numbers; what remains under theirs is empty and silent."""
    control, results = out_of_the_way(os.dup(0)), out_of_the_way(os.dup(1))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return control, results
