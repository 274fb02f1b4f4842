"""From a class in a file to a report: what is asked of a worker, what is remembered, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.probe.measured import PATH, frame, layer, weight

from kerascope.check import Checker
from kerascope.probe.build_check import BuildCheck, Prepared
from kerascope.probe.recipe import Given
from kerascope.probe.request import Request
from kerascope.project.environment import Environment
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document

CODE = """\
import keras


class Inner(keras.layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, x):
        return self.dense(x)


class Outer(keras.layers.Layer):
    class Part(keras.layers.Layer):
        def call(self, x):
            return x

    def __init__(self):
        super().__init__()
        self.inner = Inner(3)

    def call(self, x):
        return self.inner(x)


def unrelated():
    return 1


print(unrelated())
"""
BOTH = {"keras": "3.15.1", "tf_keras": "2.21.0", "tensorflow": "2.21.0"}
TREE = layer("", "Inner", children=[layer("dense", created=frame(7), weights=[weight("dense.kernel")])])


class Recorder:
    """Workers that note what they are asked, and answer that all is well."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Request, Mapping[str, str]]] = []
        self.answer: dict[str, Any] = {"status": "built", "tree": TREE, "versions": {"generation": "3"}}

    def run(
        self, python: str, request: Request, *, generation_env: Mapping[str, str], **_: object
    ) -> dict[str, Any]:
        self.asked.append((python, request, generation_env))
        return self.answer

    def warm(self, python: str, **_: object) -> None:
        self.asked.append((python, Request("", None, (), ""), {}))  # type: ignore[arg-type]


class Case:
    """A build check of one file."""

    def __init__(self, code: str = CODE, *, trusted: bool = True, **settings: Any) -> None:
        versions = settings.pop("versions", BOTH)
        environment = settings.pop("environment", Environment("/env/bin/python", versions=versions))
        self.project = Project("/project")
        self.document = Document.from_text(PATH, code, 1)
        self.project.open(self.document)
        self.workers = Recorder()
        checker = Checker(self.project, Settings(**settings), environment)
        workers: Any = self.workers
        self.check = BuildCheck(checker, workers, trusted=trusted)

    def edit(self, old: str, new: str) -> None:
        self.document = self.document.replaced(self.document.text.replace(old, new, 1), 2)
        self.project.open(self.document)

    def prepare(self, name: str = "Inner", given: Given | None = None) -> Prepared:
        (prepared,) = self.check.prepare(PATH, name, given)
        return prepared

    def refused(self, name: str = "Inner") -> str:
        prepared = self.prepare(name)
        report = self.check.run(prepared)
        assert report.status in ("refused", "no-keras")
        assert self.workers.asked == []
        return report.message


def test_the_layer_classes_of_a_file_can_be_asked_for() -> None:
    assert Case().check.layer_classes(PATH) == (("Inner", 4), ("Outer", 13), ("Outer.Part", 14))
    assert Case("x = (").check.layer_classes(PATH) == ()
    assert Case().check.layer_classes("/project/missing.py") == ()


def test_the_worker_gets_the_slice_the_recipes_and_the_limits() -> None:
    case = Case(build_timeout=5.0, build_memory=100, build_gpu=True)
    report = case.check.run(case.prepare("Outer"))
    ((python, request, environment),) = case.workers.asked
    assert (python, request.class_name, request.root, environment) == (
        "/env/bin/python",
        "Outer",
        "/project",
        {},
    )
    assert (request.limits.seconds, request.limits.memory, request.gpu) == (5.0, 100, True)
    assert "class Inner" in request.slice.modules[0].text
    assert "unrelated" not in request.slice.modules[0].text
    assert request.recipes
    assert (report.path, report.class_name, report.line) == (PATH, "Outer", 13)
    assert any("print(unrelated())" in each.text for each in report.left_out)


def test_what_a_person_says_goes_first() -> None:
    case = Case()
    request = case.prepare("Inner", Given("units=7", "(None, 5)", "training=True")).request
    assert request is not None
    assert (request.recipes[0].origin, request.call) == ("given", "training=True")
    with pytest.raises(ValueError, match=r"."):
        case.prepare("Inner", Given("units=(", None, None))


# --- remembered ---


def test_the_same_is_built_once_unless_forced() -> None:
    case = Case()
    first = case.check.run(case.prepare())
    assert case.check.run(case.prepare()) == first
    assert len(case.workers.asked) == 1
    case.check.run(case.prepare(), force=True)
    assert len(case.workers.asked) == 2


def test_an_edit_elsewhere_changes_nothing_and_one_in_the_class_does() -> None:
    case = Case()
    digest = case.check.run(case.prepare()).digest
    case.edit("return 1", "return 2")
    assert case.prepare().digest == digest
    case.edit("self.dense = keras.layers.Dense(units)", "self.dense = keras.layers.Dense(units + 1)")
    assert case.prepare().digest != digest
    assert case.check.known(case.prepare()) is None


