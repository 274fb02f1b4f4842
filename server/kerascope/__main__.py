"""`python -m kerascope` is the command `kerascope`."""

from __future__ import annotations

import sys

from kerascope.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
