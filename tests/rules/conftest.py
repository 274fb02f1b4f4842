"""These tests see failures that users are spared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest import mock

import pytest


@pytest.fixture(autouse=True, scope="module")
def failures_are_seen() -> Iterator[None]:
    with mock.patch.dict(os.environ, {"KERASCOPE_TRACEBACK": "1"}):
        yield
