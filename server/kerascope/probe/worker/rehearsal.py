"""A check of a layer of ours before anyone asks for one: what TensorFlow and Keras do only once is then done.

It leaves no trace: a check after it says what it would have said without.
"""

from __future__ import annotations

import builtins
import contextlib
import copy
import gc
import linecache
import os
import random
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, Iterator

import numpy

_NAME = "_kerascope_rehearsal"
_PATH = "<rehearsal>"
_CODE = """\
import {keras} as keras
from {keras} import layers


class Rehearsal(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.spread = layers.Embedding(4, units)
        self.attention = layers.MultiHeadAttention(2, 2, dropout=0.1)
        self.norm = layers.LayerNormalization()
        self.dense = layers.Dense(units, activation="relu")
        self.drop = layers.Dropout(0.1)
        self.pool = layers.GlobalAveragePooling1D()
        self.convolve = layers.Conv1D(units, 2)
        self.batch = layers.BatchNormalization()
        self.last = layers.Dense(2)

    def call(self, x, tokens, training=None):
        x = self.convolve(x) + self.spread(tokens)
        x = self.norm(x + self.attention(x, x, training=training))
        x = self.drop(self.batch(self.dense(x), training=training), training=training)
        return self.last(self.pool(x))

    def get_config(self):
        return {{**super().get_config(), "units": self.units}}
"""
_USE = """\
layer = Rehearsal(4)
layer(keras.Input((4, 3)), keras.Input((3,), dtype="int32"))
"""


def rehearse() -> None:
    """Runs a whole check, whose answer goes nowhere. Never raises."""
    from .check import run_check

    with contextlib.suppress(Exception), _without_trace(), _silence():
        run_check(_request(), lambda _: None)
    gc.collect()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    with open(os.devnull, "w") as silent, redirect_stdout(silent), redirect_stderr(silent):
        yield


def _request() -> dict[str, Any]:
    legacy = os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true")
    keras = "tf_keras" if legacy and "tf_keras" in sys.modules else "keras"
    program = {"is": "Program", "origin": "usage", "module": _NAME, "text": _USE, "path": _PATH, "line": 1}
    return {
        "class_name": "Rehearsal",
        "slice": {
            "modules": [
                {"name": _NAME, "path": _PATH, "text": _CODE.format(keras=keras), "is_package": False}
            ],
            "target": _NAME,
            "left_out": [],
        },
        "recipes": [program],
        "root": "",
        "call": "",
    }


@contextlib.contextmanager
def _without_trace() -> Iterator[None]:
    """Counters of names, random numbers, modules and hooks are afterwards as before."""
    modules, finders, paths = set(sys.modules), list(sys.meta_path), list(sys.path)
    importing = builtins.__import__
    numbers, numpy_numbers = random.getstate(), numpy.random.get_state()
    states = [(state, copy.copy(vars(state)), _counters(vars(state))) for state in _global_states()]
    try:
        yield
    finally:
        for state, before, counters in states:
            vars(state).clear()
            vars(state).update(before, **counters)
        for backend in _old_backends():
            backend.reset_uids()
            with contextlib.suppress(AttributeError):
                backend._GRAPH.graph = None
        random.setstate(numbers)
        numpy.random.set_state(numpy_numbers)
        builtins.__import__ = importing
        sys.meta_path[:], sys.path[:] = finders, paths
        for name in set(sys.modules) - modules:
            # What Keras imports late stays; only our own module goes.
            if name.startswith(_NAME):
                del sys.modules[name]
        linecache.cache.pop(_PATH, None)


def _global_states() -> list[Any]:
    """Where Keras 3 keeps what it counts."""
    names = ("keras.src.backend.common.global_state",)
    return [sys.modules[name].GLOBAL_STATE_TRACKER for name in names if name in sys.modules]


def _counters(state: dict[str, Any]) -> dict[str, Any]:
    return {
        name: copy.deepcopy(value) for name, value in state.items() if type(value).__name__ == "defaultdict"
    }


def _old_backends() -> list[Any]:
    """Where Keras 2 does."""
    names = ("keras.src.backend", "tf_keras.src.backend", "keras.backend")
    found = [sys.modules[name] for name in names if name in sys.modules]
    return [module for module in found if hasattr(module, "PER_GRAPH_OBJECT_NAME_UIDS")]
