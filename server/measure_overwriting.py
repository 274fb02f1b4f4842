"""Measures what overwriting an attribute of Keras' own does: for `generate_catalogue.py`.

A layer (or model) with two sublayers assigns something to the attribute, and lives: it is called, trained,
saved, loaded. What differs from the same life under a name that means nothing to Keras is the effect.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy

FREE = "name_that_is_free"

VALUES = ("layer", "layers", "flag")
"""What is assigned: a Dense; a list of them; True."""

Observed = dict[str, Any]


def overwriting(keras: Any, base: Any, names: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Attribute → what is assigned → the first stage of the layer's life that differs.

    "assignment", "call", "fit", "saving": this raises. "untracked": weights are missing, "unsaved": values
    are lost between saving and loading. What makes no difference is left out.
    """
    usual = {kind: life(keras, base, FREE, kind) for kind in VALUES}
    for kind, observed in usual.items():
        assert not any(isinstance(seen, Exception) for seen in observed.values()), (kind, observed)
    found: dict[str, dict[str, str]] = {}
    for name, what in names.items():
        for kind in wanted(name, what):
            if kind == "layer" and what != "method" and name not in found:
                continue
            if (effect := difference(usual[kind], life(keras, base, name, kind))) is not None:
                found.setdefault(name, {})[kind] = effect
    return found


def wanted(name: str, what: str) -> tuple[str, ...]:
    """What is worth assigning to it: anything to a property without a setter raises, and nobody has an
    attribute that is called like a private method."""
    if what == "read-only" or (what == "method" and name.startswith("_")):
        return ()
    return ("layer", "flag") if what == "method" else ("layers", "layer")


def difference(usual: Observed, observed: Observed) -> str | None:
    """The first stage in which two lives differ."""
    for stage, seen in usual.items():
        if isinstance(observed.get(stage), Exception):
            return stage
        if stage in ("weights", "functional", "trained") and observed[stage] < seen:
            return "untracked"
        if stage == "restored" and not observed[stage]:
            return "unsaved"
    return None


def life(keras: Any, base: Any, name: str, kind: str) -> Observed:
    """What each stage gives, or raises."""
    observed: Observed = {}
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        for stage, step in stages(keras, base, name, kind):
            try:
                observed[stage] = step()
            except Exception as error:
                observed[stage] = error
                if stage in ("assignment", "call"):
                    break
        keras.backend.clear_session()
    return observed


def stages(keras: Any, base: Any, name: str, kind: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The stages of a life, in order."""
    cls = layer_class(keras, base, name, kind)
    x = numpy.random.default_rng(7).normal(size=(2, 3)).astype("float32")
    made: list[Any] = []
    yield "assignment", lambda: made.append(cls())
    (layer,) = made
    yield "call", lambda: layer(x)
    yield "weights", lambda: len(layer.trainable_weights)

    def functional() -> Any:
        inputs = keras.Input((3,))
        return keras.Model(inputs, cls()(inputs))

    yield "functional", lambda: len(functional().trainable_weights)

    def trained() -> int:
        model = cls() if base is keras.Model else functional()
        model(x)
        before = [weight.numpy() for weight in model.trainable_weights]
        model.compile("sgd", "mse", run_eagerly=True)
        model.fit(x, x, verbose=0)
        after = [weight.numpy() for weight in model.trainable_weights]
        return sum(bool((a != b).any()) for a, b in zip(before, after, strict=True))

    counts: list[int] = []
    yield "fit", lambda: counts.append(trained())
    yield "trained", lambda: counts[0]

    def restored() -> bool:
        models = [functional(), functional()]
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "a.weights.h5")
            models[0].save_weights(path)
            models[1].load_weights(path)
        return bool(numpy.allclose(models[0](x), models[1](x), atol=1e-6))

    same: list[bool] = []
    yield "saving", lambda: same.append(restored())
    yield "restored", lambda: same[0]


def layer_class(keras: Any, base: Any, name: str, kind: str) -> Any:
    """A layer that keeps more layers in its attribute `name`, between two others."""
    dense = keras.layers.Dense

    class Subject(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.before = dense(3)
            if kind == "layer":
                setattr(self, name, dense(3))
            elif kind == "layers":
                setattr(self, name, [dense(3), dense(3)])
            else:
                setattr(self, name, True)
            self.after = dense(3)

        def call(self, x: Any) -> Any:
            x = self.before(x)
            kept = getattr(self, name)
            for layer in () if kind == "flag" else [kept] if kind == "layer" else kept:
                x = layer(x)
            return self.after(x)

        def get_config(self) -> dict[str, Any]:
            return dict(super().get_config()) if base is not keras.Model else {}

    return Subject
