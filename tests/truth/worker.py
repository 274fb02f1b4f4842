"""Runs example programs under one Keras and says what they show.

`python worker.py 3` or `python worker.py 2`: reads a request per line of standard input, answers with a line
of JSON: what the build check's own part for the user's interpreter measures of the layer, and which of the
symptoms asked for show that a build check doesn't measure. Keras is imported once; every program runs in a
fork of its own. Generation 2 is tf_keras, which takes Keras' place under every name, or Keras 2 itself; Keras
3 runs on the backend that `KERAS_BACKEND` names.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import pathlib
import select
import signal
import sys
import tempfile
import warnings

import numpy

SECONDS = 120


def _part_of_build_check():
    """The package of the build check's modules, loaded by its path as the build check loads it."""
    folder = pathlib.Path(__file__).parents[2] / "server" / "kerascope" / "probe" / "worker"
    name = "_kerascope_worker"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


_part_of_build_check()

from _kerascope_worker import imports, inputs  # noqa: E402
from _kerascope_worker.engines import engine_for  # noqa: E402
from _kerascope_worker.loading import Loading  # noqa: E402
from _kerascope_worker.making import Failed, Making, Subject  # noqa: E402
from _kerascope_worker.measuring import Measuring  # noqa: E402
from _kerascope_worker.places import Places  # noqa: E402
from _kerascope_worker.watching import Watch  # noqa: E402


class Trial:
    """One program; `make` gives a fresh instance of its layer, unless the program makes a single one."""

    def __init__(self, engine, request):
        self.engine, self.keras, self.request = engine, engine.keras, request
        files = request.get("files") or {"example.py": request["code"]}
        self.places = Places("", files)
        self.watch = Watch(self.places)
        self.watch.add(engine.layer_class, engine.variable_classes(), engine.model_class)
        modules = [
            {"name": _module(path), "path": path, "text": text, "is_package": path.endswith("__init__.py")}
            for path, text in files.items()
        ]
        self.loading = Loading(
            {"modules": modules, "target": _module(request.get("main", "example.py"))}, root=""
        )

    def measured(self):
        """What the build check measures of the layer: the fields of its report."""
        found = {"status": "built", "raised": []}
        stage = self.watch.phase = "import"
        try:
            self.module = self.loading.run()
            numbers = numpy.random.default_rng(7).normal(size=self.request.get("shape", (2, 4)))
            self.x = self.engine.tensor(numbers.astype("float32"), "float32")
            stage = self.watch.phase = "construct"
            subject = Subject(self.make, "", None, "given")
            making = Making(
                self.engine, self.watch, self.module, type(subject.peek()), {}, self.loading.loaded()
            )
            args, kwargs = self.evaluate(f"taken({self.request['arguments']})", taken=_taken)
            describe = self.engine.describe
            given = inputs.inputs(
                *(inputs.captured(value, describe) for value in args),
                **{name: inputs.captured(value, describe) for name, value in kwargs.items()},
            )
            custom = {name: value for name, value in vars(self.module).items() if callable(value)}
            measuring = Measuring(
                self.engine, self.watch, self.places, making, subject, given,
                lambda **fields: found.update(fields), lambda *_: None, custom,
            )  # fmt: skip
            measuring.args, measuring.kwargs = args, kwargs
            measuring.run()
        except Exception as error:
            if isinstance(error, Failed):
                stage, error = error.stage, error.error
            found["status"] = "raised"
            found["raised"] = [*found["raised"], self.places.raised(stage, error)]
        self.watch.phase = "fresh"
        return found

    def evaluate(self, text, **names):
        present = {"keras": self.keras, "np": numpy, "x": self.x, "tf": getattr(self.engine, "tf", None)}
        return eval(text, {**present, **vars(self.module), **names})

    def make(self):
        return self.evaluate(self.request["make"])

    def call(self, layer):
        return self.evaluate(f"layer({self.request['arguments']})", layer=layer)

    def called(self):
        layer = self.make()
        self.call(layer)
        return layer

    def numbers(self, layer):
        return self.engine.numbers(self.call(layer))

    def keys(self, weights):
        return {self.engine.key(weight) for weight in weights}

    def shape(self):
        return (None, *self.x.shape[1:])

    # What a build check doesn't measure, one method for each symptom: true where it shows.

    def trained_though_frozen(self):
        """A functional model around the layer trains weights of a layer whose `trainable` is False."""
        model = self.keras.Model(symbol := self.keras.Input(self.x.shape[1:]), self.make()(symbol))
        model(self.x)
        trained = self.keys(model.trainable_weights)
        layers = model._flatten_layers(include_self=False)
        return any(not layer.trainable and trained & self.keys(layer.weights) for layer in layers)

    def duplicated(self):
        """An unused trainable weight has the shape and name of one that is used, also after `build`."""
        built = self.make()
        built.build(self.shape())
        for layer in (self.called(), built):
            self.call(layer)
            used = self.keys(self.engine.step(layer, lambda layer=layer: self.call(layer), []).used)
            kinds = [
                (self.engine.name(v), tuple(v.shape), self.engine.key(v) in used)
                for v in layer.trainable_weights
            ]
            if any(not is_used and (name, shape, True) in kinds for name, shape, is_used in kinds):
                return True
        return False

    def values_lost(self):
        """What is loaded between `build` and the first call is gone after the call."""
        layer = self.make()
        layer.build(self.shape())
        layer.set_weights([value * 0 + 0.5 for value in layer.get_weights()])
        self.call(layer)
        return any((value != 0.5).any() for value in layer.get_weights())

    def not_in_checkpoint(self):
        """A fresh instance that a `tf.train.Checkpoint` restores gives other outputs."""
        layers = [self.called(), self.called()]
        for weight in layers[0].weights:
            weight.assign(weight + 0.5)
        checkpoints = [self.engine.tf.train.Checkpoint(layer=layer) for layer in layers]
        with tempfile.TemporaryDirectory() as folder:
            checkpoints[1].restore(checkpoints[0].save(str(pathlib.Path(folder) / "checkpoint")))
        return any(abs(a - b).max() > 1e-6 for a, b in zip(*map(self.numbers, layers), strict=True))

    def to_train(self):
        """A compiled model of the layer: itself, if it trains in a way of its own."""
        model = self.make()
        step = getattr(type(model), "train_step", None)
        if step is None or step is self.keras.Model.train_step:
            model = self.keras.Sequential([model])
        model.compile("sgd", "mse")
        return model

    def fit_raises(self):
        """One step of `fit` raises, though a call doesn't."""
        model = self.to_train()
        try:
            model.fit(self.x, self.call(self.make()), verbose=0)
        except Exception:
            return True
        return False

    def predict_raises(self):
        """`predict` raises after a step of `fit`, or that step did."""
        model = self.to_train()
        try:
            model.fit(self.x, self.call(self.make()), verbose=0)
            model.predict(self.x, verbose=0)
        except Exception:
            return True
        return False

    def without_effect(self):
        """The layer has the same trainable weights as in the mended program."""
        mended = Trial(self.engine, {**self.request, "code": self.request["fixed"]})
        counts = [trial.measured()["counts"]["call"] for trial in (self, mended)]
        return counts[0]["trainable"] == counts[1]["trainable"]

    def fewer_weights(self):
        """As the example's own expression says, after two calls."""
        layer = self.called()
        self.call(layer)
        return bool(self.evaluate(self.request["evidence"] or "False", layer=layer))


