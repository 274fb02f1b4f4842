"""The layer as a tree: the layers and weights that Keras knows, and those that the object leads to without
Keras' knowledge, each with the attributes that lead there and what holds it."""

from __future__ import annotations

import collections
import collections.abc
import dis
import functools
import sys
import types
from typing import Any, Callable, Iterator

import numpy

from .engines import Engine
from .places import Frame
from .watching import Watch

_MOST_VALUES = 20_000
_GLOBAL = "a global of the module"
_READ_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME")
_SIMPLE = (type(None), bool, int, float, complex, str, bytes, type, types.ModuleType, numpy.number)
_METHODS = (types.FunctionType, property, classmethod, staticmethod, types.MemberDescriptorType)
# Whose objects may hold layers though their package is no user's.
_OPEN = {"types", "collections", "functools", "dataclasses", "contextlib", "argparse"}
_CLOSED = {
    "tensorflow",
    "keras",
    "tf_keras",
    "numpy",
    "jax",
    "torch",
    "threading",
    "weakref",
    "logging",
    "re",
}
_CLOSED |= {"h5py", "typing", "inspect", "enum", "pathlib", "random", "absl", "optree", "ml_dtypes"}


# What TensorFlow keeps on its own objects.
_TRACKABLE = tuple(
    f"_self_{name}" for name in ("unconditional_", "setattr_", "tracked_", "name_", "saveable_", "update_uid")
)


class WeightNode:
    """A variable, where it was found."""

    def __init__(self, variable: Any, path: str, owner: str, holder: Any) -> None:
        self.variable, self.path, self.owner, self.holder = variable, path, owner, holder


class LayerNode:
    """A layer, where it was found."""

    def __init__(self, layer: Any, path: str, tracked: bool, through: str) -> None:
        self.layer, self.path, self.tracked, self.through = layer, path, tracked, through
        self.weights: list[WeightNode] = []
        self.children: list[LayerNode] = []


class Found:
    """A value on the way: its path, the kinds of things passed since the layer, and what holds it."""

    __slots__ = ("holder", "path", "value", "via")

    def __init__(self, value: Any, path: str, via: tuple[str, ...], holder: Any) -> None:
        self.value, self.path, self.via, self.holder = value, path, via, holder


