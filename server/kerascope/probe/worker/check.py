"""One build check, in a process of its own: loads the slice, makes the layer, measures it, and sends each
part as soon as it is known."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import warnings
from types import ModuleType
from typing import Any, Callable, Dict, Mapping

from . import guessing
from . import inputs as forms
from .engines import Engine, engine_for, is_any_layer, loaded_engines, root_of
from .guard import guarded
from .loading import Loading
from .making import Failed, Making, NoWay, Subject
from .measuring import Measuring
from .places import Places, essence_of, said_by
from .rehearsal import rehearse
from .watching import Watch

__all__ = ["rehearse", "run_check", "warm"]

_MISSING = re.compile(
    r"^name '(\w+)' is not defined|module '[\w.]+' has no attribute '(\w+)'|cannot import name '(\w+)'"
)

Send = Callable[[Dict[str, Any]], None]


def run_check(request: Mapping[str, Any], send: Send) -> None:
    """Answers `request` (a `Request` as JSON) with "stage"s, "part"s and, last, one "done"."""
    try:
        done = _Check(request, send).run()
    except MemoryError:
        done = {"status": "memory", "message": "The check ran out of memory."}
    send({"done": done})


class _Check:
    def __init__(self, request: Mapping[str, Any], send: Send) -> None:
        self._request, self._send = request, send
        self._name: str = request["class_name"]
        paths = [module["path"] for module in request["slice"]["modules"]]
        self._places = Places(request["root"], paths)

    def run(self) -> dict[str, Any]:
        with Watch(self._places) as watch:
            for engine in loaded_engines():
                watch.add(engine.layer_class, engine.variable_classes(), engine.model_class)
            self._stage("import", f"running what {self._name} needs")
            watch.phase = "import"
            loading = Loading(self._request["slice"], self._request["root"])
            try:
                with guarded(self._request):
                    module = loading.run()
            except (Exception, SystemExit) as error:
                return self._import_failed(error)
            finally:
                if loading.imports:
                    self._part(imports=loading.imports)
            cls: Any = module
            for part in self._name.split("."):
                cls = vars(cls).get(part) if hasattr(cls, "__dict__") else None
            if not isinstance(cls, type) or not is_any_layer(cls):
                return {"status": "unknown", "message": f"{self._name} isn't a Keras layer or model here."}
            engine = engine_for(root_of(cls) or "keras")
            watch.add(engine.layer_class, engine.variable_classes(), engine.model_class)
            return self._check(engine, watch, module, cls, loading)

    def _check(
        self, engine: Engine, watch: Watch, module: ModuleType, cls: type, loading: Loading
    ) -> dict[str, Any]:
        self._part(versions=self._versions(engine))
        modules = loading.loaded()
        watch.phase = "construct"
        try:
            making = Making(engine, watch, module, cls, self._request, modules)
        except (Failed, NoWay) as problem:
            return {"status": "unknown", "message": f"The call's arguments can't be evaluated: {problem}"}
        reasons: list[str] = []
        missing = ""
        not_run: dict[str, Any] | None = None
        for recipe in self._request["recipes"]:
            guessed = _is_guess(recipe)
            try:
                with warnings.catch_warnings():
                    # Those of the layer that is measured are kept; these are of our tries.
                    warnings.simplefilter("ignore")
                    subject = making.follow(recipe)
                    inputs = subject.inputs
                    if engine.only_trains(subject.peek()):
                        inputs = forms.inputs()
                    if inputs is None:
                        guessed = True
                        self._stage("call", f"looking for inputs that {self._name} takes")
                        inputs = guessing.inputs(
                            engine, cls, subject.make, making.call, subject.built_on, self._places.is_users
                        )
                return self._measure(engine, watch, making, subject, inputs, module, modules, recipe, guessed)
            except NoWay as reason:
                reasons.append(f"{_place(recipe)}{reason}")
                continue
            except guessing.NotFound as problem:
                not_run = not_run or self._not_run(problem.error)
                if not_run:
                    continue
                if problem.same_place and problem.error is not None:
                    return self._failed(Failed(problem.stage, problem.error), recipe)
                said = "" if problem.error is None else f": {essence_of(problem.error)}"
                reasons.append(f"{problem}{said}")
                missing = missing or self._comment(cls, problem)
                continue
            except Failed as failure:
                not_run = not_run or self._not_run(failure.error)
                if not_run:
                    continue
                if _is_guess(recipe) or (guessed and failure.stage == "call"):
                    reasons.append(essence_of(failure.error))
                    missing = missing or self._comment(cls, None)
                    continue
                return self._failed(failure, recipe)
        if not_run:
            return not_run
        message = f"No way to make and call {self._name} was found"
        message += f" ({reasons[-1]})." if reasons else "."
        self._part(missing=missing or self._comment(cls, None))
        return {"status": "unknown", "message": message, "reasons": reasons}

    def _measure(
        self,
        engine: Engine,
        watch: Watch,
        making: Making,
        subject: Subject,
        inputs: forms.Inputs,
        module: ModuleType,
        modules: Mapping[str, ModuleType],
        recipe: Mapping[str, Any],
        guessed: bool,
    ) -> dict[str, Any]:
        self._part(
            origin=recipe["origin"], recipe=_which(recipe), init=subject.init, inputs=forms.text(inputs)
        )
        custom = _custom_objects([*modules.values(), module], self._places)
        failed: Failed | None = None
        ways = list(forms.fillings(inputs))
        if subject.whole is not None and inputs is subject.inputs:
            ways.append(subject.whole)  # it may be made for this size of a batch only
        for tried in ways:
            if tried is subject.whole:
                self._part(inputs=forms.text(tried))
            measuring = Measuring(
                engine, watch, self._places, making, subject, tried, self._part, self._stage, custom, guessed
            )
            try:
                measuring.run()
            except Failed as failure:
                failed = failure if tried is subject.whole else failed or failure
                engine.forget_calls()
                continue
            return {"status": "built"}
        assert failed is not None
        if recipe["origin"] in ("usage", "outer") and forms.is_open(inputs):
            raise NoWay(f"its inputs' sizes are open there: {failed}") from failed
        raise failed

    # What goes wrong.

    def _import_failed(self, error: BaseException) -> dict[str, Any]:
        raised = self._places.raised("import", error)
        unknown = self._not_run(error)
        if unknown is not None:
            return unknown
        self._part(raised=[raised])
        return {"status": "raised", "message": f"{raised['type']}: {raised['message']}"}

    def _not_run(self, error: BaseException | None) -> dict[str, Any] | None:
        """What to say if the user's code misses what we left out: that is no defect of it."""
        found = None if error is None else _MISSING.search(said_by(error))
        if found is None or not isinstance(error, (NameError, AttributeError, ImportError)):
            return None
        name = next(group for group in found.groups() if group)
        left_out = next((one for one in self._request["slice"]["left_out"] if name in one["names"]), None)
        if left_out is None:
            return None
        where = f"line {left_out['line']} of {os.path.basename(left_out['path'])}"
        message = f"{self._name} needs {name}, which {where} makes; that wasn't run ({left_out['why']})."
        return {"status": "unknown", "message": message}

    def _failed(self, failure: Failed, recipe: Mapping[str, Any]) -> dict[str, Any]:
        error = failure.error
        raised = self._places.raised(failure.stage, error)
        self._part(raised=[raised], origin=recipe["origin"], recipe=_which(recipe))
        doing = {"construct": "Making", "call": "Calling"}.get(failure.stage, "Checking")
        message = f"{doing} {self._name} raised {raised['type']}: {raised['message']}"
        if isinstance(error, MemoryError):
            return {"status": "memory", "message": message}
        return {"status": "raised", "message": message}

    def _comment(self, cls: type, problem: guessing.NotFound | None) -> str:
        """The comment that would say how, with blanks."""
        init = ", ".join(f"{name}=…" for name in guessing.required_names(cls))
        shapes = ["(None, …)"]
        if problem is not None and not init and len(problem.missing) > 1:
            shapes = [f"{name}=(None, …)" for name in problem.missing]
        return f"# kerascope: build({init}) on {', '.join(shapes)}"

    # What is sent.

    def _stage(self, stage: str, text: str) -> None:
        self._send({"stage": stage, "text": text})

    def _part(self, **fields: Any) -> None:
        self._send({"part": fields})

    @staticmethod
    def _versions(engine: Engine) -> dict[str, str]:
        names = {
            "keras": "keras",
            "tf_keras": "tf_keras",
            "tensorflow": "tensorflow",
            "jax": "jax",
            "torch": "torch",
        }
        versions = {"python": "{}.{}.{}".format(*sys.version_info[:3])}
        for name, package in names.items():
            version = getattr(sys.modules.get(package), "__version__", None)
            if version is not None:
                versions[name] = str(version)
        versions["backend"] = engine.backend
        versions["generation"] = str(engine.generation)
        return versions


