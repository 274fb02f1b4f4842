"""Makes the layer by a recipe, as often as a fresh one is needed, and knows what to call it on."""

from __future__ import annotations

import copy
import types
from typing import Any, Callable, Mapping

import numpy

from . import guessing
from . import inputs as forms
from .engines import Engine
from .guard import guarded
from .inputs import Inputs
from .places import essence_of, message_of
from .watching import Stop, Watch


class NoWay(Exception):
    """This recipe doesn't lead to a layer; the next may. The text says why."""


class Failed(Exception):
    """The user's own code raised while it made or called the layer. `stage`: of the report."""

    def __init__(self, stage: str, error: BaseException) -> None:
        super().__init__(message_of(error))
        self.stage, self.error = stage, error


class Subject:
    """The layer to check: how to make one, and the arguments of its call."""

    def __init__(self, make: Callable[[], Any], init: str, inputs: Inputs | None, origin: str) -> None:
        self.make, self.init, self.inputs, self.origin = make, init, inputs, origin
        self.first: Any | None = None
        """An instance that is already made and was not called."""
        self.built_by_owner = False
        """The outer layer builds it before anyone can look."""
        self.whole: Inputs | None = None
        """What the user's code passes, where `inputs` are a part of it."""
        self.built_on: tuple[int | None, ...] | None = None
        """The shape that it was built for, where nobody calls it."""

    def peek(self) -> Any:
        """An instance, to look at."""
        if self.first is None:
            self.first = self.make()
        return self.first

    def take(self) -> Any:
        """The instance that was made already, else a fresh one."""
        first, self.first = self.first, None
        return self.make() if first is None else first


