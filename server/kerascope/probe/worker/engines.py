"""What differs between Keras' generations and backends: variables, tensors, gradients. The rest of the worker
asks here and knows neither TensorFlow nor any other."""

from __future__ import annotations

import contextlib
import inspect
import random
import sys
from typing import Any, Callable, Iterable, Iterator, Sequence

import numpy

_ROOTS = ("keras", "tf_keras")


class Step:
    """One call: its outputs, the variables that it used (None: unknown), whether each weight got a gradient.

    `gradients` has for the key of each variable asked for: None (no gradient), False (all zero) or True.
    """

    def __init__(
        self, outputs: Any, used: list[Any] | None, gradients: dict[int, bool | None], floats: bool
    ) -> None:
        self.outputs, self.used, self.gradients, self.floats = outputs, used, gradients, floats


class Engine:
    """One generation of Keras on one backend. This class has what all share; raw variables are none."""

    def __init__(self, keras: Any) -> None:
        self.keras = keras
        self.version = str(keras.__version__)
        self.generation = 2 if self.version.startswith("2.") else 3
        self.layer_class = keras.layers.Layer
        self.model_class = keras.Model
        self.backend = "tensorflow" if self.generation == 2 else str(keras.backend.backend())

    # Classes.

    def variable_classes(self) -> tuple[Any, ...]:
        """Whose constructor makes a variable: Keras' own, and the backend's."""
        if self.generation == 2:
            return ()
        for cls in self.keras.Variable.__mro__:
            if cls.__module__.endswith("backend.common.variables") and "__init__" in cls.__dict__:
                return (cls,)
        return ()

    def is_layer(self, value: Any) -> bool:
        return isinstance(value, self.layer_class) or is_any_layer(type(value))

    def is_metric(self, value: Any) -> bool:
        return isinstance(value, self.keras.metrics.Metric)

    def is_model(self, value: Any) -> bool:
        return isinstance(value, self.model_class)

    def is_graph(self, value: Any) -> bool:
        """A functional or Sequential model: its layers are in a list, not on attributes."""
        names = {cls.__name__ for cls in type(value).__mro__}
        return self.is_model(value) and bool(names & {"Functional", "Sequential"})

    def only_trains(self, layer: Any) -> bool:
        """Whether it is a model with a `train_step` of its own and no `call`: an autoencoder, a GAN."""
        if not self.is_model(layer) or self.is_graph(layer):
            return False
        names = ("call", "train_step")
        owners = [next((cls for cls in type(layer).__mro__ if name in vars(cls)), None) for name in names]
        roots = ["" if owner is None else owner.__module__.split(".")[0] for owner in owners]
        return roots[0] in _ROOTS and roots[1] not in _ROOTS

    def direct_layers(self, layer: Any) -> list[Any]:
        """The sublayers that Keras knows of at this layer, without theirs."""
        if self.generation == 3:
            found = list(getattr(layer, "_layers", None) or [])
        else:
            found = list(layer._flatten_layers(recursive=False, include_self=False))
        return [
            inner
            for inner in found
            if inner is not layer and not self.is_metric(inner) and type(inner).__name__ != "InputLayer"
        ]

    def own_variables(self, layer: Any) -> list[Any]:
        """The weights that Keras counts to this very layer."""
        if self.generation == 3:
            names = ("_trainable_variables", "_non_trainable_variables")
        else:
            names = ("_trainable_weights", "_non_trainable_weights")
        return [variable for name in names for variable in getattr(layer, name, None) or []]

    def built_shape(self, layer: Any) -> tuple[int | None, ...] | None:
        """The shape of its (first) input, if the layer is built."""
        shapes = getattr(layer, "_build_shapes_dict", None) or {}
        found = next(iter(shapes.values()), None) or getattr(layer, "_build_input_shape", None)
        try:
            sizes = tuple(None if size is None else int(size) for size in found or ())
        except (TypeError, ValueError):
            return None
        return sizes or None

    def attributes(self, layer: Any) -> dict[str, Any]:
        """What the layer keeps, by name."""
        return dict(vars(layer))

    def is_keras_variable(self, value: Any) -> bool:
        return self.generation == 3 and isinstance(value, self.keras.Variable)

    def is_raw_variable(self, value: Any) -> bool:
        """A variable of the backend itself."""
        return False

    def is_tensor(self, value: Any) -> bool:
        return bool(self.keras.ops.is_tensor(value))

    def is_trainable(self, variable: Any) -> bool:
        """The variable's own flag."""
        return bool(getattr(variable, "trainable", True))

    def key(self, variable: Any) -> int:
        """Tells variables apart, whichever wrapper they come in."""
        return id(variable)

    def name(self, variable: Any) -> str:
        return str(getattr(variable, "name", "")).split("/")[-1].split(":")[0]

    def dtype(self, variable: Any) -> str:
        dtype = variable.dtype
        return str(getattr(dtype, "name", dtype)).replace("torch.", "")

    # Values.

    def tensor(self, array: Any, dtype: str) -> Any:
        return self.keras.ops.convert_to_tensor(array, dtype=dtype)

    def describe(self, value: Any) -> tuple[list[int | None], str, bool] | None:
        """Shape, dtype, and whether it has values; None if it is no tensor."""
        if isinstance(value, numpy.ndarray):
            return list(value.shape), _array_dtype(value), value.dtype != object
        if self.generation == 3 and isinstance(value, self.keras.KerasTensor):
            return list(value.shape), str(value.dtype), False
        if self.generation == 3 and self.is_tensor(value):
            shape = [None if size is None else int(size) for size in value.shape]
            return shape, str(self.keras.backend.standardize_dtype(value.dtype)), self.has_value(value)
        return None

    def has_value(self, tensor: Any) -> bool:
        return True

    def numbers(self, structure: Any) -> list[Any]:
        """All tensors of a structure as arrays."""
        return [self.array(leaf) for leaf in self.flatten(structure) if self.is_tensor(leaf)]

    def flatten(self, structure: Any) -> list[Any]:
        return list(self.keras.tree.flatten(structure))

    def array(self, value: Any) -> Any:
        return numpy.asarray(self.keras.ops.convert_to_numpy(value))

    def assign(self, variable: Any, value: Any) -> None:
        variable.assign(value)

    @contextlib.contextmanager
    def same_numbers(self) -> Iterator[None]:
        """The random numbers in here are always the same, and those afterwards as if it hadn't been."""
        state, array_state = random.getstate(), numpy.random.get_state()
        random.seed(7)
        numpy.random.seed(7)
        try:
            yield
        finally:
            random.setstate(state)
            numpy.random.set_state(array_state)

    def seeds(self, layer: Any) -> list[Any]:
        """The variables by which Keras 3's layers count their random numbers."""
        if self.generation == 2:
            return []
        with contextlib.suppress(Exception):
            weights = {id(weight) for weight in layer.weights}
            return [variable for variable in layer.variables if id(variable) not in weights]
        return []

    # Calls.

    @contextlib.contextmanager
    def mode(self, layer: Any, kwargs: dict[str, Any], training: bool | None) -> Iterator[dict[str, Any]]:
        """The call's named arguments for training or inference, unless they say it themselves."""
        if training is None or "training" in kwargs or not self._takes_training(layer):
            yield kwargs
        else:
            yield {**kwargs, "training": training}

    def _takes_training(self, layer: Any) -> bool:
        # Keras 3 drops the argument where `call` lacks it, and hands it to the sublayers.
        if self.generation == 3:
            return _takes(type(layer).__call__, "training")
        return bool(getattr(layer, "_expects_training_arg", False))

    def step(self, layer: Any, call: Callable[[], Any], weights: Sequence[Any]) -> Step:
        """Calls the layer; gradients of `weights` by a fixed random weighting of its outputs and losses.
        `used` has trainable variables only."""
        return Step(call(), None, {}, False)

    def saving_library(self) -> Any:
        """Keras' module that writes and reads weights of any layer."""
        import importlib

        root = self.layer_class.__module__.split(".")[0]
        return importlib.import_module(f"{root}.src.saving.saving_lib")

    def loading_options(self) -> dict[str, Any]:
        return {"safe_mode": False}

    def forget_calls(self) -> None:
        """After a call was left by force: the next isn't inside of it."""
        state = _source_of(self.keras, "backend.common.global_state")
        if state is not None:
            state.set_global_attribute("current_call_ctx", None)

    def losses(self, layer: Any) -> list[Any]:
        """What `add_loss` and regularizers left."""
        with contextlib.suppress(Exception):
            return [loss() if callable(loss) else loss for loss in layer.losses]
        return []


