"""What is typed, and where: real files of Keras and Keras Hub, and lines that a person could write there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from tests.benchmarks.client import Json


@dataclass(frozen=True)
class Program:
    """A file, the line after which something is typed, and what; "{number}" in it is the round's."""

    path: Path
    text: str
    line: int
    typed: str

    @property
    def uri(self) -> str:
        return self.path.as_uri()

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    def keystrokes(self) -> Iterator[Json]:
        """Every character that is typed, then every one deleted again, for ever: changes for a server.

        While a bracket or a string is open, the file is broken, as it is for a server most of the time. No
        two rounds type the same, so that a server can't have kept the answers.
        """
        return chain.from_iterable(self._round(number) for number in count())

    def _round(self, number: int) -> list[Json]:
        places = []
        line, character = self.line, 0
        for typed in self.typed.replace("{number}", str(number)):
            start = {"line": line, "character": character}
            line, character = (line + 1, 0) if typed == "\n" else (line, character + 1)
            places.append((typed, start, {"line": line, "character": character}))
        writing: list[Json] = [{"range": {"start": at, "end": at}, "text": typed} for typed, at, _ in places]
        deleting: list[Json] = [
            {"range": {"start": start, "end": end}, "text": ""} for _, start, end in reversed(places)
        ]
        return [*writing, *deleting]


_LAYER_TYPED = """\
        if input_shape is not None:
            kernel{number} = self.add_weight((4, 4), name="kernel of %d" % len(input_shape))
"""
_BLOCK_TYPED = """\
        self.more{number} = [keras.layers.Dense(hidden_dim, name=f"more_{i}") for i in range(4)]
        self.first = self.more{number}[0]
"""
_SCRIPT_TYPED = """\
    more{number} = keras.layers.Dense(4, activation="relu", name="more_{number}")
    model.add(more{number})
"""


def layer(folder: Path) -> Program:
    """The 2,000 lines of Keras' own `Layer`."""
    path = folder / "keras/src/layers/layer.py"
    return _program(path, path.read_text("utf-8"), "    def build(self, input_shape):\n", _LAYER_TYPED, 1)


def long_layer(folder: Path) -> Program:
    """The same class typed in the same way, with 8,000 lines of further classes behind it."""
    path = folder / "keras/src/layers/layer.py"
    text = path.read_text("utf-8")
    copies = [re.sub(r"^(class|def) (\w+)", rf"\1 \g<2>{number}", text, flags=re.M) for number in range(2, 6)]
    path = path.with_name("long_layer.py")
    anchor = "    def build(self, input_shape):\n"
    return _program(path, "\n".join([text, *copies]), anchor, _LAYER_TYPED, 1)


def block(folder: Path) -> Program:
    """A layer of layers, about which there is something to say."""
    path = folder / "keras_hub/src/models/gemma4/gemma4_decoder_block.py"
    anchor = "        self.num_key_value_heads = num_key_value_heads\n"
    return _program(path, path.read_text("utf-8"), anchor, _BLOCK_TYPED, 0)


def script(folder: Path) -> Program:
    """A function that makes a model and shows its weights: there is no such file on disk."""
    layers = "".join(f"    model.add(keras.layers.Dense({units}))\n" for units in range(1, 31))
    anchor = "    model = keras.Sequential()\n"
    text = f"import keras\n\n\ndef main():\n{anchor}{layers}    model.summary()\n    print(model.weights)\n"
    return _program(folder / "train.py", text, anchor, _SCRIPT_TYPED, 0)


def _program(path: Path, text: str, anchor: str, typed: str, further: int) -> Program:
    """Typed is after the first line that is `anchor`, and so many `further` lines."""
    before = text[: text.index("\n" + anchor) + 1]
    return Program(path, text, before.count("\n") + 1 + further, typed)
