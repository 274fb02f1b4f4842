"""JAX and PyTorch under Keras 3. Neither has a tape: a weight was used if its value was read in the call."""

from __future__ import annotations

import contextlib
import sys
from typing import Any, Callable, Iterator, Sequence

import numpy

from .engines import Engine, Step, weighting


class _Read(Engine):
    """A backend whose variables are watched by their `value`."""

    @contextlib.contextmanager
    def _reads(self) -> Iterator[list[Any]]:
        owner = next(cls for cls in self.keras.Variable.__mro__ if "value" in vars(cls))
        original = vars(owner)["value"]
        found: list[Any] = []
        seen: set[int] = set()

        def value(variable: Any) -> Any:
            if id(variable) not in seen and not _is_bookkeeping():
                seen.add(id(variable))
                found.append(variable)
            return original.fget(variable)

        owner.value = property(value)
        try:
            yield found
        finally:
            owner.value = original

    def floats(self, structure: Any) -> list[Any]:
        leaves = self.flatten(structure)
        return [leaf for leaf in leaves if self.is_tensor(leaf) and "float" in str(leaf.dtype)]

    def _sum(self, outputs: Any, losses: Sequence[Any]) -> Any:
        ops = self.keras.ops
        parts = [
            ops.sum(ops.cast(leaf, "float32") * self.tensor(weighting(index, leaf.shape), "float32"))
            for index, leaf in enumerate(self.floats(outputs))
        ]
        parts += [ops.sum(ops.cast(loss, "float32")) for loss in losses]
        return sum(parts) if parts else None

    @staticmethod
    def _trainable(reads: Sequence[Any]) -> list[Any]:
        return [variable for variable in reads if variable.trainable]


def _is_bookkeeping() -> bool:
    """Keras on PyTorch reads all variables once, to register them."""
    frames = (sys._getframe(2), sys._getframe(3))
    return any(frame.f_code.co_name == "_track_variables" for frame in frames)


class Jax(_Read):
    """Gradients by `jax.grad` of a stateless call. What no path of the computation joins has none."""

    def step(self, layer: Any, call: Callable[[], Any], weights: Sequence[Any]) -> Step:
        with self._reads() as reads:
            outputs = call()
        used = self._trainable(reads)
        floats = bool(self.floats(outputs))
        if not weights:
            return Step(outputs, used, {}, floats)
        import jax

        def total(values: Sequence[Any]) -> Any:
            mapping = list(zip(weights, values))
            with self.keras.StatelessScope(mapping, collect_losses=True) as scope:
                again = call()
                return self._sum(again, [*scope.losses, *self.losses(layer)])

        values = [weight.value for weight in weights]
        if not floats and not self.losses(layer):
            return Step(outputs, used, {}, False)
        program = jax.make_jaxpr(total)(values)
        joined = _joined(program.jaxpr)
        gradients = jax.grad(total)(values)
        found: dict[int, bool | None] = {}
        for weight, gradient, is_joined in zip(weights, gradients, joined):
            nonzero = bool(numpy.any(numpy.asarray(gradient) != 0))
            found[self.key(weight)] = nonzero if is_joined else None
        return Step(outputs, used, found, True)


def _joined(program: Any) -> list[bool]:
    """Which of a program's inputs its result depends on, by way of its steps."""
    needed = {id(variable) for variable in program.outvars}
    for step in reversed(program.eqns):
        if (
            any(id(variable) in needed for variable in step.outvars)
            and str(step.primitive) != "stop_gradient"
        ):
            needed |= {id(variable) for variable in step.invars}
    return [id(variable) in needed for variable in program.invars]


class Torch(_Read):
    """Gradients by autograd, of parameters that ask for none, too."""

    def __init__(self, keras: Any) -> None:
        super().__init__(keras)
        self.torch: Any = sys.modules["torch"]

    @contextlib.contextmanager
    def same_numbers(self) -> Iterator[None]:
        with self.torch.random.fork_rng(devices=[]), super().same_numbers():
            self.torch.manual_seed(7)
            yield

    def attributes(self, layer: Any) -> dict[str, Any]:
        # A module keeps modules and parameters apart from what else it keeps.
        found = dict(vars(layer))
        for place in ("_modules", "_parameters"):
            found.update(vars(layer).get(place) or {})
        for name in ("torch_params", "_torch_params"):
            found.pop(name, None)
        return found

    def is_raw_variable(self, value: Any) -> bool:
        return isinstance(value, self.torch.nn.Parameter)

    def is_trainable(self, variable: Any) -> bool:
        if self.is_raw_variable(variable):
            return bool(variable.requires_grad)
        return super().is_trainable(variable)

    def key(self, variable: Any) -> int:
        inner = getattr(variable, "_value", None)
        return id(inner) if self.is_raw_variable(inner) else id(variable)

    def assign(self, variable: Any, value: Any) -> None:
        if self.is_raw_variable(variable):
            with self.torch.no_grad():
                variable.copy_(self.torch.as_tensor(value))
        else:
            variable.assign(value)

    def step(self, layer: Any, call: Callable[[], Any], weights: Sequence[Any]) -> Step:
        parameters = [weight if self.is_raw_variable(weight) else weight._value for weight in weights]
        asleep = [parameter for parameter in parameters if not parameter.requires_grad]
        for parameter in asleep:
            parameter.requires_grad_(True)
        try:
            with self._reads() as reads:
                outputs = call()
            floats = bool(self.floats(outputs))
            total = self._sum(outputs, self.losses(layer)) if parameters else None
            found: dict[int, bool | None] = {}
            if total is not None and total.requires_grad:
                gradients = self.torch.autograd.grad(total, parameters, allow_unused=True)
                for weight, gradient in zip(weights, gradients):
                    nonzero = None if gradient is None else bool((gradient != 0).any())
                    found[self.key(weight)] = nonzero
            elif total is not None:
                found = {self.key(weight): None for weight in weights}
        finally:
            for parameter in asleep:
                parameter.requires_grad_(False)
        return Step(outputs, self._trainable(reads), found, floats)
