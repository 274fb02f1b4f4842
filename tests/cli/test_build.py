"""`kerascope build`: what it takes, prints and ends with. The workers are stand-ins here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.probe.measured import Part, frame, layer, weight

from kerascope.cli.main import main
from kerascope.probe import process
from kerascope.probe.request import Request

CODE = """\
import keras


class Inner(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


class Outer(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = Inner(3)

    def call(self, x):
        return self.inner(x)


open("data.txt")
"""
VERSIONS = {"python": "3.12.1", "keras": "3.15.1", "tensorflow": "2.21.0", "generation": "3"}


class Workers:
    """Answers as it was told, and notes what it was asked."""

    asked: list[Request]
    answer: Mapping[str, Any] | type[BaseException]
    closed = False

    def run(
        self, python: str, request: Request, *, progress: Callable[..., None], **_: Any
    ) -> Mapping[str, Any]:
        type(self).asked.append(request)
        progress("start", "starting Python")
        if isinstance(self.answer, type):
            raise self.answer
        return self.answer

    def close(self) -> None:
        type(self).closed = True


def answer(path: Path, status: str = "built", **fields: Any) -> dict[str, Any]:
    dense: Part = layer("dense", created=frame(7, path=str(path)), weights=[weight("dense.kernel", (5, 3))])
    tree = layer("", "Inner", children=[dense])
    return {"status": status, "tree": tree, "versions": VERSIONS, "inputs": "float32 (2, 5)", **fields}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "model.py"
    path.write_text(CODE, "utf-8")
    (tmp_path / "pyproject.toml").write_text("", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(process, "Workers", Workers)
    monkeypatch.setattr(Workers, "asked", [], raising=False)
    monkeypatch.setattr(Workers, "answer", answer(path), raising=False)
    monkeypatch.setattr(Workers, "closed", False)
    for name in ("NO_COLOR", "FORCE_COLOR", "VIRTUAL_ENV"):
        monkeypatch.delenv(name, raising=False)
    return path


@pytest.fixture
def build(file: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["build", *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


Build = Callable[..., tuple[int, str, str]]


def test_one_class_is_built_and_shown(build: Build) -> None:
    status, out, err = build("model.py::Inner")
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "Inner (model.py:4): 1 weight · 15 parameters · all tracked"
    assert "kernel  (5, 3)  float32          15  yes       yes" in out
    assert "\x1b" not in out
    assert [request.class_name for request in Workers.asked] == ["Inner"]
    assert Workers.closed


def test_a_file_is_all_of_its_layer_classes(build: Build) -> None:
    assert build("model.py")[0] == 0
    assert [request.class_name for request in Workers.asked] == ["Inner", "Outer"]


def test_what_a_person_says_reaches_the_worker(build: Build) -> None:
    options = ["--init", "units=3", "--on", "(None, 5)", "--call", "training=True", "--timeout", "5"]
    assert build("model.py::Inner", *options, "--memory", "100", "--gpu")[0] == 0
    (request,) = Workers.asked
    assert (request.recipes[0].origin, request.call, request.gpu) == ("given", "training=True", True)
    assert (request.limits.seconds, request.limits.memory) == (5.0, 100)


def test_findings_end_with_status_1(build: Build, file: Path) -> None:
    found = answer(file)
    found["tree"]["children"][0]["weights"][0]["gradient"] = False
    Workers.answer = found
    status, out, _ = build("model.py::Inner")
    assert status == 1
    assert "warning KS804 no-gradient: A weight of `self.dense` (Dense) gets no gradient" in out
    assert "7 |         self.dense = keras.layers.Dense(units)" in out


def test_what_is_for_information_ends_with_status_0(build: Build, file: Path) -> None:
    counts = {"build": {"weights": 0}, "call": {"weights": 1}}
    Workers.answer = answer(file, counts=counts)
    status, out, _ = build("model.py::Inner")
    assert status == 0
    assert "information KS808" in out
    assert "KS203 on line 4: confirmed" in out


def test_a_finding_of_the_analysis_that_is_refuted_is_named(build: Build, file: Path) -> None:
    counts = {"build": {"weights": 1}, "call": {"weights": 1}}
    Workers.answer = answer(file, counts=counts)
    assert "KS203 on line 4: refuted" in build("model.py::Inner")[1]


@pytest.mark.parametrize(
    "status", ["unknown", "timeout", "memory", "crashed", "cancelled", "no-keras", "nonsense"]
)
def test_what_could_not_be_built_ends_with_status_2(build: Build, status: str) -> None:
    Workers.answer = {"status": status, "message": "It is so.", "missing": "# kerascope: build(units=…) on …"}
    ended, out, _ = build("model.py::Inner")
    assert ended == 2
    assert "It is so." in out
    assert "# kerascope: build(units=…)" in out


def test_an_exception_is_a_finding_and_one_of_the_import_is_not(build: Build, file: Path) -> None:
    raised = {"stage": "call", "type": "ValueError", "message": "no", "frames": [frame(10, path=str(file))]}
    Workers.answer = {"status": "raised", "raised": [raised], "versions": VERSIONS}
    status, out, _ = build("model.py::Inner")
    assert (status, "error KS801" in out) == (1, True)
    Workers.answer = {"status": "raised", "raised": [raised | {"stage": "import"}], "versions": VERSIONS}
    status, out, _ = build("model.py::Inner")
    assert (status, "KS801" in out) == (2, False)


def test_json_is_an_array_of_reports(build: Build, file: Path) -> None:
    found = answer(file, counts={"build": {"weights": 0}, "call": {"weights": 1}})
    Workers.answer = found
    status, out, _ = build("model.py", "--json")
    first, second = json.loads(out)
    assert (status, first["class_name"], second["class_name"]) == (0, "Inner", "Outer")
    assert first["tree"]["children"][0]["weights"][0]["shape"] == [5, 3]
    assert first["summary"] == "1 weight · 15 parameters · all tracked"
    assert [each["code"] for each in first["findings"]] == ["KS808"]
    assert first["analysis"] == [{"code": "KS203", "line": 4, "verdict": "confirmed"}]


def test_what_was_not_run_is_listed_on_request(build: Build) -> None:
    assert "not run" not in build("model.py::Inner")[1]
    assert 'open("data.txt")' in build("model.py::Inner", "--show-slice")[1]


def test_other_people_s_text_can_t_disturb_the_terminal(build: Build, file: Path) -> None:
    Workers.answer = answer(file, output="a\x1b[2Jb\rc\n", warnings=["\x1b]0;title\x07"])
    out = build("model.py::Inner")[1]
    assert "\x1b" not in out
    assert "\r" not in out


def test_settings_hold(build: Build, file: Path) -> None:
    found = answer(file)
    found["tree"]["children"][0]["weights"][0]["gradient"] = False
    Workers.answer = found
    (file.parent / "pyproject.toml").write_text("[tool.kerascope]\nignore = ['KS804']\n", "utf-8")
    assert build("model.py::Inner")[0] == 0
    (file.parent / "pyproject.toml").write_text("[tool.kerascope]\nbuild = false\n", "utf-8")
    status, out, _ = build("model.py::Inner")
    assert status == 2
    assert "switched off" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.py"], "missing.py does not exist"),
        (["missing.py::Inner"], "missing.py does not exist"),
        (["."], "is a folder"),
        (["model.py::"], "the class is missing"),
        (["empty.py"], "there is no layer class in empty.py"),
        (["model.py", "--timeout", "0"], "--timeout"),
        (["model.py", "--timeout", "nan"], "--timeout"),
        (["model.py", "--memory", "0"], "--memory"),
        (["model.py", "--python", "no/such/python"], "no/such/python does not exist"),
        (["model.py", "--python", "."], "is no Python interpreter"),
        (["model.py::Inner", "--on", "(None, "], ""),
        (["model.py::Inner", "--init", "units="], ""),
    ],
)
def test_mistakes_are_named_in_one_line(build: Build, file: Path, arguments: list[str], said: str) -> None:
    (file.parent / "empty.py").write_text("x = 1\n", "utf-8")
    status, out, err = build(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("kerascope: ")
    assert said in err
    assert err.count("\n") == 1


def test_an_unknown_class_gets_a_guess(build: Build) -> None:
    status, out, _ = build("model.py::Iner")
    assert status == 2
    assert "did you mean Inner?" in out
    assert Workers.asked == []


def test_ctrl_c_ends_it_and_its_workers(build: Build) -> None:
    Workers.answer = KeyboardInterrupt
    assert build("model.py")[0] == 130
    assert Workers.closed


@pytest.mark.skipif(os.name == "nt", reason="signals of this kind don't exist there")
def test_a_real_interrupt_ends_it_without_a_traceback(tmp_path: Path) -> None:
    keras = tmp_path / "keras.py"
    keras.write_text("import time\ntime.sleep(600)\n", "utf-8")
    (tmp_path / "model.py").write_text(CODE, "utf-8")
    server = Path(__file__).parents[2] / "server"
    command = subprocess.Popen(
        [sys.executable, "-m", "kerascope", "build", "model.py", "--python", sys.executable],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(server), str(tmp_path)])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        # Where the tests themselves run in the background, the signal is ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(3)
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=30)
    assert command.returncode == 130
    assert b"Traceback" not in err
