"""The programs in docs/how-keras-tracks.md under real Keras: each has the weights that it says it has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how-keras-tracks.md"
SAID = re.compile(r"# Keras 3: (\d+|raises).*, Keras 2: (\d+|raises)")


def programs() -> list[Any]:
    found = []
    for part in PAGE.read_text("utf-8").split("\n### ")[1:]:
        title = re.sub(r"\W+", "_", part.splitlines()[0]).strip("_")
        for code in re.findall(r"```python\n(.*?)```", part, re.S):
            said = SAID.match(code)
            assert said is not None, title
            for generation, weights in ((3, said[1]), (2, said[2])):
                found.append(pytest.param(code, generation, weights, id=f"{title}-keras{generation}"))
    return found


@pytest.mark.parametrize(("code", "generation", "said"), programs())
def test_the_figures(code: str, generation: int, said: str, real_keras: Mapping[int, Any]) -> None:
    request = {
        "code": code,
        "fixed": None,
        "make": "Example()",
        "arguments": "x",
        "evidence": f"len(layer.trainable_weights) == {said}",
        "symptoms": ["fewer-weights"],
    }
    answer = real_keras[generation].measure(request)
    assert answer.shown == {"raises" if said == "raises" else "fewer-weights"}, answer.notes
