"""Whatever the checked code does, the check ends and says what happened, and the next one works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.probe.hazards import HAZARDS, Hazard
from tests.probe.stand_in import FINE, StandIn

from kerascope.probe.process import Workers

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into the process table")


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> StandIn:
    return StandIn(tmp_path_factory.mktemp("stand-in"))


WAYS = ("forking", "once", "no adoption")
"""As on Linux; as where the system can't fork; as where it forks but orphans get lost (macOS)."""
CASES = [
    (way, hazard)
    for way in WAYS
    for hazard in HAZARDS
    if (way != "once" or not hazard.only) and (way != "no adoption" or hazard.leaves)
]


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, tuple[StandIn, Workers]]]:
    with ExitStack() as stack:
        made = {}
        for way in WAYS:
            stand_in = StandIn(tmp_path_factory.mktemp(way.replace(" ", "-")))
            if way == "no adoption":
                kin = stand_in.worker / "kin.py"
                kin.write_text(kin.read_text().replace('sys.platform.startswith("linux")', "False"))
            made[way] = stand_in, stack.enter_context(stand_in.workers(once=way == "once"))
        yield made
    assert all(stand_in.gone() for stand_in, _ in made.values())


@pytest.mark.parametrize(("way", "hazard"), CASES, ids=str)
def test_it_is_survived_and_told(
    way: str, hazard: Hazard, ways: Mapping[str, tuple[StandIn, Workers]]
) -> None:
    stand_in, workers = ways[way]
    hazard.check(stand_in.run(workers, hazard.text, "Bad", **hazard.limits))
    after = stand_in.run(workers, FINE)
    assert (after["status"], after["output"]) == ("built", "hello\n"), after
    assert stand_in.gone("sleep")


OWNER = """
import sys, threading, time
sys.path[:0] = {path}
from tests.probe.stand_in import FINE, StandIn
from kerascope.probe.process import Workers
from pathlib import Path

stand_in = StandIn(Path({folder!r}))
stand_in.mark = {mark!r}
stand_in.environment = {{**stand_in.environment, "STAND_IN": {mark!r}}}
workers = Workers(folder=stand_in.worker, once={once})
assert stand_in.run(workers, FINE)["status"] == "built"
busy = '''
import keras, subprocess, time
class Busy(keras.Layer):
    def call(self, x):
        for _ in range(3):
            subprocess.Popen(["sleep", "60"], start_new_session=True)
        print("busy", flush=True)
        time.sleep(60)
'''
threading.Thread(target=stand_in.run, args=(workers, busy, "Busy")).start()
while len(stand_in.processes("sleep")) < 3:
    time.sleep(0.02)
print("ready", flush=True)
{end}
"""


ENDS = ("pass", "workers.close()", "import os; os._exit(0)", "time.sleep(60)")


@pytest.mark.parametrize(
    ("end", "once"),
    # What a check has started outlives both where nobody but the owner could find it.
    [*((end, False) for end in ENDS), *((end, True) for end in ENDS if "_exit" not in end)],
)
def test_nothing_is_left_when_the_owner_ends_or_is_killed(
    stand_in: StandIn, tmp_path: Path, end: str, once: bool
) -> None:
    here = Path(__file__).parents[2]
    program = OWNER.format(
        path=[str(here / "server"), str(here)], folder=str(tmp_path), mark=stand_in.mark, once=once, end=end
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    try:
        assert owner.stdout.readline() == b"ready\n"
        if end == "time.sleep(60)":
            owner.send_signal(signal.SIGKILL)
        owner.wait(20)
    finally:
        owner.kill()
        owner.stdout.close()
    assert stand_in.gone("" if not once else "_kerascope_worker")
    for process in stand_in.processes():
        os.kill(process, signal.SIGKILL)
