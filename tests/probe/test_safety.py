"""Whatever the checked code does, the check ends and says what happened, and the next one works."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.probe.hazards import HAZARDS, Hazard
from tests.probe.stand_in import FINE, StandIn

from kerascope.probe.process import Workers

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into the process table")


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> StandIn:
    return StandIn(tmp_path_factory.mktemp("stand-in"))


@pytest.fixture(scope="module", params=["forking", "once", "no adoption"])
def workers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """As on Linux; as where the system can't fork; as where it forks but orphans are lost (macOS)."""
    stand_in = StandIn(tmp_path_factory.mktemp(request.param.replace(" ", "-")))
    if request.param == "no adoption":
        kin = stand_in.worker / "kin.py"
        kin.write_text(kin.read_text().replace('sys.platform.startswith("linux")', "False"))
    with stand_in.workers(once=request.param == "once") as workers:
        workers.stand_in = stand_in  # type: ignore[attr-defined]
        yield workers
    assert stand_in.gone()


@pytest.mark.parametrize("hazard", HAZARDS, ids=str)
def test_it_is_survived_and_told(hazard: Hazard, workers: Workers) -> None:
    stand_in: StandIn = workers.stand_in  # type: ignore[attr-defined]
    way = "once" if workers._options.once else "forking"
    if hazard.only not in ("", way):
        pytest.skip("there is no such process")
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
started = threading.Event()
def progress(stage, text):
    if stage == "call":
        started.set()
thread = threading.Thread(target=stand_in.run, args=(workers, busy, "Busy"), kwargs={{"progress": progress}})
thread.start()
started.wait()
time.sleep(0.3)
print("ready", flush=True)
{end}
"""


@pytest.mark.parametrize("once", [False, True])
@pytest.mark.parametrize("end", ["pass", "workers.close()", "import os; os._exit(0)", "time.sleep(60)"])
def test_nothing_is_left_when_the_owner_ends_or_is_killed(
    stand_in: StandIn, tmp_path: Path, end: str, once: bool
) -> None:
    if once and end == "import os; os._exit(0)":
        pytest.skip("what a check started by then is only found by a process that outlives it")
    here = Path(__file__).parents[2]
    program = OWNER.format(
        path=[str(here / "server"), str(here)], folder=str(tmp_path), mark=stand_in.mark, once=once, end=end
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    try:
        assert owner.stdout.readline() == b"ready\n"
        assert len(stand_in.processes("sleep")) == 3
        if end == "time.sleep(60)":
            owner.send_signal(signal.SIGKILL)
        owner.wait(20)
    finally:
        owner.kill()
        owner.stdout.close()
    assert stand_in.gone("" if not once else "_kerascope_worker")
    for process in stand_in.processes():
        os.kill(process, signal.SIGKILL)