def test_lines_move_with_the_text() -> None:
    case = Case()
    case.check.run(case.prepare())
    case.edit("import keras\n", "import keras\n\n# more\n\n")
    case.edit("    def call(self, x):", "    # As it is.\n    def call(self, x):")
    moved = case.check.known(case.prepare())
    assert moved is not None
    assert moved.line == 7
    assert moved.nodes[1].created is not None
    assert moved.nodes[1].created.line == 10
    assert len(case.workers.asked) == 1


@pytest.mark.parametrize("status", ["timeout", "memory", "crashed", "cancelled", "no-keras"])
def test_what_may_go_otherwise_next_time_is_not_remembered(status: str) -> None:
    case = Case()
    case.workers.answer = {"status": status}
    case.check.run(case.prepare())
    assert case.check.known(case.prepare()) is None


def test_another_interpreter_or_another_release_is_another_check() -> None:
    digests = {
        Case(environment=Environment(python, versions=versions)).prepare().digest
        for python in ("/a/python", "/b/python")
        for versions in (BOTH, BOTH | {"keras": "3.16.0"})
    }
    assert len(digests) == 4


# --- which Keras ---


def environments(
    code: str, versions: Mapping[str, str], **settings: Any
) -> list[tuple[int, Mapping[str, str]]]:
    prepared = Case(code, versions=versions, **settings).check.prepare(PATH, "Inner")
    return [(each.generation, each.environment) for each in prepared if each.answer is None]


TF = CODE.replace("import keras", "from tensorflow import keras")
LEGACY = {"TF_USE_LEGACY_KERAS": "1"}


def test_the_generation_is_the_one_that_the_file_is_checked_for() -> None:
    assert environments(CODE, BOTH) == [(3, {})]
    assert environments(TF, BOTH) == [(3, {})]
    assert environments(TF, {"tensorflow": "2.15.1", "keras": "2.15.0"}) == [(2, {})]
    assert environments(TF, BOTH, keras="2") == [(2, LEGACY)]
    assert environments(CODE, BOTH, keras="2") == [(2, LEGACY | {"KERASCOPE_KERAS": "tf_keras"})]
    assert environments(CODE.replace("import keras", "import tf_keras as keras"), BOTH) == [(2, {})]
    assert [each[0] for each in environments(TF, BOTH, keras="both")] == [2, 3]


def test_an_environment_that_asks_for_tf_keras_is_told_otherwise_where_keras_3_is_meant() -> None:
    environment = Environment("/env/bin/python", versions=BOTH, legacy_keras=True)
    prepared = Case(TF, environment=environment, keras="3").prepare()
    assert (prepared.generation, prepared.environment) == (3, {"TF_USE_LEGACY_KERAS": "0"})
    assert Case(TF, environment=environment).prepare().generation == 2


def test_a_generation_that_is_not_installed_is_named() -> None:
    assert "Keras 2" in Case(keras="2", versions={"keras": "3.15.1"}).refused()
    assert "Keras 3" in Case(keras="3", versions={"keras": "2.15.0", "tensorflow": "2.15.1"}).refused()
    # Of two, the one that is there.
    assert environments(CODE, {"keras": "3.15.1"}, keras="both") == [(3, {})]


def test_what_files_don_t_tell_the_interpreter_will() -> None:
    assert environments(CODE, {}) == [(3, {})]


# --- refused ---


def test_an_untrusted_workspace_is_not_run() -> None:
    assert "isn't trusted" in Case(trusted=False).refused()
    case = Case(trusted=False)
    case.check.warm(PATH)
    assert case.workers.asked == []


def test_switched_off_is_off() -> None:
    assert "switched off" in Case(build=False).refused()
    assert "switched off" in Case(enable=False).refused()


def test_a_class_that_isnt_python_is_said_to_be_none() -> None:
    broken = "import keras\n\nclass Outer(keras.layers.Layer:\n    def call(self, x):\n        return x\n"
    assert Case(broken).refused("Outer") == "Outer is not valid Python (line 3): mend that first."


def test_an_unknown_class_gets_a_guess() -> None:
    assert Case().refused("Iner") == "There is no layer class Iner in this file; did you mean Inner?"
    assert "Outer.Part" in Case().refused("Part")
    assert Case().refused("Whatever").endswith("it has Inner, Outer, Outer.Part.")
    assert Case("x = 1\n").refused() == "There is no layer class in this file."


def test_without_an_interpreter_it_says_how_to_name_one() -> None:
    assert "--python" in Case(environment=Environment()).refused()


def test_a_comment_that_can_t_be_read_is_named_with_its_line() -> None:
    case = Case(CODE.replace("class Inner", "# kerascope: build(units=\nclass Inner"))
    message = case.refused()
    assert "build comment" in message
    assert "line 4" in message


def test_a_class_that_nobody_says_how_to_build_gets_a_comment_to_fill_in() -> None:
    case = Case()
    case.workers.answer = {"status": "unknown", "message": "No way was found."}
    assert case.check.run(case.prepare()).missing == "# kerascope: build(units=…) on (None, …)"