def _taken(*args, **kwargs):
    return args, kwargs


def _module(path):
    return path[: -len(".py")].replace("/", ".").removesuffix(".__init__")


def measure(engine, request):
    """What the build check measures, and which of the other symptoms asked for show (or why not)."""
    trial = Trial(engine, request)
    measured = trial.measured()
    shown, notes = [], {}
    for symptom in request["symptoms"] if measured["status"] == "built" else ():
        own = getattr(trial, symptom.replace("-", "_"), None)
        try:
            if own is not None and own():
                shown.append(symptom)
        except Exception as error:
            notes[symptom] = f"{type(error).__name__}: {error}"
    return {"measured": measured, "shown": shown, "notes": notes}


def in_a_fork(engine, request):
    """`measure` in a process of its own, which may crash or hang."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as answer:
            json.dump(measure(engine, request), answer, default=str)
        os._exit(0)
    os.close(writing)
    text = b""
    while True:
        ready, _, _ = select.select([reading], [], [], SECONDS)
        if not ready:
            os.kill(child, signal.SIGKILL)
            break
        piece = os.read(reading, 65536)
        if not piece:
            break
        text += piece
    os.close(reading)
    os.waitpid(child, 0)
    return json.loads(text) if text else {"notes": {"worker": "crashed or took too long"}}


def main():
    generation = sys.argv[1]
    # The programs may print; answers go where standard output was.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
    legacy = generation == "2" and importlib.util.find_spec("tf_keras") is not None
    os.environ["TF_USE_LEGACY_KERAS"] = "1" if legacy else "0"
    os.environ["KERASCOPE_KERAS"] = "tf_keras" if legacy else ""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    warnings.simplefilter("ignore")
    versions = imports.import_keras(lambda text: None)
    if versions["generation"] != generation:
        raise SystemExit(f"generation {generation} is not what is installed: {versions}")
    engine = engine_for("tf_keras" if legacy else "keras")
    print(json.dumps({**versions, "keras": engine.version}), file=answers)
    for line in sys.stdin:
        print(json.dumps(in_a_fork(engine, json.loads(line))), file=answers)


if __name__ == "__main__":
    main()
