"""Functions that only compute are run once for all who call them; nobody may notice."""

from __future__ import annotations

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document

LAYERS, HELPERS = "/project/layers.py", "/project/helpers.py"

FIRST_AND_SECOND = """\
import keras
from helpers import plain


class First(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        if plain("yes"):
            self.__dict__["dense"] = keras.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


class Second(First):
    def __init__(self):
        super().__init__()
        if plain("yes"):
            self.__dict__["other"] = keras.layers.Dense(2)

    def call(self, x):
        return self.other(x)
"""


def checker_of(layers: str, helpers: str) -> Checker:
    project = Project(None)
    project.open(Document.from_text(LAYERS, layers))
    project.open(Document.from_text(HELPERS, helpers))
    return Checker(project, Settings(keras="3"))


def found(checker: Checker) -> list[tuple[str, int]]:
    return [(finding.code, finding.range.start.line + 1) for finding in checker.check(LAYERS)]


def test_a_changed_helper_is_run_anew() -> None:
    checker = checker_of(FIRST_AND_SECOND, "def plain(text):\n    return text == 'yes'\n")
    before = found(checker)
    assert {line for _, line in before} >= {9, 19}
    checker.project.open(Document.from_text(HELPERS, "def plain(text):\n    return text == 'no'\n"))
    assert found(checker) == []
    checker.project.open(Document.from_text(HELPERS, "def plain(text):\n    return text == 'yes'\n"))
    assert found(checker) == before


def test_what_a_helper_calls_is_seen_too() -> None:
    helpers = "def plain(text):\n    return inner(text)\n\n\ndef inner(text):\n    return text == 'yes'\n"
    checker = checker_of(FIRST_AND_SECOND, helpers)
    assert found(checker)
    checker.project.open(Document.from_text(HELPERS, helpers.replace("== 'yes'", "== 'no'")))
    assert found(checker) == []


LISTS = """\
import keras
from helpers import start


class Early(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        blocks = start()
        blocks.append(keras.layers.Dense(2))
        self.blocks = blocks

    def call(self, x):
        return self.blocks[0](x)


class Late(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        blocks = start()
        self.blocks = blocks
        blocks.append(keras.layers.Dense(2))

    def call(self, x):
        return self.blocks[0](x)


class Two(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        blocks, others = start(), start()
        self.blocks = blocks
        others.append(keras.layers.Dense(2))
        self.others = others

    def call(self, x):
        return self.others[0](x)
"""


def test_each_caller_has_a_list_of_its_own() -> None:
    own = checker_of(LISTS, "def start():\n    return []\n")
    assert [line for code, line in found(own) if code == "KS105"] == [21]


def test_a_helper_that_calls_itself_ends() -> None:
    helpers = "def plain(text):\n    return plain(text + 'x') or text == 'yes'\n"
    found(checker_of(FIRST_AND_SECOND, helpers))


def test_a_helper_that_calls_itself_gives_each_caller_its_own_lists() -> None:
    helpers = """\
def start(depth=1):
    if depth:
        return start(0)[:]
    return list(range(0))
"""
    own = checker_of(LISTS, helpers)
    assert [line for code, line in found(own) if code == "KS105"] == [21]


def test_what_goes_through_another_helper_is_its_callers_own() -> None:
    helpers = """\
def inner():
    return []


def start():
    made = inner()
    made.extend([])
    return made
"""
    own = checker_of(LISTS, helpers)
    assert [line for code, line in found(own) if code == "KS105"] == [21]
