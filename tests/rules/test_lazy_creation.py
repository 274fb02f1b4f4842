"""What `call` makes is moved out of it only where it means the same there."""

from __future__ import annotations

import pytest

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document

PATH = "/project/example.py"


def fixes(call: str, code: str) -> list[bool]:
    """Whether the findings of this rule have a fix, for a layer with this `call(self, x)`."""
    text = "import keras\nfrom keras import layers\n\n\nclass Example(layers.Layer):\n"
    text += "    def __init__(self):\n        super().__init__()\n        self.skip = None\n\n"
    text += "    def call(self, x):\n"
    text += "\n".join(f"        {line}" for line in call.splitlines()) + "\n"
    document = Document.from_text(PATH, text, 1)
    project = Project(None)
    project.open(document)
    findings = [f for f in Checker(project, Settings(keras="3")).check(PATH) if f.code == code]
    return [f.make_fix is not None and f.make_fix(document) is not None for f in findings]


@pytest.mark.parametrize(
    ("test", "moved"),
    [
        ("self.skip is None", True),
        ("not self.skip", True),
        ("self.skip is None and x.shape[-1] != 4", False),
        ("x.shape[-1] != 4 and not self.skip", False),
    ],
)
def test_a_layer_made_on_a_further_condition_stays(test: str, moved: bool) -> None:
    call = f"if {test}:\n    self.skip = layers.Dense(4)\nreturn x if self.skip is None else self.skip(x)"
    assert fixes(call, "KS303") == [moved]


def test_a_sequential_that_call_fills_stays() -> None:
    call = "network = keras.Sequential()\nnetwork.add(layers.Dense(4))\nreturn network(x)"
    assert fixes(call, "KS301") == [False, False]


def test_a_layer_made_for_one_that_call_fills_stays() -> None:
    call = "network = keras.Sequential()\ndense = layers.Dense(4)\nnetwork.add(dense)\nreturn network(x)"
    assert fixes(call, "KS301") == [False, False]
