"""The real server with real workers, and a Keras of a few lines: `python -m tests.lsp.stand_in FOLDER`.

FOLDER is where `tests.probe.stand_in` has put the worker's stand-in.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from kerascope.lsp.serve import serve_stdio
from kerascope.probe import process

if __name__ == "__main__":
    process.Workers = functools.partial(  # type: ignore[assignment,misc]
        process.Workers, folder=Path(sys.argv[1])
    )
    sys.exit(serve_stdio())