class Making:
    """Follows recipes for one class of one module."""

    def __init__(
        self,
        engine: Engine,
        watch: Watch,
        module: types.ModuleType,
        cls: type,
        request: Mapping[str, Any],
        modules: Mapping[str, types.ModuleType],
    ) -> None:
        self.engine, self.watch, self.module, self.cls = engine, watch, module, cls
        self._request = request
        self._modules = modules
        call = request.get("call") or ""
        self.named: dict[str, Any] = self._arguments(call)[1] if call.strip() else {}

    def follow(self, recipe: Mapping[str, Any]) -> Subject:
        """The layer by this recipe. Raises `NoWay` or `Failed`."""
        if recipe["is"] == "Direct":
            return self._direct(recipe)
        if recipe["is"] == "Program":
            return self._captured(lambda: self._run(recipe), recipe["origin"], bool(recipe.get("prepared")))
        return self._captured(self._outer(recipe), recipe["origin"])

    # Class(<init>)

    def _direct(self, recipe: Mapping[str, Any]) -> Subject:
        origin, init = recipe["origin"], recipe["init"]
        if init is None:
            homes = {self.module.__name__, *self._modules}
            found, said = guessing.constructor(self.engine, self.cls, self._construct, homes)
            subject = Subject(found, said, recipe["inputs"], origin)
        else:
            text = init

            def make() -> Any:
                return self._construct(*self._arguments(text))

            subject = Subject(make, text, recipe["inputs"], origin)
            try:
                arguments = self._arguments(text)
            except Failed as failure:
                if origin in ("given", "comment"):
                    raise
                raise NoWay(f"its arguments ({text}) can't be evaluated: {failure}") from failure
            subject.first = self._construct(*arguments)
        return subject

    def _arguments(self, text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments that a text like `3, name="a"` stands for in the class's module."""

        def take(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
            return args, kwargs

        names = {**self._present(), "__kerascope_take__": take}
        try:
            found: tuple[tuple[Any, ...], dict[str, Any]] = eval(f"__kerascope_take__({text}\n)", names)
        except (Exception, SystemExit) as error:
            raise Failed("construct", error) from error
        return found

    def _present(self) -> dict[str, Any]:
        """What an argument's text may name: the module's names, and the usual short ones."""
        usual: dict[str, Any] = {"keras": self.engine.keras, "np": numpy, "numpy": numpy}
        tf = getattr(self.engine, "tf", None)
        if tf is not None:
            usual.update(tf=tf, tensorflow=tf)
        return {**usual, **self.module.__dict__}

    def _construct(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return self.cls(*args, **kwargs)
        except (Exception, SystemExit) as error:
            raise Failed("construct", error) from error

    # The user's own statements.

    def _run(self, recipe: Mapping[str, Any]) -> None:
        """The statements of a Program, in their module."""
        name = recipe["module"]
        module = self.module if name == self.module.__name__ else self._modules.get(name)
        if module is None:
            module = types.ModuleType(name)
            module.__file__ = recipe["path"]
        names = module.__dict__
        with guarded(self._request):
            self._execute(recipe, names)

    @staticmethod
    def _execute(recipe: Mapping[str, Any], names: dict[str, Any]) -> None:
        exec(compile(recipe["text"], recipe["path"], "exec", dont_inherit=True), names)
        if recipe.get("expression"):
            eval(compile(recipe["expression"], recipe["path"], "eval", dont_inherit=True), names)

    def _outer(self, recipe: Mapping[str, Any]) -> Callable[[], None]:
        """Makes and calls the outer class, so that it makes and calls this one."""
        name = recipe["class_name"]
        homes = [self.module, *self._modules.values()]
        homes.sort(key=lambda home: getattr(home, "__file__", None) != recipe["path"])
        home = next((home for home in homes if name in vars(home)), None)
        if home is None:
            raise NoWay(f"there is no class {name}")
        outer_class = vars(home)[name]
        request = {**self._request, "call": ""}
        outer = Making(self.engine, self.watch, home, outer_class, request, self._modules)

        def run() -> None:
            # Not just its program: in a functional model, Keras 3 may not call the outer layer at all.
            subject = outer.follow(recipe["recipe"])
            if subject.inputs is not None:
                outer.call(subject.take(), subject.inputs)
            else:
                guessing.inputs(self.engine, outer_class, subject.make, outer.call)

        return run

    def _captured(self, run: Callable[[], None], origin: str, prepared: bool = False) -> Subject:
        """Runs until the class is called; takes its arguments from there. `prepared`: its constructor alone
        doesn't make it what it is when it is called."""
        seen = self._observe(run)
        args, kwargs = self.watch.arguments_of(seen.layer)
        init = _text_of(args, kwargs)
        given = None if seen.inputs is None else forms.smaller(seen.inputs)
        whole = seen.inputs if given is not seen.inputs else None
        built_on = None if given is not None else self.engine.built_shape(seen.layer)
        if prepared or not all(_is_plain(value, 0) for value in (*args, *kwargs.values())):

            def again() -> Any:
                return self._observe(run).layer

            subject = Subject(again, init, given, origin)
            subject.built_on, subject.whole = built_on, whole
            subject.first = seen.layer
            subject.built_by_owner = bool(getattr(seen.layer, "built", False))
            return subject

        def make() -> Any:
            return self._construct(*copy.deepcopy((args, kwargs)))

        subject = Subject(make, init, given, origin)
        subject.built_on, subject.whole = built_on, whole
        return subject

    def _observe(self, run: Callable[[], None]) -> _Seen:
        seen = _Seen(self.cls)
        watch, engine = self.watch, self.engine

        def new(layer: Any) -> None:
            if seen.takes(layer):
                seen.layer = layer

        def call(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if layer is seen.layer or type(layer) is self.cls:
                seen.layer = layer
                seen.inputs = forms.inputs(
                    *[forms.captured(value, engine.describe) for value in args],
                    **{name: forms.captured(value, engine.describe) for name, value in kwargs.items()},
                )
                raise Stop

        outer_hooks = watch.on_new, watch.on_call
        watch.on_new, watch.on_call = new, call
        try:
            run()
        except Stop:
            engine.forget_calls()
        except (NoWay, Failed) as error:
            if isinstance(error, Failed) and seen.entered(error.error):
                raise
            if seen.layer is None or isinstance(error, NoWay):
                raise NoWay(str(error)) from error
        except (Exception, SystemExit) as error:
            if seen.entered(error):
                raise Failed("construct", error) from error
            if seen.layer is None or not hasattr(seen.layer, "built"):
                raise NoWay(essence_of(error)) from error
        finally:
            watch.on_new, watch.on_call = outer_hooks
        if seen.layer is None:
            raise NoWay(f"{self.cls.__name__} isn't made there")
        return seen

    # The call.

    def call(self, layer: Any, given: Inputs, **named: Any) -> Any:
        """Calls the layer; an exception comes out as `Failed`."""
        args, kwargs = self.arguments(given)
        try:
            return layer(*args, **{**kwargs, **named})
        except (Exception, SystemExit) as error:
            raise Failed("call", error) from error

    def arguments(self, given: Inputs, *, own: bool = False) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The tensors, and the further arguments that the user asked for."""
        args, kwargs = forms.arrays(given, self.engine.tensor, own=own)
        return args, {**kwargs, **self.named}


class _Seen:
    """The first instance of the class that a program makes (else of a subclass), and its first call."""

    def __init__(self, cls: type) -> None:
        self._cls = cls
        self.layer: Any = None
        self.inputs: Inputs | None = None

    def takes(self, layer: Any) -> bool:
        if type(layer) is self._cls:
            return type(self.layer) is not self._cls
        return self.layer is None and isinstance(layer, self._cls)

    def entered(self, error: BaseException) -> bool:
        """Whether the class's own code raised."""
        step = error.__traceback__
        codes = {
            function.__code__
            for cls in self._cls.__mro__
            if cls.__module__ == self._cls.__module__
            for function in vars(cls).values()
            if isinstance(function, types.FunctionType)
        }
        while step is not None:
            if step.tb_frame.f_code in codes:
                return True
            step = step.tb_next
        return False


def _is_plain(value: Any, depth: int) -> bool:
    """May be copied, or shared by two layers, without the two having anything in common."""
    if value is None or isinstance(value, (bool, int, float, str, bytes, type, numpy.ndarray, numpy.generic)):
        return True
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType)):
        return not getattr(value, "__closure__", None)
    if depth > 4:
        return False
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(_is_plain(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return all(_is_plain(item, depth + 1) for item in [*value, *value.values()])
    module = type(value).__module__.split(".")
    if module[0] in ("keras", "tf_keras"):
        # Initializers, regularizers, policies: no layers, no variables.
        kinds = {"initializers", "regularizers", "constraints", "dtype_policies", "policy", "activations"}
        return bool(kinds & set(module))
    if module[0] in ("tensorflow", "jax", "torch"):
        return type(value).__name__ == "DType"
    fields = getattr(value, "__dict__", None)
    return fields is not None and all(_is_plain(item, depth + 1) for item in fields.values())


def _text_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    parts = [_value_text(value) for value in args]
    parts += [f"{name}={_value_text(value)}" for name, value in kwargs.items()]
    return ", ".join(parts)


def _value_text(value: Any) -> str:
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        inner = ", ".join(map(_value_text, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
    name = getattr(value, "__name__", None)
    if isinstance(name, str) and callable(value):
        return name
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        text = repr(value)
        return text if len(text) <= 60 else text[:57] + "..."
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_value_text(item)}" for key, item in value.items()) + "}"
    return f"<{type(value).__name__}>"