def _place(recipe: Mapping[str, Any]) -> str:
    line = recipe.get("line")
    return f"line {line}: " if line else ""


def _is_guess(recipe: Mapping[str, Any]) -> bool:
    """Whether the arguments are ours, or an example's: what they make raise is no defect of the user's."""
    if recipe["is"] == "Outer":
        return _is_guess(recipe["recipe"])
    return bool(recipe.get("example")) or (recipe["is"] == "Direct" and recipe["init"] is None)


def _which(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Enough of a recipe to say which it was."""
    return {name: recipe.get(name) for name in ("is", "origin", "path", "line", "class_name")}


def _custom_objects(modules: list[ModuleType], places: Places) -> dict[str, Any]:
    """What a person who loads the model would hand over: the slice's own classes and functions."""
    found: dict[str, Any] = {}
    for module in modules:
        for name, value in list(vars(module).items()):
            users = getattr(value, "__module__", None) == module.__name__
            if users and callable(value) and not name.startswith("__"):
                found[getattr(value, "__name__", name)] = value
    return found


def warm() -> None:
    """Imports what a check will need, before the worker forks. Runs nothing of TensorFlow: its threads don't
    survive a fork."""
    with contextlib.suppress(Exception):
        for engine in loaded_engines():
            engine.saving_library()
            for name in ("layers", "models", "initializers", "activations", "losses", "metrics"):
                getattr(engine.keras, name)
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is not None:
            tensorflow.keras.layers.Layer  # noqa: B018  (it loads lazily)
            tensorflow.nest.flatten([])
