"""Failures of our own: one is told, in one line, and what it hit is left out; everything else goes on."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

_LOG = logging.getLogger("kerascope")


@contextmanager
def survived(doing: str) -> Iterator[None]:
    """Whatever goes wrong inside is logged as a failure of `doing`. Developers set KERASCOPE_TRACEBACK to see
    it."""
    try:
        yield
    except Exception as error:
        failed(doing, error)


def failed(doing: str, error: Exception) -> None:
    """Log a failure of `doing`; to be called where it is caught, on the way of every keystroke."""
    if os.environ.get("KERASCOPE_TRACEBACK"):
        raise error
    _LOG.error("Kerascope failed on %s; please report that. (%s: %s)", doing, type(error).__name__, error)
