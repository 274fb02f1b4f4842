"""Whatever the checked code does, the check ends, says what happened, leaves nothing, and the next one works."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.probe.hazards import HAZARDS, Hazard
from tests.probe.stand_in import FINE, StandIn

from kerascope.probe.process import Workers
from kerascope.probe.worker import kin

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the warm process forks")


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> StandIn:
    return StandIn(tmp_path_factory.mktemp("stand-in"))


@pytest.fixture(scope="module")
def forking(stand_in: StandIn) -> Iterator[Workers]:
    with stand_in.workers(once=False) as workers:
        yield workers


@pytest.fixture(scope="module")
def once(stand_in: StandIn) -> Iterator[Workers]:
    with stand_in.workers(once=True) as workers:
        yield workers


@pytest.mark.parametrize("hazard", HAZARDS, ids=str)
def test_it_is_survived_and_told(hazard: Hazard, stand_in: StandIn, forking: Workers) -> None:
    hazard.check(stand_in.run(forking, hazard.text, "Bad", **hazard.limits))
    after = stand_in.run(forking, FINE)
    assert (after["status"], after["output"]) == ("built", "hello\n"), after
    assert left_behind(forking) == set()


def left_behind(workers: Workers) -> set[int]:
    """Processes of a worker beside its keeper and zygotes, once those that are ending have ended."""
    until = time.monotonic() + 3
    while True:
        extra: set[int] = set()
        for worker in workers._workers.values():
            extra |= kin.marked(worker._mark) - {worker._process.pid}
        extra = {process for process in extra if "sleep" in _command(process) or not _is_worker(process)}
        if not extra or time.monotonic() > until:
            return extra
        time.sleep(0.02)


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _is_worker(process: int) -> bool:
    return "_kerascope_worker" in _command(process) or not _command(process)
