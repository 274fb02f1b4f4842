"""Servers to talk to: the real process, with an analysis whose findings are easy to foretell."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings
from tests.lsp import editors
from tests.lsp.client import Client, running

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "server"), str(ROOT)])}
MARKED = [sys.executable, "-m", "tests.lsp.marked"]

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")

StartServer = Callable[..., Client]


@pytest.fixture
def start() -> Iterator[StartServer]:
    """Starts servers of `tests.lsp.marked`; they are ended after the test."""
    with ExitStack() as stack:

        def start(*arguments: str) -> Client:
            return stack.enter_context(running([*MARKED, *arguments], env=ENVIRONMENT))

        yield start


@pytest.fixture
def client(start: StartServer) -> Client:
    """A server that was initialized by a plain client."""
    client = start()
    client.initialize(editors.bare([]))
    return client


@pytest.fixture(scope="module")
def shared() -> Iterator[Client]:
    """One server for all tests of a file that leave no trace in it."""
    with running(MARKED, env=ENVIRONMENT) as client:
        client.initialize(editors.bare([]))
        yield client
