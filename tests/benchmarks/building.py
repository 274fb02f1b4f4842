"""The build check as an editor asks for it: how long a warm one takes, and whether typing suffers."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.checking import activated
from tests.benchmarks.client import Client, Json
from tests.benchmarks.figures import Figure, median
from tests.benchmarks.programs import Program
from tests.benchmarks.tools import OURS, Tool

ROUNDS = 3
CHECKS = 10
KEYSTROKES = 150
TYPING = 1.0
"""Seconds in which a person changes something between two checks."""
SMALL = """\
import keras


class Inner(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)


class Outer(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = Inner({number})

    def call(self, inputs):
        return self.inner(inputs)


layer = Outer()
layer(keras.ops.ones((10, 5)))
"""
MARK = "{number}"
ENCODER = "keras_hub/src/layers/modeling/transformer_encoder.py"


def building_figures(real_code: Path, typed: Program, ours: Tool, packages: Path) -> list[Figure]:
    """With the interpreter of the environment `packages`, in which TensorFlow is installed."""
    environment = activated(packages)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        small = _Changing(folder / "small.py", SMALL, MARK)
        with Client(ours.server, folder, environment) as client:
            client.initialize()
            first = small.check(client, "Outer")
            imports: list[float] = []
            apart: list[list[float]] = []
            at_once: list[list[float]] = []
            for _ in range(ROUNDS):
                imports.append(_import_tensorflow(environment))
                for rounds, pause in ((apart, TYPING), (at_once, 0.0)):
                    time.sleep(TYPING)
                    rounds.append([small.check(client, "Outer", pause) for _ in range(CHECKS)])
    text = (real_code / ENCODER).read_text("utf-8")
    # Typed is in the method that is run: a name of its own for every check.
    anchor = "        x = inputs  # Intermediate result.\n"
    assert anchor in text, ENCODER
    encoder = _Changing(real_code / ENCODER, text.replace(anchor, f"{anchor}        typed = {MARK}\n"), MARK)
    with Client(ours.server, real_code, environment) as client:
        client.initialize()
        encoder.check(client, "TransformerEncoder")
        block = [encoder.check(client, "TransformerEncoder", TYPING) for _ in range(CHECKS)]
        quiet, busy = _typing(client, encoder, typed)
    one = [seconds for each in apart for seconds in each]
    what = "build check, a layer in a layer"
    in_a_row = f"{CHECKS} in a row on changed text"
    loaded = "python -c 'import tensorflow'"
    return [
        Figure(what, OURS, first, "s", None, "the first: TensorFlow is imported"),
        Figure(what, OURS, median(one), "s", None, "on changed text, median"),
        Figure(what, loaded, median(imports), "s", None, "median"),
        Figure(what, f"kerascope / {loaded}", median(one) / median(imports), "×", 1 / 30, "medians"),
        Figure(in_a_row, "the later / the first", _later(apart), "×", 1.0, "each a second after the last"),
        Figure(in_a_row, "the later / the first", _later(at_once), "×", None, "each at once after the last"),
        Figure("build check, TransformerEncoder of keras-hub", OURS, median(block), "s", 0.5, "median"),
        Figure("keystroke → diagnostics, beside build checks", OURS, quiet, "ms", None, "median, without"),
        Figure("keystroke → diagnostics, beside build checks", OURS, busy, "ms", None, "median, during one"),
        Figure("keystroke → diagnostics, beside build checks", "during / without", busy / quiet, "×", 1.5),
    ]


class _Changing:
    """A file that is different each time it is checked, so that no report can have been kept."""

    def __init__(self, path: Path, text: str, blank: str) -> None:
        self.path, self._text, self._blank = path, text, blank
        self._version = -1

    @property
    def uri(self) -> str:
        return self.path.as_uri()

    def ask(self, client: Client, name: str) -> int:
        """Change the file, and ask for the check of one of its classes."""
        self._version += 1
        text = self._text.replace(self._blank, str(1 + self._version))
        if self._version == 0:
            client.open(self.uri, text)
        else:
            client.change(self.uri, self._version, {"text": text})
        arguments = [{"uri": self.uri, "class": name}]
        return client.ask("workspace/executeCommand", {"command": "kerascope.build", "arguments": arguments})

    def check(self, client: Client, name: str, pause: float = 0.0) -> float:
        """The seconds from the request, some time from now, to the report."""
        client.settle(pause)
        start = time.perf_counter()
        result: Json = client.answer(self.ask(client, name), patience=180)
        seconds = time.perf_counter() - start
        if result["status"] != "built":
            raise RuntimeError(f"{name} was not built: {result['markdown']}")
        return seconds


def _later(rounds: list[list[float]]) -> float:
    """How the later checks compare with the first, to a hundredth: the median of the rounds' ratios."""
    return round(median(median(each[1:]) / each[0] for each in rounds), 2)


def _typing(client: Client, checked: _Changing, program: Program) -> tuple[float, float]:
    """Milliseconds of a keystroke while nothing is checked, and while a check runs: of each the median.

    The two take turns, check by check, so that what else the machine does hits both.
    """
    client.open(program.uri, program.text)
    client.diagnostics(program.uri, None)
    times: tuple[list[float], list[float]] = ([], [])
    keys = enumerate(program.keystrokes(), 1)
    while min(map(len, times)) < KEYSTROKES:
        request = checked.ask(client, "TransformerEncoder")
        while not client.answered(request):
            times[1].append(_key(client, program, *next(keys)))
        client.answer(request)
        client.settle(0.1)
        for _ in range(KEYSTROKES // 10):
            times[0].append(_key(client, program, *next(keys)))
    return median(times[0]), median(times[1])


def _key(client: Client, program: Program, version: int, change: Json) -> float:
    start = time.perf_counter()
    client.change(program.uri, version, change)
    client.diagnostics(program.uri, version)
    milliseconds = 1000 * (time.perf_counter() - start)
    client.settle(0.01)
    return milliseconds


def _import_tensorflow(environment: Mapping[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(["python", "-c", "import tensorflow"], env=environment, capture_output=True, check=True)
    return time.perf_counter() - start
