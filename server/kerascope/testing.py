"""For your own tests: `assert_all_tracked(layer, *inputs)` builds and calls a layer in the running process,
and fails with the report of the build check where weights are lost.

It needs the Keras that the layer is made of, and nothing else: TensorFlow is imported by you, not from here.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerascope.probe import show
from kerascope.probe.findings import findings
from kerascope.probe.report import Report, from_json
from kerascope.probe.worker import inputs as forms
from kerascope.probe.worker.check import _Check
from kerascope.probe.worker.engines import Engine, engine_for, is_any_layer, loaded_engines, root_of
from kerascope.probe.worker.making import Failed, Subject
from kerascope.probe.worker.measuring import Measuring, NotMeasured
from kerascope.probe.worker.places import Places
from kerascope.probe.worker.watching import Watch
from kerascope.rules.rule import Finding
from kerascope.source.document import Document
from kerascope.source.encoding import Unreadable, read

__all__ = ["assert_all_tracked"]


def assert_all_tracked(layer: Any, /, *inputs: Any, **call_arguments: Any) -> None:
    """Fail unless Keras tracks, keeps and saves every trainable weight that a call of `layer` uses.

    `layer`: a function without parameters that makes a new layer (a class or a lambda will do), or a layer.
    With a function more is measured: what `build(shape)` alone makes, and whether saved weights come back
    into a fresh instance; with a layer that only works if its `get_config()` can make another one. `inputs`
    and `call_arguments` are what it is called on: tensors, arrays and structures of them.

    AssertionError, with the whole report: a weight is not tracked (KS802), every call makes new ones (KS805),
    a saved and loaded layer gives other outputs (KS806), or it can't be called (KS801; the exception is the
    cause). What is less certain to be a defect (a weight without gradient, a sublayer that nothing calls) is
    a warning. TypeError: `layer` is no layer and makes none, or there is nothing to call it on. The layer's
    weights keep their values.
    """
    __tracebackhide__ = True
    make = _maker(layer)
    if not inputs and not call_arguments:
        raise TypeError(
            "assert_all_tracked(layer, *inputs) needs what to call the layer on, for example an array"
        )
    trial = _Trial(make, layer if make is None else None, inputs, call_arguments)
    trial.run()
    report, found = trial.report(), trial.findings()
    wrong = [finding for finding in found if finding.severity == "error"]
    if wrong or report.status != "built":
        raise AssertionError(_text(report, wrong)) from trial.cause
    for finding in found:
        if finding.severity == "warning":
            warnings.warn(_line(finding), stacklevel=2)


def _maker(layer: Any) -> Callable[[], Any] | None:
    """What makes the layer; None if it is one itself."""
    __tracebackhide__ = True
    if is_any_layer(type(layer)):
        return None
    if not callable(layer):
        raise TypeError(
            f"assert_all_tracked needs a layer, or a function that makes one, not {_named(layer)}"
        )
    return layer  # type: ignore[no-any-return]


def _named(value: Any) -> str:
    return f"{value!r} of type {type(value).__name__}"[:200]


class _Given:
    """A layer's class and the arguments of its call, as `Measuring` asks for them."""

    def __init__(self, cls: type, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.cls = cls
        self.named: dict[str, Any] = {}
        self._call = tuple(args), dict(kwargs)

    def arguments(self, given: Any, *, own: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The very inputs of the test, whatever `given` says of them."""
        args, kwargs = self._call
        return args, dict(kwargs)


class _Trial:
    """One layer under measurement, in this process."""

    def __init__(
        self, make: Callable[[], Any] | None, layer: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> None:
        self._make, self._layer = make, layer
        self._args, self._kwargs = args, kwargs
        self._answer: dict[str, Any] = {}
        self._cls: type = type(layer)
        self.cause: BaseException | None = None

    def run(self) -> None:
        __tracebackhide__ = True
        places = Places(str(Path.cwd()), filter(None, [_file(self._make), _file(self._cls)]))
        with Watch(places) as watch:
            for engine in loaded_engines():
                watch.add(engine.layer_class, engine.variable_classes(), engine.model_class)
            first = self._layer if self._make is None else self._make()
            if not is_any_layer(type(first)):
                raise TypeError(
                    f"assert_all_tracked needs a function that makes a layer; this one made {_named(first)}"
                )
            self._cls = type(first)
            engine = engine_for(root_of(self._cls) or "keras")
            watch.add(engine.layer_class, engine.variable_classes(), engine.model_class)
            self._part(versions=_Check._versions(engine), origin="given", how="by the test")
            try:
                self._measuring(engine, watch, places, first).run()
            except Failed as failure:
                self.cause = failure.error
                raised = places.raised(failure.stage, failure.error)
                message = f"{raised['type']}: {raised['message']}"
                self._part(raised=[raised], status="raised", message=message)
            else:
                self._part(status="built")

    def _measuring(self, engine: Engine, watch: Watch, places: Places, first: Any) -> Measuring:
        given = forms.inputs(
            *(forms.captured(value, engine.describe) for value in self._args),
            **{name: forms.captured(value, engine.describe) for name, value in self._kwargs.items()},
        )
        args, kwargs = forms.arrays(given, engine.tensor, own=True)
        subject = Subject(self._make or _copier(first), "", given, "given")
        subject.first = first
        subject.built_by_owner = bool(first.built)
        making: Any = _Given(self._cls, args, kwargs)
        return Measuring(
            engine, watch, places, making, subject, given, self._part, lambda stage, text: None, {}
        )

    def _part(self, **fields: Any) -> None:
        self._answer.update(fields)

    def report(self) -> Report:
        """What was measured."""
        return from_json(
            self._answer, path=_file(self._cls) or "", class_name=self._cls.__name__, line=_line_of(self._cls)
        )

    def findings(self) -> Sequence[Finding]:
        """What is wrong with the layer."""
        path = _file(self._cls) or ""
        source = read(path) if path else None
        text = "" if source is None or isinstance(source, Unreadable) else source.text
        return findings(self.report(), Document.from_text(path, text))


def _copier(layer: Any) -> Callable[[], Any]:
    """What makes another one like a layer."""

    def copy() -> Any:
        try:
            return type(layer).from_config(layer.get_config())
        except Exception as error:
            raise NotMeasured(
                "no fresh instance can be made by its get_config(): hand over a function that makes the layer"
            ) from error

    return copy


def _file(value: Any) -> str | None:
    """Where a class or function is defined; None if that is no file."""
    try:
        path = inspect.getsourcefile(value) if value is not None else None
    except TypeError:
        return None
    return path if path is not None and Path(path).is_file() else None


def _line_of(cls: type) -> int:
    try:
        lines, first = inspect.getsourcelines(cls)
    except (OSError, TypeError):
        return 1
    header = re.compile(rf"\s*class\s+{re.escape(cls.__name__)}\b")
    return next((first + number for number, line in enumerate(lines) if header.match(line)), first)


def _text(report: Report, wrong: Sequence[Finding]) -> str:
    """The report, and before it what is wrong."""
    said = [_line(finding) for finding in wrong] or [report.message]
    return "\n".join([report.summary, "", *said, "", *show.text(report)])


def _line(finding: Finding) -> str:
    return f"{finding.path}:{finding.range.start.line + 1}: {finding.code} {finding.message}"