class Tree:
    """All that the layer leads to. Each layer and each variable is there once, at its first path."""

    def __init__(self, engine: Engine, layer: Any, is_users: Callable[[str], bool]) -> None:
        self._engine = engine
        self._is_users = is_users
        self._skip = _own_attributes(engine)
        self._left = _MOST_VALUES
        self.layers: dict[int, LayerNode] = {}
        self.weights: dict[int, WeightNode] = {}
        self.by_path: dict[str, WeightNode] = {}
        self._known = _flattened(engine, layer)
        self.root = LayerNode(layer, "", True, "")
        self._grow(self.root)

    def _grow(self, root: LayerNode) -> None:
        """First along what Keras follows, so that paths are those that Keras goes; then the rest."""
        later: list[tuple[LayerNode, Found]] = []
        self.layers[id(root.layer)] = root
        nodes = collections.deque([root])
        while nodes or later:
            if nodes:
                node = nodes.popleft()
                later += self._visit(node, nodes)
                continue
            node, found = later.pop(0)
            if self._engine.is_layer(found.value):
                if id(found.value) not in self.layers:
                    through = self._through(node, found)
                    nodes.append(self._adopt(node, found.value, found.path, through))
            else:
                self._weigh(node, found)

    def _visit(self, node: LayerNode, nodes: collections.deque[LayerNode]) -> list[tuple[LayerNode, Found]]:
        """Takes up what Keras knows at this layer; gives back what else was found."""
        engine = self._engine
        direct = {id(layer): layer for layer in self._or_none(engine.direct_layers, node.layer)}
        own = {engine.key(variable): variable for variable in self._or_none(engine.own_variables, node.layer)}
        later = []
        for found in self._reach(node.layer, node.path):
            value = found.value
            if engine.is_layer(value):
                if id(value) in direct and id(value) not in self.layers:
                    nodes.append(self._adopt(node, value, found.path, ""))
                elif id(value) not in self.layers:
                    later.append((node, found))
            elif engine.key(value) in own:
                self._weigh(node, found)
            else:
                later.append((node, found))
        listed = list(getattr(node.layer, "layers", [])) if engine.is_graph(node.layer) else []
        place = {id(layer): f"layers[{index}]" for index, layer in enumerate(listed)}
        for index, layer in enumerate(direct.values()):
            if id(layer) not in self.layers:
                name = place.get(id(layer), f"_layers[{index}]")
                nodes.append(self._adopt(node, layer, _join(node.path, name), ""))
        for variable in own.values():
            path = _join(node.path, engine.name(variable) or "weight")
            self._weigh(node, Found(variable, path, (), node.layer))
        return later

    @staticmethod
    def _or_none(ask: Callable[[Any], list[Any]], layer: Any) -> list[Any]:
        # A layer whose constructor never ran can't answer.
        try:
            return ask(layer)
        except Exception:
            return []

    def _adopt(self, parent: LayerNode, layer: Any, path: str, through: str) -> LayerNode:
        node = LayerNode(layer, path, id(layer) in self._known, through)
        self.layers[id(layer)] = node
        parent.children.append(node)
        return node

    def _weigh(self, node: LayerNode, found: Found) -> None:
        key = self._engine.key(found.value)
        if key in self.weights:
            return
        path = found.path
        while path in self.by_path:
            path += "'"
        weight = WeightNode(found.value, path, type(found.holder).__name__, found.holder)
        self.weights[key] = self.by_path[path] = weight
        node.weights.append(weight)

    def _through(self, node: LayerNode, found: Found) -> str:
        """What holds a layer that Keras doesn't know, in words; nothing for one that it does."""
        if id(found.value) in self._known:
            return ""
        if found.via or not node.tracked:
            return " in ".join(reversed(found.via[-2:]))
        name = found.path.rpartition(".")[2]
        if any(name in vars(cls) for cls in type(node.layer).__mro__):
            return "an attribute whose name the class body already gives a value"
        return "an attribute that Keras did not see being set"

    # The walk inside one layer.

    def _reach(self, layer: Any, path: str) -> Iterator[Found]:
        """Every layer and variable that the layer leads to without passing another layer."""
        engine = self._engine
        queue: collections.deque[Found] = collections.deque()
        seen: set[int] = set()
        # Functional and Sequential models keep their layers in several private places.
        hidden = "_" if engine.is_graph(layer) else _TRACKABLE
        for name, value in engine.attributes(layer).items():
            if name not in self._skip and not name.startswith(hidden):
                queue.append(Found(value, _join(path, self._public(name, value)), (), layer))
        queue.extend(self._from_class(layer, path))
        while queue and self._left > 0:
            found = queue.popleft()
            value = found.value
            if isinstance(value, _SIMPLE):
                continue
            if engine.is_layer(value):
                if not engine.is_metric(value):
                    yield found
                continue
            if engine.is_keras_variable(value) or engine.is_raw_variable(value):
                yield found
                continue
            if id(value) in seen:
                continue
            seen.add(id(value))
            self._left -= 1
            try:
                queue.extend(self._inside(found))
            except Exception:
                # An object of the user's that can't be looked into.
                continue

    def _public(self, name: str, value: Any) -> str:
        """Keras 3 keeps `kernel` on `_kernel`."""
        if name.startswith("_") and self._engine.is_keras_variable(value):
            stripped = name.lstrip("_")
            if self._engine.name(value) == stripped:
                return stripped
        return name

    def _inside(self, found: Found) -> Iterator[Found]:
        value, path, via = found.value, found.path, found.via

        def step(inner: Any, suffix: str, kind: str) -> Found:
            return Found(inner, path + suffix, (*via, kind), value)

        if isinstance(value, collections.abc.Mapping):
            kind = _kind(value, "a dict", (dict, collections.OrderedDict))
            for key in list(value):
                yield step(value[key], f"[{key!r}]", kind)
        elif isinstance(value, (list, tuple, collections.deque, collections.UserList)):
            kind = _kind(value, "a tuple" if isinstance(value, tuple) else "a list", (list, tuple))
            for index, inner in enumerate(list(value)):
                yield step(inner, f"[{index}]", kind)
        elif isinstance(value, (set, frozenset)):
            for index, inner in enumerate(list(value)):
                yield step(inner, f"[{index}]", _kind(value, "a set", (set,)))
        elif isinstance(
            value, (collections.abc.ValuesView, collections.abc.KeysView, collections.abc.ItemsView)
        ):
            for index, inner in enumerate(list(value)):
                yield step(inner, f"[{index}]", "a dict view")
        elif isinstance(value, numpy.ndarray):
            if value.dtype == object and value.size < 1000:
                for index, inner in enumerate(value.flat):
                    yield step(inner, f".flat[{index}]", "a NumPy array")
        elif isinstance(value, functools.partial):
            for name, inner in (("func", value.func), ("args", value.args), ("keywords", value.keywords)):
                yield step(inner, f".{name}", "a functools.partial")
        elif isinstance(value, types.MethodType):
            yield step(value.__self__, ".__self__", "a bound method")
        elif isinstance(value, types.FunctionType):
            yield from self._inside_function(found)
        elif isinstance(value, types.GeneratorType):
            for name, inner in dict(value.gi_frame.f_locals if value.gi_frame else {}).items():
                yield Found(inner, f"{path}.{name}", (*via, "a generator"), value)
        else:
            yield from self._inside_object(found)

    def _inside_function(self, found: Found) -> Iterator[Found]:
        function, via = found.value, found.via
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            yield Found(wrapped, found.path, via, function)
        names = function.__code__.co_freevars
        for name, cell in zip(names, function.__closure__ or ()):
            try:
                inner = cell.cell_contents
            except ValueError:
                continue
            if name != "__class__":
                yield Found(inner, name, (*via, f"the closure of {function.__name__}"), function)
        defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        for index, inner in enumerate(defaults):
            path = f"{found.path}.__defaults__[{index}]"
            yield Found(inner, path, (*via, f"a default argument of {function.__name__}"), function)
        if self._is_users(function.__code__.co_filename):
            for name, inner in _globals_of(function):
                is_foreign = isinstance(inner, types.FunctionType) and not self._is_users(
                    inner.__code__.co_filename
                )
                if not is_foreign:
                    yield Found(inner, name, (*via, _GLOBAL), function)

    def _inside_object(self, found: Found) -> Iterator[Found]:
        value = found.value
        engine = self._engine
        cls = type(value)
        top = (cls.__module__ or "").split(".")[0]
        names = {base.__name__ for base in cls.__mro__}
        is_module = "Module" in names
        if top in _CLOSED and not is_module and "Loss" not in names:
            return
        if names & {"Optimizer", "SeedGenerator", "Metric", "Generator", "RandomGenerator"}:
            return
        if engine.is_tensor(value):
            return
        kind = f"a helper object of class {cls.__name__}"
        if is_module:
            kind = f"a module of class {cls.__name__}"
        elif "Loss" in names:
            kind = f"a loss of class {cls.__name__}"
        elif top in _OPEN:
            kind = f"a {cls.__name__}"
        attributes = dict(getattr(value, "__dict__", None) or {})
        for base in cls.__mro__:
            slots = base.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                    attributes[name] = getattr(value, name)
        for name, inner in attributes.items():
            if not name.startswith(_TRACKABLE):
                yield Found(inner, f"{found.path}.{name}", (*found.via, kind), value)

    def _from_class(self, layer: Any, path: str) -> Iterator[Found]:
        """What the user's class keeps in its body, and what its methods use from outside of it."""
        for cls in type(layer).__mro__:
            if cls.__module__.split(".")[0] in _CLOSED and not self._is_users(_file_of(cls)):
                break
            if not self._is_users(_file_of(cls)):
                continue
            for name, value in list(vars(cls).items()):
                function = getattr(value, "__func__", value)
                if isinstance(value, property):
                    function = value.fget
                if isinstance(function, types.FunctionType):
                    yield from self._inside_function(Found(function, _join(path, name), (), layer))
                elif not name.startswith("__") and not isinstance(value, (*_METHODS, *_SIMPLE)):
                    held = f"the body of class {cls.__name__}"
                    yield Found(value, _join(path, name), (held,), layer)

    # The report's form.

    def to_json(self, describe: Callable[[WeightNode], dict[str, Any]], watch: Watch) -> dict[str, Any]:
        def layer(node: LayerNode) -> dict[str, Any]:
            cls = type(node.layer)
            return {
                "path": node.path,
                "class_name": cls.__name__,
                "built": bool(getattr(node.layer, "built", True)),
                "tracked": node.tracked,
                "called": id(node.layer) in watch.called,
                "created": watch.line_of_layer(node.layer),
                "through": node.through,
                "library": self.library(cls),
                "weights": [describe(weight) for weight in node.weights],
                "children": [child for child in map(layer, node.children) if not _is_idle(child)],
            }

        return layer(self.root)

    def library(self, cls: type) -> str:
        """The package of a class; "" if it is the user's."""
        return "" if self._is_users(_file_of(cls)) else (cls.__module__ or "").split(".")[0]

    def line_of_holder(self, weight: WeightNode, watch: Watch) -> Frame | None:
        return watch.line_of_layer(weight.holder)


