"""Runs example programs under one Keras generation and measures what they show.

`python worker.py 3` or `python worker.py 2`: reads a request per line of standard input, answers with a line
of JSON. TensorFlow is imported once; every program runs in a fork of its own. Knows nothing of Kerascope:
what it reports is what Keras does. Generation 2 is tf_keras, which takes Keras' place under every name, or
Keras 2 itself.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import json
import linecache
import os
import pathlib
import select
import signal
import sys
import tempfile
import traceback
import types
import warnings

import numpy

SECONDS = 120


class _LegacyKeras(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes `import keras.layers` give tf_keras' module of that name."""

    def find_spec(self, name, path=None, target=None):
        if name == "keras" or name.startswith("keras."):
            return importlib.util.spec_from_loader(name, self)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        sys.modules[module.__name__] = importlib.import_module("tf_" + module.__name__)


class Trial:
    """One program: every measurement works on a fresh instance of its layer, made when asked for."""

    def __init__(self, tf, keras, request):
        self.tf, self.keras, self.request = tf, keras, request
        self.module = self.modules() if "files" in request else self.one_module(request["code"])
        numbers = numpy.random.default_rng(7).normal(size=request.get("shape", (2, 4)))
        self.x = tf.constant(numbers.astype("float32"))

    def one_module(self, code):
        module = types.ModuleType("example")
        sys.modules["example"] = module
        linecache.cache["example.py"] = (len(code), None, code.splitlines(True), "example.py")
        exec(compile(code, "example.py", "exec"), module.__dict__)
        return module

    def modules(self):
        """The main one of several modules, which import each other from a folder."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in self.request["files"].items():
                path = pathlib.Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
                linecache.cache[str(path)] = (len(text), None, text.splitlines(True), str(path))
            sys.path.insert(0, folder)
            main = self.request["main"].removesuffix(".py").removesuffix("/__init__")
            return importlib.import_module(main.replace("/", "."))

    def make(self):
        return eval(self.request["make"], self._present())

    def call(self, layer):
        return eval(f"layer({self.request['arguments']})", {**self._present(), "layer": layer})

    def _present(self):
        return {"tf": self.tf, "keras": self.keras, "np": numpy, "x": self.x, **self.module.__dict__}

    def variable(self, weight):
        """The TensorFlow variable behind a weight of either generation."""
        value = getattr(weight, "_value", None)
        return value if isinstance(value, self.tf.Variable) else weight

    def ids(self, weights):
        return {id(self.variable(weight)) for weight in weights}

    def step(self, layer):
        """One call under a tape: the variables that it watched, the trainable weights, their gradients."""
        tf = self.tf
        with tf.GradientTape() as tape:
            outputs = [y for y in tf.nest.flatten(self.call(layer)) if tf.as_dtype(y.dtype).is_floating]
            loss = tf.add_n([tf.reduce_sum(tf.square(tf.cast(y, "float32"))) for y in outputs])
        weights = [self.variable(weight) for weight in layer.trainable_weights]
        gradients = tape.gradient(loss, weights)
        return list(tape.watched_variables()), weights, gradients

    def shape(self):
        return (None, *self.x.shape[1:])

    def inputs(self):
        return self.keras.Input(self.x.shape[1:])

    def stepped(self):
        """A layer after two calls, and what the first and the second showed."""
        if not hasattr(self, "_stepped"):
            layer = self.make()
            first = self.step(layer)
            self._stepped = layer, first, self.step(layer)
        return self._stepped

    # One method for each symptom: true where it shows.

    def untracked(self):
        """A trainable variable that the call reads is not among the layer's weights."""
        layer, (first, _, _), (second, _, _) = self.stepped()
        return bool({id(v) for v in first + second} - self.ids(layer.weights))

    def unbuilt(self):
        """A sublayer is still not built after the call."""
        layer, _, _ = self.stepped()
        return any(not inner.built for inner in layer._flatten_layers(include_self=False))

    def no_gradient(self):
        """A trainable weight gets no gradient on the second step (on the first, it may be new)."""
        _, _, (_, _, gradients) = self.stepped()
        return any(gradient is None for gradient in gradients)

    def frozen(self):
        """A weight of numbers isn't trainable."""
        layer, _, _ = self.stepped()
        return any(self.tf.as_dtype(v.dtype).is_floating for v in layer.non_trainable_weights)

    def trained_though_frozen(self):
        """A functional model around the layer trains weights of a layer whose `trainable` is False."""
        model = self.keras.Model(inputs := self.inputs(), self.make()(inputs))
        model(self.x)
        trained = self.ids(model.trainable_weights)
        layers = model._flatten_layers(include_self=False)
        return any(not layer.trainable and trained & self.ids(layer.weights) for layer in layers)

    def created_every_call(self):
        """The second call reads variables that the first did not know."""
        layer, (before, _, _), (watched, _, _) = self.stepped()
        return bool({id(v) for v in watched} - {id(v) for v in before} - self.ids(layer.weights)) or len(
            layer.weights
        ) > len(self._weights_after_one_call())

    def _weights_after_one_call(self):
        layer = self.make()
        self.call(layer)
        return layer.weights

    def not_built_by_build(self):
        """`build(shape)` makes fewer weights than a call."""
        built = self.make()
        built.build(self.shape())
        called = self.make()
        self.call(called)
        return len(built.weights) < len(called.weights)

    def missing_in_functional(self):
        """A functional model around the layer holds fewer weights than the layer has after a call."""
        layer = self.make()
        model = self.keras.Model(inputs := self.inputs(), layer(inputs))
        called = self.make()
        self.call(called)
        return len(model.weights) < len(called.weights)

    def duplicated(self):
        """An unused trainable weight has the shape and name of one that is used."""
        built = self.make()
        built.build(self.shape())
        for layer in (self.make(), built):
            self.step(layer)
            watched, weights, _ = self.step(layer)
            used = {id(v) for v in watched}
            kinds = [(v.name.rsplit("/", 1)[-1], tuple(v.shape), id(v) in used) for v in weights]
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

    def not_saved(self):
        """A fresh instance that loads the saved weights gives other outputs."""
        models = []
        for _ in range(2):
            inputs = self.inputs()
            models.append(self.keras.Model(inputs, self.make()(inputs)))
            models[-1](self.x)
        # Counters and moving averages differ from their start, too.
        models[0](self.x)
        with tempfile.TemporaryDirectory() as folder:
            path = str(pathlib.Path(folder) / "model.weights.h5")
            models[0].save_weights(path)
            models[1].load_weights(path)
        return abs(models[0](self.x) - models[1](self.x)).numpy().max() > 1e-6

    def not_in_checkpoint(self):
        """A fresh instance that a `tf.train.Checkpoint` restores gives other outputs."""
        layers = [self.make(), self.make()]
        for layer in layers:
            self.call(layer)
        for weight in layers[0].weights:
            weight.assign(weight + 0.5)
        with tempfile.TemporaryDirectory() as folder:
            path = self.tf.train.Checkpoint(layer=layers[0]).save(str(pathlib.Path(folder) / "checkpoint"))
            self.tf.train.Checkpoint(layer=layers[1]).restore(path)
        saved, restored = (self.tf.nest.flatten(self.call(layer)) for layer in layers)
        return any(abs(a - b).numpy().max() > 1e-6 for a, b in zip(saved, restored, strict=True))

    def fit_raises(self):
        """One step of `fit` raises, though a call doesn't."""
        model = self.keras.Sequential([self.make()])
        model.compile("sgd", "mse")
        try:
            model.fit(self.x, self.call(self.make()), verbose=0)
        except Exception:
            return True
        return False

    def build_raises(self):
        """`build(shape)` raises, though a call doesn't."""
        try:
            self.make().build(self.shape())
        except Exception:
            return True
        return False

    def without_effect(self):
        """The layer has the same trainable weights as in the mended program."""
        mended = Trial(self.tf, self.keras, {**self.request, "code": self.request["fixed"]})
        return len(self.stepped()[0].trainable_weights) == len(mended.stepped()[0].trainable_weights)

    def ineffective(self):
        """Overwriting one of the trainable weights doesn't change the output."""
        layer, _, _ = self.stepped()
        before = self.tf.nest.flatten(self.call(layer))
        numbers = numpy.random.default_rng(11)
        for weight in layer.trainable_weights:
            kept = weight.numpy()
            weight.assign(numbers.normal(size=kept.shape).astype(kept.dtype))
            after = self.tf.nest.flatten(self.call(layer))
            weight.assign(kept)
            if all(numpy.allclose(a, b, atol=1e-5) for a, b in zip(before, after, strict=True)):
                return True
        return False

    def fewer_weights(self):
        """As the example's own expression says."""
        if self.request["evidence"] is None:
            return False
        layer, _, _ = self.stepped()
        return bool(eval(self.request["evidence"], {**self._present(), "layer": layer}))


