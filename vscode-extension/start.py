"""Starts the server that the extension carries. Run as `python -I start.py server`, so that nothing of the
person's own environment or folder takes the place of what is carried."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "bundled" / "libs"))

from kerascope.cli.main import main

sys.exit(main())
