"""The measurements of one layer. Each stands alone: one that fails costs only itself, and what is known goes
out at once."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import shutil
import tempfile
import time
import warnings
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, Callable, Iterator

import numpy

from . import inputs as forms
from .engines import Engine, Step
from .inputs import Inputs
from .making import Failed, Making, Subject
from .places import Places, essence_of, message_of
from .tree import Tree, WeightNode
from .watching import Watch

_EFFECT_SECONDS = 1.5
_MOST_MEGABYTES = {"build": 600, "functional": 600, "effect": 300, "weights-file": 300, "model-file": 300}
_ABOUT_WEIGHTS = re.compile(r"expected \d+ variables|variables|weights|objects? could not be loaded")


class NotMeasured(Exception):
    """A measurement that would say nothing; the text says why."""


class _Again(Exception):
    """The layer turned out to count its calls; what was measured must be measured with that in mind."""


class Measuring:
    """Measures the layer that `subject` makes and reports each part through `send`."""

    def __init__(
        self,
        engine: Engine,
        watch: Watch,
        places: Places,
        making: Making,
        subject: Subject,
        inputs: Inputs,
        report: Callable[..., None],
        stage: Callable[[str, str], None],
        custom_objects: dict[str, Any],
        guessed: bool = False,
    ) -> None:
        """`guessed`: nobody says that the layer is made, or called, like this."""
        self.engine, self.watch, self.places = engine, watch, places
        self.making, self.subject, self.inputs = making, subject, inputs
        self._report, self._stage = report, stage
        self._custom_objects = custom_objects
        self._guessed = guessed
        self.args, self.kwargs = making.arguments(inputs)
        self.counts: dict[str, dict[str, int]] = {}
        self.raised: list[dict[str, Any]] = []
        self.not_measured: dict[str, str] = {}
        self.restored: dict[str, bool | None] = {}
        self.warnings: list[str] = []
        self._in_init: set[int] = set()
        self._in_build: set[str] | None = None
        self._used: set[int] | None = None
        self._first_used: list[Any] = []
        self._gradients: dict[int, bool | None] = {}
        self._kept: set[int] = set()
        self._effects: dict[int, bool | None] = {}
        self._saved: dict[str, bool] = {}
        self._graph: tuple[Any, Any] | None = None
        self._random: bool | None = None
        self._stateful = False

    def run(self) -> None:
        """All of it. Raises `Failed` if the layer can't be made or called."""
        if self.engine.only_trains(self.subject.peek()):
            self._only_made()
            return
        self._first_call()
        with open(os.devnull, "w") as silent, redirect_stdout(silent), redirect_stderr(silent):
            self._measure()

    def _measure(self) -> None:
        """What the user's code prints from here on is printed for our sake, and not shown."""
        for stage, text, measure in (
            ("gradients", "a second step, for its gradients", self._second_step),
            ("build", "build(shape) on a fresh instance", self._build),
            ("functional", "a functional model around a fresh instance", self._functional),
            ("effect", "overwriting each weight", self._effect),
            ("weights-file", "saving and loading its weights", self._weights_file),
            ("model-file", "saving and loading a model with it", self._model_file),
        ):
            self._stage(stage, text)
            try:
                if stage != "effect":
                    self._afford(stage)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    try:
                        measure()
                    except _Again:
                        measure()
            except NotMeasured as reason:
                self.not_measured[stage] = str(reason)
            except Failed as failure:
                self._note(stage, failure.error)
            except MemoryError:
                raise
            except (Exception, SystemExit) as error:
                self._note(stage, error)
            finally:
                self.engine.forget_calls()
            self._send()

    def _afford(self, stage: str) -> None:
        """Raises `NotMeasured` where copies of so many weights would take too long or too much memory."""
        megabytes = self._bytes // 2**20
        if megabytes > _MOST_MEGABYTES.get(stage, megabytes):
            raise NotMeasured(f"its weights take {megabytes} MB")

    def _note(self, stage: str, error: BaseException) -> None:
        if stage != "gradients" or not self._guessed:
            self.raised.append(self.places.raised(stage, error))
        self.not_measured[stage] = essence_of(error)

    def _send(self) -> None:
        self._report(
            tree=self.tree.to_json(self._weight, self.watch),
            loose=self._loose(),
            counts=self.counts,
            raised=self.raised,
            not_measured=self.not_measured,
            restored=self.restored,
            warnings=self.warnings,
        )

    # The instance that is called.

    def _first_call(self) -> None:
        name = self.making.cls.__name__
        self._stage("construct", f"making {name}({self.subject.init})")
        self.watch.phase = "construct"
        with self._hearing():
            self.layer = layer = self.subject.take()
            if self.subject.built_by_owner:
                self.not_measured["init"] = "what makes the layer also builds it"
            else:
                self._count("init", layer)
                self._in_init = self._keys(layer)
            self._stage("call", f"calling {name} on {forms.text(self.inputs)}")
            self.watch.phase = "call"
            try:
                step = self._step(layer, None, [])
            except Failed as failure:
                step = self._step_on_their_own(failure)
        self._used = None if step.used is None else {self.engine.key(one) for one in step.used}
        self._first_used = list(step.used or [])
        self._count("call", layer)
        self._look()
        try:
            _ = layer.weights
        except Exception as error:
            self.not_measured["weights"] = essence_of(error)
        self._report(init=self.subject.init, inputs=forms.text(self.inputs))
        self._send()

    def _only_made(self) -> None:
        """A model that nothing can call: what its constructor makes is all that there is to see."""
        name = self.making.cls.__name__
        self._stage("construct", f"making {name}({self.subject.init})")
        self.layer = self.subject.take()
        self._count("init", self.layer)
        self._in_init = self._keys(self.layer)
        self._look()
        self.not_measured["call"] = f"{name} has no call(): its train_step() says how it is used"
        self._report(init=self.subject.init, inputs="")
        self._send()

    def _look(self) -> None:
        """The tree, and what Keras knows of it."""
        layer = self.layer
        self.tree = Tree(self.engine, layer, self.places.is_users)
        self._bytes = sum(4 * _parameters(node.variable.shape) for node in self.tree.weights.values())
        self._trained = {self.engine.key(one) for one in self._list(layer, "trainable_weights")}
        self._tracked = self._keys(layer)

    def _step_on_their_own(self, failure: Failed) -> Step:
        """The layer may refuse random numbers, but take what the user's code gave it."""
        own = [spec for spec in forms.leaves(self.inputs) if spec.get("value") is not None]
        if not own or failure.stage != "call":
            raise failure
        self.args, self.kwargs = self.making.arguments(self.inputs, own=True)
        try:
            self.layer = self.subject.make()
            return self._step(self.layer, None, [])
        except Failed:
            raise failure from None

    def _step(self, layer: Any, training: bool | None, weights: list[Any]) -> Step:
        with self.engine.mode(layer, self.kwargs, training) as kwargs:

            def call() -> Any:
                try:
                    return layer(*self.args, **kwargs)
                except (Exception, SystemExit) as error:
                    raise Failed("call", error) from error

            return self.engine.step(layer, call, weights)

    def _outputs(self, layer: Any) -> list[Any]:
        """What the layer gives in inference, as arrays. Its counters are afterwards as before."""
        state = self._state(layer) if self._stateful else []
        named = {name: value for name, value in self.kwargs.items() if name != "training"}
        with self.engine.mode(layer, named, False) as kwargs:
            found = self.engine.numbers(layer(*self.args, **kwargs))
        for variable, value in state:
            self.engine.assign(variable, value)
        return found

    def _state(self, layer: Any) -> list[tuple[Any, Any]]:
        """Every variable of a layer, with its value."""
        tree = self.tree if layer is self.layer else Tree(self.engine, layer, self.places.is_users)
        live = [node.variable for node in tree.weights.values() if _has_value(node.variable)]
        return [(variable, numpy.array(self.engine.array(variable))) for variable in live]

    def _count(self, moment: str, layer: Any) -> None:
        weights = self._list(layer, "weights")
        self.counts[moment] = {
            "weights": len(weights),
            "trainable": len(self._list(layer, "trainable_weights")),
            "parameters": sum(_parameters(weight.shape) for weight in weights),
        }

    def _list(self, layer: Any, name: str) -> list[Any]:
        """Its `weights` or `trainable_weights`. Keras 2 refuses to list them while a model among the
        sublayers isn't built: then those of the others. A layer whose constructor never ran has none."""
        try:
            return list(getattr(layer, name))
        except Exception:
            with contextlib.suppress(Exception):
                return self._one_by_one(layer, name)
            return []

    def _one_by_one(self, layer: Any, name: str) -> list[Any]:
        engine = self.engine
        own, inner = engine.own_variables(layer), engine.direct_layers(layer)
        if name == "trainable_weights":
            if not layer.trainable:
                return []
            own = [variable for variable in own if engine.is_trainable(variable)]
        found = [*own, *(variable for each in inner for variable in self._list(each, name))]
        return list({engine.key(variable): variable for variable in found}.values())

    def _keys(self, layer: Any) -> set[int]:
        return {self.engine.key(weight) for weight in self._list(layer, "weights")}

    # The second step.

    def _second_step(self) -> None:
        engine, watch = self.engine, self.watch
        watch.phase = "again"
        weights = [node.variable for node in self.tree.weights.values()]
        # Non-trainable weights, too: whether they matter to the output is then known at no cost.
        floats = [weight for weight in weights if engine.dtype(weight).startswith(("float", "bfloat"))]
        floats = [weight for weight in floats if engine.key(weight) in self._live()]
        before = self._keys(self.layer)
        try:
            step = self._step(self.layer, True, floats)
        except Failed as failure:
            if "training" in self.kwargs:
                raise
            if self._guessed:
                # With other inputs it may well train.
                self.not_measured["again"] = f"with training=True: {essence_of(failure.error)}"
            else:
                self.raised.append(self.places.raised("gradients", failure.error))
            engine.forget_calls()
            step = self._step(self.layer, None, floats)
        self._gradients = dict(step.gradients)
        if step.floats and any(self._gradients.get(engine.key(one)) is None for one in floats):
            # In training the layer may take another way than in inference; a weight may serve either.
            for key, gradient in self._step(self.layer, None, floats).gradients.items():
                if self._gradients.get(key) is None:
                    self._gradients[key] = gradient
        # Keras 2 lets go of weights that the call replaces.
        self._kept = {engine.key(one) for one in self._list(self.layer, "trainable_weights")}
        if step.used is not None and self._used is not None:
            self._used |= {engine.key(one) for one in step.used}
        if not step.floats:
            self.not_measured["gradients"] = "the call returns no tensor of floating-point numbers"
        elif self._has_own_training():
            self.not_measured["gradients"] = (
                f"{type(self.layer).__name__} has a train_step() of its own; only its call() was run"
            )
        self._new_every_call(before)

    def _has_own_training(self) -> bool:
        if not self.engine.is_model(self.layer):
            return False
        return any(
            name in vars(cls)
            for cls in type(self.layer).__mro__
            if self.places.is_users(_file_of(cls))
            for name in ("train_step", "compute_loss", "compute_gradients")
        )

    def _live(self) -> set[int]:
        """Variables that have a value: Keras 3 makes some of them late."""
        return {
            self.engine.key(node.variable) for node in self.tree.weights.values() if _has_value(node.variable)
        }

    def _new_every_call(self, before: set[int]) -> None:
        """What a further call creates again, and again."""
        engine = self.engine
        if not any(made.phase == "again" for made in self.watch.created):
            self._report(new_every_call=[])
            return
        with contextlib.suppress(Failed):
            self.watch.phase = "third call"
            self._step(self.layer, None, [])
        again = self._created_in("third call")
        fresh = {engine.key(made.variable): made.variable for made in again}
        node_of = Tree(engine, self.layer, self.places.is_users).weights
        self._report(
            new_every_call=[
                self._weight(node_of.get(key) or self._unheld(variable)) for key, variable in fresh.items()
            ]
        )

    def _created_in(self, phase: str) -> list[Any]:
        """Keras 3's variables, and those of TensorFlow that aren't inside one of them."""
        engine = self.engine
        made = [one for one in self.watch.created if one.phase == phase]
        keras = [one for one in made if engine.is_keras_variable(one.variable)]
        inside = {engine.key(one.variable) for one in keras}
        return keras + [
            one
            for one in made
            if not engine.is_keras_variable(one.variable) and engine.key(one.variable) not in inside
        ]

    # Fresh instances.

    def _fresh(self) -> Any:
        self.watch.phase = "fresh"
        return self.subject.make()

    def _must_be_new(self, layer: Any) -> None:
        """An instance that begins with weights that the first one had to make says nothing about itself."""
        if "init" in self.counts and len(self._list(layer, "weights")) > self.counts["init"]["weights"]:
            raise NotMeasured("its instances share layers")

    def _build(self) -> None:
        if self.subject.built_by_owner:
            raise NotMeasured("what makes the layer also builds it")
        layer = self._fresh()
        self._must_be_new(layer)
        self.watch.phase = "build"
        shapes = self._build_shapes(layer)
        try:
            layer.build(*shapes[0], **shapes[1])
        except (Exception, SystemExit) as error:
            raise Failed("build", error) from error
        self._count("build", layer)
        self._in_build = set(Tree(self.engine, layer, self.places.is_users).by_path)

    def _build_shapes(self, layer: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The shapes that `build` wants, as Keras would give them."""

        def shape(spec: Any) -> Any:
            if spec["is"] != "TensorSpec":
                return None
            size = forms.size(spec)
            return (None, *size[1:]) if size else size

        args, kwargs = forms.apply(self.inputs, shape)
        by_name = dict(kwargs)
        with contextlib.suppress(TypeError, ValueError):
            bound = inspect.signature(layer.call).bind(*args, **kwargs)
            by_name = dict(bound.arguments)
        wanted = []
        with contextlib.suppress(TypeError, ValueError):
            wanted = [
                one
                for one in inspect.signature(layer.build).parameters.values()
                if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
            ]
        if len(wanted) > 1:
            named = {
                one.name: by_name[one.name[: -len("_shape")]]
                for one in wanted
                if one.name.endswith("_shape") and by_name.get(one.name[: -len("_shape")]) is not None
            }
            if named:
                return (), named
        first = args[0] if args else next(iter(by_name.values()), None)
        if first is None:
            raise NotMeasured("the call takes no tensor")
        return (first,), {}

    def _symbols(self) -> tuple[list[Any], tuple[Any, ...], dict[str, Any]]:
        """Keras inputs like the call's."""
        symbols: list[Any] = []

        def symbol(spec: Any) -> Any:
            if spec["is"] != "TensorSpec":
                return spec["value"]
            if not spec["shape"]:
                raise NotMeasured("the call takes a tensor without a batch dimension")
            shape = [None if one is None else int(one) for one in spec["shape"][1:]]
            symbols.append(self.engine.keras.Input(tuple(shape), dtype=spec["dtype"]))
            return symbols[-1]

        args, kwargs = forms.apply(self.inputs, symbol)
        if not symbols:
            raise NotMeasured("the call takes no tensor")
        return symbols, args, {**kwargs, **self.making.named}

    def _functional(self) -> None:
        layer = self._fresh()
        self._must_be_new(layer)
        symbols, args, kwargs = self._symbols()
        self.watch.phase = "functional"
        with self._hearing():
            try:
                outputs = layer(*args, **kwargs)
                model = self.engine.keras.Model(symbols, outputs)
            except (Exception, SystemExit) as error:
                raise Failed("functional", error) from error
        self._count("functional", model)
        self._graph = model, layer

    # What each weight does.

    def _reproducible(self) -> None:
        """Raises `NotMeasured` if a second call gives other outputs than the first."""
        if self._random is None:
            first, second = self._outputs(self.layer), self._outputs(self.layer)
            if not _same(first, second):
                self._stateful = True
                first, second = self._outputs(self.layer), self._outputs(self.layer)
            if not first:
                raise NotMeasured("the call returns no tensor")
            self._random = not _same(first, second)
        if self._random:
            raise NotMeasured("two calls on the same inputs give different outputs")

    def _effect(self) -> None:
        engine = self.engine
        live = self._live()
        floats = [
            node.variable
            for key, node in self.tree.weights.items()
            if key in live and engine.dtype(node.variable).startswith(("float", "bfloat"))
        ]
        open_ones = []
        for variable in floats:
            key = engine.key(variable)
            if self._gradients.get(key):
                self._effects[key] = True
            else:
                open_ones.append(variable)
        if not open_ones:
            return
        self._afford("effect")
        # A scale that begins at zero hides what it scales: all weights have other values meanwhile.
        with self._changed(self.tree):
            for training in (False, True):
                step = self._step(self.layer, training, open_ones)
                for variable in list(open_ones):
                    if step.gradients.get(engine.key(variable)):
                        self._effects[engine.key(variable)] = True
                        open_ones.remove(variable)
                if not open_ones:
                    return
            before = {training: self._steady(training) for training in (False, True)}
            if before[False] is None and before[True] is None:
                raise NotMeasured("two calls on the same inputs give different outputs")
            deadline = time.monotonic() + _EFFECT_SECONDS
            for variable in open_ones:
                if time.monotonic() > deadline:
                    self.not_measured["effect"] = "there are too many weights without a gradient to try each"
                    break
                self._effects[engine.key(variable)] = self._changes(variable, before)

    def _steady(self, training: bool) -> list[Any] | None:
        """The outputs from one state of random numbers and counters; None if they differ even so."""
        first, second = (self._from_one_state(training) for _ in range(2))
        return first if first and _same(first, second) else None

    def _from_one_state(self, training: bool) -> list[Any]:
        engine = self.engine
        state = self._state(self.layer)
        state += [(one, numpy.array(engine.array(one))) for one in engine.seeds(self.layer)]
        named = {name: value for name, value in self.kwargs.items() if name != "training"}
        try:
            with engine.same_numbers(), engine.mode(self.layer, named, training) as kwargs:
                outputs = self.layer(*self.args, **kwargs)
            return engine.numbers([outputs, engine.losses(self.layer)])
        finally:
            for variable, value in state:
                engine.assign(variable, value)

    def _changes(self, variable: Any, before: dict[bool, list[Any] | None]) -> bool | None:
        """Whether the outputs change when the weight does, in inference or in training; None if one of the
        two can't be told."""
        engine = self.engine
        value = numpy.array(engine.array(variable))
        random = numpy.random.default_rng(11)
        known = {training: outputs for training, outputs in before.items() if outputs is not None}
        try:
            for factor in (1.0, -1.0, 30.0):
                noise = (factor * (0.5 + random.random(value.shape))).astype(value.dtype)
                engine.assign(variable, value + noise)
                if any(not _same(known[training], self._from_one_state(training)) for training in known):
                    return True
        finally:
            engine.assign(variable, value)
        return False if len(known) == 2 else None

    # Files.

    def _weights_file(self) -> None:
        layer, engine = self.layer, self.engine
        with self._folder() as folder:
            path = os.path.join(folder, "layer.weights.h5")
            with self._changed(self.tree) as values:
                expected = self._outputs(layer)
                self._save_weights(layer, path)
            fresh = self._built()
            try:
                self._load_weights(fresh, path)
            except Exception as error:
                self.restored["weights-file"] = False
                raise Failed("weights-file", error) from error
            found = Tree(engine, fresh, self.places.is_users)
            for name, value in values.items():
                node = found.by_path.get(name)
                if node is not None and _has_value(node.variable):
                    self._saved[name] = _close(value, engine.array(node.variable))

            def as_it_is() -> bool:
                self._save_weights(layer, path)
                self._load_weights(fresh, path)
                return _all_close(self._outputs(layer), self._outputs(fresh))

            self._compare("weights-file", expected, self._outputs(fresh), values, as_it_is)

    def _compare(
        self,
        stage: str,
        expected: list[Any],
        found: list[Any],
        values: dict[str, Any],
        as_it_is: Callable[[], bool],
    ) -> None:
        """Whether the outputs came back. Where they didn't: only if they would be the same without a file."""
        if not expected:
            raise NotMeasured("the call returns no tensor")
        self.restored[stage] = None
        same = _all_close(expected, found)
        if not same:
            was_stateful = self._stateful
            self._reproducible()
            if self._stateful and not was_stateful:
                raise _Again
            # A layer may keep what it makes of its weights, as Normalization does: then overwriting a weight
            # was no fair test, and only values that the layer came to by itself can tell.
            if all(self._saved.get(path) for path in values):
                same = as_it_is()
        self.restored[stage] = same

    def _built(self) -> Any:
        """A fresh instance with all its weights."""
        if self._graph is not None and self.counts["functional"] == self.counts["call"]:
            return self._graph[1]
        fresh = self._fresh()
        self._outputs(fresh)
        return fresh

    def _save_weights(self, layer: Any, path: str) -> None:
        if self.engine.is_model(layer):
            layer.save_weights(path)
        else:
            self.engine.saving_library().save_weights_only(layer, path)

    def _load_weights(self, layer: Any, path: str) -> None:
        if self.engine.is_model(layer):
            layer.load_weights(path)
        else:
            self.engine.saving_library().load_weights_only(layer, path)

    def _model_file(self) -> None:
        engine = self.engine
        if engine.is_model(self.layer):
            model, layer = self.layer, self.layer
        elif self._graph is not None:
            model, layer = self._graph
            if self.counts["functional"] != self.counts["call"]:
                self._outputs(layer)
        else:
            raise NotMeasured("no functional model could be made of it")
        try:
            config = layer.get_config()
            if not _takes(type(layer), config):
                type(layer).from_config(config)
        except Exception as error:
            if isinstance(error, NotImplementedError):
                raise NotMeasured(
                    f"{type(layer).__name__} has no get_config() that gives its constructor's arguments"
                ) from error
            why = essence_of(error)
            raise NotMeasured(
                f"{type(layer).__name__} can't be made from its own get_config(): {why}"
            ) from error
        tree = self.tree if layer is self.layer else Tree(engine, layer, self.places.is_users)
        with self._folder() as folder:
            path = os.path.join(folder, "model.keras")
            self.watch.phase = "fresh"

            def load() -> Any:
                loaded = engine.keras.models.load_model(
                    path, custom_objects=self._custom_objects, compile=False, **engine.loading_options()
                )
                if model is layer:
                    return loaded
                kind = type(layer).__name__
                return next(one for one in loaded.layers if type(one).__name__ == kind)

            def as_it_is() -> bool:
                model.save(path)
                return _all_close(self._outputs(layer), self._outputs(load()))

            with self._changed(tree) as values:
                expected = self._outputs(layer)
                model.save(path)
            try:
                loaded = load()
            except Exception as error:
                if _ABOUT_WEIGHTS.search(message_of(error)) is None:
                    raise NotMeasured(f"the saved model can't be loaded: {essence_of(error)}") from error
                self.restored["model-file"] = False
                raise Failed("model-file", error) from error
            self._compare("model-file", expected, self._outputs(loaded), values, as_it_is)

    @contextlib.contextmanager
    def _changed(self, tree: Tree) -> Iterator[dict[str, Any]]:
        """Gives every weight a value that no fresh instance has by chance; by path. Afterwards all is as
        before, so that what two instances share doesn't pass for restored."""
        engine = self.engine
        values: dict[str, Any] = {}
        originals: list[tuple[Any, Any]] = []
        try:
            for index, node in enumerate(list(tree.weights.values())):
                variable = node.variable
                if not _has_value(variable):
                    continue
                if not engine.dtype(variable).startswith(("float", "bfloat")):
                    continue
                value = numpy.array(engine.array(variable))
                originals.append((variable, value))
                change = 0.1 + 0.01 * (index % 50)
                values[node.path] = (value * value.dtype.type(1.25)) + value.dtype.type(change)
                engine.assign(variable, values[node.path])
            yield values
        finally:
            for variable, value in originals:
                engine.assign(variable, value)

    @contextlib.contextmanager
    def _folder(self) -> Iterator[str]:
        folder = tempfile.mkdtemp(prefix="kerascope-")
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def _hearing(self) -> Iterator[None]:
        """Keeps what Keras warns of."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            try:
                yield
            finally:
                for warning in caught:
                    # Fresh instances have other names.
                    text = re.sub(r"'(\w+?)_\d+'", r"'\1'", str(warning.message))
                    if issubclass(warning.category, UserWarning) and text not in self.warnings:
                        self.warnings.append(text)

    # The report's form.

    def _weight(self, node: WeightNode) -> dict[str, Any]:
        engine, variable = self.engine, node.variable
        key = engine.key(variable)
        trained = key in self._trained
        # In Keras 2, a variable of a layer that is frozen doesn't know.
        frozen = engine.is_layer(node.holder) and not getattr(node.holder, "trainable", True)
        trainable = engine.is_trainable(variable) and not frozen
        path = node.path
        after = "init" if key in self._in_init else "call"
        if after == "call" and self._in_build is not None and path in self._in_build:
            after = "build"
        gradient = None
        if "gradients" not in self.not_measured and key in self._gradients and key in self._kept:
            gradient = self._gradients[key] is not None
        return {
            "path": path,
            "name": engine.name(variable),
            "owner": node.owner,
            "shape": [None if size is None else int(size) for size in variable.shape],
            "dtype": engine.dtype(variable),
            "parameters": _parameters(variable.shape),
            "trainable": trainable,
            "tracked": key in self._tracked,
            "trained": trained,
            "exists_after": after,
            "raw": engine.generation == 3 and not engine.is_keras_variable(variable),
            "watched": None if self._used is None or not trainable else key in self._used,
            "gradient": gradient,
            "effect": self._effects.get(key),
            "saved": self._saved.get(path) if path else None,
            "created": self.watch.line_of_variable(variable),
            "held": self.watch.line_of_layer(node.holder),
        }

    def _loose(self) -> list[dict[str, Any]]:
        """Variables that the first call used and that nothing leads to."""
        engine = self.engine
        known = {engine.key(made.variable): made.variable for made in self.watch.created}
        for made in self.watch.created:
            if engine.is_keras_variable(made.variable):
                known[engine.key(made.variable)] = made.variable
        found = {}
        for variable in self._first_used:
            key = engine.key(variable)
            if key not in self.tree.weights:
                found[key] = known.get(key, variable)
        return [self._weight(self._unheld(variable)) for variable in found.values()]

    def _unheld(self, variable: Any) -> WeightNode:
        """A variable that nothing leads to: its owner is the layer whose call made it."""
        raw = getattr(variable, "_value", None)
        maker = self.watch.maker_of(variable) or self.watch.maker_of(raw)
        return WeightNode(variable, "", "" if maker is None else type(maker).__name__, maker)


def _parameters(shape: Any) -> int:
    return int(numpy.prod([int(size) for size in shape if size is not None], dtype="int64"))


def _has_value(variable: Any) -> bool:
    """Keras 3 makes some variables late."""
    return getattr(variable, "_value", variable) is not None


def _takes(cls: type, config: dict[str, Any]) -> bool:
    """Whether the constructor has all these arguments: the cheap part of making a layer from its config."""
    try:
        inspect.signature(cls).bind(**config)
    except (TypeError, ValueError):
        return False
    return True


def _same(one: list[Any], other: list[Any]) -> bool:
    """Bit for bit."""
    return len(one) == len(other) and all(
        left.shape == right.shape and left.tobytes() == right.tobytes() for left, right in zip(one, other)
    )


def _close(one: Any, other: Any) -> bool:
    if one.shape != other.shape:
        return False
    if numpy.array_equal(one, other):
        return True
    if one.dtype.kind not in "fcV" and one.dtype.name != "bfloat16":
        return False
    kind = "complex128" if one.dtype.kind == "c" else "float64"
    return bool(numpy.allclose(one.astype(kind), other.astype(kind), rtol=1e-4, atol=1e-5, equal_nan=True))


def _all_close(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(_close(left, right) for left, right in zip(one, other))


def _file_of(cls: type) -> str:
    for value in vars(cls).values():
        code = getattr(value, "__code__", None)
        if code is not None:
            return str(code.co_filename)
    return ""