def measure(tf, keras, request):
    """Which of the symptoms asked for show; "raises" with its message, wherever it comes from."""
    shown, notes = [], {}
    try:
        trial = Trial(tf, keras, request)
        trial.stepped()
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
        return {"shown": ["raises"], "notes": {"raises": message, "trace": traceback.format_exc()}}
    for symptom in request["symptoms"]:
        if symptom == "raises":
            continue
        try:
            if getattr(trial, symptom.replace("-", "_"))():
                shown.append(symptom)
        except Exception as error:
            notes[symptom] = f"{type(error).__name__}: {error}"
    return {"shown": shown, "notes": notes}


def in_a_fork(tf, keras, request):
    """`measure` in a process of its own, which may crash or hang."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as answer:
            json.dump(measure(tf, keras, request), answer)
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
    return json.loads(text) if text else {"shown": [], "notes": {"worker": "crashed or took too long"}}


def main():
    generation = int(sys.argv[1])
    # The programs may print; answers go where standard output was.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")
    legacy = generation == 2 and importlib.util.find_spec("tf_keras") is not None
    os.environ["TF_USE_LEGACY_KERAS"] = "1" if legacy else "0"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    warnings.simplefilter("ignore")
    if legacy:
        sys.meta_path.insert(0, _LegacyKeras())
    import keras
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")
    versions = {"tensorflow": tf.__version__, "keras": keras.__version__}
    if not keras.__version__.startswith("2." if generation == 2 else "3."):
        raise SystemExit(f"generation {generation} is not what is installed: {versions}")
    print(json.dumps(versions), file=answers)
    for line in sys.stdin:
        print(json.dumps(in_a_fork(tf, keras, json.loads(line))), file=answers)


if __name__ == "__main__":
    main()
