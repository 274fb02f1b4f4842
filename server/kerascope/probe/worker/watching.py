"""Watches what comes to be while the user's code runs: layers and variables with the line that made them,
which layers were called, and the first use of the class that is checked."""

from __future__ import annotations

from types import CodeType, TracebackType
from typing import Any, Callable, Iterable, Tuple

from .places import Frame, Places

Place = Tuple[CodeType, int]

# While this goes on, what comes to be is kept alive; the fresh instances of later measurements aren't.
_KEPT = {"import", "construct", "call", "again", "third call"}


class Stop(BaseException):
    """Ends the user's program where the layer is about to be called: all that it should tell is known."""


class Created:
    """A variable that came to be while watched."""

    def __init__(self, variable: Any, place: Place | None, phase: str) -> None:
        self.variable, self.place, self.phase = variable, place, phase


class Watch:
    """While it is entered, Keras' own constructors report here. `phase` names what is being done."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.phase = "construct"
        self.created: list[Created] = []
        self.called: set[int] = set()
        self._alive: list[Any] = []
        self._layer_places: dict[int, Place] = {}
        self._variable_places: dict[int, Place] = {}
        self._constructed: dict[int, tuple[tuple[Any, ...], dict[str, Any]]] = {}
        self._calling: list[Any] = []
        self._makers: dict[int, Any] = {}
        self._arguments: tuple[tuple[Any, ...], dict[str, Any]] | None = None
        self._watched: set[int] = set()
        self._undo: list[Callable[[], None]] = []
        # Told of each construction and each call, while a program of the user's is run.
        self.on_new: Callable[[Any], None] | None = None
        self.on_call: Callable[[Any, tuple[Any, ...], dict[str, Any]], None] | None = None

    def line_of_layer(self, layer: Any) -> Frame | None:
        place = self._layer_places.get(id(layer))
        return None if place is None else self.places.frame(*place)

    def line_of_variable(self, variable: Any) -> Frame | None:
        place = self._variable_places.get(id(variable))
        return None if place is None else self.places.frame(*place)

    def arguments_of(self, layer: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """What its constructor was called with."""
        return self._constructed.get(id(layer), ((), {}))

    def maker_of(self, variable: Any) -> Any:
        """The layer that was being called when the variable came to be, the innermost; None if none was."""
        return self._makers.get(id(variable))

    def __enter__(self) -> Watch:
        return self

    def add(self, layer_class: Any, variable_classes: Iterable[Any], model_class: Any = None) -> None:
        """Watches these classes, too."""
        if id(layer_class) not in self._watched:
            self._watched.add(id(layer_class))
            self._watch_layers(layer_class)
            if model_class is not None and "__new__" in vars(model_class):
                self._watch_models(model_class)
        for variable_class in variable_classes:
            if id(variable_class) not in self._watched:
                self._watched.add(id(variable_class))
                self._watch_variables(variable_class)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._undo:
            self._undo.pop()()
        self._watched.clear()

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        original = owner.__dict__[name]
        setattr(owner, name, value)
        self._undo.append(lambda: setattr(owner, name, original))

    @staticmethod
    def _note(places: dict[int, Place], thing: Any, place: Place | None) -> None:
        """Where it was made. Another thing that is gone by now may have had its number."""
        if place is None:
            places.pop(id(thing), None)
        else:
            places[id(thing)] = place

    def _watch_layers(self, layer_class: Any) -> None:
        new = layer_class.__new__
        call = layer_class.__call__
        here = self.places.here

        def __new__(cls: Any, *args: Any, **kwargs: Any) -> Any:
            arguments, self._arguments = self._arguments, None
            layer = new(cls, *args, **kwargs)
            self._note(self._layer_places, layer, here())
            if self.phase in _KEPT:
                self._alive.append(layer)
                self._constructed[id(layer)] = arguments or (args, kwargs)
            if self.on_new is not None:
                self.on_new(layer)
            return layer

        def __call__(layer: Any, *args: Any, **kwargs: Any) -> Any:
            self.called.add(id(layer))
            if self.on_call is not None:
                self.on_call(layer, args, kwargs)
            self._calling.append(layer)
            try:
                return call(layer, *args, **kwargs)
            finally:
                self._calling.pop()

        self._replace(layer_class, "__new__", staticmethod(__new__))
        self._replace(layer_class, "__call__", __call__)

    def _watch_models(self, model_class: Any) -> None:
        """Keras 3's models keep the constructor's arguments from `Layer.__new__`."""
        new = model_class.__new__

        def __new__(cls: Any, *args: Any, **kwargs: Any) -> Any:
            self._arguments = args, kwargs
            try:
                return new(cls, *args, **kwargs)
            finally:
                self._arguments = None

        self._replace(model_class, "__new__", staticmethod(__new__))

    def _watch_variables(self, variable_class: Any) -> None:
        init = variable_class.__init__
        here = self.places.here

        def __init__(variable: Any, *args: Any, **kwargs: Any) -> None:
            place = here()
            init(variable, *args, **kwargs)
            self._note(self._variable_places, variable, place)
            if self.phase in _KEPT:
                self._makers[id(variable)] = self._calling[-1] if self._calling else None
                self.created.append(Created(variable, place, self.phase))

        self._replace(variable_class, "__init__", __init__)