_BOOKS = """
    _layers _functional _operations _operations_by_depth _nodes _nodes_by_depth _nested_inputs _nested_outputs
    optimizer _optimizer _metrics _loss_tracker _compile_loss train_function test_function
    seed_generator _seed_generators _random_generator input_spec _keras_api_names _call_fn_args
    _auto_config _auto_get_config _build_shapes_dict _build_input_shape _obj_reference_counts_dict
    _saved_model_inputs_spec _saved_model_arg_spec _trainer_graph_function
"""
_own: dict[Any, set[str]] = {}


def _own_attributes(engine: Engine) -> set[str]:
    """What every layer has on itself: Keras' own book-keeping."""
    known = _own.get(engine.layer_class)
    if known is None:
        known = {*_BOOKS.split(), *vars(engine.layer_class(name="own"))}
        known |= set(vars(engine.keras.Sequential(name="own")))
        _own[engine.layer_class] = known
    return known


def _flattened(engine: Engine, layer: Any) -> set[int]:
    """All layers below this one, by Keras' own account."""
    known: set[int] = {id(layer)}
    left = [layer]
    while left:
        try:
            inner = engine.direct_layers(left.pop())
        except Exception:
            continue
        left += [found for found in inner if id(found) not in known]
        known |= {id(found) for found in inner}
    return known