class TensorFlow(Engine):
    """TensorFlow under either generation of Keras."""

    def __init__(self, keras: Any) -> None:
        super().__init__(keras)
        import tensorflow
        from tensorflow.python.ops.resource_variable_ops import BaseResourceVariable, ResourceVariable

        self.tf: Any = tensorflow
        self._raw_class: Any = BaseResourceVariable
        self._made_class: Any = ResourceVariable

    def variable_classes(self) -> tuple[Any, ...]:
        return (*super().variable_classes(), self._made_class)

    def raw(self, variable: Any) -> Any:
        """TensorFlow's variable; None while Keras 3 hasn't made it."""
        if isinstance(variable, self._raw_class):
            return variable
        for attribute in ("_value", "_variable"):
            inner = getattr(variable, attribute, None)
            if isinstance(inner, self._raw_class):
                return inner
        return None

    def key(self, variable: Any) -> int:
        raw = self.raw(variable)
        return id(variable if raw is None else raw)

    def is_raw_variable(self, value: Any) -> bool:
        return isinstance(value, (self._raw_class, self.tf.Variable)) and not self.is_keras_variable(value)

    def is_tensor(self, value: Any) -> bool:
        return bool(self.tf.is_tensor(value))

    def tensor(self, array: Any, dtype: str) -> Any:
        return self.tf.constant(array, dtype=dtype)

    def describe(self, value: Any) -> tuple[list[int | None], str, bool] | None:
        if isinstance(value, (numpy.ndarray, numpy.generic)):
            return super().describe(numpy.asarray(value))
        if isinstance(value, (self.tf.RaggedTensor, self.tf.SparseTensor)):
            return None
        found = super().describe(value)
        if found is not None:
            return found
        shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
        is_symbol = type(value).__name__ == "KerasTensor"
        if not (is_symbol or self.tf.is_tensor(value)) or shape is None or shape.rank is None:
            return None
        return list(shape), self.tf.as_dtype(dtype).name, not is_symbol and self.has_value(value)

    def has_value(self, tensor: Any) -> bool:
        return hasattr(tensor, "numpy")

    @contextlib.contextmanager
    def same_numbers(self) -> Iterator[None]:
        from tensorflow.python.eager import context

        present = context.context()
        names = ("_seed", "_rng")
        before = {name: getattr(present, name) for name in names if hasattr(present, name)}
        self.tf.random.set_seed(7)
        try:
            with super().same_numbers():
                yield
        finally:
            for name, value in before.items():
                setattr(present, name, value)

    def flatten(self, structure: Any) -> list[Any]:
        if isinstance(structure, (list, tuple, dict)):
            return list(self.tf.nest.flatten(structure, expand_composites=True))
        return [structure] if structure is not None else []

    def array(self, value: Any) -> Any:
        if isinstance(value, self.tf.RaggedTensor):
            return numpy.asarray(value.flat_values)
        if isinstance(value, self.tf.SparseTensor):
            return numpy.asarray(value.values)
        return numpy.asarray(value)

    def assign(self, variable: Any, value: Any) -> None:
        raw = self.raw(variable)
        (variable if raw is None else raw).assign(value)

    @contextlib.contextmanager
    def mode(self, layer: Any, kwargs: dict[str, Any], training: bool | None) -> Iterator[dict[str, Any]]:
        with super().mode(layer, kwargs, training) as named:
            if training is None or "training" in named:
                yield named
                return
            # Keras 2, and `call` has no such argument: its sublayers ask the learning phase.
            backend = _source_of(self.keras, "backend")
            scope = getattr(backend, "deprecated_internal_learning_phase_scope", None)
            with scope(int(training)) if scope else contextlib.nullcontext():
                yield named

    def step(self, layer: Any, call: Callable[[], Any], weights: Sequence[Any]) -> Step:
        tf = self.tf
        raws = [self.raw(weight) for weight in weights]
        with tf.GradientTape() as tape:
            for variable in weights:
                if not self.raw(variable).trainable:
                    tape.watch(self.raw(variable))
            outputs = call()
            parts = [
                tf.reduce_sum(tf.cast(leaf, "float32") * weighting(index, leaf.shape))
                for index, leaf in enumerate(self.flatten(outputs))
                if tf.is_tensor(leaf) and tf.as_dtype(leaf.dtype).is_floating
            ]
            floats = bool(parts)
            parts += [
                tf.reduce_sum(tf.cast(loss, "float32")) for loss in self.losses(layer) if tf.is_tensor(loss)
            ]
            total = tf.add_n(parts) if parts else None
        found: dict[int, bool | None] = {}
        if total is not None and raws:
            for raw, gradient in zip(raws, tape.gradient(total, raws)):
                found[id(raw)] = None if gradient is None else _is_nonzero(gradient)
        # Non-trainable variables are only there because they were asked for.
        used = [variable for variable in tape.watched_variables() if variable.trainable]
        return Step(outputs, used, found, floats or total is not None)


