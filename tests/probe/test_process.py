"""Starting, keeping, asking and ending workers: what Kerascope's side does, with a stand-in for Keras."""

from __future__ import annotations

import ast
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.probe.stand_in import FINE, KERAS, StandIn

from kerascope.probe import process
from kerascope.probe.process import WORKER, Workers, merge
from kerascope.probe.worker import stack
from kerascope.probe.worker.lines import Lines

posix = pytest.mark.skipif(os.name != "posix", reason="needs scripts and signals")

WHO = """
import keras, os

class Fine(keras.Layer):
    def call(self, x):
        print(os.getppid())
"""

LONG = """
import keras, time

class Fine(keras.Layer):
    def call(self, x):
        time.sleep(30)
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    made = StandIn(tmp_path)
    yield made
    if Path("/proc/self").exists():
        assert made.gone()


@pytest.fixture
def workers(stand_in: StandIn) -> Iterator[Workers]:
    with stand_in.workers() as workers:
        yield workers


def script(folder: Path, text: str) -> str:
    path = folder / "python"
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


class TestInterpreters:
    """An interpreter that can't be used is told as such, with what to do."""

    def refused(self, stand_in: StandIn, workers: Workers, python: str) -> str:
        answer = stand_in.run(workers, FINE, python=python)
        assert answer["status"] == "no-keras", answer
        assert python in answer["message"]
        return str(answer["message"])

    def test_one_that_is_not_there(self, stand_in: StandIn, workers: Workers) -> None:
        assert "does not exist: choose another one" in self.refused(stand_in, workers, "/no/such/python")

    @posix
    def test_one_that_was_deleted_meanwhile(
        self, stand_in: StandIn, workers: Workers, tmp_path: Path
    ) -> None:
        python = tmp_path / "python"
        python.symlink_to(sys.executable)
        assert stand_in.run(workers, FINE, python=str(python))["status"] == "built"
        python.unlink()
        assert "does not exist" in self.refused(stand_in, workers, str(python))

    def test_a_folder(self, stand_in: StandIn, workers: Workers, tmp_path: Path) -> None:
        assert "can't be started" in self.refused(stand_in, workers, str(tmp_path))

    @posix
    @pytest.mark.parametrize("text", ["", "print('hello')\n", "\0\1\2"])
    def test_a_file_that_is_no_program(
        self, stand_in: StandIn, workers: Workers, tmp_path: Path, text: str
    ) -> None:
        assert "choose another" in self.refused(stand_in, workers, script(tmp_path, text)).lower()

    @posix
    @pytest.mark.parametrize(
        "text",
        [
            "#!/bin/sh\necho no such option >&2\nexit 3\n",
            "#!/bin/sh\nexit 0\n",
            "#!/bin/sh\nkill -9 $$\n",
            "#!/bin/sh\nexec yes\n",
            "#!/bin/sh\nexec cat /dev/zero\n",
        ],
        ids=["fails", "ends", "dies", "floods lines", "floods bytes"],
    )
    def test_a_program_that_is_no_python(
        self, stand_in: StandIn, workers: Workers, tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(process, "HELLO_SECONDS", 2.0)
        message = self.refused(stand_in, workers, script(tmp_path, text))
        assert "does not run as a Python interpreter" in message or "did not answer" in message
        assert ("It said: no such option" in message) == ("option" in text)

    @posix
    def test_one_that_never_says_anything(
        self, stand_in: StandIn, workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(process, "HELLO_SECONDS", 0.5)
        message = self.refused(stand_in, workers, script(tmp_path, "#!/bin/sh\nexec sleep 60\n"))
        assert "did not answer: is it a Python interpreter?" in message

    @posix
    def test_one_that_is_too_old(self, stand_in: StandIn, workers: Workers, tmp_path: Path) -> None:
        old = "import sys; sys.version_info = (3, 7); sys.version = '3.7.1 (old)'; exec(sys.argv[1])"
        python = script(tmp_path, f'#!/bin/sh\nexec {sys.executable} -c "{old}" "$2"\n')
        answer = stand_in.run(workers, FINE, python=python)
        assert answer["status"] == "no-keras"
        assert "is Python 3.7.1: the build check needs 3.8 or later" in answer["message"]


class TestKeras:
    """A Keras that can't be imported is told as such."""

    @pytest.mark.parametrize(
        ("keras", "says"),
        [
            (None, "has no Keras: install tensorflow there, or choose another interpreter"),
            ("import tensorflow", "has no TensorFlow, which its Keras needs: install tensorflow there"),
            (
                "raise ImportError('libfoo.so.1: no such file\\nand more')",
                "ImportError: libfoo.so.1: no such file",
            ),
            ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
            ("import sys; sys.exit(3)", "SystemExit: 3"),
            ("def", "SyntaxError"),
            ("import os; os._exit(5)", "ended while importing Keras: exit status 5"),
            (
                "import os; os.write(2, b'no AVX\\n'); os.kill(os.getpid(), 4)",
                "ended while importing Keras: an illegal instruction",
            ),
            ("import ctypes; ctypes.string_at(0)", "ended while importing Keras: a segmentation fault"),
        ],
    )
    def test_it_is_missing_or_broken(
        self, stand_in: StandIn, workers: Workers, keras: str | None, says: str
    ) -> None:
        module = stand_in.packages / "keras.py"
        module.unlink() if keras is None else module.write_text(keras)
        answer = stand_in.run(workers, FINE)
        assert answer["status"] == "no-keras"
        assert says in answer["message"]
        module.write_text(KERAS)
        assert stand_in.run(workers, FINE)["status"] == "built"

    def test_its_last_words_are_told(self, stand_in: StandIn, workers: Workers) -> None:
        (stand_in.packages / "keras.py").write_text(
            "import os; print('CUDA is gone', flush=True); os._exit(5)"
        )
        assert "It said: CUDA is gone" in stand_in.run(workers, FINE)["message"]

    @pytest.mark.parametrize(
        "broken", ["raise OSError('libtensorflow.so')", "import ctypes; ctypes.string_at(0)"]
    )
    def test_tensorflow_is_broken(self, stand_in: StandIn, workers: Workers, broken: str) -> None:
        (stand_in.packages / "tensorflow.py").write_text(broken)
        answer = stand_in.run(workers, FINE)
        assert answer["status"] == "no-keras"
        assert "tensorflow" in answer["message"].lower()

    @posix
    @pytest.mark.parametrize(
        "hang", ["import time; time.sleep(60)", "import re; re.match('(a+)+$', 'a' * 60 + 'b')"]
    )
    def test_its_import_hangs(self, stand_in: StandIn, hang: str) -> None:
        (stand_in.packages / "keras.py").write_text(hang)
        with stand_in.workers(start=0.7) as workers:
            answer = stand_in.run(workers, FINE)
        assert answer["status"] == "no-keras"
        assert "Importing Keras in " in answer["message"]
        assert "takes longer than 0.7 s" in answer["message"]
        assert " (at " in answer["message"]

    def test_what_it_prints_disturbs_nothing(self, stand_in: StandIn, workers: Workers) -> None:
        noise = "import os\nos.write(1, b'{\"ready\": 1}\\n' * 1000)\nprint('x' * 300_000)\n"
        (stand_in.packages / "keras.py").write_text(noise + KERAS)
        assert stand_in.run(workers, FINE)["output"] == "hello\n"

    def test_versions_and_progress_are_told(self, stand_in: StandIn, workers: Workers) -> None:
        told: list[tuple[str, str]] = []
        answer = stand_in.run(workers, FINE, progress=lambda stage, text: told.append((stage, text)))
        assert answer["versions"]["keras"] == "3.0.0"
        assert answer["versions"]["generation"] == "3"
        assert answer["versions"]["python"] == sys.version.split()[0]
        assert ("start", "importing Keras") in told
        assert [stage for stage, _ in told if stage != "start"] == ["import", "construct", "call"]
        assert answer["start_seconds"] > 0
        assert stand_in.run(workers, FINE)["start_seconds"] == 0

    @pytest.mark.parametrize("how", [{"TF_USE_LEGACY_KERAS": "1"}, {"KERASCOPE_KERAS": "tf_keras"}])
    def test_tf_keras_takes_the_place_of_keras(
        self, stand_in: StandIn, workers: Workers, how: dict[str, str]
    ) -> None:
        (stand_in.packages / "tensorflow.py").write_text("__version__ = '2.21.0'")
        (stand_in.packages / "tf_keras.py").write_text(KERAS.replace("3.0.0", "2.21.0"))
        name = "keras" if "KERASCOPE_KERAS" in how else "tf_keras"
        code = FINE.replace("import keras", f"import {name} as keras\nprint(keras.__version__)")
        answer = stand_in.run(workers, code, environment=how)
        assert answer["output"] == "2.21.0\nhello\n", answer
        assert answer["versions"]["generation"] == "2"
        assert answer["versions"]["tf_keras"] == "2.21.0"


class TestNames:
    """No module of the project, and none of ours, is taken for another."""

    @pytest.mark.parametrize("name", ["random", "json", "check", "serve", "keras_like", "types", "copy"])
    def test_a_module_named_as_another(self, stand_in: StandIn, workers: Workers, name: str) -> None:
        for shadow in ("random", "json", "check", "copy", "types"):
            (stand_in.root / f"{shadow}.py").write_text("raise AssertionError('the wrong module')")
        (stand_in.packages / "keras.py").write_text("import random, json, copy\nrandom.random\n" + KERAS)
        path = os.pathsep.join([str(stand_in.root), str(stand_in.packages)])
        answer = stand_in.run(workers, FINE, name=name, environment={"PYTHONPATH": path})
        assert (answer["status"], answer["output"]) == ("built", "hello\n"), answer

    def test_the_folder_in_which_the_server_runs_is_not_searched(
        self, stand_in: StandIn, workers: Workers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (stand_in.root / "keras.py").write_text("raise AssertionError('the wrong module')")
        monkeypatch.chdir(stand_in.root)
        assert stand_in.run(workers, FINE)["status"] == "built"

    def test_ours_are_not_on_the_path(self, stand_in: StandIn, workers: Workers) -> None:
        code = (
            "from importlib.util import find_spec\nprint([n for n in ('check', 'serve') if find_spec(n)])\n"
        )
        answer = stand_in.run(workers, code + FINE)
        assert answer["output"].startswith("[]\n"), answer


@posix
class TestPreloading:
    """What a file imports from the environment is imported once, before the check is forked."""

    def test_it_is_imported_once(self, stand_in: StandIn, workers: Workers) -> None:
        counter = stand_in.folder / "counter"
        (stand_in.packages / "big.py").write_text(f"open({str(counter)!r}, 'a').write('x')")
        told: list[str] = []
        for _ in range(3):
            answer = stand_in.run(workers, "import big\n" + FINE, progress=lambda _, text: told.append(text))
            assert answer["output"] == "hello\n", answer
        assert counter.read_text() == "x"
        assert told.count("importing big") == 1

    def test_what_is_imported_later_is_there_the_next_time(self, stand_in: StandIn, workers: Workers) -> None:
        counter = stand_in.folder / "counter"
        (stand_in.packages / "late.py").write_text(f"open({str(counter)!r}, 'a').write('x')")
        code = FINE.replace("print(", "import late\n        print(")
        for _ in range(4):
            assert stand_in.run(workers, code)["output"] == "hello\n"
        assert counter.read_text() == "xx"

    def test_code_that_is_not_installed_is_read_each_time(self, stand_in: StandIn, workers: Workers) -> None:
        counter = stand_in.folder / "counter"
        (stand_in.root / "mine.py").write_text(f"open({str(counter)!r}, 'a').write('x')")
        code = "import mine\n" + FINE
        path = os.pathsep.join([str(stand_in.root), str(stand_in.packages)])
        for _ in range(2):
            assert stand_in.run(workers, code, environment={"PYTHONPATH": path})["status"] == "built"
        assert counter.read_text() == "xx"

    @pytest.mark.parametrize(
        ("code", "status"),
        [
            ("raise ValueError('not today')", "raised"),
            ("import os; os._exit(3)", "crashed"),
            ("import ctypes; ctypes.string_at(0)", "crashed"),
            ("import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()", "built"),
            ("import sys; sys.exit()", "raised"),
            ("import time; time.sleep(60)", "timeout"),
            (
                "import os, signal; os.kill(os.getppid(), signal.SIGKILL); import time; time.sleep(9)",
                "crashed",
            ),
        ],
    )
    def test_an_import_that_does_harm(
        self, stand_in: StandIn, workers: Workers, code: str, status: str
    ) -> None:
        (stand_in.packages / "harm.py").write_text(code)
        for _ in range(2):
            answer = stand_in.run(workers, "import harm\n" + FINE, seconds=1.0)
            assert answer["status"] == status, answer
            assert stand_in.run(workers, FINE)["status"] == "built"
        if status == "timeout":
            assert "Not done after 1 s while importing harm: stopped." in answer["message"]

    def test_one_that_is_cancelled_goes_on(self, stand_in: StandIn, workers: Workers) -> None:
        counter = stand_in.folder / "counter"
        (stand_in.packages / "slow.py").write_text(
            f"import time; time.sleep(1); open({str(counter)!r}, 'a').write('x')"
        )
        stand_in.run(workers, FINE)
        cancelled = threading.Event()
        cancelled_at = threading.Timer(0.2, cancelled.set)
        cancelled_at.start()
        assert stand_in.run(workers, "import slow\n" + FINE, cancelled=cancelled)["status"] == "cancelled"
        assert stand_in.run(workers, "import slow\n" + FINE)["status"] == "built"
        assert counter.read_text() == "x"


@posix
class TestSpares:
    """Processes that wait for the next check have gone through one of ours: it costs less then."""

    def rehearsing(self, stand_in: StandIn, code: str) -> None:
        check = stand_in.worker / "check.py"
        check.write_text(check.read_text() + f"\n\ndef rehearse():\n    import sys, os, time\n    {code}\n")

    def test_one_is_used_and_another_made(self, stand_in: StandIn, workers: Workers) -> None:
        self.rehearsing(stand_in, "print('noise', flush=True); sys.rehearsed = True")
        code = FINE.replace("print(", "import sys\n        print(hasattr(sys, 'rehearsed'), ")
        seen = []
        for _ in range(4):
            seen.append(stand_in.run(workers, code)["output"])
            time.sleep(0.5)
        assert set(seen) <= {"True hello\n", "False hello\n"}
        assert seen[-1] == "True hello\n"

    @pytest.mark.parametrize(
        "code", ["1 / 0", "os._exit(3)", "os.abort()", "sys.exit()", "time.sleep(600)", "os.kill(0, 9)"]
    )
    def test_a_rehearsal_that_fails_harms_no_check(
        self, stand_in: StandIn, workers: Workers, code: str
    ) -> None:
        self.rehearsing(stand_in, code)
        for _ in range(3):
            assert stand_in.run(workers, FINE)["output"] == "hello\n"
            time.sleep(0.2)

    @pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into the process table")
    def test_one_that_was_killed_is_replaced(self, stand_in: StandIn, workers: Workers) -> None:
        for _ in range(6):
            assert stand_in.run(workers, FINE)["output"] == "hello\n"
            time.sleep(0.2)
            keepers = {worker._process.pid for worker in workers._started}
            for number in stand_in.processes() - keepers:
                if os.getpgid(number) == number:
                    os.kill(number, 9)

    def test_many_checks_one_after_the_other(self, stand_in: StandIn, workers: Workers) -> None:
        self.rehearsing(stand_in, "time.sleep(0.05)")
        for number in range(40):
            assert stand_in.run(workers, FINE)["output"] == "hello\n"
            time.sleep(0.01 * (number % 5))


class TestRunning:
    def test_parts_are_merged_and_told(self, stand_in: StandIn, workers: Workers) -> None:
        seen: list[Any] = []
        stand_in.run(
            workers, FINE, partial=lambda parts: seen.append(json.loads(json.dumps(parts["counts"])))
        )
        assert seen == [{"import": 0}, {"import": 0, "init": 1}, {"import": 0, "init": 1, "call": 2}]

    def test_it_is_cancelled(self, stand_in: StandIn, workers: Workers) -> None:
        cancelled = threading.Event()
        answer = stand_in.run(
            workers,
            LONG,
            progress=lambda stage, _: cancelled.set() if stage == "call" else None,
            cancelled=cancelled,
        )
        assert answer["status"] == "cancelled"
        assert answer["counts"] == {"import": 0, "init": 1}
        assert stand_in.run(workers, FINE)["status"] == "built"

    def test_it_is_cancelled_before_it_began(self, stand_in: StandIn, workers: Workers) -> None:
        cancelled = threading.Event()
        cancelled.set()
        assert stand_in.run(workers, LONG, cancelled=cancelled)["status"] == "cancelled"

    def test_several_threads_take_turns(self, stand_in: StandIn, workers: Workers) -> None:
        answers: list[Any] = []
        threads = [
            threading.Thread(target=lambda: answers.append(stand_in.run(workers, FINE))) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert [answer["output"] for answer in answers] == ["hello\n"] * 6

    def test_one_that_waits_for_its_turn_is_cancelled(self, stand_in: StandIn, workers: Workers) -> None:
        first, second = threading.Event(), threading.Event()
        thread = threading.Thread(target=stand_in.run, args=(workers, LONG), kwargs={"cancelled": first})
        thread.start()
        threading.Timer(0.3, second.set).start()
        assert stand_in.run(workers, LONG, cancelled=second)["status"] == "cancelled"
        first.set()
        thread.join(10)
        assert not thread.is_alive()

    @pytest.mark.parametrize("once", [False, True])
    def test_closing_ends_what_runs(self, stand_in: StandIn, once: bool) -> None:
        answers: list[Any] = []
        calling = threading.Event()
        with stand_in.workers(once=once) as workers:
            thread = threading.Thread(
                target=lambda: answers.append(
                    stand_in.run(
                        workers, LONG, progress=lambda stage, _: calling.set() if stage == "call" else None
                    )
                )
            )
            thread.start()
            calling.wait(20)
        thread.join(10)
        assert [answer["status"] for answer in answers] == ["cancelled"]
        assert stand_in.run(workers, FINE)["status"] == "cancelled"

    def test_a_large_report(self, stand_in: StandIn, workers: Workers) -> None:
        code = FINE + "    def report(self):\n        return {'warnings': ['x' * 1000] * 1900}\n"
        answer = stand_in.run(workers, code)
        assert answer["status"] == "built"
        assert len(answer["warnings"]) == 1900

    @pytest.mark.parametrize("once", [False, True])
    def test_a_large_request(self, stand_in: StandIn, once: bool) -> None:
        with stand_in.workers(once=once) as workers:
            assert stand_in.run(workers, FINE + "# " + "x" * 9_000_000)["status"] == "built"

    def test_a_part_that_is_too_large_is_left_out(self, stand_in: StandIn, workers: Workers) -> None:
        code = FINE + "    def report(self):\n        return {'warnings': ['x' * 1000] * 9000}\n"
        answer = stand_in.run(workers, code)
        assert answer["status"] == "built"
        assert "too large" in answer["message"]
        assert answer["counts"]["call"] == 2

    def test_a_report_that_is_no_json(self, stand_in: StandIn, workers: Workers) -> None:
        report = "{'tree': {1: {2, 3}, 'nan': float('nan'), 'x': '\\udcff'}}"
        code = FINE + f"    def report(self):\n        return {report}\n"
        assert stand_in.run(workers, code)["status"] == "built"

    def test_output_is_cut_and_counted(self, stand_in: StandIn, workers: Workers) -> None:
        answer = stand_in.run(
            workers, FINE.replace("print(", "print('x' * 5_000_000)\n        print("), output=100
        )
        assert answer["output"] == "x" * 100 + "\n… 5 MB more"


@posix
class TestKeeping:
    def test_the_same_process_is_used_again(self, stand_in: StandIn, workers: Workers) -> None:
        assert stand_in.run(workers, WHO)["output"] == stand_in.run(workers, WHO)["output"]

    def test_it_is_replaced_when_packages_change(self, stand_in: StandIn, workers: Workers) -> None:
        before = stand_in.run(workers, WHO)["output"]
        (stand_in.packages / "more-1.0.dist-info").mkdir()
        assert stand_in.run(workers, WHO)["output"] != before

    def test_another_environment_has_another_one(self, stand_in: StandIn, workers: Workers) -> None:
        before = stand_in.run(workers, WHO)["output"]
        assert stand_in.run(workers, WHO, environment={"KERAS_BACKEND": "jax"})["output"] != before
        assert stand_in.run(workers, WHO)["output"] == before

    def test_there_are_only_a_few(self, stand_in: StandIn, workers: Workers) -> None:
        for number in range(process.MOST_WORKERS + 2):
            assert stand_in.run(workers, FINE, environment={"NUMBER": str(number)})["status"] == "built"
        assert len(workers._workers) == process.MOST_WORKERS

    def test_it_ends_when_idle_and_starts_again(self, stand_in: StandIn) -> None:
        with stand_in.workers(idle=0.2) as workers:
            before = stand_in.run(workers, WHO)["output"]
            assert stand_in.gone()
            answer = stand_in.run(workers, WHO)
            assert answer["status"] == "built"
            assert answer["output"] != before

    def test_it_is_started_before_it_is_needed(self, stand_in: StandIn, workers: Workers) -> None:
        workers.warm(sys.executable, generation_env=stand_in.environment)
        until = time.monotonic() + 20
        while not any(worker.ready for worker in workers._workers.values()) and time.monotonic() < until:
            time.sleep(0.02)
        assert stand_in.run(workers, FINE)["start_seconds"] == 0

    def test_warming_what_is_not_there_is_no_error(self, workers: Workers) -> None:
        workers.warm("/no/such/python")

    def test_without_forks_a_spare_one_is_ready(self, stand_in: StandIn) -> None:
        with stand_in.workers(once=True) as workers:
            seen = set()
            for _ in range(3):
                answer = stand_in.run(workers, WHO.replace("getppid", "getpid"))
                assert answer["status"] == "built"
                seen.add(answer["output"])
            assert len(seen) == 3

    def test_where_forking_does_not_work_it_does_without(self, stand_in: StandIn) -> None:
        zygote = stand_in.worker / "zygote.py"
        text = zygote.read_text().replace('sys.platform == "darwin"', "True")
        zygote.write_text(text.replace("keras.layers.Dense(1)", "os.abort()"))
        with stand_in.workers() as workers:
            answer = stand_in.run(workers, FINE)
            assert (answer["status"], answer["output"]) == ("built", "hello\n"), answer
            assert stand_in.run(workers, FINE)["status"] == "built"

    def test_a_try_whether_forking_works(self, stand_in: StandIn) -> None:
        zygote = stand_in.worker / "zygote.py"
        zygote.write_text(zygote.read_text().replace('sys.platform == "darwin"', "True"))
        with stand_in.workers() as workers:
            assert stand_in.run(workers, WHO)["output"] == stand_in.run(workers, WHO)["output"]


class TestReading:
    @settings(deadline=None)
    @given(
        st.lists(st.binary(max_size=40)),
        st.lists(st.dictionaries(st.text(), st.integers())),
        st.integers(1, 9),
    )
    def test_messages_are_found_however_they_are_cut(
        self, noise: list[bytes], messages: list[dict[str, int]], length: int
    ) -> None:
        data = b"".join(
            b"x" + noise[i % len(noise)].replace(b"\n", b"") + b"\n" + json.dumps(message).encode() + b"\n"
            if noise
            else json.dumps(message).encode() + b"\n"
            for i, message in enumerate(messages)
        )
        lines = Lines()
        found = [m for at in range(0, len(data), length) for m in lines.feed(data[at : at + length])]
        assert found == messages

    @settings(deadline=None)
    @given(st.binary())
    def test_noise_is_no_message(self, data: bytes) -> None:
        assert all(isinstance(message, dict) for message in Lines().feed(data))

    @settings(deadline=None)
    @given(st.text())
    def test_a_dump_may_say_anything(self, dump: str) -> None:
        stack.frames(dump, [{"path": "a.py", "text": ""}])
        stack.innermost(dump)

    def test_the_last_stack_of_a_dump_is_read(self, tmp_path: Path) -> None:
        path = str(tmp_path / "mödel ⟨1⟩.py")
        written = path.replace("ö", "\\xf6").replace("⟨", "\\u27e8").replace("⟩", "\\u27e9")
        dump = (
            "Current thread 0x1 (most recent call first):\n"
            f'  File "{written}", line 2 in f\n\n'
            "Current thread 0x1 (most recent call first):\n"
            '  File "/lib/keras.py", line 9 in g\n'
            f'  File "{written}", line 3 in call\n'
            f'  File "{written}", line 1 in <module>\n'
        )
        frames = stack.frames(dump, [{"path": path, "text": "one\ntwo\n  three\n"}])
        assert [(frame["line"], frame["function"], frame["text"]) for frame in frames] == [
            (1, "<module>", "one"),
            (3, "call", "three"),
        ]

    def test_parts_are_merged(self) -> None:
        into: dict[str, Any] = {"a": {"b": 1, "c": [1]}, "d": {"e": 1}}
        merge(into, {"a": {"c": [2], "f": {"g": 1}}, "d": 3})
        assert into == {"a": {"b": 1, "c": [2], "f": {"g": 1}}, "d": 3}


@pytest.mark.parametrize("file", sorted(WORKER.glob("*.py")), ids=lambda file: file.name)
def test_the_worker_is_written_for_python_3_8(file: Path) -> None:
    ast.parse(file.read_text("utf-8"), feature_version=(3, 8))