def _kind(value: Any, plain: str, plain_types: tuple[type, ...]) -> str:
    name = type(value).__name__
    if type(value) in plain_types or name.startswith(
        ("Tracked", "ListWrapper", "_DictWrapper", "_TupleWrapper")
    ):
        return plain
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _is_idle(node: dict[str, Any]) -> bool:
    """A layer of the module that the class's code names, though its call doesn't use it."""
    if node["tracked"] or not node["through"].endswith(_GLOBAL):
        return False
    nodes = [node]
    while nodes:
        each = nodes.pop()
        if each["called"] or any(weight["watched"] or weight["effect"] for weight in each["weights"]):
            return False
        nodes += each["children"]
    return True


def _globals_of(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """What a function, or one inside it, takes from its module."""
    present = function.__globals__
    codes = [function.__code__]
    while codes:
        code = codes.pop(0)
        codes += [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
        known = {name for name in code.co_names if not isinstance(present.get(name), _SIMPLE)}
        if known:
            # Names of attributes are among them, too: `self.net` doesn't read the module's `net`.
            read = {each.argval for each in dis.get_instructions(code) if each.opname in _READ_GLOBAL}
            yield from ((name, present[name]) for name in code.co_names if name in known & read)


def _file_of(cls: type) -> str:
    for value in vars(cls).values():
        function = getattr(value, "__func__", value)
        if isinstance(function, types.FunctionType):
            return function.__code__.co_filename
    return getattr(sys.modules.get(cls.__module__), "__file__", None) or ""


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