def _takes(function: Any, name: str) -> bool:
    """Whether a function has an argument of a name: a class may have a `__call__` of its own."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return True
    return any(one.name == name or one.kind == one.VAR_KEYWORD for one in parameters)


def _is_nonzero(gradient: Any) -> bool:
    values = getattr(gradient, "values", gradient)
    return bool(numpy.any(numpy.asarray(values) != 0))


def weighting(index: int, shape: Iterable[Any]) -> Any:
    """Fixed random factors, so that no weight's part cancels out by accident."""
    return numpy.random.default_rng(index).normal(size=tuple(int(size) for size in shape)).astype("float32")


def _array_dtype(array: Any) -> str:
    if array.dtype.kind in "USO":
        return "string"
    # What NumPy makes of Python's numbers becomes what Keras makes of them.
    return {"float64": "float32"}.get(array.dtype.name, str(array.dtype.name))


def _source_of(keras: Any, name: str) -> Any:
    """A module inside Keras that its public part doesn't show."""
    root = keras.layers.Layer.__module__.split(".")[0]
    return sys.modules.get(f"{root}.src.{name}") or sys.modules.get(f"{root}.{name}")


def is_any_layer(cls: type) -> bool:
    """A layer of some generation of Keras."""
    return any(base.__name__ == "Layer" and base.__module__.split(".")[0] in _ROOTS for base in cls.__mro__)


def root_of(cls: type) -> str | None:
    """The package of the Keras that the class is a layer of."""
    for base in reversed(cls.__mro__):
        if base.__name__ == "Layer" and base.__module__.split(".")[0] in _ROOTS:
            return base.__module__.split(".")[0]
    return None


def engine_for(root: str) -> Engine:
    """The engine of `keras` or `tf_keras`."""
    keras: Any = sys.modules.get(root) or __import__(root)
    if keras.layers.Layer.__module__.split(".")[0] == "tf_keras":
        return TensorFlow(keras)
    if str(keras.__version__).startswith("2.") or keras.backend.backend() == "tensorflow":
        return TensorFlow(keras)
    from .backends import Jax, Torch

    return {"jax": Jax, "torch": Torch}.get(keras.backend.backend(), Engine)(keras)


def loaded_engines() -> list[Engine]:
    """One for each Keras that is imported already."""
    found: list[Engine] = []
    for root in _ROOTS:
        if root in sys.modules:
            with contextlib.suppress(Exception):
                found.append(engine_for(root))
    return found
