"""A test that expects Keras to raise knows what Kerascope would say."""

from __future__ import annotations

import pytest

from kerascope.check import Checker
from kerascope.project.project import Project
from kerascope.project.settings import Settings
from kerascope.source.document import Document

PATH = "/project/test_lock.py"
TEST = """\
import pytest
import unittest
import keras


def test_locked():
    layer = keras.layers.Dense(3)
    layer.build((None, 4))
    with {block}:
        layer.extra = keras.layers.Dense(4)


class Locked(unittest.TestCase):
    def test_locked(self):
        layer = keras.layers.Dense(3)
        layer.build((None, 4))
        with {method}:
            layer.extra = keras.layers.Dense(4)
"""


def found(block: str, method: str) -> list[int]:
    document = Document.from_text(PATH, TEST.format(block=block, method=method), 1)
    project = Project(None)
    project.open(document)
    findings = Checker(project, Settings(keras="3")).check(PATH)
    return [each.range.start.line + 1 for each in findings if each.code == "KS305"]


@pytest.mark.parametrize(
    "block", ["pytest.raises(ValueError)", 'pytest.raises(ValueError, match="locked") as told']
)
@pytest.mark.parametrize(
    "method", ["self.assertRaises(ValueError)", 'self.assertRaisesRegex(ValueError, "x")']
)
def test_what_is_expected_to_raise_is_not_reported(block: str, method: str) -> None:
    assert found(block, method) == []


def test_any_other_block_is() -> None:
    assert found("open('raises')", "open('raises')") == [10, 18]
