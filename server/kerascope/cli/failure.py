"""How a command says that it can't do what it was asked for."""

from __future__ import annotations


class CannotRun(Exception):
    """The command can't do what it was asked for; the text says why, in one line. Exit status 2."""
